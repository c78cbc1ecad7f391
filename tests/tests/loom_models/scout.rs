//! U: how far several publishers have published, which one lane finds and the others take over.

use loom::sync::Arc;
use loom::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use loom::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use loom::thread;

use super::{explore, finds_a_fault};

/// One slot, the publisher's mark for it, and the scout with its lock.
#[derive(Default)]
struct Ring {
    slot: AtomicU64,
    mark: AtomicU64,
    lock: AtomicBool,
    scouted: AtomicU64,
}

/// The orderings that the controls weaken; they are the crate's.
#[derive(Clone, Copy)]
struct Orders {
    mark: Ordering,
    scouted: Ordering,
}

const RIGHT: Orders = Orders { mark: Release, scouted: Release };

#[derive(PartialEq, Eq)]
enum Look {
    Moved,
    Nothing,
    Taken,
}

impl Ring {
    fn publish(&self, orders: Orders) {
        self.slot.store(7, Relaxed);
        self.mark.store(1, orders.mark);
    }

    /// `Scout::look`.
    fn look(&self, orders: Orders) -> Look {
        if self.lock.compare_exchange(false, true, Acquire, Relaxed).is_err() {
            return Look::Taken;
        }
        let moves = self.scouted.load(Acquire) == 0 && self.mark.load(Acquire) == 1;
        if moves {
            self.scouted.store(1, orders.scouted);
        }
        self.lock.store(false, Release);
        if moves { Look::Moved } else { Look::Nothing }
    }

    fn is_scouted(&self) -> bool {
        self.scouted.load(Acquire) == 1
    }

    /// `BehindScout::has_available`.
    fn has_available(&self, looks_again: bool) -> bool {
        self.is_scouted() || self.look(RIGHT) != Look::Nothing || looks_again && self.is_scouted()
    }
}

/// `engine/src/ring/scout.rs` `has_available`: of two lanes that look at once for what is surely published
/// neither finds nothing, for it would park.
fn two_look_at_once(looks_again: bool) {
    let ring = Arc::new(Ring::default());
    ring.publish(RIGHT);
    let other = {
        let ring = Arc::clone(&ring);
        thread::spawn(move || assert!(ring.has_available(looks_again)))
    };
    let found = ring.has_available(looks_again);
    other.join().unwrap();
    assert!(found);
}

/// `engine/src/ring/scout.rs` `look`, `take`: who sees how far the scout is sees what lies in the slots up to
/// there.
fn slots_are_seen(orders: Orders) {
    let ring = Arc::new(Ring::default());
    let publisher = {
        let ring = Arc::clone(&ring);
        thread::spawn(move || ring.publish(orders))
    };
    let scouting = {
        let ring = Arc::clone(&ring);
        thread::spawn(move || {
            ring.look(orders);
        })
    };
    let stage = {
        let ring = Arc::clone(&ring);
        thread::spawn(move || {
            if ring.is_scouted() {
                assert_eq!(ring.slot.load(Relaxed), 7);
            }
        })
    };
    publisher.join().unwrap();
    scouting.join().unwrap();
    stage.join().unwrap();
}

#[test]
fn scout_u() {
    explore(|| two_look_at_once(true));
    explore(|| slots_are_seen(RIGHT));
}

#[test]
fn control_scout_u() {
    finds_a_fault(|| two_look_at_once(false));
    finds_a_fault(|| slots_are_seen(Orders { mark: Relaxed, ..RIGHT }));
    finds_a_fault(|| slots_are_seen(Orders { scouted: Relaxed, ..RIGHT }));
}
