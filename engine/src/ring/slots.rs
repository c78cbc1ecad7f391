//! The ring's memory: its slots, how one is written where another core has its cache line, and where they
//! lie. The crate's own ring holds no events but the place of each among these slots: which of them may be
//! written or read, and when, is the crate's to say.
//!
//! The crate shows slots one by one, and for each the place of its memory is loaded anew, for stores in
//! between may have changed it, as far as a compiler knows. Of slots that lie in a row, a loop needs one
//! register (docs/decisions/002-slots-beside-the-ring.md).
//!
//! What all of this relies on: the crate makes its ring's entries once, in order, and shows the entry of the
//! number n at n modulo the ring's size; numbers begin with 0 and follow each other, as sequences do from
//! that of the ring's first event; and what happens before a number is published, or given back, happens
//! before whoever is shown it: the release and acquire of the crate's cursors order the slots here as they
//! would its own.

use std::cell::UnsafeCell;
use std::sync::Arc;
use std::sync::atomic::{Ordering, compiler_fence};

use slipring_journal::__private::prefetch;
use slipring_journal::Event;

/// Larger events are copied as the machine does best.
const MOST_IN_ORDER: usize = 256;
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

    /// As [`Slot::set`], from the first byte to the last, which a compiler may do the other way round. The
    /// order matters where the line that is written lies with another core.
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

/// What the crate's ring holds: where a slot lies. Whoever has been given it by the crate, to write or to
/// read, has been given the slot. No two of a ring are the same, and none ever changes.
pub(super) struct SlotPlace(u32);

impl SlotPlace {
    /// Where the slot lies, counted from the ring's start.
    #[inline(always)]
    pub(super) fn at(&self) -> usize {
        self.0 as usize
    }
}

/// The slots of a ring.
pub(super) struct Slots<E>(Box<[UnsafeCell<Slot<E>>]>);

// SAFETY: a slot is reached only by whom the crate has given its place, alone to write (`to_write`,
// `to_write_at`, `rows_to_write`) or with others to read (`rows`), and the crate's cursors order one after
// the other. An event may be sent, and be read by several threads.
unsafe impl<E: Event> Sync for Slots<E> {}

/// Slots that were given together: in a row as far as the ring's end, and in another from its start.
pub(super) struct Rows<'s, E> {
    /// The sequence of the first.
    first: u64,
    head: &'s [Slot<E>],
    rest: &'s [Slot<E>],
}

impl<E: Event> Slots<E> {
    /// So many slots, a power of two, and what fills the crate's ring with their places: turned so that the
    /// slot of an event is where its sequence says, the first being `base`.
    pub(super) fn new(capacity: usize, base: u64) -> (Arc<Self>, impl FnMut() -> SlotPlace) {
        let slots = Arc::new(Slots((0..capacity).map(|_| UnsafeCell::new(Slot::empty())).collect()));
        let mut next = base;
        let place = move || {
            let at = next & (capacity as u64 - 1);
            next = next.wrapping_add(1);
            // At most 2^32 slots: checked by the builder.
            SlotPlace(at as u32)
        };
        (slots, place)
    }

    /// How many.
    pub(super) fn count(&self) -> usize {
        self.0.len()
    }

    /// The slot of a place that is the caller's alone.
    ///
    /// # Safety
    /// The place was made with these slots.
    #[inline(always)]
    pub(super) unsafe fn to_write<'p>(&'p self, place: &'p mut SlotPlace) -> &'p mut Slot<E> {
        // SAFETY: by the contract it is the one place of one of these slots; whoever has it mutably has it,
        // and so the slot, alone for as long as the reference lives.
        unsafe { &mut *self.slot(place.at()) }
    }

    /// As [`Slots::to_write`], by the sequence of the event that the slot is for: the place is not looked at.
    ///
    /// # Safety
    /// The place is the one that the crate gives for that event.
    #[inline(always)]
    pub(super) unsafe fn to_write_at<'p>(
        &'p self,
        place: &'p mut SlotPlace,
        sequence: u64,
    ) -> &'p mut Slot<E> {
        let at = self.at(sequence);
        debug_assert_eq!(place.at(), at);
        // SAFETY: by the contract this is the place's slot, so as in `to_write`.
        unsafe { &mut *self.slot(at) }
    }

    /// `count` slots from a place on, in a row, and in another if they go on at the ring's start.
    ///
    /// # Safety
    /// The place was made with these slots; with it those of all of them were given to the caller to write,
    /// for `'p`; they are no more than the ring has.
    #[inline(always)]
    pub(super) unsafe fn rows_to_write<'p>(
        &'p self,
        first: &'p mut SlotPlace,
        count: usize,
    ) -> [&'p mut [Slot<E>]; 2] {
        let (at, head) = self.row(first.at(), count);
        // SAFETY: `at + head` is no more than there are, nor is what is left of `count`, and the two do not
        // meet. By the contract nobody else has any of them.
        unsafe {
            [
                std::slice::from_raw_parts_mut(self.slot(at), head),
                std::slice::from_raw_parts_mut(self.slot(0), count - head),
            ]
        }
    }

    /// `count` slots from that of the event `first` on.
    ///
    /// # Safety
    /// The places of all of them were given to the caller to read, for as long as they are used; they are no
    /// more than the ring has.
    #[inline(always)]
    pub(super) unsafe fn rows(&self, first: u64, count: usize) -> Rows<'_, E> {
        let (at, head) = self.row(self.at(first), count);
        // SAFETY: as in `rows_to_write`, but that others may read them too.
        let (head, rest) = unsafe {
            (
                std::slice::from_raw_parts(self.slot(at), head),
                std::slice::from_raw_parts(self.slot(0), count - head),
            )
        };
        Rows { first, head, rest }
    }

    /// Asks for the lines of the slot of the event `sequence`, to read it.
    #[inline(always)]
    pub(super) fn fetch_to_read(&self, sequence: u64) {
        Slot::fetch_at(self.slot(self.at(sequence)));
    }

    /// Where the slot of the event `sequence` lies.
    #[inline(always)]
    fn at(&self, sequence: u64) -> usize {
        sequence as usize & (self.0.len() - 1)
    }

    /// How many of `count` slots from `at` on lie in a row.
    #[inline(always)]
    fn row(&self, at: usize, count: usize) -> (usize, usize) {
        debug_assert!(count <= self.0.len());
        (at, count.min(self.0.len() - at))
    }

    /// Where a slot lies; `at` is at most their number.
    #[inline(always)]
    fn slot(&self, at: usize) -> *mut Slot<E> {
        debug_assert!(at <= self.0.len());
        UnsafeCell::raw_get(self.0.as_ptr().wrapping_add(at))
    }
}

impl<'s, E> Rows<'s, E> {
    /// The sequence of the first.
    #[inline(always)]
    pub(super) fn first(&self) -> u64 {
        self.first
    }

    /// The first.
    #[inline(always)]
    pub(super) fn head(&self) -> Option<&'s Slot<E>> {
        self.head.first()
    }

    /// The slots from the sequence `at` on that lie in a row, up to `to`; both are within what was given.
    #[inline(always)]
    pub(super) fn part(&self, at: u64, to: u64) -> &'s [Slot<E>] {
        let turn = self.first + self.head.len() as u64;
        let (row, first, to) =
            if at < turn { (self.head, self.first, to.min(turn)) } else { (self.rest, turn, to) };
        row.get((at - first) as usize..(to - first) as usize).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ring::tests::Note;

    /// Two short of a lap.
    const BASE: u64 = 94;

    /// Slots whose ids are 10 and up, by place.
    fn filled(capacity: usize) -> (Arc<Slots<Note>>, Vec<SlotPlace>) {
        let (slots, places) = Slots::<Note>::new(capacity, BASE);
        let mut places: Vec<SlotPlace> = std::iter::repeat_with(places).take(capacity).collect();
        for (id, place) in (10..).zip(&mut places) {
            // SAFETY: made with these slots.
            unsafe { slots.to_write(place) }.event.id = id;
        }
        (slots, places)
    }

    #[test]
    fn rows_go_on_at_the_ring_s_start() {
        let (slots, _places) = filled(8);
        // SAFETY: all places are here, and nobody writes.
        let rows = unsafe { slots.rows(100, 8) };
        let ids = |at, to| rows.part(at, to).iter().map(|slot| slot.event.id).collect::<Vec<_>>();
        assert_eq!((ids(100, 108), ids(101, 102)), (vec![16, 17, 10, 11], vec![17]));
        assert_eq!((ids(104, 108), ids(106, 107), ids(108, 108)), (vec![12, 13, 14, 15], vec![14], vec![]));
    }

    #[test]
    fn what_is_written_in_rows_lies_in_the_slots_of_their_places() {
        for (from, count) in [(0, 8), (3, 2), (6, 2), (6, 5), (7, 8)] {
            let (slots, mut places) = filled(8);
            // SAFETY: all places are here, and nobody else has them.
            let rows = unsafe { slots.rows_to_write(&mut places[from], count) };
            assert_eq!(rows[0].len() + rows[1].len(), count);
            for (id, slot) in (100..).zip(rows.into_iter().flatten()) {
                slot.event.id = id;
            }
            for (n, place) in places.iter_mut().enumerate() {
                let behind = (n + 8 - from) % 8;
                let wanted = if behind < count { 100 + behind } else { 10 + n };
                // SAFETY: made with these slots.
                let slot = unsafe { slots.to_write(place) };
                assert_eq!(slot.event.id, wanted as u64, "{n} of {count} from {from}");
            }
        }
    }
}
