//! What can go wrong, one small enum per operation. Every message says what, where, and what to do.
//!
//! Here is what any operation may meet: a call of the system that fails, files that contradict each other.
//! The folder knows what the format and the storage call things, and no operation but by its name.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use crate::event::{Difference, Schema};
use crate::storage::NotOurs;
use crate::storage::size_limit::advice;

mod named;
mod opening;
mod reading;
mod taking;
mod writing;

pub use named::NamedReaderError;
pub use opening::OpenError;
pub use reading::ReadError;
pub use taking::{NextTypeError, RejoinError, TakeError};
pub use writing::{AppendError, Stall, SyncError};

/// A system call that failed: which, on which file.
///
/// ```
/// use slipring_journal::{Event, FileKind, Journal, JournalFault, OpenError};
/// # #[derive(Clone, Copy, Debug, Event)] #[repr(C)] struct Tick { price: u64 }
///
/// # let folder = tempfile::tempdir()?;
/// // A folder, where the journal's control file should be.
/// std::fs::create_dir(folder.path().join("control"))?;
/// let Err(OpenError::Journal(JournalFault::Io(fault))) = Journal::at(folder.path()).open::<Tick>() else {
///     panic!("it is no file")
/// };
/// assert!(!fault.is_disk_full());
/// assert_eq!(fault.not_ours().map(|what| what.found), Some(FileKind::Folder));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, thiserror::Error)]
#[error("{operation} {}: {source}{}", path.display(), advice(source))]
pub struct IoFault {
    /// What was being done.
    pub operation: &'static str,
    /// The file or folder.
    pub path: PathBuf,
    /// The system's answer.
    pub source: Arc<io::Error>,
}

impl IoFault {
    pub(crate) fn new(operation: &'static str, path: PathBuf, source: io::Error) -> Self {
        IoFault { operation, path, source: Arc::new(source) }
    }

    /// What lies there, if the call was refused because it is no plain file (or folder) as it should be.
    pub fn not_ours(&self) -> Option<NotOurs> {
        NotOurs::of(&self.source)
    }

    /// Whether the disk (or the quota) is full.
    pub fn is_disk_full(&self) -> bool {
        matches!(self.source.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
    }

    /// Whether a sync failed, and not for want of room: the disk loses what it was given.
    pub(crate) fn is_of_a_sync(&self) -> bool {
        self.operation.starts_with("sync") && !self.is_disk_full()
    }
}

/// The files of a journal contradict each other or what is wanted of them. Nothing was changed.
///
/// See the example of [`ReadError`].
///
/// More: [troubleshoot](https://github.com/slipring/slipring/blob/main/docs/how-to/troubleshoot.md).
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum JournalFault {
    /// A system call failed.
    #[error(transparent)]
    Io(#[from] IoFault),
    /// There is no journal.
    #[error("no journal at {}: no folder with a control file or segments is there", path.display())]
    NoJournal {
        /// The folder.
        path: PathBuf,
    },
    /// Both slots of the control file are damaged, or it is missing beside segments.
    #[error(
        "control file {} can't be used: {what}; without it nobody knows how far the journal is durable: salvage the \
         journal into a new one (slipring salvage); an older control file would cut off what came since",
        path.display()
    )]
    BadControl {
        /// The control file.
        path: PathBuf,
        /// What is wrong with it.
        what: &'static str,
    },
    /// The control file is older than what lies beside it: it was put back from a copy, or segments were.
    #[error(
        "control file {} is older than the journal: {} is of epoch {epoch}, and it knows none behind {known}; opening \
         would cut off what came since, so nothing was changed: put the newest control file back, or salvage the \
         journal into a new one (slipring salvage)",
        control.display(), file.display()
    )]
    OutdatedControl {
        /// The control file.
        control: PathBuf,
        /// The segment that knows of a later life: its header, or a record.
        file: PathBuf,
        /// The epoch found there.
        epoch: u32,
        /// The newest epoch that the control file knows.
        known: u32,
    },
    /// Both copies of a segment's header are damaged.
    #[error(
        "segment {}: both copies of its header are damaged; salvage the journal into a new one (slipring salvage), or \
         put the file as it was last in its place", path.display()
    )]
    BadHeader {
        /// The segment.
        path: PathBuf,
    },
    /// A segment of the chain is not there.
    #[error(
        "segment that starts at sequence {expected_base} is missing ({}); restore the file, or salvage the \
         journal into a new one (slipring salvage)", path.display()
    )]
    MissingSegment {
        /// The sequence that nothing starts at.
        expected_base: u64,
        /// The file that should hold it.
        path: PathBuf,
    },
    /// Two files claim the same sequences, or a file is not what its name says.
    #[error(
        "segments {} and {} contradict each other: {what}; move the one that does not belong out of the folder",
        a.display(), b.display()
    )]
    SegmentConflict {
        /// One file.
        a: PathBuf,
        /// The other.
        b: PathBuf,
        /// How they contradict each other.
        what: &'static str,
    },
    /// A segment is shorter than the records that it must hold.
    #[error(
        "segment {} has {found_bytes} bytes of {wanted_bytes}: durable records are cut off; salvage the journal into \
         a new one (slipring salvage), or put the file as it was last in its place", path.display()
    )]
    SegmentTruncated {
        /// The segment.
        path: PathBuf,
        /// The segment's length.
        found_bytes: u64,
        /// The length that it was created with.
        wanted_bytes: u64,
    },
    /// The journal holds events that can't be taken for those of the type asked for, or that type is older
    /// than the journal's newest.
    #[error("the journal in {} holds another event type\n  wanted: {}\n  found:  {}\n{}\
             open it with the type it was written with, or copy it into a new journal", path.display(),
             one_line(wanted), one_line(found), table(differences))]
    SchemaMismatch {
        /// The segment that says so.
        path: PathBuf,
        /// The schema of the type asked for.
        wanted: Box<Schema>,
        /// The schema in the segment's header.
        found: Box<Schema>,
        /// What is in the way, field by field; empty where nobody said how the one becomes the other.
        differences: Vec<Difference>,
    },
    /// The type's schema does not fit into a segment header.
    #[error("the schema of {name} takes {bytes} bytes of {limit}: use fewer or shorter field names")]
    SchemaTooLarge {
        /// The event type.
        name: String,
        /// Length of its schema text.
        bytes: usize,
        /// The room there is.
        limit: usize,
    },
    /// Written on a machine of the other byte order.
    #[error("{} was written on a machine of the other byte order; read it there", path.display())]
    ForeignEndian {
        /// The file.
        path: PathBuf,
    },
    /// Written by a later version of slipring.
    #[error("{} has format version {found}, this slipring knows up to {known}; use a newer slipring", path.display())]
    UnsupportedVersion {
        /// The file.
        path: PathBuf,
        /// The file's version.
        found: u32,
        /// The newest version known here.
        known: u32,
    },
    /// A record that was durable does not validate, or validates where none can be.
    #[error(transparent)]
    CorruptRecord(#[from] CorruptRecord),
}

impl JournalFault {
    /// Whether the journal's files are damaged or contradict each other, rather than missing, unreadable, or
    /// of another kind.
    pub fn is_damage(&self) -> bool {
        use JournalFault as F;
        match self {
            F::BadControl { .. }
            | F::OutdatedControl { .. }
            | F::BadHeader { .. }
            | F::MissingSegment { .. }
            | F::SegmentConflict { .. }
            | F::SegmentTruncated { .. }
            | F::CorruptRecord(_) => true,
            F::Io(_)
            | F::NoJournal { .. }
            | F::SchemaMismatch { .. }
            | F::SchemaTooLarge { .. }
            | F::ForeignEndian { .. }
            | F::UnsupportedVersion { .. } => false,
        }
    }
}

/// A record that does not hold what was written.
///
/// See the example of [`ReadError`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{}: record {sequence} (slot {slot}, offset {offset}) is corrupt: {what}, checksum {found:#010x} where \
     {wanted:#010x} is right; salvage the journal into a new one (slipring salvage), or put the file as it was last in \
     its place",
    file.display()
)]
pub struct CorruptRecord {
    /// The segment.
    pub file: PathBuf,
    /// The sequence that the slot stands for.
    pub sequence: u64,
    /// The slot within the segment.
    pub slot: u64,
    /// Bytes from the start of the file.
    pub offset: u64,
    /// The checksum that the record's bytes call for.
    pub wanted: u32,
    /// The checksum that it carries.
    pub found: u32,
    /// What is wrong.
    pub what: &'static str,
}

fn table(differences: &[Difference]) -> String {
    if differences.is_empty() { String::new() } else { format!("{}\n", Difference::table(differences)) }
}

fn one_line(schema: &Schema) -> String {
    let fields: Vec<String> =
        schema.fields.iter().map(|f| format!("{}: {} at {}", f.name, f.kind, f.offset)).collect();
    format!("{} ({} bytes) {{ {} }}", schema.name, schema.size, fields.join(", "))
}
