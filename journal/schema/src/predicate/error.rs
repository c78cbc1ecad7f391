//! What is wrong with a predicate, and where.

use std::fmt;

/// Names that a message lists at most.
const MOST_NAMES: usize = 40;

/// Characters of the predicate that a message shows around the fault.
const SHOWN: usize = 76;

/// Why a text is no predicate on these events. It prints itself with the part of the text that is wrong.
///
/// ```
/// # use slipring_journal::Schema;
/// # use slipring_schema::{Predicate, Table};
/// let table = Table::new(&Schema::from_text("Order 8\nprice i64 0 8\tdecimal=2\n").unwrap());
/// let error = Predicate::parse("prize >= 100", &table).unwrap_err();
/// assert_eq!(error.column, 1);
/// assert_eq!(
///     error.to_string(),
///     "prize is no field; did you mean price? The fields are price, _sequence, _time, _epoch\n  \
///      prize >= 100\n  ^ column 1"
/// );
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PredicateError {
    /// The predicate.
    pub text: String,
    /// Where in it, counted in characters from 1.
    pub column: usize,
    /// What is wrong.
    pub fault: Box<PredicateFault>,
}

/// What is wrong with a predicate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PredicateFault {
    /// It has no text.
    #[error("there is nothing to test; write for example price >= 100 and side == 1")]
    Empty,
    /// It has too many bytes.
    #[error("the predicate has {bytes} bytes; at most {most} are read")]
    TooLong {
        /// Its bytes.
        bytes: usize,
        /// How many are read.
        most: usize,
    },
    /// Parentheses lie in each other too deep.
    #[error("more than {most} parentheses lie in each other here")]
    TooDeep {
        /// How many may.
        most: usize,
    },
    /// Something else belongs here.
    #[error("expected {expected}, found {found}")]
    Expected {
        /// What belongs here.
        expected: &'static str,
        /// What is here.
        found: String,
    },
    /// The text ends before something is closed.
    #[error("{what} begins here and does not end; close it with {with}")]
    Open {
        /// What is open.
        what: &'static str,
        /// What closes it.
        with: &'static str,
    },
    /// Two comparisons share an operand.
    #[error("a comparison has two sides; write a <= b and b <= c, or b between a and c")]
    Chained,
    /// No column has that path.
    #[error("{name} is no field; {}", choice(.near, "fields", .fields))]
    UnknownField {
        /// What is written.
        name: String,
        /// Fields with names like it.
        near: Vec<String>,
        /// All of them.
        fields: Vec<String>,
    },
    /// An enum has no such name.
    #[error("{field} has no value {name}; {}", choice(.near, "values", .names))]
    UnknownName {
        /// The field.
        field: String,
        /// What is written.
        name: String,
        /// Names like it.
        near: Vec<String>,
        /// All of them.
        names: Vec<String>,
    },
    /// An array has fewer items.
    #[error("{field} has {count} items; the first is {field}[0], the last {field}[{}]", .count.saturating_sub(1))]
    NoItem {
        /// The array.
        field: String,
        /// How many it has.
        count: usize,
    },
    /// Items of what is no array.
    #[error("{field} is {kind} and has no items; leave the brackets out")]
    NoArray {
        /// The field.
        field: String,
        /// What it is.
        kind: String,
    },
    /// What can't be compared.
    #[error("{field} is {kind} and can't be {test} {other}; {write}")]
    Mismatch {
        /// The field.
        field: String,
        /// What it is.
        kind: String,
        /// What was to be done with it.
        test: &'static str,
        /// The other side.
        other: String,
        /// What to write.
        write: String,
    },
    /// A number, time or bytes that are none.
    #[error("{text} is no {what}: {write}")]
    Literal {
        /// What is written.
        text: String,
        /// What it should be.
        what: &'static str,
        /// What to write.
        write: &'static str,
    },
    /// A time of day, and nothing says of which day: see
    /// [`Predicate::parse_from`](crate::Predicate::parse_from).
    #[error("{text} is no time of a known day: there is no first record whose day it is; write the date too")]
    NoDay {
        /// What is written.
        text: String,
    },
    /// A comparison with null.
    #[error("a comparison with null is never true; write {field} is null, or {field} is not null")]
    Null {
        /// The other side.
        field: String,
    },
    /// A comparison of two literals.
    #[error("neither side is a field: {left} and {right}; a field stands without quotes")]
    NoField {
        /// The left side.
        left: String,
        /// The right side.
        right: String,
    },
}

/// A fault at a byte of the text.
#[derive(Debug)]
pub(super) struct Misread {
    pub(super) at: usize,
    pub(super) fault: Box<PredicateFault>,
}

impl Misread {
    pub(super) fn new(at: usize, fault: PredicateFault) -> Self {
        Misread { at, fault: Box::new(fault) }
    }

    pub(super) fn in_text(self, text: &str) -> PredicateError {
        let before = text.get(..self.at).unwrap_or(text);
        PredicateError { text: text.to_owned(), column: before.chars().count() + 1, fault: self.fault }
    }
}

impl std::error::Error for PredicateError {}

impl fmt::Display for PredicateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.fault)?;
        if self.text.trim().is_empty() {
            return Ok(());
        }
        let at = self.column - 1;
        let first = at.saturating_sub(SHOWN / 2);
        let (mut line, mut rest) = (String::new(), self.text.chars().skip(first));
        if first > 0 {
            line.push_str("..");
        }
        let caret = line.len() + at - first;
        // A line break would part the caret from what it points at, and a terminal takes no orders from here.
        line.extend(rest.by_ref().take(SHOWN).map(|c| if c.is_control() { ' ' } else { c }));
        if rest.next().is_some() {
            line.push_str("..");
        }
        write!(f, "\n  {line}\n  {:caret$}^ column {}", "", self.column)
    }
}

/// Names like a name, the nearest first.
pub(super) fn near<'a>(name: &str, names: impl Iterator<Item = &'a str>) -> Vec<String> {
    // To compare what is long takes long, and it is no slip.
    if name.len() > 200 {
        return Vec::new();
    }
    let lower = name.to_lowercase();
    let likeness = |other: &str| {
        let other = other.to_lowercase();
        // `price` where there is only `Add.price`.
        match other.rsplit_once('.') {
            _ if other == lower => 1.0,
            Some((_, last)) if last == lower => 0.99,
            // Names of three letters have too few for the other measure.
            _ if lower.len() > 2 && strsim::osa_distance(&lower, &other) == 1 => 0.98,
            _ => strsim::jaro_winkler(&lower, &other),
        }
    };
    let mut near: Vec<(f64, &str)> =
        names.map(|other| (likeness(other), other)).filter(|(likeness, _)| *likeness > 0.8).collect();
    near.sort_by(|a, b| b.0.total_cmp(&a.0));
    near.into_iter().take(3).map(|(_, name)| name.to_owned()).collect()
}

/// Names that may be meant, and all that there are.
fn choice(near: &[String], what: &str, all: &[String]) -> String {
    let more = all.len().saturating_sub(MOST_NAMES);
    let mut shown = all[..all.len() - more].join(", ");
    if more > 0 {
        shown.push_str(&format!(" and {more} more"));
    }
    match near {
        [] => format!("the {what} are {shown}"),
        near => format!("did you mean {}? The {what} are {shown}", near.join(" or ")),
    }
}
