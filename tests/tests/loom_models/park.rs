//! K: parking and waking, with fences and with the kernel's `membarrier`.

use loom::sync::Arc;
use loom::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release, SeqCst};
use loom::sync::atomic::{AtomicBool, AtomicU64, Ordering, fence};
use loom::thread;

use super::{explore, finds_a_fault};

/// How the two sides of K, or of X, are ordered.
#[derive(Clone, Copy)]
pub(super) enum Barrier {
    /// A fence of this order on both sides.
    Fences(Ordering),
    /// The sleeping side (or who closes) makes the other thread pass a fence.
    Membarrier,
    /// A fence on the sleeping side and none on the waker's: a control.
    OneFence,
    /// Nothing: a control.
    None,
}

/// The kernel's `membarrier` as loom can have it: at one point between the call and its return the other
/// thread passes a fence. What that thread did before the point is seen behind the call; what the caller did
/// before the call is seen behind the point.
#[derive(Default)]
pub(super) struct Membarrier {
    asked: AtomicBool,
    passed: AtomicBool,
}

impl Membarrier {
    /// A place in the waker's code where the interrupt may come.
    pub(super) fn point(&self) {
        if self.asked.load(Acquire) && !self.passed.load(Relaxed) {
            fence(SeqCst);
            self.passed.store(true, Release);
        }
    }

    /// A thread that runs no more needs no interrupt.
    pub(super) fn end(&self) {
        fence(SeqCst);
        self.passed.store(true, Release);
    }

    pub(super) fn call(&self) {
        fence(SeqCst);
        self.asked.store(true, Release);
        while !self.passed.load(Acquire) {
            thread::yield_now();
        }
        fence(SeqCst);
    }
}

/// K, `engine/src/cursors/park.rs` `wake` and `park`, `engine/src/cursors/cursor.rs`: each of the lanes
/// parked at a cursor sees it move or is woken. The mover takes all marks at once, and a lane that is up
/// again takes its own off.
fn park_handshake(barrier: Barrier, lanes: u64) {
    let end = Arc::new(AtomicU64::new(0));
    let parked = Arc::new(AtomicU64::new(0));
    let membarrier = Arc::new(Membarrier::default());
    let sleepers: Vec<_> = (0..lanes)
        .map(|lane| {
            let (end, parked, membarrier) = (Arc::clone(&end), Arc::clone(&parked), Arc::clone(&membarrier));
            thread::spawn(move || {
                parked.fetch_or(1 << lane, Relaxed);
                match barrier {
                    Barrier::Fences(order) => fence(order),
                    Barrier::Membarrier => membarrier.call(),
                    Barrier::OneFence => fence(SeqCst),
                    Barrier::None => {}
                }
                // Parks if it is not so; awake, its mark is of no use any more.
                let sees = end.load(Acquire) == 1;
                if sees {
                    parked.fetch_and(!(1 << lane), Relaxed);
                }
                sees
            })
        })
        .collect();
    let points = matches!(barrier, Barrier::Membarrier);
    let point = || {
        if points {
            membarrier.point()
        }
    };
    point();
    end.store(1, Release);
    match barrier {
        Barrier::Fences(order) => fence(order),
        _ => point(),
    }
    let mut unparked = 0;
    if parked.load(Relaxed) != 0 {
        point();
        unparked = parked.swap(0, Relaxed);
    }
    membarrier.end();
    for (lane, sleeper) in sleepers.into_iter().enumerate() {
        let sees = sleeper.join().unwrap();
        assert!(sees || unparked & (1 << lane) != 0, "lane {lane} sleeps and nobody wakes it");
    }
}

#[test]
fn park_k_with_fences() {
    explore(|| park_handshake(Barrier::Fences(SeqCst), 1));
    explore(|| park_handshake(Barrier::Fences(SeqCst), 2));
}

#[test]
fn park_k_with_membarrier() {
    explore(|| park_handshake(Barrier::Membarrier, 1));
}

#[test]
fn control_park_k() {
    finds_a_fault(|| park_handshake(Barrier::Fences(AcqRel), 1));
    finds_a_fault(|| park_handshake(Barrier::OneFence, 1));
    finds_a_fault(|| park_handshake(Barrier::None, 1));
}
