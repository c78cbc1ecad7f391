//! The reading end: slots are shown in order, and exactly those that were done with are released.

use std::mem::ManuallyDrop;
use std::ops::Range;
use std::sync::Arc;

use disruptor::{EventGuard, EventPoller, Polling, SingleConsumerBarrier, SingleProducerBarrier};

use super::Slot;
use super::scout::BehindScout;
use super::slots::{Place, Slots};
use crate::Event;

/// The reading end of one stage. Its cursor in the ring keeps publishers from overwriting what it has not
/// released.
pub(crate) struct Poller<E> {
    pub(super) places: Places,
    pub(super) slots: Arc<Slots<E>>,
}

/// Which slots there are to read, by the crate's word.
pub(super) enum Places {
    Single(EventPoller<Place, SingleProducerBarrier>),
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

/// Who is shown slots, in order. A trait and not a closure where it must become part of the loop: a closure for two
/// kinds of pollers stays a function, and is called for each slot.
pub(crate) trait Visitor<E: Event> {
    /// A slot, its sequence, and how many of the batch come behind it.
    fn visit(&mut self, slot: &Slot<E>, at: u64, remaining: u64) -> Visit;

    /// Everything below `at` has been visited: now and then within a batch, outside the loop that visits.
    fn rest(&mut self, _at: u64) {}

    /// Of the batch from `first` to `end`, the sequences with which there is nothing to do but what [`Visitor::run`] does. Not the
    /// first.
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
/// The same where the journal takes turns with the stage behind it, and takes longer. 8 carried a twelfth less, 30 no more.
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

/// Visits slots in a row, the plain ones in the visitor's own loop: how far it came, and whether to go on. `first` is where
/// their batch began.
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
    /// Whether a published slot waits to be shown; with several publishers also if that is not known just now.
    pub(crate) fn has_news(&self) -> bool {
        match &self.places {
            Places::Single(poller) => poller.has_available(),
            Places::Multi(poller) => poller.has_available(),
        }
    }

    /// Whether it was last asked for slots, found none, and there may be some.
    pub(crate) fn is_unsure(&self) -> bool {
        match &self.places {
            Places::Single(_) => false,
            Places::Multi(poller) => poller.is_unsure(),
        }
    }

    /// Shows up to `limit` slots in order, of which the first has the sequence `first`; how many were done with. Exactly
    /// those are released to publishers, also when the visitor panics: then none.
    #[inline(always)]
    pub(crate) fn show(&mut self, first: u64, limit: u64, visitor: impl Visitor<E>) -> u64 {
        match &mut self.places {
            Places::Single(poller) => show(poller, &self.slots, (first, limit), visitor),
            Places::Multi(poller) => show(poller, &self.slots, (first, limit), visitor),
        }
    }

    /// Releases up to `limit` slots unseen; how many.
    pub(crate) fn skip(&mut self, limit: u64) -> u64 {
        match &mut self.places {
            Places::Single(poller) => skip(poller, limit),
            Places::Multi(poller) => skip(poller, limit),
        }
    }

    /// Shows up to `limit` slots to two visitors by turns, `step` at a time: `behind`, whose poller is at the same slot,
    /// sees what this one's visitor is done with. How many each was done with.
    #[inline(always)]
    pub(crate) fn show_by_turns(
        &mut self,
        visitor: impl Visitor<E>,
        behind: (&mut Poller<E>, impl Visitor<E>),
        bounds: (u64, u64, u64),
    ) -> (u64, u64) {
        let (other, follower) = behind;
        match (&mut self.places, &mut other.places) {
            (Places::Single(ahead), Places::Single(behind)) => {
                show_by_turns((ahead, visitor), (behind, follower), &self.slots, bounds)
            }
            (Places::Multi(ahead), Places::Multi(behind)) => {
                show_by_turns((ahead, visitor), (behind, follower), &self.slots, bounds)
            }
            // Not of one ring.
            _ => (0, 0),
        }
    }
}

/// One of the crate's pollers. Their guards share no trait that can be named.
trait Take {
    type Guard<'p>
    where
        Self: 'p;

    /// Up to `limit` slots that may be read, if there are any.
    fn take_up_to(&mut self, limit: u64) -> Option<Taken<Self::Guard<'_>>>;
}

/// A guard, with where its first slot lies and how many it has.
///
/// Dropping the guard says that everything in it is done, on unwinding too (trap 1): so it is dropped by hand, and leaked where that
/// would be untrue. A leaked guard holds nothing.
struct Taken<G> {
    guard: ManuallyDrop<G>,
    first: usize,
    count: u64,
}

impl Take for EventPoller<Place, SingleProducerBarrier> {
    type Guard<'p> = EventGuard<'p, Place, SingleProducerBarrier>;

    #[inline(always)]
    fn take_up_to(&mut self, limit: u64) -> Option<Taken<Self::Guard<'_>>> {
        taken(self.take(limit))
    }
}

impl Take for BehindScout {
    type Guard<'p> = EventGuard<'p, Place, SingleConsumerBarrier>;

    #[inline(always)]
    fn take_up_to(&mut self, limit: u64) -> Option<Taken<Self::Guard<'_>>> {
        taken(self.take(limit))
    }
}

#[inline(always)]
fn taken<B>(guard: Result<EventGuard<'_, Place, B>, Polling>) -> Option<Taken<EventGuard<'_, Place, B>>> {
    // Err: nothing there, or all publishers gone; the engine keeps its own word for the end.
    let mut guard = ManuallyDrop::new(guard.ok()?);
    let mut places = &mut *guard;
    let count = places.len() as u64;
    let first = places.next()?.at();
    Some(Taken { guard, first, count })
}

#[inline(always)]
fn show<E: Event, T: Take, V: Visitor<E>>(
    poller: &mut T,
    slots: &Slots<E>,
    (first, limit): (u64, u64),
    mut visitor: V,
) -> u64 {
    let Some(taken) = poller.take_up_to(limit) else { return 0 };
    // SAFETY: the guard has them, and is held until they are not read any more.
    let rows = unsafe { slots.rows(taken.first, taken.count, first) };
    let (count, end) = (taken.count, first + taken.count);
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
    if done == count {
        drop(ManuallyDrop::into_inner(taken.guard));
    } else {
        release(poller, done);
    }
    done
}

/// Shows slots to two visitors by turns, as many at a time as the last of the bounds says.
#[inline(always)]
fn show_by_turns<E: Event, T: Take, V: Visitor<E>, F: Visitor<E>>(
    (ahead, mut visitor): (&mut T, V),
    (behind, mut follower): (&mut T, F),
    slots: &Slots<E>,
    (first, limit, step): (u64, u64, u64),
) -> (u64, u64) {
    let Some(taken) = ahead.take_up_to(limit) else { return (0, 0) };
    let Some(seen) = behind.take_up_to(taken.count) else { return (0, 0) };
    let (count, seen_count) = (taken.count, seen.count);
    let end = first + count.min(seen_count);
    // SAFETY: both guards have them, and are held until they are not read any more.
    let rows = unsafe { slots.rows(taken.first, end - first, first) };
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
    if done == count {
        drop(ManuallyDrop::into_inner(taken.guard));
    } else {
        release(ahead, done);
    }
    if behind_done == seen_count {
        drop(ManuallyDrop::into_inner(seen.guard));
    } else {
        release(behind, behind_done);
    }
    (done, behind_done)
}

/// Releases exactly the first `done` of the slots that a guard had which was not dropped.
#[inline(always)]
fn release(poller: &mut impl Take, done: u64) {
    if done > 0 {
        skip(poller, done);
    }
}

fn skip(poller: &mut impl Take, limit: u64) -> u64 {
    poller.take_up_to(limit).map_or(0, |taken| {
        drop(ManuallyDrop::into_inner(taken.guard));
        taken.count
    })
}
