//! The ring: the one folder that knows the `disruptor` crate, so that none of its types or traps reach a user.
//!
//! What it hides: producers of two kinds behind one enum; a batch iterator that must never leave its file (a
//! `&mut` from it may outlive the publish); guards that would mark events as done on unwinding.

mod poller;
mod producer;
mod scout;
mod slot;

use disruptor::{BusySpin, build_multi_producer, build_single_producer};

pub(crate) use poller::{Guard, Part, Poller, Visit, Visitor};
pub(crate) use producer::{Fill, Producer};
pub(crate) use slot::Slot;

use scout::{BehindScout, Scout};

use crate::Event;

/// How many publishers a ring takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Publishers {
    /// One; the fastest.
    #[default]
    Single,
    /// Any number, each on a thread of its own; claims by compare-and-swap. The ring has 64 slots or more.
    Multi,
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
            (Producer::single(builder.build(), capacity), pollers)
        }
        Publishers::Multi => {
            let (ahead, builder) = build_multi_producer(capacity, Slot::empty, BusySpin).new_event_poller();
            let scout = Scout::new(ahead);
            let mut builder = builder.and_then().with_multi_consumer();
            for _ in 0..stages {
                let (poller, next) = builder.new_event_poller();
                pollers.push(Poller::Multi(BehindScout::new(poller, &scout)));
                builder = next;
            }
            (Producer::Multi(builder.build()), pollers)
        }
    }
}
