//! The append path. It stores words into a map, moves a cursor, and at a roll swaps a pointer; everything slow
//! is somebody else's.

use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crossbeam::utils::Backoff;

use crate::crc::RecordCrc;
use crate::error::{AppendError, ReadError, Stall, SyncError};
use crate::event::Event;
use crate::format::{HEADER_BYTES, JournalId, Kind, epoch_kind};
use crate::prepare::Round;
use crate::progress::{Cursors, Progress};
use crate::protect;
use crate::reader::Reader;
use crate::record::Record;
use crate::segments::{LiveSegment, Segments};
use crate::storage::{Files, SegmentMap, Storage};
use crate::syncer::Sync;
use crate::threads::Threads;

/// The one writer of a journal.
///
/// It holds the journal's lock for life. Dropping it closes the journal as [`Writer::close`] does, but errors
/// are lost.
#[derive(Debug)]
pub struct Writer<E: Event, S: Storage = Files> {
    pub(crate) storage: S,
    pub(crate) active: Arc<LiveSegment<S>>,
    /// The sequence of the next record.
    pub(crate) next: u64,
    /// Sequences below it have a slot and lie inside the window.
    pub(crate) limit: u64,
    pub(crate) last_time_ns: u64,
    pub(crate) any_record: bool,
    /// Largest time that is taken without a look at the clock.
    pub(crate) time_limit_ns: u64,
    pub(crate) max_step_ns: u64,
    pub(crate) regressions: u64,
    pub(crate) epoch: u32,
    pub(crate) crc: RecordCrc,
    pub(crate) journal_id: JournalId,
    pub(crate) sync: Sync,
    /// The append under way has been counted as a stall.
    pub(crate) stalled: bool,
    pub(crate) progress: Arc<Progress>,
    pub(crate) segments: Arc<Segments<S>>,
    pub(crate) threads: Threads<S>,
    pub(crate) event: PhantomData<fn(&E)>,
}

/// Words of a segment's file before its first record.
const HEADER_WORDS: usize = HEADER_BYTES as usize / 8;

impl<E: Event, S: Storage> Writer<E, S> {
    const RECORD_WORDS: usize = Record::<E>::BYTES / 8;

    /// Appends an event that happened at `time_ns` and gives its sequence. Waits for room if there is none.
    ///
    /// The journal's time never decreases: a time before the last one is counted as a regression, and the
    /// record gets the last one's.
    ///
    /// # Errors
    /// [`AppendError::TimeTooFar`], or [`AppendError::Failed`] once the journal has failed. Nothing is
    /// appended then.
    #[inline]
    pub fn append(&mut self, time_ns: u64, event: &E) -> Result<u64, AppendError> {
        match self.try_append(time_ns, event) {
            Err(AppendError::Full { .. }) => {
                self.append_waiting(time_ns, Kind::Event, bytemuck::bytes_of(event))
            }
            done => done,
        }
    }

    /// Appends an event if there is room for it now.
    ///
    /// # Errors
    /// As [`Writer::append`], and [`AppendError::Full`] instead of waiting.
    #[inline]
    pub fn try_append(&mut self, time_ns: u64, event: &E) -> Result<u64, AppendError> {
        self.put(time_ns, Kind::Event, bytemuck::bytes_of(event))
    }

    /// Appends a void record: a slot of the ring that was claimed and never filled.
    ///
    /// # Errors
    /// As [`Writer::append`].
    pub fn append_void(&mut self, time_ns: u64) -> Result<u64, AppendError> {
        match self.try_append_void(time_ns) {
            Err(AppendError::Full { .. }) => {
                self.append_waiting(time_ns, Kind::Void, bytemuck::bytes_of(&E::zeroed()))
            }
            done => done,
        }
    }

    /// Appends a void record if there is room for it now.
    ///
    /// # Errors
    /// As [`Writer::try_append`].
    pub fn try_append_void(&mut self, time_ns: u64) -> Result<u64, AppendError> {
        self.put(time_ns, Kind::Void, bytemuck::bytes_of(&E::zeroed()))
    }

    #[inline(always)]
    fn put(&mut self, time_ns: u64, kind: Kind, event: &[u8]) -> Result<u64, AppendError> {
        if self.next >= self.limit || time_ns > self.time_limit_ns || self.progress.has_failed() {
            self.make_room(time_ns)?;
        }
        let before = time_ns < self.last_time_ns;
        self.regressions += u64::from(before);
        let time_ns = if before { self.last_time_ns } else { time_ns };
        let sequence = self.next;
        let start = HEADER_WORDS + (sequence - self.active.base) as usize * Self::RECORD_WORDS;
        let Some(slot) = self.active.map.words().get(start..start + Self::RECORD_WORDS) else {
            return Err(self.no_slot(sequence));
        };
        if self.crc.hardware() {
            store::<true>(slot, &self.crc, sequence, time_ns, epoch_kind(self.epoch, kind), event);
        } else {
            store::<false>(slot, &self.crc, sequence, time_ns, epoch_kind(self.epoch, kind), event);
        }
        self.next = sequence + 1;
        self.any_record = true;
        self.last_time_ns = time_ns;
        self.time_limit_ns = time_ns.saturating_add(self.max_step_ns);
        self.progress.set_journalled_end(sequence + 1);
        Ok(sequence)
    }

    /// Everything that an append seldom has to look at. On success there is a slot for `self.next`.
    #[cold]
    #[inline(never)]
    fn make_room(&mut self, time_ns: u64) -> Result<(), AppendError> {
        if let Some(failure) = self.progress.failure() {
            return Err(failure.clone().into());
        }
        if time_ns > self.time_limit_ns || !self.any_record {
            self.check_time(time_ns)?;
        }
        if self.next == self.active.end {
            let Some(next) = self.segments.next.pop() else {
                let why = if self.progress.disk_full() { Stall::DiskFull } else { Stall::Segment };
                return Err(self.stall(why));
            };
            debug_assert_eq!(next.base, self.next, "segments follow each other");
            let base = next.base;
            // The old handle is dropped here, the list keeps the segment mapped; then the helper may unmap it.
            self.active = next;
            self.segments.set_active_base(base);
        }
        let window_end = if protect::on(protect::WINDOW) { self.progress.window_end() } else { u64::MAX };
        self.limit = self.active.end.min(window_end);
        if self.next >= self.limit {
            return Err(self.stall(Stall::Window));
        }
        self.stalled = false;
        Ok(())
    }

    /// A time ahead of the last record by more than the step is taken if the clock bears it out: after a week-end
    /// the first event is days past the last. See docs/guarantees.md.
    fn check_time(&mut self, time_ns: u64) -> Result<(), AppendError> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos() as u64;
        let bound = self.last_time_ns.max(now).saturating_add(self.max_step_ns);
        if time_ns <= bound {
            self.time_limit_ns = self.time_limit_ns.max(time_ns);
            return Ok(());
        }
        Err(AppendError::TimeTooFar { time_ns, last_ns: self.last_time_ns, max_step_ns: self.max_step_ns })
    }

    fn stall(&mut self, why: Stall) -> AppendError {
        if !self.stalled {
            self.stalled = true;
            self.progress.count_stall();
            match why {
                Stall::Window => self.progress.wake_syncer(),
                Stall::Segment | Stall::DiskFull => self.progress.wake_helper(),
            }
        }
        AppendError::Full { sequence: self.next, why }
    }

    #[cold]
    fn no_slot(&self, sequence: u64) -> AppendError {
        // The limit is never beyond the active segment, so this can't happen; an error is better than a panic.
        debug_assert!(false, "no slot for {sequence} below the limit {}", self.limit);
        AppendError::Full { sequence, why: Stall::Segment }
    }

    #[cold]
    fn append_waiting(&mut self, time_ns: u64, kind: Kind, event: &[u8]) -> Result<u64, AppendError> {
        let backoff = Backoff::new();
        loop {
            match self.put(time_ns, kind, event) {
                Err(AppendError::Full { .. }) if !backoff.is_completed() => backoff.snooze(),
                Err(AppendError::Full { .. }) => std::thread::sleep(Duration::from_micros(50)),
                done => return done,
            }
        }
    }

    /// Says that a batch is complete: with [`Sync::EveryBatch`] the syncer is woken if it sleeps.
    #[inline]
    pub fn end_batch(&mut self) {
        if self.sync == Sync::EveryBatch {
            self.progress.wake_syncer();
        }
    }

    /// The sequence that the next record gets.
    pub fn end_sequence(&self) -> u64 {
        self.next
    }

    /// Journal time of the last record, in nanoseconds.
    pub fn last_time_ns(&self) -> Option<u64> {
        self.any_record.then_some(self.last_time_ns)
    }

    /// How many records came with a time before the last one's.
    pub fn regressions(&self) -> u64 {
        self.regressions
    }

    /// The epoch of the records that this writer appends.
    pub fn epoch(&self) -> u32 {
        self.epoch
    }

    /// The journal's identity.
    pub fn journal_id(&self) -> JournalId {
        self.journal_id
    }

    /// The journal's cursors, to watch or to wait for.
    pub fn cursors(&self) -> Cursors {
        Cursors::new(Arc::clone(&self.progress))
    }

    /// A reader of everything appended so far.
    ///
    /// # Errors
    /// As [`Journal::reader`](crate::Journal::reader).
    pub fn reader(&self) -> Result<Reader<E, S>, ReadError> {
        Reader::open_to(self.storage.clone(), Some(self.next))
    }

    /// Syncs everything, ends the helper threads and lets go of the lock; the sequence behind the last record,
    /// all of them durable.
    ///
    /// # Errors
    /// The failure that kept the journal from becoming durable.
    pub fn close(mut self) -> Result<u64, SyncError> {
        self.finish()
    }

    fn finish(&mut self) -> Result<u64, SyncError> {
        let done = self.threads.finish();
        self.progress.set_closed();
        done.unwrap_or(Ok(self.progress.durable_end()))
    }

    /// One round of the syncer on this thread; for a journal opened without threads of its own.
    #[doc(hidden)]
    pub fn step_syncer(&mut self) -> bool {
        self.threads.step_syncer()
    }

    /// One round of the helper on this thread; whether there may be more to do.
    #[doc(hidden)]
    pub fn step_helper(&mut self) -> bool {
        self.threads.step_helper() == Some(Round::Worked)
    }

    /// Drops the writer as if its process had died: nothing is synced, nothing is marked.
    #[doc(hidden)]
    pub fn abandon(mut self) {
        self.threads.abandon();
    }
}

impl<E: Event, S: Storage> Drop for Writer<E, S> {
    fn drop(&mut self) {
        let _ = self.finish();
    }
}

/// Writes one record into its slot. The slot counts once its second word is stored: until then its epoch is 0,
/// or its checksum that of another record.
#[inline(always)]
fn store<const HARDWARE: bool>(
    slot: &[std::sync::atomic::AtomicU64],
    crc: &RecordCrc,
    sequence: u64,
    time_ns: u64,
    epoch_kind: u32,
    event: &[u8],
) {
    let mut sum = crc.start::<HARDWARE>();
    sum.word(sequence);
    sum.word(time_ns);
    sum.word(u64::from(epoch_kind));
    // Relaxed: the commit word below orders these.
    slot[0].store(time_ns, Ordering::Relaxed);
    let (words, rest) = event.as_chunks::<8>();
    let payload = &slot[2..];
    for (place, bytes) in payload.iter().zip(words) {
        let word = u64::from_le_bytes(*bytes);
        sum.word(word);
        place.store(word, Ordering::Relaxed);
    }
    let mut used = words.len();
    if !rest.is_empty() {
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        let word = u64::from_le_bytes(last);
        sum.word(word);
        payload[used].store(word, Ordering::Relaxed);
        used += 1;
    }
    // Padding behind an event of alignment 16 is part of the record.
    for place in &payload[used..] {
        sum.word(0);
        place.store(0, Ordering::Relaxed);
    }
    let commit = u64::from(epoch_kind) | u64::from(sum.finish()) << 32;
    // Release R: whoever reads this word with acquire in this process sees the whole record. After the death of
    // the process the checksum says the same of the bytes.
    slot[1].store(commit, Ordering::Release);
}
