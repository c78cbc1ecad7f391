//! Why the journal takes no more records, or makes no more durable: at once, or once an append needs room.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use super::progress::Progress;
use crate::error::{IoFault, SyncError};

/// What has failed, or will.
#[derive(Debug, Default)]
pub(super) struct Failing {
    /// The disk is full, and a segment can't be made for now.
    disk_full: AtomicBool,
    /// What becomes of it once an append needs that segment, if the journal is to fail then.
    full: Mutex<Option<SyncError>>,
    failed: AtomicBool,
    /// An append was refused because the journal has failed, or the sync of a new segment failed.
    refused: AtomicBool,
    /// What keeps appended records from becoming durable.
    failure: OnceLock<SyncError>,
    /// What keeps records to come from being appended, and nothing else.
    no_room: OnceLock<SyncError>,
}

impl Progress {
    /// There is no room for the next segment. With `halt` the next append that needs it makes the journal
    /// fail.
    pub(crate) fn set_disk_full(&self, halt: Option<SyncError>) {
        *self.failing.full.lock().unwrap_or_else(PoisonError::into_inner) = halt;
        // Relaxed: for messages and counters, and whether to look at the above.
        self.failing.disk_full.store(true, Ordering::Relaxed);
    }

    /// There is room again.
    pub(crate) fn set_disk_has_room(&self) {
        if self.disk_full() {
            *self.failing.full.lock().unwrap_or_else(PoisonError::into_inner) = None;
            self.failing.disk_full.store(false, Ordering::Relaxed);
        }
    }

    /// An append needs room that there is not: the journal fails if it is to.
    pub(crate) fn halt_on_full(&self) {
        let full = self.failing.full.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(error) = full {
            self.fail(error);
        }
    }

    pub(crate) fn disk_full(&self) -> bool {
        self.failing.disk_full.load(Ordering::Relaxed)
    }

    /// Makes the journal fail for good. The first failure of each kind stays, and want of room is told last.
    pub(crate) fn fail(&self, error: SyncError) {
        let place = if error.is_of_what_is_ahead() { &self.failing.no_room } else { &self.failing.failure };
        let _ = place.set(error);
        // Release F: the failure is there before the flag. Partner: `failure` reads through the OnceLock,
        // which acquires by itself; the flag is the hot path's cheap look.
        self.failing.failed.store(true, Ordering::Release);
        self.notify();
    }

    /// A sync failed in preparing a segment. That is not made good by trying again, and is told whether or
    /// not an append needs the segment.
    pub(crate) fn fail_by_sync(&self, fault: IoFault) {
        // Relaxed: as in `refusal`; ordered by the flag that follows.
        self.failing.refused.store(true, Ordering::Relaxed);
        self.fail(SyncError::PrepareFailed { fault });
    }

    #[inline(always)]
    pub(crate) fn has_failed(&self) -> bool {
        // Relaxed: only whether to take the cold path, which reads the OnceLock.
        self.failing.failed.load(Ordering::Relaxed)
    }

    pub(crate) fn failure(&self) -> Option<&SyncError> {
        self.failing.failure.get().or(self.failing.no_room.get())
    }

    /// Notes that an append is refused, and gives the failure.
    pub(crate) fn refusal(&self) -> Option<&SyncError> {
        let failure = self.failure();
        if failure.is_some() {
            // Relaxed: read by whoever closes, in the writer's hand.
            self.failing.refused.store(true, Ordering::Relaxed);
        }
        failure
    }

    /// The failure, if it keeps what was appended from becoming durable. Want of room does not: that is
    /// missed by later appends alone.
    pub(crate) fn sync_failure(&self) -> Option<&SyncError> {
        self.failing.failure.get()
    }

    /// The failure, if closing has to tell of it. Room that no append ever missed is nobody's loss.
    pub(crate) fn closing_failure(&self) -> Option<&SyncError> {
        self.failing.failure.get().or(self
            .failing
            .no_room
            .get()
            .filter(|_| self.failing.refused.load(Ordering::Relaxed)))
    }
}
