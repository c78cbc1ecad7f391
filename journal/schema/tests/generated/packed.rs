// Written by slipring from the schema `tick-v2`.
// With the crate `slipring` alone, write `slipring::Event` for `slipring_journal::Event`.

/// The event `tick-v2`.
#[derive(Clone, Copy, Debug, slipring_journal::Event)]
#[event(name = "tick-v2")]
#[repr(C, packed)]
pub struct TickV2 {
    /// The field `kind`.
    pub kind: u8,
    /// The field `price`.
    pub price: i64,
    /// The field `leg`.
    pub leg: Leg,
}

/// The value of `Leg`.
#[derive(Clone, Copy, Debug, slipring_journal::Event)]
#[repr(C, packed)]
pub struct Leg {
    /// The field `a`.
    pub a: u8,
    /// The field `b`.
    pub b: u32,
}
