//! No fields, a union, an unknown option.
use slipring_journal::Event;

#[derive(Clone, Copy, Debug, Event)]
#[repr(C)]
struct Nothing;

#[derive(Clone, Copy, Event)]
#[repr(C)]
union Bits {
    float: f32,
    bits: u32,
}

#[derive(Clone, Copy, Debug, Event)]
#[event(plain)]
#[repr(C)]
struct Order {
    id: u64,
}

fn main() {}
