//! The event that the benchmarks move: 48 bytes, so a record of 64.

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
