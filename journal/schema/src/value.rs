//! What a column holds in one event.

use crate::kind::{Integer, Kind, TimeUnit};

/// What a column holds in one event.
///
/// It prints itself as a cell of CSV without the quotes (`Display`), see also [`Value::push_json`].
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Value<'a> {
    /// Nothing: the event is of another variant.
    Null,
    /// A whole number of up to 64 bits.
    Integer(i128),
    /// A signed number of 128 bits.
    Wide(i128),
    /// An unsigned number of 128 bits.
    Unsigned(u128),
    /// `f32`.
    Float32(f32),
    /// `f64`.
    Float64(f64),
    /// Yes or no.
    Bool(bool),
    /// `unscaled` divided by ten to the `scale`.
    Decimal {
        /// What lies in the event.
        unscaled: i128,
        /// Digits behind the point.
        scale: u8,
    },
    /// Units since 1970 (UTC).
    Time {
        /// How many.
        count: i128,
        /// Of what.
        unit: TimeUnit,
    },
    /// A value with a name.
    Enum(i128, &'a str),
    /// Text, without the zeros behind it.
    Text(&'a str),
    /// Bytes that are no text.
    Bytes(&'a [u8]),
    /// Several of the same.
    Array(ArrayValue<'a>),
}

/// The values of an array.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ArrayValue<'a> {
    item: &'a Kind,
    bytes: &'a [u8],
}

impl<'a> ArrayValue<'a> {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.bytes.len() / self.item.bytes()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// What each of them is.
    pub fn item(&self) -> &'a Kind {
        self.item
    }

    /// The values, in order.
    pub fn iter(&self) -> impl Iterator<Item = Value<'a>> + use<'a> {
        let item = self.item;
        self.bytes.chunks_exact(item.bytes()).map(move |bytes| item.read(bytes))
    }
}

impl Kind {
    /// The value in these bytes, of which there must be [`Kind::bytes`].
    #[inline]
    pub fn read<'a>(&'a self, bytes: &'a [u8]) -> Value<'a> {
        match self {
            Kind::Integer(Integer { bytes: 16, signed: false }) => {
                Value::Unsigned(Integer { bytes: 16, signed: false }.read(bytes) as u128)
            }
            Kind::Integer(storage) if storage.bytes == 16 => Value::Wide(storage.read(bytes)),
            Kind::Integer(storage) => Value::Integer(storage.read(bytes)),
            Kind::Decimal { storage, scale } => {
                Value::Decimal { unscaled: storage.read(bytes), scale: *scale }
            }
            Kind::Time { storage, unit, .. } => Value::Time { count: storage.read(bytes), unit: *unit },
            Kind::Enum { storage, names } => {
                let number = storage.read(bytes);
                names.name(number).map_or(Value::Integer(number), |name| Value::Enum(number, name))
            }
            Kind::Bool => match bytes.first() {
                Some(0) => Value::Bool(false),
                Some(1) => Value::Bool(true),
                Some(other) => Value::Integer(i128::from(*other)),
                None => Value::Null,
            },
            Kind::Float32 => {
                Value::Float32(bytes.first_chunk().map_or(0.0, |bytes| f32::from_le_bytes(*bytes)))
            }
            Kind::Float64 => {
                Value::Float64(bytes.first_chunk().map_or(0.0, |bytes| f64::from_le_bytes(*bytes)))
            }
            Kind::Text(_) => text(bytes).map_or(Value::Bytes(bytes), Value::Text),
            Kind::Bytes(_) => match text(bytes) {
                Some(text) if is_shown_as_text(text) => Value::Text(text),
                _ => Value::Bytes(bytes),
            },
            Kind::Array(item, _) => Value::Array(ArrayValue { item, bytes }),
        }
    }
}

/// The text in bytes that zeros fill up; `None` if there is a zero within it, or it is no UTF-8.
fn text(bytes: &[u8]) -> Option<&str> {
    let end = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    let text = &bytes[..end];
    if text.contains(&0) { None } else { std::str::from_utf8(text).ok() }
}

/// Bytes of which nothing says what they are: shown as text if they read like one, and could not be taken for
/// the digits of bytes.
fn is_shown_as_text(text: &str) -> bool {
    !text.is_empty() && !text.starts_with("0x") && !text.chars().any(char::is_control)
}

impl Value<'_> {
    /// A time in nanoseconds since 1970; `None` if it is no time.
    pub fn nanos(&self) -> Option<i128> {
        match self {
            Value::Time { count, unit } => Some(count * unit.nanos()),
            _ => None,
        }
    }
}
