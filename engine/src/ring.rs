//! The ring: the one file that knows the `disruptor` crate, so that none of its types or traps reach a user.
//!
//! What it hides: producers of two kinds behind one enum; a batch iterator that must never leave this file (a
//! `&mut` from it may outlive the publish); guards that would mark events as done on unwinding.

use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

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
}

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
    /// A slot, and how many of the batch come behind it.
    fn visit(&mut self, slot: &Slot<E>, remaining: usize) -> Visit;
}

impl<E, F: FnMut(&Slot<E>, usize) -> Visit> Visitor<E> for F {
    #[inline(always)]
    fn visit(&mut self, slot: &Slot<E>, remaining: usize) -> Visit {
        self(slot, remaining)
    }
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

    /// As [`Producer::try_publish_all`], but what was filled is published only if `accept` says so: else `Some(None)`.
    /// Only where [`Producer::can_refuse`].
    #[inline(always)]
    pub(crate) fn try_publish_checked(
        &mut self,
        count: usize,
        mut fill: impl FnMut(usize, &mut Slot<E>),
        accept: impl FnOnce() -> bool,
    ) -> Option<Option<u64>> {
        struct Refused;
        let Producer::Single(producer) = self else { return None };
        debug_assert!(count > 0, "the crate gives the number before for none");
        // The crate has no other way out of a batch than to unwind. Of one producer nothing is claimed then, and the
        // slots are filled anew by whatever is published next; of several, a hole would stay.
        let result = catch_unwind(AssertUnwindSafe(|| {
            producer.try_batch_publish(count, |places| {
                places.enumerate().for_each(|(index, place)| fill(index, place));
                if !accept() {
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

    /// Shows up to `limit` slots in order; how many were done with. Exactly those are released to publishers,
    /// also when `visit` panics: then none.
    #[inline]
    pub(crate) fn batch(&mut self, limit: u64, visit: impl FnMut(&Slot<E>, usize) -> Visit) -> u64 {
        self.show(limit, visit).0
    }

    /// As [`Poller::batch`]; gives the visitor back.
    #[inline(always)]
    pub(crate) fn show<V: Visitor<E>>(&mut self, limit: u64, mut visitor: V) -> (u64, V) {
        let done = match self {
            Poller::Single(poller) => batch!(poller, limit, visitor),
            Poller::Multi(poller) => batch!(poller, limit, visitor),
        };
        (done, visitor)
    }
}

/// The body of [`Poller::batch`] for either poller: their guards share no trait that can be named.
macro_rules! batch {
    ($poller:expr, $limit:expr, $visitor:ident) => {
        'batch: {
            // Err: nothing there, or all publishers gone; the engine keeps its own word for the end.
            let Ok(guard) = $poller.take($limit) else { break 'batch 0 };
            // Dropping the guard says that everything in it is done, on unwinding too (trap 1): so it is dropped
            // by hand, and leaked where that would be untrue. A leaked guard holds nothing.
            let mut guard = ManuallyDrop::new(guard);
            let count = (&mut *guard).len();
            let mut done = 0;
            for slot in &mut *guard {
                match $visitor.visit(slot, count - done - 1) {
                    Visit::Done => done += 1,
                    Visit::Release => {
                        done += 1;
                        break;
                    }
                    Visit::Stop => break,
                }
            }
            if done == count {
                drop(ManuallyDrop::into_inner(guard));
            } else if done > 0 {
                // Release exactly what is done: a guard of that many, dropped unread.
                drop($poller.take(done as u64));
            }
            done as u64
        }
    };
}
use batch;

impl<E> std::fmt::Debug for Producer<E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Producer::Single(_) => "Producer::Single",
            Producer::Multi(_) => "Producer::Multi",
        })
    }
}
