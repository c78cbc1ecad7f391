//! Walking records in chunks, and the rule for one following another.

use crate::error::{CorruptRecord, IoFault};
use crate::format::crc::RecordCrc;
use crate::format::{RECORD_HEADER_BYTES, RecordHeader, RecordSlots};
use crate::judge::chain::OpenSegment;
use crate::storage::{Storage, StorageFile};
use crate::tools::protect;
use crate::tools::read_buffer::ReadBuffer;

/// Bytes read at a time: enough to make the call cheap, few enough to stay in the cache.
const CHUNK_BYTES: usize = 64 << 10;

/// A hole shorter than this is read like any other bytes: no file system need be asked about what lies in the
/// files of a journal of the usual size.
const LONG_HOLE_BYTES: u64 = 64 << 20;

/// Calls `visit(sequence, record)` for the slots of `range` that lie in one segment, until it says stop.
/// Bytes that a short file lacks read as zeros; of the slots that it lacks whole only the first is visited,
/// and of those in a long hole only some at its beginning, so that a small file whose header claims 2^50
/// slots takes no longer than what the disk holds of it.
pub(crate) fn for_each_slot<S: Storage>(
    storage: &S,
    segment: &OpenSegment<S::File>,
    range: std::ops::Range<u64>,
    visit: impl FnMut(u64, &[u8]) -> std::ops::ControlFlow<()>,
) -> Result<(), IoFault> {
    for_each_slot_and(storage, segment, range, |hole| Ok(hole.end), visit)
}

/// As [`for_each_slot`]; `pass` is asked of the slots of a long hole at which to go on: anywhere in it, or at
/// its end.
pub(crate) fn for_each_slot_and<S: Storage>(
    storage: &S,
    segment: &OpenSegment<S::File>,
    range: std::ops::Range<u64>,
    mut pass: impl FnMut(std::ops::Range<u64>) -> Result<u64, IoFault>,
    mut visit: impl FnMut(u64, &[u8]) -> std::ops::ControlFlow<()>,
) -> Result<(), IoFault> {
    let slots = segment.slots;
    let record_bytes = slots.record_bytes as usize;
    let (mut at, end) = (range.start.max(slots.base), range.end.min(slots.end));
    let in_chunk = ((CHUNK_BYTES / record_bytes).max(1) as u64).min(end.saturating_sub(at));
    let mut buffer = ReadBuffer::default();
    while at < end {
        let count = in_chunk.min(end - at);
        let chunk = buffer.room(count as usize * record_bytes);
        let read = segment
            .file
            .read_at(chunk, slots.offset(at))
            .map_err(|error| IoFault::new("read", storage.path(&segment.name), error))?;
        let there = (read / record_bytes + 1) * record_bytes;
        let chunk = &mut chunk[..there.min(count as usize * record_bytes)];
        if read < chunk.len() {
            chunk[read..].fill(0);
        }
        for (i, record) in chunk.chunks_exact(record_bytes).enumerate() {
            if visit(at + i as u64, record).is_break() {
                return Ok(());
            }
        }
        if read < count as usize * record_bytes {
            return Ok(());
        }
        at += count;
        if at < end && is_zero(chunk) {
            let data = next_data(storage, segment, at)?.min(end);
            at = if data > at { pass(at..data)?.clamp(at, data) } else { at };
        }
    }
    Ok(())
}

/// The first slot at or behind `at` that lies in no long hole, if the medium knows of one.
pub(crate) fn next_data<S: Storage>(
    storage: &S,
    segment: &OpenSegment<S::File>,
    at: u64,
) -> Result<u64, IoFault> {
    let slots = segment.slots;
    let here = slots.offset(at);
    let data = segment
        .file
        .next_data(here)
        .map_err(|error| IoFault::new("look for data in", storage.path(&segment.name), error))?;
    match data.saturating_sub(here) {
        ..LONG_HOLE_BYTES => Ok(at),
        hole_bytes => Ok(at.saturating_add(hole_bytes / u64::from(slots.record_bytes)).min(slots.end)),
    }
}

/// The rule for one record following another: epochs and times never decrease.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Follow {
    pub(crate) epoch: u32,
    pub(crate) time_ns: u64,
}

impl Follow {
    /// Takes `header` as the next record, or refuses it.
    pub(crate) fn accept(&mut self, header: RecordHeader, newest_epoch: u32) -> bool {
        let in_order = header.epoch() >= self.epoch || !protect::on(protect::EPOCH);
        let accepted = in_order && header.epoch() <= newest_epoch && header.time_ns >= self.time_ns;
        if accepted {
            *self = Follow { epoch: header.epoch(), time_ns: header.time_ns };
        }
        accepted
    }
}

/// Whether a slot was never written. By whole words: most of the window is such slots.
pub(crate) fn is_zero(record: &[u8]) -> bool {
    let (words, rest) = record.as_chunks::<8>();
    words.iter().all(|word| u64::from_ne_bytes(*word) == 0) && rest.iter().all(|byte| *byte == 0)
}

/// The error for a record that must be whole and is not.
pub(crate) fn corrupt(
    file: std::path::PathBuf,
    crc: &RecordCrc,
    slots: RecordSlots,
    sequence: u64,
    record: &[u8],
    what: &'static str,
) -> CorruptRecord {
    let found = RecordHeader::decode(record);
    CorruptRecord {
        file,
        sequence,
        slot: sequence - slots.base,
        offset: slots.offset(sequence),
        wanted: crc.record(sequence, found.time_ns, found.epoch_kind, &record[RECORD_HEADER_BYTES..]),
        found: found.crc,
        what,
    }
}
