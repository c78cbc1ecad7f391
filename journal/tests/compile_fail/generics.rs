//! A generic struct, a struct with a lifetime.
use slipring_journal::Event;

#[derive(Clone, Copy, Debug, Event)]
#[repr(C)]
struct Order<T> {
    id: T,
}

#[derive(Clone, Copy, Debug, Event)]
#[repr(C)]
struct Borrowed<'a> {
    id: &'a u64,
}

fn main() {}
