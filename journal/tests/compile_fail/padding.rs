//! Padding before a field, and behind the last; with the derives of bytemuck, which object too.
use bytemuck::{Pod, Zeroable};
use slipring_journal::Event;

#[derive(Clone, Copy, Debug, Pod, Zeroable, Event)]
#[event(bytemuck)]
#[repr(C)]
struct Order {
    side: u8,
    price: i64,
    qty: u32,
}

fn main() {}
