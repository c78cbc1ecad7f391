//! Lanes without a thread: whoever calls runs them, and so does every call that waits.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, PoisonError, TryLockError};

use slipring_journal::Event;

use super::lane::{Named, Run};

/// The caller's lanes, type-erased for whoever only needs them driven.
pub(crate) trait Drive: Send + Sync {
    /// One turn of every lane; the events finished. Nothing if somebody else is at it: then he drives.
    fn drive(&self) -> u64;
}

/// The lanes of one engine that have no thread.
pub(crate) struct Invoked<E: Event> {
    lanes: Mutex<Lanes<E>>,
}

struct Lanes<E: Event> {
    runs: Vec<Run<E>>,
    started: bool,
}

impl<E: Event> Invoked<E> {
    pub(crate) fn new(runs: Vec<Run<E>>) -> Self {
        Invoked { lanes: Mutex::new(Lanes { runs, started: false }) }
    }

    /// Whether a stage is not at its end; true while somebody drives.
    pub(crate) fn is_running(&self) -> bool {
        let lanes = match self.lanes.try_lock() {
            Ok(lanes) => lanes,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return true,
        };
        lanes.runs.iter().any(|run| !run.stages.is_empty())
    }

    /// Takes the stages, once all have ended. A publisher may still drive the lanes: it has nothing to do,
    /// and lets go at once.
    pub(crate) fn take_all(&self) -> Vec<Named<E>> {
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        lanes.runs.iter_mut().flat_map(|run| std::mem::take(&mut run.ended)).collect()
    }

    /// Takes the stages that have ended; none if somebody still drives them.
    pub(crate) fn take_ended(&self) -> Vec<Named<E>> {
        let mut lanes = match self.lanes.try_lock() {
            Ok(lanes) => lanes,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return Vec::new(),
        };
        lanes.runs.iter_mut().flat_map(|run| std::mem::take(&mut run.ended)).collect()
    }
}

impl<E: Event> Drive for Invoked<E> {
    fn drive(&self) -> u64 {
        let mut lanes = match self.lanes.try_lock() {
            Ok(lanes) => lanes,
            // Nothing panics in a turn: handlers are caught inside.
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return 0,
        };
        let is_first = !std::mem::replace(&mut lanes.started, true);
        let turn = |run: &mut Run<E>| {
            // Handlers are caught inside, where it is known which: this is for what else may panic.
            let turn = catch_unwind(AssertUnwindSafe(|| {
                if is_first {
                    run.start();
                }
                run.turn()
            }));
            turn.unwrap_or_else(|panic| {
                run.break_off(panic);
                0
            })
        };
        lanes.runs.iter_mut().map(turn).sum()
    }
}
