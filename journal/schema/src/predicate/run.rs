//! A compiled predicate: steps that say which step is next.

use std::cmp::Ordering;

use super::exact::{self, Number};
use super::like::{self, Piece};
use super::syntax::Op;
use crate::row::Row;

/// The step that is none: the record passes.
pub(super) const PASS: u32 = u32::MAX;
/// The step that is none: it does not.
pub(super) const FAIL: u32 = u32::MAX - 1;

/// A test, and where to go on. Steps lead only forwards.
#[derive(Clone, Debug)]
pub(super) struct Step {
    pub(super) test: Test,
    pub(super) yes: u32,
    pub(super) no: u32,
}

#[derive(Clone, Debug)]
pub(super) enum Test {
    /// At most `span` above `low`: any comparison of up to 64 bits with a literal.
    Word {
        load: Load,
        low: u64,
        span: u64,
    },
    /// One of these, which are in order.
    OneOf {
        load: Load,
        words: Box<[u64]>,
    },
    /// As [`Test::Word`], of 128 bits.
    Wide {
        offset: usize,
        low: u128,
        span: u128,
    },
    /// One of these 128 bits.
    WideOneOf {
        offset: usize,
        values: Box<[u128]>,
    },
    Float {
        load: FloatLoad,
        op: Op,
        literal: f64,
    },
    /// Bytes that are compared as they lie there.
    Bytes {
        offset: usize,
        op: Op,
        literal: Box<[u8]>,
    },
    Like {
        text: TextLoad,
        pieces: Box<[Piece]>,
    },
    Pair(Box<Pair>),
}

/// Two fields.
#[derive(Clone, Debug)]
pub(super) enum Pair {
    /// `left` against `right` divided by `power`.
    Numbers {
        left: NumberLoad,
        right: NumberLoad,
        power: i128,
        op: Op,
    },
    Floats {
        left: FloatLoad,
        right: FloatLoad,
        op: Op,
    },
    /// `float` against `number` divided by `power`.
    Mixed {
        float: FloatLoad,
        number: NumberLoad,
        power: i128,
        op: Op,
    },
    Texts {
        left: TextLoad,
        right: TextLoad,
        op: Op,
    },
}

/// Up to 64 bits of a record, their sign drawn out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Load {
    Sequence,
    Time,
    Epoch,
    U8(usize),
    U16(usize),
    U32(usize),
    U64(usize),
    I8(usize),
    I16(usize),
    I32(usize),
    I64(usize),
    /// Text of up to eight bytes as a number that orders as it does.
    Text {
        offset: usize,
        shift: u8,
        bytes: u8,
    },
}

#[derive(Clone, Copy, Debug)]
pub(super) enum NumberLoad {
    /// Whether the word has a sign.
    Word(Load, bool),
    I128(usize),
    U128(usize),
}

#[derive(Clone, Copy, Debug)]
pub(super) enum FloatLoad {
    F32(usize),
    F64(usize),
}

/// Text: so many bytes, filled up with zeros.
#[derive(Clone, Copy, Debug)]
pub(super) struct TextLoad {
    pub(super) offset: usize,
    pub(super) bytes: usize,
}

/// Whether the record passes. Every load lies within the event, or a zero stands for it.
#[inline]
pub(super) fn run(steps: &[Step], start: u32, row: &Row<'_>) -> bool {
    let mut at = start;
    while let Some(step) = steps.get(at as usize) {
        at = if step.test.holds(row) { step.yes } else { step.no };
    }
    at == PASS
}

impl Test {
    #[inline]
    fn holds(&self, row: &Row<'_>) -> bool {
        match self {
            Test::Word { load, low, span } => load.word(row).wrapping_sub(*low) <= *span,
            Test::OneOf { load, words } => words.binary_search(&load.word(row)).is_ok(),
            Test::Wide { offset, low, span } => {
                u128::from_le_bytes(at(row.event, *offset)).wrapping_sub(*low) <= *span
            }
            Test::WideOneOf { offset, values } => {
                values.contains(&u128::from_le_bytes(at(row.event, *offset)))
            }
            Test::Float { load, op, literal } => holds(*op, load.float(row).partial_cmp(literal)),
            Test::Bytes { offset, op, literal } => {
                let text = TextLoad { offset: *offset, bytes: literal.len() }.all(row);
                holds(*op, Some(text.cmp(literal)))
            }
            Test::Like { text, pieces } => like::matches(pieces, text.trimmed(row)),
            Test::Pair(pair) => pair.holds(row),
        }
    }
}

impl Pair {
    fn holds(&self, row: &Row<'_>) -> bool {
        match self {
            Pair::Numbers { left, right, power, op } => {
                holds(*op, Some(exact::against_part(left.number(row), right.number(row), *power)))
            }
            Pair::Floats { left, right, op } => holds(*op, left.float(row).partial_cmp(&right.float(row))),
            Pair::Mixed { float, number, power, op } => {
                holds(*op, exact::against_float(float.float(row), number.number(row), *power))
            }
            Pair::Texts { left, right, op } => holds(*op, Some(left.trimmed(row).cmp(right.trimmed(row)))),
        }
    }
}

/// Without an order, which is so with NaN, only `!=` holds.
#[inline]
fn holds(op: Op, order: Option<Ordering>) -> bool {
    let Some(order) = order else { return op == Op::NotEqual };
    match op {
        Op::Equal => order.is_eq(),
        Op::NotEqual => order.is_ne(),
        Op::Less => order.is_lt(),
        Op::AtMost => order.is_le(),
        Op::Greater => order.is_gt(),
        Op::AtLeast => order.is_ge(),
    }
}

#[inline]
fn at<const N: usize>(event: &[u8], offset: usize) -> [u8; N] {
    event.get(offset..).and_then(|bytes| bytes.first_chunk()).copied().unwrap_or([0; N])
}

impl Load {
    #[inline]
    fn word(self, row: &Row<'_>) -> u64 {
        let event = row.event;
        match self {
            Load::Sequence => row.sequence,
            Load::Time => row.time_ns,
            Load::Epoch => u64::from(row.epoch),
            Load::U8(offset) => u64::from(at::<1>(event, offset)[0]),
            Load::U16(offset) => u64::from(u16::from_le_bytes(at(event, offset))),
            Load::U32(offset) => u64::from(u32::from_le_bytes(at(event, offset))),
            Load::U64(offset) => u64::from_le_bytes(at(event, offset)),
            Load::I8(offset) => i64::from(i8::from_le_bytes(at(event, offset))) as u64,
            Load::I16(offset) => i64::from(i16::from_le_bytes(at(event, offset))) as u64,
            Load::I32(offset) => i64::from(i32::from_le_bytes(at(event, offset))) as u64,
            Load::I64(offset) => u64::from_le_bytes(at(event, offset)),
            Load::Text { offset, shift, bytes } => {
                let word = u64::from_be_bytes(at(event, offset)) << shift;
                word & (u64::MAX << (64 - 8 * u32::from(bytes)))
            }
        }
    }
}

impl NumberLoad {
    #[inline]
    fn number(self, row: &Row<'_>) -> Number {
        match self {
            NumberLoad::Word(load, true) => Number::Signed(i128::from(load.word(row) as i64)),
            NumberLoad::Word(load, false) => Number::Signed(i128::from(load.word(row))),
            NumberLoad::I128(offset) => Number::Signed(i128::from_le_bytes(at(row.event, offset))),
            NumberLoad::U128(offset) => Number::from(u128::from_le_bytes(at(row.event, offset))),
        }
    }
}

impl FloatLoad {
    #[inline]
    fn float(self, row: &Row<'_>) -> f64 {
        match self {
            FloatLoad::F32(offset) => f64::from(f32::from_le_bytes(at(row.event, offset))),
            FloatLoad::F64(offset) => f64::from_le_bytes(at(row.event, offset)),
        }
    }
}

impl TextLoad {
    fn all<'a>(self, row: &Row<'a>) -> &'a [u8] {
        row.event.get(self.offset..).and_then(|bytes| bytes.get(..self.bytes)).unwrap_or_default()
    }

    /// Without the zeros behind it.
    fn trimmed<'a>(self, row: &Row<'a>) -> &'a [u8] {
        let bytes = self.all(row);
        let end = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        &bytes[..end]
    }
}
