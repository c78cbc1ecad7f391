//! Why something could not be read, or nothing be saved of what can't.

use std::path::PathBuf;

use super::{CorruptRecord, IoFault, JournalFault};
use crate::format::JournalId;

/// Why a record could not be read.
///
/// ```
/// use slipring_journal::{JournalFault, ReadError};
///
/// fn advice(error: &ReadError) -> String {
///     match error {
///         ReadError::Evicted { first, .. } => format!("retention has removed it: start at {first}"),
///         ReadError::Journal(JournalFault::CorruptRecord(record)) => format!("{} is lost", record.sequence),
///         ReadError::Journal(fault) if fault.is_damage() => "salvage the journal into a new one".to_owned(),
///         other => other.to_string(),
///     }
/// }
/// ```
///
/// More: [guarantees](https://github.com/slipring/slipring/blob/main/docs/reference/guarantees.md).
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The files are not as they must be.
    #[error(transparent)]
    Journal(#[from] JournalFault),
    /// The sequence lies outside what is there.
    #[error("sequence {sequence} is outside the journal, which holds {first} to {end}, the latter excluded")]
    OutOfRange {
        /// The sequence asked for.
        sequence: u64,
        /// The first sequence kept.
        first: u64,
        /// The sequence behind the last record.
        end: u64,
    },
    /// Retention has removed what the reader was to read next.
    #[error(
        "retention has removed record {sequence}: the journal begins at {first}; start again from a snapshot or \
         from there, and hold a lease or raise its bounds"
    )]
    Evicted {
        /// The record that was wanted.
        sequence: u64,
        /// The first sequence kept.
        first: u64,
    },
    /// The journal that was being read is not there any more, or another lies in its place.
    #[error(
        "journal {wanted} is not at {} any more: {}; what was read of it was whole; open anew what is to be read now",
        path.display(),
        match found {
            Some(found) => format!("another journal, {found}, lies there"),
            None => "it was removed or moved".to_owned(),
        }
    )]
    AnotherJournal {
        /// The folder.
        path: PathBuf,
        /// The journal that was opened.
        wanted: JournalId,
        /// The one that lies there, if any.
        found: Option<JournalId>,
    },
    /// The log no longer holds what a saved position says.
    #[error(
        "the journal's history is not the one that {anchor} was saved from: {what}; start again from a position \
         that it still holds"
    )]
    HistoryChanged {
        /// The saved position.
        anchor: crate::format::Anchor,
        /// How they differ.
        what: &'static str,
    },
}

impl From<IoFault> for ReadError {
    fn from(fault: IoFault) -> Self {
        ReadError::Journal(fault.into())
    }
}

impl From<CorruptRecord> for ReadError {
    fn from(corrupt: CorruptRecord) -> Self {
        ReadError::Journal(corrupt.into())
    }
}
