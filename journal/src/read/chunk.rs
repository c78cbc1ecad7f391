//! Records a chunk at a time: read into a buffer of the reader's own, and every one validated there.

use super::raw::RawReader;
use super::raw_chunk::RawChunk;
use crate::error::ReadError;
use crate::format::crc::RecordCrc;
use crate::format::{are_valid_records, valid_record};
use crate::judge::scan;
use crate::storage::Storage;
use crate::tools::prefetch;

/// Bytes read at a time: they stay in the second-level cache while they are verified and used, beside what
/// they are put into; and the call is cheap.
pub(super) const CHUNK_BYTES: usize = 128 << 10;

impl<S: Storage> RawReader<S> {
    /// Records from `sequence` on, as many as are had at once, every one validated; none at the end.
    ///
    /// # Errors
    /// [`ReadError::OutOfRange`] if `sequence` lies before the first record kept; the fault of the first
    /// record that does not validate. Records before it can still be had one by one, by [`RawReader::at`].
    /// [`JournalFault::SchemaMismatch`](crate::JournalFault::SchemaMismatch) if they can't be shown as the
    /// newest type: they are of an older one that has no mapping, or a number of the first has no room.
    pub fn chunk(&mut self, sequence: u64) -> Result<RawChunk<'_>, ReadError> {
        let (record_bytes, event_bytes) = (self.record_bytes(), self.event_bytes());
        let bytes = self.chunk_of(sequence, record_bytes)?;
        Ok(RawChunk::new(sequence, bytes, record_bytes, event_bytes))
    }

    /// Checks every record of `bytes`, which start with that of `sequence`. Inlined, so that a caller who
    /// knows the size of a record at compile time gets code for just that size.
    #[inline(always)]
    pub(super) fn validate(
        &self,
        index: usize,
        sequence: u64,
        bytes: &[u8],
        record_bytes: usize,
    ) -> Result<(), ReadError> {
        let Some((at, record)) = first_invalid(&self.crc, sequence, bytes, record_bytes) else {
            return Ok(());
        };
        let segment = &self.chain.segments[index];
        let (path, what) = (self.storage.path(&segment.name()), "its bytes are not what was written");
        let corrupt = scan::corrupt(path, &self.crc, segment.slots(), at, record, what);
        Err(self.own(corrupt.into()))
    }

    /// The next chunk of whole, validated records from `sequence` on; empty at the end.
    pub(crate) fn chunk_bytes(&mut self, sequence: u64) -> Result<&[u8], ReadError> {
        self.chunk_of(sequence, self.record_bytes())
    }

    /// As [`RawReader::chunk`], for a caller who knows the size of a record.
    #[inline(always)]
    pub(super) fn chunk_of(&mut self, sequence: u64, record_bytes: usize) -> Result<&[u8], ReadError> {
        let Some(index) = self.find_chunk(sequence)? else { return Ok(&[]) };
        if self.is_older(index)? {
            return self.older_chunk(index, sequence);
        }
        let count = self.load_chunk(index, sequence, record_bytes)?;
        let bytes = self.buffer.bytes(count * record_bytes);
        self.validate(index, sequence, bytes, record_bytes)?;
        Ok(bytes)
    }

    /// The index of the segment of the next chunk from `sequence` on; `None` at the end.
    pub(super) fn find_chunk(&self, sequence: u64) -> Result<Option<usize>, ReadError> {
        if sequence >= self.end {
            return Ok(None);
        }
        let (first, end) = (self.control.first, self.end);
        let index = self.chain.holding(sequence).ok_or(ReadError::OutOfRange { sequence, first, end })?;
        Ok(Some(index))
    }

    /// Reads the next chunk of a segment, of records of which each takes so many bytes; how many. They lie at
    /// the start of the buffer, not validated.
    pub(super) fn load_chunk(
        &mut self,
        index: usize,
        sequence: u64,
        record_bytes: usize,
    ) -> Result<usize, ReadError> {
        let count = self.chunk_count(index, sequence, CHUNK_BYTES / record_bytes);
        self.read(index, sequence, count)?;
        Ok(count)
    }

    /// How many records follow in the segment, at most so many, or one.
    pub(super) fn chunk_count(&self, index: usize, sequence: u64, most: usize) -> usize {
        let end = self.end.min(self.chain.segments[index].end);
        (most.max(1) as u64).min(end - sequence) as usize
    }

    /// A chunk of records of an older type: validated as they lie, then turned into what is handed out.
    #[cold]
    #[inline(never)]
    pub(super) fn older_chunk(&mut self, index: usize, sequence: u64) -> Result<&[u8], ReadError> {
        let (own, shown) = (self.chain.segments[index].record_bytes(), self.record_bytes());
        // As many as have room both as they lie and as they are shown.
        let bytes = self.load_chunk(index, sequence, own.max(shown))? * own;
        self.validate(index, sequence, self.buffer.bytes(bytes), own)?;
        let mut view = std::mem::take(&mut self.view);
        let path = || self.storage.path(&self.chain.segments[index].name());
        let turned = view.turn(sequence, self.buffer.bytes(bytes), path);
        self.view = view;
        turned?;
        Ok(self.view.turned())
    }
}

/// The first of the records in `bytes` that is not valid, and the sequence that it should have; they start
/// with that of `sequence`.
#[inline(always)]
pub(crate) fn first_invalid<'b>(
    crc: &RecordCrc,
    sequence: u64,
    bytes: &'b [u8],
    record_bytes: usize,
) -> Option<(u64, &'b [u8])> {
    // All without a branch first: seldom is one of them not as it was written.
    let all_valid = match crc.hardware() {
        true => all_valid::<true>(crc, sequence, bytes, record_bytes, || ()),
        false => all_valid::<false>(crc, sequence, bytes, record_bytes, || ()),
    };
    if all_valid {
        return None;
    }
    let mut records = (sequence..).zip(bytes.chunks_exact(record_bytes));
    records.find(|(at, record)| valid_record(crc, *at, record).is_none())
}

/// Records whose checksums are made side by side: each word of a checksum waits three cycles for the word
/// before, and meanwhile the processor takes in the others'.
const SIDE_BY_SIDE: usize = 4;

/// Whether all records of `bytes` are valid, four at a time; calls `take` behind each, in order.
#[inline(always)]
pub(super) fn all_valid<const HARDWARE: bool>(
    crc: &RecordCrc,
    sequence: u64,
    bytes: &[u8],
    record_bytes: usize,
    mut take: impl FnMut(),
) -> bool {
    let (mut at, mut valid) = (sequence, true);
    let groups = bytes.chunks_exact(SIDE_BY_SIDE * record_bytes);
    let rest = groups.remainder();
    for group in groups {
        ask_ahead(group);
        let records = std::array::from_fn(|n| &group[n * record_bytes..][..record_bytes]);
        valid &= are_valid_records::<HARDWARE, SIDE_BY_SIDE>(crc, at, records);
        (0..SIDE_BY_SIDE).for_each(|_| take());
        at += SIDE_BY_SIDE as u64;
    }
    for record in rest.chunks_exact(record_bytes) {
        ask_ahead(record);
        valid &= are_valid_records::<HARDWARE, 1>(crc, at, [record]);
        take();
        at += 1;
    }
    valid
}

/// Bytes between a record and what is asked for when it is read. In a map they come from memory, and a
/// quarter more are read so.
const AHEAD_BYTES: usize = 2048;

/// Asks for what lies behind a record: in the chunk, or in a map the next one.
#[inline(always)]
fn ask_ahead(record: &[u8]) {
    for line in (0..record.len().min(AHEAD_BYTES)).step_by(64) {
        prefetch::to_read(record.as_ptr().wrapping_add(AHEAD_BYTES + line));
    }
}
