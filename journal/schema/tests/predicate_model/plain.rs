//! Fields, literals and comparisons, as plain as can be: numbers are their digits, compared as text.

use std::cmp::Ordering;

use slipring_schema::{Column, Integer, Kind, Table};

use crate::model::Side;

pub fn is_like(text: &[char], pattern: &[char]) -> bool {
    match pattern.split_first() {
        None => text.is_empty(),
        Some(('%', rest)) => (0..=text.len()).any(|from| is_like(&text[from..], rest)),
        Some(('_', rest)) => !text.is_empty() && is_like(&text[1..], rest),
        Some((c, rest)) => text.first() == Some(c) && is_like(&text[1..], rest),
    }
}

/// A field's kind and bytes, if the event has it.
pub fn bytes(table: &Table, event: &[u8], path: &str) -> Option<(Kind, Vec<u8>)> {
    let (column, item) = match path.find('[') {
        Some(at) => (&path[..at], Some(&path[at..])),
        None => (path, None),
    };
    let column: &Column = &table.columns[table.find(column).expect("a column")];
    let found = column.bytes_in(event).filter(|_| column.is_in(event))?;
    let Some(item) = item else { return Some((column.kind.clone(), found.to_vec())) };
    let digit = |at: usize| usize::from(item.as_bytes()[at] - b'0');
    let at = 4 * (2 * digit(1) + digit(4));
    Some((Kind::Integer(Integer::from_name("i32").unwrap()), found[at..at + 4].to_vec()))
}

pub fn trimmed(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    while bytes.last() == Some(&0) {
        bytes.pop();
    }
    bytes
}

pub fn compare(table: &Table, event: &[u8], field: &str, op: &str, side: &Side) -> Option<bool> {
    let (kind, found) = bytes(table, event, field)?;
    let order = match (&kind, side) {
        (Kind::Text(_), Side::Text(text)) => Some(trimmed(&found).cmp(&text.clone().into_bytes())),
        (Kind::Text(_), Side::Field(other)) => {
            Some(trimmed(&found).cmp(&trimmed(&bytes(table, event, other)?.1)))
        }
        (Kind::Float32, Side::Number(text)) => {
            float(&kind, &found).partial_cmp(&f64::from(text.parse::<f32>().unwrap()))
        }
        (Kind::Float64, Side::Number(text)) => {
            float(&kind, &found).partial_cmp(&text.parse::<f64>().unwrap())
        }
        (_, Side::Field(other)) => {
            let (other, others) = bytes(table, event, other)?;
            digits_of(&kind, &found)
                .zip(digits_of(&other, &others))
                .map(|(one, other)| by_digits(&one, &other))
        }
        (Kind::Time { .. }, Side::Time(nanos)) => {
            let nanos = Digits::new(*nanos < 0, &nanos.unsigned_abs().to_string(), -9);
            digits_of(&kind, &found).map(|found| by_digits(&found, &nanos))
        }
        (Kind::Time { storage, .. }, Side::Number(text)) => {
            Some(by_digits(&digits_of(&Kind::Integer(*storage), &found)?, &written(text)))
        }
        (Kind::Enum { storage, .. }, Side::Name(name)) => {
            let value =
                ["buy", "sell", "odd"].iter().position(|known| known == name).map(|at| [1, 2, 255][at]);
            Some(storage.read(&found).cmp(&value.expect("a name")))
        }
        (_, Side::Number(text)) => digits_of(&kind, &found).map(|found| by_digits(&found, &written(text))),
        (kind, side) => panic!("{kind:?} {side:?}"),
    };
    Some(match (op, order) {
        ("==" | "=", order) => order == Some(Ordering::Equal),
        ("!=" | "<>", order) => order != Some(Ordering::Equal),
        (_, None) => false,
        ("<", Some(order)) => order.is_lt(),
        ("<=", Some(order)) => order.is_le(),
        (">", Some(order)) => order.is_gt(),
        (_, Some(order)) => order.is_ge(),
    })
}

fn float(kind: &Kind, bytes: &[u8]) -> f64 {
    match kind {
        Kind::Float32 => f64::from(f32::from_le_bytes(bytes.try_into().unwrap())),
        _ => f64::from_le_bytes(bytes.try_into().unwrap()),
    }
}

/// A number as 64 thousand.. of digits: a sign, digits before and behind the point, all of one length.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Digits {
    negative: bool,
    text: String,
}

/// Digits before the point, and behind it.
const BEFORE: usize = 400;
const BEHIND: usize = 1100;

impl Digits {
    /// A number that is `digits` times ten to the `exponent`.
    fn new(negative: bool, digits: &str, exponent: i32) -> Self {
        let before = BEFORE as i32 - digits.len() as i32 - exponent;
        let mut text = "0".repeat(before.try_into().expect("room"));
        text.push_str(digits);
        assert!(text.len() <= BEFORE + BEHIND);
        text.push_str(&"0".repeat(BEFORE + BEHIND - text.len()));
        Digits { negative: negative && text.bytes().any(|digit| digit != b'0'), text }
    }
}

fn by_digits(one: &Digits, other: &Digits) -> Ordering {
    match (one.negative, other.negative) {
        (false, false) => one.text.cmp(&other.text),
        (true, true) => other.text.cmp(&one.text),
        (true, false) => Ordering::Less,
        (false, true) => Ordering::Greater,
    }
}

/// A number as it is written.
fn written(text: &str) -> Digits {
    let text = text.replace('_', "");
    let (negative, text) = text.strip_prefix('-').map_or((false, text.as_str()), |text| (true, text));
    let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let exponent = exponent.parse::<i32>().unwrap() - fraction.len() as i32;
    Digits::new(negative, &format!("{whole}{fraction}"), exponent)
}

/// What a field holds; `None` if it is no number. A time counts seconds.
fn digits_of(kind: &Kind, bytes: &[u8]) -> Option<Digits> {
    let scale = match kind {
        Kind::Float32 | Kind::Float64 => {
            let float = float(kind, bytes);
            let endless = || Digits { negative: float < 0.0, text: "9".repeat(BEFORE + BEHIND + 1) };
            return match () {
                () if float.is_nan() => None,
                () if float.is_infinite() => Some(endless()),
                // A double has no more decimals than these: this is all of it.
                () => Some(written(&format!("{float:.1090}"))),
            };
        }
        Kind::Decimal { scale, .. } => i32::from(*scale),
        Kind::Time { unit, .. } => 9 - unit.nanos().ilog10() as i32,
        _ => 0,
    };
    let storage = match kind {
        Kind::Integer(storage) | Kind::Decimal { storage, .. } | Kind::Enum { storage, .. } => *storage,
        Kind::Time { storage, .. } => *storage,
        kind => panic!("{kind:?}"),
    };
    if storage.name() == "u128" {
        return Some(Digits::new(false, &u128::from_le_bytes(bytes.try_into().unwrap()).to_string(), 0));
    }
    let value = storage.read(bytes);
    Some(Digits::new(value < 0, &value.unsigned_abs().to_string(), -scale))
}
