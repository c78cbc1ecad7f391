//! Options of fields that their types can't have, and options that nobody knows.
use slipring_journal::Event;

type Quantity = f64;

#[derive(Clone, Copy, Debug, Event)]
#[repr(C)]
struct Leg {
    px: i64,
}

#[derive(Clone, Copy, Debug, Event)]
#[repr(C)]
struct Order {
    #[event(time)]
    ts: f64,
    #[event(decimal = 2)]
    quantity: Quantity,
    #[event(bool)]
    live: u64,
    #[event(names(buy = 1, sell = 256))]
    side: [u8; 8],
    #[event(unit = "USD")]
    leg: Leg,
    #[event(text)]
    symbol: [u16; 4],
}

#[derive(Clone, Copy, Debug, Event)]
#[repr(u32)]
enum Message {
    Tick(#[event(names(up = -1))] u64) = 1,
}

fn main() {}
