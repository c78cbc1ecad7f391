//! The engine's fate, in one read-mostly word: running, halted, or closed.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering, compiler_fence, fence};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use super::barrier;
use super::park::Parking;
use crate::error::Halted;
use crate::lines::fate::Fate;

const HALTED: u32 = 1;
const CLOSED: u32 = 2;
/// The kernel has no `membarrier`: publishers fence for themselves.
const FENCED: u32 = 4;

/// Shared by publishers, lanes and the engine's handle.
#[derive(Debug)]
pub(crate) struct EngineStatus {
    word: AtomicU32,
    halted: OnceLock<Halted>,
    /// No event will ever have this sequence or a later one; `u64::MAX` while publishers may publish.
    final_end: AtomicU64,
    /// The lanes to wake when the word changes.
    parking: Arc<Parking>,
    /// Where monitors read of it, and the stages' names in its order.
    fate: Fate,
    stages: Vec<String>,
    /// Of each stage: its cursor never moves again.
    gone: Vec<AtomicBool>,
}

impl EngineStatus {
    pub(crate) fn new(parking: Arc<Parking>, fate: Fate, stages: Vec<String>) -> Self {
        let word = AtomicU32::new(if barrier::register() { 0 } else { FENCED });
        let gone = stages.iter().map(|_| AtomicBool::new(false)).collect();
        let final_end = AtomicU64::new(u64::MAX);
        EngineStatus { word, halted: OnceLock::new(), final_end, parking, fate, stages, gone }
    }

    /// Whether a publisher that has said that it begins may publish.
    #[inline(always)]
    pub(crate) fn lets_publish(&self) -> bool {
        // X: what the publisher said comes before this look. The compiler's word is enough; `refuse` makes
        // the processor's.
        compiler_fence(Ordering::SeqCst);
        // Relaxed: a publish that misses a halt is one that came before it: it is in the ring, and lanes
        // still drain that. One that misses the closing has been seen to begin.
        self.word.load(Ordering::Relaxed) == 0 || self.lets_publish_fenced()
    }

    /// The same without the kernel's help.
    #[cold]
    #[inline(never)]
    fn lets_publish_fenced(&self) -> bool {
        // X: the partner is the fence in `refuse`.
        fence(Ordering::SeqCst);
        self.word.load(Ordering::Relaxed) == FENCED
    }

    /// Whether the engine takes events.
    #[inline]
    pub(crate) fn is_running(&self) -> bool {
        // Relaxed: nothing is read behind it.
        self.word.load(Ordering::Relaxed) & (HALTED | CLOSED) == 0
    }

    /// Whether the engine has halted or been closed: lanes must not sleep then.
    pub(crate) fn is_changed(&self) -> bool {
        // Acquire H, C: whoever sees the word goes on to read what came before it.
        self.word.load(Ordering::Acquire) & (HALTED | CLOSED) != 0
    }

    /// Halts the engine; the first cause stays.
    pub(crate) fn halt(&self, halted: Halted) {
        if self.halted.set(halted).is_ok()
            && let Some(halted) = self.halted.get()
        {
            let stage = self.stages.iter().position(|name| *name == halted.stage);
            self.fate.halt(stage, halted.sequence, &halted.cause.to_string());
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

    /// Makes publishers fail with `Closed`. Whoever publishes all the same has been seen to begin when the
    /// first call returns; another that comes meanwhile returns at once.
    pub(crate) fn refuse(&self) {
        // Release H: it goes on with what `halt` released. X: ordered by what follows.
        let before = self.word.fetch_or(CLOSED, Ordering::Release);
        if before & CLOSED != 0 {
            return;
        }
        // X: the word comes before the look at the publishers. Every publisher's thread passes a barrier too:
        // what it said before that is seen here, and what it looks at behind it is the word as it is now.
        if before & FENCED != 0 {
            fence(Ordering::SeqCst);
        } else if !barrier::everywhere() {
            // Forbidden since it was granted. No store stays in a processor for so long.
            std::thread::sleep(Duration::from_millis(10));
        }
        self.fate.close();
        self.parking.wake_all();
    }

    /// Says that nothing is published any more, and where it ended.
    pub(crate) fn close(&self, end: u64) {
        // Release C: partner of Acquire C in `final_end`; whoever sees the end sees every event below it
        // published.
        self.final_end.store(end, Ordering::Release);
        self.parking.wake_all();
    }

    /// The stage `index` has failed or ended: its cursor is where it stays.
    pub(crate) fn leave(&self, index: usize) {
        // Release G: the cursor's last move comes before it.
        self.gone[index].store(true, Ordering::Release);
    }

    /// Whether the stage `index` has failed or ended.
    pub(crate) fn is_gone(&self, index: usize) -> bool {
        // Acquire G: its cursor, read behind this, is where it stays.
        self.gone[index].load(Ordering::Acquire)
    }

    /// Whether it is known where publishing ended.
    pub(crate) fn is_ending(&self) -> bool {
        self.final_end() != u64::MAX
    }

    pub(crate) fn final_end(&self) -> u64 {
        // Acquire C: see `close`.
        self.final_end.load(Ordering::Acquire)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::counters::board::Board;
    use crate::error::Cause;
    use crate::lines::format::LineLayout;

    #[test]
    fn publishers_that_fence_for_themselves_are_refused_all_the_same() {
        for word in [0, FENCED] {
            let board = Board::private(LineLayout { stages: 1 });
            let parking = Arc::new(Parking::new(0, board.lanes()));
            let status = EngineStatus::new(parking, board.fate(), vec!["a".to_owned()]);
            status.word.store(word, Ordering::Relaxed);
            assert!(status.lets_publish() && status.is_running() && !status.is_changed());
            status.refuse();
            assert!(!status.lets_publish() && !status.is_running() && status.is_changed());
            assert!(!status.is_ending() && !status.is_gone(0));
            status.close(7);
            status.leave(0);
            assert!(status.is_ending() && status.is_gone(0) && status.final_end() == 7);
            let halted = Halted { stage: "a".to_owned(), sequence: 3, cause: Cause::Lane(String::new()) };
            status.halt(halted);
            assert!(status.halted().is_some_and(|halted| halted.sequence == 3));
        }
    }
}
