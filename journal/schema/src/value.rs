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

impl Integer {
    /// The number in so many bytes; one of 128 bits without a sign as if it had one.
    #[inline]
    pub fn read(self, bytes: &[u8]) -> i128 {
        fn fixed<const N: usize>(bytes: &[u8]) -> [u8; N] {
            bytes.first_chunk().copied().unwrap_or([0; N])
        }
        match (self.signed, self.bytes) {
            (false, 1) => i128::from(fixed::<1>(bytes)[0]),
            (false, 2) => i128::from(u16::from_le_bytes(fixed(bytes))),
            (false, 4) => i128::from(u32::from_le_bytes(fixed(bytes))),
            (false, 8) => i128::from(u64::from_le_bytes(fixed(bytes))),
            (true, 1) => i128::from(i8::from_le_bytes(fixed(bytes))),
            (true, 2) => i128::from(i16::from_le_bytes(fixed(bytes))),
            (true, 4) => i128::from(i32::from_le_bytes(fixed(bytes))),
            (true, 8) => i128::from(i64::from_le_bytes(fixed(bytes))),
            _ => i128::from_le_bytes(fixed(bytes)),
        }
    }

    /// Whether the number can lie in it; of 128 bits without a sign only those from 0 on that have one.
    #[inline]
    pub fn holds(self, number: i128) -> bool {
        match (self.signed, self.bytes) {
            (false, 1) => u8::try_from(number).is_ok(),
            (false, 2) => u16::try_from(number).is_ok(),
            (false, 4) => u32::try_from(number).is_ok(),
            (false, 8) => u64::try_from(number).is_ok(),
            (true, 1) => i8::try_from(number).is_ok(),
            (true, 2) => i16::try_from(number).is_ok(),
            (true, 4) => i32::try_from(number).is_ok(),
            (true, 8) => i64::try_from(number).is_ok(),
            (false, _) => number >= 0,
            (true, _) => true,
        }
    }

    /// Puts the number into the first bytes of `bytes`.
    #[inline]
    pub(crate) fn write(self, number: i128, bytes: &mut [u8]) {
        // Each size by itself: a copy of so many bytes as only the schema knows would be a call.
        match self.bytes {
            1 => bytes[0] = number as u8,
            2 => bytes[..2].copy_from_slice(&(number as u16).to_le_bytes()),
            4 => bytes[..4].copy_from_slice(&(number as u32).to_le_bytes()),
            8 => bytes[..8].copy_from_slice(&(number as u64).to_le_bytes()),
            _ => bytes[..16].copy_from_slice(&number.to_le_bytes()),
        }
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
