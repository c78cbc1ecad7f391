//! Changes of a database as Debezium writes them: an envelope a line, with the row before and after.
//!
//! The fields of an event are the columns of the row: after the change, or before it where the row was
//! deleted. What the envelope says besides goes by the names that Debezium's own unwrapping gives it, in a
//! field's `source`: `__op`, `__deleted`, `__ts_ms`, `__source_ts_ms`, `__table`, `__lsn`, and so on.

use std::borrow::Cow;

use serde_json::value::RawValue;
use slipring_journal::Schema;
use slipring_schema::ParseOptions;

use super::debezium_types::converters;
use super::fill::{journal_time, time_column};
use super::json::{JsonFault, JsonFill};
use super::json_object::Pairs;
use super::jsonl::{JsonLines, Objects, passed_over, put};
use super::sample::{MOST_BYTES, MOST_ROWS, Owned, Sample};
use crate::formats::input::Input;
use crate::formats::source::{FormatOptions, Row, Setup, Source, SourceError, SourceFormat};
use crate::show;

/// Debezium's envelopes.
pub(crate) const DEBEZIUM: SourceFormat = SourceFormat {
    name: "debezium",
    about: "changes of a database, a Debezium envelope a line",
    extensions: &["debezium"],
    uses: &["--truncate-text", "--round-times"],
    by_record: false,
    open,
    infer: Some(infer),
    kept: None,
};

/// What stands before a name of the envelope's.
const ENVELOPE: &str = "__";
/// Of the change's source.
const SOURCE: &str = "__source_";

struct Envelopes {
    fill: JsonFill,
    parse: ParseOptions,
    has_time: bool,
    /// Names of the envelope's that fields take.
    names: Vec<String>,
    /// The schema that came with the envelope before.
    schema: String,
    said: usize,
    without_row: u64,
    tombstones: u64,
}

/// What is read of a line.
struct Envelope<'a> {
    schema: Option<&'a RawValue>,
    top: Pairs<'a>,
    source: Option<Pairs<'a>>,
    op: Cow<'a, str>,
    /// The operation as it is written.
    raw_op: &'a str,
}

fn find<'a>(pairs: &Pairs<'a>, name: &str) -> Option<&'a RawValue> {
    let found = pairs.0.iter().find(|(key, _)| key == name).map(|(_, value)| *value);
    found.filter(|value| value.get() != "null")
}

impl<'a> Envelope<'a> {
    /// `None` is a tombstone, which says nothing.
    fn read(line: &'a str) -> Result<Option<Self>, (JsonFault, usize)> {
        if line == "null" {
            return Ok(None);
        }
        let syntax = |error: serde_json::Error| {
            let at = error.column().saturating_sub(1);
            (JsonFault::Syntax(error), at)
        };
        let mut top: Pairs<'_> = serde_json::from_str(line).map_err(syntax)?;
        let schema = find(&top, "schema");
        if let Some((_, payload)) = top.0.iter().find(|(key, _)| key == "payload") {
            if payload.get() == "null" {
                return Ok(None);
            }
            top = serde_json::from_str(payload.get()).map_err(|error| (JsonFault::Syntax(error), 0))?;
        }
        let source = find(&top, "source").and_then(|source| serde_json::from_str(source.get()).ok());
        let no_op = "there is no op: this is no envelope of Debezium; rows without one are --as jsonl";
        let raw_op = find(&top, "op").ok_or((JsonFault::Envelope(no_op), 0))?.get();
        // What is no string is no operation that is known.
        let op = serde_json::from_str(raw_op).map_or(Cow::Borrowed(raw_op), Cow::Owned);
        Ok(Some(Envelope { schema, top, source, op, raw_op }))
    }

    /// The row that it is about; `None` if it is about none.
    ///
    /// An operation that is not known may be about one, so nothing of it is passed over.
    fn row(&self) -> Result<Option<&'a RawValue>, JsonFault> {
        match &*self.op {
            "c" | "r" | "u" => find(&self.top, "after").map(Some).ok_or(JsonFault::Envelope("after is null")),
            "d" => find(&self.top, "before").map(Some).ok_or(JsonFault::Envelope(
                "before is null, so nothing says which row was deleted; have the table's replica identity be full",
            )),
            "t" | "m" => Ok(None),
            _ => Err(JsonFault::Operation(self.raw_op.chars().take(60).collect())),
        }
    }

    /// A value of the envelope's by the name that unwrapping gives it.
    fn named(&self, name: &str) -> Option<Cow<'a, str>> {
        let deleted = if self.op == "d" { "\"true\"" } else { "\"false\"" };
        if name == "__deleted" {
            return Some(Cow::Borrowed(deleted));
        }
        let of_source = |name: &str| self.source.as_ref().and_then(|source| find(source, name));
        let found = match name.strip_prefix(SOURCE) {
            Some(name) => of_source(name),
            None => {
                let name = name.strip_prefix(ENVELOPE)?;
                find(&self.top, name).or_else(|| of_source(name))
            }
        };
        found.map(|value| Cow::Borrowed(value.get()))
    }
}

impl Objects for Envelopes {
    fn event(&mut self, line: &str, row: &mut Row) -> Result<bool, (JsonFault, usize)> {
        let Some(envelope) = Envelope::read(line)? else {
            self.tombstones += 1;
            return Ok(false);
        };
        let place = |fault: JsonFault| {
            let is_op = matches!(fault, JsonFault::Operation(_));
            let at = envelope.raw_op.as_ptr() as usize - line.as_ptr() as usize;
            (fault, if is_op { at } else { 0 })
        };
        let Some(object) = envelope.row().map_err(place)? else {
            self.without_row += 1;
            return Ok(false);
        };
        let schema = envelope.schema.map_or("", RawValue::get);
        if schema != self.schema {
            self.schema = schema.to_owned();
            self.fill.converters = converters(&self.fill, schema);
        }
        self.fill.begin(row);
        for name in &self.names {
            if let Some(raw) = envelope.named(name) {
                self.fill.named(name, &raw, row).map_err(|(fault, _)| (fault, 0))?;
            }
        }
        let before = object.get().as_ptr() as usize - line.as_ptr() as usize;
        self.fill.object(object.get(), row).map_err(|(fault, at)| (fault, before + at))?;
        self.fill.end(row).map_err(|fault| (fault, before))?;
        if row.time_ns.is_none() && !self.has_time {
            row.time_ns = self.time_of(&envelope);
        }
        Ok(true)
    }

    fn take_notices(&mut self) -> Vec<String> {
        let mut notices = passed_over(&self.fill, &mut self.said);
        let (without_row, tombstones) =
            (std::mem::take(&mut self.without_row), std::mem::take(&mut self.tombstones));
        let mut passed = Vec::new();
        if without_row > 0 {
            let envelopes = show::counted(without_row, "envelope", "envelopes");
            passed.push(format!("{envelopes} of no row (truncations, messages)"));
        }
        if tombstones > 0 {
            passed.push(show::counted(tombstones, "tombstone", "tombstones"));
        }
        if !passed.is_empty() {
            notices.push(format!("passed over {}", passed.join(", ")));
        }
        notices
    }
}

impl Envelopes {
    /// When the change was made, as exactly as the envelope says it.
    fn time_of(&self, envelope: &Envelope<'_>) -> Option<u64> {
        let units = [("ts_ns", 1), ("ts_us", 1_000), ("ts_ms", 1_000_000)];
        let of = |prefix: &str| {
            units.iter().find_map(|(name, nanos)| {
                let text = envelope.named(&format!("{prefix}{name}"))?;
                let count: u64 = journal_time(&time_column(), &text, &self.parse).ok()?;
                count.checked_mul(*nanos).filter(|time_ns| *time_ns > 0)
            })
        };
        of(SOURCE).or_else(|| of(ENVELOPE))
    }
}

fn open(input: Input, setup: Setup) -> Result<Box<dyn Source>, SourceError> {
    let Setup { table, parse, from, .. } = setup;
    let has_time = !table.times.is_empty();
    let fill = JsonFill::new(table, parse);
    let names = fill.keys.beginning_with(ENVELOPE);
    let (schema, said, without_row, tombstones) = (String::new(), 0, 0, 0);
    let envelopes = Envelopes { fill, parse, has_time, names, schema, said, without_row, tombstones };
    JsonLines::open(input, from, envelopes)
}

/// What the rows of the first envelopes seem to be, with what was done to them, and when.
fn infer(input: &mut Input, _: &FormatOptions, name: &str) -> Result<Schema, SourceError> {
    let mut sample = Sample::default();
    let (head, _) = input.head_lines(MOST_ROWS, MOST_BYTES)?;
    for (number, line) in (1..).zip(head.split(|byte| *byte == b'\n').take(MOST_ROWS)) {
        sample.line = number;
        let Ok(Ok(Some(envelope))) = std::str::from_utf8(line).map(|line| Envelope::read(line.trim())) else {
            continue;
        };
        let Ok(Some(object)) = envelope.row() else { continue };
        let Ok(object) = serde_json::from_str::<Pairs<'_>>(object.get()) else { continue };
        let mut row = vec![Owned::Missing; sample.columns.len()];
        put(&mut sample, &mut row, "", &object, 0);
        for name in ["__op", "__source_ts_ms"] {
            let index = sample.column(name);
            row.resize(row.len().max(index + 1), Owned::Missing);
            row[index] = match envelope.named(name) {
                Some(raw) if raw.starts_with('"') => Owned::String(raw.trim_matches('"').to_owned()),
                Some(raw) => Owned::Number(raw.into_owned()),
                None => Owned::Missing,
            };
        }
        sample.push(row);
    }
    let mut schema = sample.schema(name)?;
    shorten(&mut schema);
    Ok(schema)
}

/// A field of the envelope's loses the underscores that a field can't begin with.
fn shorten(schema: &mut Schema) {
    for index in 0..schema.fields.len() {
        let field = &schema.fields[index];
        let Some(short) = field.attribute("source").and_then(|source| source.strip_prefix(ENVELOPE)) else {
            continue;
        };
        let (short, long) = (short.to_owned(), field.name.clone());
        if schema.fields.iter().any(|field| field.name == short) {
            continue;
        }
        for (name, value) in &mut schema.attributes {
            if name == "time" && *value == long {
                *value = short.clone();
            }
        }
        schema.fields[index].name = short;
    }
}
