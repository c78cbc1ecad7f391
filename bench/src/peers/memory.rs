//! Containers in memory: they keep nothing, and bound what any store could do. Those that can have their room
//! beforehand get it; a `BTreeMap` has to allocate as it goes.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};
use std::path::Path;

use crate::event::Order;
use crate::peers::{Peer, Take, time_of};

/// Ordered by the time alone, as a simulator's agenda is.
#[derive(Clone)]
struct Entry(u64, Order);

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl Eq for Entry {}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Entry {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.cmp(&other.0)
    }
}

pub struct Heap(BinaryHeap<Reverse<Entry>>);

impl Peer for Heap {
    const KEEPS: bool = false;

    fn create(_: &Path) -> Self {
        Heap(BinaryHeap::new())
    }

    fn make_room(&mut self, events: u64) {
        self.0.reserve_exact(events as usize);
        self.append(0, events);
        self.0.clear();
    }

    fn append(&mut self, first: u64, count: u64) {
        (first..first + count).for_each(|n| self.0.push(Reverse(Entry(time_of(n), Order::nth(n)))));
    }

    fn sync(&mut self) {}

    fn replay(&mut self, time_ns: u64, take: &mut Take<'_>) {
        // A heap gives its events up, and has no way to start in the middle: the copy and the first half are
        // its price.
        let mut heap = self.0.clone();
        while let Some(Reverse(Entry(time, event))) = heap.pop() {
            if time >= time_ns && take(&event).is_break() {
                return;
            }
        }
    }
}

pub struct Map(BTreeMap<u64, Order>);

impl Peer for Map {
    const KEEPS: bool = false;

    fn create(_: &Path) -> Self {
        Map(BTreeMap::new())
    }

    fn append(&mut self, first: u64, count: u64) {
        for n in first..first + count {
            self.0.insert(time_of(n), Order::nth(n));
        }
    }

    fn sync(&mut self) {}

    fn replay(&mut self, time_ns: u64, take: &mut Take<'_>) {
        let _ = self.0.range(time_ns..).try_for_each(|(_, event)| take(event));
    }
}

pub struct Queue(VecDeque<(u64, Order)>);

impl Peer for Queue {
    const KEEPS: bool = false;

    fn create(_: &Path) -> Self {
        Queue(VecDeque::new())
    }

    fn make_room(&mut self, events: u64) {
        self.0.reserve_exact(events as usize);
        self.append(0, events);
        self.0.clear();
    }

    fn append(&mut self, first: u64, count: u64) {
        self.0.extend((first..first + count).map(|n| (time_of(n), Order::nth(n))));
    }

    fn sync(&mut self) {}

    fn replay(&mut self, time_ns: u64, take: &mut Take<'_>) {
        let from = self.0.partition_point(|(time, _)| *time < time_ns);
        let _ = self.0.range(from..).try_for_each(|(_, event)| take(event));
    }
}
