//! An upcast that nothing says.
use slipring_journal::Event;

#[derive(Clone, Copy, Debug, Event)]
#[repr(C)]
struct First {
    id: u64,
}

#[derive(Clone, Copy, Debug, Event)]
#[event(version = 2, upcasts(First))]
#[repr(C)]
struct Second {
    id: u32,
    side: u32,
}

fn main() {}
