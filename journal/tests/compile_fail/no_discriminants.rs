//! A one-of event whose numbers would change with the order of its variants, and one that uses 0.
use slipring_journal::Event;

#[derive(Clone, Copy, Debug, Event)]
#[repr(u32)]
enum Message {
    Add(u64),
    Cancel(u32) = 5,
}

#[derive(Clone, Copy, Debug, Event)]
#[repr(u32)]
enum Zero {
    Add(u64) = 0,
}

fn main() {}
