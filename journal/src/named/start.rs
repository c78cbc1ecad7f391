//! Where a reader starts: from what a user says to a place in the log.

use crate::error::ReadError;
use crate::format::{Bond, ReaderPlace};
use crate::read::raw::RawReader;
use crate::storage::Storage;

/// Where a named reader starts, or goes on.
///
/// See the example of [`NamedReader`](crate::NamedReader).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReaderStart {
    /// At the first record that is kept.
    First,
    /// Behind the last record that is there.
    End,
    /// At this sequence, at most the end.
    Sequence(u64),
    /// At the first record whose journal time is this or later, nanoseconds since 1970; behind the last
    /// record if there is none.
    Time(u64),
}

/// The place that is meant, and what lies before it.
///
/// # Errors
/// [`ReadError::Evicted`] and [`ReadError::OutOfRange`] of a sequence that is not there; the fault of a
/// record that was looked at.
pub(super) fn resolve<S: Storage>(
    reader: &mut RawReader<S>,
    start: ReaderStart,
) -> Result<ReaderPlace, ReadError> {
    let (first, end) = (reader.first_sequence(), reader.end_sequence());
    let at = match start {
        ReaderStart::First => first,
        ReaderStart::End => end,
        ReaderStart::Sequence(sequence) if sequence < first => {
            return Err(ReadError::Evicted { sequence, first });
        }
        ReaderStart::Sequence(sequence) if sequence > end => {
            return Err(ReadError::OutOfRange { sequence, first, end });
        }
        ReaderStart::Sequence(sequence) => sequence,
        ReaderStart::Time(time_ns) => reader.lower_bound(time_ns)?,
    };
    place(reader, at)
}

/// The place before `end`, of a record that is kept or was the last to go.
pub(super) fn place<S: Storage>(reader: &mut RawReader<S>, end: u64) -> Result<ReaderPlace, ReadError> {
    if end <= reader.first_sequence() {
        return Ok(ReaderPlace { end, last: reader.parts().1.before_first, last_ns: 0 });
    }
    let header = reader.header_at(end - 1)?;
    Ok(ReaderPlace { end, last: Bond::of(header), last_ns: header.time_ns })
}
