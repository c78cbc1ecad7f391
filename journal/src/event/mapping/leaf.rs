//! What lies in one field: a number type of Rust, or arrays of one, and what the attributes make of it.

use crate::event::Field;
use crate::event::attributes::MEANINGS;
use crate::event::integer::Integer;

/// Arrays lie in each other at most so deep; what lies deeper is of no known kind.
const MOST_NESTED: usize = 16;

/// A number type of Rust.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scalar {
    Integer(Integer),
    Float32,
    Float64,
}

/// A field's kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Leaf {
    pub scalar: Scalar,
    /// The outermost array first: `[[u8;4];2]` is 2, 4.
    pub dims: Vec<usize>,
    pub meaning: Meaning,
}

/// What the attributes make of a number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    Plain,
    /// So many nanoseconds each, and what a bare number counts in files.
    Time(u64, u64),
    /// Digits behind the point.
    Decimal(u32),
    Names(Vec<(String, i128)>),
    Bool,
    Text,
}

impl Scalar {
    fn from_name(name: &str) -> Option<Self> {
        match name {
            "f32" => Some(Scalar::Float32),
            "f64" => Some(Scalar::Float64),
            name => Integer::from_name(name).map(Scalar::Integer),
        }
    }

    pub fn bytes(self) -> usize {
        match self {
            Scalar::Integer(integer) => integer.bytes,
            Scalar::Float32 => 4,
            Scalar::Float64 => 8,
        }
    }
}

impl Leaf {
    /// `None` if the kind says nothing that is known, or not what fills the field.
    pub fn of(field: &Field) -> Option<Self> {
        let (mut kind, mut dims) = (field.kind.as_str(), Vec::new());
        while let Some(inner) = kind.strip_prefix('[') {
            let (item, count) = inner.strip_suffix(']')?.rsplit_once(';')?;
            if dims.len() == MOST_NESTED {
                return None;
            }
            dims.push(count.parse().ok()?);
            kind = item;
        }
        let scalar = Scalar::from_name(kind)?;
        let size = dims.iter().try_fold(scalar.bytes(), |size, count: &usize| size.checked_mul(*count))?;
        let meaning = Meaning::of(field, scalar, &dims);
        (size == field.size).then_some(Leaf { scalar, dims, meaning })
    }

    /// Numbers in all; none where one array is empty.
    pub fn count(&self) -> usize {
        self.dims.iter().product()
    }

    /// Bytes of each of its texts or strings of bytes, if it is `[u8;N]` or arrays of that.
    pub fn string_bytes(&self) -> Option<usize> {
        let byte = Scalar::Integer(Integer { bytes: 1, signed: false });
        let is_number = !matches!(self.meaning, Meaning::Plain | Meaning::Text);
        self.dims.last().copied().filter(|_| self.scalar == byte && !is_number)
    }
}

impl Meaning {
    /// What makes no sense with the number is passed over, as whoever shows the field does.
    fn of(field: &Field, scalar: Scalar, dims: &[usize]) -> Self {
        let Scalar::Integer(integer) = scalar else { return Meaning::Plain };
        let has_room = integer.bytes < 16 || integer.signed;
        let is_byte = integer == Integer { bytes: 1, signed: false };
        if is_byte && !dims.is_empty() && field.attribute("text").is_some() {
            return Meaning::Text;
        }
        if is_byte && field.attribute("bool").is_some() {
            return Meaning::Bool;
        }
        if let (Some(unit), true) = (field.attribute("time").and_then(nanos), integer.bytes <= 8) {
            return Meaning::Time(unit, field.attribute("input").and_then(nanos).unwrap_or(unit));
        }
        let scale = field.attribute("decimal").and_then(|scale| scale.parse().ok());
        if let (Some(scale @ 0..=38), true) = (scale, has_room) {
            return Meaning::Decimal(scale);
        }
        match field.attribute("enum").and_then(names) {
            Some(names) if has_room => Meaning::Names(names),
            _ => Meaning::Plain,
        }
    }

    /// The word for it.
    pub fn word(&self) -> &'static str {
        match self {
            Meaning::Plain => "a number",
            Meaning::Time(..) => "a time",
            Meaning::Decimal(_) => "a decimal",
            Meaning::Names(_) => "named numbers",
            Meaning::Bool => "yes or no",
            Meaning::Text => "text",
        }
    }
}

/// How many nanoseconds a unit has.
fn nanos(sign: &str) -> Option<u64> {
    Some(match sign {
        "s" => 1_000_000_000,
        "ms" => 1_000_000,
        "us" => 1_000,
        "ns" => 1,
        _ => return None,
    })
}

fn names(text: &str) -> Option<Vec<(String, i128)>> {
    let pair = |pair: &str| {
        let (name, value) = pair.rsplit_once(':')?;
        Some((name.to_owned(), value.parse().ok()?))
    };
    text.split(',').map(pair).collect()
}

/// A field's kind with what the attributes make of it: `i64 (decimal=2)`.
pub(super) fn described(field: &Field) -> String {
    let said = MEANINGS.into_iter().find_map(|name| {
        let value = field.attribute(name)?;
        Some(if value.is_empty() { name.to_owned() } else { format!("{name}={value}") })
    });
    said.map_or_else(|| field.kind.clone(), |said| format!("{} ({said})", field.kind))
}
