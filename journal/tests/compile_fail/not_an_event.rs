//! The enum itself where its companion is wanted.
use slipring_journal::Event;

#[derive(Clone, Copy, Debug, Event)]
#[repr(u32)]
enum Message {
    Add(u64) = 1,
}

fn ring<E: Event>() {}

fn main() {
    ring::<Message>();
}
