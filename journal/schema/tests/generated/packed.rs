// Written by slipring from the schema `tick-v2`.
// With the crate `slipring` alone, write `slipring::Event` for `slipring_journal::Event`.

/// The event `tick-v2`.
#[derive(Clone, Copy, Debug, slipring_journal::Event)]
#[event(name = "tick-v2")]
#[repr(C, packed)]
pub struct TickV2 {
    /// As the schema has it.
    pub kind: u8,
    /// As the schema has it.
    pub price: i64,
    /// As the schema has it.
    pub leg: Leg,
}

/// The value of `Leg`.
#[derive(Clone, Copy, Debug, slipring_journal::Event)]
#[repr(C, packed)]
pub struct Leg {
    /// As the schema has it.
    pub a: u8,
    /// As the schema has it.
    pub b: u32,
}
