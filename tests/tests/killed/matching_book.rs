//! The example's book against the plainest one possible: a vector of orders, sorted anew for each command.

use proptest::prelude::*;
use slipring_cli::book::{Order, Quote};
use slipring_cli::exchange::command::{Cancel, Command, Limit, Market, Modify, Reduce, Side, Trade};
use slipring_cli::exchange::matching::{Malformed, MatchingBook, Outcome};
use slipring_cli::exchange::messages;
use slipring_cli::exchange::saved::{RestoreError, Saved, VERSION};
use slipring_tests::matching::{commands, real_file};

/// The rules of the book once more, with no thought for speed.
#[derive(Default)]
struct Model {
    orders: Vec<Order>,
    commands: u64,
}

impl Model {
    /// The orders of a side in the order in which they trade.
    fn queue(&self, side: Side) -> Vec<Order> {
        let mut queue: Vec<_> = self.orders.iter().filter(|order| order.side == side).copied().collect();
        queue.sort_by_key(|order| {
            let price = i128::from(order.price);
            (if side == Side::Buy { -price } else { price }, order.priority)
        });
        queue
    }

    fn apply(&mut self, command: &Command) -> Result<(Outcome, Vec<Trade>), Malformed> {
        let mut trades = Vec::new();
        let outcome = match *command {
            Command::Limit(Limit { side, .. }) | Command::Market(Market { side, .. })
                if ![1, 2].contains(&side) =>
            {
                return Err(Malformed::Side(side));
            }
            Command::Modify(Modify { quantity, .. }) if quantity > u32::MAX.into() => {
                return Err(Malformed::Quantity(quantity));
            }
            Command::Limit(Limit { quantity: 0, .. }) | Command::Market(Market { quantity: 0, .. }) => {
                Outcome::Empty
            }
            Command::Limit(Limit { id, .. }) if self.orders.iter().any(|order| order.id == id) => {
                Outcome::Duplicate
            }
            Command::Limit(Limit { id, price, quantity, side }) => {
                self.enter(id, price, quantity, Side::of(side).unwrap(), true, &mut trades)
            }
            Command::Market(Market { id, worst, quantity, side }) => {
                self.enter(id, worst, quantity, Side::of(side).unwrap(), false, &mut trades)
            }
            Command::Pass => Outcome::Passed,
            Command::Modify(Modify { id, .. })
            | Command::Reduce(Reduce { id, .. })
            | Command::Cancel(Cancel { id }) => match self.orders.iter().position(|order| order.id == id) {
                None => Outcome::Unknown,
                Some(at) => self.change(at, command, &mut trades),
            },
        };
        self.commands += 1;
        Ok((outcome, trades))
    }

    fn change(&mut self, at: usize, command: &Command, trades: &mut Vec<Trade>) -> Outcome {
        let order = self.orders[at];
        match *command {
            Command::Modify(Modify { quantity: 0, .. }) => Outcome::Empty,
            Command::Modify(Modify { price, quantity, .. })
                if price == order.price && quantity <= order.quantity.into() =>
            {
                self.orders[at].quantity = quantity as u32;
                Outcome::Shrunk
            }
            Command::Modify(Modify { id, price, quantity }) => {
                self.orders.remove(at);
                self.enter(id, price, quantity as u32, order.side, true, trades)
            }
            Command::Reduce(Reduce { by, .. }) if by < order.quantity.into() => {
                self.orders[at].quantity -= by as u32;
                Outcome::Shrunk
            }
            _ => {
                self.orders.remove(at);
                Outcome::Shrunk
            }
        }
    }

    fn enter(
        &mut self,
        id: u64,
        price: i64,
        mut quantity: u32,
        side: Side,
        rests: bool,
        trades: &mut Vec<Trade>,
    ) -> Outcome {
        for maker in self.queue(side.opposite()) {
            let crosses = if side == Side::Buy { maker.price <= price } else { maker.price >= price };
            if quantity == 0 || !crosses {
                break;
            }
            let traded = quantity.min(maker.quantity);
            quantity -= traded;
            let trade = Trade {
                maker: maker.id,
                taker: id,
                price: maker.price,
                quantity: traded,
                side: side.number(),
            };
            trades.push(trade);
            let at = self.orders.iter().position(|order| order.id == maker.id).unwrap();
            self.orders[at].quantity -= traded;
            if self.orders[at].quantity == 0 {
                self.orders.remove(at);
            }
        }
        if rests && quantity > 0 {
            self.orders.push(Order { id, price, side, quantity, priority: self.commands });
        }
        Outcome::Entered
    }
}

fn agrees(book: &MatchingBook, model: &Model) {
    for side in [Side::Buy, Side::Sell] {
        let wanted = model.queue(side);
        assert_eq!(book.queue(side).collect::<Vec<_>>(), wanted);
        let mut levels: Vec<Quote> = Vec::new();
        for order in wanted {
            match levels.last_mut() {
                Some(level) if level.price == order.price => {
                    level.size += u64::from(order.quantity);
                    level.orders += 1;
                }
                _ => levels.push(Quote { price: order.price, size: order.quantity.into(), orders: 1 }),
            }
        }
        assert_eq!(book.levels(side).collect::<Vec<_>>(), levels);
    }
    assert_eq!(book.resting(), model.orders.len());
}

/// Commands about few ids and prices, so that they meet; the odd ones too.
fn command() -> impl Strategy<Value = Command> {
    let id = || 0..24_u64;
    let side = || prop_oneof![8 => 1..=2_u32, 1 => Just(0_u32), 1 => Just(3_u32)];
    let price = || prop_oneof![30 => 95..105_i64, 1 => Just(i64::MIN), 1 => Just(i64::MAX)];
    let quantity = || prop_oneof![20 => 1..50_u32, 1 => Just(0_u32), 1 => Just(u32::MAX)];
    prop_oneof![
        6 => (id(), price(), quantity(), side()).prop_map(|(id, price, quantity, side)| {
            Command::Limit(Limit { id, price, quantity, side })
        }),
        1 => (id(), price(), quantity(), side()).prop_map(|(id, worst, quantity, side)| {
            Command::Market(Market { id, worst, quantity, side })
        }),
        2 => (id(), price(), quantity()).prop_map(|(id, price, quantity)| {
            Command::Modify(Modify { id, price, quantity: if quantity == u32::MAX { 1 << 32 } else { quantity.into() } })
        }),
        1 => (id(), 0..60_u64).prop_map(|(id, by)| Command::Reduce(Reduce { id, by })),
        2 => id().prop_map(|id| Command::Cancel(Cancel { id })),
        1 => Just(Command::Pass),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn it_agrees_with_a_sorted_vector(commands in prop::collection::vec(command(), 1..120)) {
        let (mut book, mut model, mut trades) = (MatchingBook::new(), Model::default(), Vec::new());
        let mut volume = 0;
        for command in &commands {
            let before = book.digest();
            trades.clear();
            let outcome = book.apply(command, &mut trades);
            match (outcome, model.apply(command)) {
                (Ok(outcome), Ok((wanted, wanted_trades))) => {
                    assert_eq!((outcome, &trades), (wanted, &wanted_trades), "{command:?}");
                    assert_ne!(book.digest(), before, "every command shows in the digest");
                }
                (found, wanted) => {
                    assert_eq!(found.err(), wanted.err(), "{command:?}");
                    assert_eq!((book.digest(), trades.len()), (before, 0), "a malformed one changes nothing");
                }
            }
            volume += trades.iter().map(|trade| u64::from(trade.quantity)).sum::<u64>();
            agrees(&book, &model);
        }
        assert_eq!((book.totals().commands, book.totals().volume), (model.commands, volume));
    }

    /// Saved anywhere and restored, it goes on as if nothing had happened.
    #[test]
    fn a_restored_book_goes_on_alike(
        commands in prop::collection::vec(command(), 1..200),
        at in any::<prop::sample::Index>(),
    ) {
        let at = at.index(commands.len());
        let (mut book, mut trades) = (MatchingBook::new(), Vec::new());
        for command in &commands[..at] {
            let _ = book.apply(command, &mut trades);
        }
        let mut bytes = Vec::new();
        book.save(&mut bytes);
        let mut restored = MatchingBook::restore(VERSION, &bytes).unwrap();
        assert_eq!(restored.digest(), book.digest());
        let (mut trades, mut restored_trades) = (Vec::new(), Vec::new());
        for command in &commands[at..] {
            let outcome = book.apply(command, &mut trades);
            assert_eq!(restored.apply(command, &mut restored_trades), outcome);
            assert_eq!(restored.digest(), book.digest());
        }
        assert_eq!(restored_trades, trades);
        let (mut bytes, mut restored_bytes) = (Vec::new(), Vec::new());
        book.save(&mut bytes);
        restored.save(&mut restored_bytes);
        assert_eq!(bytes, restored_bytes, "the same book, the same bytes");
    }

    /// Whatever a state loses, the digest tells.
    #[test]
    fn the_digest_sees_any_one_order_lost_or_changed(
        commands in prop::collection::vec(command(), 20..120),
        at in any::<prop::sample::Index>(),
    ) {
        let (mut book, mut trades) = (MatchingBook::new(), Vec::new());
        for command in &commands {
            let _ = book.apply(command, &mut trades);
        }
        let saved = book.saved();
        let digest = |saved: &Saved| MatchingBook::from_parts(saved.totals, &saved.orders).digest();
        assert_eq!(digest(&saved), book.digest());
        if !saved.orders.is_empty() {
            let at = at.index(saved.orders.len());
            let mut lost = saved.clone();
            lost.orders.remove(at);
            assert_ne!(digest(&lost), book.digest());
            let mut other = saved.clone();
            other.orders[at].quantity ^= 1 << 20;
            assert_ne!(digest(&other), book.digest());
        }
        let mut other = saved.clone();
        other.totals.history ^= 1;
        assert_ne!(digest(&other), book.digest());
    }

    /// Arbitrary bytes are a book or are refused; nothing panics, and what is taken is a book.
    #[test]
    fn bytes_that_are_no_book_are_refused(
        commands in prop::collection::vec(command(), 1..60),
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        cut in any::<prop::sample::Index>(),
    ) {
        let (mut book, mut trades) = (MatchingBook::new(), Vec::new());
        for command in &commands {
            let _ = book.apply(command, &mut trades);
        }
        let mut bytes = Vec::new();
        book.save(&mut bytes);
        let short = cut.index(bytes.len());
        let refused = MatchingBook::restore(VERSION, &bytes[..short]);
        assert!(matches!(refused, Err(RestoreError::Length { .. })), "{refused:?}");
        assert!(matches!(MatchingBook::restore(VERSION + 1, &bytes), Err(RestoreError::Version(_))));
        for (at, byte) in flips {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Ok(found) = MatchingBook::restore(VERSION, &bytes) {
            let mut again = Vec::new();
            found.save(&mut again);
            assert_eq!(again, bytes);
        }
    }
}

/// Long flows, where slots are used again and levels come and go; then the real messages, if they are there.
#[test]
fn it_agrees_with_a_sorted_vector_on_whole_flows() {
    let real = real_file();
    for (file, count) in [(None, 20_000), (real.as_deref(), 3_000)] {
        let (mut book, mut model, mut trades) = (MatchingBook::new(), Model::default(), Vec::new());
        for (n, (_, command)) in commands(file, count).iter().enumerate() {
            trades.clear();
            let outcome = book.apply(command, &mut trades).unwrap();
            let wanted = model.apply(command).unwrap();
            assert_eq!((outcome, &trades), (wanted.0, &wanted.1), "command {n}: {command:?}");
            if n % 500 == 0 {
                agrees(&book, &model);
            }
        }
        agrees(&book, &model);
        let totals = book.totals();
        assert!(totals.trades > 100 && book.resting() > 100, "a dull flow proves little: {totals:?}");
    }
}

/// The book matches as the exchange did: nearly every execution in the file is a trade with the very order,
/// of the very quantity. (The others were with orders from before the file begins, or behind one of those.)
#[test]
fn the_real_executions_come_out_again() {
    let Some(file) = real_file() else {
        println!("skipped: the file of real messages is not there");
        return;
    };
    let bytes = std::fs::read(file).unwrap();
    let (mut book, mut trades) = (MatchingBook::new(), Vec::new());
    let (mut executed, mut alike) = (0, 0);
    for message in &messages::read("messages", &bytes).unwrap() {
        trades.clear();
        book.apply(&Command::from(message), &mut trades).unwrap();
        if let Some(wanted) = messages::executed(message) {
            executed += 1;
            alike += u32::from(matches!(trades[..], [trade] if (trade.maker, trade.quantity) == wanted));
        }
    }
    println!("{alike} of {executed} executions are the same trade; {:?}", book.totals());
    assert!(executed > 2_000 && alike * 10 > executed * 9, "{alike} of {executed}");
}
