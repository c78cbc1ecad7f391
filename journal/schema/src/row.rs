//! A record as who reads it sees it.

use slipring_journal::RawRecord;

/// An event with its place in the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row<'a> {
    /// The record's sequence.
    pub sequence: u64,
    /// Journal time, nanoseconds since 1970.
    pub time_ns: u64,
    /// The epoch of the writer that appended it.
    pub epoch: u32,
    /// The event's bytes.
    pub event: &'a [u8],
}

impl<'a> From<RawRecord<'a>> for Row<'a> {
    fn from(record: RawRecord<'a>) -> Self {
        let RawRecord { sequence, time_ns, epoch, event, .. } = record;
        Row { sequence, time_ns, epoch, event }
    }
}
