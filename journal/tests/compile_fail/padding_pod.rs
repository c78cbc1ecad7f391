//! Padding where the derive writes `Pod`; a nested event's size is known only to the compiler; `_pad` is
//! taken.
use slipring_journal::Event;

#[derive(Clone, Copy, Debug, Event)]
#[repr(C)]
struct Leg {
    px: i64,
    qty: u64,
}

#[derive(Clone, Copy, Debug, Event)]
#[repr(C)]
struct Spread {
    _pad: u32,
    leg: Leg,
}

#[derive(Clone, Copy, Debug, Event)]
#[repr(C)]
struct Pair(u16, u8);

fn main() {}
