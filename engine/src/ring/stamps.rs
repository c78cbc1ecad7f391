//! When the events in the ring were published: a stamp for each slot, beside the ring, if a stage asks.
//!
//! A publisher stores it before it publishes the slot, a stage loads it before it releases the slot. So the
//! crate's cursors order stamps as they do slots (`slots.rs`).

use std::sync::atomic::{AtomicU64, Ordering};

/// Of each slot when the publish of its event was called, nanoseconds by the engine's clock.
#[derive(Debug)]
pub struct Stamps {
    stamps: Box<[AtomicU64]>,
}

impl Stamps {
    /// For a ring of so many slots, a power of two.
    pub(crate) fn new(capacity: usize) -> Self {
        Stamps { stamps: (0..capacity).map(|_| AtomicU64::new(0)).collect() }
    }

    /// Bytes beside a ring of so many slots.
    pub(crate) fn bytes(capacity: usize) -> u64 {
        8 * capacity as u64
    }

    /// The call of the event of a sequence, which is in the ring.
    #[inline(always)]
    pub(crate) fn of(&self, sequence: u64) -> u64 {
        // Relaxed: the slot's publication hands it over.
        self.at(sequence as usize).map_or(0, |stamp| stamp.load(Ordering::Relaxed))
    }

    /// Stamps `count` slots from the one at `first` on, which are the caller's to write.
    #[inline]
    pub(super) fn set(&self, first: usize, count: usize, called_ns: u64) {
        for stamp in (first..first + count).filter_map(|at| self.at(at)) {
            // Relaxed: as in `of`.
            stamp.store(called_ns, Ordering::Relaxed);
        }
    }

    #[inline(always)]
    fn at(&self, slot: usize) -> Option<&AtomicU64> {
        self.stamps.get(slot & (self.stamps.len() - 1))
    }
}
