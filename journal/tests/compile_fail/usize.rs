//! Numbers whose size differs between machines.
use slipring_journal::Event;

#[derive(Clone, Copy, Debug, Event)]
#[repr(C)]
struct Order {
    index: usize,
    step: isize,
}

fn main() {}
