//! References, pointers and functions.
use slipring_journal::Event;

#[derive(Clone, Copy, Debug, Event)]
#[repr(C)]
struct Order {
    name: &'static u8,
    next: *const u8,
    call: fn(),
}

fn main() {}
