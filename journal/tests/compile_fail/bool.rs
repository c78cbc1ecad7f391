//! Booleans, alone and in an array.
use bytemuck::{Pod, Zeroable};
use slipring_journal::Event;

#[derive(Clone, Copy, Debug, Pod, Zeroable, Event)]
#[event(bytemuck)]
#[repr(C)]
struct Order {
    active: bool,
    flags: [bool; 3],
}

fn main() {}
