//! The engine's fate, in one read-mostly word: running, halted, or closed.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use slipring_journal::AppendError;

use crate::counters::Board;
use crate::kept::KeepError;
use crate::kept::digests::Divergence;
use crate::park::Parking;

/// Why and where the engine stopped for good.
#[derive(Clone, Debug, thiserror::Error)]
#[error("halted by stage {stage} at sequence {sequence}: {cause}")]
pub struct Halted {
    /// The stage that failed.
    pub stage: String,
    /// The sequence that it did not finish. Stages gated on it stop before it.
    pub sequence: u64,
    /// What happened.
    pub cause: Cause,
}

/// What made a stage fail.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Cause {
    /// The handler panicked; the panic's message.
    #[error("its handler panicked: {0}")]
    Panic(String),
    /// The handler returned an error.
    #[error("its handler failed: {0}")]
    Error(Arc<dyn std::error::Error + Send + Sync>),
    /// Its lane's wait strategy panicked, or the lane did.
    #[error("its lane panicked while it waited: {0}")]
    Lane(String),
    /// The journal took no more.
    #[error("the journal failed: {0}")]
    Journal(AppendError),
    /// Replay came to another state than the one that was logged.
    #[error(transparent)]
    Diverged(Divergence),
    /// What the stage keeps beside the journal could not be read or written.
    #[error("what it keeps beside the journal failed: {0}")]
    Keep(Arc<KeepError>),
}

const HALTED: u32 = 1;
const CLOSED: u32 = 2;

/// Shared by publishers, lanes and the engine's handle.
#[derive(Debug)]
pub(crate) struct Status {
    word: AtomicU32,
    halted: OnceLock<Halted>,
    /// No event will ever have this sequence or a later one; `u64::MAX` while publishers may publish.
    final_end: AtomicU64,
    /// The lanes to wake when the word changes.
    parking: Arc<Parking>,
    /// Where monitors read of it, and the stages' names in its order.
    board: Arc<Board>,
    stages: Vec<String>,
}

impl Status {
    pub(crate) fn new(parking: Arc<Parking>, board: Arc<Board>, stages: Vec<String>) -> Self {
        let (word, final_end) = (AtomicU32::new(0), AtomicU64::new(u64::MAX));
        Status { word, halted: OnceLock::new(), final_end, parking, board, stages }
    }

    /// Whether a publisher may go on. Read before each publish.
    #[inline(always)]
    pub(crate) fn is_running(&self) -> bool {
        // Relaxed: a publish that misses the news is one that came before it. Its event is in the ring, the
        // journal still drains it, and the publisher's next call sees the word.
        self.word.load(Ordering::Relaxed) == 0
    }

    /// Whether the engine has halted or been closed: lanes must not sleep then.
    pub(crate) fn is_changed(&self) -> bool {
        // Acquire H, C: whoever sees the word goes on to read what came before it.
        self.word.load(Ordering::Acquire) != 0
    }

    /// Halts the engine; the first cause stays.
    pub(crate) fn halt(&self, halted: Halted) {
        if self.halted.set(halted).is_ok()
            && let Some(halted) = self.halted.get()
        {
            self.board.halt(self.stages.iter().position(|name| *name == halted.stage), halted);
        }
        // Release H: the cause is there before the word says so. Partner: Acquire H.
        self.word.fetch_or(HALTED, Ordering::Release);
        self.parking.wake_all();
    }

    pub(crate) fn halted(&self) -> Option<&Halted> {
        // Acquire H: see `halt`.
        let halted = self.word.load(Ordering::Acquire) & HALTED != 0;
        if halted { self.halted.get() } else { None }
    }

    /// Says that nothing is published any more, and where it ended.
    pub(crate) fn close(&self, end: u64) {
        // Release C: partner of Acquire C in `final_end`; whoever sees the end sees every event below it
        // published, for the publishers are gone by then.
        self.final_end.store(end, Ordering::Release);
        self.refuse();
    }

    /// Makes publishers fail with `Closed`.
    pub(crate) fn refuse(&self) {
        self.word.fetch_or(CLOSED, Ordering::Release);
        self.board.close();
        self.parking.wake_all();
    }

    pub(crate) fn final_end(&self) -> u64 {
        // Acquire C: see `close`.
        self.final_end.load(Ordering::Acquire)
    }
}
