//! The syncer: follows the journalled cursor, syncs, and moves D. It has a cursor of its own and no place in
//! any lane, so a slow disk holds nobody who does not wait for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::companions::hooks::{Hooks, SealedSegment};
use crate::companions::pace::{self, WriterPace};
use crate::error::{IoFault, SyncError};
use crate::format::{Bond, ControlState, segment_name};
use crate::judge::control::Control;
use crate::live::progress::Progress;
use crate::live::segments::{LiveSegment, Segments};
use crate::retention::retainer::{Kept, Retainer};
use crate::storage::Storage;
use crate::tools::whole_calls::Whole;
use crate::tools::{FOLIO_BYTES, PAGE_BYTES, protect};

/// A writer that fills so many pages from sync to sync fills one more in a small part of that time.
const QUICK_PAGES: u64 = 16;

/// The same of folios.
pub(crate) const QUICK_FOLIOS: u64 = 4;

/// The least between two looks at the window's fill.
const GLANCE: Duration = Duration::from_millis(1);

/// When records are made durable.
///
/// ```
/// use std::time::Duration;
/// use slipring_journal::{Journal, SyncMode};
///
/// let journal = Journal::at("data/ticks").sync(SyncMode::every(Duration::from_millis(1)));
/// ```
///
/// More: [sizes].
///
/// [sizes]: https://github.com/slipring/slipring/blob/main/docs/how-to/size-the-ring-and-the-journal.md
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SyncMode {
    /// No timed promise: only full segments are synced, and what `wait_durable` asks for. Power loss may take
    /// up to two segments; the death of the process takes nothing.
    None,
    /// Every so often, and earlier when half the window is used.
    Every(Duration),
    /// As soon as there is something to sync: one sync follows the other, each takes all that came meanwhile.
    EveryBatch,
}

impl Default for SyncMode {
    /// Every five milliseconds.
    fn default() -> Self {
        SyncMode::Every(Duration::from_millis(5))
    }
}

impl SyncMode {
    /// Syncs every `interval`.
    pub fn every(interval: Duration) -> Self {
        SyncMode::Every(interval)
    }
}

/// The syncer's state; [`Syncer::step`] does one round, in whatever thread calls it.
#[derive(Debug)]
pub(crate) struct Syncer<S: Storage> {
    storage: S,
    mode: SyncMode,
    control: Control<S>,
    progress: Arc<Progress>,
    segments: Arc<Segments<S>>,
    retainer: Option<Retainer>,
    hooks: Hooks,
    /// A sync or a hook failed here: nothing is synced again. The journal may have failed for another reason,
    /// first.
    failed: bool,
}

impl<S: Storage> Syncer<S> {
    pub(crate) fn new(
        storage: S,
        mode: SyncMode,
        control: Control<S>,
        progress: Arc<Progress>,
        segments: Arc<Segments<S>>,
        retainer: Option<Retainer>,
        hooks: Hooks,
    ) -> Self {
        Syncer { storage, mode, control, progress, segments, retainer, hooks, failed: false }
    }

    /// Up to where this round should sync.
    fn target(&self) -> u64 {
        let journalled_end = self.progress.journalled_end();
        match self.mode {
            // A window that runs out inside a segment (made with other options) must not stop the writer.
            SyncMode::None if self.window_room() < self.control.state.window / 4 => journalled_end,
            // Whatever lies before the active segment is full.
            SyncMode::None => self.segments.active_base().max(self.progress.wanted_end()).min(journalled_end),
            SyncMode::EveryBatch => journalled_end,
            SyncMode::Every(_) => self.whole_pages(journalled_end),
        }
    }

    /// `end`, or where its page or folio begins, if the writer is so quick that it fills that long before the
    /// next sync, which then is in time for these records too. Of a page that is synced while it is written
    /// the next append makes a new one dirty: a page fault on the lane, in which the file system may wait.
    fn whole_pages(&self, end: u64) -> u64 {
        let live = self.segments.live();
        let Some(active) = live.iter().find(|segment| (segment.base..segment.end).contains(&end)) else {
            return end;
        };
        let record_bytes = u64::from(active.record_bytes());
        let waiting_bytes = (end - self.progress.durable_end()) * record_bytes;
        // A quick writer's pages lie in folios, see `Zeros`.
        let in_folios = waiting_bytes >= QUICK_FOLIOS * FOLIO_BYTES;
        let part_bytes = if in_folios { FOLIO_BYTES } else { PAGE_BYTES };
        let start = active.part_start(end, part_bytes);
        // What waits behind a folio's end is not enough: the next sync takes all of it.
        let is_quick = record_bytes <= part_bytes && waiting_bytes > QUICK_PAGES * PAGE_BYTES + record_bytes;
        if is_quick && self.progress.wanted_end() <= start { start } else { end }
    }

    /// With [`SyncMode::None`], how many records more may be appended before there is something to sync that
    /// nobody wakes it for: the active segment is full, or half the window is used, a quarter of it before
    /// `target` syncs for that.
    fn left(&self) -> u64 {
        let window = self.window_room().saturating_sub(self.control.state.window / 2);
        let active_base = self.segments.active_base();
        let live = self.segments.live();
        let active = live.iter().find(|segment| segment.base == active_base);
        let end = active.map_or(0, |segment| segment.end);
        window.min(end.saturating_sub(self.progress.journalled_end()))
    }

    /// With a timed mode, how long nobody need look at the window: till then half of it can't be used, nor
    /// segments be crowded.
    fn glance(&self) -> Duration {
        let window = self.window_room().saturating_sub(self.control.state.window / 2);
        pace::shortest(window.min(self.segments.until_crowded())).max(GLANCE)
    }

    fn window_room(&self) -> u64 {
        self.progress.window_end().saturating_sub(self.progress.journalled_end())
    }

    /// Syncs what is due. After an error the journal has failed and nothing is tried again.
    pub(crate) fn step(&mut self) -> bool {
        let target = self.target();
        if self.failed
            || self.progress.sync_failure().is_some()
            || !self.tell_of_what_is_due()
            || !self.raise_epoch()
        {
            return false;
        }
        if target <= self.progress.durable_end() {
            return self.retire();
        }
        self.sync_to(target, false);
        true
    }

    /// Syncs everything, and marks the journal as closed in good order unless it has failed. What failed
    /// elsewhere (no room, no next segment, another thread) keeps nothing that was appended from becoming
    /// durable.
    pub(crate) fn finish(&mut self) {
        let is_well =
            (self.failed || self.tell_of_what_is_due()) && self.progress.closing_failure().is_none();
        if !self.failed {
            self.sync_to(self.progress.journalled_end(), is_well);
        }
        crate::companions::sweeper::look_at_folder(&self.storage, &self.progress);
        // The preparer has gone.
        if let Some(retainer) = self.retainer.as_ref().filter(|_| is_well && !self.failed) {
            while retainer.shared.remove_one(&self.storage, &self.progress.whole_calls) {}
        }
    }

    /// Tells of the segment that the opening ended early, before retention may take it. Whether all is well.
    fn tell_of_what_is_due(&mut self) -> bool {
        let is_well = self.hooks.call_due();
        if !is_well {
            let durable_end = self.progress.durable_end();
            self.fail(SyncError::HookPanicked { durable_end });
        }
        is_well
    }

    /// Has the control file know the epoch that a record waits for. Whether all is well.
    ///
    /// Both slots: should the newer one rot, the journal would have records of an epoch that the older one
    /// does not know.
    fn raise_epoch(&mut self) -> bool {
        let wanted = self.progress.wanted_epoch();
        if wanted <= self.control.state.epoch {
            return true;
        }
        let raised = self
            .update(|state| state.epoch = wanted)
            .and_then(|()| if protect::on(protect::EPOCH_BOTH) { self.update(|_| ()) } else { Ok(()) });
        match raised {
            Ok(()) => self.progress.set_known_epoch(wanted),
            Err(fault) => {
                let durable_end = self.progress.durable_end();
                self.fail(SyncError::SyncFailed { durable_end, fault });
            }
        }
        !self.failed
    }

    fn sync_to(&mut self, target: u64, closed: bool) {
        // Relaxed: a hint.
        self.progress.syncing.store(true, Ordering::Relaxed);
        let done = self.try_sync_to(target, closed);
        self.progress.syncing.store(false, Ordering::Relaxed);
        if let Err(fault) = done {
            let durable_end = self.progress.durable_end();
            self.fail(SyncError::SyncFailed { durable_end, fault });
        }
    }

    fn fail(&mut self, error: SyncError) {
        self.failed = true;
        self.progress.fail(error);
    }

    /// Retires what may go although there was nothing to sync: a snapshot was taken, a lease let go.
    fn retire(&mut self) -> bool {
        let durable_end = self.control.state.durable_end;
        let Some(retainer) = &mut self.retainer else { return false };
        let retired = retainer.retire(&self.storage, durable_end);
        let Some((first, before)) = retired.last().map(|segment| (segment.end, segment.last)) else {
            return false;
        };
        let given_up = self.update(|state| (state.first, state.before_first) = (first, before));
        match given_up.and_then(|()| self.give_up_twice()) {
            Ok(()) => self.hand_over(retired),
            Err(fault) => self.fail(SyncError::SyncFailed { durable_end, fault }),
        }
        true
    }

    fn try_sync_to(&mut self, target: u64, closed: bool) -> Result<(), IoFault> {
        let from = self.progress.durable_end();
        if !protect::on(protect::DATA_BEFORE_D) {
            self.update(|state| state.durable_end = target)?;
        }
        // The handles are copied out: a sync must not hold the preparer up.
        let due: Vec<_> =
            self.segments.live().iter().filter(|s| s.end > from && s.base < target).cloned().collect();
        self.link(&due, from)?;
        let last = self.bond_before(&due, target)?;
        let active_base = self.segments.active_base();
        for segment in &due {
            segment
                .sync(from..target, segment.base < active_base, &self.progress.whole_calls)
                .map_err(|error| IoFault::new("sync", self.storage.path(&segment.name), error))?;
        }
        // The durable gate opens here: the data is on disk. D in the control file follows; recovery finds the
        // records between the two by scanning.
        self.progress.set_durable_end(target);
        let mut retired = Vec::new();
        if let Some(retainer) = &mut self.retainer {
            for segment in &due {
                retainer.learn(segment.base..segment.end, segment.record_bytes(), segment.file_bytes());
            }
            retired = retainer.retire(&self.storage, target);
            if !protect::on(protect::RETIRE_ORDER) {
                retired.iter().for_each(|segment| drop(self.storage.remove(&segment_name(segment.base))));
            }
        }
        let state = &self.control.state;
        let (first, before_first) =
            retired.last().map_or((state.first, state.before_first), |segment| (segment.end, segment.last));
        self.update(|state| {
            state.durable_end = target;
            state.last = last;
            (state.first, state.before_first) = (first, before_first);
            state.closed = closed;
        })?;
        self.progress.set_window_end(target + self.control.state.window);
        if !retired.is_empty() {
            self.give_up_twice()?;
        }
        let full = due.iter().filter(|segment| segment.end <= target);
        let path = |name: &str| self.storage.path(name);
        let sealed: Vec<_> =
            full.map(|s| SealedSegment { path: path(&s.name), base: s.base, end: s.end }).collect();
        if !self.hooks.call(&sealed, Some(target)) {
            self.fail(SyncError::HookPanicked { durable_end: target });
            return Ok(());
        }
        // Behind the hook: what it is told of may have been retired by the same sync, and is unlinked from
        // here on.
        self.hand_over(retired);
        Ok(())
    }

    fn update(&mut self, change: impl FnOnce(&mut ControlState)) -> Result<(), IoFault> {
        let control = &mut self.control;
        self.progress.whole_calls.count(Whole::Control, || control.update(change))
    }

    /// Has the older control slot give up too what the newer one has: should that one rot once the files are
    /// gone, the journal would miss them.
    fn give_up_twice(&mut self) -> Result<(), IoFault> {
        if protect::on(protect::RETIRE_BOTH) { self.update(|_| ()) } else { Ok(()) }
    }

    fn hand_over(&self, retired: Vec<Kept>) {
        if let Some(retainer) = &self.retainer {
            retainer.hand_over(retired);
        }
    }

    /// Ties each segment in which D comes to lie to the record before it. The sync of the segment's first
    /// records takes the link along, so it is on disk before D says that they are.
    fn link(&self, due: &[Arc<LiveSegment<S>>], from: u64) -> Result<(), IoFault> {
        for segment in due.iter().filter(|segment| segment.base >= from) {
            let before = self.bond_before(due, segment.base)?;
            segment.write_link(self.control.state.journal_id, before).map_err(|error| {
                IoFault::new("write the link of", self.storage.path(&segment.name), error)
            })?;
        }
        Ok(())
    }

    /// Epoch and checksum of the record below `end`, which is the last durable one or lies in a segment of
    /// `due`.
    fn bond_before(&self, due: &[Arc<LiveSegment<S>>], end: u64) -> Result<Bond, IoFault> {
        match due.iter().find(|segment| segment.base < end && end <= segment.end) {
            Some(segment) => segment
                .bond(end - 1)
                .map_err(|error| IoFault::new("read", self.storage.path(&segment.name), error)),
            None => Ok(self.control.state.last),
        }
    }

    /// Runs until `stop` says so.
    pub(crate) fn run(mut self, stop: &AtomicBool) -> Self {
        self.progress.set_syncer(std::thread::current());
        let mut pace = WriterPace::new(self.progress.journalled_end(), (GLANCE, 4 * GLANCE), GLANCE);
        let mut last = std::time::Instant::now();
        // Acquire: partner of the release store in `RunningThreads::end`.
        while !stop.load(Ordering::Acquire) {
            let half_used = self.window_room() < self.control.state.window / 2;
            let wanted = self.progress.wanted_end() > self.progress.durable_end();
            let waits = self.progress.wanted_epoch() > self.control.state.epoch;
            let due = match self.mode {
                SyncMode::None | SyncMode::EveryBatch => true,
                SyncMode::Every(interval) => {
                    half_used || wanted || waits || last.elapsed() >= interval || self.segments.is_crowded()
                }
            };
            if due {
                last = std::time::Instant::now();
                if self.step() {
                    continue;
                }
            }
            let sleep = match self.mode {
                SyncMode::Every(interval) => interval.saturating_sub(last.elapsed()).min(self.glance()),
                SyncMode::EveryBatch => GLANCE,
                SyncMode::None => pace.sleep(self.progress.journalled_end(), self.left()),
            };
            let progress = &self.progress;
            let (mode, epoch) = (self.mode, self.control.state.epoch);
            progress.syncer_sleep(sleep, || {
                let pending = progress.journalled_end() > progress.durable_end();
                let wanted = progress.wanted_end() > progress.durable_end();
                // A writer that waits for the window says so once, and may have said it before this thread
                // was to be woken.
                let full = mode == SyncMode::None && progress.journalled_end() >= progress.window_end();
                let due = full || wanted || mode == SyncMode::EveryBatch;
                let waits = progress.wanted_epoch() > epoch;
                ((due && pending || waits) && progress.sync_failure().is_none())
                    || stop.load(Ordering::Acquire)
            });
        }
        self
    }
}
