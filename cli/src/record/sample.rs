//! The first rows of an input, from which a schema is inferred.

use slipring_journal::Schema;
use slipring_schema::infer::{Cell, infer};

use crate::formats::source::SourceError;

/// So many rows are looked at, and so many bytes at most.
pub(super) const MOST_ROWS: usize = 10_000;
pub(super) const MOST_BYTES: usize = 16 << 20;

/// A cell that outlives the line it was read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Owned {
    Missing,
    Text(String),
    Number(String),
    String(String),
    Bool(bool),
    /// What is no single value, as it is written.
    Array(String),
}

/// Rows and the columns that they have had.
#[derive(Debug, Default)]
pub(super) struct Sample {
    pub columns: Vec<String>,
    pub rows: Vec<Vec<Owned>>,
}

impl Sample {
    /// A schema called `name` for rows like these.
    pub fn schema(&self, name: &str) -> Result<Schema, SourceError> {
        let rows: Vec<Vec<Cell<'_>>> =
            self.rows.iter().map(|row| row.iter().map(Owned::cell).collect()).collect();
        infer(name, &self.columns, rows.iter().map(|row| &row[..]))
            .map_err(|error| SourceError::Format(Box::new(error)))
    }

    /// The place of a column; a new one is the last.
    pub fn column(&mut self, name: &str) -> usize {
        self.columns.iter().position(|column| column == name).unwrap_or_else(|| {
            self.columns.push(name.to_owned());
            self.columns.len() - 1
        })
    }
}

impl Owned {
    fn cell(&self) -> Cell<'_> {
        match self {
            Owned::Missing => Cell::Missing,
            Owned::Text(text) => Cell::Text(text),
            Owned::Number(text) => Cell::Number(text),
            Owned::String(text) => Cell::String(text),
            Owned::Bool(is) => Cell::Bool(*is),
            Owned::Array(text) => Cell::Array(text),
        }
    }
}
