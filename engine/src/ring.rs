//! The ring: the one file that knows the `disruptor` crate, so that none of its types or traps reach a user.
//!
//! What it hides: producers of two kinds behind one enum; a batch iterator that must never leave this file (a
//! `&mut` from it may outlive the publish); guards that would mark events as done on unwinding.

use std::mem::ManuallyDrop;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{Ordering, compiler_fence};

use disruptor::{
    BusySpin, EventPoller, MultiConsumerBarrier, MultiProducer, MultiProducerBarrier, Producer as _,
    SingleProducer, SingleProducerBarrier, build_multi_producer, build_single_producer,
};

use crate::Event;

/// A cell of the ring. Aligned to a cache line, which the crate does not do by itself.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub(crate) struct Slot<E> {
    /// The event's time as published, nanoseconds; not yet the running maximum.
    pub(crate) time_ns: u64,
    /// A claimed slot without an event: journalled to keep position and sequence one, never handled.
    pub(crate) void: bool,
    pub(crate) event: E,
}

impl<E: Event> Slot<E> {
    fn empty() -> Self {
        Slot { time_ns: 0, void: true, event: E::zeroed() }
    }

    #[inline(always)]
    pub(crate) fn set(&mut self, time_ns: u64, void: bool, event: &E) {
        self.time_ns = time_ns;
        self.void = void;
        self.event = *event;
    }

    /// As [`Slot::set`], from the first byte to the last. Where the line that is written lies with another core, the
    /// order matters: a compiler that took the last bytes first cost replay a quarter.
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

/// Larger events are copied as the machine does best.
const MOST_IN_ORDER: usize = 256;

/// How many publishers a ring takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Publishers {
    /// One; the fastest.
    #[default]
    Single,
    /// Any number, each on a thread of its own; claims by compare-and-swap. The ring has 64 slots or more.
    Multi,
}

/// The publishing end.
pub(crate) enum Producer<E> {
    Single(SingleProducer<Slot<E>, MultiConsumerBarrier>),
    Multi(MultiProducer<Slot<E>, MultiConsumerBarrier>),
}

/// The reading end of one stage. Its cursor in the ring keeps publishers from overwriting what it has not
/// released.
pub(crate) enum Poller<E> {
    Single(EventPoller<Slot<E>, SingleProducerBarrier>),
    Multi(EventPoller<Slot<E>, MultiProducerBarrier>),
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
pub(crate) trait Visitor<E> {
    /// A slot, its sequence, and how many of the batch come behind it.
    fn visit(&mut self, slot: &Slot<E>, at: u64, remaining: u64) -> Visit;

    /// Everything below `at` has been visited: now and then within a batch, outside the loop that visits.
    fn rest(&mut self, _at: u64) {}
}

/// Who fills slots that may turn out not to be worth publishing. A trait and not a closure: the slots are seen in order,
/// with what they are filled from, and no index is looked up.
pub(crate) trait Fill<E> {
    /// Fills the slots with what lies at `range`, as many; whether they may be published. Does not panic.
    fn fill<'a>(&mut self, range: Range<usize>, slots: impl Iterator<Item = &'a mut Slot<E>>) -> bool
    where
        E: 'a;
}

/// Most slots between two rests: a slow batch must not look like a full ring.
const STRIDE: u64 = 128;

impl<E, F: FnMut(&Slot<E>, u64, u64) -> Visit> Visitor<E> for F {
    #[inline(always)]
    fn visit(&mut self, slot: &Slot<E>, at: u64, remaining: u64) -> Visit {
        self(slot, at, remaining)
    }
}

/// Visits the slots from `at` to `to`, of a batch that ends at `end`: how far it came, and whether to go on.
///
/// A loop of its own, and as tight as can be: what does not fit into registers is stored once an event, and the
/// journal's stores, which wait for memory, have as many places less in the processor's queue.
#[inline(always)]
fn visit_all<'g, E: 'g>(
    slots: &mut impl Iterator<Item = &'g Slot<E>>,
    (mut at, to, end): (u64, u64, u64),
    visitor: &mut impl Visitor<E>,
) -> (u64, bool) {
    while at < to {
        let Some(slot) = slots.next() else { break };
        match visitor.visit(slot, at, end - at - 1) {
            Visit::Done => at += 1,
            Visit::Release => return (at + 1, false),
            Visit::Stop => return (at, false),
        }
    }
    (at, true)
}

/// Makes a ring with one poller a stage. The caller has checked capacity and count.
pub(crate) fn build<E: Event>(
    capacity: usize,
    stages: usize,
    publishers: Publishers,
) -> (Producer<E>, Vec<Poller<E>>) {
    debug_assert!(capacity.is_power_of_two() && stages > 0, "checked by the builder");
    let mut pollers = Vec::with_capacity(stages);
    match publishers {
        Publishers::Single => {
            let mut builder = build_single_producer(capacity, Slot::empty, BusySpin).with_multi_consumer();
            for _ in 0..stages {
                let (poller, next) = builder.new_event_poller();
                pollers.push(Poller::Single(poller));
                builder = next;
            }
            (Producer::Single(builder.build()), pollers)
        }
        Publishers::Multi => {
            let mut builder = build_multi_producer(capacity, Slot::empty, BusySpin).with_multi_consumer();
            for _ in 0..stages {
                let (poller, next) = builder.new_event_poller();
                pollers.push(Poller::Multi(poller));
                builder = next;
            }
            (Producer::Multi(builder.build()), pollers)
        }
    }
}

impl<E: Event> Producer<E> {
    /// Publishes one event; its number in the ring, or `None` if the ring is full.
    ///
    /// The fields go straight into the slot. A slot built beside it and copied would be stored by eights and
    /// loaded by sixteens at once, which the processor can't forward: 20 ns lost.
    #[inline(always)]
    pub(crate) fn try_publish(&mut self, time_ns: u64, event: &E) -> Option<u64> {
        let fill = |place: &mut Slot<E>| place.set(time_ns, false, event);
        let published = match self {
            Producer::Single(producer) => producer.try_publish(fill),
            Producer::Multi(producer) => producer.try_publish(fill),
        };
        published.ok().map(|number| number as u64)
    }

    /// Publishes `count` slots, each filled by `fill(index, slot)`, which must fill it and not panic; the number
    /// of the last in the ring, or `None` if there is no room for all of them.
    #[inline(always)]
    pub(crate) fn try_publish_all(
        &mut self,
        count: usize,
        mut fill: impl FnMut(usize, &mut Slot<E>),
    ) -> Option<u64> {
        debug_assert!(count > 0, "the crate gives the number before for none");
        // The iterator yields exactly `count` places and none escapes: trap 4 and trap 13 of the crate.
        let published = match self {
            Producer::Single(producer) => producer.try_batch_publish(count, |places| {
                places.enumerate().for_each(|(index, place)| fill(index, place));
            }),
            Producer::Multi(producer) => producer.try_batch_publish(count, |places| {
                places.enumerate().for_each(|(index, place)| fill(index, place));
            }),
        };
        published.ok().map(|number| number as u64)
    }

    /// Whether [`Producer::try_publish_checked`] may be called.
    pub(crate) fn can_refuse(&self) -> bool {
        cfg!(panic = "unwind") && matches!(self, Producer::Single(_))
    }

    /// As [`Producer::try_publish_all`], but what was filled is published only if `fill` says so: else `Some(None)`. Only
    /// where [`Producer::can_refuse`].
    #[inline(always)]
    pub(crate) fn try_publish_checked(
        &mut self,
        count: usize,
        fill: &mut impl Fill<E>,
        from: usize,
    ) -> Option<Option<u64>> {
        struct Refused;
        let Producer::Single(producer) = self else { return None };
        debug_assert!(count > 0, "the crate gives the number before for none");
        // The crate has no other way out of a batch than to unwind. Of one producer nothing is claimed then, and the
        // slots are filled anew by whatever is published next; of several, a hole would stay.
        let result = catch_unwind(AssertUnwindSafe(|| {
            producer.try_batch_publish(count, |places| {
                if !fill.fill(from..from + count, places) {
                    resume_unwind(Box::new(Refused));
                }
            })
        }));
        match result {
            Ok(published) => published.ok().map(|number| Some(number as u64)),
            Err(cause) if cause.is::<Refused>() => Some(None),
            Err(panic) => resume_unwind(panic),
        }
    }

    /// Another producer for the same ring, if it takes several.
    pub(crate) fn try_clone(&self) -> Option<Self> {
        match self {
            Producer::Single(_) => None,
            Producer::Multi(producer) => Some(Producer::Multi(producer.clone())),
        }
    }
}

impl<E: Event> Poller<E> {
    /// Whether a published slot waits to be shown.
    pub(crate) fn has_news(&self) -> bool {
        match self {
            Poller::Single(poller) => poller.has_available(),
            Poller::Multi(poller) => poller.has_available(),
        }
    }

    /// Whether to take a guard, as far as that can be told for less: of several publishers nothing is known without a
    /// scan of all that is published, and the guard's own is one.
    pub(crate) fn may_have_news(&self) -> bool {
        match self {
            Poller::Single(poller) => poller.has_available(),
            Poller::Multi(_) => true,
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
            let mut slots = &mut *guard;
            let (mut at, end, mut goes_on) = ($first, $first + count, true);
            while goes_on && at < end {
                let to = end.min((at / STRIDE + 1) * STRIDE);
                (at, goes_on) = visit_all(&mut slots, (at, to, end), &mut $visitor);
                if goes_on && at < end {
                    $visitor.rest(at);
                }
            }
            release!($poller, guard, count, at - $first)
        }
    };
}

/// The body of [`Poller::show_by_turns`].
macro_rules! show_by_turns {
    ($ahead:expr, $behind:expr, ($first:expr, $limit:expr, $step:expr), $visitor:ident, $follower:ident) => {
        'batch: {
            let Some((mut guard, count)) = take!($ahead, $limit) else { break 'batch (0, 0) };
            let Some((mut behind, seen)) = take!($behind, count) else { break 'batch (0, 0) };
            let (mut slots, mut same_slots) = (&mut *guard, &mut *behind);
            let (mut at, mut behind_at, end) = ($first, $first, $first + count.min(seen));
            let mut goes_on = true;
            while goes_on && at < end {
                let to = end.min(at + $step);
                (at, goes_on) = visit_all(&mut slots, (at, to, end), &mut $visitor);
                $visitor.rest(at);
                let follows;
                (behind_at, follows) = visit_all(&mut same_slots, (behind_at, at, end), &mut $follower);
                goes_on &= follows;
                if goes_on && at < end {
                    $follower.rest(behind_at);
                }
            }
            (release!($ahead, guard, count, at - $first), release!($behind, behind, seen, behind_at - $first))
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

impl<E> std::fmt::Debug for Producer<E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Producer::Single(_) => "Producer::Single",
            Producer::Multi(_) => "Producer::Multi",
        })
    }
}
