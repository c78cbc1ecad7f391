//! A character.
use slipring_journal::Event;

#[derive(Clone, Copy, Debug, Event)]
#[event(pod)]
#[repr(C)]
struct Order {
    side: char,
}

fn main() {}
