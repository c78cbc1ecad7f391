//! Literals folded into how a field lies in the event.

use crate::kind::Kind;

use super::error::{Misread, PredicateFault, near};
use super::field::{Field, unknown};
use super::like::{self, Piece};
use super::lower::{Against, Known, mismatch, one_of};
use super::place::{Place, Reach};
use super::run::{Load, Test, TextLoad};
use super::syntax::{Op, Operand, What, shown};

/// Where a literal lies among the values of a field that is a whole number of some kind.
pub(super) fn place(field: &Field, other: &Operand, against: &Against<'_>) -> Result<Place, Misread> {
    let refused = |write: &str| Err(mismatch(field, "compared with", other, write));
    match (&field.kind, &other.what) {
        (Kind::Enum { names, .. }, What::Text(name) | What::Path(name)) => match names.value(name) {
            Some(value) => Ok(Place::whole(value)),
            None => Err(unknown_name(field, name, other.at)),
        },
        (_, What::Path(path)) => Err(unknown(path, other.at, against.table)),
        (Kind::Integer(_) | Kind::Enum { .. }, What::Hexadecimal(digits)) => {
            Ok(Place::of_hexadecimal(digits))
        }
        (Kind::Decimal { scale, .. }, What::Number(text)) => Ok(Place::of_number(text, *scale)),
        (_, What::Number(text)) => Ok(Place::of_number(text, 0)),
        (Kind::Bool, What::Truth(yes)) => Ok(Place::whole(i128::from(*yes))),
        (Kind::Time { unit, .. }, What::Text(text)) => {
            Ok(Place::of_nanos(against.nanos(text, other.at)?, unit.nanos()))
        }
        (Kind::Bool, _) => refused("write true or false"),
        (Kind::Enum { .. }, _) => refused("write the value's name"),
        (Kind::Time { .. }, _) => refused("write a time in single quotes: '2024-03-10T09:30:00Z'"),
        (_, What::Text(text)) if text.parse::<f64>().is_ok() => {
            refused(&format!("write {} without quotes", shown(text)))
        }
        (Kind::Integer(_), _) => refused("write a whole number"),
        _ => refused("write a number"),
    }
}

/// The nearest number that the field's type has: as the field itself was read from a text.
pub(super) fn float(field: &Field, other: &Operand, against: &Against<'_>) -> Result<f64, Misread> {
    let text = match &other.what {
        What::Number(text) => text.as_str(),
        What::MinusInfinity => "-inf",
        What::Path(name) if ["inf", "infinity", "nan"].iter().any(|word| name.eq_ignore_ascii_case(word)) => {
            name
        }
        What::Path(path) => return Err(unknown(path, other.at, against.table)),
        _ => return Err(mismatch(field, "compared with", other, "write a number")),
    };
    let value = match field.kind {
        Kind::Float32 => text.parse::<f32>().map(f64::from),
        _ => text.parse::<f64>(),
    };
    value.map_err(|_| mismatch(field, "compared with", other, "write a number"))
}

/// The bytes of a literal, without zeros behind them.
pub(super) fn bytes(field: &Field, other: &Operand, against: &Against<'_>) -> Result<Vec<u8>, Misread> {
    let mut bytes = match &other.what {
        What::Text(text) => text.clone().into_bytes(),
        What::Hexadecimal(digits) if digits.len() % 2 == 0 => {
            let digit = |byte: u8| char::from(byte).to_digit(16).unwrap_or(0) as u8;
            digits.as_bytes().chunks_exact(2).map(|two| 16 * digit(two[0]) + digit(two[1])).collect()
        }
        What::Hexadecimal(_) => {
            let fault = PredicateFault::Literal {
                text: other.shown(),
                what: "whole number of bytes",
                write: "write two digits for each byte",
            };
            return Err(Misread::new(other.at, fault));
        }
        What::Path(path) => {
            let mut misread = unknown(path, other.at, against.table);
            if let PredicateFault::UnknownField { near, .. } = &mut *misread.fault {
                near.insert(0, format!("'{}' as text", shown(path)));
            }
            return Err(misread);
        }
        What::Number(text) => {
            let write = format!("text stands in single quotes: '{}'", shown(text));
            return Err(mismatch(field, "compared with", other, &write));
        }
        _ => return Err(mismatch(field, "compared with", other, "text stands in single quotes: 'AAPL'")),
    };
    while bytes.last() == Some(&0) {
        bytes.pop();
    }
    Ok(bytes)
}

/// A comparison of a whole number, and whether it must be negated.
pub(super) fn whole(field: &Field, op: Op, place: Place) -> (Known, bool) {
    let Some((storage, _)) = field.storage() else { return (Known::Never, false) };
    let (reach, negated) = match op {
        Op::Equal => (place.equal(storage), false),
        Op::NotEqual => (place.equal(storage), true),
        Op::Less => (place.less(storage), false),
        Op::AtLeast => (place.less(storage), true),
        Op::AtMost => (place.at_most(storage), false),
        Op::Greater => (place.at_most(storage), true),
    };
    let test = match reach {
        Reach::None => Known::Never,
        Reach::All => Known::Always,
        Reach::Within(low, high) => Known::Test(match field.word() {
            Some(load) => Test::Word { load, low: low as u64, span: high.wrapping_sub(low) as u64 },
            None => Test::Wide { offset: field.offset(), low, span: high.wrapping_sub(low) },
        }),
    };
    (test, negated)
}

/// Whether an enum has one of these values.
pub(super) fn values(field: &Field, values: impl Iterator<Item = i128>) -> Known {
    let Some((storage, _)) = field.storage() else { return Known::Never };
    let values: Vec<i128> = values.filter(|value| storage.holds(*value)).collect();
    match field.word() {
        _ if values.is_empty() => Known::Never,
        Some(load) => Known::Test(one_of(load, values.into_iter().map(|value| value as u64).collect())),
        None => Known::Test(Test::WideOneOf {
            offset: field.offset(),
            values: values.into_iter().map(|value| value as u128).collect(),
        }),
    }
}

/// A comparison of text, and whether it must be negated. Text with zeros behind it orders as without them.
pub(super) fn text(word: Option<Load>, text: TextLoad, op: Op, mut literal: Vec<u8>) -> (Known, bool) {
    // Longer than any value: it lies above the one that it begins with.
    let is_longer = literal.len() > text.bytes;
    literal.resize(text.bytes, 0);
    let (op, negated) = match op {
        Op::Equal | Op::NotEqual if is_longer => return (Known::Never, op == Op::NotEqual),
        Op::Equal | Op::NotEqual => (Op::Equal, op == Op::NotEqual),
        Op::Less | Op::AtLeast if !is_longer => (Op::Less, op == Op::AtLeast),
        op => (Op::AtMost, matches!(op, Op::Greater | Op::AtLeast)),
    };
    let Some(load) = word else {
        return (Known::Test(Test::Bytes { offset: text.offset, op, literal: literal.into() }), negated);
    };
    let value = left_in_word(&literal);
    let (low, high) = match op {
        Op::Equal => (value, value),
        Op::Less if value == 0 => return (Known::Never, negated),
        Op::Less => (0, value - 1),
        _ => (0, value),
    };
    (Known::Test(Test::Word { load, low, span: high - low }), negated)
}

/// A pattern.
pub(super) fn pattern(word: Option<Load>, load: TextLoad, pieces: Vec<Piece>) -> (Known, bool) {
    match (like::prefix(&pieces), word) {
        (Some((bytes, false)), word) if !bytes.ends_with(&[0]) => text(word, load, Op::Equal, bytes),
        (Some((prefix, true)), Some(word)) if prefix.len() <= load.bytes && !prefix.contains(&0) => {
            let span = u64::MAX.checked_shr(8 * prefix.len() as u32).unwrap_or(0);
            (Known::Test(Test::Word { load: word, low: left_in_word(&prefix), span }), false)
        }
        _ => (Known::Test(Test::Like { text: load, pieces: pieces.into() }), false),
    }
}

/// Up to eight bytes, the first the greatest.
fn left_in_word(bytes: &[u8]) -> u64 {
    bytes.iter().zip((0..8).rev()).fold(0, |word, (byte, place)| word | u64::from(*byte) << (8 * place))
}

fn unknown_name(field: &Field, name: &str, at: usize) -> Misread {
    let Kind::Enum { names, .. } = &field.kind else { return unknown_of(field, name, at, Vec::new()) };
    unknown_of(field, name, at, names.iter().map(|(_, name)| name.to_owned()).collect())
}

fn unknown_of(field: &Field, name: &str, at: usize, names: Vec<String>) -> Misread {
    let near = near(name, names.iter().map(String::as_str));
    let fault = PredicateFault::UnknownName { field: field.path.clone(), name: shown(name), near, names };
    Misread::new(at, fault)
}
