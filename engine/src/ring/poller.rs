//! The reading end: slots are shown in order, and exactly those that were done with are released.

use std::mem::ManuallyDrop;
use std::ops::Range;

use disruptor::{EventPoller, SingleProducerBarrier};

use super::Slot;
use super::scout::BehindScout;
use crate::Event;

/// The reading end of one stage. Its cursor in the ring keeps publishers from overwriting what it has not
/// released.
pub(crate) enum Poller<E> {
    Single(EventPoller<Slot<E>, SingleProducerBarrier>),
    Multi(BehindScout<E>),
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

    /// Of a part's batch, the sequences with which there is nothing to do but what [`Visitor::run`] does. Not the first.
    fn plain(&self, _part: &Part) -> Range<u64> {
        0..0
    }

    /// Visits a part's slots, all of them plain, in a loop of its own: how far it came, and whether to go on.
    fn run<G, const AHEAD: u64>(&mut self, guard: Guard<G>, part: Part) -> (Guard<G>, u64, bool)
    where
        for<'g> &'g mut G: Iterator<Item = &'g Slot<E>>,
    {
        (guard, part.at, false)
    }
}

/// A guard of the crate: the slots that were published when it was taken. By value from loop to loop, so that each keeps its
/// place among them in a register; never dropped but where the macros below say so.
pub(crate) type Guard<G> = ManuallyDrop<G>;

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

/// A part of a batch, by sequences: the batch goes from `first` to `end`, the part from `at` to `to`.
#[derive(Clone, Copy)]
pub(crate) struct Part {
    pub(crate) first: u64,
    pub(crate) at: u64,
    pub(crate) to: u64,
    pub(crate) end: u64,
}

/// Least plain slots that are worth a loop of their own.
const LEAST_PLAIN: u64 = 4;

/// Visits a part's slots, which may be none, the plain ones in the visitor's own loop: how far it came, and whether to go on.
#[inline(always)]
fn visit_part<E: Event, G, V: Visitor<E>, const AHEAD: u64>(
    mut guard: Guard<G>,
    part: Part,
    visitor: &mut V,
) -> (Guard<G>, u64, bool)
where
    for<'g> &'g mut G: Iterator<Item = &'g Slot<E>>,
{
    let plain = visitor.plain(&part);
    let (mut at, mut goes_on) = (part.at, true);
    while goes_on && at < part.to {
        let plain_to = plain.end.min(part.to);
        if at >= plain.start && at + LEAST_PLAIN <= plain_to {
            (guard, at, goes_on) = visitor.run::<G, AHEAD>(guard, Part { at, to: plain_to, ..part });
        } else {
            let to = if at < plain.start { plain.start.min(part.to) } else { part.to };
            (at, goes_on) = visit_all::<E, V, AHEAD>(&mut &mut *guard, Part { at, to, ..part }, visitor);
        }
    }
    (guard, at, goes_on)
}

/// Visits a part's slots, which may be none: how far it came, and whether to go on.
///
/// A loop of its own, and as tight as can be: what does not fit into registers is stored once an event, and the
/// journal's stores, which wait for memory, have as many places less in the processor's queue.
///
/// `AHEAD`: how many slots ahead lines are asked for, 0 if they are here.
#[inline(always)]
fn visit_all<'g, E: Event, V: Visitor<E>, const AHEAD: u64>(
    slots: &mut impl Iterator<Item = &'g Slot<E>>,
    Part { first, mut at, to, end }: Part,
    visitor: &mut V,
) -> (u64, bool) {
    if at >= to {
        return (at, true);
    }
    let Some(mut slot) = slots.next() else { return (at, true) };
    if at == first {
        // The head of the batch: each of these is on its way while the ones before are visited.
        (1..AHEAD.min(end - at)).for_each(|next| slot.fetch_to_read(next as usize));
    }
    loop {
        if AHEAD > 0 && at + AHEAD < end {
            slot.fetch_to_read(AHEAD as usize);
        }
        match visitor.visit(slot, at, end - at - 1) {
            Visit::Done => at += 1,
            Visit::Release => return (at + 1, false),
            Visit::Stop => return (at, false),
        }
        // Before the next slot is taken: it is the next part's.
        if at >= to {
            break;
        }
        slot = match slots.next() {
            Some(next) => next,
            None => break,
        };
    }
    (at, true)
}

impl<E: Event> Poller<E> {
    /// Whether a published slot waits to be shown; with several publishers also if that is not known just now.
    pub(crate) fn has_news(&self) -> bool {
        match self {
            Poller::Single(poller) => poller.has_available(),
            Poller::Multi(poller) => poller.has_available(),
        }
    }

    /// Whether it was last asked for slots, found none, and there may be some.
    pub(crate) fn is_unsure(&self) -> bool {
        match self {
            Poller::Single(_) => false,
            Poller::Multi(poller) => poller.is_unsure(),
        }
    }

    /// Shows up to `limit` slots in order, of which the first has the sequence `first`; how many were done with. Exactly
    /// those are released to publishers, also when the visitor panics: then none.
    #[inline(always)]
    pub(crate) fn show(&mut self, first: u64, limit: u64, mut visitor: impl Visitor<E>) -> u64 {
        match self {
            Poller::Single(poller) => show!(poller, first, limit, visitor),
            Poller::Multi(poller) => show!(poller, first, limit, visitor),
        }
    }

    /// Releases up to `limit` slots unseen; how many.
    pub(crate) fn skip(&mut self, limit: u64) -> u64 {
        match self {
            Poller::Single(poller) => skip!(poller, limit),
            Poller::Multi(poller) => skip!(poller, limit),
        }
    }

    /// Shows up to `limit` slots to two visitors by turns, `step` at a time: `behind`, whose poller is at the same slot,
    /// sees what this one's visitor is done with. How many each was done with.
    #[inline(always)]
    pub(crate) fn show_by_turns(
        &mut self,
        mut visitor: impl Visitor<E>,
        behind: (&mut Poller<E>, impl Visitor<E>),
        (first, limit, step): (u64, u64, u64),
    ) -> (u64, u64) {
        let (other, mut follower) = behind;
        match (self, other) {
            (Poller::Single(ahead), Poller::Single(behind)) => {
                show_by_turns!(ahead, behind, (first, limit, step), visitor, follower)
            }
            (Poller::Multi(ahead), Poller::Multi(behind)) => {
                show_by_turns!(ahead, behind, (first, limit, step), visitor, follower)
            }
            // Not of one ring.
            _ => (0, 0),
        }
    }
}

// The bodies for either poller: their guards share no trait that can be named.

/// The body of [`Poller::show`].
macro_rules! show {
    ($poller:expr, $first:expr, $limit:expr, $visitor:ident) => {
        'batch: {
            let Some((mut guard, count)) = take!($poller, $limit) else { break 'batch 0 };
            let (first, end) = ($first, $first + count);
            let (mut at, mut goes_on) = (first, true);
            while goes_on && at < end {
                let to = end.min((at / STRIDE + 1) * STRIDE);
                let part = Part { first, at, to, end };
                (guard, at, goes_on) = visit_part::<_, _, _, AHEAD>(guard, part, &mut $visitor);
                if goes_on && at < end {
                    $visitor.rest(at);
                }
            }
            release!($poller, guard, count, at - first)
        }
    };
}

/// The body of [`Poller::show_by_turns`].
macro_rules! show_by_turns {
    ($ahead:expr, $behind:expr, ($first:expr, $limit:expr, $step:expr), $visitor:ident, $follower:ident) => {
        'batch: {
            let Some((mut guard, count)) = take!($ahead, $limit) else { break 'batch (0, 0) };
            let Some((mut behind, seen)) = take!($behind, count) else { break 'batch (0, 0) };
            let (first, end) = ($first, $first + count.min(seen));
            let (mut at, mut behind_at) = (first, first);
            let mut goes_on = true;
            while goes_on && at < end {
                let to = end.min(at + $step);
                let part = Part { first, at, to, end };
                (guard, at, goes_on) = visit_part::<_, _, _, AHEAD_BY_TURNS>(guard, part, &mut $visitor);
                $visitor.rest(at);
                let follows;
                let part = Part { first, at: behind_at, to: at, end };
                (behind, behind_at, follows) = visit_part::<_, _, _, 0>(behind, part, &mut $follower);
                goes_on &= follows;
                if goes_on && at < end {
                    $follower.rest(behind_at);
                }
            }
            (release!($ahead, guard, count, at - first), release!($behind, behind, seen, behind_at - first))
        }
    };
}

/// The body of [`Poller::skip`].
macro_rules! skip {
    ($poller:expr, $limit:expr) => {
        take!($poller, $limit).map_or(0, |(guard, count)| {
            drop(ManuallyDrop::into_inner(guard));
            count
        })
    };
}

/// A guard of up to `$limit` slots, and how many it has.
macro_rules! take {
    ($poller:expr, $limit:expr) => {
        // Err: nothing there, or all publishers gone; the engine keeps its own word for the end.
        $poller.take($limit).ok().map(|guard| {
            // Dropping the guard says that everything in it is done, on unwinding too (trap 1): so it is dropped
            // by hand, and leaked where that would be untrue. A leaked guard holds nothing.
            let mut guard = ManuallyDrop::new(guard);
            let count = (&mut *guard).len() as u64;
            (guard, count)
        })
    };
}

/// Releases the first `$done` slots of a guard; how many.
macro_rules! release {
    ($poller:expr, $guard:ident, $count:expr, $done:expr) => {{
        let done = $done;
        if done == $count {
            drop(ManuallyDrop::into_inner($guard));
        } else if done > 0 {
            // Exactly what is done: a guard of that many, dropped unread.
            drop($poller.take(done));
        }
        done
    }};
}
use {release, show, show_by_turns, skip, take};
