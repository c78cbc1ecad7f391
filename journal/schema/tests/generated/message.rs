// Written by slipring from the schema `MessageEvent`.
// With the crate `slipring` alone, write `slipring::Event` for `slipring_journal::Event`.

/// The event `MessageEvent`. By tag: 1 Add, 2 Cancel, 3 Heartbeat, 70000 Tick, 5 Stop-all, 6 Levels, 7 Inner.
#[derive(Clone, Copy, Debug, slipring_journal::Event)]
#[event(time = "ts")]
#[repr(u32)]
pub enum Message {
    /// Tag 1.
    Add(Add) = 1,
    /// Tag 2.
    Cancel(Cancel) = 2,
    /// Tag 3.
    Heartbeat = 3,
    /// Tag 70000.
    Tick(#[event(decimal = 9, unit = "USD")] i64) = 70000,
    /// Tag 5.
    #[event(name = "Stop-all")]
    StopAll([u32; 3]) = 5,
    /// Tag 6.
    Levels([Levels; 3]) = 6,
    /// Tag 7.
    Inner(InnerEvent) = 7,
}

/// The value of `Inner`. By tag: 1 Small, 2 Big.
#[derive(Clone, Copy, Debug, slipring_journal::Event)]
#[repr(u32)]
pub enum Inner {
    /// Tag 1.
    Small(u8) = 1,
    /// Tag 2.
    Big(Big) = 2,
}

/// The value of `Big`.
#[derive(Clone, Copy, Debug, slipring_journal::Event)]
#[repr(C)]
pub struct Big {
    /// The field `id`.
    pub id: u128,
}

/// The value of `Levels`.
#[derive(Clone, Copy, Debug, slipring_journal::Event)]
#[repr(C)]
pub struct Levels {
    /// The field `px`.
    pub px: i64,
    /// The field `qty`.
    pub qty: u32,
    /// Padding, zeros.
    pub _pad: [u8; 4],
}

/// The value of `Cancel`.
#[derive(Clone, Copy, Debug, slipring_journal::Event)]
#[repr(C)]
pub struct Cancel {
    /// Counts nanoseconds since 1970-01-01T00:00:00Z.
    #[event(time = "ns")]
    pub ts: u64,
    /// The field `order`.
    pub order: u64,
    /// One of: 0 user, 1 market.
    #[event(names(user = 0, market = 1))]
    pub why: u8,
    /// Padding, zeros.
    pub _pad: [u8; 7],
}

impl Cancel {
    /// `why`: user.
    pub const WHY_USER: u8 = 0;
    /// `why`: market.
    pub const WHY_MARKET: u8 = 1;
}

/// The value of `Add`.
#[derive(Clone, Copy, Debug, slipring_journal::Event)]
#[repr(C)]
pub struct Add {
    /// Counts nanoseconds since 1970-01-01T00:00:00Z.
    #[event(time = "ns")]
    pub ts: u64,
    /// The field `order`.
    pub order: u64,
    /// Decimal, 2 digits behind the point.
    #[event(decimal = 2)]
    pub price: i64,
}
