//! The reading end: a chunk of published slots is taken, seen in rows as they lie, and committed. Exactly
//! those that were done with are released.

use std::mem::ManuallyDrop;
use std::sync::Arc;

use disruptor::{EventGuard, EventPoller, SingleConsumerBarrier, SingleProducerBarrier};
use slipring_journal::Event;

use super::Slot;
use super::scout::BehindScout;
use super::slots::{Rows, SlotPlace, Slots};

/// How many slots ahead a reader asks for cache lines. With 8 a lane that only handles is as fast, and one
/// that journals carries a twelfth less. 30 gain nothing.
const AHEAD: u64 = 20;

/// The reading end of one stage. Its cursor in the ring keeps publishers from overwriting what it has not
/// released.
pub(crate) struct Poller<E> {
    pub(super) places: Places,
    slots: Arc<Slots<E>>,
    /// The first sequence that is not committed.
    next: u64,
    /// So many before it are committed and not yet released: the crate releases a whole chunk or nothing.
    left: u64,
}

/// Which slots there are to read, by the crate's word.
pub(super) enum Places {
    Single(EventPoller<SlotPlace, SingleProducerBarrier>),
    Multi(BehindScout),
}

impl<E: Event> Poller<E> {
    /// Of slots of which the first event's sequence is `base`.
    pub(super) fn new(places: Places, slots: &Arc<Slots<E>>, base: u64) -> Self {
        Poller { places, slots: Arc::clone(slots), next: base, left: 0 }
    }

    /// The first sequence that is not committed.
    #[inline(always)]
    pub(crate) fn next(&self) -> u64 {
        self.next
    }

    /// Whether a published slot waits to be taken; with several publishers also if that is not known just
    /// now.
    pub(super) fn has_news(&self) -> bool {
        match &self.places {
            Places::Single(poller) => poller.has_available(),
            Places::Multi(poller) => poller.has_available(),
        }
    }

    /// Whether a published slot waits to be taken; with several publishers also if that is not known just
    /// now. Asks for the slot that waits: its line comes while the lane is still on its way to it.
    #[inline]
    pub(crate) fn fetch_news(&self) -> bool {
        let has_news = self.has_news();
        // Of several publishers it may not be published yet, and whoever is about to would lose the line.
        if has_news && matches!(self.places, Places::Single(_)) {
            self.slots.fetch_to_read(self.next);
        }
        has_news
    }

    /// Whether the last take found none, though there may be some.
    pub(crate) fn is_unsure(&self) -> bool {
        match &self.places {
            Places::Single(_) => false,
            Places::Multi(poller) => poller.is_unsure(),
        }
    }

    /// Up to `limit` published slots; `None` if there is none.
    #[inline(always)]
    pub(crate) fn take(&mut self, limit: u64) -> Option<Chunk<'_, E>> {
        self.release();
        let (guard, count) = self.places.take(limit)?;
        let first = self.next;
        // SAFETY: the guard has them, no more than the ring does, and the chunk holds it for as long as they
        // are read. The crate's cursor stands before the event `next`, for nothing is left to release.
        let rows = unsafe { self.slots.rows(first, count as usize) };
        let chunk = Chunk {
            rows,
            end: first + count,
            next: &mut self.next,
            left: &mut self.left,
            guard: ManuallyDrop::new(guard),
        };
        chunk.fetch_head();
        Some(chunk)
    }

    /// Releases what the commit of a part has left. The next take does it too.
    #[inline(always)]
    pub(crate) fn release(&mut self) {
        if self.left > 0 {
            self.places.pass(std::mem::take(&mut self.left));
        }
    }

    /// Releases up to `limit` published slots unseen; how many.
    pub(crate) fn skip(&mut self, limit: u64) -> u64 {
        self.release();
        let count = self.places.pass(limit);
        self.next += count;
        count
    }
}

impl Places {
    /// What the crate gives of up to `limit`, if anything, and how many slots that are.
    #[inline(always)]
    fn take(&mut self, limit: u64) -> Option<(Guard<'_>, u64)> {
        // Err: nothing there, or all publishers gone; the engine keeps its own word for the end.
        let (guard, count) = match self {
            Places::Single(poller) => {
                let mut places = poller.take(limit).ok()?;
                let count = count(&mut places);
                (Guard::Single(places), count)
            }
            Places::Multi(poller) => {
                let mut places = poller.take(limit).ok()?;
                let count = count(&mut places);
                (Guard::Multi(places), count)
            }
        };
        // One of none, where `limit` is 0, may be dropped: that moves nothing.
        (count > 0).then_some((guard, count))
    }

    /// Releases up to `limit` published slots; how many.
    fn pass(&mut self, limit: u64) -> u64 {
        // Dropping the guard says that everything in it is done.
        self.take(limit).map_or(0, |(_, count)| count)
    }
}

/// How many slots a guard has.
#[inline(always)]
fn count<B>(places: &mut EventGuard<'_, SlotPlace, B>) -> u64 {
    places.len() as u64
}

/// What the crate gives to read. Dropping it says that everything in it is done, on unwinding too;
/// leaked, it holds nothing and says nothing.
enum Guard<'p> {
    Single(#[expect(dead_code, reason = "dropped")] EventGuard<'p, SlotPlace, SingleProducerBarrier>),
    Multi(#[expect(dead_code, reason = "dropped")] EventGuard<'p, SlotPlace, SingleConsumerBarrier>),
}

/// Published slots, one at least. Dropped without a commit, on unwinding say, it releases none of them.
pub(crate) struct Chunk<'p, E> {
    rows: Rows<'p, E>,
    end: u64,
    next: &'p mut u64,
    left: &'p mut u64,
    guard: ManuallyDrop<Guard<'p>>,
}

impl<E: Event> Chunk<'_, E> {
    /// The sequence of the first.
    #[inline(always)]
    pub(crate) fn first(&self) -> u64 {
        self.rows.first()
    }

    /// The sequence behind the last.
    #[inline(always)]
    pub(crate) fn end(&self) -> u64 {
        self.end
    }

    /// The slots from `at` on, up to `most` of them, as far as they lie in a row.
    #[inline(always)]
    pub(crate) fn row(&self, at: u64, most: u64) -> SlotRow<'_, E> {
        let slots = self.rows.part(at, self.end.min(at + most));
        // The last of a chunk have none so far behind them to ask for.
        SlotRow { slots, at, asks_to: self.end.saturating_sub(AHEAD) }
    }

    /// Says that all below `done` are done with. A whole chunk is released at once, a part by
    /// [`Poller::release`].
    #[inline(always)]
    pub(crate) fn commit(self, done: u64) {
        let Chunk { rows, end, next, left, guard } = self;
        debug_assert!((rows.first()..=end).contains(&done));
        *next = done;
        if done == end {
            drop(ManuallyDrop::into_inner(guard));
        } else {
            *left = done - rows.first();
        }
    }

    /// Asks for the lines of the head: each is on its way while the ones before are visited.
    #[inline(always)]
    fn fetch_head(&self) {
        let count = AHEAD.min(self.end - self.rows.first());
        if let Some(slot) = self.rows.head() {
            (1..count).for_each(|next| slot.fetch_to_read(next as usize));
        }
    }
}

/// Slots in a row.
#[derive(Clone, Copy)]
pub(crate) struct SlotRow<'s, E> {
    pub(crate) slots: &'s [Slot<E>],
    /// The sequence of the first.
    pub(crate) at: u64,
    /// Those below it have one behind them whose lines are to be asked for.
    asks_to: u64,
}

impl<E: Event> SlotRow<'_, E> {
    /// The sequence behind the last.
    #[inline(always)]
    pub(crate) fn to(&self) -> u64 {
        self.at + self.slots.len() as u64
    }

    /// Those from `at` on and below `to`.
    #[inline(always)]
    pub(crate) fn part(&self, at: u64, to: u64) -> Self {
        let slots = self.slots.get((at - self.at) as usize..(to - self.at) as usize).unwrap_or_default();
        SlotRow { slots, at, ..*self }
    }

    /// The same, asking for no lines: they are here.
    #[inline(always)]
    pub(crate) fn at_hand(self) -> Self {
        SlotRow { asks_to: 0, ..self }
    }

    /// Asks for the lines of a slot further on, if there is one; `slot` is that of `at`.
    #[inline(always)]
    pub(crate) fn fetch_ahead(&self, slot: &Slot<E>, at: u64) {
        if at < self.asks_to {
            slot.fetch_to_read(AHEAD as usize);
        }
    }
}
