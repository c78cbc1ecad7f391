//! Values that are elsewhere in memory, all reported at once.
use slipring_journal::Event;

#[derive(Clone, Debug, Event)]
#[repr(C)]
struct Order {
    name: String,
    legs: Vec<u64>,
    inner: Box<u64>,
    stop: Option<i64>,
    pair: (u32, u32),
}

fn main() {}
