//! The first rows of an input, from which a schema is inferred.

use std::collections::BTreeMap;

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
    /// The line in hand, from 1.
    pub line: usize,
    /// Of each row its line.
    pub lines: Vec<usize>,
    /// Paths that lead to an object, each with the first line where they do.
    pub objects: BTreeMap<String, usize>,
}

/// A path that leads to a value here and to an object there.
#[derive(Debug, thiserror::Error)]
#[error(
    "`{path}` is a single value in line {value} and an object in line {object}, and no field takes both: write a schema \
     file with the one that is wanted, and set the others aside with --rejects FILE"
)]
struct TwoKinds {
    path: String,
    value: usize,
    object: usize,
}

impl Sample {
    /// A schema called `name` for rows like these.
    pub fn schema(&self, name: &str) -> Result<Schema, SourceError> {
        let kept = self.kept()?;
        let columns: Vec<&str> = kept.iter().map(|index| self.columns[*index].as_str()).collect();
        let cells = self
            .rows
            .iter()
            .map(|row| kept.iter().map(|index| row.get(*index).map_or(Cell::Missing, Owned::cell)).collect());
        let rows: Vec<Vec<Cell<'_>>> = cells.collect();
        infer(name, &columns, rows.iter().map(|row| &row[..]))
            .map_err(|error| SourceError::Format(Box::new(error)))
    }

    /// The columns that may be fields: without those that are an object in some rows and have no value in the
    /// others. An array there is no value: it is passed over, as one that is not always there.
    fn kept(&self) -> Result<Vec<usize>, SourceError> {
        let mut kept = Vec::new();
        for (index, path) in self.columns.iter().enumerate() {
            let Some(object) = self.objects.get(path) else {
                kept.push(index);
                continue;
            };
            let is_value =
                |row: &Vec<Owned>| !matches!(row.get(index), None | Some(Owned::Missing | Owned::Array(_)));
            if let Some(value) = self.rows.iter().position(is_value) {
                let two = TwoKinds { path: path.clone(), value: self.lines[value], object: *object };
                return Err(SourceError::Format(Box::new(two)));
            }
        }
        Ok(kept)
    }

    /// Takes the row of the line in hand.
    pub fn push(&mut self, row: Vec<Owned>) {
        self.rows.push(row);
        self.lines.push(self.line);
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
