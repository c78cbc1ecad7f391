//! A JSON object into an event: keys are columns, dotted or nested; numbers are taken as they are written.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

use serde::de::DeserializeSeed;
use slipring_schema::{Column, FieldFault, Kind, ParseOptions, Parsed, TIME, Table};

use super::fill::{in_order, journal_time, time_column};
use super::json_keys::{Key, Keys};
use super::json_object::Object;
use crate::formats::source::{NoTime, Row};

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
    /// An operation of an envelope that is none, as it is written.
    #[error("op is {0}: expected c, r, u, d, t or m")]
    Operation(String),
}

/// The place is said by whoever knows the line.
fn without_place(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rsplit_once(" at line ").map_or(text.as_str(), |(said, _)| said) {
        // What begins as one of them does.
        "expected ident" => "expected null, true or false".to_owned(),
        said => said.to_owned(),
    }
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
    /// A value that only an export may have, and where it lies.
    unnamed: Option<(JsonFault, usize)>,
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
        let variants = table.columns.iter().map(Column::is_variant).collect();
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
            unnamed: None,
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
        (self.fault, self.unnamed) = (None, None);
    }

    /// Takes what an object says. On a fault also where it is, as a byte of `text` from 0.
    pub fn object(&mut self, text: &str, row: &mut Row) -> Result<(), (JsonFault, usize)> {
        if self.variants.contains(&true) {
            self.pass = Pass::Variants;
            self.run(text, row)?;
            // Before the fields: of an event of no variant each of them would be of another.
            if !row.is_void {
                self.end_of(row, true).map_err(|fault| (fault, text.len()))?;
            }
        }
        self.pass = Pass::Fields;
        self.run(text, row)?;
        // Only now it is known whether the object is of an export.
        match self.unnamed.take() {
            Some((fault, at)) if !self.keys.is_export() => {
                Err((fault, at.saturating_sub(text.as_ptr() as usize)))
            }
            _ => Ok(()),
        }
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
        self.end_of(row, false)?;
        if row.time_ns.is_none() {
            row.take_time(&self.table).map_err(JsonFault::Time)?;
        }
        Ok(())
    }

    /// The same of all columns, or of those that say the event's variant.
    fn end_of(&self, row: &mut Row, only_variants: bool) -> Result<(), JsonFault> {
        let is_meant = |index: &&usize| !self.seen[**index] && (!only_variants || self.variants[**index]);
        for index in self.order.iter().filter(is_meant) {
            self.table.columns[*index].parse_none(&mut row.event).map_err(JsonFault::Field)?;
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
                let Some(text) = text_of(raw) else { return self.noted(Err(no_text(TIME, raw)), raw) };
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
        let Some(mut text) = text_of(raw) else { return self.noted(Err(no_text(&column.path, raw)), raw) };
        if let Some(converter) = &self.converters[index] {
            match converter.convert(raw, column) {
                Some(converted) => text = converted,
                None => return self.noted(Err(not_a(&column.path, raw, "a value of its type")), raw),
            }
        } else if raw.starts_with(['[', '{']) && matches!(column.kind, Kind::Text(_) | Kind::Bytes(_)) {
            return self.noted(Err(not_a(&column.path, raw, "a string")), raw);
        }
        let done = column.parse_given(&text, &mut row.event, &self.parse).map_err(JsonFault::Field);
        let done = self.noted(done, raw)?;
        let column = &self.table.columns[index];
        if let Err(fault) = column.has_name(&text, &row.event) {
            let fault = JsonFault::Field(fault);
            if self.variants[index] {
                return self.noted(Err(fault), raw);
            }
            self.unnamed.get_or_insert((fault, raw.as_ptr() as usize));
        }
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

fn not_a(path: &str, raw: &str, expected: &str) -> JsonFault {
    JsonFault::Field(FieldFault::NotA {
        field: path.to_owned(),
        text: raw.trim_matches('"').chars().take(60).collect(),
        expected: expected.to_owned(),
    })
}

/// Half of a pair of surrogates is all that a string can have wrong here.
fn no_text(path: &str, raw: &str) -> JsonFault {
    not_a(path, raw, "text of Unicode; half of a pair of surrogates is none")
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
