//! A plain enum as a field, and as an event.
use slipring_journal::Event;

#[derive(Clone, Copy, Debug)]
#[repr(u8)]
enum Side {
    Buy,
    Sell,
}

#[derive(Clone, Copy, Debug, Event)]
#[repr(C)]
struct Order {
    side: Side,
}

#[derive(Clone, Copy, Debug, Event)]
#[repr(u32)]
enum Kind {
    New = 1,
    Gone = 2,
}

fn main() {}
