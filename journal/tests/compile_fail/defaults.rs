//! Defaults that their fields can't hold.
use slipring_journal::Event;

#[derive(Clone, Copy, Debug, Event)]
#[repr(C)]
struct Small {
    #[event(default = 256)]
    number: u8,
    #[event(default = -1)]
    sign: u8,
}

#[derive(Clone, Copy, Debug, Event)]
#[repr(C)]
struct Fine {
    #[event(decimal = 2, default = 1.255)]
    price: i64,
    #[event(text, default = "too long")]
    venue: [u8; 4],
    #[event(default = "[1, 2, 3]")]
    sizes: [u16; 2],
}

#[derive(Clone, Copy, Debug, Event)]
#[repr(C)]
struct Named {
    #[event(names(buy = 1, sell = 2), default = "hold")]
    side: u8,
    #[event(bool, default = "perhaps")]
    live: u8,
}

fn main() {}
