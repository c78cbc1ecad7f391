//! The append path. It stores words into a map, moves a cursor, and at a roll swaps a pointer; everything
//! slow is somebody else's.

use std::sync::Arc;
use std::time::Duration;

use crossbeam::utils::Backoff;

use super::batch::{AppendBatch, AppendRow};
use super::times::AppendTimes;
use crate::companions::preparer::{DiskFull, PreparerRound};
use crate::companions::syncer::SyncMode;
use crate::companions::threads::Companions;
use crate::error::{AppendError, ReadError, Stall, SyncError};
use crate::event::Event;
use crate::format::{JournalId, Kind, epoch_kind};
use crate::live::cursors::Cursors;
use crate::live::progress::Progress;
use crate::live::segments::{Ready, Segments};
use crate::live::slot::NextSlot;
use crate::read::typed::Reader;
use crate::retention::holders::RetentionHandle;
use crate::storage::{Files, Storage};
use crate::tools::protect;

/// The one writer of a journal.
///
/// A writer holds the journal's lock for life. Dropping it closes the journal as [`Writer::close`] does, but
/// errors are lost.
///
/// ```
/// use slipring_journal::{AppendError, Event, Journal, Stall};
/// # #[derive(Clone, Copy, Debug, Event)] #[repr(C)] struct Tick { price: u64 }
/// # let folder = tempfile::tempdir()?;
/// # let journal = Journal::at(folder.path()).segment_records(1024);
///
/// let (mut writer, _) = journal.open::<Tick>()?;
/// writer.append(1_000, &Tick { price: 101 })?;
/// match writer.try_append(1_001, &Tick { price: 102 }) {
///     Ok(sequence) => assert_eq!(sequence, 1),
///     Err(AppendError::Full { why: Stall::DiskFull, .. }) => println!("make room on the disk"),
///     Err(error) => return Err(error.into()),
/// }
/// assert_eq!(writer.close()?, 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Writer<E: Event, S: Storage = Files> {
    pub(crate) storage: S,
    /// The segment that it appends to, kept mapped.
    pub(crate) active: Ready<S>,
    /// Where the next record goes.
    pub(crate) row: AppendRow<E>,
    pub(crate) times: AppendTimes,
    pub(crate) epoch: u32,
    pub(crate) journal_id: JournalId,
    pub(crate) sync: SyncMode,
    pub(crate) disk_full: DiskFull,
    /// The append under way has been counted as a stall.
    pub(crate) stalled: bool,
    pub(crate) progress: Arc<Progress>,
    pub(crate) segments: Arc<Segments<S>>,
    pub(crate) retention: Option<RetentionHandle>,
    pub(crate) companions: Companions<S>,
}

impl<E: Event, S: Storage> Writer<E, S> {
    /// Appends an event that happened at `time_ns` and gives its sequence. Waits for room if there is none.
    ///
    /// The journal's time never decreases: a time before the last one is counted as a regression, and the
    /// record gets the last one's.
    ///
    /// # Errors
    /// [`AppendError::TimeTooFar`], or [`AppendError::Failed`] once the journal has failed. Nothing is
    /// appended then.
    #[inline(always)]
    pub fn append(&mut self, time_ns: u64, event: &E) -> Result<u64, AppendError> {
        if let Some(sequence) = self.put(time_ns, Kind::Event, bytemuck::bytes_of(event)) {
            return Ok(sequence);
        }
        // A copy: an event whose address goes into a call would have to lie in memory on the hot path too.
        let event = *event;
        self.append_waiting(time_ns, Kind::Event, bytemuck::bytes_of(&event))
    }

    /// Appends an event if there is room for it now.
    ///
    /// # Errors
    /// As [`Writer::append`], and [`AppendError::Full`] instead of waiting.
    #[inline(always)]
    pub fn try_append(&mut self, time_ns: u64, event: &E) -> Result<u64, AppendError> {
        if let Some(sequence) = self.put(time_ns, Kind::Event, bytemuck::bytes_of(event)) {
            return Ok(sequence);
        }
        let event = *event;
        self.try_append_seldom(time_ns, Kind::Event, bytemuck::bytes_of(&event))
    }

    /// Appends a void record: it stands for an event that is lost, so that the others keep their sequences.
    ///
    /// # Errors
    /// As [`Writer::append`].
    pub fn append_void(&mut self, time_ns: u64) -> Result<u64, AppendError> {
        // Zeros fill it up.
        self.append_waiting(time_ns, Kind::Void, &[])
    }

    /// Appends a void record if there is room for it now.
    ///
    /// # Errors
    /// As [`Writer::try_append`].
    pub fn try_append_void(&mut self, time_ns: u64) -> Result<u64, AppendError> {
        self.try_append_seldom(time_ns, Kind::Void, &[])
    }

    /// Appends in a row, for as long as the writer can be borrowed for them.
    #[doc(hidden)]
    #[inline]
    pub fn batch(&mut self) -> AppendBatch<'_, E, S> {
        AppendBatch::new(self)
    }

    /// The hot path: a record into the next slot, or `None` if something has to be looked at first.
    #[inline(always)]
    pub(super) fn put(&mut self, time_ns: u64, kind: Kind, event: &[u8]) -> Option<u64> {
        let sequence = self.row.next;
        if sequence >= self.row.limit || time_ns > self.times.limit_ns || self.progress.has_failed() {
            return None;
        }
        let time_ns = if time_ns < self.row.last_time_ns { self.regress() } else { time_ns };
        let kind = epoch_kind(self.epoch, kind);
        // SAFETY: `make_room` found the slot of `next` in the active segment, which `active` keeps mapped,
        // and set `limit` no further than its end; `next` is below it. Nobody else has the writer.
        unsafe {
            if self.row.crc.hardware() {
                self.row.store_as::<true, 1>(kind, [time_ns], [event]);
            } else {
                self.row.store_as::<false, 1>(kind, [time_ns], [event]);
            }
        }
        self.progress.set_journalled_end(sequence + 1);
        Some(sequence)
    }

    /// Counts a time before the last one's; the time that the record gets.
    #[cold]
    fn regress(&mut self) -> u64 {
        self.times.regressions += 1;
        self.row.last_time_ns
    }

    /// An append that the hot path could not do: makes room, or says why there is none.
    #[cold]
    #[inline(never)]
    pub(super) fn try_append_seldom(
        &mut self,
        time_ns: u64,
        kind: Kind,
        event: &[u8],
    ) -> Result<u64, AppendError> {
        self.make_room(time_ns)?;
        // Only a failure of the journal can come between.
        let full = AppendError::Full { sequence: self.row.next, why: Stall::Segment };
        self.put(time_ns, kind, event).ok_or(full)
    }

    /// Everything that an append seldom has to look at. On success there is a slot for `self.row.next`.
    pub(super) fn make_room(&mut self, time_ns: u64) -> Result<(), AppendError> {
        if let Some(failure) = self.progress.refusal() {
            return Err(failure.clone().into());
        }
        if time_ns > self.times.limit_ns || !self.times.any_record {
            self.times.check(time_ns, self.row.last_time_ns)?;
        }
        if self.row.next == self.active.segment.end {
            let Some(next) = self.segments.next.pop() else {
                let full = self.progress.disk_full();
                if full {
                    self.progress.halt_on_full();
                    if let Some(failure) = self.progress.refusal() {
                        return Err(failure.clone().into());
                    }
                }
                return Err(self.stall(if full { Stall::DiskFull } else { Stall::Segment }));
            };
            let base = next.segment.base;
            debug_assert_eq!(base, self.row.next, "segments follow each other");
            // The old handles are dropped here, the list keeps the segment mapped; then the syncer may unmap
            // it.
            self.active = next;
            self.segments.set_active_base(base);
        }
        let window_end = if protect::on(protect::WINDOW) { self.progress.window_end() } else { u64::MAX };
        let Ready { segment, map } = &self.active;
        self.row.limit = segment.end.min(window_end);
        if self.row.next >= self.row.limit {
            return Err(self.stall(Stall::Window));
        }
        self.row.slot = NextSlot::find(segment, map, self.row.next);
        self.stalled = false;
        self.times.any_record = true;
        Ok(())
    }

    pub(super) fn stall(&mut self, why: Stall) -> AppendError {
        if !self.stalled {
            self.stalled = true;
            self.progress.count_stall();
            match why {
                Stall::Window => self.progress.wake_syncer(),
                Stall::Segment | Stall::DiskFull => {
                    self.progress.need_segment(self.row.next);
                    self.progress.wake_preparer();
                }
            }
        }
        AppendError::Full { sequence: self.row.next, why }
    }

    #[cold]
    #[inline(never)]
    pub(super) fn append_waiting(
        &mut self,
        time_ns: u64,
        kind: Kind,
        event: &[u8],
    ) -> Result<u64, AppendError> {
        let backoff = Backoff::new();
        loop {
            match self.try_append_seldom(time_ns, kind, event) {
                Err(AppendError::Full { .. }) if !backoff.is_completed() => backoff.snooze(),
                Err(AppendError::Full { .. }) => std::thread::sleep(Duration::from_micros(50)),
                done => return done,
            }
        }
    }

    /// How many records can be appended now with nothing to look at first. Less than there is room for: only
    /// an append that comes to the end of it looks how far it goes now.
    #[inline]
    pub fn room(&self) -> u64 {
        if self.progress.has_failed() { 0 } else { self.row.limit.saturating_sub(self.row.next) }
    }

    /// Takes every time from here on: for an engine, whose publishers refuse one that lies too far ahead
    /// before they say that it is published.
    #[doc(hidden)]
    pub fn trust_times(&mut self) {
        self.times.trust();
    }

    /// Says that a batch is complete: with [`SyncMode::EveryBatch`] the syncer is woken if it sleeps.
    #[inline]
    pub fn end_batch(&mut self) {
        if self.sync == SyncMode::EveryBatch {
            self.progress.wake_syncer();
        }
    }

    /// The sequence that the next record gets.
    pub fn end_sequence(&self) -> u64 {
        self.row.next
    }

    /// Journal time of the last record, in nanoseconds.
    pub fn last_time_ns(&self) -> Option<u64> {
        self.times.any_record.then_some(self.row.last_time_ns)
    }

    /// How many records came with a time before the last one's.
    pub fn regressions(&self) -> u64 {
        self.times.regressions
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

    /// Says what snapshots and readers need, if the journal has a [`Retention`](crate::Retention).
    pub fn retention(&self) -> Option<RetentionHandle> {
        self.retention.clone()
    }

    /// A reader of everything appended so far. Retention removes nothing of it while the reader lives.
    ///
    /// # Errors
    /// As [`Journal::reader`](crate::Journal::reader).
    pub fn reader(&self) -> Result<Reader<E, S>, ReadError> {
        let hold = self.retention.as_ref().map(RetentionHandle::hold);
        Reader::open_held(self.storage.clone(), self.row.next, hold)
    }

    /// The same for replay: until it is dropped nobody else gets the journal's lock, so that replay may read
    /// where the records lie.
    ///
    /// # Errors
    /// As [`Writer::reader`].
    #[doc(hidden)]
    pub fn replay_reader(&self) -> Result<Reader<E, S>, ReadError> {
        Ok(self.reader()?.under(self.companions.lock()))
    }

    /// Syncs everything, ends the companions' threads and lets go of the lock; the sequence behind the last
    /// record, all of them durable.
    ///
    /// # Errors
    /// The journal's failure, also one of before the call: a failed sync, a thread that panicked, an append
    /// that was refused for want of a segment. Unless it was the sync that failed, or its thread, everything
    /// appended is durable all the same ([`Cursors::durable_end`] says so).
    pub fn close(mut self) -> Result<u64, SyncError> {
        self.finish()
    }

    fn finish(&mut self) -> Result<u64, SyncError> {
        let done = self.companions.finish();
        if let Some(Err(SyncError::Forked { .. })) = done {
            // The cursors' lock may have been held, by a thread that is not here, when this process came to
            // be.
            return done.unwrap_or(Ok(0));
        }
        self.progress.set_closed();
        done.unwrap_or(Ok(self.progress.durable_end()))
    }

    /// One round of the syncer on this thread; for a journal opened without threads of its own.
    #[doc(hidden)]
    pub fn step_syncer(&mut self) -> bool {
        self.companions.step_syncer()
    }

    /// One round of the preparer on this thread; whether there may be more to do.
    #[doc(hidden)]
    pub fn step_preparer(&mut self) -> bool {
        self.companions.step_preparer() == Some(PreparerRound::Worked)
    }

    /// Appends below this sequence meet neither a wait nor a page that is not there: the prepared reserve, as
    /// it is now. It takes a lock that the preparer shares, so it has no place among appends that are to be
    /// quick.
    #[doc(hidden)]
    pub fn prepared_end(&self) -> u64 {
        let window_end = self.progress.window_end();
        self.segments.prepared_end(self.active.segment.base, self.row.next).min(window_end)
    }

    /// Drops the writer as if its process had died: nothing is synced, nothing is marked.
    #[doc(hidden)]
    pub fn abandon(mut self) {
        self.companions.abandon();
    }
}

impl<E: Event, S: Storage> Drop for Writer<E, S> {
    fn drop(&mut self) {
        let _ = self.finish();
    }
}
