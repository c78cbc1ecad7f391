//! The resting orders: a slab of nodes that never moves them, and an index from id to slot. It allocates only
//! while the book grows.
//!
//! What an order's slot is depends on who came and went before, and after a restore it is another one. So no
//! outcome may depend on a slot, and the index is asked but never walked.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use crate::flow::message::Side;

/// No node.
pub const NONE: u32 = u32::MAX;

/// A resting order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order {
    pub id: u64,
    pub price: i64,
    pub side: Side,
    pub quantity: u32,
    /// The number of the command by which it came to its place: within a price, less is first.
    pub priority: u64,
}

/// An order in its queue.
#[derive(Clone, Copy, Debug)]
pub struct Node {
    pub order: Order,
    pub before: u32,
    pub behind: u32,
}

/// All resting orders.
#[derive(Clone, Debug, Default)]
pub struct Orders {
    nodes: Vec<Node>,
    free: Vec<u32>,
    index: HashMap<u64, u32, BuildHasherDefault<IdHasher>>,
}

impl Orders {
    /// Room for so many without allocating.
    pub fn with_capacity(count: usize) -> Self {
        Orders {
            nodes: Vec::with_capacity(count),
            free: Vec::with_capacity(count),
            index: HashMap::with_capacity_and_hasher(count, BuildHasherDefault::default()),
        }
    }

    /// Puts an order, whose id is not there, into a slot of its own, in no queue yet.
    pub fn insert(&mut self, order: Order) -> u32 {
        let node = Node { order, before: NONE, behind: NONE };
        let slot = match self.free.pop() {
            Some(slot) => {
                self.nodes[slot as usize] = node;
                slot
            }
            None => {
                self.nodes.push(node);
                self.nodes.len() as u32 - 1
            }
        };
        let old = self.index.insert(order.id, slot);
        debug_assert_eq!(old, None, "two orders with one id");
        slot
    }

    /// Frees a slot whose order is in no queue any more. Nothing is left of it, which is how a free slot is
    /// known.
    pub fn remove(&mut self, slot: u32) {
        let order = &mut self.nodes[slot as usize].order;
        order.quantity = 0;
        self.index.remove(&order.id);
        self.free.push(slot);
    }

    #[inline]
    pub fn find(&self, id: u64) -> Option<u32> {
        self.index.get(&id).copied()
    }

    #[inline]
    pub fn node(&self, slot: u32) -> &Node {
        &self.nodes[slot as usize]
    }

    #[inline]
    pub fn node_mut(&mut self, slot: u32) -> &mut Node {
        &mut self.nodes[slot as usize]
    }

    /// How many orders rest.
    pub fn count(&self) -> usize {
        self.index.len()
    }

    /// How many slots there are, free ones included.
    pub fn slots(&self) -> usize {
        self.nodes.len()
    }
}

/// One multiplication, for ids that count up. It need not resist an attacker: a slow book is all he would
/// get.
#[derive(Clone, Copy, Debug, Default)]
pub struct IdHasher(u64);

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    #[inline]
    fn write_u64(&mut self, id: u64) {
        let product = u128::from(self.0 ^ id ^ 0x9e37_79b9_7f4a_7c15) * 0xd6e8_feb8_6659_fd93;
        self.0 = product as u64 ^ (product >> 64) as u64;
    }
}
