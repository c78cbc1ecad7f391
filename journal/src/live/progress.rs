//! How far the journal is: the cursors that the writer, the syncer and everybody who waits share.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, OnceLock, PoisonError};

use crossbeam::utils::CachePadded;

use super::asked::Asked;
use super::failing::Failing;
use crate::tools::whole_calls::WholeCalls;

/// The shared cursors of one writer. An "end" is the last sequence finished plus one.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    /// Records below it are committed. Stored by the writer alone.
    journalled_end: CachePadded<AtomicU64>,
    /// Records below it are synced. Stored by the syncer alone.
    durable_end: CachePadded<AtomicU64>,
    /// Appends stay below it: what is durable by the control file, plus the window. Stored by the syncer
    /// alone.
    window_end: CachePadded<AtomicU64>,
    /// The greatest epoch that a record may have, by the control file. Stored by the syncer alone.
    known_epoch: AtomicU32,
    pub(super) failing: Failing,
    pub(super) asked: Asked,
    pub(super) closed: AtomicBool,
    /// The folder's name means another folder than the one that is written.
    pub(super) folder_moved: AtomicBool,
    pub(super) stalls: AtomicU64,
    /// The syncer is at work on the disk.
    pub(crate) syncing: AtomicBool,
    pub(crate) whole_calls: WholeCalls,
    pub(super) waiters: Mutex<()>,
    pub(super) changed: Condvar,
    /// Called at each change, on the thread that makes it.
    pub(super) on_change: OnChange,
}

/// What has changed; see [`Cursors::on_change`](crate::Cursors::on_change).
#[doc(hidden)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CursorChange {
    /// The sequence behind the last durable record.
    pub durable_end: u64,
    /// The journal has failed for good.
    pub failed: bool,
    /// See [`Cursors::folder_moved`](crate::Cursors::folder_moved).
    pub folder_moved: bool,
}

/// What the engine wants called; see [`Cursors::on_change`](crate::Cursors::on_change).
#[derive(Default)]
pub(super) struct OnChange(pub(super) OnceLock<Box<dyn Fn(CursorChange) + Send + Sync>>);

impl std::fmt::Debug for OnChange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.0.get().is_some() { "OnChange(set)" } else { "OnChange(none)" })
    }
}

impl Progress {
    /// Begins where an opening of the journal has found its end. Again, for whoever holds these cursors, if
    /// the one who closed the journal opens it as something else: no thread of it runs meanwhile.
    pub(crate) fn begin(&self, end: u64, window: u64, epoch: u32) {
        // Relaxed: nobody has them, or all of it is what they say already but for the window and the epoch,
        // which the writer alone looks at, on the thread that opens it.
        self.known_epoch.store(epoch, Ordering::Relaxed);
        self.journalled_end.store(end, Ordering::Relaxed);
        self.durable_end.store(end, Ordering::Relaxed);
        self.window_end.store(end + window, Ordering::Relaxed);
        self.closed.store(false, Ordering::Relaxed);
        self.need_segment(0);
    }

    #[inline(always)]
    pub(crate) fn set_journalled_end(&self, end: u64) {
        // Release J: the words of every record below `end` are in the map before the cursor says so.
        self.journalled_end.store(end, Ordering::Release);
    }

    #[inline]
    pub(crate) fn journalled_end(&self) -> u64 {
        // Acquire J: whoever reads the cursor (syncer, preparer, waiters) may then read or sync those words.
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

    pub(crate) fn set_known_epoch(&self, epoch: u32) {
        // Release E: the control file has the epoch, on disk, before a record gets it. Partner: Acquire E.
        self.known_epoch.store(epoch, Ordering::Release);
    }

    pub(crate) fn known_epoch(&self) -> u32 {
        // Acquire E: see Release E.
        self.known_epoch.load(Ordering::Acquire)
    }

    /// Notes whether the folder's name means another one by now.
    pub(crate) fn set_folder_moved(&self, moved: bool) {
        // Relaxed: it orders nothing else.
        if self.folder_moved.swap(moved, Ordering::Relaxed) != moved {
            self.notify();
        }
    }

    pub(crate) fn count_stall(&self) {
        self.stalls.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn set_closed(&self) {
        self.closed.store(true, Ordering::Release);
        self.notify();
    }

    pub(super) fn notify(&self) {
        drop(self.waiters.lock().unwrap_or_else(PoisonError::into_inner));
        self.changed.notify_all();
        if let Some(on_change) = self.on_change.0.get() {
            let folder_moved = self.folder_moved.load(Ordering::Relaxed);
            let (durable_end, failed) = (self.durable_end(), self.has_failed());
            on_change(CursorChange { durable_end, failed, folder_moved });
        }
    }
}
