//! Ids that can't be: of a type that is none, two of them, too long, in a variant.
use slipring_journal::Event;

#[derive(Clone, Copy, Debug, Event)]
#[repr(C)]
struct Float {
    #[event(id)]
    id: f64,
}

#[derive(Clone, Copy, Debug, Event)]
#[repr(C)]
struct Two {
    #[event(id)]
    one: u64,
    #[event(id)]
    other: u64,
}

#[derive(Clone, Copy, Debug, Event)]
#[repr(u32)]
enum Message {
    Tick(#[event(id)] u64) = 1,
}

fn main() {}
