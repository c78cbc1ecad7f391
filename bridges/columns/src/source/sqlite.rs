//! SQLite: a table, or what a query gives.

use std::collections::HashMap;
use std::path::Path;

use rusqlite::types::{Value as Sql, ValueRef};
use rusqlite::{Connection, OpenFlags};
use slipring_journal::Schema;
use slipring_schema::{Kind, ParseOptions, SEQUENCE, TIME, Table};

use crate::error::ImportError;
use crate::intake::Rows;
use crate::intake::cell::Cell;
use crate::intake::infer::{Layout, Seen, Shape};
use crate::intake::store::Nulls;
use crate::intake::target::Target;
use crate::options::SCHEMA_KEY;
use crate::sink::sqlite::{ABOUT, column_names, quoted};

/// Rows of one batch.
const BATCH_ROWS: usize = 4096;
/// Rows that are looked at before a schema is made up.
const LOOKED_AT_ROWS: usize = 1 << 16;

/// Events out of an SQLite database, which is opened for reading only.
///
/// A table that slipring wrote is read as it was meant: its integers are what its schema says. In any other
/// table an integer is a whole number: 5 in a column of decimals is 5.00.
pub struct SqliteSource {
    /// The rows, read by a thread of their own: a statement can't be kept beside its database.
    reader: Reader,
    names: Vec<String>,
    about: HashMap<String, String>,
    /// Whether it is the table that slipring wrote.
    is_ours: bool,
    ahead: Vec<Vec<Sql>>,
    target: Option<Target>,
    meanings: Vec<Option<Kind>>,
    row: u64,
}

impl std::fmt::Debug for SqliteSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SqliteSource")
            .field("names", &self.names)
            .field("row", &self.row)
            .finish_non_exhaustive()
    }
}

/// Which rows of a database are meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SqliteRows {
    /// Of the one table there is, or that slipring wrote.
    OnlyTable,
    /// Of a table or view.
    Table(String),
    /// What a `select` gives.
    Query(String),
}

/// A batch of rows, or what went wrong; the sender is gone at the end.
type Reader = std::sync::mpsc::Receiver<Result<Vec<Vec<Sql>>, rusqlite::Error>>;

impl SqliteSource {
    /// Opens a database.
    ///
    /// # Errors
    /// It is none, or has no such table; which of several tables is meant is not said.
    pub fn open(path: &Path, rows: &SqliteRows) -> Result<Self, ImportError> {
        let database = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        let about = read_about(&database)?;
        let ours = about.get("slipring.table");
        let (sql, is_ours) = match rows {
            SqliteRows::Query(sql) => (sql.clone(), false),
            SqliteRows::Table(name) => (select(&database, name)?, ours == Some(name)),
            SqliteRows::OnlyTable => match ours {
                Some(name) => (select(&database, name)?, true),
                None => (select(&database, &only_table(&database)?)?, false),
            },
        };
        let statement = database.prepare(&sql)?;
        if !statement.readonly() {
            let what = "the query would write; a `select` is wanted".to_owned();
            return Err(ImportError::NotThis { expected: "query", what });
        }
        let names: Vec<String> = statement.column_names().map(str::to_owned).collect();
        drop(statement);
        let meanings = vec![None; names.len()];
        let reader = read(database, sql, names.len());
        Ok(SqliteSource { reader, names, about, is_ours, ahead: Vec::new(), target: None, meanings, row: 0 })
    }

    /// The schema that slipring wrote into the database, if its table is the one that is read and has all of
    /// its columns.
    pub fn kept_schema(&self) -> Option<Schema> {
        let kept = self.said_schema()?;
        self.target_for(&Table::new(&kept), ParseOptions::default()).is_ok().then_some(kept)
    }

    fn said_schema(&self) -> Option<Schema> {
        Schema::from_text(self.about.get(SCHEMA_KEY).filter(|_| self.is_ours)?)
    }

    /// A schema for the rows: the one that slipring wrote, if all of its columns are there; else one made up,
    /// under the name given, of the types that the rows have that are looked at.
    ///
    /// # Errors
    /// The database can't be read, or has a column that no field can hold.
    pub fn schema(&mut self, name: &str) -> Result<Schema, ImportError> {
        if let Some(kept) = self.kept_schema() {
            return Ok(kept);
        }
        while self.ahead.len() < LOOKED_AT_ROWS {
            match self.reader.recv() {
                Ok(rows) => self.ahead.extend(rows?),
                Err(_) => break,
            }
        }
        let mut layout = Layout::new();
        let own = [SEQUENCE, TIME, slipring_schema::EPOCH];
        for (place, name) in self.names.iter().enumerate().filter(|(_, name)| !own.contains(&name.as_str())) {
            let values = self.ahead.iter().map(|row| &row[place]);
            if let Some(shape) = shape_of(name, values)? {
                layout.add(name, shape);
            }
        }
        let has_time = self.names.iter().any(|name| name == TIME);
        layout.finish(name, !has_time)
    }

    /// Says which events are wanted; the rows before `first_row` are passed over.
    ///
    /// # Errors
    /// Fields without a column.
    pub fn begin(&mut self, table: &Table, options: ParseOptions, first_row: u64) -> Result<(), ImportError> {
        self.target = Some(self.target_for(table, options)?);
        self.meanings = self.kept_meanings();
        while self.row < first_row {
            let Some(mut rows) = self.next_raw()? else { break };
            let passed = rows.len().min(usize::try_from(first_row - self.row).unwrap_or(usize::MAX));
            self.row += passed as u64;
            rows.drain(..passed);
            rows.append(&mut self.ahead);
            self.ahead = rows;
        }
        Ok(())
    }

    fn target_for(&self, table: &Table, options: ParseOptions) -> Result<Target, ImportError> {
        let renamed = self.renamed();
        let nulls = Nulls { no_time: self.is_ours, nan: self.is_ours };
        Target::new(table, &self.names, |path| renamed.get(path).cloned(), nulls, options)
    }

    /// What our sink has named the fields, by their paths.
    fn renamed(&self) -> HashMap<String, String> {
        let Some(kept) = self.said_schema() else { return HashMap::new() };
        let columns = Table::new(&kept).columns;
        let there: Vec<_> = columns.into_iter().filter(|column| column.kind.bytes() > 0).collect();
        let names = column_names(&there);
        there.into_iter().map(|column| column.path).zip(names).collect()
    }

    /// What the integers of a column count, in a table that slipring wrote.
    fn kept_meanings(&self) -> Vec<Option<Kind>> {
        let Some(kept) = self.said_schema() else { return vec![None; self.names.len()] };
        let columns = Table::new(&kept).columns;
        let renamed = self.renamed();
        let kind = |name: &String| {
            let is_it = |path: &String| path == name || renamed.get(path) == Some(name);
            columns.iter().find(|column| is_it(&column.path)).map(|column| column.kind.clone())
        };
        self.names.iter().map(kind).collect()
    }

    /// The columns that go into no field.
    pub fn passed_over(&self) -> &[String] {
        self.target.as_ref().map_or(&[], Target::passed_over)
    }

    /// The next rows as events; 0 at the end.
    ///
    /// # Errors
    /// The database can't be read any further. A row that is no event is none: see [`Rows::faults`].
    ///
    /// # Panics
    /// If it has not [begun](SqliteSource::begin).
    pub fn next_batch(&mut self, out: &mut Rows) -> Result<usize, ImportError> {
        let rows = self.next_raw()?.unwrap_or_default();
        let target = self.target.as_ref().expect("begin comes first");
        let column = |place: usize| {
            let (rows, meaning) = (&rows, self.meanings[place].as_ref());
            move |row: usize| cell(&rows[row][place], meaning)
        };
        target.fill(out, self.row, rows.len(), column, |_, _, _| false, |_, _| false);
        self.row += rows.len() as u64;
        Ok(rows.len())
    }

    fn next_raw(&mut self) -> Result<Option<Vec<Vec<Sql>>>, ImportError> {
        if !self.ahead.is_empty() {
            let rest = self.ahead.split_off(self.ahead.len().min(BATCH_ROWS));
            return Ok(Some(std::mem::replace(&mut self.ahead, rest)));
        }
        match self.reader.recv() {
            Ok(rows) => Ok(Some(rows?)),
            Err(_) => Ok(None),
        }
    }
}

fn cell<'a>(value: &'a Sql, meaning: Option<&Kind>) -> Cell<'a> {
    let meant = |number: i128| match meaning {
        Some(Kind::Decimal { scale, .. }) => Cell::Decimal(number, *scale as i8),
        Some(Kind::Time { unit, .. }) => Cell::Time(number, *unit),
        _ => Cell::Int(number),
    };
    match (value, meaning) {
        (Sql::Null, _) => Cell::Null,
        (Sql::Integer(number), _) => meant(i128::from(*number)),
        (Sql::Real(number), _) => Cell::Float64(*number),
        // Of 128 bits.
        (Sql::Text(text), Some(Kind::Decimal { .. })) => text.parse().map_or(Cell::Text(text), meant),
        (Sql::Text(text), _) => Cell::Text(text),
        (Sql::Blob(bytes), Some(Kind::Integer(_) | Kind::Decimal { .. } | Kind::Time { .. })) => {
            match bytes.first_chunk().filter(|_| bytes.len() == 8) {
                Some(bytes) => meant(i128::from(u64::from_be_bytes(*bytes))),
                None => Cell::Bytes(bytes),
            }
        }
        (Sql::Blob(bytes), _) => Cell::Bytes(bytes),
    }
}

/// Reads the rows in a thread of its own, which ends when nobody takes them any more.
fn read(database: Connection, sql: String, columns: usize) -> Reader {
    let (sender, reader) = std::sync::mpsc::sync_channel(2);
    std::thread::spawn(move || {
        let result = (|| -> Result<(), rusqlite::Error> {
            let mut statement = database.prepare(&sql)?;
            let mut rows = statement.query([])?;
            let mut batch = Vec::new();
            while let Some(row) = rows.next()? {
                let value = |column| row.get_ref(column).and_then(owned);
                batch.push((0..columns).map(value).collect::<Result<Vec<Sql>, _>>()?);
                if batch.len() >= BATCH_ROWS && sender.send(Ok(std::mem::take(&mut batch))).is_err() {
                    return Ok(());
                }
            }
            if !batch.is_empty() {
                // Nobody may want it any more.
                let _ = sender.send(Ok(batch));
            }
            Ok(())
        })();
        if let Err(error) = result {
            let _ = sender.send(Err(error));
        }
    });
    reader
}

fn owned(value: ValueRef<'_>) -> Result<Sql, rusqlite::Error> {
    Ok(match value {
        ValueRef::Null => Sql::Null,
        ValueRef::Integer(number) => Sql::Integer(number),
        ValueRef::Real(number) => Sql::Real(number),
        // What is no UTF-8 is bytes.
        ValueRef::Text(text) => match std::str::from_utf8(text) {
            Ok(text) => Sql::Text(text.to_owned()),
            Err(_) => Sql::Blob(text.to_vec()),
        },
        ValueRef::Blob(bytes) => Sql::Blob(bytes.to_vec()),
    })
}

fn read_about(database: &Connection) -> Result<HashMap<String, String>, ImportError> {
    if !tables(database)?.iter().any(|name| name == ABOUT) {
        return Ok(HashMap::new());
    }
    let mut statement = database.prepare(&format!("SELECT key, value FROM {ABOUT}"))?;
    let pairs = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)));
    Ok(pairs?.collect::<Result<_, _>>()?)
}

fn tables(database: &Connection) -> Result<Vec<String>, ImportError> {
    let sql =
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'";
    let mut statement = database.prepare(sql)?;
    let names = statement.query_map([], |row| row.get(0))?;
    Ok(names.collect::<Result<_, _>>()?)
}

fn only_table(database: &Connection) -> Result<String, ImportError> {
    let mut there = tables(database)?;
    match there.len() {
        1 => Ok(there.remove(0)),
        0 => Err(ImportError::NotThis { expected: "table", what: "the database has none".to_owned() }),
        _ => Err(ImportError::WhichTable { there }),
    }
}

/// All of a table or view, in the order in which it was written where it has one.
fn select(database: &Connection, name: &str) -> Result<String, ImportError> {
    let is_there = "SELECT count(*) FROM sqlite_schema WHERE name = ? AND type IN ('table', 'view')";
    if database.query_row(is_there, [name], |row| row.get::<_, i64>(0))? == 0 {
        let what = format!("the database has no {name}; it has {}", tables(database)?.join(", "));
        return Err(ImportError::NotThis { expected: "table", what });
    }
    let ordered = format!("SELECT * FROM {} ORDER BY rowid", quoted(name));
    // Views and tables without row ids have none.
    Ok(match database.prepare(&ordered) {
        Ok(_) => ordered,
        Err(_) => format!("SELECT * FROM {}", quoted(name)),
    })
}

/// What the field for a column is to be: integers, floats, text or bytes, as all of its values are.
fn shape_of<'a>(name: &str, values: impl Iterator<Item = &'a Sql>) -> Result<Option<Shape>, ImportError> {
    let mut seen = Seen::default();
    let mut types = [false; 4];
    for value in values {
        let cell = cell(value, None);
        seen.note(&cell);
        match cell {
            Cell::Int(_) => types[0] = true,
            Cell::Float64(_) => types[1] = true,
            Cell::Text(_) => types[2] = true,
            Cell::Bytes(_) => types[3] = true,
            _ => {}
        }
    }
    let no_schema = |what| Err(ImportError::NoSchema { what: format!("{name} holds {what}") });
    let shape = match types {
        [false, false, false, false] => return Ok(None),
        [_, false, false, false] => Shape::number("i64", 8),
        [_, true, false, false] => match seen.nulls {
            true => Shape::number("f64", 8).with("default", "NaN"),
            false => Shape::number("f64", 8),
        },
        [false, false, true, false] => match seen.nulls {
            true => Shape::text(seen.longest).with("default", ""),
            false => Shape::text(seen.longest),
        },
        [false, false, false, true] => match seen.one_length() {
            Some(bytes) => Shape::bytes(bytes),
            None => return no_schema("bytes of different lengths"),
        },
        _ => return no_schema("values of different types"),
    };
    Ok(Some(shape))
}
