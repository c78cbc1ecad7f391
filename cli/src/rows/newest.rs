//! The newest event of a journal, for who looks at a running engine.

use std::path::Path;

use serde_json::value::RawValue;
use slipring_journal::{Journal, Kind, RawReader, ReadError};
use slipring_schema::{Row, Table, Value};

use super::columns::Shown;
use super::printer::{Format, text_printer};
use crate::plain;

/// The newest event of a journal.
#[derive(Debug)]
pub(crate) struct Newest {
    /// Its fields as `name=value`.
    pub(crate) line: String,
    /// All columns as a JSON object.
    pub(crate) json: Box<RawValue>,
}

/// The newest event; `None` if there is none, or it can't be read just now.
pub(crate) fn newest(path: &Path) -> Option<Newest> {
    let mut reader = Journal::at(path).raw_reader().ok()?;
    let table = Table::new(&reader.schema()?);
    // A void record stands for an event that is lost.
    let sequence = last_event(&mut reader).ok()??;
    let row = Row::from(reader.at(sequence).ok()?);
    let columns = Shown::all(&table);
    let mut json = Vec::new();
    text_printer(Format::Jsonl, &columns, &table).row(&row, &mut json);
    let json = RawValue::from_string(String::from_utf8(json).ok()?.trim_end().to_owned()).ok()?;
    let fields = columns.iter().filter(|column| **column != Shown::Epoch);
    let fields = fields.filter_map(|column| {
        let value = column.value(&table, &row);
        let name = plain::line(column.name(&table).trim_start_matches('_'));
        (value != Value::Null).then(|| format!("{name}={}", plain::line(&value.to_string())))
    });
    Some(Newest { line: fields.collect::<Vec<_>>().join(" "), json })
}

/// Of the last few records the last with an event.
fn last_event(reader: &mut RawReader) -> Result<Option<u64>, ReadError> {
    let (first, end) = (reader.first_sequence(), reader.end_sequence());
    for sequence in (end.saturating_sub(16).max(first)..end).rev() {
        if reader.at(sequence)?.kind != Kind::Void {
            return Ok(Some(sequence));
        }
    }
    Ok(None)
}
