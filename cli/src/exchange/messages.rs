//! Real messages as commands. A message tells what an exchange's book did, and this makes of it what was
//! asked of the exchange:
//!
//! | type | message | command |
//! |---|---|---|
//! | 1 | new limit order | `Limit` |
//! | 2 | partial cancel | `Reduce` |
//! | 3 | deletion | `Cancel` |
//! | 4 | execution of a visible order | `Market` from the other side, down to that order's price |
//! | 5, 6, 7 | execution of a hidden order, auction, halt | `Pass` |
//!
//! A file begins in the middle of a day, so it refers to orders that no book built from it can know.

use super::command::{Cancel, Command, Limit, Market, Reduce};
use crate::flow::lobster::{self, ParseError};
use crate::flow::message::{Kind, OrderMessage};

impl From<&OrderMessage> for Command {
    fn from(message: &OrderMessage) -> Self {
        let &OrderMessage { order_id, price, size, .. } = message;
        let id = order_id as u64;
        match (message.kind(), message.side()) {
            (Some(Kind::Add), Some(side)) => {
                Command::Limit(Limit { id, price, quantity: size, side: side.number() })
            }
            (Some(Kind::Reduce), _) => Command::Reduce(Reduce { id, by: size.into() }),
            (Some(Kind::Delete), _) => Command::Cancel(Cancel { id }),
            // Who took it the message does not say.
            (Some(Kind::Execute), Some(side)) => {
                let side = side.opposite().number();
                Command::Market(Market { id: 0, worst: price, quantity: size, side })
            }
            _ => Command::Pass,
        }
    }
}

/// The order that the exchange executed, and how much of it, if the message is of that.
pub fn executed(message: &OrderMessage) -> Option<(u64, u32)> {
    (message.kind() == Some(Kind::Execute)).then_some((message.order_id as u64, message.size))
}

/// The messages of a file; times count from midnight.
///
/// # Errors
/// The first line that is no message.
pub fn read(file: &str, bytes: &[u8]) -> Result<Vec<OrderMessage>, ParseError> {
    lobster::parse(file, bytes, 0, [0; 8])
}

/// The commands of a file of messages, with their times from midnight.
///
/// # Errors
/// The first line that is no message.
pub fn commands(file: &str, bytes: &[u8]) -> Result<Vec<(u64, Command)>, ParseError> {
    let messages = read(file, bytes)?;
    Ok(messages.iter().map(|message| (message.time_ns, Command::from(message))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_become_commands() {
        let text = "34200.004241176,1,11,18,5853300,1\n34200.5,4,11,8,5853300,1\n34201,2,11,4,5853300,1\n\
                    34201,3,11,6,5853300,1\n34202,5,0,100,5853300,-1\n34203,7,0,0,-1,-1\n";
        let read_commands = commands("day.csv", text.as_bytes()).unwrap();
        assert_eq!((read_commands[0].0, read_commands[1].0), (34_200_004_241_176, 34_200_500_000_000));
        let limit = Limit { id: 11, price: 5_853_300, quantity: 18, side: 1 };
        let market = Market { id: 0, worst: 5_853_300, quantity: 8, side: 2 };
        let wanted = [
            Command::Limit(limit),
            Command::Market(market),
            Command::Reduce(Reduce { id: 11, by: 4 }),
            Command::Cancel(Cancel { id: 11 }),
            Command::Pass,
            Command::Pass,
        ];
        assert!(read_commands.iter().map(|(_, command)| *command).eq(wanted));
        let messages = read("day.csv", text.as_bytes()).unwrap();
        assert_eq!(messages.iter().filter_map(executed).collect::<Vec<_>>(), [(11, 8)]);
    }
}
