//! What the attributes make of a number.

use super::Attributes;
use super::scalar::{Leaf, Scalar};
use crate::kind::TimeUnit;

/// The greatest scale of a decimal.
pub(crate) const MAX_SCALE: u32 = 38;

/// What a time counts, in words.
pub(crate) fn unit_name(unit: TimeUnit) -> &'static str {
    match unit {
        TimeUnit::Seconds => "seconds",
        TimeUnit::Milliseconds => "milliseconds",
        TimeUnit::Microseconds => "microseconds",
        TimeUnit::Nanoseconds => "nanoseconds",
    }
}

/// What the attributes make of a number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    Plain,
    Time(TimeUnit),
    Decimal(u32),
    Text,
    Enum(Vec<(String, String)>),
    Bool,
}

impl Meaning {
    /// The first attribute that says what the number is, if it makes sense with the type.
    pub(crate) fn of(leaf: &Leaf, attributes: &Attributes) -> Self {
        for (name, value) in attributes {
            let meaning = match name.as_str() {
                "time" => TimeUnit::from_sign(value).map(Meaning::Time),
                "decimal" => scale(value).map(Meaning::Decimal),
                "text" if value.is_empty() => Some(Meaning::Text),
                "enum" => names(value, leaf.scalar).map(Meaning::Enum),
                "bool" if value.is_empty() => Some(Meaning::Bool),
                _ => continue,
            };
            if let Some(meaning) = meaning.filter(|meaning| meaning.suits(leaf)) {
                return meaning;
            }
        }
        Meaning::Plain
    }

    /// Whether a number of this type can mean that.
    pub(crate) fn suits(&self, leaf: &Leaf) -> bool {
        match self {
            Meaning::Plain => true,
            Meaning::Time(_) => !leaf.scalar.is_float() && leaf.scalar.size() <= 8,
            // What reads these counts in an `i128`.
            Meaning::Decimal(_) => !leaf.scalar.is_float() && leaf.scalar != Scalar::U128,
            Meaning::Enum(names) => {
                leaf.scalar != Scalar::U128 && names.iter().all(|(_, value)| leaf.scalar.holds(value))
            }
            Meaning::Text => leaf.text_length().is_some(),
            Meaning::Bool => leaf.scalar == Scalar::U8,
        }
    }

    /// The attribute that says so.
    pub(crate) fn attribute(&self) -> Option<(String, String)> {
        let (name, value) = match self {
            Meaning::Plain => return None,
            Meaning::Time(unit) => ("time", unit.sign().to_owned()),
            Meaning::Decimal(scale) => ("decimal", scale.to_string()),
            Meaning::Text => ("text", String::new()),
            Meaning::Bool => ("bool", String::new()),
            Meaning::Enum(names) => {
                let pairs: Vec<String> =
                    names.iter().map(|(name, value)| format!("{name}:{value}")).collect();
                ("enum", pairs.join(","))
            }
        };
        Some((name.to_owned(), value))
    }
}

fn scale(text: &str) -> Option<u32> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|scale| digits && *scale <= MAX_SCALE)
}

/// The names of an enum; `None` if one stands there twice, a value too, or a value is not the type's.
fn names(text: &str, scalar: Scalar) -> Option<Vec<(String, String)>> {
    let mut names: Vec<(String, String)> = Vec::new();
    for pair in text.split(',') {
        let (name, value) = pair.rsplit_once(':')?;
        if !is_enum_name(name) || !scalar.holds(value) {
            return None;
        }
        names.push((name.to_owned(), canonical(value)));
    }
    (first_twice(&names).is_none()).then_some(names)
}

/// Decimal text of an integer without leading zeros and sign of plus.
pub(crate) fn canonical(text: &str) -> String {
    text.parse::<i128>().map(|value| value.to_string()).unwrap_or_else(|_| {
        let digits = text.trim_start_matches('+').trim_start_matches('0');
        if digits.is_empty() { "0".to_owned() } else { digits.to_owned() }
    })
}

/// Whether it can be the name of a value.
pub(crate) fn is_enum_name(name: &str) -> bool {
    // A number as a name could not be told from another value.
    !name.is_empty()
        && !crate::number::is_plain(name)
        && !name.contains(|c: char| matches!(c, ',' | ':' | '"') || c.is_control())
}

/// The index of the first whose name or value stands before it.
pub(crate) fn first_twice(names: &[(String, String)]) -> Option<usize> {
    let (mut seen, mut values) = (std::collections::HashSet::new(), std::collections::HashSet::new());
    names.iter().position(|(name, value)| !seen.insert(name) || !values.insert(value))
}
