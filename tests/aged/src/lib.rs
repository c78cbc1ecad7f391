//! Events that change over three derived versions, and the stage that keeps its state over the change: for
//! the child whose program becomes newer between its deaths, and the test that judges it.

pub mod fold;
pub mod messages;
pub mod orders;

use std::fmt::Debug;

use slipring_journal::Event;

/// One version of an event; which one, [`Event::VERSION`] says.
pub trait Aged: Event + Debug + PartialEq {
    /// How many units of the newest version one unit of this version's state is.
    const SCALE: i64;
    /// The same of version 1.
    const FIRST_SCALE: i64;

    /// What a program of this version sees of event `id`, which a program of version `by` wrote.
    fn seen(id: u64, by: u32) -> Self;

    /// The event's number and the version that wrote it, as it says itself.
    fn id_and_by(&self) -> (u64, u32);

    /// What it adds to the state, in units of this version.
    fn weight(&self) -> i64;
}

/// A family of three versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// A struct whose versions are upcast, one from the other.
    Orders,
    /// A one-of event whose versions are mapped.
    Messages,
}

impl Family {
    /// As an argument of the child.
    pub fn name(self) -> &'static str {
        match self {
            Family::Orders => "orders",
            Family::Messages => "messages",
        }
    }
}

/// The time that goes with an event; some come at the same time.
pub fn time(id: u64) -> u64 {
    1_000 + id / 2 * 10
}
