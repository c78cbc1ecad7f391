//! The book as bytes, for snapshots: the totals, then every resting order in the order in which it would
//! trade. Nothing of slots, indexes or levels, which are made anew; so the same book gives the same bytes,
//! whatever way it became what it is.
//!
//! ```text
//! head {totals, bids, asks} | bids x order | asks x order        32 bytes an order
//! ```
//!
//! A snapshot's file has its checksum. What is looked at here is whether the bytes are a book at all, because
//! one that is none would match wrongly for ever and say nothing.

use slipring::Event;
use slipring::bytemuck;

use super::command::Side;
use super::matching::{MatchingBook, Totals};
use crate::book::Order;

/// Which layout this is: raise it with any change here, and read the old ones in [`Saved::from_bytes`].
pub const VERSION: u32 = 1;

#[derive(Clone, Copy, Debug, Event)]
#[repr(C)]
struct Head {
    totals: Totals,
    bids: u64,
    asks: u64,
}

#[derive(Clone, Copy, Debug, Event)]
#[repr(C)]
struct SavedOrder {
    id: u64,
    price: i64,
    priority: u64,
    quantity: u32,
    side: u32,
}

/// Why bytes are no book.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RestoreError {
    /// A layout that this program does not know.
    #[error("saved as version {0}; this program reads version {VERSION}")]
    Version(u32),
    /// The length is not what the head says.
    #[error("{found} bytes of orders, and the head says {wanted}")]
    Length {
        /// By the head.
        wanted: u64,
        /// Present.
        found: u64,
    },
    /// An order that can't rest, or not there.
    #[error("order {index} (id {id}) is {what}")]
    Order {
        /// Which one, from 0.
        index: usize,
        /// Its id.
        id: u64,
        /// What is wrong.
        what: &'static str,
    },
}

/// A book's state, laid out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Saved {
    pub totals: Totals,
    /// The bids, then the asks, each side as it would trade.
    pub orders: Vec<Order>,
}

impl Saved {
    /// What [`MatchingBook::save`] wrote.
    ///
    /// # Errors
    /// [`RestoreError`], which says what is wrong with the bytes.
    pub fn from_bytes(version: u32, bytes: &[u8]) -> Result<Self, RestoreError> {
        if version != VERSION {
            return Err(RestoreError::Version(version));
        }
        let (head, rest) = bytes.split_at(size_of::<Head>().min(bytes.len()));
        let head = bytemuck::try_pod_read_unaligned::<Head>(head)
            .map_err(|_| RestoreError::Length { wanted: size_of::<Head>() as u64, found: 0 })?;
        let count = head.bids.checked_add(head.asks);
        let wanted = count.and_then(|count| count.checked_mul(size_of::<SavedOrder>() as u64));
        let found = rest.len() as u64;
        if wanted != Some(found) {
            return Err(RestoreError::Length { wanted: wanted.unwrap_or(u64::MAX), found });
        }
        let mut orders = Vec::with_capacity(rest.len() / size_of::<SavedOrder>());
        for (index, bytes) in rest.chunks_exact(size_of::<SavedOrder>()).enumerate() {
            let saved: SavedOrder = bytemuck::pod_read_unaligned(bytes);
            let wrong = |what| RestoreError::Order { index, id: saved.id, what };
            let wanted = if (index as u64) < head.bids { Side::Buy } else { Side::Sell };
            let side = Side::of(saved.side).filter(|side| *side == wanted);
            let side = side.ok_or(wrong("on the wrong side"))?;
            let SavedOrder { id, price, priority, quantity, .. } = saved;
            if quantity == 0 {
                return Err(wrong("empty"));
            }
            orders.push(Order { id, price, side, quantity, priority });
        }
        let saved = Saved { totals: head.totals, orders };
        saved.check()?;
        Ok(saved)
    }

    /// Whether a book can hold these orders in this order.
    fn check(&self) -> Result<(), RestoreError> {
        let mut ids = std::collections::HashSet::with_capacity(self.orders.len());
        for (index, order) in self.orders.iter().enumerate() {
            let wrong = |what| RestoreError::Order { index, id: order.id, what };
            if !ids.insert(order.id) {
                return Err(wrong("there twice"));
            }
            if order.priority >= self.totals.commands {
                return Err(wrong("from the future"));
            }
            let Some(before) = index.checked_sub(1).map(|before| &self.orders[before]) else { continue };
            let in_order = match (before.side, order.side) {
                (Side::Buy, Side::Buy) if order.price != before.price => order.price < before.price,
                (Side::Sell, Side::Sell) if order.price != before.price => order.price > before.price,
                (Side::Buy, Side::Sell) => order.price > self.orders[0].price,
                _ => before.priority < order.priority,
            };
            if !in_order {
                return Err(wrong("before one that trades first"));
            }
        }
        Ok(())
    }
}

impl MatchingBook {
    /// Appends the whole state to `out`.
    pub fn save(&self, out: &mut Vec<u8>) {
        let count = |side| self.levels(side).map(|quote| u64::from(quote.orders)).sum();
        let head = Head { totals: *self.totals(), bids: count(Side::Buy), asks: count(Side::Sell) };
        out.reserve(size_of::<Head>() + self.resting() * size_of::<SavedOrder>());
        out.extend_from_slice(bytemuck::bytes_of(&head));
        for order in self.queue(Side::Buy).chain(self.queue(Side::Sell)) {
            let Order { id, price, side, quantity, priority } = order;
            let saved = SavedOrder { id, price, priority, quantity, side: side.number() };
            out.extend_from_slice(bytemuck::bytes_of(&saved));
        }
    }

    /// The book that [`MatchingBook::save`] wrote.
    ///
    /// # Errors
    /// If the bytes are no book.
    pub fn restore(version: u32, bytes: &[u8]) -> Result<MatchingBook, RestoreError> {
        let saved = Saved::from_bytes(version, bytes)?;
        Ok(MatchingBook::from_parts(saved.totals, &saved.orders))
    }

    /// The state, laid out.
    pub fn saved(&self) -> Saved {
        let orders = self.queue(Side::Buy).chain(self.queue(Side::Sell)).collect();
        Saved { totals: *self.totals(), orders }
    }
}
