//! The words that go in and come out: commands, which are journalled, and trades.

use slipring::Event;

pub use crate::flow::message::Side;

/// A new order: trades with what crosses its price, and what is left of it rests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Event)]
#[repr(C)]
pub struct Limit {
    pub id: u64,
    pub price: i64,
    pub quantity: u32,
    pub side: u32,
}

/// Trades at once with what is there, down to a worst price; what is left of it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Event)]
#[repr(C)]
pub struct Market {
    pub id: u64,
    pub worst: i64,
    pub quantity: u32,
    pub side: u32,
}

/// A resting order gets another price or quantity. It keeps its place in the queue only if it gets smaller at
/// its price; else it comes in anew, and may trade.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Event)]
#[repr(C)]
pub struct Modify {
    pub id: u64,
    pub price: i64,
    pub quantity: u64,
}

/// A resting order gets smaller by so much, and goes if nothing is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Event)]
#[repr(C)]
pub struct Reduce {
    pub id: u64,
    pub by: u64,
}

/// A resting order goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Event)]
#[repr(C)]
pub struct Cancel {
    pub id: u64,
}

/// What the matching engine is told. The derive makes `CommandEvent` of it, which the ring carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Event)]
#[repr(u32)]
pub enum Command {
    Limit(Limit) = 1,
    Market(Market) = 2,
    Modify(Modify) = 3,
    Reduce(Reduce) = 4,
    Cancel(Cancel) = 5,
    /// Nothing that a book of visible orders could do anything with, kept for its place in the flow.
    Pass = 6,
}

/// Two orders have traded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Event)]
#[repr(C)]
pub struct Trade {
    /// The order that rested.
    pub maker: u64,
    /// The order that came.
    pub taker: u64,
    /// The maker's price.
    pub price: i64,
    pub quantity: u32,
    /// The side that the taker was on.
    pub side: u32,
}
