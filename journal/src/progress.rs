//! How far the journal is: the cursors that the writer, the syncer and everybody who waits share.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, OnceLock, PoisonError};
use std::thread::Thread;
use std::time::{Duration, Instant};

use crossbeam::utils::CachePadded;

use crate::error::{IoFault, SyncError};

/// The shared cursors of one writer. An "end" is the last sequence finished plus one.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    /// Records below it are committed. Stored by the writer alone.
    journalled_end: CachePadded<AtomicU64>,
    /// Records below it are synced. Stored by the syncer alone.
    durable_end: CachePadded<AtomicU64>,
    /// No append at or behind it: D on disk plus W. Stored by the syncer alone.
    window_end: CachePadded<AtomicU64>,
    /// Somebody waits for everything below it to be durable.
    wanted_end: AtomicU64,
    /// An append waits for the segment that begins at this sequence; 0 if none ever did.
    needed_base: AtomicU64,
    /// The disk is full, and a segment can't be made for now.
    disk_full: AtomicBool,
    /// What becomes of it once an append needs that segment, if the journal is to fail then.
    full: Mutex<Option<SyncError>>,
    failed: AtomicBool,
    /// An append was refused because the journal has failed, or a sync of a segment to come did.
    refused: AtomicBool,
    /// What keeps appended records from becoming durable.
    failure: OnceLock<SyncError>,
    /// What keeps records to come from being appended, and nothing else.
    no_room: OnceLock<SyncError>,
    closed: AtomicBool,
    /// The folder's name means another folder than the one that is written.
    folder_moved: AtomicBool,
    stalls: AtomicU64,
    /// The syncer's thread, to be woken.
    syncer: OnceLock<Thread>,
    /// The helper's thread, to be woken by a writer that waits for it.
    helper: OnceLock<Thread>,
    /// The syncer is about to sleep or asleep.
    syncer_sleeps: AtomicBool,
    waiters: Mutex<()>,
    changed: Condvar,
    /// Called on the journal's threads when D moves or the journal fails.
    on_change: OnChange,
}

/// What has changed; see [`Cursors::on_change`].
#[doc(hidden)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// The sequence behind the last durable record.
    pub durable_end: u64,
    /// The journal has failed for good.
    pub failed: bool,
    /// See [`Cursors::folder_moved`].
    pub folder_moved: bool,
}

/// What the engine wants called; see [`Cursors::on_change`].
#[derive(Default)]
struct OnChange(OnceLock<Box<dyn Fn(Change) + Send + Sync>>);

impl std::fmt::Debug for OnChange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.0.get().is_some() { "OnChange(set)" } else { "OnChange(none)" })
    }
}

impl Progress {
    pub(crate) fn new(end: u64, window: u64) -> Arc<Self> {
        let progress = Progress::default();
        progress.journalled_end.store(end, Ordering::Relaxed);
        progress.durable_end.store(end, Ordering::Relaxed);
        progress.window_end.store(end + window, Ordering::Relaxed);
        Arc::new(progress)
    }

    #[inline(always)]
    pub(crate) fn set_journalled_end(&self, end: u64) {
        // Release J: the words of every record below `end` are in the map before the cursor says so.
        self.journalled_end.store(end, Ordering::Release);
    }

    #[inline]
    pub(crate) fn journalled_end(&self) -> u64 {
        // Acquire J: whoever reads the cursor (syncer, helper, waiters) may then read or sync those words.
        self.journalled_end.load(Ordering::Acquire)
    }

    pub(crate) fn set_durable_end(&self, end: u64) {
        // Release D: the sync has returned before the cursor says so. Partner: Acquire D.
        self.durable_end.store(end, Ordering::Release);
        self.notify();
    }

    #[inline]
    pub(crate) fn durable_end(&self) -> u64 {
        // Acquire D: see Release D.
        self.durable_end.load(Ordering::Acquire)
    }

    pub(crate) fn set_window_end(&self, end: u64) {
        // Release W: D is on disk before the writer may use the room that it gives. Partner: Acquire W.
        self.window_end.store(end, Ordering::Release);
    }

    pub(crate) fn window_end(&self) -> u64 {
        // Acquire W: see Release W.
        self.window_end.load(Ordering::Acquire)
    }

    pub(crate) fn wanted_end(&self) -> u64 {
        // Relaxed: a hint; the syncer looks again after at most one sleep, and is woken.
        self.wanted_end.load(Ordering::Relaxed)
    }

    /// Asks the syncer to make everything below `end` durable soon, whatever its mode.
    pub(crate) fn want(&self, end: u64) {
        self.wanted_end.fetch_max(end, Ordering::Relaxed);
        self.wake_syncer();
    }

    /// An append needs the segment that begins at `base`: from here on it is a failure if that can't be made.
    pub(crate) fn need_segment(&self, base: u64) {
        // Relaxed: the helper is woken behind this, and looks again by itself.
        self.needed_base.store(base, Ordering::Relaxed);
    }

    /// Whether an append waits for the segment that begins at `base`, which is never the first.
    pub(crate) fn needs_segment(&self, base: u64) -> bool {
        base > 0 && self.needed_base.load(Ordering::Relaxed) == base
    }

    /// There is no room for the next segment. With `halt` the next append that needs it makes the journal fail.
    pub(crate) fn set_disk_full(&self, halt: Option<SyncError>) {
        *self.full.lock().unwrap_or_else(PoisonError::into_inner) = halt;
        // Relaxed: for messages and counters, and whether to look at the above.
        self.disk_full.store(true, Ordering::Relaxed);
    }

    /// There is room again.
    pub(crate) fn set_disk_has_room(&self) {
        if self.disk_full() {
            *self.full.lock().unwrap_or_else(PoisonError::into_inner) = None;
            self.disk_full.store(false, Ordering::Relaxed);
        }
    }

    /// An append needs room that there is not: the journal fails if it is to.
    pub(crate) fn halt_on_full(&self) {
        let full = self.full.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(error) = full {
            self.fail(error);
        }
    }

    pub(crate) fn disk_full(&self) -> bool {
        self.disk_full.load(Ordering::Relaxed)
    }

    /// Notes whether the folder's name means another one by now.
    pub(crate) fn set_folder_moved(&self, moved: bool) {
        // Relaxed: for messages and counters only.
        if self.folder_moved.swap(moved, Ordering::Relaxed) != moved {
            self.notify();
        }
    }

    pub(crate) fn count_stall(&self) {
        self.stalls.fetch_add(1, Ordering::Relaxed);
    }

    /// Makes the journal fail for good; the first failure stays, but that want of room gives way to what is worse.
    pub(crate) fn fail(&self, error: SyncError) {
        let place = if error.is_of_what_is_ahead() { &self.no_room } else { &self.failure };
        let _ = place.set(error);
        // Release F: the failure is there before the flag. Partner: `failure` reads through the OnceLock, which
        // acquires by itself; the flag is the hot path's cheap look.
        self.failed.store(true, Ordering::Release);
        self.notify();
    }

    /// A sync failed in preparing a segment. That is not made good by trying again, and is told whether or not an append
    /// needs the segment.
    pub(crate) fn fail_by_sync(&self, fault: IoFault) {
        // Relaxed: as in `refusal`; ordered by the flag that follows.
        self.refused.store(true, Ordering::Relaxed);
        self.fail(SyncError::PrepareFailed { fault });
    }

    #[inline(always)]
    pub(crate) fn has_failed(&self) -> bool {
        // Relaxed: only whether to take the cold path, which reads the OnceLock.
        self.failed.load(Ordering::Relaxed)
    }

    pub(crate) fn failure(&self) -> Option<&SyncError> {
        self.failure.get().or(self.no_room.get())
    }

    /// The failure, for an append that it refuses.
    pub(crate) fn refusal(&self) -> Option<&SyncError> {
        let failure = self.failure();
        if failure.is_some() {
            // Relaxed: read by whoever closes, in the writer's hand.
            self.refused.store(true, Ordering::Relaxed);
        }
        failure
    }

    /// The failure, if it keeps what was appended from becoming durable. Want of room does not: that is missed by later
    /// appends alone.
    pub(crate) fn sync_failure(&self) -> Option<&SyncError> {
        self.failure.get()
    }

    /// The failure, if closing has to tell of it. Room that no append ever missed is nobody's loss.
    pub(crate) fn closing_failure(&self) -> Option<&SyncError> {
        self.failure.get().or(self.no_room.get().filter(|_| self.refused.load(Ordering::Relaxed)))
    }

    pub(crate) fn set_closed(&self) {
        self.closed.store(true, Ordering::Release);
        self.notify();
    }

    pub(crate) fn set_syncer(&self, thread: Thread) {
        let _ = self.syncer.set(thread);
    }

    pub(crate) fn set_helper(&self, thread: Thread) {
        let _ = self.helper.set(thread);
    }

    /// Wakes the helper; for a writer that waits for a segment, never otherwise: it is a system call.
    pub(crate) fn wake_helper(&self) {
        if let Some(thread) = self.helper.get() {
            thread.unpark();
        }
    }

    /// Wakes the syncer if it sleeps.
    pub(crate) fn wake_syncer(&self) {
        // SeqCst S: the caller's news (journalled or wanted end) is stored before this look; the syncer stores
        // `syncer_sleeps` and then looks at the news. One order for all four: one of the two sees the other.
        std::sync::atomic::fence(Ordering::SeqCst);
        if self.syncer_sleeps.load(Ordering::Relaxed)
            && self.syncer_sleeps.swap(false, Ordering::Relaxed)
            && let Some(thread) = self.syncer.get()
        {
            thread.unpark();
        }
    }

    /// Lets the syncer's thread sleep unless `news` says that there is something to do.
    pub(crate) fn syncer_sleep(&self, longest: Duration, news: impl Fn() -> bool) {
        self.syncer_sleeps.store(true, Ordering::Relaxed);
        // SeqCst S: see `wake_syncer`.
        std::sync::atomic::fence(Ordering::SeqCst);
        if !news() {
            std::thread::park_timeout(longest);
        }
        self.syncer_sleeps.store(false, Ordering::Relaxed);
    }

    fn notify(&self) {
        drop(self.waiters.lock().unwrap_or_else(PoisonError::into_inner));
        self.changed.notify_all();
        if let Some(on_change) = self.on_change.0.get() {
            let folder_moved = self.folder_moved.load(Ordering::Relaxed);
            let (durable_end, failed) = (self.durable_end(), self.has_failed());
            on_change(Change { durable_end, failed, folder_moved });
        }
    }
}

/// The cursors of a journal that is being written, for whoever waits for it or watches it.
///
/// They change at any time and never go back.
#[derive(Clone, Debug)]
pub struct Cursors {
    progress: Arc<Progress>,
}

impl Cursors {
    pub(crate) fn new(progress: Arc<Progress>) -> Self {
        Cursors { progress }
    }

    /// The sequence behind the last journalled record.
    #[inline]
    pub fn journalled_end(&self) -> u64 {
        self.progress.journalled_end()
    }

    /// The sequence behind the last durable record.
    #[inline]
    pub fn durable_end(&self) -> u64 {
        self.progress.durable_end()
    }

    /// How often an append had to wait for room.
    pub fn stalls(&self) -> u64 {
        self.progress.stalls.load(Ordering::Relaxed)
    }

    /// Whether the next segment can't be made because the disk is full.
    pub fn disk_full(&self) -> bool {
        self.progress.disk_full()
    }

    /// Whether the folder's name means another folder by now, or none: it was renamed, removed or mounted over, or a link
    /// in its path was turned. The journal goes on in the folder that was opened. Looked at about once a second, and at
    /// closing.
    pub fn folder_moved(&self) -> bool {
        // Relaxed: a figure.
        self.progress.folder_moved.load(Ordering::Relaxed)
    }

    /// Why the journal has failed for good, if it has.
    pub fn failure(&self) -> Option<SyncError> {
        self.progress.failure().cloned()
    }

    /// The failure, if closing will tell of it.
    #[doc(hidden)]
    pub fn closing_failure(&self) -> Option<SyncError> {
        self.progress.closing_failure().cloned()
    }

    /// The failure, if it keeps what was appended from becoming durable; [`Cursors::failure`] tells of want of room too.
    #[doc(hidden)]
    pub fn sync_failure(&self) -> Option<SyncError> {
        self.progress.sync_failure().cloned()
    }

    /// Whether the writer has been closed: the other cursors, read after this, never move again.
    pub fn is_closed(&self) -> bool {
        // Acquire C: partner of the store in `set_closed`; the cursors are final by then.
        self.progress.closed.load(Ordering::Acquire)
    }

    /// Has `call` called on one of the journal's threads whenever the durable cursor has moved, the journal has failed or
    /// its folder's name means another one, so that whoever sleeps till then can be woken. It must be quick and not
    /// panic. Once only: false if something is set already.
    ///
    /// `call` must not hold these cursors, or they would hold each other.
    #[doc(hidden)]
    pub fn on_change(&self, call: impl Fn(Change) + Send + Sync + 'static) -> bool {
        self.progress.on_change.0.set(Box::new(call)).is_ok()
    }

    /// Asks the syncer to make every record below `end` durable soon, in whatever mode it is. Does not wait.
    pub fn request_durable(&self, end: u64) {
        self.progress.want(end);
    }

    /// Waits until the record `sequence` is durable.
    ///
    /// It asks the syncer for it, so that it works in every mode, `SyncMode::None` too.
    ///
    /// # Errors
    /// [`SyncError::TimedOut`] after `timeout`; [`SyncError::NotJournalled`] if there is no such record yet;
    /// [`SyncError::Closed`] or the journal's failure if it will never be.
    pub fn wait_durable(&self, sequence: u64, timeout: Duration) -> Result<(), SyncError> {
        let progress = &*self.progress;
        let deadline = Instant::now().checked_add(timeout);
        let journalled_end = progress.journalled_end();
        if sequence >= journalled_end {
            let failure = progress.failure().cloned();
            return Err(failure.unwrap_or(SyncError::NotJournalled { sequence, journalled_end }));
        }
        progress.want(sequence + 1);
        let mut guard = progress.waiters.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let durable_end = progress.durable_end();
            if durable_end > sequence {
                return Ok(());
            }
            if let Some(failure) = progress.sync_failure() {
                return Err(failure.clone());
            }
            // Acquire C: partner of the store in `set_closed`; D is final by then.
            if progress.closed.load(Ordering::Acquire) && progress.durable_end() <= sequence {
                return Err(SyncError::Closed { durable_end });
            }
            let left =
                deadline.map_or(Duration::from_secs(3600), |d| d.saturating_duration_since(Instant::now()));
            if left.is_zero() {
                return Err(SyncError::TimedOut { sequence, durable_end });
            }
            let waited = progress.changed.wait_timeout(guard, left);
            guard = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}
