//! The order book: the orders of one instrument that rest, by price and within a price first come first. It
//! has no rules: whoever changes it says which order comes, shrinks or goes.
//!
//! There are two entrances, because they are told different things. [`RebuiltBook`] hears from an exchange
//! what has happened there: an execution names the order that traded. The
//! [`MatchingBook`](crate::exchange::matching::MatchingBook) is that exchange: it is asked for something, and
//! decides who trades with whom.

mod digest;
mod ladder;
mod orders;
mod rebuilt;

pub use digest::Digest;
pub use orders::Order;
pub use rebuilt::{Counts, RebuiltBook};

use crate::flow::message::Side;
use ladder::{Ladder, Level};
use orders::{NONE, Orders};

/// One price of one side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Quote {
    /// Dollars times 10,000.
    pub price: i64,
    /// Shares at that price.
    pub size: u64,
    /// Orders at that price.
    pub orders: u32,
}

impl Quote {
    fn of((price, level): (i64, &Level)) -> Self {
        Quote { price, size: level.quantity, orders: level.count }
    }
}

/// The resting orders of both sides. An order is named by its slot, which it keeps while it rests.
#[derive(Clone, Debug)]
pub struct Book {
    orders: Orders,
    bids: Ladder,
    asks: Ladder,
}

impl Default for Book {
    fn default() -> Self {
        Self::new()
    }
}

impl Book {
    /// An empty book, with room for a busy day.
    pub fn new() -> Self {
        Book {
            orders: Orders::with_capacity(1 << 12),
            bids: Ladder::new(Side::Buy),
            asks: Ladder::new(Side::Sell),
        }
    }

    /// Where the order with this id rests.
    #[inline]
    pub fn find(&self, id: u64) -> Option<u32> {
        self.orders.find(id)
    }

    /// The order that rests in a slot.
    #[inline]
    pub fn order(&self, slot: u32) -> &Order {
        &self.orders.node(slot).order
    }

    /// Puts an order, whose id is not there and which is not empty, behind those of its price.
    #[inline]
    pub fn rest(&mut self, order: Order) {
        let slot = self.orders.insert(order);
        let ladder = match order.side {
            Side::Buy => &mut self.bids,
            Side::Sell => &mut self.asks,
        };
        ladder.push_back(&mut self.orders, slot);
    }

    /// Makes an order smaller in its place; something of it is left.
    #[inline]
    pub fn shrink(&mut self, slot: u32, by: u32) {
        let order = &mut self.orders.node_mut(slot).order;
        order.quantity -= by;
        let (price, side) = (order.price, order.side);
        match side {
            Side::Buy => self.bids.shrink(price, by),
            Side::Sell => self.asks.shrink(price, by),
        }
    }

    /// Takes an order out.
    #[inline]
    pub fn remove(&mut self, slot: u32) {
        let ladder = match self.order(slot).side {
            Side::Buy => &mut self.bids,
            Side::Sell => &mut self.asks,
        };
        ladder.unlink(&mut self.orders, slot);
        self.orders.remove(slot);
    }

    fn ladder(&self, side: Side) -> &Ladder {
        match side {
            Side::Buy => &self.bids,
            Side::Sell => &self.asks,
        }
    }

    /// The slot of the side's order that trades first, if an order of the other side with this limit reaches
    /// it.
    #[inline]
    pub fn crossed_by(&self, side: Side, limit: i64) -> Option<u32> {
        self.ladder(side).crossed_by(limit)
    }

    /// The best price of a side.
    #[inline]
    pub fn best(&self, side: Side) -> Option<Quote> {
        self.ladder(side).best().map(Quote::of)
    }

    /// The order that trades next on a side.
    pub fn first(&self, side: Side) -> Option<Order> {
        let (_, level) = self.ladder(side).best()?;
        Some(*self.order(level.head))
    }

    /// The order in a slot below [`Book::slots`]; `None` if the slot is free.
    pub fn order_in(&self, slot: usize) -> Option<Order> {
        let order = *self.order(slot as u32);
        (order.quantity > 0).then_some(order)
    }

    /// How many slots for orders there are, free ones included.
    pub fn slots(&self) -> usize {
        self.orders.slots()
    }

    /// How many orders rest.
    pub fn count(&self) -> usize {
        self.orders.count()
    }

    /// The prices of a side, best first.
    pub fn levels(&self, side: Side) -> impl Iterator<Item = Quote> {
        self.ladder(side).iter().map(Quote::of)
    }

    /// The prices of a side with their orders, best first; within a price, first come first.
    pub fn depth(&self, side: Side) -> impl Iterator<Item = (Quote, impl Iterator<Item = Order>)> {
        self.ladder(side).iter().map(move |(price, level)| {
            let mut slot = level.head;
            let orders = std::iter::from_fn(move || {
                let node = (slot != NONE).then(|| self.orders.node(slot))?;
                slot = node.behind;
                Some(node.order)
            });
            (Quote::of((price, level)), orders)
        })
    }

    /// The orders of a side in the order in which they would trade.
    pub fn queue(&self, side: Side) -> impl Iterator<Item = Order> {
        self.depth(side).flat_map(|(_, orders)| orders)
    }
}
