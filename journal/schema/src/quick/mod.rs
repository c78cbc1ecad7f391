//! Values in the forms that nearly all of them have, read where they lie: a value and its end are found in
//! one go, eight bytes at a time, by a plan that is made once for each column.
//!
//! Whatever is unusual is left to [`Column::parse`], which takes every form and says what is wrong with a
//! value. What is taken here it would take too, and make the same bytes of it.
//!
//! | module | idea |
//! |---|---|
//! | `word` | eight bytes at a time |
//! | `stops` | where a text ends |
//! | `digits` | numbers |
//! | `json` | what JSON writes without quotes |

mod digits;
mod json;
mod stops;
mod word;

use std::collections::HashSet;

use crate::kind::{Integer, Kind, TimeUnit};
use crate::parse::ParseOptions;
use crate::table::Column;
use crate::time_text;

pub use stops::Stops;

/// How a column's values are read where they lie.
///
/// ```
/// use slipring_journal::Schema;
/// use slipring_schema::Table;
/// use slipring_schema::quick::Stops;
///
/// let schema = Schema::from_text("Tick 8\nprice i64 0 8\tdecimal=2\n").unwrap();
/// let table = Table::new(&schema);
/// let price = table.columns[0].quick().expect("it is of no variant");
/// let (mut event, stops) = ([0; 8], Stops::new(b',', b'"'));
/// assert_eq!(price.take(b"101.25,300\n", 0, &stops, &mut event), Some(6));
/// assert_eq!(i64::from_le_bytes(event), 10_125);
/// // Neither fits.
/// assert_eq!(price.take(b"1.125,300\n", 0, &stops, &mut event), None);
/// assert_eq!(price.take(b"cheap,300\n", 0, &stops, &mut event), None);
/// ```
#[derive(Clone, Debug)]
pub struct QuickField {
    way: Way,
    offset: usize,
    bytes: usize,
    /// Where nothing can stand for a default.
    default: Option<Box<Column>>,
}

#[derive(Clone, Debug)]
enum Way {
    Number(Number),
    Time {
        number: Option<Number>,
        storage: Integer,
        unit: TimeUnit,
    },
    Enum {
        names: Vec<Name>,
        number: Option<Numbered>,
    },
    Text {
        may_be_empty: bool,
    },
    /// Found here, parsed as ever.
    Other(Box<Column>),
}

/// A whole number in the event, of one with decimals in the text.
#[derive(Clone, Copy, Debug)]
struct Number {
    scale: usize,
    signed: bool,
    /// The greatest that fits, as far as 64 bits say it.
    most: u64,
}

/// The numbers that an enum has names for; others are to be looked at more closely.
#[derive(Clone, Debug)]
struct Numbered {
    number: Number,
    storage: Integer,
    /// In order.
    values: Vec<i128>,
}

/// An enum's name of up to eight bytes.
#[derive(Clone, Copy, Debug)]
struct Name {
    text: u64,
    bytes: usize,
    value: i128,
}

impl Column {
    /// How its values are read where they lie; `None` if it is of a variant, which an event may not have.
    pub fn quick(&self) -> Option<QuickField> {
        if self.is_of_a_variant() {
            return None;
        }
        let way = match &self.kind {
            Kind::Integer(storage) => Way::Number(Number::new(*storage, 0)),
            Kind::Decimal { storage, scale } => Way::Number(Number::new(*storage, *scale)),
            Kind::Time { storage, unit, input } => {
                let decimals = input.nanos().ilog10() as i32 - unit.nanos().ilog10() as i32;
                let number = u8::try_from(decimals).ok().map(|scale| Number::new(*storage, scale));
                Way::Time { number, storage: *storage, unit: *unit }
            }
            Kind::Enum { storage, names } => {
                // The first of one name counts; a name like a number would have to be looked for first.
                let mut seen = HashSet::new();
                let is_short = |name: &str| (1..=8).contains(&name.len());
                let number =
                    names.iter().all(|(_, name)| !name.starts_with(|c: char| "-0123456789".contains(c)));
                let mut values: Vec<i128> = names.iter().map(|(value, _)| value).collect();
                values.sort_unstable();
                let number =
                    number.then(|| Numbered { number: Number::new(*storage, 0), storage: *storage, values });
                let names = names
                    .iter()
                    .filter(|(_, name)| seen.insert(*name))
                    .filter(|(value, name)| is_short(name) && storage.holds(*value));
                Way::Enum { names: names.map(|(value, name)| Name::new(name, value)).collect(), number }
            }
            Kind::Text(_) => Way::Text { may_be_empty: self.default.is_none() },
            _ => Way::Other(Box::new(self.clone())),
        };
        let default = self.default.is_some().then(|| Box::new(self.clone()));
        Some(QuickField { way, offset: self.offset, bytes: self.kind.bytes(), default })
    }
}

impl QuickField {
    /// Puts the value that begins at `at` into `event`, and gives where it ends. A number ends where its
    /// digits do, all else before a stop: what comes there is for the caller to judge.
    ///
    /// `None`, and the field's bytes may be anything, if the value is unusual, or none: [`Column::parse`]
    /// says which.
    #[inline(always)]
    pub fn take(&self, text: &[u8], at: usize, stops: &Stops, event: &mut [u8]) -> Option<usize> {
        self.take_given(text, at, stops, event).or_else(|| self.take_default(text, at, stops, event))
    }

    /// As [`QuickField::take`], of a value that is given, in quotes say: nothing is then no default.
    #[inline(always)]
    pub fn take_given(&self, text: &[u8], at: usize, stops: &Stops, event: &mut [u8]) -> Option<usize> {
        match &self.way {
            Way::Number(number) => number.take(text, at, self.bytes_in(event)?),
            _ => self.take_other(text, at, stops, event),
        }
    }

    /// Takes the field's default, if nothing stands there.
    #[cold]
    fn take_default(&self, text: &[u8], at: usize, stops: &Stops, event: &mut [u8]) -> Option<usize> {
        let column = self.default.as_ref().filter(|_| stops.end(text, at) == at)?;
        column.parse_none(event).ok().map(|()| at)
    }

    #[inline(never)]
    fn take_other(&self, text: &[u8], at: usize, stops: &Stops, event: &mut [u8]) -> Option<usize> {
        let out = self.bytes_in(event)?;
        match &self.way {
            Way::Number(number) => number.take(text, at, out),
            Way::Time { number, storage, unit } => match text.get(at + 4) {
                Some(b'-') => take_time(text, at, stops, (*storage, *unit), out),
                _ => number.as_ref()?.take(text, at, out),
            },
            Way::Enum { names, number } => {
                take_name(text, at, stops, names, out).or_else(|| number.as_ref()?.take(text, at, out))
            }
            Way::Text { may_be_empty } => {
                take_text(text, at, stops, out).filter(|end| *may_be_empty || *end > at)
            }
            Way::Other(column) => {
                let text = stops.text_of(text, at).filter(|text| !text.is_empty())?;
                column.parse(text, event, &ParseOptions::default()).ok()?;
                column.has_name(text, event).ok().map(|()| at + text.len())
            }
        }
    }

    /// As [`QuickField::take`], of a value that JSON writes without quotes: a number, `true` or `false`.
    #[inline]
    pub fn take_json(&self, text: &[u8], at: usize, event: &mut [u8]) -> Option<usize> {
        let out = self.bytes_in(event)?;
        let number = match &self.way {
            Way::Number(number) => number,
            Way::Time { number, .. } => number.as_ref()?,
            Way::Enum { number, .. } => &number.as_ref()?.number,
            Way::Text { .. } => return None,
            Way::Other(column) => {
                let end = plain_json(text, at)?;
                let text = std::str::from_utf8(&text[at..end]).ok().filter(|text| *text != "null")?;
                column.parse(text, event, &ParseOptions::default()).ok()?;
                return column.has_name(text, event).ok().map(|()| end);
            }
        };
        let is_negative = text.get(at) == Some(&b'-');
        if json::has_zero_before(text, at + usize::from(is_negative)) {
            return None;
        }
        match &self.way {
            Way::Enum { number, .. } => number.as_ref()?.take(text, at, out),
            _ => number.take(text, at, out),
        }
    }

    #[inline(always)]
    fn bytes_in<'e>(&self, event: &'e mut [u8]) -> Option<&'e mut [u8]> {
        event.get_mut(self.offset..)?.get_mut(..self.bytes)
    }
}

/// Where the value ends that begins at `at`, if JSON writes it without quotes: a number, `true`, `false` or
/// `null`.
#[inline]
pub fn plain_json(text: &[u8], at: usize) -> Option<usize> {
    json::plain(text.get(at..)?).map(|bytes| at + bytes)
}

impl Number {
    fn new(storage: Integer, scale: u8) -> Self {
        let bits = 8 * storage.bytes as u32 - u32::from(storage.signed);
        let most = u64::MAX >> 64_u32.saturating_sub(bits);
        Number { scale: usize::from(scale), signed: storage.signed, most }
    }

    #[inline(always)]
    fn take(&self, text: &[u8], at: usize, out: &mut [u8]) -> Option<usize> {
        let is_negative = text.get(at) == Some(&b'-');
        let (value, end) = digits::scaled(text, at + usize::from(is_negative), self.scale)?;
        // Below zero there is one number more.
        if value > self.most.saturating_add(u64::from(is_negative)) || (is_negative && !self.signed) {
            return None;
        }
        let value = if is_negative { value.wrapping_neg() } else { value };
        let sign = if is_negative && value > 0 { u64::MAX } else { 0 };
        put(value, sign, out)?;
        Some(end)
    }
}

impl Numbered {
    fn take(&self, text: &[u8], at: usize, out: &mut [u8]) -> Option<usize> {
        let end = self.number.take(text, at, out)?;
        self.values.binary_search(&self.storage.read(out)).is_ok().then_some(end)
    }
}

impl Name {
    fn new(name: &str, value: i128) -> Self {
        Name { text: word::at(name.as_bytes(), 0), bytes: name.len(), value }
    }
}

/// The lowest bytes of a number, as many as the field has, of its lower and its higher half.
#[inline(always)]
fn put(low: u64, high: u64, out: &mut [u8]) -> Option<()> {
    // Each size by itself: a copy of so many bytes as only the schema knows would be a call.
    match out.len() {
        1 => out.copy_from_slice(&(low as u8).to_le_bytes()),
        2 => out.copy_from_slice(&(low as u16).to_le_bytes()),
        4 => out.copy_from_slice(&(low as u32).to_le_bytes()),
        8 => out.copy_from_slice(&low.to_le_bytes()),
        16 => out.copy_from_slice(&(u128::from(high) << 64 | u128::from(low)).to_le_bytes()),
        _ => return None,
    }
    Some(())
}

/// As [`put`], of a whole one.
#[inline(always)]
fn put_whole(value: i128, out: &mut [u8]) -> Option<()> {
    put(value as u64, (value >> 64) as u64, out)
}

/// A time of the calendar, if the field's unit says it exactly.
#[inline(never)]
fn take_time(
    text: &[u8],
    at: usize,
    stops: &Stops,
    (storage, unit): (Integer, TimeUnit),
    out: &mut [u8],
) -> Option<usize> {
    let end = stops.end(text, at);
    // Of 64 bits, whose division is no call.
    let nanos = i64::try_from(time_text::parse_usual(&text[at..end])?).ok()?;
    let unit_ns = unit.nanos() as i64;
    let count = i128::from(nanos / unit_ns);
    if nanos % unit_ns != 0 || !storage.holds(count) {
        return None;
    }
    put_whole(count, out)?;
    Some(end)
}

#[inline(always)]
fn take_name(text: &[u8], at: usize, stops: &Stops, names: &[Name], out: &mut [u8]) -> Option<usize> {
    let start = word::at(text, at);
    let bytes = stops.first(start);
    if bytes == 8 && stops.first(word::at(text, at + 8)) > 0 {
        return None;
    }
    let start = word::keep(start, bytes);
    let name = names.iter().find(|name| name.text == start && name.bytes == bytes)?;
    put_whole(name.value, out)?;
    Some(at + bytes)
}

#[inline(always)]
fn take_text(text: &[u8], at: usize, stops: &Stops, out: &mut [u8]) -> Option<usize> {
    let (mut end, mut has_high, mut is_over) = (at, false, false);
    let (words, rest) = out.as_chunks_mut::<8>();
    let mut take = |most: usize| {
        if is_over {
            return Some(0);
        }
        let word = word::at(text, end);
        let count = stops.first(word);
        let kept = word::keep(word, count);
        has_high |= word::has_high(kept);
        (end, is_over) = (end + count, count < 8);
        (count <= most).then_some(kept)
    };
    for out in words {
        *out = take(8)?.to_le_bytes();
    }
    if !rest.is_empty() {
        let kept = take(rest.len())?.to_le_bytes();
        rest.copy_from_slice(&kept[..rest.len()]);
    }
    if !is_over && stops.first(word::at(text, end)) > 0 {
        return None;
    }
    if has_high {
        std::str::from_utf8(&text[at..end]).ok()?;
    }
    Some(end)
}
