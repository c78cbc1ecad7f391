// Written by slipring from the schema `Pair`.
// With the crate `slipring` alone, write `slipring::Event` for `slipring_journal::Event`.

/// The event `Pair`.
#[derive(Clone, Copy, Debug, slipring_journal::Event)]
#[repr(C)]
pub struct Pair(
    /// Counts microseconds since 1970-01-01T00:00:00Z.
    #[event(time = "us")]
    pub u64,
    /// The field `1`.
    pub [i32; 2],
);
