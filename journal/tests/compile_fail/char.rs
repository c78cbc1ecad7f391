//! A character.
use slipring_journal::Event;

#[derive(Clone, Copy, Debug, Event)]
#[repr(C)]
struct Order {
    side: char,
}

fn main() {}
