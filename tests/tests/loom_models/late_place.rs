//! T: a late consumer's place in the counters changes hands while somebody reads it.

use loom::sync::Arc;
use loom::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use loom::sync::atomic::{AtomicU64, Ordering, fence};
use loom::thread;

use super::{explore, finds_a_fault};

const TAKEN: u64 = 1;
const GENERATION: u64 = 256;

/// The orderings that the controls weaken.
#[derive(Clone, Copy)]
struct Orders {
    /// Of the fence behind the look at a free place; none at all if relaxed.
    take: Ordering,
    /// Of the state's store when a place is taken.
    taken: Ordering,
    /// Of the fence before the reader's second look; none at all if relaxed.
    read: Ordering,
}

const RIGHT: Orders = Orders { take: Release, taken: Release, read: Acquire };

fn fence_if(order: Ordering) {
    if order != Relaxed {
        fence(order);
    }
}

/// T, `engine/src/counters/late.rs` `take`, `LatePlace::drop`, `read`: one consumer gives a place back and
/// the next one takes it, in another thread. A reader that sees the same count before and after has words of
/// one of them alone.
fn place_changes_hands(orders: Orders) {
    // The state, the end, a word of the name. The first consumer has the place, and its words are all 1.
    let words = [GENERATION | TAKEN, 1, 1];
    let place: Arc<[AtomicU64; 3]> = Arc::new(words.map(AtomicU64::new));
    let first = {
        let place = Arc::clone(&place);
        thread::spawn(move || place[0].store(GENERATION, Release))
    };
    let next = {
        let place = Arc::clone(&place);
        thread::spawn(move || {
            let state = place[0].load(Acquire);
            if state & TAKEN == 0 {
                fence_if(orders.take);
                place[2].store(2, Relaxed);
                place[1].store(2, Relaxed);
                place[0].store((state + GENERATION) | TAKEN, orders.taken);
            }
        })
    };
    let before = place[0].load(Acquire);
    if before & TAKEN != 0 {
        let (name, end) = (place[2].load(Relaxed), place[1].load(Acquire));
        fence_if(orders.read);
        let after = place[0].load(Relaxed);
        if after & TAKEN != 0 && before ^ after < GENERATION {
            let generation = after / GENERATION;
            assert_eq!((name, end), (generation, generation));
        }
    }
    first.join().unwrap();
    next.join().unwrap();
}

#[test]
fn late_place_t() {
    explore(|| place_changes_hands(RIGHT));
}

#[test]
fn control_late_place_t() {
    finds_a_fault(|| place_changes_hands(Orders { take: Relaxed, ..RIGHT }));
    finds_a_fault(|| place_changes_hands(Orders { taken: Relaxed, ..RIGHT }));
    finds_a_fault(|| place_changes_hands(Orders { read: Relaxed, ..RIGHT }));
}
