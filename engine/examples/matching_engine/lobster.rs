//! Real messages as commands: a reader of LOBSTER's message files (time, type, order id, size, price, direction).
//!
//! A message file tells what an exchange's book did, and this makes of it what was asked of the exchange:
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

use super::command::{Cancel, Command, Limit, Market, Reduce, Side};

/// A message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message {
    /// After midnight.
    pub time_ns: u64,
    pub command: Command,
    /// Of an execution: the order that the exchange executed, and how much of it.
    pub executed: Option<(u64, u32)>,
}

/// A line that is no message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "line {line}: {field} is missing or no such number: a message is time,type,order id,size,price,direction"
)]
pub struct NotAMessage {
    /// From 1.
    pub line: usize,
    pub field: &'static str,
}

/// Reads a file's messages.
///
/// # Errors
/// The first line that is none.
pub fn read(text: &str) -> Result<Vec<Message>, NotAMessage> {
    text.lines().enumerate().map(|(n, line)| message(n + 1, line)).collect()
}

fn message(line: usize, text: &str) -> Result<Message, NotAMessage> {
    let mut fields = text.split(',');
    let mut next = |field| fields.next().ok_or(NotAMessage { line, field }).map(|text| (field, text));
    let time_ns = time_ns(next("the time")?.1).ok_or(NotAMessage { line, field: "the time" })?;
    let kind: u8 = number(line, next("the type")?)?;
    // -1 in auctions and halts, which are passed.
    let id: i64 = number(line, next("the order id")?)?;
    let size: u32 = number(line, next("the size")?)?;
    let price: i64 = number(line, next("the price")?)?;
    let side = match next("the direction")? {
        (_, "1") => Side::Buy,
        (_, "-1") => Side::Sell,
        (field, _) => return Err(NotAMessage { line, field }),
    };
    if fields.next().is_some() {
        return Err(NotAMessage { line, field: "a seventh field" });
    }
    let id = id as u64;
    let command = match kind {
        1 => Command::Limit(Limit { id, price, quantity: size, side: side.number() }),
        2 => Command::Reduce(Reduce { id, by: size.into() }),
        3 => Command::Cancel(Cancel { id }),
        // Who took it the file does not say.
        4 => {
            let side = side.opposite().number();
            Command::Market(Market { id: 0, worst: price, quantity: size, side })
        }
        5..=7 => Command::Pass,
        _ => return Err(NotAMessage { line, field: "the type" }),
    };
    Ok(Message { time_ns, command, executed: (kind == 4).then_some((id, size)) })
}

fn number<N: std::str::FromStr>(line: usize, (field, text): (&'static str, &str)) -> Result<N, NotAMessage> {
    text.parse().map_err(|_| NotAMessage { line, field })
}

/// Seconds with up to nine decimals as nanoseconds; finer ones are refused, not rounded.
fn time_ns(text: &str) -> Option<u64> {
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(seconds) || !digits(fraction) || fraction.len() > 9 {
        return None;
    }
    let fraction: u64 = format!("{fraction:0<9}").parse().ok()?;
    seconds.parse::<u64>().ok()?.checked_mul(1_000_000_000)?.checked_add(fraction)
}

#[test]
fn messages_become_commands() {
    let text = "34200.004241176,1,11,18,5853300,1\n34200.5,4,11,8,5853300,1\n34201,2,11,4,5853300,1\n\
                34201,3,11,6,5853300,1\n34202,5,0,100,5853300,-1\n34203,7,0,0,-1,-1\n";
    let messages = read(text).unwrap();
    assert_eq!((messages[0].time_ns, messages[1].time_ns), (34_200_004_241_176, 34_200_500_000_000));
    let commands: Vec<_> = messages.iter().map(|message| message.command).collect();
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
    assert_eq!(commands, wanted);
    assert_eq!(messages.iter().filter_map(|message| message.executed).collect::<Vec<_>>(), [(11, 8)]);
    for (bad, field) in [
        ("", "the time"),
        ("1.0000000001,1,1,1,1,1", "the time"),
        ("1.,1,1,1,1,1", "the time"),
        ("1,8,1,1,1,1", "the type"),
        ("1,1,x,1,1,1", "the order id"),
        ("1,1,1,-1,1,1", "the size"),
        ("1,1,1,1,1", "the direction"),
        ("1,1,1,1,1,0", "the direction"),
        ("1,1,1,1,1,1,1", "a seventh field"),
    ] {
        assert_eq!(read(&format!("{text}{bad}\n")), Err(NotAMessage { line: 7, field }), "{bad}");
    }
}
