//! An upcast of a type that is not older.
use slipring_journal::{Event, Upcast};

#[derive(Clone, Copy, Debug, Event)]
#[event(version = 2)]
#[repr(C)]
struct Second {
    id: u64,
}

#[derive(Clone, Copy, Debug, Event)]
#[event(version = 2, upcasts(Second))]
#[repr(C)]
struct Third {
    id: u32,
    side: u32,
}

impl Upcast<Second> for Third {
    fn upcast(old: &Second) -> Self {
        Third { id: old.id as u32, side: 1 }
    }
}

fn main() {}
