//! SQLite: a table of the events, a view of it for people, and a table that says where it comes from.
//!
//! | field | in the table |
//! |---|---|
//! | integers | `INTEGER`; unsigned ones beyond 63 bits as eight bytes, big end first: they sort last |
//! | `u128`, `i128` | `TEXT` of digits |
//! | decimals | `INTEGER`: the number without its point (128 bits: `TEXT`); with its point in the view |
//! | times | `INTEGER`: units since 1970; as text in the view. No time (all bits ones) is `NULL` |
//! | `bool` | `INTEGER` |
//! | enums, text | `TEXT` |
//! | `[u8;N]` | `BLOB` |
//! | arrays | `TEXT`: JSON |
//! | floats | `REAL`; SQLite has no NaN, which is `NULL`, and no negative zero |
//!
//! The table is named as the event, the view is `<table>_readable`, and `_slipring` has the schema.
//! `_sequence` is the primary key, so that a range of sequences is found at once; for ranges of times make an
//! index on `_time`.

mod bind;
mod view;

use std::path::Path;

use rusqlite::Connection;
use slipring_schema::{Column, EPOCH, Integer, Kind, Row, SEQUENCE, TIME, Table};

use crate::error::ExportError;
use crate::options::{Chosen, Compress, SinkOptions};
use crate::records::Records;
use crate::unfinished::Unfinished;

/// The table that says what the file is.
pub(crate) const ABOUT: &str = "_slipring";

/// One column of the table.
#[derive(Debug)]
enum Part {
    Sequence,
    Time,
    Epoch,
    Field(Box<Column>),
}

/// Writes an SQLite database.
#[derive(Debug)]
pub struct SqliteSink {
    // Fields are dropped in order: the database is closed before it is removed.
    database: Connection,
    file: Unfinished,
    parts: Vec<Part>,
    insert: String,
    event_bytes: usize,
}

impl SqliteSink {
    /// Begins a database where there is no file; it is removed when the sink is dropped unfinished.
    ///
    /// # Errors
    /// The system's; options that the format has not.
    pub fn create(path: impl AsRef<Path>, table: &Table, options: &SinkOptions) -> Result<Self, ExportError> {
        if let Some(asked) = options.compress.filter(|asked| *asked != Compress::None) {
            let (format, can) = ("an SQLite database", "nothing");
            return Err(ExportError::Compression { format, asked: asked.name(), can });
        }
        let part = |chosen: &Chosen| match chosen {
            Chosen::Sequence => Part::Sequence,
            Chosen::Time => Part::Time,
            Chosen::Epoch => Part::Epoch,
            Chosen::Field(place) => Part::Field(Box::new(table.columns[*place].clone())),
        };
        let parts: Vec<Part> = options.chosen(table)?.iter().map(part).collect();
        let (file, _) = Unfinished::create(path.as_ref())?;
        let database = Connection::open(file.path())?;
        // Who called syncs it once it is whole.
        database.execute_batch(
            "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA locking_mode = EXCLUSIVE; \
             PRAGMA page_size = 8192; PRAGMA cache_size = -32768; PRAGMA temp_store = MEMORY; BEGIN",
        )?;
        let name = table_name(&table.name);
        let names = unique_names(parts.iter().map(Part::name));
        database.execute_batch(&create_table(&name, &parts, &names))?;
        write_about(&database, &name, options)?;
        database.execute_batch(&view::create(&name, &parts, &names))?;
        let marks = vec!["?"; names.len()].join(", ");
        let insert = format!("INSERT INTO {} VALUES ({marks})", quoted(&name));
        Ok(SqliteSink { database, file, parts, insert, event_bytes: table.event_bytes })
    }

    /// Appends events.
    ///
    /// # Errors
    /// A value that the format has no room for; the system's. The sink is of no use any more.
    ///
    /// # Panics
    /// If an event has not as many bytes as the table says.
    pub fn push(&mut self, rows: &[Row<'_>]) -> Result<(), ExportError> {
        let records = Records::new(rows, self.event_bytes);
        bind::insert(&self.database, &self.insert, &self.parts, records.rows())
    }

    /// Ends the database. It is synced by who called.
    ///
    /// # Errors
    /// The system's.
    pub fn finish(self) -> Result<(), ExportError> {
        self.database.execute_batch("COMMIT")?;
        self.database.close().map_err(|(_, error)| error)?;
        self.file.keep();
        Ok(())
    }
}

/// The table's name: the event's, unless that is SQLite's or ours.
pub(crate) fn table_name(event: &str) -> String {
    let name = event.replace('\0', "_");
    let lower = name.to_ascii_lowercase();
    if name.is_empty() || lower.starts_with("sqlite_") || lower == ABOUT {
        return format!("event_{name}");
    }
    name
}

impl Part {
    fn name(&self) -> &str {
        match self {
            Part::Sequence => SEQUENCE,
            Part::Time => TIME,
            Part::Epoch => EPOCH,
            Part::Field(column) => &column.path,
        }
    }
}

/// What the fields' names become if all columns are written.
pub(crate) fn column_names(columns: &[Column]) -> Vec<String> {
    let own = [SEQUENCE, TIME, EPOCH].into_iter();
    unique_names(own.chain(columns.iter().map(|column| column.path.as_str()))).split_off(3)
}

/// Names, each once: to SQLite `a` and `A` are the same.
fn unique_names<'a>(names: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut known = std::collections::HashSet::new();
    let mut all = Vec::new();
    for name in names {
        let first = name.replace('\0', "_");
        let (mut unique, mut count) = (first.clone(), 2);
        while !known.insert(unique.to_ascii_lowercase()) {
            unique = format!("{first}_{count}");
            count += 1;
        }
        all.push(unique);
    }
    all
}

/// A name as SQL writes it.
pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// How SQLite keeps a field.
fn sql_type(kind: &Kind) -> &'static str {
    let is_wide = |storage: &Integer| storage.bytes > 8;
    match kind {
        Kind::Integer(storage) | Kind::Decimal { storage, .. } if is_wide(storage) => "TEXT",
        Kind::Integer(_) | Kind::Decimal { .. } | Kind::Time { .. } | Kind::Bool => "INTEGER",
        Kind::Float32 | Kind::Float64 => "REAL",
        Kind::Enum { .. } | Kind::Text(_) | Kind::Array(..) => "TEXT",
        _ => "BLOB",
    }
}

fn create_table(name: &str, parts: &[Part], names: &[String]) -> String {
    let line = |(part, name): (&Part, &String)| {
        let of = match part {
            Part::Sequence => "INTEGER PRIMARY KEY",
            Part::Time => "INTEGER",
            Part::Epoch => "INTEGER NOT NULL",
            Part::Field(column) => sql_type(&column.kind),
        };
        format!("{} {of}", quoted(name))
    };
    let lines: Vec<String> = parts.iter().zip(names).map(line).collect();
    format!("CREATE TABLE {} ({})", quoted(name), lines.join(", "))
}

fn write_about(database: &Connection, table: &str, options: &SinkOptions) -> Result<(), ExportError> {
    database.execute_batch(&format!("CREATE TABLE {ABOUT} (key TEXT PRIMARY KEY, value TEXT NOT NULL)"))?;
    let mut about: Vec<(String, String)> = options.origin.metadata().into_iter().collect();
    about.push(("slipring.table".to_owned(), table.to_owned()));
    about.sort();
    for (key, value) in about {
        database.execute(&format!("INSERT INTO {ABOUT} VALUES (?, ?)"), (key, value))?;
    }
    Ok(())
}
