//! What a column's bytes are: read from a field's kind and its attributes.

use std::collections::HashSet;
use std::sync::Arc;

#[doc(inline)]
pub use slipring_journal::__private::Integer;
use slipring_journal::Field;

/// Arrays lie in each other at most so deep; what lies deeper is bytes.
const MOST_NESTED: usize = 32;

/// The greatest scale of a decimal.
const MOST_SCALE: u8 = 38;

/// What the bytes of a column are.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// A whole number.
    Integer(Integer),
    /// `f32`.
    Float32,
    /// `f64`.
    Float64,
    /// A byte that is 0 or 1.
    Bool,
    /// A whole number that counts powers of ten: with scale 2, 1250 is 12.50.
    Decimal {
        /// How it lies in the event.
        storage: Integer,
        /// Digits behind the point, up to 38.
        scale: u8,
    },
    /// Units since 1970 (UTC).
    Time {
        /// How it lies in the event.
        storage: Integer,
        /// What it counts.
        unit: TimeUnit,
        /// What a bare number counts in files that are read.
        input: TimeUnit,
    },
    /// A whole number whose values have names.
    Enum {
        /// How it lies in the event.
        storage: Integer,
        /// The names.
        names: EnumNames,
    },
    /// UTF-8 filled up with zeros, in so many bytes.
    Text(usize),
    /// So many bytes of which nothing is known.
    Bytes(usize),
    /// So many of the same, one behind the other.
    Array(Box<Kind>, usize),
}

/// What a time counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TimeUnit {
    /// Nanoseconds.
    Nanoseconds,
    /// Microseconds.
    Microseconds,
    /// Milliseconds.
    Milliseconds,
    /// Seconds.
    Seconds,
}

/// The names of an enum's values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnumNames(Arc<[(i128, String)]>);

impl TimeUnit {
    /// By its sign: `s`, `ms`, `us`, `ns`.
    pub fn from_sign(sign: &str) -> Option<Self> {
        Some(match sign {
            "s" => TimeUnit::Seconds,
            "ms" => TimeUnit::Milliseconds,
            "us" => TimeUnit::Microseconds,
            "ns" => TimeUnit::Nanoseconds,
            _ => return None,
        })
    }

    /// `s`, `ms`, `us`, `ns`.
    pub fn sign(self) -> &'static str {
        match self {
            TimeUnit::Seconds => "s",
            TimeUnit::Milliseconds => "ms",
            TimeUnit::Microseconds => "us",
            TimeUnit::Nanoseconds => "ns",
        }
    }

    /// How many nanoseconds it has.
    pub fn nanos(self) -> i128 {
        match self {
            TimeUnit::Seconds => 1_000_000_000,
            TimeUnit::Milliseconds => 1_000_000,
            TimeUnit::Microseconds => 1_000,
            TimeUnit::Nanoseconds => 1,
        }
    }
}

impl EnumNames {
    /// Names by value; of several with one value or one name the first counts.
    pub fn new(names: impl IntoIterator<Item = (i128, String)>) -> Self {
        EnumNames(names.into_iter().collect())
    }

    /// As the attribute says it: `buy:1,sell:2`. A name that reads as a number, or that stands there before,
    /// is left out: what is printed could not be told from another value.
    fn from_attribute(text: &str) -> Option<Self> {
        let name = |pair: &str| {
            let (name, value) = pair.rsplit_once(':')?;
            Some((value.parse().ok()?, name.to_owned()))
        };
        let mut names = text.split(',').map(name).collect::<Option<Vec<(i128, String)>>>()?;
        let mut seen = HashSet::new();
        names.retain(|(_, name)| !crate::number::is_plain(name) && seen.insert(name.clone()));
        Some(EnumNames(names.into()))
    }

    /// The name of a value.
    pub fn name(&self, value: i128) -> Option<&str> {
        self.0.iter().find(|(of, _)| *of == value).map(|(_, name)| name.as_str())
    }

    /// The value of a name.
    pub fn value(&self, name: &str) -> Option<i128> {
        self.0.iter().find(|(_, of)| of == name).map(|(value, _)| *value)
    }

    /// Values and names, in order.
    pub fn iter(&self) -> impl Iterator<Item = (i128, &str)> {
        self.0.iter().map(|(value, name)| (*value, name.as_str()))
    }
}

impl Kind {
    /// What a field of a schema is. What makes no sense is bytes: nothing that a file says is believed
    /// further than the field has bytes.
    pub fn of(field: &Field) -> Self {
        match Kind::by_name(&field.kind, field, MOST_NESTED) {
            Some(kind) if kind.bytes() == field.size => kind,
            _ => Kind::Bytes(field.size),
        }
    }

    fn by_name(kind: &str, field: &Field, most_nested: usize) -> Option<Self> {
        if let Some(inner) = kind.strip_prefix('[') {
            let (item, count) = inner.strip_suffix(']')?.rsplit_once(';')?;
            let count: usize = count.parse().ok()?;
            if item == "u8" {
                let bytes = (count <= field.size).then_some(count)?;
                let is_text = field.attribute("text").is_some();
                return Some(if is_text { Kind::Text(bytes) } else { Kind::Bytes(bytes) });
            }
            let item = Kind::by_name(item, field, most_nested.checked_sub(1)?)?;
            // Of items without bytes there could be any number.
            let bytes = item.bytes().checked_mul(count)?;
            return (item.bytes() > 0 && bytes <= field.size).then(|| Kind::Array(Box::new(item), count));
        }
        match kind {
            "f32" => return Some(Kind::Float32),
            "f64" => return Some(Kind::Float64),
            _ => {}
        }
        let storage = Integer::from_name(kind)?;
        Some(Kind::of_integer(storage, field))
    }

    /// A whole number, or what its attributes make of it.
    fn of_integer(storage: Integer, field: &Field) -> Self {
        // An unsigned number of 128 bits has no room as what counts powers of ten, units or names.
        let has_room = storage.bytes < 16 || storage.signed;
        if field.attribute("bool").is_some() && storage == (Integer { bytes: 1, signed: false }) {
            return Kind::Bool;
        }
        let unit = field.attribute("time").and_then(TimeUnit::from_sign);
        if let (Some(unit), true) = (unit, storage.bytes <= 8) {
            let input = field.attribute("input").and_then(TimeUnit::from_sign).unwrap_or(unit);
            return Kind::Time { storage, unit, input };
        }
        let scale = field.attribute("decimal").and_then(|scale| scale.parse::<u8>().ok());
        if let (Some(scale @ 0..=MOST_SCALE), true) = (scale, has_room) {
            return Kind::Decimal { storage, scale };
        }
        let names = field.attribute("enum").and_then(EnumNames::from_attribute);
        if let (Some(names), true) = (names, has_room) {
            return Kind::Enum { storage, names };
        }
        Kind::Integer(storage)
    }

    /// Size in bytes.
    #[inline]
    pub fn bytes(&self) -> usize {
        match self {
            Kind::Integer(storage)
            | Kind::Decimal { storage, .. }
            | Kind::Time { storage, .. }
            | Kind::Enum { storage, .. } => storage.bytes,
            Kind::Float32 => 4,
            Kind::Float64 => 8,
            Kind::Bool => 1,
            Kind::Text(bytes) | Kind::Bytes(bytes) => *bytes,
            Kind::Array(item, count) => item.bytes().saturating_mul(*count),
        }
    }

    /// What a value must look like, for messages.
    pub(crate) fn expected(&self) -> String {
        match self {
            Kind::Integer(storage) => format!("a whole number ({})", storage.name()),
            Kind::Float32 | Kind::Float64 => "a number".to_owned(),
            Kind::Bool => "true or false".to_owned(),
            Kind::Decimal { scale, .. } => format!("a number with at most {scale} decimals"),
            Kind::Time { input, .. } => {
                format!("a time: RFC 3339, or a number of {} since 1970", input.sign())
            }
            Kind::Enum { names, .. } => {
                let names: Vec<&str> = names.iter().map(|(_, name)| name).take(20).collect();
                format!("one of {}", names.join(", "))
            }
            Kind::Text(bytes) => format!("text of at most {bytes} bytes"),
            Kind::Bytes(bytes) => format!("text of at most {bytes} bytes, or 0x and {} digits", 2 * bytes),
            Kind::Array(item, count) => format!("[{count} values], each {}", item.expected()),
        }
    }
}
