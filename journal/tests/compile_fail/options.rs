//! Options that say nothing sensible.
use slipring_journal::Event;

#[derive(Clone, Copy, Debug, Event)]
#[repr(C)]
struct Order0 {
    #[event(time = "min")]
    ts: u64,
}

#[derive(Clone, Copy, Debug, Event)]
#[repr(C)]
struct Order1 {
    #[event(decimal = 39)]
    a: i64,
}

#[derive(Clone, Copy, Debug, Event)]
#[repr(C)]
struct Order2 {
    #[event(names)]
    b: u8,
}

#[derive(Clone, Copy, Debug, Event)]
#[repr(C)]
struct Order3 {
    #[event(names(buy = 1, sell = 1))]
    c: u8,
}

#[derive(Clone, Copy, Debug, Event)]
#[repr(C)]
struct Order4 {
    #[event(names("a:b" = 1))]
    d: u8,
}

#[derive(Clone, Copy, Debug, Event)]
#[repr(C)]
struct Order5 {
    #[event(time, decimal = 2)]
    e: i64,
}

#[derive(Clone, Copy, Debug, Event)]
#[repr(C)]
struct Order6 {
    #[event(time, unit = "s")]
    f: i64,
}

#[derive(Clone, Copy, Debug, Event)]
#[repr(C)]
struct Order7 {
    #[event(name = "a b")]
    g: i64,
}

#[derive(Clone, Copy, Debug, Event)]
#[repr(C)]
struct Order8 {
    #[event(precision = 2)]
    h: i64,
}

#[derive(Clone, Copy, Debug, Event)]
#[repr(C)]
struct Order9 {
    #[event(attributes(time = "ns"))]
    i: i64,
}

#[derive(Clone, Copy, Debug, Event)]
#[repr(C)]
struct Order10 {
    #[event(unit = "")]
    j: i64,
}

#[derive(Clone, Copy, Debug, Event)]
#[repr(C)]
struct Order11 {
    #[event(input = "s")]
    k: i64,
}

#[derive(Clone, Copy, Debug, Event)]
#[event(time = "ts")]
#[repr(C)]
struct Timeless {
    id: u64,
}

#[derive(Clone, Copy, Debug, Event)]
#[repr(u32)]
enum Message {
    #[event(decimal = 2)]
    Tick(i64) = 1,
}

#[derive(Clone, Copy, Debug, Event)]
#[repr(u32)]
enum Other {
    Tick(#[event(name = "px")] i64) = 1,
}

fn main() {}
