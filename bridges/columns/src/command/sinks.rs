//! Out of a journal: rows into this crate's sinks.

use std::path::Path;

use slipring_cli::formats::sink::{Sink, SinkError, SinkFormat, SinkPlan};
use slipring_cli::rows::columns::Shown;
use slipring_columns::dbn::DbnSink;
use slipring_columns::sink::arrow::ArrowIpcSink;
use slipring_columns::sink::avro::AvroSink;
use slipring_columns::sink::parquet::ParquetSink;
use slipring_columns::sink::sqlite::SqliteSink;
use slipring_columns::{Chosen, Compress, ExportError, Origin, SinkOptions};
use slipring_schema::{Row, Table};

/// All formats that are written.
pub(super) const ALL: [SinkFormat; 5] = [
    SinkFormat {
        name: "parquet",
        about: "Parquet: integers and times by their differences, zstd",
        extensions: &["parquet", "pq"],
        compressions: &["zstd", "snappy", "lz4", "none"],
        has_voids: false,
        create: create::<ParquetSink>,
    },
    SinkFormat {
        name: "arrow",
        about: "Arrow IPC file (Feather version 2)",
        extensions: &["arrow", "feather", "ipc"],
        compressions: &["none", "zstd", "lz4"],
        has_voids: false,
        create: create::<ArrowIpcSink>,
    },
    SinkFormat {
        name: "avro",
        about: "Avro object container file",
        extensions: &["avro"],
        compressions: &["deflate", "zstd", "snappy", "none"],
        has_voids: false,
        create: create::<AvroSink>,
    },
    SinkFormat {
        name: "sqlite",
        about: "SQLite database: a table of exact values, and a view to read",
        extensions: &["sqlite", "sqlite3", "db"],
        compressions: &["none"],
        has_voids: false,
        create: create::<SqliteSink>,
    },
    SinkFormat {
        name: "dbn",
        about: "DBN, of events that were recorded from DBN: the file they come from",
        extensions: &["dbn", "dbn.zst"],
        compressions: &["none", "zstd"],
        has_voids: false,
        create: create_dbn,
    },
];

/// A sink of this crate, whatever its format.
trait Written: Sized {
    fn create(path: &Path, table: &Table, options: &SinkOptions) -> Result<Self, ExportError>;
    fn push(&mut self, rows: &[Row<'_>]) -> Result<(), ExportError>;
    fn finish(self) -> Result<(), ExportError>;
}

macro_rules! written {
    ($($sink:ty),*) => {
        $(impl Written for $sink {
            fn create(path: &Path, table: &Table, options: &SinkOptions) -> Result<Self, ExportError> {
                <$sink>::create(path, table, options)
            }
            fn push(&mut self, rows: &[Row<'_>]) -> Result<(), ExportError> {
                self.push(rows)
            }
            fn finish(self) -> Result<(), ExportError> {
                self.finish()
            }
        })*
    };
}
written!(ParquetSink, ArrowIpcSink, AvroSink, SqliteSink, DbnSink);

struct OfRows<S>(S);

impl<S: Written> Sink for OfRows<S> {
    fn push(&mut self, rows: &[Row<'_>]) -> Result<(), SinkError> {
        self.0.push(rows).map_err(fault)
    }

    fn finish(self: Box<Self>) -> Result<(), SinkError> {
        self.0.finish().map_err(fault)
    }
}

fn create<S: Written + 'static>(path: &Path, plan: &SinkPlan<'_>) -> Result<Box<dyn Sink>, SinkError> {
    if path == Path::new("-") {
        let what = "this format can't be written to the standard output: give the path of a file";
        return Err(SinkError::Format(what.to_owned()));
    }
    let options = options(plan)?;
    Ok(Box::new(OfRows(S::create(path, plan.table, &options).map_err(fault)?)))
}

/// DBN is compressed if the file's name says so.
fn create_dbn(path: &Path, plan: &SinkPlan<'_>) -> Result<Box<dyn Sink>, SinkError> {
    let by_name = path.extension().is_some_and(|extension| extension == "zst") && plan.compress == "none";
    let plan = SinkPlan { compress: if by_name { "zstd" } else { plan.compress }, ..*plan };
    create::<DbnSink>(path, &plan)
}

fn options(plan: &SinkPlan<'_>) -> Result<SinkOptions, SinkError> {
    let compress: Compress =
        plan.compress.parse().map_err(|error| SinkError::Format(format!("--compress: {error}")))?;
    let columns = plan.columns.iter().map(|column| match column {
        Shown::Sequence => Chosen::Sequence,
        Shown::Time => Chosen::Time,
        Shown::Epoch => Chosen::Epoch,
        Shown::Field(place) => Chosen::Field(*place),
    });
    let origin = Origin { schema: plan.schema.clone(), journal_id: Some(plan.journal_id), range: None };
    Ok(SinkOptions { compress: Some(compress), columns: Some(columns.collect()), origin })
}

fn fault(error: ExportError) -> SinkError {
    match error {
        ExportError::Io { source, .. } => SinkError::Io(source),
        ExportError::Value { sequence, column, misfit } => SinkError::Row {
            sequence,
            what: format!("{column} {misfit}; leave the column out with --fields, or the event with --where"),
        },
        other => SinkError::Format(other.to_string()),
    }
}
