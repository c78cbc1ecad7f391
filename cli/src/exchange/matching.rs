//! The book with an exchange's rules: the better price trades first, at one price who came first. Integer
//! arithmetic, no clock, no chance, nothing whose order depends on memory: the same commands give the same
//! trades for ever, which is all that snapshots and replay ask of it.
//!
//! ```text
//! command --> MatchingBook --> trades
//!              |  Book: who rests, by price
//!              +- Totals: what a digest and a report want to know of the past
//! ```

use super::command::{Cancel, Command, Limit, Market, Modify, Reduce, Side, Trade};
use crate::book::{Book, Order, Quote};
use slipring::Event;

/// What the book remembers of the past: part of its state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Event)]
#[repr(C)]
pub struct Totals {
    pub commands: u64,
    pub trades: u64,
    /// The sum of the trades' quantities.
    pub volume: u64,
    /// Modifications, reductions and cancels of orders that do not rest (any more).
    pub unknown: u64,
    /// New orders with the id of one that rests.
    pub duplicate: u64,
    /// Orders for nothing.
    pub empty: u64,
    /// A checksum over every command's outcome and every trade, in their order.
    pub history: u64,
}

/// Why a command can't be one at all. The book has not changed, so the event may become a dead letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Malformed {
    /// Neither buy nor sell.
    #[error("side {0} is neither 1 (buy) nor 2 (sell)")]
    Side(u32),
    /// More than an order can have.
    #[error("a quantity of {0} is more than an order can have, 4294967295")]
    Quantity(u64),
}

/// What became of a command; part of the history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub enum Outcome {
    /// It came into the book, or traded, or both.
    Entered = 1,
    /// It left the book, or part of it.
    Shrunk = 2,
    Unknown = 3,
    Duplicate = 4,
    Empty = 5,
    Passed = 6,
}

/// A limit order book that matches.
#[derive(Clone, Debug)]
pub struct MatchingBook {
    book: Book,
    totals: Totals,
    /// The sum of a hash of each resting order: moves with every change, in constant time, and never saved,
    /// so that an order which a restore forgets shows in the very next digest.
    resting: u64,
}

impl Default for MatchingBook {
    fn default() -> Self {
        Self::new()
    }
}

impl MatchingBook {
    /// An empty book.
    pub fn new() -> Self {
        MatchingBook { book: Book::new(), totals: slipring::bytemuck::Zeroable::zeroed(), resting: 0 }
    }

    /// Takes one command, and adds the trades that it makes to `trades`.
    ///
    /// # Errors
    /// If it is none; the book is as it was.
    #[inline]
    pub fn apply(&mut self, command: &Command, trades: &mut Vec<Trade>) -> Result<Outcome, Malformed> {
        let already = trades.len();
        // What may fail does so before anything changes.
        let outcome = match *command {
            Command::Limit(Limit { id, price, quantity, side }) => {
                let side = Side::of(side).ok_or(Malformed::Side(side))?;
                self.limit(Order { id, price, side, quantity, priority: self.totals.commands }, trades)
            }
            Command::Market(Market { id, worst, quantity, side }) => {
                let side = Side::of(side).ok_or(Malformed::Side(side))?;
                self.market(id, side, quantity, worst, trades)
            }
            Command::Modify(Modify { id, price, quantity }) => {
                let quantity = u32::try_from(quantity).map_err(|_| Malformed::Quantity(quantity))?;
                self.modify(id, price, quantity, trades)
            }
            Command::Reduce(Reduce { id, by }) => self.reduce(id, by),
            Command::Cancel(Cancel { id }) => self.reduce(id, u64::MAX),
            Command::Pass => Outcome::Passed,
        };
        let totals = &mut self.totals;
        totals.commands += 1;
        totals.unknown += u64::from(outcome == Outcome::Unknown);
        totals.duplicate += u64::from(outcome == Outcome::Duplicate);
        totals.empty += u64::from(outcome == Outcome::Empty);
        totals.history = mixed(totals.history, outcome as u64);
        for trade in &trades[already..] {
            totals.trades += 1;
            totals.volume += u64::from(trade.quantity);
            let shares = u64::from(trade.quantity) | u64::from(trade.side) << 32;
            for word in [trade.maker, trade.taker, trade.price as u64, shares] {
                totals.history = mixed(totals.history, word);
            }
        }
        Ok(outcome)
    }

    fn limit(&mut self, mut order: Order, trades: &mut Vec<Trade>) -> Outcome {
        if order.quantity == 0 {
            return Outcome::Empty;
        }
        if self.book.find(order.id).is_some() {
            return Outcome::Duplicate;
        }
        order.quantity = self.take(order.id, order.side, order.quantity, order.price, trades);
        if order.quantity > 0 {
            self.rest(order);
        }
        Outcome::Entered
    }

    fn market(&mut self, id: u64, side: Side, quantity: u32, worst: i64, trades: &mut Vec<Trade>) -> Outcome {
        if quantity == 0 {
            return Outcome::Empty;
        }
        self.take(id, side, quantity, worst, trades);
        Outcome::Entered
    }

    fn modify(&mut self, id: u64, price: i64, quantity: u32, trades: &mut Vec<Trade>) -> Outcome {
        let Some(slot) = self.book.find(id) else { return Outcome::Unknown };
        if quantity == 0 {
            return Outcome::Empty;
        }
        let order = *self.book.order(slot);
        if price == order.price && quantity <= order.quantity {
            self.shrink(slot, order.quantity - quantity);
            return Outcome::Shrunk;
        }
        self.remove(slot);
        self.limit(Order { price, quantity, priority: self.totals.commands, ..order }, trades)
    }

    fn reduce(&mut self, id: u64, by: u64) -> Outcome {
        let Some(slot) = self.book.find(id) else { return Outcome::Unknown };
        match u32::try_from(by) {
            Ok(by) if by < self.book.order(slot).quantity => self.shrink(slot, by),
            _ => self.remove(slot),
        }
        Outcome::Shrunk
    }

    /// Trades with the other side down to `limit`; what is left.
    fn take(
        &mut self,
        taker: u64,
        side: Side,
        mut quantity: u32,
        limit: i64,
        trades: &mut Vec<Trade>,
    ) -> u32 {
        while quantity > 0 {
            let Some(slot) = self.book.crossed_by(side.opposite(), limit) else { break };
            let maker = *self.book.order(slot);
            let traded = quantity.min(maker.quantity);
            quantity -= traded;
            trades.push(Trade {
                maker: maker.id,
                taker,
                price: maker.price,
                quantity: traded,
                side: side.number(),
            });
            if traded < maker.quantity {
                self.shrink(slot, traded);
            } else {
                self.remove(slot);
            }
        }
        quantity
    }

    fn rest(&mut self, order: Order) {
        self.resting = self.resting.wrapping_add(hash(&order));
        self.book.rest(order);
    }

    fn remove(&mut self, slot: u32) {
        self.resting = self.resting.wrapping_sub(hash(self.book.order(slot)));
        self.book.remove(slot);
    }

    /// Makes a resting order smaller in its place; something of it is left.
    fn shrink(&mut self, slot: u32, by: u32) {
        self.resting = self.resting.wrapping_sub(hash(self.book.order(slot)));
        self.book.shrink(slot, by);
        self.resting = self.resting.wrapping_add(hash(self.book.order(slot)));
    }

    /// What it remembers of the past.
    pub fn totals(&self) -> &Totals {
        &self.totals
    }

    /// How many orders rest.
    pub fn resting(&self) -> usize {
        self.book.count()
    }

    /// The prices of a side, best first.
    pub fn levels(&self, side: Side) -> impl Iterator<Item = Quote> {
        self.book.levels(side)
    }

    /// The orders of a side in the order in which they would trade.
    pub fn queue(&self, side: Side) -> impl Iterator<Item = Order> {
        self.book.queue(side)
    }

    /// A number over the state: past, resting orders and their places. Constant time.
    #[inline]
    pub fn digest(&self) -> u64 {
        let totals = &self.totals;
        let counts = [totals.commands, totals.trades, totals.volume, totals.unknown];
        let rest = [totals.duplicate, totals.empty, self.resting, self.book.count() as u64];
        counts.into_iter().chain(rest).fold(totals.history, mixed)
    }

    /// A book with this past and these orders, each behind those of its price that came before.
    pub fn from_parts(totals: Totals, orders: &[Order]) -> Self {
        let mut book = MatchingBook { totals, ..MatchingBook::new() };
        orders.iter().for_each(|order| book.rest(*order));
        book
    }
}

/// One more word into a checksum that finds accidents, not forgeries.
#[inline]
fn mixed(sum: u64, word: u64) -> u64 {
    let product = u128::from(sum ^ word ^ 0x243f_6a88_85a3_08d3) * 0x9e37_79b9_7f4a_7c15;
    (product as u64).rotate_left(23) ^ (product >> 64) as u64
}

fn hash(order: &Order) -> u64 {
    let shares = u64::from(order.quantity) | u64::from(order.side.number()) << 32;
    [order.id, order.price as u64, shares, order.priority].into_iter().fold(0, mixed)
}
