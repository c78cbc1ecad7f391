//! A made-up flow of commands, the same for the same seed for ever: the [made-up messages](Synthetic) as the
//! [commands that made them](super::messages), and between them what no message tells of: orders that reach
//! across the spread, and orders that are changed. So the book soon differs from that of the messages, and
//! some commands come too late.

use super::command::{Command, Limit, Modify};
use crate::book::Order;
use crate::feed::synthetic::{self, Synthetic, TICK};
use crate::flow::random::Random;

/// Commands with their times, without end.
#[derive(Clone, Debug)]
pub struct Flow {
    messages: Synthetic,
    random: Random,
    time_ns: u64,
}

impl Flow {
    pub fn new(seed: u64) -> Self {
        Flow { messages: Synthetic::new(seed, 0, [0; 8]), random: Random::new(!seed), time_ns: 0 }
    }

    fn modify(&mut self) -> Option<Command> {
        let Order { id, price, quantity, .. } = synthetic::any(self.messages.book(), &mut self.random)?;
        let price = price + TICK * (self.random.below(5) as i64 - 2);
        let quantity = u64::from(quantity) / 2 + 1 + self.random.below(100);
        Some(Command::Modify(Modify { id, price, quantity }))
    }

    fn next_command(&mut self) -> Option<Command> {
        if self.random.below(10) == 0
            && let Some(command) = self.modify()
        {
            return Some(command);
        }
        let message = self.messages.next()?;
        self.time_ns = message.time_ns;
        let mut command = Command::from(&message);
        if let (Command::Limit(Limit { price, .. }), Some(side)) = (&mut command, message.side())
            && self.random.below(10) == 0
            && let Some(best) = self.messages.book().best(side.opposite())
        {
            *price = best.price;
        }
        Some(command)
    }
}

impl Iterator for Flow {
    type Item = (u64, Command);

    fn next(&mut self) -> Option<(u64, Command)> {
        let command = self.next_command()?;
        Some((self.time_ns, command))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::command::CommandEvent;
    use crate::exchange::matching::MatchingBook;

    #[test]
    fn the_flow_has_something_of_everything_and_the_book_stays_small() {
        let (mut book, mut trades) = (MatchingBook::new(), Vec::new());
        let mut kinds = [0; 7];
        for (_, command) in Flow::new(3).take(300_000) {
            kinds[CommandEvent::from(command).tag() as usize] += 1;
            trades.clear();
            book.apply(&command, &mut trades).unwrap();
        }
        let totals = book.totals();
        assert!(kinds[1..].iter().all(|count| *count > 3_000), "{kinds:?}");
        assert!(totals.trades > 10_000 && totals.unknown > 3_000, "{totals:?}");
        assert!((100..4_000).contains(&book.resting()), "{}", book.resting());
    }
}
