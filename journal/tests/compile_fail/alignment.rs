//! Aligned to more than a record is.
use slipring_journal::Event;

#[derive(Clone, Copy, Debug, Event)]
#[repr(C, align(64))]
struct Order {
    words: [u64; 8],
}

fn main() {}
