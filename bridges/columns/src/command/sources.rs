//! Into a journal: this crate's sources, one event after the other.

use std::fs::File;
use std::io::{BufReader, Cursor, Read, Seek, SeekFrom};
use std::sync::Arc;

use slipring_cli::formats::input::Input;
use slipring_cli::formats::source::{
    FormatOptions, Place, Position, Reject, Row, Setup, Source, SourceError, SourceFormat, Step,
};
use slipring_columns::dbn::DbnSource;
use slipring_columns::source::ColumnSource;
use slipring_columns::source::sqlite::{SqliteRows, SqliteSource};
use slipring_columns::{ImportError, Rows};
use slipring_journal::Schema;
use slipring_schema::{ParseOptions, Parsed, Table};

/// Options that columns have a use for.
const FITTING: &[&str] = &["--truncate-text", "--round-times"];

/// All formats that are recorded.
pub(super) const ALL: [SourceFormat; 5] = [
    SourceFormat {
        name: "parquet",
        about: "Parquet",
        extensions: &["parquet", "pq"],
        uses: FITTING,
        by_record: true,
        open: |input, setup| begin(parquet(&input)?, &setup),
        infer: Some(|input, _, name| parquet(input)?.schema(name).map_err(fault)),
        kept: Some(|input, _| Ok(parquet(input)?.kept_schema())),
    },
    SourceFormat {
        name: "arrow",
        about: "Arrow IPC, a file (Feather version 2) or a stream",
        extensions: &["arrow", "arrows", "feather", "ipc"],
        uses: FITTING,
        by_record: true,
        open: |input, setup| begin(arrow(input)?, &setup),
        infer: Some(|input, _, name| {
            ColumnSource::arrow(file(input, "arrow")?)
                .and_then(|mut source| source.schema(name))
                .map_err(fault)
        }),
        kept: Some(kept_by_arrow),
    },
    SourceFormat {
        name: "avro",
        about: "Avro object container file",
        extensions: &["avro"],
        uses: FITTING,
        by_record: true,
        open: |input, setup| begin(ColumnSource::avro(BufReader::new(whole(input)?)).map_err(fault)?, &setup),
        infer: Some(|input, _, name| {
            let file = BufReader::new(file(input, "avro")?);
            ColumnSource::avro(file).and_then(|mut source| source.schema(name)).map_err(fault)
        }),
        kept: Some(kept_by_avro),
    },
    SourceFormat {
        name: "sqlite",
        about: "SQLite: a table, a view, or a query (--from-table)",
        extensions: &["sqlite", "sqlite3", "db"],
        uses: &["--table", "--truncate-text", "--round-times"],
        by_record: true,
        open: |input, setup| begin(sqlite(&input, &setup.options)?, &setup),
        infer: Some(|input, options, name| sqlite(input, options)?.schema(name).map_err(fault)),
        kept: Some(|input, options| Ok(sqlite(input, options)?.kept_schema())),
    },
    SourceFormat {
        name: "dbn",
        about: "DBN, versions 1 to 3, compressed with zstd or not",
        extensions: &["dbn", "dbn.zst"],
        uses: &["--table"],
        by_record: true,
        open: open_dbn,
        infer: Some(infer_dbn),
        kept: Some(|input, options| infer_dbn(input, options, "").map(Some)),
    },
];

/// What is kept in a file. A pipe is not looked at: it could be long until its first rows come.
fn kept_by_arrow(input: &mut Input, _: &FormatOptions) -> Result<Option<Schema>, SourceError> {
    let Some(_) = input.file() else { return Ok(None) };
    let source = ColumnSource::arrow(file(input, "arrow")?).map_err(fault)?;
    Ok(source.kept_schema())
}

/// As [`kept_by_arrow`].
fn kept_by_avro(input: &mut Input, _: &FormatOptions) -> Result<Option<Schema>, SourceError> {
    let Some(_) = input.file() else { return Ok(None) };
    let source = ColumnSource::avro(BufReader::new(file(input, "avro")?)).map_err(fault)?;
    Ok(source.kept_schema())
}

/// Bytes of a pipe that are looked at for what a DBN stream says about itself.
const DBN_HEAD_BYTES: usize = 64 << 10;

/// A source of this crate, whatever its format.
trait Batches {
    fn begin(&mut self, table: &Table, parse: ParseOptions, first_row: u64) -> Result<(), ImportError>;
    fn next_batch(&mut self, out: &mut Rows) -> Result<usize, ImportError>;
    fn notices(&self) -> Vec<String>;
}

impl Batches for ColumnSource {
    fn begin(&mut self, table: &Table, parse: ParseOptions, first_row: u64) -> Result<(), ImportError> {
        self.begin(table, parse, first_row)
    }
    fn next_batch(&mut self, out: &mut Rows) -> Result<usize, ImportError> {
        self.next_batch(out)
    }
    fn notices(&self) -> Vec<String> {
        passed_over(self.passed_over())
    }
}

impl Batches for SqliteSource {
    fn begin(&mut self, table: &Table, parse: ParseOptions, first_row: u64) -> Result<(), ImportError> {
        self.begin(table, parse, first_row)
    }
    fn next_batch(&mut self, out: &mut Rows) -> Result<usize, ImportError> {
        self.next_batch(out)
    }
    fn notices(&self) -> Vec<String> {
        passed_over(self.passed_over())
    }
}

impl Batches for DbnSource {
    fn begin(&mut self, table: &Table, _: ParseOptions, first_row: u64) -> Result<(), ImportError> {
        self.begin(table, first_row)
    }
    fn next_batch(&mut self, out: &mut Rows) -> Result<usize, ImportError> {
        self.next_batch(out)
    }
    fn notices(&self) -> Vec<String> {
        self.notices()
    }
}

fn passed_over(columns: &[String]) -> Vec<String> {
    match columns {
        [] => Vec::new(),
        columns => vec![format!("columns without a field were passed over: {}", columns.join(", "))],
    }
}

/// Gives out the events of batches one by one.
struct OneByOne<S> {
    source: S,
    table: Arc<Table>,
    rows: Rows,
    /// The next of `rows`.
    at: usize,
    records: u64,
    /// It has said that the next batch may take time.
    waited: bool,
    /// Notices that have been told.
    told: usize,
}

impl<S: Batches> Source for OneByOne<S> {
    fn next(&mut self, row: &mut Row) -> Result<Step, SourceError> {
        if self.at >= self.rows.len() {
            if !std::mem::replace(&mut self.waited, true) {
                return Ok(Step::Wait);
            }
            self.waited = false;
            self.at = 0;
            if self.source.next_batch(&mut self.rows).map_err(fault)? == 0 {
                return Ok(Step::End);
            }
        }
        let at = self.at;
        self.at += 1;
        self.records += 1;
        row.place = Place { record: self.records, ..Place::default() };
        if !self.rows.faults.is_empty()
            && let Some(fault) = self.rows.faults.remove(&at)
        {
            return Ok(Step::Reject(self.reject(Box::new(fault))));
        }
        let event_bytes = self.table.event_bytes;
        row.event.copy_from_slice(&self.rows.events[at * event_bytes..][..event_bytes]);
        row.is_void = false;
        row.parsed = match self.rows.parsed.is_empty() {
            true => Parsed::default(),
            false => self.rows.parsed.remove(&at).unwrap_or_default(),
        };
        row.time_ns = self.rows.times[at];
        if row.time_ns.is_none()
            && let Err(fault) = row.take_time(&self.table)
        {
            return Ok(Step::Reject(self.reject(Box::new(fault))));
        }
        Ok(Step::Row)
    }

    fn position(&self) -> Position {
        Position { records: self.records, ..Position::default() }
    }

    fn take_notices(&mut self) -> Vec<String> {
        let mut all = self.source.notices();
        let new = all.split_off(self.told.min(all.len()));
        self.told += new.len();
        new
    }
}

impl<S> OneByOne<S> {
    /// These formats have no text of one event: what is wrong with it stands for it.
    fn reject(&self, fault: Box<dyn std::error::Error + Send + Sync>) -> Reject {
        let place = Place { record: self.records, ..Place::default() };
        let raw = format!("record {}: {fault}\n", self.records).into_bytes();
        Reject { place, fault, raw }
    }
}

fn begin<S: Batches + 'static>(mut source: S, setup: &Setup) -> Result<Box<dyn Source>, SourceError> {
    let first_row = setup.from.map_or(0, |from| from.records);
    source.begin(&setup.table, setup.parse, first_row).map_err(fault)?;
    let (table, rows) = (setup.table.clone(), Rows::default());
    Ok(Box::new(OneByOne { source, table, rows, at: 0, records: first_row, waited: false, told: 0 }))
}

/// The input's file from its beginning; a pipe has none.
fn file(input: &Input, format: &'static str) -> Result<File, SourceError> {
    let mut file = input.file().ok_or(SourceError::Pipe { format })?.try_clone()?;
    file.seek(SeekFrom::Start(0))?;
    Ok(file)
}

/// All of the input, a file's from its beginning.
fn whole(input: Input) -> Result<Box<dyn Read + Send>, SourceError> {
    if input.file().is_some() {
        return Ok(Box::new(file(&input, "a stream")?));
    }
    let (head, rest) = input.into_parts(0)?;
    Ok(Box::new(Cursor::new(head).chain(rest)))
}

fn parquet(input: &Input) -> Result<ColumnSource, SourceError> {
    ColumnSource::parquet(file(input, "parquet")?).map_err(fault)
}

fn arrow(input: Input) -> Result<ColumnSource, SourceError> {
    match input.file() {
        Some(_) => ColumnSource::arrow(file(&input, "arrow")?).map_err(fault),
        None => ColumnSource::arrow_stream(whole(input)?).map_err(fault),
    }
}

fn sqlite(input: &Input, options: &FormatOptions) -> Result<SqliteSource, SourceError> {
    input.file().ok_or(SourceError::Pipe { format: "sqlite" })?;
    let rows = match options.from_table.as_deref() {
        None => SqliteRows::OnlyTable,
        Some(query) if query.trim_start().to_ascii_lowercase().starts_with("select ") => {
            SqliteRows::Query(query.to_owned())
        }
        Some(table) => SqliteRows::Table(table.to_owned()),
    };
    SqliteSource::open(input.path(), &rows).map_err(fault)
}

fn open_dbn(input: Input, setup: Setup) -> Result<Box<dyn Source>, SourceError> {
    let of = setup.options.from_table.as_deref();
    begin(DbnSource::open(whole(input)?, of).map_err(fault)?, &setup)
}

fn infer_dbn(input: &mut Input, options: &FormatOptions, _: &str) -> Result<Schema, SourceError> {
    let of = options.from_table.as_deref();
    let source = match input.file() {
        Some(_) => DbnSource::open(file(input, "dbn")?, of),
        None => DbnSource::open(Cursor::new(input.head(DBN_HEAD_BYTES)?.to_vec()), of),
    };
    Ok(source.map_err(fault)?.schema().clone())
}

fn fault(error: ImportError) -> SourceError {
    match error {
        ImportError::Io { source, .. } => SourceError::Read(source),
        ImportError::NoColumn { missing, there } => SourceError::NoColumn { missing, there },
        ImportError::TwoColumns { column } => SourceError::Twice { column },
        ImportError::OtherType { column, found, expected } => {
            SourceError::OtherType { column, found, expected: expected.to_owned() }
        }
        ImportError::NotThis { expected, what } => SourceError::NotThis { expected, found: what },
        other => SourceError::Format(Box::new(other)),
    }
}
