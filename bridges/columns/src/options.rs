//! What a file is to be like, and where its rows come from.

use std::collections::{HashMap, HashSet};

use slipring_journal::{JournalId, Schema};
use slipring_schema::Table;

use crate::error::ExportError;

/// The key under which a file keeps the schema of its events, as a segment header has it.
pub const SCHEMA_KEY: &str = "slipring.schema";
/// The key under which a file keeps the identity of the journal, in hexadecimal digits.
pub const JOURNAL_KEY: &str = "slipring.journal";
/// The key under which a file keeps the range of sequences that was asked for, as `first..end`.
pub const RANGE_KEY: &str = "slipring.range";
/// The key under which a column keeps the number that its nulls stand for.
pub const NULL_KEY: &str = "slipring.null";

/// How a file is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Compress {
    /// Not at all.
    None,
    /// Zstandard, of a level from 1 to 22.
    Zstd(i32),
    /// Snappy.
    Snappy,
    /// LZ4.
    Lz4,
    /// Deflate: what every reader of Avro has.
    Deflate,
}

/// Why a text names no way of compressing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected none, zstd, zstd:LEVEL with a level from 1 to 22, snappy, lz4 or deflate")]
pub struct NoCompression;

impl Compress {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Compress::None => "none",
            Compress::Zstd(_) => "zstd",
            Compress::Snappy => "snappy",
            Compress::Lz4 => "lz4",
            Compress::Deflate => "deflate",
        }
    }
}

impl std::str::FromStr for Compress {
    type Err = NoCompression;

    fn from_str(text: &str) -> Result<Self, NoCompression> {
        match text {
            "none" => Ok(Compress::None),
            "zstd" => Ok(Compress::Zstd(1)),
            "snappy" => Ok(Compress::Snappy),
            "lz4" => Ok(Compress::Lz4),
            "deflate" => Ok(Compress::Deflate),
            _ => {
                let level = text.strip_prefix("zstd:").and_then(|level| level.parse().ok());
                level.filter(|level| (1..=22).contains(level)).map(Compress::Zstd).ok_or(NoCompression)
            }
        }
    }
}

/// One column of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Chosen {
    /// The record's sequence.
    Sequence,
    /// Its journal time.
    Time,
    /// The epoch of its writer.
    Epoch,
    /// A column of the event, by its place in the table.
    Field(usize),
}

/// What is written of the events, and how.
#[derive(Clone, Debug)]
pub struct SinkOptions {
    /// How it is compressed; the format's own way if not said.
    pub compress: Option<Compress>,
    /// The columns in the order in which they are to stand; if not said, the journal's own and then all of
    /// the event's. What is there twice is written once.
    pub columns: Option<Vec<Chosen>>,
    /// Where the events come from.
    pub origin: Origin,
}

/// Where the rows of a file come from: kept in the file, which can so be recorded again without a schema.
#[derive(Clone, Debug)]
pub struct Origin {
    /// What the events are.
    pub schema: Schema,
    /// The journal, if they come from one.
    pub journal_id: Option<JournalId>,
    /// The sequences that were asked for.
    pub range: Option<std::ops::Range<u64>>,
}

impl SinkOptions {
    /// All columns, the format's own compression.
    pub fn new(schema: Schema) -> Self {
        SinkOptions {
            compress: None,
            columns: None,
            origin: Origin { schema, journal_id: None, range: None },
        }
    }

    /// The chosen columns of a table: those that have bytes, each once.
    pub(crate) fn chosen(&self, table: &Table) -> Result<Vec<Chosen>, ExportError> {
        let all = || {
            let own = [Chosen::Sequence, Chosen::Time, Chosen::Epoch];
            own.into_iter().chain((0..table.columns.len()).map(Chosen::Field)).collect()
        };
        let mut chosen = self.columns.clone().unwrap_or_else(all);
        let mut known = HashSet::new();
        chosen.retain(|column| known.insert(*column));
        for column in &chosen {
            if let Chosen::Field(place) = column
                && *place >= table.columns.len()
            {
                let there = table.columns.iter().map(|column| column.path.clone()).collect();
                return Err(ExportError::NoColumn { column: place.to_string(), there });
            }
        }
        let has_bytes = |chosen: &Chosen| !matches!(chosen, Chosen::Field(place) if table.columns[*place].kind.bytes() == 0);
        chosen.retain(has_bytes);
        Ok(chosen)
    }
}

impl Origin {
    /// As a file's metadata keeps it.
    pub(crate) fn metadata(&self) -> HashMap<String, String> {
        let mut all = HashMap::from([(SCHEMA_KEY.to_owned(), self.schema.to_text())]);
        if let Some(id) = &self.journal_id {
            all.insert(JOURNAL_KEY.to_owned(), id.to_string());
        }
        if let Some(range) = &self.range {
            all.insert(RANGE_KEY.to_owned(), format!("{}..{}", range.start, range.end));
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ways_of_compressing_have_names() {
        assert_eq!("zstd".parse(), Ok(Compress::Zstd(1)));
        assert_eq!("zstd:22".parse(), Ok(Compress::Zstd(22)));
        assert_eq!("none".parse(), Ok(Compress::None));
        for bad in ["", "zstd:", "zstd:0", "zstd:23", "zstd:-1", "gzip", "ZSTD"] {
            assert_eq!(bad.parse::<Compress>(), Err(NoCompression), "{bad}");
        }
    }
}
