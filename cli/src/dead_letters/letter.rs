//! A dead letter with its event, in the forms in which it is shown.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::value::RawValue;
use slipring::DeadLetter;
use slipring_journal::{Kind, RawReader};
use slipring_schema::{Row, Table, csv_text};

use crate::rows::columns::Shown;
use crate::rows::printer::{Format, text_printer};
use crate::{plain, show};

/// Columns of the letter, before those of its event.
const COLUMNS: [&str; 9] =
    ["stage", "sequence", "epoch", "time_ns", "kind", "tries", "due_ns", "cause", "fault"];

/// The events of letters.
pub(super) struct Events {
    reader: RawReader,
    table: Option<Table>,
    columns: Vec<Shown>,
}

/// A letter, with its event or the reason why it has none.
pub(super) struct WithEvent<'a> {
    letter: &'a DeadLetter,
    events: &'a Events,
    event: Result<(u64, Vec<u8>), String>,
}

impl Events {
    pub(super) fn new(reader: RawReader) -> Self {
        let table = reader.schema().map(|schema| Table::new(&schema));
        let fields = table.as_ref().map_or(0, |table| table.columns.len());
        Events { reader, table, columns: (0..fields).map(Shown::Field).collect() }
    }

    /// A letter with its event.
    pub(super) fn with_event<'a>(&'a mut self, letter: &'a DeadLetter) -> WithEvent<'a> {
        let event = self.event(letter);
        WithEvent { letter, events: self, event }
    }

    fn event(&mut self, letter: &DeadLetter) -> Result<(u64, Vec<u8>), String> {
        if self.table.is_none() {
            return Err("the journal has no segment".to_owned());
        }
        let record = self.reader.at(letter.sequence).map_err(|error| error.to_string())?;
        match record.kind {
            _ if record.epoch != letter.epoch => {
                Err("the journal has lost this record, and holds another in its place".to_owned())
            }
            Kind::Void => Err("it is void".to_owned()),
            _ => Ok((record.time_ns, record.event.to_vec())),
        }
    }

    /// The names of the letter's columns and of all fields.
    pub(super) fn csv_head(&self) -> Vec<u8> {
        let fields = self.table.iter().flat_map(|table| &table.columns);
        let fields = fields.map(|column| format!("event.{}", column.path));
        csv_line(COLUMNS.into_iter().map(str::to_owned).chain(fields))
    }
}

/// A letter as JSON.
#[derive(Serialize)]
struct Object<'a> {
    stage: &'a str,
    sequence: u64,
    epoch: u32,
    kind: String,
    tries: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    due_ns: Option<u64>,
    cause: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    time_ns: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fault: Option<&'a str>,
}

impl WithEvent<'_> {
    /// Whether there is an event.
    pub(super) fn has_event(&self) -> bool {
        self.event.is_ok()
    }

    /// One line of JSON, without what ends it.
    pub(super) fn json(&self) -> io::Result<String> {
        let DeadLetter { stage, sequence, epoch, kind, tries, due_ns, cause } = self.letter;
        let (stage, kind, sequence, epoch) = (stage.as_str(), kind.to_string(), *sequence, *epoch);
        let (tries, due_ns) = (*tries, *due_ns);
        let (time_ns, event, fault) = match &self.event {
            Ok((time_ns, _)) => (Some(*time_ns), Some(RawValue::from_string(self.fields())?), None),
            Err(fault) => (None, None, Some(fault.as_str())),
        };
        plain::json(&Object { stage, sequence, epoch, kind, tries, due_ns, cause, time_ns, event, fault })
    }

    /// The fields of its event as JSON.
    fn fields(&self) -> String {
        let (Some(table), Ok((time_ns, event))) = (&self.events.table, &self.event) else {
            return "{}".to_owned();
        };
        let DeadLetter { sequence, epoch, .. } = self.letter;
        let row = Row { sequence: *sequence, time_ns: *time_ns, epoch: *epoch, event };
        let mut out = Vec::new();
        text_printer(Format::Jsonl, &self.events.columns, table).row(&row, &mut out);
        String::from_utf8_lossy(&out).trim_end().to_owned()
    }

    /// A line of CSV; empty where an event has no such field.
    pub(super) fn csv(&self) -> Vec<u8> {
        let DeadLetter { stage, sequence, epoch, kind, tries, due_ns, cause } = self.letter;
        let event = self.event.as_ref();
        let own = [
            stage.clone(),
            sequence.to_string(),
            epoch.to_string(),
            event.map_or_else(|_| String::new(), |(time_ns, _)| time_ns.to_string()),
            kind.to_string(),
            tries.to_string(),
            due_ns.map_or_else(String::new, |due_ns| due_ns.to_string()),
            cause.clone(),
            event.map_or_else(Clone::clone, |_| String::new()),
        ];
        let columns = self.events.table.iter().flat_map(|table| &table.columns);
        let fields = columns.map(|column| match event {
            Ok((_, event)) => column.value(event).to_string(),
            Err(_) => String::new(),
        });
        csv_line(own.into_iter().chain(fields))
    }

    /// What became of it, with its tries, and when it is due again.
    fn fate(&self) -> String {
        let DeadLetter { kind, tries, due_ns, .. } = self.letter;
        let tries = match tries {
            0 | 1 => String::new(),
            tries => format!(" after {tries} tries"),
        };
        let due = due_ns.map_or_else(String::new, |due_ns| format!(", due {}", show::time(due_ns)));
        format!("{kind}{tries}{due}")
    }

    /// Two lines for people.
    pub(super) fn show(&self, out: &mut dyn Write) -> io::Result<()> {
        let DeadLetter { stage, sequence, cause, .. } = self.letter;
        let (stage, cause) = (plain::line(stage), plain::line(cause));
        let when = self.event.as_ref().map_or_else(|_| "-".to_owned(), |(time_ns, _)| show::time(*time_ns));
        writeln!(out, "{stage:<12} {sequence:>12}  {when}  {}: {cause}", self.fate())?;
        match &self.event {
            Ok(_) => writeln!(out, "{:<12} {:>12}  {}", "", "", self.fields()),
            Err(fault) => writeln!(out, "{:<12} {:>12}  no event: {}", "", "", plain::line(fault)),
        }
    }
}

fn csv_line(cells: impl Iterator<Item = String>) -> Vec<u8> {
    let mut line = Vec::new();
    for (index, cell) in cells.enumerate() {
        if index > 0 {
            line.push(b',');
        }
        csv_text(&cell, &mut line);
    }
    line.push(b'\n');
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_where_they_must_be() {
        let line = csv_line(["plain", "", "a,b", "say \"no\"", "two\nlines"].map(str::to_owned).into_iter());
        assert_eq!(String::from_utf8(line).unwrap(), "plain,,\"a,b\",\"say \"\"no\"\"\",\"two\nlines\"\n");
    }
}
