//! Reading LOBSTER's message CSV. Only the one canonical way to write each number is taken, because what is
//! recorded must come back byte for byte: anything else is refused with its place, never altered.

use crate::flow::message::{DAY_NS, LineEnd, OrderMessage};

/// Why a line is no LOBSTER message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}:{column}: {fault}")]
pub struct ParseError {
    /// The input.
    pub file: String,
    /// The line, from 1.
    pub line: u64,
    /// The byte within the line, from 1.
    pub column: u64,
    /// What is wrong there.
    pub fault: ParseFault,
}

/// What is wrong with a field or a line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseFault {
    /// A line without anything in it.
    #[error("an empty line; remove it")]
    EmptyLine,
    /// Too few fields.
    #[error("the line ends where {field} should be; a message is time,type,order id,size,price,direction")]
    MissingField {
        /// The first one missing.
        field: &'static str,
    },
    /// Too many fields.
    #[error("more than six fields; a message is time,type,order id,size,price,direction")]
    ExtraField,
    /// Not a decimal number.
    #[error("{field} is {text:?}: expected {expected}")]
    NotANumber {
        /// The field.
        field: &'static str,
        /// Its text.
        text: String,
        /// What it should be.
        expected: &'static str,
    },
    /// A number, but not in the form that is printed again.
    #[error("{field} is {text:?}: write it without plus sign, leading zeros or blanks, as replay prints it")]
    NotCanonical {
        /// The field.
        field: &'static str,
        /// Its text.
        text: String,
    },
    /// A number that this field can't have.
    #[error("{field} is {text}: it must be {expected}")]
    OutOfRange {
        /// The field.
        field: &'static str,
        /// Its text.
        text: String,
        /// What it may be.
        expected: &'static str,
    },
    /// A time with more than nine decimals.
    #[error("time {text} is finer than a nanosecond; --round-times takes such times, rounded to the nearest")]
    TooFine {
        /// The field's text.
        text: String,
    },
    /// A time before the one of the line before.
    #[error("time {text} lies before that of the line before; sort the messages by time")]
    TimeGoesBack {
        /// The field's text.
        text: String,
    },
    /// No message at all.
    #[error("the input holds no message")]
    Empty,
}

/// How a file is to be read.
#[derive(Clone, Copy, Debug, Default)]
pub struct ParseOptions {
    /// Midnight of the messages' day, nanoseconds since 1970.
    pub date_ns: u64,
    /// The instrument.
    pub symbol: [u8; 8],
    /// Take times that are finer than a nanosecond, rounded to the nearest; half of one upwards.
    pub round_times: bool,
}

/// Reads all messages of `bytes`; `date_ns` is midnight of their day, nanoseconds since 1970.
///
/// # Errors
/// The first line that is no canonical LOBSTER message.
pub fn parse(
    file: &str,
    bytes: &[u8],
    date_ns: u64,
    symbol: [u8; 8],
) -> Result<Vec<OrderMessage>, ParseError> {
    let file = || file.to_owned();
    let mut reader = Reader::new(ParseOptions { date_ns, symbol, round_times: false }, 0, None);
    let mut messages = Vec::with_capacity(bytes.len() / 40 + 1);
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        let read = reader.message(line);
        let at = |(column, fault)| ParseError { file: file(), line: reader.line(), column, fault };
        messages.push(read.map_err(at)?.0);
    }
    if messages.is_empty() {
        return Err(ParseError { file: file(), line: 1, column: 1, fault: ParseFault::Empty });
    }
    Ok(messages)
}

/// Makes messages of a file's lines, one after the other.
#[derive(Clone, Debug)]
pub struct Reader {
    options: ParseOptions,
    /// Lines that were read.
    line: u64,
    /// Time of the last message, nanoseconds after midnight.
    before_ns: u64,
}

impl Reader {
    /// Goes on behind so many lines, of which the last message had this time, in nanoseconds since 1970.
    pub fn new(options: ParseOptions, line: u64, before_ns: Option<u64>) -> Self {
        let before_ns = before_ns.map_or(0, |time_ns| time_ns.saturating_sub(options.date_ns));
        Reader { options, line, before_ns }
    }

    /// How many lines were read.
    pub fn line(&self) -> u64 {
        self.line
    }

    /// The message of the next line, which has its end, unless the file ends there; and whether its time was
    /// rounded.
    ///
    /// # Errors
    /// It is no canonical LOBSTER message: the byte of the line, from 1, and what is wrong there. The next
    /// line may be one.
    pub fn message(&mut self, line: &[u8]) -> Result<(OrderMessage, bool), Fault> {
        self.line += 1;
        let ParseOptions { date_ns, symbol, round_times } = self.options;
        let (text, end) = cut_end(line);
        let (fields, rounded) = parse_line(text, round_times)?;
        if fields.time_ns < self.before_ns {
            let text = lossy(text.split(|byte| *byte == b',').next().unwrap_or_default());
            return Err((1, ParseFault::TimeGoesBack { text }));
        }
        self.before_ns = fields.time_ns;
        let (time_ns, line) = (date_ns + fields.time_ns, self.line);
        Ok((OrderMessage { time_ns, line, line_end: end as u8, symbol, ..fields }, rounded))
    }
}

/// Cuts off what ends a line.
fn cut_end(line: &[u8]) -> (&[u8], LineEnd) {
    let Some(text) = line.strip_suffix(b"\n") else { return (line, LineEnd::EndOfFile) };
    match text.strip_suffix(b"\r") {
        Some(text) => (text, LineEnd::CarriageReturn),
        None => (text, LineEnd::Newline),
    }
}

/// How the first field is called in a fault.
pub const TIME: &str = "the time";

/// The byte of a line, from 1, and what is wrong there.
pub type Fault = (u64, ParseFault);

/// The six fields; time after midnight, without what the line itself can't say. And whether the time was
/// rounded.
fn parse_line(line: &[u8], round_times: bool) -> Result<(OrderMessage, bool), Fault> {
    if line.is_empty() {
        return Err((1, ParseFault::EmptyLine));
    }
    let mut fields = Fields { line, at: 0, done: false };
    let Time { ns: time_ns, decimals: time_decimals, rounded } = time(fields.next(TIME)?, round_times)?;
    let kind = integer(fields.next("the type")?, 1, 7, "a whole number from 1 to 7")?;
    // The opening and closing cross, that of an offering, and the one after a halt have no order.
    let least = match kind {
        6 => -4,
        7 => -1,
        _ => 0,
    };
    let expected = "0 to 2^63-1 (-1 to -4 too in type 6, -1 too in type 7)";
    let order_id = integer(fields.next("the order id")?, least, i64::MAX, expected)?;
    let size = integer(fields.next("the size")?, 0, u32::MAX.into(), "a whole number from 0 to 4294967295")?;
    let least = if kind == 7 { -1 } else { 0 };
    let price = integer(fields.next("the price")?, least, i64::MAX, "0 to 2^63-1 (-1 only in type 7)")?;
    let direction = fields.next("the direction")?;
    let (column, text) = (direction.column, lossy(direction.text));
    let direction = integer(direction, -1, 1, "1 (buy) or -1 (sell)")?;
    if direction == 0 {
        let (field, expected) = ("the direction", "1 (buy) or -1 (sell)");
        return Err((column, ParseFault::OutOfRange { field, text, expected }));
    }
    if !fields.done {
        return Err((fields.at as u64, ParseFault::ExtraField));
    }
    let message = OrderMessage {
        time_ns,
        order_id,
        price,
        line: 0,
        size: size as u32,
        kind: kind as u8,
        direction: direction as i8,
        time_decimals,
        line_end: 0,
        symbol: [0; 8],
    };
    Ok((message, rounded))
}

/// One field and where it starts.
struct FieldText<'a> {
    name: &'static str,
    column: u64,
    text: &'a [u8],
}

impl FieldText<'_> {
    fn not_a_number(&self, expected: &'static str) -> Fault {
        // Point at the first byte that does not belong.
        let bad = |byte: &u8| !byte.is_ascii_digit() && !matches!(byte, b'-' | b'+' | b'.');
        let offset = self.text.iter().position(bad).unwrap_or(0) as u64;
        let fault = ParseFault::NotANumber { field: self.name, text: lossy(self.text), expected };
        (self.column + offset, fault)
    }

    fn not_canonical(&self) -> Fault {
        (self.column, ParseFault::NotCanonical { field: self.name, text: lossy(self.text) })
    }

    fn out_of_range(&self, expected: &'static str) -> Fault {
        (self.column, ParseFault::OutOfRange { field: self.name, text: lossy(self.text), expected })
    }
}

struct Fields<'a> {
    line: &'a [u8],
    at: usize,
    done: bool,
}

impl<'a> Fields<'a> {
    fn next(&mut self, name: &'static str) -> Result<FieldText<'a>, Fault> {
        if self.done {
            return Err((self.line.len() as u64 + 1, ParseFault::MissingField { field: name }));
        }
        let rest = &self.line[self.at..];
        let column = self.at as u64 + 1;
        let text = match rest.iter().position(|byte| *byte == b',') {
            Some(comma) => {
                self.at += comma + 1;
                &rest[..comma]
            }
            None => {
                self.done = true;
                rest
            }
        };
        Ok(FieldText { name, column, text })
    }
}

/// A whole number from `least` to `most`, written as it is printed.
fn integer(field: FieldText<'_>, least: i64, most: i64, expected: &'static str) -> Result<i64, Fault> {
    let (negative, digits) = match field.text {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    if !digits.iter().all(u8::is_ascii_digit) || digits.is_empty() {
        let bare = field.text.trim_ascii();
        let bare = bare.strip_prefix(b"+").unwrap_or(bare);
        let number = !bare.is_empty() && bare.iter().all(u8::is_ascii_digit);
        return Err(if number { field.not_canonical() } else { field.not_a_number(expected) });
    }
    if digits.len() > 1 && digits[0] == b'0' || negative && digits == b"0" {
        return Err(field.not_canonical());
    }
    let mut value = 0_i64;
    for digit in digits {
        let digit = i64::from(digit - b'0');
        let next = value.checked_mul(10).and_then(|value| value.checked_add(digit));
        value = next.ok_or_else(|| field.out_of_range(expected))?;
    }
    let value = if negative { -value } else { value };
    if value < least || value > most { Err(field.out_of_range(expected)) } else { Ok(value) }
}

/// A time after midnight.
struct Time {
    ns: u64,
    /// How many decimals it was written with, as far as they are kept.
    decimals: u8,
    /// It was written with more.
    rounded: bool,
}

fn time(field: FieldText<'_>, round: bool) -> Result<Time, Fault> {
    const EXPECTED: &str = "seconds after midnight, 0 <= t < 86400";
    let (name, column, text) = (field.name, field.column, field.text);
    let (whole, decimals) = match text.iter().position(|byte| *byte == b'.') {
        Some(point) => (&text[..point], &text[point + 1..]),
        None => (text, &[][..]),
    };
    if whole.first() == Some(&b'-') {
        return Err(field.out_of_range(EXPECTED));
    }
    if whole.len() != text.len() && decimals.is_empty() || !decimals.iter().all(u8::is_ascii_digit) {
        return Err(field.not_a_number(EXPECTED));
    }
    let all = lossy(text);
    let field = FieldText { name, column, text: whole };
    let seconds = integer(field, 0, 86_399, EXPECTED).map_err(|(column, fault)| {
        // Say the whole field, not only its seconds.
        let fault = match fault {
            ParseFault::NotCanonical { field, .. } => ParseFault::NotCanonical { field, text: all.clone() },
            ParseFault::OutOfRange { field, expected, .. } => {
                ParseFault::OutOfRange { field, text: all.clone(), expected }
            }
            ParseFault::NotANumber { field, expected, .. } => {
                ParseFault::NotANumber { field, text: all.clone(), expected }
            }
            other => other,
        };
        (column, fault)
    })?;
    let (kept, finer) = decimals.split_at(decimals.len().min(9));
    if !finer.is_empty() && !round {
        return Err((column, ParseFault::TooFine { text: all }));
    }
    let fraction = kept.iter().fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0'));
    let up = u64::from(finer.first().is_some_and(|digit| *digit >= b'5'));
    let ns = seconds as u64 * 1_000_000_000 + fraction * 10_u64.pow(9 - kept.len() as u32) + up;
    if ns >= DAY_NS {
        return Err((column, ParseFault::OutOfRange { field: name, text: all, expected: EXPECTED }));
    }
    Ok(Time { ns, decimals: kept.len() as u8, rounded: !finer.is_empty() })
}

/// Text for a message; long fields are cut.
fn lossy(bytes: &[u8]) -> String {
    let shown = &bytes[..bytes.len().min(40)];
    let mut text = String::from_utf8_lossy(shown).into_owned();
    if shown.len() < bytes.len() {
        text.push_str("..");
    }
    text
}

#[cfg(test)]
mod tests;
