//! X: publishing is closed while publishers are at it, with fences and with the kernel's `membarrier`.

use loom::sync::Arc;
use loom::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release, SeqCst};
use loom::sync::atomic::{AtomicU64, Ordering, fence};
use loom::thread;

use super::park::{Barrier, Membarrier};
use super::{explore, finds_a_fault};

const CLOSED: u64 = 1;
const BUSY: u64 = 1 << 63;

/// What the code has of it, and the ring's slot.
#[derive(Default)]
struct Ring {
    word: AtomicU64,
    claim: AtomicU64,
    published: AtomicU64,
    slot: AtomicU64,
    membarrier: Membarrier,
}

impl Ring {
    /// `ring/producer.rs` `try_publish` of the only publisher, and `Publisher::note`: whether it was
    /// published.
    fn publish_alone(&self, barrier: Barrier) -> bool {
        self.begin(1, barrier);
        let may = self.word.load(Relaxed) == 0;
        self.membarrier.point();
        if may {
            self.slot.store(1, Relaxed);
            self.published.store(1, Release);
        } else {
            self.claim.store(0, Release);
        }
        self.membarrier.end();
        may
    }

    /// The same of one of several; the release is that of the claim.
    fn publish_among(&self, barrier: Barrier, settle: Ordering) -> bool {
        self.begin(BUSY, barrier);
        let may = self.word.load(Relaxed) == 0;
        self.membarrier.point();
        if may {
            self.slot.store(1, Relaxed);
        }
        self.claim.store(u64::from(may), settle);
        self.membarrier.end();
        may
    }

    /// `status.rs` `lets_publish`, up to the look at the word.
    fn begin(&self, claim: u64, barrier: Barrier) {
        self.membarrier.point();
        self.claim.store(claim, Relaxed);
        match barrier {
            Barrier::Fences(order) => fence(order),
            _ => self.membarrier.point(),
        }
    }

    /// `status.rs` `refuse`.
    fn refuse(&self, barrier: Barrier) {
        self.word.fetch_or(CLOSED, Release);
        match barrier {
            Barrier::Fences(order) => fence(order),
            Barrier::Membarrier => self.membarrier.call(),
            Barrier::OneFence => fence(SeqCst),
            Barrier::None => {}
        }
    }

    /// `publisher.rs` `settled_end`.
    fn settled_end(&self, alone: bool) -> Option<u64> {
        let claim = self.claim.load(Acquire);
        let end = if alone { self.published.load(Acquire) } else { claim & !BUSY };
        (claim == end).then_some(end)
    }
}

/// Where publishing ended covers what was published and nothing else, and all of that is there.
fn closing(barrier: Barrier, alone: bool, settle: Ordering) {
    let ring = Arc::new(Ring::default());
    let publisher = {
        let ring = Arc::clone(&ring);
        thread::spawn(
            move || if alone { ring.publish_alone(barrier) } else { ring.publish_among(barrier, settle) },
        )
    };
    ring.refuse(barrier);
    // Who closes looks again until it is so; here only the executions count in which it is.
    let end = ring.settled_end(alone);
    let is_there = ring.slot.load(Relaxed);
    let is_published = publisher.join().unwrap();
    if let Some(end) = end {
        assert_eq!(end, u64::from(is_published), "the end covers what was published");
        assert!(is_there >= end, "and it is there");
    }
}

#[test]
fn closing_x() {
    for alone in [true, false] {
        explore(move || closing(Barrier::Fences(SeqCst), alone, Release));
        explore(move || closing(Barrier::Membarrier, alone, Release));
    }
}

#[test]
fn control_closing_x() {
    for alone in [true, false] {
        finds_a_fault(move || closing(Barrier::Fences(AcqRel), alone, Release));
        finds_a_fault(move || closing(Barrier::OneFence, alone, Release));
        finds_a_fault(move || closing(Barrier::None, alone, Release));
    }
    finds_a_fault(|| closing(Barrier::Fences(SeqCst), false, Relaxed));
}
