//! What was before, said wrongly.
use slipring_journal::Event;

#[derive(Clone, Copy, Debug, Event)]
#[repr(C)]
struct Order0 {
    price: i64,
    #[event(was = "price")]
    limit: i64,
}

#[derive(Clone, Copy, Debug, Event)]
#[repr(C)]
struct Order1 {
    #[event(was = "px")]
    price: i64,
    #[event(was = "px")]
    limit: i64,
}

#[derive(Clone, Copy, Debug, Event)]
#[repr(C)]
struct Order2 {
    #[event(was = "price")]
    price: i64,
}

#[derive(Clone, Copy, Debug, Event)]
#[event(version = 2)]
#[repr(C)]
struct Order3 {
    #[event(since = 3)]
    price: i64,
}

#[derive(Clone, Copy, Debug, Event)]
#[repr(C)]
struct Order4 {
    #[event(since = 1)]
    price: i64,
}

#[derive(Clone, Copy, Debug, Event)]
#[event(version = 0)]
#[repr(C)]
struct Order5 {
    price: i64,
}

#[derive(Clone, Copy, Debug, Event)]
#[event(was = "Order6")]
#[repr(C)]
struct Order6 {
    price: i64,
}

#[derive(Clone, Copy, Debug, Event)]
#[event(upcasts(Order0))]
#[repr(C)]
struct Order7 {
    price: i64,
}

#[derive(Clone, Copy, Debug, Event)]
#[event(version = 2, upcasts)]
#[repr(C)]
struct Order8 {
    price: i64,
}

#[derive(Clone, Copy, Debug, Event)]
#[repr(C)]
struct Order9 {
    #[event(default = price)]
    price: i64,
}

#[derive(Clone, Copy, Debug, Event)]
#[repr(u32)]
enum Message {
    Add(i64) = 1,
    #[event(was = "Add")]
    New(i64) = 2,
}

#[derive(Clone, Copy, Debug, Event)]
#[repr(u32)]
enum Other {
    Add(#[event(was = "x")] i64) = 1,
}

fn main() {}
