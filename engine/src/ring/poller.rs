//! The reading end: slots are shown in order, and exactly those that were done with are released.

use std::mem::ManuallyDrop;
use std::ops::Range;
use std::sync::Arc;

use disruptor::{EventGuard, EventPoller, Polling, SingleConsumerBarrier, SingleProducerBarrier};
use slipring_journal::Event;

use super::Slot;
use super::scout::BehindScout;
use super::slots::{SlotPlace, Slots};

/// The reading end of one stage. Its cursor in the ring keeps publishers from overwriting what it has not
/// released.
pub(crate) struct Poller<E> {
    pub(super) places: Places,
    slots: Arc<Slots<E>>,
    /// The number in the ring of the first event that is not released.
    next: usize,
}

/// Which slots there are to read, by the crate's word.
pub(super) enum Places {
    Single(EventPoller<SlotPlace, SingleProducerBarrier>),
    Multi(BehindScout),
}

/// Whether a slot that was shown is done with.
pub(crate) enum Visit {
    /// Done, show the next.
    Done,
    /// Done, and release it and those before it now.
    Release,
    /// Not done: stop here, it will be shown again.
    Stop,
}

/// Who is shown slots, in order. A trait and not a closure where it must become part of the loop: a closure
/// for two kinds of pollers stays a function, and is called for each slot.
pub(crate) trait Visitor<E: Event> {
    /// A slot, its sequence, and how many of the batch come behind it.
    fn visit(&mut self, slot: &Slot<E>, at: u64, remaining: u64) -> Visit;

    /// Everything below `at` has been visited: now and then within a batch, outside the loop that visits.
    fn rest(&mut self, _at: u64) {}

    /// Of the batch from `first` to `end`, the sequences with which there is nothing to do but what
    /// [`Visitor::run`] does. Not the first.
    fn plain(&self, _first: u64, _end: u64) -> Range<u64> {
        0..0
    }

    /// Visits slots in a row, all of them plain, in a loop of its own: how far it came, and whether to go on.
    fn run<const AHEAD: u64>(&mut self, row: Row<'_, E>) -> (u64, bool) {
        (row.at, false)
    }
}

/// How many slots ahead the lines of a batch are asked for: from 8 on it made no difference.
const AHEAD: u64 = 8;
/// The same where the journal takes turns with the stage behind it, and takes longer. 8 carried a twelfth
/// less, 30 no more.
const AHEAD_BY_TURNS: u64 = 20;
/// Most slots between two rests: a slow batch must not look like a full ring.
const STRIDE: u64 = 128;

impl<E: Event, F: FnMut(&Slot<E>, u64, u64) -> Visit> Visitor<E> for F {
    #[inline(always)]
    fn visit(&mut self, slot: &Slot<E>, at: u64, remaining: u64) -> Visit {
        self(slot, at, remaining)
    }
}

/// Slots in a row, of which the first has the sequence `at`; `end` is that of their batch.
pub(crate) struct Row<'s, E> {
    pub(crate) slots: &'s [Slot<E>],
    pub(crate) at: u64,
    pub(crate) end: u64,
}

impl<'s, E> Row<'s, E> {
    /// The sequence behind the last.
    #[inline(always)]
    pub(crate) fn to(&self) -> u64 {
        self.at + self.slots.len() as u64
    }

    /// Those from `at` on, up to `to`.
    #[inline(always)]
    fn part(&self, at: u64, to: u64) -> Row<'s, E> {
        let slots = self.slots.get((at - self.at) as usize..(to - self.at) as usize).unwrap_or_default();
        Row { slots, at, end: self.end }
    }
}

/// Least plain slots that are worth a loop of their own.
const LEAST_PLAIN: u64 = 4;

/// Visits slots in a row, the plain ones in the visitor's own loop: how far it came, and whether to go on.
/// `first` is where their batch began.
#[inline(always)]
fn visit_row<E: Event, V: Visitor<E>, const AHEAD: u64>(
    row: &Row<'_, E>,
    first: u64,
    visitor: &mut V,
) -> (u64, bool) {
    let (plain, to) = (visitor.plain(first, row.end), row.to());
    let (mut at, mut goes_on) = (row.at, true);
    while goes_on && at < to {
        let plain_to = plain.end.min(to);
        if at >= plain.start && at + LEAST_PLAIN <= plain_to {
            (at, goes_on) = visitor.run::<AHEAD>(row.part(at, plain_to));
        } else {
            let to = if at < plain.start { plain.start.min(to) } else { to };
            (at, goes_on) = visit_each::<E, V, AHEAD>(&row.part(at, to), first, visitor);
        }
    }
    (at, goes_on)
}

/// Visits slots in a row: how far it came, and whether to go on.
///
/// `AHEAD`: how many slots ahead lines are asked for, 0 if they are here.
#[inline(always)]
fn visit_each<E: Event, V: Visitor<E>, const AHEAD: u64>(
    row: &Row<'_, E>,
    first: u64,
    visitor: &mut V,
) -> (u64, bool) {
    let (mut at, end) = (row.at, row.end);
    if at == first
        && let Some(slot) = row.slots.first()
    {
        // The head of the batch: each of these is on its way while the ones before are visited.
        (1..AHEAD.min(end - at)).for_each(|next| slot.fetch_to_read(next as usize));
    }
    for slot in row.slots {
        if AHEAD > 0 && at + AHEAD < end {
            slot.fetch_to_read(AHEAD as usize);
        }
        match visitor.visit(slot, at, end - at - 1) {
            Visit::Done => at += 1,
            Visit::Release => return (at + 1, false),
            Visit::Stop => return (at, false),
        }
    }
    (at, true)
}

impl<E: Event> Poller<E> {
    pub(super) fn new(places: Places, slots: &Arc<Slots<E>>) -> Self {
        Poller { places, slots: Arc::clone(slots), next: 0 }
    }

    /// Whether a published slot waits to be shown; with several publishers also if that is not known just
    /// now.
    pub(crate) fn has_news(&self) -> bool {
        match &self.places {
            Places::Single(poller) => poller.has_available(),
            Places::Multi(poller) => poller.has_available(),
        }
    }

    /// As [`Poller::has_news`], and asks for the slot that waits: its line comes while the lane is still on
    /// its way to it.
    #[inline]
    pub(crate) fn fetch_news(&self) -> bool {
        let has_news = self.has_news();
        // Of several publishers it may not be published yet, and whoever is about to would lose the line.
        if has_news && matches!(self.places, Places::Single(_)) {
            self.slots.fetch_to_read(self.next);
        }
        has_news
    }

    /// Whether it was last asked for slots, found none, and there may be some.
    pub(crate) fn is_unsure(&self) -> bool {
        match &self.places {
            Places::Single(_) => false,
            Places::Multi(poller) => poller.is_unsure(),
        }
    }

    /// Shows up to `limit` slots in order, of which the first has the sequence `first`; how many were done
    /// with. Exactly those are released to publishers, also when the visitor panics: then none.
    #[inline(always)]
    pub(crate) fn show(&mut self, first: u64, limit: u64, visitor: impl Visitor<E>) -> u64 {
        let (slots, from) = (&*self.slots, (self.next, first));
        let done = match &mut self.places {
            Places::Single(poller) => show(poller, slots, from, limit, visitor),
            Places::Multi(poller) => show(poller, slots, from, limit, visitor),
        };
        self.next += done as usize;
        done
    }

    /// Releases up to `limit` slots unseen; how many.
    pub(crate) fn skip(&mut self, limit: u64) -> u64 {
        let done = match &mut self.places {
            Places::Single(poller) => skip(poller, limit),
            Places::Multi(poller) => skip(poller, limit),
        };
        self.next += done as usize;
        done
    }

    /// Shows up to `limit` slots to two visitors by turns, `step` at a time: `behind`, whose poller is at the
    /// same slot, sees what this one's visitor is done with. How many each was done with.
    #[inline(always)]
    pub(crate) fn show_by_turns(
        &mut self,
        visitor: impl Visitor<E>,
        behind: (&mut Poller<E>, impl Visitor<E>),
        (first, limit, step): (u64, u64, u64),
    ) -> (u64, u64) {
        let (other, follower) = behind;
        debug_assert_eq!(self.next, other.next);
        let (slots, from) = (&*self.slots, (self.next, first));
        let (done, behind_done) = match (&mut self.places, &mut other.places) {
            (Places::Single(ahead), Places::Single(behind)) => {
                show_by_turns((ahead, visitor), (behind, follower), slots, from, (limit, step))
            }
            (Places::Multi(ahead), Places::Multi(behind)) => {
                show_by_turns((ahead, visitor), (behind, follower), slots, from, (limit, step))
            }
            // Not of one ring.
            _ => (0, 0),
        };
        self.next += done as usize;
        other.next += behind_done as usize;
        (done, behind_done)
    }
}

/// One of the crate's pollers.
trait Take {
    /// What it waits for: the type of its guards.
    type Barrier;

    /// Up to `limit` slots that may be read; one at least, if there are any.
    fn take_up_to(&mut self, limit: u64) -> Option<Taken<'_, Self::Barrier>>;
}

/// A guard, and how many slots it has.
///
/// Dropping the guard says that everything in it is done, on unwinding too (trap 1): so that is done by hand,
/// and it is leaked where that would be untrue. A leaked guard holds nothing.
struct Taken<'p, B> {
    guard: ManuallyDrop<EventGuard<'p, SlotPlace, B>>,
    count: u64,
}

impl<'p, B> Taken<'p, B> {
    /// Of what the crate gave, if it is any.
    #[inline(always)]
    fn of(guard: Result<EventGuard<'p, SlotPlace, B>, Polling>) -> Option<Self> {
        // Err: nothing there, or all publishers gone; the engine keeps its own word for the end.
        let mut guard = ManuallyDrop::new(guard.ok()?);
        let places = &mut *guard;
        let count = places.len() as u64;
        (count > 0).then_some(Taken { guard, count })
    }

    /// Says that everything in it is done; how many that is.
    #[inline(always)]
    fn release(self) -> u64 {
        drop(ManuallyDrop::into_inner(self.guard));
        self.count
    }
}

impl Take for EventPoller<SlotPlace, SingleProducerBarrier> {
    type Barrier = SingleProducerBarrier;

    #[inline(always)]
    fn take_up_to(&mut self, limit: u64) -> Option<Taken<'_, Self::Barrier>> {
        Taken::of(self.take(limit))
    }
}

impl Take for BehindScout {
    type Barrier = SingleConsumerBarrier;

    #[inline(always)]
    fn take_up_to(&mut self, limit: u64) -> Option<Taken<'_, Self::Barrier>> {
        Taken::of(self.take(limit))
    }
}

/// Shows slots, of which the first has the number and the sequence that it is `from`.
#[inline(always)]
fn show<E: Event, T: Take, V: Visitor<E>>(
    poller: &mut T,
    slots: &Slots<E>,
    (next, first): (usize, u64),
    limit: u64,
    mut visitor: V,
) -> u64 {
    let Some(taken) = poller.take_up_to(limit) else { return 0 };
    let count = taken.count;
    // SAFETY: the guard has them, no more than the ring does, and is held until they are not read any more.
    // Of what it was given, the poller has released all below the number `next`.
    let rows = unsafe { slots.rows(next, count as usize, first) };
    let end = first + count;
    let (mut at, mut goes_on) = (first, true);
    while goes_on && at < end {
        let to = end.min((at / STRIDE + 1) * STRIDE);
        let row = Row { slots: rows.part(at, to), at, end };
        (at, goes_on) = visit_row::<E, V, AHEAD>(&row, first, &mut visitor);
        if goes_on && at < end {
            visitor.rest(at);
        }
    }
    let done = at - first;
    if done == count { taken.release() } else { skip(poller, done) }
}

/// Shows slots to two visitors by turns, so many at a time.
#[inline(always)]
fn show_by_turns<E: Event, T: Take, V: Visitor<E>, F: Visitor<E>>(
    (ahead, mut visitor): (&mut T, V),
    (behind, mut follower): (&mut T, F),
    slots: &Slots<E>,
    (next, first): (usize, u64),
    (limit, step): (u64, u64),
) -> (u64, u64) {
    let Some(taken) = ahead.take_up_to(limit) else { return (0, 0) };
    let Some(seen) = behind.take_up_to(taken.count) else { return (0, 0) };
    let (count, seen_count) = (taken.count, seen.count);
    let end = first + count.min(seen_count);
    // SAFETY: as in `show`; the guard of the one ahead has them all.
    let rows = unsafe { slots.rows(next, (end - first) as usize, first) };
    let (mut at, mut behind_at) = (first, first);
    let mut goes_on = true;
    while goes_on && at < end {
        let row = Row { slots: rows.part(at, end.min(at + step)), at, end };
        (at, goes_on) = visit_row::<E, V, AHEAD_BY_TURNS>(&row, first, &mut visitor);
        visitor.rest(at);
        let follows;
        (behind_at, follows) = visit_row::<E, F, 0>(&row.part(row.at, at), first, &mut follower);
        goes_on &= follows;
        if goes_on && at < end {
            follower.rest(behind_at);
        }
    }
    let (done, behind_done) = (at - first, behind_at - first);
    let done = if done == count { taken.release() } else { skip(ahead, done) };
    let behind_done = if behind_done == seen_count { seen.release() } else { skip(behind, behind_done) };
    (done, behind_done)
}

/// Releases up to `limit` slots unseen; how many.
fn skip(poller: &mut impl Take, limit: u64) -> u64 {
    poller.take_up_to(limit).map_or(0, Taken::release)
}
