//! A cell of the ring, and how it is written where another core has its cache line.

use std::sync::atomic::{Ordering, compiler_fence};

use slipring_journal::__private::prefetch;
use slipring_journal::Event;

/// A cell of the ring, aligned to a cache line.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub(crate) struct Slot<E> {
    /// The event's time as published, nanoseconds; not yet the running maximum.
    pub(crate) time_ns: u64,
    /// A slot without an event, of a void record: it keeps position and sequence one, and is never handled.
    /// Only replay makes such.
    pub(crate) void: bool,
    pub(crate) event: E,
}

impl<E: Event> Slot<E> {
    pub(super) fn empty() -> Self {
        Slot { time_ns: 0, void: false, event: E::zeroed() }
    }

    /// Puts an event into a slot that is not void.
    #[inline(always)]
    pub(crate) fn put(&mut self, time_ns: u64, event: &E) {
        self.time_ns = time_ns;
        self.event = *event;
    }

    #[inline(always)]
    pub(crate) fn set(&mut self, time_ns: u64, void: bool, event: &E) {
        self.void = void;
        self.put(time_ns, event);
    }

    /// As [`Slot::set`], from the first byte to the last. Where the line that is written lies with another
    /// core, the order matters: a compiler that took the last bytes first cost replay a quarter.
    #[inline(always)]
    pub(crate) fn set_in_order(&mut self, time_ns: u64, void: bool, event: &E) {
        if size_of::<E>() > MOST_IN_ORDER {
            return self.set(time_ns, void, event);
        }
        self.time_ns = time_ns;
        self.void = void;
        let from = bytemuck::bytes_of(event).chunks(16);
        for (from, to) in from.zip(bytemuck::bytes_of_mut(&mut self.event).chunks_mut(16)) {
            // For the compiler alone: it keeps to the order of the stores around it.
            compiler_fence(Ordering::SeqCst);
            to.copy_from_slice(from);
        }
    }
}

/// How many slots ahead a publisher asks for lines.
const AHEAD_TO_WRITE: usize = 64;
/// In smaller rings the slot that far ahead is one that a stage may still read; its publisher asks for the
/// slot in hand.
///
/// Nobody wraps at the ring's end: once a lap some lines behind it are asked for, and those of its first
/// slots are not.
const LEAST_CAPACITY: usize = 16 * AHEAD_TO_WRITE;
/// Of larger slots the processor itself asks for the rest.
const MOST_ASKED_FOR: usize = 256;

impl<E> Slot<E> {
    /// How far ahead the publisher of a ring of so many slots asks for lines.
    pub(super) fn ahead(capacity: usize) -> usize {
        if capacity < LEAST_CAPACITY { 0 } else { AHEAD_TO_WRITE }
    }

    /// Asks for the line of the slot `ahead` of this one, to write there. Without it, no more lines are on
    /// their way from the core that read them than the stores in the processor's queue need.
    #[inline(always)]
    pub(super) fn fetch_to_write(&self, ahead: usize) {
        Self::lines(std::ptr::from_ref(self).wrapping_add(ahead)).for_each(prefetch::to_write);
    }

    /// Asks for the line of the slot `ahead` of this one, to read it; it must have been published, or who
    /// publishes it would lose the line.
    #[inline(always)]
    pub(crate) fn fetch_to_read(&self, ahead: usize) {
        Self::fetch_at(std::ptr::from_ref(self).wrapping_add(ahead));
    }

    /// As [`Slot::fetch_to_read`], of the slot that lies there.
    #[inline(always)]
    pub(super) fn fetch_at(slot: *const Self) {
        Self::lines(slot).for_each(prefetch::to_read);
    }

    /// The lines of the slot that lies there, or its first.
    #[inline(always)]
    fn lines(slot: *const Self) -> impl Iterator<Item = *const u8> {
        let slot = slot.cast::<u8>();
        (0..size_of::<Self>().min(MOST_ASKED_FOR)).step_by(64).map(move |at| slot.wrapping_add(at))
    }
}

/// Larger events are copied as the machine does best.
const MOST_IN_ORDER: usize = 256;
