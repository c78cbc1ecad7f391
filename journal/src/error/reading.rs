//! Why something could not be read, or nothing be saved of what can't.

use std::path::PathBuf;

use super::{CorruptRecord, IoFault, JournalFault};
use crate::format::JournalId;

/// Why a record could not be read.
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
        anchor: crate::anchor::Anchor,
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

/// Why nothing was salvaged.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SalvageError {
    /// A system call failed, there is no journal, or it is of another version or byte order.
    #[error(transparent)]
    Journal(#[from] JournalFault),
    /// There is something at the place for the new journal.
    #[error("{} is not empty: salvage goes into a new journal; give the path of a folder that is not there", path.display())]
    IntoNotEmpty {
        /// The folder.
        path: PathBuf,
    },
    /// No header of any segment can be read, so nobody knows the size of a record.
    #[error(
        "no segment in {} has a header that can be read, so nobody knows how long a record is; put one segment of \
         this journal from a copy into the folder",
        path.display()
    )]
    NoHeader {
        /// The folder.
        path: PathBuf,
    },
    /// The first record is damaged already, or none is whole.
    #[error(
        "nothing of {} can be kept: {}; {}", path.display(),
        report.lost.first().map_or_else(String::new, ToString::to_string),
        match report.whole_not_kept {
            0 => "no record is whole: salvage what copies of the files there are".to_owned(),
            count => format!("{count} records behind it are whole: salvage with damage skipped (--skip-damaged)"),
        }
    )]
    NothingToKeep {
        /// The folder.
        path: PathBuf,
        /// What was lost, and why.
        report: Box<crate::salvage::SalvageReport>,
    },
    /// What would be written is more than the damaged journal can have held.
    #[error(
        "what can be kept of {}, with {voids} void records for what is lost between, takes {needed_bytes} bytes, and \
         no more than {most_bytes} are allowed: nothing was written; a file claims records that were never there: \
         move it out of the folder, or allow so many (--allow-bytes {needed_bytes})", path.display()
    )]
    TooLarge {
        /// The damaged journal's folder.
        path: PathBuf,
        /// Void records that would be written.
        voids: u64,
        /// Bytes that the new journal would take.
        needed_bytes: u64,
        /// Bytes that it may take: [`SalvageOptions::allow_bytes`](crate::SalvageOptions::allow_bytes).
        most_bytes: u64,
    },
}

impl From<IoFault> for SalvageError {
    fn from(fault: IoFault) -> Self {
        SalvageError::Journal(fault.into())
    }
}
