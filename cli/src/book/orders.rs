//! The resting orders: a slab of nodes that never moves them, and an index from order id to slot. It allocates
//! only while the book grows.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use crate::flow::message::Side;

/// No node.
pub(super) const NONE: u32 = u32::MAX;

/// One resting order, linked into its level's queue.
#[derive(Clone, Copy, Debug)]
pub(super) struct Node {
    pub(super) id: i64,
    /// 0 marks a free slot.
    pub(super) size: u32,
    pub(super) side: Side,
    /// Its level's slot on that side.
    pub(super) level: u32,
    pub(super) before: u32,
    pub(super) behind: u32,
}

/// All resting orders. The index is only ever asked, never walked, so its order shows nowhere.
#[derive(Clone, Debug, Default)]
pub(super) struct Orders {
    nodes: Vec<Node>,
    free: Vec<u32>,
    index: HashMap<i64, u32, BuildHasherDefault<IdHasher>>,
}

impl Orders {
    /// Puts the order into a slot; `None` if its id is there already.
    pub(super) fn insert(&mut self, node: Node) -> Option<u32> {
        let std::collections::hash_map::Entry::Vacant(entry) = self.index.entry(node.id) else { return None };
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
        entry.insert(slot);
        Some(slot)
    }

    /// Frees the slot of an order.
    pub(super) fn remove(&mut self, slot: u32) {
        let node = &mut self.nodes[slot as usize];
        node.size = 0;
        self.index.remove(&node.id);
        self.free.push(slot);
    }

    /// The slot of the order with this id.
    #[inline]
    pub(super) fn find(&self, id: i64) -> Option<u32> {
        self.index.get(&id).copied()
    }

    #[inline]
    pub(super) fn node(&self, slot: u32) -> &Node {
        &self.nodes[slot as usize]
    }

    #[inline]
    pub(super) fn node_mut(&mut self, slot: u32) -> &mut Node {
        &mut self.nodes[slot as usize]
    }

    /// How many orders rest.
    pub(super) fn count(&self) -> usize {
        self.index.len()
    }

    /// How many slots there are, free ones included.
    pub(super) fn slots(&self) -> usize {
        self.nodes.len()
    }
}

/// One multiplication, for ids that count up. It need not resist an attacker: a slow book is all he would get.
#[derive(Clone, Copy, Debug, Default)]
struct IdHasher(u64);

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_i64(i64::from(*byte));
        }
    }

    #[inline]
    fn write_i64(&mut self, id: i64) {
        let product = u128::from((self.0 ^ id as u64) ^ 0x9e37_79b9_7f4a_7c15) * 0xd6e8_feb8_6659_fd93;
        self.0 = product as u64 ^ (product >> 64) as u64;
    }
}
