//! The event that the benchmarks move: 48 bytes, so a record of 64. Also the raw ring's slot, a batch
//! in memory, and what each consumer does.

use slipring::Event;

#[derive(Clone, Copy, Debug, PartialEq, Event)]
#[repr(C)]
pub struct Order {
    pub id: u64,
    pub price: i64,
    pub quantity: u32,
    pub side: u32,
    pub rest: [u64; 3],
}

impl Order {
    #[inline(always)]
    pub fn nth(n: u64) -> Self {
        Order {
            id: n,
            price: 1_000_000 + (n & 1023) as i64,
            quantity: 100,
            side: (n & 1) as u32,
            rest: [n; 3],
        }
    }
}

/// Slots of every ring measured.
pub const CAPACITY: usize = 1 << 14;

/// The slot of the raw ring: as large and as aligned as slipring's.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
pub struct RawSlot {
    pub time_ns: u64,
    pub event: Order,
}

/// What every contender's consumer does with an event, so that none can skip reading it.
#[inline(always)]
pub fn consume(sum: &mut u64, event: &Order) {
    *sum = sum.wrapping_add(event.id ^ event.rest[2]);
}

/// A batch as it lies in memory before anybody publishes it; every contender copies from there.
pub fn in_memory(batch: usize) -> Vec<RawSlot> {
    vec![RawSlot { time_ns: 0, event: Order::nth(0) }; batch]
}

/// Makes the batch that begins with event `first`.
#[inline(always)]
pub fn refill(memory: &mut [RawSlot], first: u64) {
    for (n, slot) in (first..).zip(memory) {
        *slot = RawSlot { time_ns: n, event: Order::nth(n) };
    }
}
