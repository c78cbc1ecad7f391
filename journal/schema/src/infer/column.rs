//! What a column's values have in common, and the field that holds them all.

use super::Cell;
use super::arrays::Arrays;
use crate::kind::TimeUnit;
use crate::number;
use crate::time_text::parse_nanos;
use crate::tree::Attributes;
use crate::tree::meaning::Meaning;
use crate::tree::scalar::{Leaf, Scalar};

/// A text has at most so many bytes, whatever the sample has.
const MAX_TEXT_BYTES: usize = 255;

/// A text of which nothing was seen.
const UNKNOWN_TEXT_BYTES: usize = 16;

/// Of 18 digits that an `i64` always holds, one is left for what comes behind the sample.
const I64_DIGITS: usize = 17;

const I128_DIGITS: usize = 38;

/// Integers of more digits are not all doubles.
const F64_DIGITS: usize = 15;

/// What is believed to count from 1970, in seconds: the years 1990 to 2100.
const PLAUSIBLE_S: std::ops::Range<i128> = 631_152_000..4_102_444_800;

/// What was seen of a column.
pub(super) struct Column {
    /// Whether its name says that it may count from 1970.
    named_time: bool,
    values: u64,
    missing: bool,
    could_be: CouldBe,
    /// The least and the greatest integer, if all are.
    integers: Option<(i128, u128)>,
    /// The most digits.
    digits: Number,
    text_bytes: usize,
    /// Of times, nanoseconds since 1970.
    earliest_ns: i128,
    latest_ns: i128,
    /// The unit in which all numbers are plausible times.
    unit: Option<TimeUnit>,
    /// The one before, of numbers and of times as text.
    last: Option<i128>,
    decreases: bool,
    arrays: Option<Arrays>,
}

/// What all values so far could be.
struct CouldBe {
    bools: bool,
    numbers: bool,
    floats: bool,
    stamps: bool,
}

impl Column {
    pub(super) fn new(named_time: bool) -> Self {
        Self {
            named_time,
            values: 0,
            missing: false,
            could_be: CouldBe { bools: true, numbers: true, floats: true, stamps: true },
            integers: Some((i128::MAX, 0)),
            digits: Number { whole_digits: 0, scale: 0 },
            text_bytes: 0,
            earliest_ns: i128::MAX,
            latest_ns: i128::MIN,
            unit: None,
            last: None,
            decreases: false,
            arrays: None,
        }
    }

    pub(super) fn see(&mut self, cell: Cell<'_>) {
        let (text, may_be_number, may_be_text) = match cell {
            Cell::Missing | Cell::Text("") => {
                self.missing = true;
                return;
            }
            Cell::Array(text) => {
                self.arrays.get_or_insert_with(Arrays::default).see(text);
                return;
            }
            Cell::Bool(value) => (if value { "true" } else { "false" }, false, false),
            Cell::Number(text) => (text, true, false),
            Cell::String(text) => (text, false, true),
            Cell::Text(text) => (text, true, true),
        };
        self.values += 1;
        self.text_bytes = self.text_bytes.max(text.len());
        self.could_be.bools &= matches!(cell, Cell::Bool(_))
            || (may_be_number && (text.eq_ignore_ascii_case("true") || text.eq_ignore_ascii_case("false")));
        let number = Number::parse(text).filter(|_| may_be_number);
        let stamp = parse_nanos(text).ok().filter(|_| may_be_text && number.is_none());
        self.could_be.stamps &= stamp.is_some();
        self.could_be.numbers &= number.is_some();
        self.could_be.floats &= may_be_number && (number.is_some() || is_float(text));
        if let Some(stamp) = stamp {
            self.see_time(stamp);
        }
        match number {
            Some(number) => self.see_number(text, number),
            None => self.integers = None,
        }
    }

    fn see_time(&mut self, ns: i128) {
        self.earliest_ns = self.earliest_ns.min(ns);
        self.latest_ns = self.latest_ns.max(ns);
        self.see_order(ns);
    }

    fn see_order(&mut self, value: i128) {
        self.decreases |= self.last.is_some_and(|last| value < last);
        self.last = Some(value);
    }

    fn see_number(&mut self, text: &str, number: Number) {
        self.digits.whole_digits = self.digits.whole_digits.max(number.whole_digits);
        self.digits.scale = self.digits.scale.max(number.scale);
        let value = text.parse::<i128>();
        self.integers = self.integers.and_then(|(least, greatest)| match (&value, text.parse::<u128>()) {
            (Ok(value), Ok(great)) => Some((least.min(*value), greatest.max(great))),
            (Ok(value), Err(_)) => Some((least.min(*value), greatest)),
            (Err(_), Ok(great)) => Some((least, greatest.max(great))),
            (Err(_), Err(_)) => None,
        });
        let whole = text.split('.').next().and_then(|whole| whole.parse().ok());
        let unit = whole.and_then(plausible);
        self.unit = if self.values == 1 { unit } else { self.unit.filter(|_| self.unit == unit) };
        match number::scaled(text, 9, true) {
            Ok(scaled) => self.see_order(scaled.value),
            Err(_) => self.unit = None,
        }
    }

    /// The type, and what the field says of itself; `None` if no field can hold all of the values.
    pub(super) fn field(&self) -> Option<(Leaf, Attributes)> {
        match &self.arrays {
            Some(arrays) if self.values == 0 && !self.missing => arrays.field(),
            // Beside an array there is no value that could stand for none.
            Some(_) => None,
            None => Some(self.plain_field()),
        }
    }

    fn plain_field(&self) -> (Leaf, Attributes) {
        let (leaf, meaning) = self.guess();
        let mut attributes: Attributes = meaning.attribute().into_iter().collect();
        if let Some(unit) = self.decimal_time() {
            attributes.push(("input".to_owned(), unit.sign().to_owned()));
        }
        if self.missing {
            let default = match meaning {
                Meaning::Text => "",
                Meaning::Bool => "false",
                _ => "0",
            };
            attributes.push(("default".to_owned(), default.to_owned()));
        }
        (leaf, attributes)
    }

    fn guess(&self) -> (Leaf, Meaning) {
        let of = |scalar, meaning| (Leaf::new(scalar), meaning);
        if self.values == 0 {
            return (Leaf::bytes(UNKNOWN_TEXT_BYTES), Meaning::Text);
        }
        if self.could_be.bools {
            return of(Scalar::U8, Meaning::Bool);
        }
        if let Some(unit) = self.integer_time() {
            return of(Scalar::U64, Meaning::Time(unit));
        }
        if self.decimal_time().is_some() {
            return of(Scalar::U64, Meaning::Time(TimeUnit::Nanoseconds));
        }
        if let Some(scalar) = self.integers.and_then(|(least, greatest)| integer(least, greatest)) {
            return of(scalar, Meaning::Plain);
        }
        let digits = self.digits.whole_digits + self.digits.scale;
        if self.could_be.numbers && self.digits.scale > 0 && digits <= I128_DIGITS {
            let scalar = if digits <= I64_DIGITS { Scalar::I64 } else { Scalar::I128 };
            return of(scalar, Meaning::Decimal(self.digits.scale as u32));
        }
        if self.could_be.floats && !self.could_be.numbers && self.digits.whole_digits <= F64_DIGITS {
            return of(Scalar::F64, Meaning::Plain);
        }
        if let Some(scalar) = self.stamp_storage() {
            return of(scalar, Meaning::Time(TimeUnit::Nanoseconds));
        }
        (Leaf::bytes(text_length(self.text_bytes)), Meaning::Text)
    }

    /// The unit of integers that count from 1970.
    fn integer_time(&self) -> Option<TimeUnit> {
        self.unit.filter(|_| self.named_time && self.integers.is_some())
    }

    /// The unit of decimals that count from 1970, and have no more digits than nanoseconds.
    fn decimal_time(&self) -> Option<TimeUnit> {
        let exact = |unit: &TimeUnit| self.digits.scale <= unit.nanos().ilog10() as usize;
        self.unit
            .filter(exact)
            .filter(|_| self.named_time && self.could_be.numbers && self.integers.is_none())
    }

    /// What holds all times as nanoseconds, if that is what the values are.
    fn stamp_storage(&self) -> Option<Scalar> {
        if !self.could_be.stamps {
            None
        } else if self.earliest_ns >= 0 && u64::try_from(self.latest_ns).is_ok() {
            Some(Scalar::U64)
        } else if i64::try_from(self.earliest_ns).is_ok() && i64::try_from(self.latest_ns).is_ok() {
            Some(Scalar::I64)
        } else {
            None
        }
    }

    /// Whether it is a time that can be the journal's: always there, never decreasing, never before 1970.
    pub(super) fn is_steady_time(&self) -> bool {
        let (leaf, meaning) = self.guess();
        matches!(meaning, Meaning::Time(_)) && leaf.scalar == Scalar::U64 && !self.missing && !self.decreases
    }
}

/// The digits of a plain number.
#[derive(Clone, Copy)]
struct Number {
    whole_digits: usize,
    scale: usize,
}

impl Number {
    /// Reads `-12.50`; not what has a plus, an exponent, or zeros in front, which would be lost.
    fn parse(text: &str) -> Option<Self> {
        let (whole, fraction) = match text.split_once('.') {
            Some((whole, fraction)) if !fraction.is_empty() => (whole, fraction),
            Some(_) => return None,
            None => (text, ""),
        };
        let whole = whole.strip_prefix('-').unwrap_or(whole);
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let plain = !whole.is_empty() && (whole == "0" || !whole.starts_with('0'));
        (plain && digits(whole) && digits(fraction))
            .then(|| Self { whole_digits: whole.trim_start_matches('0').len(), scale: fraction.len() })
    }
}

/// Whether it has an exponent, or is no number, or infinite.
fn is_float(text: &str) -> bool {
    text.parse::<f64>().is_ok() && text.contains(['e', 'E', 'n', 'N'])
}

/// The smallest of the usual types.
fn integer(least: i128, greatest: u128) -> Option<Scalar> {
    if i64::try_from(least).is_ok() && greatest <= i64::MAX as u128 {
        Some(Scalar::I64)
    } else if least >= 0 && greatest <= u128::from(u64::MAX) {
        Some(Scalar::U64)
    } else if greatest <= i128::MAX as u128 {
        Some(Scalar::I128)
    } else {
        (least >= 0).then_some(Scalar::U128)
    }
}

fn plausible(value: i128) -> Option<TimeUnit> {
    let units = [
        (TimeUnit::Seconds, 1),
        (TimeUnit::Milliseconds, 1_000),
        (TimeUnit::Microseconds, 1_000_000),
        (TimeUnit::Nanoseconds, 1_000_000_000),
    ];
    units
        .into_iter()
        .find(|(_, per_second)| PLAUSIBLE_S.contains(&(value / per_second)))
        .map(|(unit, _)| unit)
}

/// A quarter more than was seen, in whole words.
fn text_length(bytes: usize) -> usize {
    let roomy = (bytes + (bytes / 4).max(1)).next_multiple_of(8);
    roomy.min(MAX_TEXT_BYTES)
}
