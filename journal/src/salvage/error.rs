//! Why nothing could be salvaged.

use std::path::PathBuf;

use crate::error::{IoFault, JournalFault};
use crate::tools::text::counted;

use super::report::SalvageReport;

/// Why nothing was salvaged.
///
/// See the example of [`SalvageOptions`](crate::SalvageOptions).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SalvageError {
    /// A system call failed, there is no journal, or it is of another version or byte order.
    #[error(transparent)]
    Journal(#[from] JournalFault),
    /// A writer is at it: what it appends meanwhile would be missing, and nobody could say how much.
    #[error(
        "the journal {} is open, written by {holder}: nothing was salvaged; close that writer first, or end its process",
        path.display()
    )]
    Live {
        /// The folder.
        path: PathBuf,
        /// The writer.
        holder: String,
    },
    /// There is something at the place for the new journal.
    #[error("{} is not empty: salvage goes into a new journal; give the path of a folder that is not there", path.display())]
    IntoNotEmpty {
        /// The folder.
        path: PathBuf,
    },
    /// No header of any segment can be read, so nobody knows the size of a record.
    #[error(
        "no segment in {} has a header that can be read, so nobody knows how long a record is and nothing can be \
         salvaged from here; if there is a copy of the whole journal, salvage that (slipring salvage)",
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
            1 => "1 record behind it is whole: salvage with damage skipped (--skip-damaged)".to_owned(),
            count => format!("{count} records behind it are whole: salvage with damage skipped (--skip-damaged)"),
        }
    )]
    NothingToKeep {
        /// The folder.
        path: PathBuf,
        /// What was lost, and why.
        report: Box<SalvageReport>,
    },
    /// The first look found other records than the second.
    #[error(
        "record {sequence} is not the one that the first look found: somebody writes to the journal; close that writer and salvage again"
    )]
    Changed {
        /// The first record that differs.
        sequence: u64,
    },
    /// What would be written is more than the damaged journal can have held.
    #[error(
        "what can be kept of {}, with {} for what is lost between, takes {needed_bytes} bytes, and \
         no more than {most_bytes} are allowed: nothing was written; a file claims records that were never there: \
         move it out of the folder, or allow so many (--allow-bytes {needed_bytes})", path.display(), counted(*voids, "void record", "void records")
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
