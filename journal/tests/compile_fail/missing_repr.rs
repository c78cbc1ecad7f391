//! No `#[repr(C)]`, no `#[repr(u32)]`.
use slipring_journal::Event;

#[derive(Clone, Copy, Debug, Event)]
struct Order {
    id: u64,
}

#[derive(Clone, Copy, Debug, Event)]
enum Message {
    Id(u64),
}

fn main() {}
