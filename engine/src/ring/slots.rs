//! The ring's memory. The crate's own ring holds no events but the place of each among these slots: which of
//! them may be written or read, and when, is the crate's to say, and where they lie is known here.
//!
//! The crate shows slots one by one, and for each the place of its memory is loaded anew, for stores in
//! between may have changed it, as far as a compiler knows. Of slots that lie in a row, a loop needs one
//! register (docs/decisions/002-slots-beside-the-ring.md).
//!
//! What all of this relies on: the crate makes its ring's entries once, in order, and shows the entry of the
//! number n at n modulo the ring's size; numbers begin with 0 and follow each other; and what happens before
//! a number is published, or given back, happens before whoever is shown it: the release and acquire of the
//! crate's cursors order the slots here as they would its own.

use std::cell::UnsafeCell;
use std::sync::Arc;

use slipring_journal::Event;

use super::Slot;

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
    first: u64,
    head: &'s [Slot<E>],
    rest: &'s [Slot<E>],
}

impl<E: Event> Slots<E> {
    /// So many slots, a power of two, and what fills the crate's ring with their places.
    pub(super) fn new(capacity: usize) -> (Arc<Self>, impl FnMut() -> SlotPlace) {
        let slots = Arc::new(Slots((0..capacity).map(|_| UnsafeCell::new(Slot::empty())).collect()));
        let mut places = 0..=u32::MAX;
        (slots, move || SlotPlace(places.next().expect("at most 2^32 slots, checked by the builder")))
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

    /// As [`Slots::to_write`], by the number of the event that the slot is for: the place is not looked at.
    ///
    /// # Safety
    /// The place is the one of that number, counted round the ring from its start.
    #[inline(always)]
    pub(super) unsafe fn to_write_at<'p>(
        &'p self,
        place: &'p mut SlotPlace,
        number: usize,
    ) -> &'p mut Slot<E> {
        let at = self.at(number);
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

    /// `count` slots from that of the event `number` on, to which the sequence `first` belongs.
    ///
    /// # Safety
    /// The places of all of them were given to the caller to read, for as long as they are used; they are no
    /// more than the ring has.
    #[inline(always)]
    pub(super) unsafe fn rows(&self, number: usize, count: usize, first: u64) -> Rows<'_, E> {
        let (at, head) = self.row(number, count);
        // SAFETY: as in `rows_to_write`, but that others may read them too.
        let (head, rest) = unsafe {
            (
                std::slice::from_raw_parts(self.slot(at), head),
                std::slice::from_raw_parts(self.slot(0), count - head),
            )
        };
        Rows { first, head, rest }
    }

    /// Asks for the lines of the slot of the event `number`, to read it.
    #[inline(always)]
    pub(super) fn fetch_to_read(&self, number: usize) {
        Slot::fetch_at(self.slot(self.at(number)));
    }

    /// Where the slot of the event `number` lies.
    #[inline(always)]
    fn at(&self, number: usize) -> usize {
        number & (self.0.len() - 1)
    }

    /// Where the slot of the event `number` lies, and how many of `count` from it on lie in a row.
    #[inline(always)]
    fn row(&self, number: usize, count: usize) -> (usize, usize) {
        let at = self.at(number);
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

    /// Slots whose ids are 10 and up, by place.
    fn filled(capacity: usize) -> (Arc<Slots<Note>>, Vec<SlotPlace>) {
        let (slots, places) = Slots::<Note>::new(capacity);
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
        let rows = unsafe { slots.rows(6, 8, 100) };
        let ids = |at, to| rows.part(at, to).iter().map(|slot| slot.event.id).collect::<Vec<_>>();
        assert_eq!((ids(100, 108), ids(101, 102)), (vec![16, 17], vec![17]));
        assert_eq!(
            (ids(102, 108), ids(104, 105), ids(108, 108)),
            (vec![10, 11, 12, 13, 14, 15], vec![12], vec![])
        );
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
