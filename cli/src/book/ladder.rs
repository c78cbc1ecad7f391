//! One side's price levels. Levels stay in their slots, so an order knows its level without a search; a sorted
//! list of slots, best price last, changes only when a level comes or goes, mostly near its end.

use super::orders::{NONE, Orders};
use crate::flow::message::Side;

/// One price with its queue of orders, first come first.
#[derive(Clone, Copy, Debug)]
pub(super) struct Level {
    pub(super) price: i64,
    pub(super) size: u64,
    pub(super) count: u32,
    pub(super) head: u32,
    tail: u32,
}

/// The levels of one side.
#[derive(Clone, Debug)]
pub(super) struct Ladder {
    side: Side,
    levels: Vec<Level>,
    free: Vec<u32>,
    /// (key, slot), ascending: the best is last.
    sorted: Vec<(i64, u32)>,
}

impl Ladder {
    pub(super) fn new(side: Side) -> Self {
        Ladder { side, levels: Vec::new(), free: Vec::new(), sorted: Vec::new() }
    }

    /// Greater is better. (Not instead of minus: it turns the order round and can't overflow.)
    fn key(&self, price: i64) -> i64 {
        match self.side {
            Side::Buy => price,
            Side::Sell => !price,
        }
    }

    /// Where `key` is in the sorted list or belongs.
    #[inline]
    fn position(&self, key: i64) -> Result<usize, usize> {
        // Most messages are about the best few prices.
        let near = self.sorted.len().saturating_sub(8);
        for (at, (found, _)) in self.sorted.iter().enumerate().skip(near).rev() {
            if *found == key {
                return Ok(at);
            }
            if *found < key {
                return Err(at + 1);
            }
        }
        self.sorted[..near].binary_search_by_key(&key, |(key, _)| *key)
    }

    /// The slot of the level with this price, which is made if there is none.
    pub(super) fn level_for(&mut self, price: i64) -> u32 {
        let key = self.key(price);
        match self.position(key) {
            Ok(at) => self.sorted[at].1,
            Err(at) => {
                let level = Level { price, size: 0, count: 0, head: NONE, tail: NONE };
                let slot = match self.free.pop() {
                    Some(slot) => {
                        self.levels[slot as usize] = level;
                        slot
                    }
                    None => {
                        self.levels.push(level);
                        self.levels.len() as u32 - 1
                    }
                };
                self.sorted.insert(at, (key, slot));
                slot
            }
        }
    }

    /// Puts the order in `slot` at the end of its level's queue.
    pub(super) fn push_back(&mut self, orders: &mut Orders, slot: u32) {
        let node = *orders.node(slot);
        let level = &mut self.levels[node.level as usize];
        let before = std::mem::replace(&mut level.tail, slot);
        level.size += u64::from(node.size);
        level.count += 1;
        orders.node_mut(slot).before = before;
        orders.node_mut(slot).behind = NONE;
        if before == NONE {
            level.head = slot;
        } else {
            orders.node_mut(before).behind = slot;
        }
    }

    /// Takes `size` shares from a level whose order got smaller.
    pub(super) fn shrink(&mut self, level: u32, size: u32) {
        self.levels[level as usize].size -= u64::from(size);
    }

    /// Takes the order in `slot` out of its queue; an empty level goes.
    pub(super) fn unlink(&mut self, orders: &mut Orders, slot: u32) {
        let node = *orders.node(slot);
        let level = &mut self.levels[node.level as usize];
        level.size -= u64::from(node.size);
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
            let key = self.key(self.levels[node.level as usize].price);
            if let Ok(at) = self.position(key) {
                self.sorted.remove(at);
            }
            self.free.push(node.level);
        }
    }

    /// The level in a slot.
    #[inline]
    pub(super) fn level(&self, slot: u32) -> &Level {
        &self.levels[slot as usize]
    }

    /// The best level.
    #[inline]
    pub(super) fn best(&self) -> Option<&Level> {
        self.sorted.last().map(|(_, slot)| self.level(*slot))
    }

    /// All levels, best first.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Level> {
        self.sorted.iter().rev().map(|(_, slot)| self.level(*slot))
    }
}
