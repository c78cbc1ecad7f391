// Written by slipring from the schema `Order`.
// With the crate `slipring` alone, write `slipring::Event` for `slipring_journal::Event`.

/// The event `Order`.
#[derive(Clone, Copy, Debug, slipring_journal::Event)]
#[event(time = "ts")]
#[repr(C)]
pub struct Order {
    /// Counts nanoseconds since 1970-01-01T00:00:00Z.
    #[event(time = "ns")]
    pub ts: u64,
    /// Counts milliseconds since 1970-01-01T00:00:00Z.
    #[event(time = "ms", input = "s")]
    pub sent: i64,
    /// Decimal, 20 digits behind the point. Unit: BTC. Default: 0.
    #[event(decimal = 20, unit = "BTC", default = "0")]
    pub size: i128,
    /// UTF-8, filled up with zeros. In files: Ticker "symbol" * /.
    #[event(text, source = "Ticker \"symbol\" */")]
    pub symbol: [u8; 8],
    /// UTF-8, filled up with zeros.
    #[event(text)]
    pub venues: [[u8; 4]; 2],
    /// One of: 1 buy, 2 sell short, 3 type, 4 é. Default: buy.
    #[event(names(buy = 1, "sell short" = 2, "type" = 3, "é" = 4), default = "buy")]
    pub side: u8,
    /// Padding, zeros.
    pub _pad: [u8; 7],
    /// One of: -9223372036854775808 low, 0 none, 9223372036854775807 high.
    #[event(names(low = -9223372036854775808, none = 0, high = 9223372036854775807))]
    pub state: i64,
    /// Decimal, 2 digits behind the point.
    #[event(decimal = 2, attributes(owner = "desk 3", "a b" = ""))]
    pub price: i64,
    /// 0 or 1.
    #[event(bool)]
    pub live: u8,
    /// The field `raw`.
    pub raw: [u8; 3],
    /// The field `type`.
    pub r#type: u32,
    /// Named `self` in the schema.
    #[event(name = "self")]
    pub self_: f32,
    /// Padding, zeros.
    pub _pad1: [u8; 4],
    /// Named `bid-px` in the schema.
    #[event(name = "bid-px")]
    pub bid_px: i64,
    /// Named `bid_px` in the schema.
    #[event(name = "bid_px")]
    pub bid_px_2: f64,
    /// Named `é` in the schema.
    #[event(name = "é")]
    pub field_: u16,
    /// The field `class`.
    pub class: [[u16; 2]; 3],
    /// Padding, zeros.
    pub _pad2: [u8; 10],
    /// The field `id`.
    pub id: u128,
    /// The field `empty`.
    pub empty: [u64; 0],
    /// The field `leg`.
    pub leg: Leg,
    /// The field `legs`.
    pub legs: [[Leg; 1]; 2],
    /// The field `deep`.
    pub deep: Deep,
    /// Padding, zeros.
    pub _pad3: [u8; 3],
    /// The field `pair`.
    pub pair: Pair,
    /// Padding, zeros.
    pub _pad4: [u8; 4],
    /// The field `message`.
    pub message: MessageEvent,
}

impl Order {
    /// `side`: buy.
    pub const SIDE_BUY: u8 = 1;
    /// `side`: sell short.
    pub const SIDE_SELL_SHORT: u8 = 2;
    /// `side`: type.
    pub const SIDE_TYPE: u8 = 3;
    /// `side`: é.
    pub const SIDE_VALUE_: u8 = 4;
    /// `state`: low.
    pub const STATE_LOW: i64 = -9223372036854775808;
    /// `state`: none.
    pub const STATE_NONE: i64 = 0;
    /// `state`: high.
    pub const STATE_HIGH: i64 = 9223372036854775807;
}

/// The value of `Message`. By tag: 1 Tick, 2 Halt.
#[derive(Clone, Copy, Debug, slipring_journal::Event)]
#[repr(u32)]
pub enum Message {
    /// Tag 1.
    Tick(f64) = 1,
    /// Tag 2.
    Halt = 2,
}

/// The value of `Pair`.
#[derive(Clone, Copy, Debug, slipring_journal::Event)]
#[repr(C)]
pub struct Pair(
    /// The field `0`.
    pub u32,
    /// The field `1`.
    pub u32,
);

/// The value of `Deep`.
#[derive(Clone, Copy, Debug, slipring_journal::Event)]
#[repr(C)]
pub struct Deep {
    /// The field `leg`.
    pub leg: Leg2,
}

/// The value of `Leg`.
#[derive(Clone, Copy, Debug, slipring_journal::Event)]
#[repr(C)]
pub struct Leg2 {
    /// The field `px`.
    pub px: i8,
}

/// The value of `Leg`.
#[derive(Clone, Copy, Debug, slipring_journal::Event)]
#[repr(C)]
pub struct Leg {
    /// Decimal, 4 digits behind the point.
    #[event(decimal = 4)]
    pub px: i64,
    /// The field `qty`.
    pub qty: u32,
    /// Padding, zeros.
    pub _pad: [u8; 4],
}
