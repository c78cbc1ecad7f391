//! What all publishers of an engine share.

use std::any::Any;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use slipring_journal::__private::storage::Files;

use super::times::TimeBounds;
use crate::clock::Clock;
use crate::cursors::cursor::Cursor;
use crate::cursors::park::Parking;
use crate::cursors::status::EngineStatus;
use crate::error::{Cause, Halted};
use crate::lines::format::{CursorLine, PublishersLine};
use crate::lines::told::Told;
use crate::panics;
use crate::ring::Claim;
use crate::work::invoked::Drive;

/// What all publishers of an engine share.
pub(crate) struct Outlet {
    pub(crate) status: Arc<EngineStatus>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) capacity: usize,
    /// How far each publisher is that is there.
    pub(crate) claims: Mutex<Vec<Arc<Claim>>>,
    /// There is one, and never will be another.
    pub(crate) is_single: bool,
    pub(crate) published: PublishedEnd,
    /// Each stage's cursor, to say how much room there is.
    pub(crate) stages: Vec<Cursor>,
    pub(crate) parking: Arc<Parking>,
    pub(crate) counters: Told<PublishersLine>,
    pub(crate) times: TimeBounds,
    /// Where the engine's journal is, for whoever compares with what it holds.
    pub(crate) journal: Option<Files>,
    /// The lanes that the caller runs, if there are any: a publisher that waits runs them.
    pub(crate) drive: Option<Arc<dyn Drive>>,
}

/// How far publishing is.
pub(crate) struct PublishedEnd {
    /// The sequence behind the last event published; of several publishers raised by each when it goes.
    pub(super) cursor: Cursor,
    /// Where other processes read of it.
    told: Told<CursorLine>,
}

impl PublishedEnd {
    pub(crate) fn new(cursor: Cursor, told: Told<CursorLine>) -> Self {
        PublishedEnd { cursor, told }
    }

    /// The sequence behind the last event that is known to be published.
    #[inline]
    pub(crate) fn end(&self) -> u64 {
        self.cursor.end()
    }

    /// Everything below `end` is published.
    pub(crate) fn raise(&self, end: u64) {
        self.cursor.raise(end);
    }

    /// Tells other processes.
    #[inline]
    pub(super) fn show(&self) {
        if let Some(copy) = self.told.copy() {
            // Relaxed: a figure. Of several publishers one may store what another has overtaken; readers have
            // the stages' too.
            copy.end.store(self.end(), Ordering::Relaxed);
        }
    }
}

impl Outlet {
    /// The engine's clock has panicked.
    #[cold]
    pub(super) fn clock_failed(&self, panic: Box<dyn Any + Send>) -> u64 {
        let (sequence, cause) = (self.published.end(), Cause::Clock(panics::text(panic)));
        self.status.halt(Halted { stage: "publisher".to_owned(), sequence, cause });
        0
    }

    pub(super) fn claims(&self) -> MutexGuard<'_, Vec<Arc<Claim>>> {
        self.claims.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The sequence behind the last event published, once no publisher is in the midst of a publish; for who
    /// has closed publishing. Whoever begins one later finds it closed.
    pub(crate) fn settled_end(&self) -> Option<u64> {
        let claims = self.claims();
        for claim in &*claims {
            let end = claim.settled()?;
            if !self.is_single {
                self.published.raise(end);
            } else if end != self.published.end() {
                return None;
            }
        }
        Some(self.published.end())
    }
}
