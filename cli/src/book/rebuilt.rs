//! The book rebuilt from an exchange's messages, with a digest over every change. Two runs over the same
//! messages end with the same digest, and hardly ever otherwise: that is how the demo proves a recovery.
//!
//! Nothing trades here but what a message says has traded. A file of messages begins in the middle of a day,
//! so it refers to orders that the book never saw. Such messages change nothing and are counted.

use super::{Book, Digest, Order};
use crate::flow::message::{Kind, OrderMessage, Side};

/// How many messages of each sort the book has taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Counts {
    /// Messages of all sorts.
    pub messages: u64,
    /// New orders.
    pub added: u64,
    /// Cancels and deletions of orders in the book.
    pub cancelled: u64,
    /// Executions of orders in the book.
    pub executed: u64,
    /// Executions of hidden orders.
    pub executed_hidden: u64,
    /// Auctions.
    pub crosses: u64,
    /// Halts and resumptions.
    pub halts: u64,
    /// Cancels, deletions and executions of orders that are not in the book: from before the first message.
    pub unknown_orders: u64,
    /// New orders with the id of one that rests already; they change nothing.
    pub duplicate_orders: u64,
    /// Cancels and executions of more than the order holds; it goes.
    pub oversized: u64,
    /// Messages of no known type or side; they change nothing.
    pub senseless: u64,
    /// Shares traded, hidden ones and auctions included.
    pub volume: u64,
}

/// What a message did; part of the digest.
#[derive(Clone, Copy)]
#[repr(u64)]
enum Effect {
    Nothing = 0,
    Added = 1,
    Shrunk = 2,
    Removed = 3,
    Counted = 4,
}

/// A book of messages.
#[derive(Clone, Debug, Default)]
pub struct RebuiltBook {
    book: Book,
    halted: bool,
    counts: Counts,
    changes: Digest,
}

impl RebuiltBook {
    /// An empty book.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes one message. Whatever it says, the book stays a book.
    #[inline]
    pub fn apply(&mut self, message: &OrderMessage) {
        self.counts.messages += 1;
        let (effect, left) = match (message.kind(), message.side()) {
            (Some(Kind::Add), Some(side)) => self.add(message, side),
            (Some(Kind::Reduce), Some(_)) => self.take(message.order_id, message.size, false),
            (Some(Kind::Delete), Some(_)) => self.take(message.order_id, u32::MAX, false),
            (Some(Kind::Execute), Some(_)) => self.take(message.order_id, message.size, true),
            (Some(kind @ (Kind::ExecuteHidden | Kind::Cross)), _) => {
                self.counts.volume += u64::from(message.size);
                self.counts.executed_hidden += u64::from(kind == Kind::ExecuteHidden);
                self.counts.crosses += u64::from(kind == Kind::Cross);
                (Effect::Counted, 0)
            }
            (Some(Kind::Halt), _) => {
                self.counts.halts += 1;
                self.halted = message.price == -1;
                (Effect::Counted, 0)
            }
            _ => {
                self.counts.senseless += 1;
                (Effect::Nothing, 0)
            }
        };
        let what = effect as u64 | u64::from(message.kind) << 8 | (message.direction as u8 as u64) << 16;
        self.changes.word(what | u64::from(left) << 32);
        self.changes.word(message.order_id as u64 ^ u64::from(message.size).rotate_left(40));
        self.changes.word(message.price as u64);
        self.changes.word(message.time_ns);
    }

    fn add(&mut self, message: &OrderMessage, side: Side) -> (Effect, u32) {
        if message.size == 0 {
            self.counts.senseless += 1;
            return (Effect::Nothing, 0);
        }
        let &OrderMessage { order_id, price, size: quantity, .. } = message;
        let order = Order { id: order_id as u64, price, side, quantity, priority: self.counts.messages };
        if self.book.find(order.id).is_some() {
            self.counts.duplicate_orders += 1;
            return (Effect::Nothing, 0);
        }
        self.book.rest(order);
        self.counts.added += 1;
        (Effect::Added, message.size)
    }

    /// Takes `size` shares, or all, from an order.
    fn take(&mut self, order_id: i64, size: u32, traded: bool) -> (Effect, u32) {
        // The shares traded count even if the order is not known.
        self.counts.volume += if traded { u64::from(size) } else { 0 };
        let Some(slot) = self.book.find(order_id as u64) else {
            self.counts.unknown_orders += 1;
            return (Effect::Nothing, 0);
        };
        if traded {
            self.counts.executed += 1;
        } else {
            self.counts.cancelled += 1;
        }
        let quantity = self.book.order(slot).quantity;
        if size < quantity {
            self.book.shrink(slot, size);
            return (Effect::Shrunk, quantity - size);
        }
        self.counts.oversized += u64::from(size > quantity && size != u32::MAX);
        self.book.remove(slot);
        (Effect::Removed, 0)
    }

    /// The orders that rest.
    #[inline]
    pub fn book(&self) -> &Book {
        &self.book
    }

    /// Whether trading is halted.
    pub fn is_halted(&self) -> bool {
        self.halted
    }

    /// What has been counted.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// A number over every change so far and over the book as it stands, each order in its place.
    pub fn digest(&self) -> u64 {
        let mut digest = self.changes;
        for side in [Side::Buy, Side::Sell] {
            for (quote, orders) in self.book.depth(side) {
                digest.word(quote.price as u64);
                digest.word(quote.size);
                for order in orders {
                    digest.word(order.id);
                    digest.word(u64::from(order.quantity));
                }
            }
            digest.word(u64::MAX);
        }
        let counts = &self.counts;
        for count in [counts.messages, counts.volume, counts.unknown_orders, u64::from(self.halted)] {
            digest.word(count);
        }
        digest.value()
    }
}

#[cfg(test)]
mod tests;
