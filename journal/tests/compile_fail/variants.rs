//! Variants with fields of their own, with several values, or with a value that is no event.
use bytemuck::{Pod, Zeroable};
use slipring_journal::Event;

#[derive(Clone, Copy, Debug, Event)]
#[repr(u32)]
enum Message {
    Add { id: u64, price: i64 } = 1,
    Cancel(u32, u32) = 2,
    Stop(bool) = 3,
}

#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
struct NoEvent(u64);

#[derive(Clone, Copy, Debug, Event)]
#[repr(u32)]
enum Other {
    No(NoEvent) = 1,
}

fn main() {}
