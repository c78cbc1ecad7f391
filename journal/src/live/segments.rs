//! The segments that a writer works with: the previous ones while they are not yet durable, the active one,
//! and the next. The writer touches only the queue of one in the middle; the list belongs to the journal's
//! own threads.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crossbeam::queue::ArrayQueue;

use super::new_file::NewFile;
use crate::error::IoFault;
use crate::format::{Bond, JournalId, LINK_COPIES, RecordSlots, SegmentHeader};
use crate::judge::bonds;
use crate::judge::chain::OpenSegment;
use crate::storage::{SegmentMap, Storage, StorageFile};
use crate::tools::whole_calls::{Whole, WholeCalls};
use crate::tools::{PAGE_BYTES, protect};

/// No more than this many segments are mapped by a writer.
pub(crate) const MOST_MAPPED: usize = 3;

/// No more than this many segments are open and not yet durable: the writer waits for the syncer rather than
/// run out of file handles.
pub(crate) const MOST_OPEN: usize = 12;

/// The map of a storage's segments.
pub(crate) type Map<S> = <<S as Storage>::File as StorageFile>::Map;

/// A segment with its map, as the writer takes it.
#[derive(Debug)]
pub(crate) struct Ready<S: Storage> {
    pub(crate) segment: Arc<LiveSegment<S>>,
    pub(crate) map: Arc<Map<S>>,
}

/// A segment mapped for writing.
#[derive(Debug)]
pub(crate) struct LiveSegment<S: Storage> {
    pub(crate) base: u64,
    pub(crate) end: u64,
    slots: RecordSlots,
    pub(crate) file: S::File,
    /// `None` once the writer has left the segment and preparer or syncer has unmapped it. Never locked by
    /// the writer.
    map: Mutex<Option<Arc<Map<S>>>>,
    pub(crate) name: String,
    /// Bytes of the file up to which its pages are present. Only the preparer stores it (relaxed: nobody
    /// orders anything by it).
    prefaulted_bytes: AtomicU64,
    /// Its pages are made present several together. Likewise.
    together: AtomicBool,
    /// Bytes of the file up to which its pages are let go, once the writer has left. Likewise.
    left_bytes: AtomicU64,
}

impl<S: Storage> LiveSegment<S> {
    /// Maps a segment that is there.
    pub(crate) fn map(storage: &S, segment: OpenSegment<S::File>) -> Result<Ready<S>, IoFault> {
        let OpenSegment { name, slots, file } = segment;
        let map = file.map().map_err(|error| IoFault::new("map", storage.path(&name), error))?;
        map.prefault_together(false);
        let map = Arc::new(map);
        let segment = Arc::new(LiveSegment {
            base: slots.base,
            end: slots.end,
            slots,
            file,
            map: Mutex::new(Some(Arc::clone(&map))),
            name,
            prefaulted_bytes: AtomicU64::new(0),
            together: AtomicBool::new(false),
            left_bytes: AtomicU64::new(0),
        });
        Ok(Ready { segment, map })
    }

    pub(crate) fn record_bytes(&self) -> u32 {
        self.slots.record_bytes
    }

    /// The first sequence of those whose records lie in the same part of the file, a page or some of them, as
    /// the one at `sequence`, or begin in the one before.
    pub(crate) fn part_start(&self, sequence: u64, part_bytes: u64) -> u64 {
        let part = self.slots.offset(sequence) / part_bytes * part_bytes;
        let before = part.saturating_sub(u64::from(self.slots.records_at));
        (self.base + before / u64::from(self.slots.record_bytes)).min(sequence)
    }

    /// The length of its whole file.
    pub(crate) fn file_bytes(&self) -> u64 {
        self.slots.file_bytes()
    }

    fn lock_map(&self) -> MutexGuard<'_, Option<Arc<Map<S>>>> {
        self.map.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether it has not been unmapped yet.
    pub(crate) fn is_mapped(&self) -> bool {
        self.lock_map().is_some()
    }

    /// Unmaps a segment that the writer has left; whether it was mapped. A sync of mapped pages
    /// write-protects them one by one, each with an interrupt to every core that runs the process; of
    /// unmapped ones it does not.
    fn unmap(&self) -> bool {
        // Dropped behind the lock.
        let map = self.lock_map().take();
        map.is_some()
    }

    /// Ties the segment to the record before its first. The next sync takes the link along with the records.
    pub(crate) fn write_link(&self, journal_id: JournalId, before: Bond) -> std::io::Result<()> {
        bonds::write_link(&self.file, self.slots, journal_id, before)
    }

    /// Epoch and checksum of a record that is committed.
    pub(crate) fn bond(&self, sequence: u64) -> std::io::Result<Bond> {
        bonds::read_bond(&self.file, self.slots, sequence)
    }

    /// Syncs the records of `sequences`, and the link with the first of them; unmaps first if the writer has
    /// left.
    pub(crate) fn sync(
        &self,
        sequences: std::ops::Range<u64>,
        left: bool,
        calls: &WholeCalls,
    ) -> std::io::Result<()> {
        let map = if left {
            calls.count(Whole::LetGo, || self.unmap());
            None
        } else {
            self.lock_map().clone()
        };
        match map {
            Some(map) => {
                let mut bytes = self.bytes(sequences.clone());
                let link = self.slots.has_link && sequences.start <= self.base;
                if link && protect::on(protect::LINK_BEFORE_D) {
                    bytes.start = LINK_COPIES[0];
                }
                // A sync write-protects mapped pages one by one, each with an interrupt to every core that
                // runs the process. The writer needs these no more.
                calls.count(Whole::LetGo, || map.let_go(bytes.clone()));
                calls.count(Whole::Sync, || map.sync(bytes))
            }
            None => calls.count(Whole::Sync, || self.file.sync()),
        }
    }

    /// Makes a segment and maps it.
    pub(crate) fn create(storage: &S, template: &SegmentHeader, base: u64) -> Result<Ready<S>, IoFault> {
        NewFile::make(storage, template, base)?.map(storage)
    }

    /// Byte range of the file that holds the records of `sequences`, cut to this segment.
    pub(crate) fn bytes(&self, sequences: std::ops::Range<u64>) -> std::ops::Range<u64> {
        let offset = |sequence: u64| {
            let slot = sequence.clamp(self.base, self.end) - self.base;
            self.slots.offset(self.base + slot)
        };
        offset(sequences.start)..offset(sequences.end)
    }

    /// Slots from `cursor` on up to this sequence lie in pages that are present.
    pub(crate) fn present_end(&self, cursor: u64) -> u64 {
        let bytes =
            self.prefaulted_bytes.load(Ordering::Relaxed).saturating_sub(self.slots.offset(self.base));
        (self.base + bytes / u64::from(self.slots.record_bytes)).clamp(cursor.max(self.base), self.end)
    }

    /// Lets go of at most `piece_bytes` of the pages of a segment that the writer has left, and has the disk
    /// begin with them; whether there were any.
    fn leave_piece(&self, piece_bytes: u64) -> bool {
        let start = self.left_bytes.load(Ordering::Relaxed);
        let end = (start + piece_bytes).min(self.file_bytes());
        let Some(map) = self.lock_map().clone().filter(|_| start < end) else { return false };
        map.let_go(start..end);
        self.file.start_sync(start..end);
        self.left_bytes.store(end, Ordering::Relaxed);
        true
    }

    /// "Bad address" is what the system says of a page that a store would find no block for: the disk is
    /// full, unless the file has been cut off.
    fn why(&self, error: std::io::Error, map: &Map<S>) -> std::io::Error {
        let is_whole = || self.file.size().is_ok_and(|size| size >= size_of_val(map.words()) as u64);
        match error.raw_os_error() {
            Some(libc::EFAULT) if is_whole() => std::io::Error::from_raw_os_error(libc::ENOSPC),
            _ => error,
        }
    }

    /// Prefaults at most `chunk_bytes` more, as far as `sequence`, several pages `together` if so; whether
    /// there was something to do.
    pub(crate) fn prefault_towards(
        &self,
        from: u64,
        sequence: u64,
        (chunk_bytes, together): (u64, bool),
    ) -> std::io::Result<bool> {
        let wanted = self.bytes(from..sequence);
        let start = self.prefaulted_bytes.load(Ordering::Relaxed).max(wanted.start / PAGE_BYTES * PAGE_BYTES);
        let end = wanted.end.next_multiple_of(PAGE_BYTES).min(start + chunk_bytes);
        let Some(map) = self.lock_map().clone() else { return Ok(false) };
        let end = end.min(map.words().len() as u64 * 8);
        if start >= end {
            return Ok(false);
        }
        if self.together.swap(together, Ordering::Relaxed) != together {
            map.prefault_together(together);
        }
        map.prefault(start..end).map_err(|error| self.why(error, &map))?;
        self.prefaulted_bytes.store(end, Ordering::Relaxed);
        Ok(true)
    }
}

/// What the writer and the journal's threads share of the segments.
#[derive(Debug)]
pub(crate) struct Segments<S: Storage> {
    /// The next segment, ready: put there by the preparer, taken by the writer. Lock-free.
    pub(crate) next: ArrayQueue<Ready<S>>,
    /// Everything mapped or not yet durable, oldest first. Never locked by the writer.
    live: Mutex<VecDeque<Arc<LiveSegment<S>>>>,
    /// Base of the segment that the writer appends to.
    active_base: AtomicU64,
}

impl<S: Storage> Segments<S> {
    pub(crate) fn new(active: Arc<LiveSegment<S>>) -> Self {
        Segments {
            next: ArrayQueue::new(1),
            active_base: AtomicU64::new(active.base),
            live: Mutex::new(VecDeque::from([active])),
        }
    }

    /// The list of what is mapped.
    pub(crate) fn live(&self) -> MutexGuard<'_, VecDeque<Arc<LiveSegment<S>>>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether no further segment is made before some are durable.
    pub(crate) fn is_crowded(&self) -> bool {
        self.live().len() >= MOST_OPEN
    }

    /// How many records may be appended, at the least, before they are crowded.
    pub(crate) fn until_crowded(&self) -> u64 {
        let live = self.live();
        let length = live.back().map_or(0, |segment| segment.end - segment.base);
        // But for the next to be taken, which may be at once.
        length.saturating_mul(MOST_OPEN.saturating_sub(live.len() + 1) as u64)
    }

    /// How far records from `cursor` on, in the segment at `active_base` and in the one that waits for the
    /// writer, have pages that are present.
    pub(crate) fn prepared_end(&self, active_base: u64, cursor: u64) -> u64 {
        // Looked at first: what is in the queue is in the list.
        let next_ready = !self.next.is_empty();
        let mut end = cursor;
        for segment in self.live().iter().filter(|segment| segment.end > cursor) {
            if segment.base > active_base && !next_ready {
                break;
            }
            end = segment.present_end(end);
            if end < segment.end {
                break;
            }
        }
        end
    }

    /// Says that the writer has moved on to the segment at `base` and let go of the one before.
    pub(crate) fn set_active_base(&self, base: u64) {
        // Release A: the writer has dropped its handle of the older segment. Partner: Acquire A, after which
        // the list's handle is the last, so that unmapping never happens on the writer's thread.
        self.active_base.store(base, Ordering::Release);
    }

    pub(crate) fn active_base(&self) -> u64 {
        // Acquire A: see `set_active_base`.
        self.active_base.load(Ordering::Acquire)
    }

    /// How many segments the writer has left that are still mapped.
    pub(crate) fn left(&self) -> usize {
        let active_base = self.active_base();
        self.live().iter().filter(|s| s.base < active_base && s.is_mapped()).count()
    }

    /// Lets go of a piece of what the writer has left, the oldest first, and has the disk begin with it:
    /// while the syncer still waits for the segment before, the disk need not. In the end the segment is
    /// unmapped. Whether there was one.
    pub(crate) fn leave(&self, piece_bytes: u64) -> bool {
        let active_base = self.active_base();
        let left = self.live().iter().find(|s| s.base < active_base && s.is_mapped()).cloned();
        left.is_some_and(|segment| segment.leave_piece(piece_bytes) || segment.unmap())
    }

    /// Takes the oldest segment off the list if the writer has left it and it is durable.
    pub(crate) fn release(&self, durable_end: u64) -> Option<Arc<LiveSegment<S>>> {
        let active_base = self.active_base();
        let mut live = self.live();
        let done = live.front().is_some_and(|s| s.end <= durable_end && s.base < active_base);
        if done { live.pop_front() } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::companions::zeros::tests::{CAPACITY, header};
    use crate::storage::Files;

    #[test]
    fn they_are_crowded_no_sooner_than_they_say() {
        let folder = tempfile::tempdir().expect("a folder");
        let storage = Files::new(folder.path());
        let make = |base| LiveSegment::create(&storage, &header(), base).expect("room on the disk").segment;
        let segments = Segments::new(make(0));
        let mut told = Vec::new();
        for next in 1.. {
            told.push(segments.until_crowded());
            if segments.is_crowded() {
                break;
            }
            // The next is opened when the writer takes the last: at once, if it has filled all before.
            segments.live().push_back(make(next * CAPACITY));
        }
        let opened = told.len() as u64;
        assert_eq!(opened, MOST_OPEN as u64);
        for (before, told) in (1..).zip(told) {
            let appended_at_least = (opened - before).saturating_sub(1) * CAPACITY;
            assert_eq!(told, appended_at_least, "with {before} open");
        }
    }
}
