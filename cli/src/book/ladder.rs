//! One side's price levels, sorted, the best last, so that most of what happens happens near the end of a
//! vector. Each has its queue of orders, first come first.

use super::orders::{NONE, Order, Orders};
use crate::flow::message::Side;

/// One price with its queue.
#[derive(Clone, Copy, Debug)]
pub struct Level {
    /// Greater is better, on both sides.
    key: i64,
    pub quantity: u64,
    pub count: u32,
    pub head: u32,
    tail: u32,
}

/// The levels of one side.
#[derive(Clone, Debug)]
pub struct Ladder {
    side: Side,
    levels: Vec<Level>,
}

impl Ladder {
    pub fn new(side: Side) -> Self {
        Ladder { side, levels: Vec::with_capacity(1 << 10) }
    }

    /// Not instead of minus: it turns the order round and can't overflow.
    fn key(&self, price: i64) -> i64 {
        match self.side {
            Side::Buy => price,
            Side::Sell => !price,
        }
    }

    /// Where the price is or belongs.
    #[inline]
    fn position(&self, price: i64) -> Result<usize, usize> {
        let key = self.key(price);
        // Most commands are about the best few prices.
        let near = self.levels.len().saturating_sub(8);
        for (at, level) in self.levels.iter().enumerate().skip(near).rev() {
            if level.key == key {
                return Ok(at);
            }
            if level.key < key {
                return Err(at + 1);
            }
        }
        self.levels[..near].binary_search_by_key(&key, |level| level.key)
    }

    /// Puts the order in `slot` at the end of its price's queue.
    pub fn push_back(&mut self, orders: &mut Orders, slot: u32) {
        let Order { price, quantity, .. } = orders.node(slot).order;
        let at = self.position(price).unwrap_or_else(|at| {
            let key = self.key(price);
            self.levels.insert(at, Level { key, quantity: 0, count: 0, head: NONE, tail: NONE });
            at
        });
        let level = &mut self.levels[at];
        let before = std::mem::replace(&mut level.tail, slot);
        level.quantity += u64::from(quantity);
        level.count += 1;
        orders.node_mut(slot).before = before;
        orders.node_mut(slot).behind = NONE;
        if before == NONE {
            level.head = slot;
        } else {
            orders.node_mut(before).behind = slot;
        }
    }

    /// Takes `quantity` from a level whose order got smaller.
    pub fn shrink(&mut self, price: i64, quantity: u32) {
        let at = self.position(price).expect("a resting order has a level");
        self.levels[at].quantity -= u64::from(quantity);
    }

    /// Takes the order in `slot` out of its queue; an empty level goes.
    pub fn unlink(&mut self, orders: &mut Orders, slot: u32) {
        let node = *orders.node(slot);
        let at = self.position(node.order.price).expect("a resting order has a level");
        let level = &mut self.levels[at];
        level.quantity -= u64::from(node.order.quantity);
        level.count -= 1;
        if node.before == NONE {
            level.head = node.behind;
        } else {
            orders.node_mut(node.before).behind = node.behind;
        }
        if node.behind == NONE {
            level.tail = node.before;
        } else {
            orders.node_mut(node.behind).before = node.before;
        }
        if level.count == 0 {
            self.levels.remove(at);
        }
    }

    /// The best price that an order of the other side trades with, if `limit` reaches it, and who is first
    /// there.
    #[inline]
    pub fn crossed_by(&self, limit: i64) -> Option<u32> {
        let best = self.levels.last()?;
        (best.key >= self.key(limit)).then_some(best.head)
    }

    /// The best price with its level.
    #[inline]
    pub fn best(&self) -> Option<(i64, &Level)> {
        self.levels.last().map(|level| (self.key(level.key), level))
    }

    /// The levels with their prices, best first.
    pub fn iter(&self) -> impl Iterator<Item = (i64, &Level)> {
        self.levels.iter().rev().map(|level| (self.key(level.key), level))
    }
}
