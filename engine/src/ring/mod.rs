//! The ring: the one folder that knows the `disruptor` crate, so that none of its types or traps reach a user.
//!
//! What it hides: producers of two kinds behind one enum; a batch iterator that must never leave its file (a
//! `&mut` from it may outlive the publish); guards that would mark events as done on unwinding; and that the crate's ring has
//! only the places of slots in it, which lie here (`slots.rs`).

mod poller;
mod producer;
mod scout;
mod slot;
mod slots;

use std::sync::Arc;

use disruptor::{BusySpin, build_multi_producer, build_single_producer};

pub(crate) use poller::{Poller, Row, Visit, Visitor};
pub(crate) use producer::{Fill, Producer};
pub(crate) use slot::Slot;

use poller::Places;
use producer::ToWrite;
use scout::{BehindScout, Scout};
use slots::Slots;

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
    let (slots, place) = Slots::new(capacity);
    let mut pollers = Vec::with_capacity(stages);
    let poller = |places| Poller { places, slots: Arc::clone(&slots) };
    let places = match publishers {
        Publishers::Single => {
            let mut builder = build_single_producer(capacity, place, BusySpin).with_multi_consumer();
            for _ in 0..stages {
                let (places, next) = builder.new_event_poller();
                pollers.push(poller(Places::Single(places)));
                builder = next;
            }
            ToWrite::single(builder.build(), Slot::<E>::ahead(capacity))
        }
        Publishers::Multi => {
            let (ahead, builder) = build_multi_producer(capacity, place, BusySpin).new_event_poller();
            let scout = Scout::new(ahead);
            let mut builder = builder.and_then().with_multi_consumer();
            for _ in 0..stages {
                let (places, next) = builder.new_event_poller();
                pollers.push(poller(Places::Multi(BehindScout::new(places, &scout))));
                builder = next;
            }
            ToWrite::Multi(builder.build())
        }
    };
    (Producer { places, slots }, pollers)
}
