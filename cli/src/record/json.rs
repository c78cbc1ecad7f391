//! A JSON object into an event: keys are columns, dotted or nested; numbers are taken as they are written.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

use serde::de::DeserializeSeed;
use slipring_schema::{Column, FieldFault, Kind, ParseOptions, Parsed, Table};

use super::fill::{in_order, is_variant, journal_time, time_column};
use super::json_keys::{Key, Keys};
use super::json_object::Object;
use super::source::{NoTime, Row};

/// Names of keys that no field takes are kept up to so many.
const MOST_UNKNOWN: usize = 20;

/// Why an object is no event.
#[derive(Debug, thiserror::Error)]
pub(super) enum JsonFault {
    #[error("{}", without_place(.0))]
    Syntax(serde_json::Error),
    #[error("{0}")]
    Field(FieldFault),
    #[error("{0} is there twice")]
    Twice(String),
    #[error(transparent)]
    Time(NoTime),
    /// What a format says that has objects within others.
    #[error("{0}")]
    Envelope(&'static str),
}

/// The place is said by whoever knows the line.
fn without_place(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.rsplit_once(" at line ").map_or(text.clone(), |(said, _)| said.to_owned())
}

/// What was found of an object.
pub(super) struct JsonFill {
    table: Arc<Table>,
    parse: ParseOptions,
    pub(super) keys: Keys,
    /// Which columns say which variant an event is of.
    variants: Vec<bool>,
    order: Vec<usize>,
    time_column: Column,
    /// Which columns the object has had.
    seen: Vec<bool>,
    pass: Pass,
    /// What is wrong, and where it lies in memory.
    fault: Option<(JsonFault, usize)>,
    unknown: BTreeSet<String>,
    /// What a value is taken for before it is parsed, by its column.
    pub converters: Vec<Option<Box<dyn Convert>>>,
}

/// Makes the text of a value, as it is written in JSON, another one; `None` if it can't be one of its type.
pub(super) trait Convert {
    fn convert(&self, raw: &str, column: &Column) -> Option<Cow<'static, str>>;
}

/// Of a one-of event the variant is read first: it says which fields there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pass {
    Variants,
    Fields,
}

impl JsonFill {
    pub fn new(table: Arc<Table>, parse: ParseOptions) -> Self {
        let keys = Keys::of(&table);
        let order = in_order(&table);
        let variants = table.columns.iter().map(is_variant).collect();
        let (seen, converters) =
            (vec![false; table.columns.len()], table.columns.iter().map(|_| None).collect());
        JsonFill {
            table,
            parse,
            keys,
            variants,
            order,
            time_column: time_column(),
            seen,
            pass: Pass::Fields,
            fault: None,
            unknown: BTreeSet::new(),
            converters,
        }
    }

    /// Keys that no field took.
    pub fn unknown(&self) -> &BTreeSet<String> {
        &self.unknown
    }

    /// Begins an event.
    pub fn begin(&mut self, row: &mut Row) {
        row.event.clear();
        row.event.resize(self.table.event_bytes, 0);
        (row.time_ns, row.is_void) = (None, false);
        row.parsed = Parsed::default();
        self.seen.fill(false);
        self.keys.begin();
        self.fault = None;
    }

    /// Takes what an object says. On a fault also where it is, as a byte of `text` from 0.
    pub fn object(&mut self, text: &str, row: &mut Row) -> Result<(), (JsonFault, usize)> {
        if self.variants.contains(&true) {
            self.pass = Pass::Variants;
            self.run(text, row)?;
        }
        self.pass = Pass::Fields;
        self.run(text, row)
    }

    fn run(&mut self, text: &str, row: &mut Row) -> Result<(), (JsonFault, usize)> {
        self.keys.begin_pass();
        let mut reader = serde_json::Deserializer::from_str(text);
        let object = Object { fill: self, row, path: None, depth: 0 };
        let done = object.deserialize(&mut reader).and_then(|()| reader.end());
        let Err(error) = done else { return Ok(()) };
        Err(match self.fault.take() {
            Some((fault, at)) => (fault, at.saturating_sub(text.as_ptr() as usize)),
            None => {
                let at = error.column().saturating_sub(1);
                (JsonFault::Syntax(error), at)
            }
        })
    }

    /// Takes a value under a key from elsewhere than the object; nothing if no field has the key. On a fault
    /// also where it lies in memory.
    pub fn named(&mut self, key: &str, raw: &str, row: &mut Row) -> Result<(), (JsonFault, usize)> {
        let Some(key) = self.keys.at_top(key, false) else { return Ok(()) };
        let of_variant = matches!(key, Key::Column(index) if self.variants[index]);
        self.pass = if of_variant { Pass::Variants } else { Pass::Fields };
        match self.value(key, raw, row) {
            Some(()) => Ok(()),
            None => Err(self.fault.take().unwrap_or((JsonFault::Twice(String::new()), 0))),
        }
    }

    /// The events' columns.
    pub fn table(&self) -> &Arc<Table> {
        &self.table
    }

    /// Takes the defaults of what no object has said.
    pub fn end(&mut self, row: &mut Row) -> Result<(), JsonFault> {
        if row.is_void {
            return Ok(());
        }
        for index in &self.order {
            if !self.seen[*index] {
                self.table.columns[*index].parse_none(&mut row.event).map_err(JsonFault::Field)?;
            }
        }
        if row.time_ns.is_none() {
            row.take_time(&self.table).map_err(JsonFault::Time)?;
        }
        Ok(())
    }

    /// Takes one value. `None`: its fault is noted.
    pub(super) fn value(&mut self, key: Key, raw: &str, row: &mut Row) -> Option<()> {
        let index = match key {
            Key::Sequence | Key::PassedOver => return Some(()),
            Key::Void => {
                row.is_void = raw == "true";
                return Some(());
            }
            Key::Time => {
                let text = text_of(raw)?;
                let time = journal_time(&self.time_column, &text, &self.parse);
                row.time_ns = Some(self.noted(time.map_err(JsonFault::Field), raw)?);
                return Some(());
            }
            Key::Column(index) => index,
        };
        let is_now = self.variants[index] == (self.pass == Pass::Variants);
        if !is_now {
            return Some(());
        }
        let column = &self.table.columns[index];
        if std::mem::replace(&mut self.seen[index], true) {
            let twice = JsonFault::Twice(column.source().to_owned());
            return self.noted(Err(twice), raw);
        }
        if raw == "null" {
            let done = column.parse_none(&mut row.event).map_err(JsonFault::Field);
            return self.noted(done, raw);
        }
        let mut text = text_of(raw)?;
        if let Some(converter) = &self.converters[index] {
            match converter.convert(raw, column) {
                Some(converted) => text = converted,
                None => return self.noted(Err(not_a(column, raw, "a value of its type")), raw),
            }
        } else if raw.starts_with(['[', '{']) && matches!(column.kind, Kind::Text(_) | Kind::Bytes(_)) {
            return self.noted(Err(not_a(column, raw, "a string")), raw);
        }
        let done = column.parse_given(&text, &mut row.event, &self.parse).map_err(JsonFault::Field);
        let done = self.noted(done, raw)?;
        row.parsed.truncated |= done.truncated;
        row.parsed.rounded |= done.rounded;
        Some(())
    }

    fn noted<T>(&mut self, done: Result<T, JsonFault>, raw: &str) -> Option<T> {
        match done {
            Ok(done) => Some(done),
            Err(fault) => {
                self.fault = Some((fault, raw.as_ptr() as usize));
                None
            }
        }
    }

    pub(super) fn is_unknown(&mut self, path: &str) {
        if self.unknown.len() < MOST_UNKNOWN && !self.unknown.contains(path) {
            self.unknown.insert(path.chars().take(60).collect());
        }
    }
}

fn not_a(column: &Column, raw: &str, expected: &str) -> JsonFault {
    JsonFault::Field(FieldFault::NotA {
        field: column.path.clone(),
        text: raw.trim_matches('"').chars().take(60).collect(),
        expected: expected.to_owned(),
    })
}

/// The content of a string, or any other value as it is written.
fn text_of(raw: &str) -> Option<Cow<'_, str>> {
    let Some(inner) = raw.strip_prefix('"') else { return Some(Cow::Borrowed(raw)) };
    let inner = inner.strip_suffix('"')?;
    if memchr::memchr(b'\\', inner.as_bytes()).is_none() {
        return Some(Cow::Borrowed(inner));
    }
    serde_json::from_str(raw).ok().map(Cow::Owned)
}
