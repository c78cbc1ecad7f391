//! What events are written to: the trait of every format.

use std::fmt;
use std::path::Path;

use slipring_journal::{JournalId, Schema};
use slipring_schema::{Row, Table};

use crate::rows::columns::Shown;

/// Begins a file at a path where there is none.
pub type CreateSink = fn(&Path, &SinkPlan<'_>) -> Result<Box<dyn Sink>, SinkError>;

/// A format that events are written in, by its name.
#[derive(Clone, Copy)]
pub struct SinkFormat {
    /// Its name on the command line.
    pub name: &'static str,
    /// What it is, in a few words, for help.
    pub about: &'static str,
    /// What a file's name ends with, without the dot; the first is given to the files of partitions.
    pub extensions: &'static [&'static str],
    /// What `--compress` may say; the first is what is done if it says nothing.
    pub compressions: &'static [&'static str],
    /// Whether it has a form for records without an event.
    pub has_voids: bool,
    /// Begins a file at a path where there is none.
    pub create: CreateSink,
}

impl fmt::Debug for SinkFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SinkFormat").field("name", &self.name).finish_non_exhaustive()
    }
}

/// What a sink is told before the first row.
#[derive(Clone, Copy, Debug)]
pub struct SinkPlan<'a> {
    /// What the journal says of its events.
    pub schema: &'a Schema,
    /// The events as columns.
    pub table: &'a Table,
    /// The columns that are written, in order.
    pub columns: &'a [Shown],
    /// How the file is compressed: one of the format's words, behind a colon a level perhaps.
    pub compress: &'a str,
    /// The journal that the rows are of.
    pub journal_id: JournalId,
}

/// Writes one file of rows.
pub trait Sink {
    /// Writes rows, in order.
    ///
    /// # Errors
    /// The file can't be written, or the format can't hold a value.
    fn push(&mut self, rows: &[Row<'_>]) -> Result<(), SinkError>;

    /// Writes a record without an event behind the rows before it, if [`SinkFormat::has_voids`] says so.
    ///
    /// # Errors
    /// The file can't be written.
    fn void(&mut self, _: &Row<'_>) -> Result<(), SinkError> {
        Ok(())
    }

    /// Writes what is still held back, and what ends the file. It is synced by who called.
    ///
    /// # Errors
    /// The file can't be written.
    fn finish(self: Box<Self>) -> Result<(), SinkError>;
}

/// Why a file of rows could not be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SinkError {
    /// The system's answer.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// The format can't hold what a row has.
    #[error("the record of sequence {sequence}: {what}")]
    Row {
        /// The record.
        sequence: u64,
        /// What is wrong, and what to do.
        what: String,
    },
    /// The library that writes the format has an answer of its own.
    #[error("{0}")]
    Format(String),
}
