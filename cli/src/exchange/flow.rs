//! A made-up flow of commands, the same for the same seed for ever: orders around a price that wanders, many
//! of them cancelled or changed, some too late, now and then one that crosses the book.

use super::command::{Cancel, Command, Limit, Market, Modify, Reduce, Side};
use crate::flow::random::Random;

/// When the first command comes: half past nine, nanoseconds since midnight.
const OPEN_NS: u64 = 34_200 * 1_000_000_000;

/// Commands with their times, without end.
#[derive(Clone, Debug)]
pub struct Flow {
    random: Random,
    time_ns: u64,
    middle: i64,
    next_id: u64,
    /// Orders that may rest, the newest last. The flow does not match, so it does not know which have traded.
    sent: Vec<Limit>,
}

impl Flow {
    pub fn new(seed: u64) -> Self {
        Flow { random: Random::new(seed), time_ns: OPEN_NS, middle: 1_000_000, next_id: 0, sent: Vec::new() }
    }

    fn quantity(&mut self) -> u32 {
        match self.random.below(10) {
            0..6 => 100,
            6..9 => 1 + self.random.below(99) as u32,
            _ => 100 * (2 + self.random.below(20) as u32),
        }
    }

    fn side(&mut self) -> Side {
        if self.random.below(2) == 0 { Side::Buy } else { Side::Sell }
    }

    /// A price so far away from the middle on the side's own half of the book; below 0 on the other.
    fn price(&self, side: Side, away: i64) -> i64 {
        match side {
            Side::Buy => self.middle - away,
            Side::Sell => self.middle + away,
        }
    }

    fn limit(&mut self) -> Command {
        self.next_id += 1;
        let (side, quantity) = (self.side(), self.quantity());
        // One in sixteen or so crosses.
        let away = self.random.below(32) as i64 + self.random.below(32) as i64 - 8;
        let price = self.price(side, away);
        let order = Limit { id: self.next_id, price, quantity, side: side.number() };
        self.sent.push(order);
        Command::Limit(order)
    }

    fn market(&mut self) -> Command {
        self.next_id += 1;
        let (side, quantity) = (self.side(), self.quantity());
        let worst = self.price(side, -16);
        Command::Market(Market { id: self.next_id, worst, quantity, side: side.number() })
    }

    /// An order that was sent, and which is forgotten if `forget`.
    fn any(&mut self, forget: bool) -> Limit {
        let at = self.random.below(self.sent.len() as u64) as usize;
        if forget { self.sent.swap_remove(at) } else { self.sent[at] }
    }

    fn modify(&mut self) -> Command {
        let order = self.any(false);
        let price = order.price + self.random.below(5) as i64 - 2;
        let quantity = u64::from(self.quantity());
        Command::Modify(Modify { id: order.id, price, quantity })
    }
}

impl Iterator for Flow {
    type Item = (u64, Command);

    fn next(&mut self) -> Option<(u64, Command)> {
        self.time_ns += 200 + self.random.below(20_000);
        if self.random.below(16) == 0 {
            self.middle += self.random.below(3) as i64 - 1;
        }
        // About a thousand orders; those that have traded are forgotten here only when they are cancelled in
        // vain.
        let command = match (self.sent.len(), self.random.below(100)) {
            (..64, _) => self.limit(),
            (_, 0..5) => self.market(),
            (_, 5..15) => self.modify(),
            (_, 15..20) => Command::Reduce(Reduce { id: self.any(false).id, by: 1 + self.random.below(100) }),
            (..1000, 20..65) | (1000.., 20..58) => self.limit(),
            _ => Command::Cancel(Cancel { id: self.any(true).id }),
        };
        Some((self.time_ns, command))
    }
}
