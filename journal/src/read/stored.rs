//! Records as they lie in a segment's file, for who takes them to another place.

use crate::format::crc::RecordCrc;
use crate::format::{
    ControlState, JournalId, MAX_END, MAX_EPOCH, MAX_RECORD_BYTES, RECORD_HEADER_BYTES, RecordHeader,
};
use crate::judge::scan::Follow;
use crate::read::chunk::first_invalid;
use crate::read::raw_chunk::RawChunk;

/// Validated records that follow each other in one segment, byte for byte as they lie there, and what that
/// segment says of its events.
///
/// See the example of [`StoredReader`](crate::StoredReader).
#[derive(Clone, Copy, Debug)]
pub struct StoredRun<'a> {
    /// The text of the schema in the segment's header: [`Schema::from_text`](crate::Schema::from_text) reads
    /// it.
    pub schema: &'a str,
    /// The records, those of an older type too as they were appended.
    pub records: RawChunk<'a>,
}

/// Whose records these are: what a copy of them elsewhere must agree with.
///
/// See the example of [`StoredReader`](crate::StoredReader).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JournalIdentity {
    /// The journal.
    pub journal_id: JournalId,
    /// Which copy of it; zeros for the one that was made first.
    pub branch: [u8; 16],
    /// The greatest epoch that any of its records may have by now.
    pub epoch: u32,
    /// The sequence behind the last record that the files say is durable.
    pub durable_end: u64,
}

impl JournalIdentity {
    pub(crate) fn of(control: &ControlState) -> Self {
        let ControlState { journal_id, branch, epoch, durable_end, .. } = *control;
        JournalIdentity { journal_id, branch, epoch, durable_end }
    }
}

/// Why bytes that came from elsewhere are not the records that they should be.
///
/// See the example of [`RawChunk::check`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StoredFault {
    /// No record can be so long, or not hold such an event.
    #[error("no record of {record_bytes} bytes holds an event of {event_bytes}")]
    RecordBytes {
        /// Bytes from one record to the next.
        record_bytes: usize,
        /// Size of an event in bytes.
        event_bytes: usize,
    },
    /// They are no whole number of records.
    #[error("{bytes} bytes are no whole records of {record_bytes}")]
    NotWhole {
        /// How many bytes there are.
        bytes: usize,
        /// Bytes from one record to the next.
        record_bytes: usize,
    },
    /// No journal gets so far.
    #[error("no journal gets to sequence {sequence}")]
    Sequence {
        /// The first record's.
        sequence: u64,
    },
    /// A record's checksum is not that of such a record at such a place of such a journal.
    #[error("record {sequence} is not what was written there")]
    Checksum {
        /// The record's sequence.
        sequence: u64,
    },
    /// Epochs and journal times never decrease.
    #[error("the epoch or the time of record {sequence} goes back")]
    Order {
        /// The record's sequence.
        sequence: u64,
    },
}

impl<'a> RawChunk<'a> {
    /// Sees records in bytes that came from elsewhere, as they lay in a segment of the journal: each one is
    /// checked by its own checksum, which binds it to the journal and to its sequence, and none may go back
    /// behind the one before.
    ///
    /// # Errors
    /// [`StoredFault`]: whatever the bytes are.
    ///
    /// ```
    /// # use slipring_journal::{Event, Journal, RawChunk, StoredFault};
    /// # #[derive(Clone, Copy, Debug, Event)] #[repr(C)] struct Tick { price: u64 }
    /// # let folder = tempfile::tempdir()?;
    /// # let journal = Journal::at(folder.path());
    /// # let (mut writer, _) = journal.open::<Tick>()?;
    /// # writer.append(1, &Tick { price: 7 })?;
    /// # let id = journal.raw_reader()?.journal_id();
    /// let mut follower = journal.follow_raw(0)?;
    /// let chunk = follower.next_chunk()?.expect("a record is there");
    /// let mut bytes = chunk.bytes().to_vec();
    /// assert_eq!(RawChunk::check(id, 0, 24, 8, &bytes)?.len(), 1);
    /// bytes[20] ^= 1;
    /// assert_eq!(RawChunk::check(id, 0, 24, 8, &bytes).unwrap_err(), StoredFault::Checksum { sequence: 0 });
    /// # writer.close()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn check(
        journal_id: JournalId,
        first_sequence: u64,
        record_bytes: usize,
        event_bytes: usize,
        bytes: &'a [u8],
    ) -> Result<RawChunk<'a>, StoredFault> {
        let room = record_bytes.checked_sub(RECORD_HEADER_BYTES);
        // An event is filled up to whole words, or to its alignment, which is at most 16.
        let holds = room.is_some_and(|room| event_bytes <= room && room - event_bytes < 16);
        if !holds || record_bytes % 8 != 0 || record_bytes > MAX_RECORD_BYTES {
            return Err(StoredFault::RecordBytes { record_bytes, event_bytes });
        }
        if bytes.len() % record_bytes != 0 {
            return Err(StoredFault::NotWhole { bytes: bytes.len(), record_bytes });
        }
        if first_sequence.checked_add((bytes.len() / record_bytes) as u64).is_none_or(|end| end > MAX_END) {
            return Err(StoredFault::Sequence { sequence: first_sequence });
        }
        let invalid = first_invalid(&RecordCrc::new(journal_id.0), first_sequence, bytes, record_bytes);
        let end = invalid.map_or(u64::MAX, |(sequence, _)| sequence);
        let mut order = Follow::default();
        for (sequence, record) in (first_sequence..end).zip(bytes.chunks_exact(record_bytes)) {
            if !order.accept(RecordHeader::decode(record), MAX_EPOCH) {
                return Err(StoredFault::Order { sequence });
            }
        }
        if let Some((sequence, _)) = invalid {
            return Err(StoredFault::Checksum { sequence });
        }
        Ok(RawChunk::new(first_sequence, bytes, record_bytes, event_bytes))
    }
}
