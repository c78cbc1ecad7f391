//! The events that latency is measured with: when they were due, which they are, and as much more as makes
//! their size.

use slipring::Event;

/// An event of a certain size that knows when it was due.
pub trait Probe: Event {
    fn at(due: u64, number: u64) -> Self;
    fn number(&self) -> u64;
}

macro_rules! probe {
    ($name:ident, $rest:literal) => {
        #[derive(Clone, Copy, Debug, Event)]
        #[repr(C)]
        pub struct $name {
            due: u64,
            number: u64,
            rest: [u64; $rest],
        }

        impl Probe for $name {
            #[inline(always)]
            fn at(due: u64, number: u64) -> Self {
                $name { due, number, rest: [number; $rest] }
            }

            #[inline(always)]
            fn number(&self) -> u64 {
                // All of the event is read, as a handler would.
                self.rest.iter().fold(self.number, |all, word| all & word)
            }
        }
    };
}

/// The least: 16 bytes, so a record of 32.
#[derive(Clone, Copy, Debug, Event)]
#[repr(C)]
pub struct Event16 {
    due: u64,
    number: u64,
}

impl Probe for Event16 {
    #[inline(always)]
    fn at(due: u64, number: u64) -> Self {
        Event16 { due, number }
    }

    #[inline(always)]
    fn number(&self) -> u64 {
        self.number
    }
}

// 48 bytes make a record of 64: the size of all other figures.
probe!(Event48, 4);
probe!(Event112, 12);
probe!(Event240, 28);
probe!(Event256, 30);

const _: () = assert!(size_of::<Event16>() == 16 && size_of::<Event48>() == 48);
const _: () = assert!(size_of::<Event112>() == 112 && size_of::<Event240>() == 240);
const _: () = assert!(size_of::<Event256>() == 256);
