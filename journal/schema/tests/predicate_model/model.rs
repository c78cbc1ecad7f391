//! Predicates as values: their text, and what they say of an event. What is unknown is carried through every
//! `and`, `or` and `not`.

use slipring_schema::{Table, show_nanos};

use crate::plain::{bytes, compare, is_like, trimmed};

#[derive(Clone, Debug)]
pub enum Model {
    All(Vec<Model>),
    Any(Vec<Model>),
    Not(Box<Model>),
    /// A field, a comparison, what it is compared with.
    Compare(String, &'static str, Side),
    Turned(Side, &'static str, String),
    In(String, Vec<Side>),
    Between(String, Side, Side),
    IsNull(String),
    Like(String, String),
    Truth(String),
}

/// A literal as it is written, or another field.
#[derive(Clone, Debug)]
pub enum Side {
    Field(String),
    Number(String),
    Time(i128),
    Text(String),
    Name(&'static str),
}

impl Side {
    pub fn text(&self) -> String {
        match self {
            Side::Field(text) | Side::Number(text) => text.clone(),
            Side::Time(nanos) => format!("'{}'", show_nanos(*nanos)),
            Side::Text(text) => format!("'{}'", text.replace('\'', "''")),
            Side::Name(name) => (*name).to_owned(),
        }
    }
}

impl Model {
    pub fn text(&self) -> String {
        let joined = |all: &[Model], word: &str| {
            all.iter().map(|one| format!("({})", one.text())).collect::<Vec<_>>().join(word)
        };
        match self {
            Model::All(all) => joined(all, " and "),
            Model::Any(all) => joined(all, " || "),
            Model::Not(one) => format!("not ({})", one.text()),
            Model::Compare(field, op, side) => format!("{field} {op} {}", side.text()),
            Model::Turned(side, op, field) => format!("{} {op} {field}", side.text()),
            Model::In(field, sides) => {
                format!("{field} in ({})", sides.iter().map(Side::text).collect::<Vec<_>>().join(", "))
            }
            Model::Between(field, low, high) => format!("{field} between {} and {}", low.text(), high.text()),
            Model::IsNull(field) => format!("{field} is null"),
            Model::Like(field, pattern) => format!("{field} like '{pattern}'"),
            Model::Truth(field) => field.clone(),
        }
    }

    pub fn holds(&self, table: &Table, event: &[u8]) -> Option<bool> {
        let compare = |field: &str, op: &str, side: &Side| compare(table, event, field, op, side);
        match self {
            Model::All(all) => {
                let found: Vec<_> = all.iter().map(|one| one.holds(table, event)).collect();
                if found.contains(&Some(false)) {
                    Some(false)
                } else {
                    found.into_iter().collect::<Option<Vec<_>>>().map(|_| true)
                }
            }
            Model::Any(all) => {
                let found: Vec<_> = all.iter().map(|one| one.holds(table, event)).collect();
                if found.contains(&Some(true)) {
                    Some(true)
                } else {
                    found.into_iter().collect::<Option<Vec<_>>>().map(|_| false)
                }
            }
            Model::Not(one) => one.holds(table, event).map(|holds| !holds),
            Model::Compare(field, op, side) => compare(field, op, side),
            Model::Turned(side, op, field) => {
                let turned = op.replace('<', "(").replace('>', "<").replace('(', ">");
                compare(field, if *op == "<>" { "<>" } else { &turned }, side)
            }
            Model::In(field, sides) => {
                let any =
                    sides.iter().map(|side| Model::Compare(field.clone(), "==", side.clone())).collect();
                Model::Any(any).holds(table, event)
            }
            Model::Between(field, low, high) => Model::All(vec![
                Model::Compare(field.clone(), ">=", low.clone()),
                Model::Compare(field.clone(), "<=", high.clone()),
            ])
            .holds(table, event),
            Model::IsNull(field) => Some(bytes(table, event, field).is_none()),
            Model::Like(field, pattern) => {
                let text = trimmed(&bytes(table, event, field)?.1);
                let (text, pattern) =
                    (String::from_utf8(text).expect("text"), pattern.chars().collect::<Vec<_>>());
                Some(is_like(&text.chars().collect::<Vec<_>>(), &pattern))
            }
            Model::Truth(field) => Some(bytes(table, event, field)?.1 == [1]),
        }
    }
}
