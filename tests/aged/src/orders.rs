//! A struct that takes an upcast from each version to the next.

use slipring_journal::{Event, Upcast};

use crate::Aged;

/// Version 1: whole prices.
pub mod v1 {
    /// An order.
    #[derive(Clone, Copy, Debug, PartialEq, slipring_journal::Event)]
    #[event(version = 1)]
    #[repr(C)]
    pub struct Order {
        pub(super) id: u64,
        pub(super) by: u64,
        pub(super) price: i64,
        pub(super) quantity: i64,
    }
}

/// Version 2: prices in hundredths.
pub mod v2 {
    use slipring_journal::Upcast;

    /// An order.
    #[derive(Clone, Copy, Debug, PartialEq, slipring_journal::Event)]
    #[event(version = 2, upcasts(super::v1::Order))]
    #[repr(C)]
    pub struct Order {
        pub(super) id: u64,
        pub(super) by: u64,
        pub(super) cents: i64,
        pub(super) quantity: i64,
    }

    impl Upcast<super::v1::Order> for Order {
        fn upcast(old: &super::v1::Order) -> Self {
            Order { id: old.id, by: old.by, cents: old.price * 100, quantity: old.quantity }
        }
    }
}

/// Version 3: the product alone, and a fee.
#[derive(Clone, Copy, Debug, PartialEq, Event)]
#[event(version = 3, upcasts(v2::Order))]
#[repr(C)]
pub struct Order {
    notional: i64,
    id: u64,
    fee: u32,
    by: u32,
}

/// The fee of orders that had none.
const NO_FEE: u32 = 1;

impl Upcast<v2::Order> for Order {
    fn upcast(old: &v2::Order) -> Self {
        Order { notional: old.cents * old.quantity, id: old.id, fee: NO_FEE, by: old.by as u32 }
    }
}

fn price(id: u64) -> i64 {
    500 + (id % 1_000) as i64
}

fn quantity(id: u64) -> i64 {
    1 + (id % 7) as i64
}

/// Only programs from version 2 on know hundredths.
fn cents(id: u64, by: u32) -> i64 {
    price(id) * 100 + if by < 2 { 0 } else { (id % 100) as i64 }
}

impl Aged for v1::Order {
    const SCALE: i64 = 100;
    const FIRST_SCALE: i64 = 100;

    fn seen(id: u64, by: u32) -> Self {
        v1::Order { id, by: by.into(), price: price(id), quantity: quantity(id) }
    }

    fn id_and_by(&self) -> (u64, u32) {
        (self.id, self.by as u32)
    }

    fn weight(&self) -> i64 {
        self.price * self.quantity
    }
}

impl Aged for v2::Order {
    const SCALE: i64 = 1;
    const FIRST_SCALE: i64 = 100;

    fn seen(id: u64, by: u32) -> Self {
        v2::Order { id, by: by.into(), cents: cents(id, by), quantity: quantity(id) }
    }

    fn id_and_by(&self) -> (u64, u32) {
        (self.id, self.by as u32)
    }

    fn weight(&self) -> i64 {
        self.cents * self.quantity
    }
}

impl Aged for Order {
    const SCALE: i64 = 1;
    const FIRST_SCALE: i64 = 100;

    fn seen(id: u64, by: u32) -> Self {
        let fee = if by < 3 { NO_FEE } else { 2 + (id % 5) as u32 };
        Order { notional: cents(id, by) * quantity(id), id, fee, by }
    }

    fn id_and_by(&self) -> (u64, u32) {
        (self.id, self.by)
    }

    fn weight(&self) -> i64 {
        self.notional + i64::from(self.fee - NO_FEE)
    }
}
