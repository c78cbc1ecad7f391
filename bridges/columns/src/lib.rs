//! Journals of slipring in and out of Parquet, Arrow, Avro, SQLite and DBN.
//!
//! Two sides that know nothing of each other, and nothing of a command:
//!
//! - [`sink`]: events into files. What a field becomes in a column is one table for all formats.
//! - [`source`]: files into events of a schema, exactly or not at all.
//!
//! Every file that a sink writes keeps the schema of its events, and can be recorded again without one.

#![deny(missing_docs)]

mod batch;
pub mod dbn;
mod error;
mod intake;
mod options;
mod records;
pub mod sink;
pub mod source;
mod unfinished;

pub use error::{ExportError, ImportError, Misfit, RowFault};
pub use intake::Rows;
pub use options::{
    Chosen, Compress, JOURNAL_KEY, NULL_KEY, NoCompression, Origin, RANGE_KEY, SCHEMA_KEY, SinkOptions,
};
