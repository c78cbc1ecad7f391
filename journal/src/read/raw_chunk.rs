//! Validated records that follow each other, as bytes.

use crate::event::record::RawRecord;

/// Validated records of whatever type that follow each other.
///
/// See the example of [`RawFollower`](crate::RawFollower).
#[derive(Clone, Copy, Debug)]
pub struct RawChunk<'a> {
    first_sequence: u64,
    bytes: &'a [u8],
    record_bytes: usize,
    event_bytes: usize,
}

impl<'a> RawChunk<'a> {
    pub(super) fn new(first_sequence: u64, bytes: &'a [u8], record_bytes: usize, event_bytes: usize) -> Self {
        RawChunk { first_sequence, bytes, record_bytes, event_bytes }
    }

    /// The sequence of the first record.
    pub fn first_sequence(&self) -> u64 {
        self.first_sequence
    }

    /// How many records there are.
    pub fn len(&self) -> usize {
        self.bytes.len().checked_div(self.record_bytes).unwrap_or(0)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// All records' bytes, each with header and padding: [`record_bytes`](RawChunk::record_bytes) from one to
    /// the next. Records of older types are converted to the newest.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Bytes from one record to the next.
    pub fn record_bytes(&self) -> usize {
        self.record_bytes
    }

    /// The record at that place, counted from 0; `None` behind the last.
    pub fn get(&self, index: usize) -> Option<RawRecord<'a>> {
        let record = self.bytes.chunks_exact(self.record_bytes.max(1)).nth(index)?;
        Some(RawRecord::new(self.first_sequence + index as u64, record, self.event_bytes))
    }

    /// The records, in order.
    pub fn records(&self) -> impl Iterator<Item = RawRecord<'a>> + use<'a> {
        let event_bytes = self.event_bytes;
        (self.first_sequence..)
            .zip(self.bytes.chunks_exact(self.record_bytes.max(1)))
            .map(move |(sequence, record)| RawRecord::new(sequence, record, event_bytes))
    }
}
