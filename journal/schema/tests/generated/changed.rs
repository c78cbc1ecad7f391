// Written by slipring from the schema `Fill`.
// With the crate `slipring` alone, write `slipring::Event` for `slipring_journal::Event`.

/// The event `Fill`.
#[derive(Clone, Copy, Debug, slipring_journal::Event)]
#[event(version = 3, was = "Trade")]
#[repr(C)]
pub struct Fill {
    /// The field `id`.
    #[event(id)]
    pub id: u64,
    /// Decimal, 2 digits behind the point.
    #[event(decimal = 2, was = "px,limit")]
    pub price: i64,
    /// The field `legs`.
    #[event(since = 2, was = "sides")]
    pub legs: [Legs; 2],
    /// The field `last`.
    pub last: Legs,
    /// The field `place`.
    #[event(was = "spot,site")]
    pub place: Place,
    /// The field `what`.
    #[event(since = 3, was = "kind")]
    pub what: WhatEvent,
}

/// The value of `What`. By tag: 1 Buy, 2 Sell.
#[derive(Clone, Copy, Debug, slipring_journal::Event)]
#[repr(u32)]
pub enum What {
    /// Tag 1.
    #[event(was = "Bid")]
    Buy(u64) = 1,
    /// Tag 2.
    Sell = 2,
}

/// The value of `Place`.
#[derive(Clone, Copy, Debug, slipring_journal::Event)]
#[repr(C)]
pub struct Place {
    /// The field `venue`.
    pub venue: u64,
    /// The field `desk`.
    #[event(was = "room")]
    pub desk: Desk,
}

/// The value of `Desk`.
#[derive(Clone, Copy, Debug, slipring_journal::Event)]
#[repr(C)]
pub struct Desk {
    /// The field `floor`.
    pub floor: u64,
    /// The field `seat`.
    #[event(was = "chair")]
    pub seat: u64,
}

/// The value of `Legs`.
#[derive(Clone, Copy, Debug, slipring_journal::Event)]
#[repr(C)]
pub struct Legs {
    /// The field `price`.
    pub price: i64,
    /// The field `qty`.
    pub qty: u64,
}
