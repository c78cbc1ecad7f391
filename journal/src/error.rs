//! What can go wrong, one small enum per operation. Every message says what, where, and what to do.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use crate::event::Schema;

/// A system call that failed: which, on which file.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{operation} {}: {source}", path.display())]
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

    /// Whether the disk (or the quota) is full.
    pub fn is_disk_full(&self) -> bool {
        matches!(self.source.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
    }
}

/// The files of a journal contradict each other or what is wanted of them. Nothing was changed.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum JournalFault {
    /// A system call failed.
    #[error(transparent)]
    Io(#[from] IoFault),
    /// There is no journal.
    #[error("no journal at {}: the folder has no control file and no segments", path.display())]
    NoJournal {
        /// The folder.
        path: PathBuf,
    },
    /// Both slots of the control file are damaged, or it is missing beside segments.
    #[error(
        "control file {} can't be used: {what}; without it nobody knows how far the journal is durable: \
         restore it from a copy, or salvage the journal into a new one (slipring salvage)",
        path.display()
    )]
    BadControl {
        /// The control file.
        path: PathBuf,
        /// What is wrong with it.
        what: &'static str,
    },
    /// Both copies of a segment's header are damaged.
    #[error(
        "segment {}: both copies of its header are damaged; restore the file from a copy, or salvage the \
         journal into a new one (slipring salvage)", path.display()
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
        "segment {} has {found_bytes} bytes of {wanted_bytes}: durable records are cut off; restore the file, \
         or salvage the journal into a new one (slipring salvage)", path.display()
    )]
    SegmentTruncated {
        /// The segment.
        path: PathBuf,
        /// Its length.
        found_bytes: u64,
        /// The length that it was created with.
        wanted_bytes: u64,
    },
    /// The journal holds another type of event.
    #[error("the journal in {} holds another event type\n  wanted: {}\n  found:  {}\n\
             open it with the type it was written with, or copy it into a new journal", path.display(),
             one_line(wanted), one_line(found))]
    SchemaMismatch {
        /// The segment that says so.
        path: PathBuf,
        /// The schema of the type asked for.
        wanted: Box<Schema>,
        /// The schema in the segment's header.
        found: Box<Schema>,
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
        /// Its version.
        found: u32,
        /// The newest version known here.
        known: u32,
    },
    /// A record that was durable does not validate, or validates where none can be.
    #[error(transparent)]
    CorruptRecord(#[from] CorruptRecord),
}

/// A record that does not hold what was written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{}: record {sequence} (slot {slot}, offset {offset}) is corrupt: {what}, checksum {found:#010x} where \
     {wanted:#010x} is right; restore the file from a copy, or salvage the journal into a new one (slipring salvage)",
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

/// Why a journal could not be opened for writing. Nothing was changed, unless recovery had begun: then it can
/// be run again.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Another writer has it.
    #[error("journal {} is locked by {holder}; close that writer first", path.display())]
    Locked {
        /// The folder.
        path: PathBuf,
        /// What the holder wrote about itself.
        holder: String,
    },
    /// The files are not as they must be.
    #[error(transparent)]
    Journal(#[from] JournalFault),
    /// An option does not make sense.
    #[error("{option} = {value}: {rule}")]
    BadOption {
        /// The option.
        option: &'static str,
        /// Its value.
        value: String,
        /// What it must be.
        rule: &'static str,
    },
    /// The journal has been opened for writing 2^28 - 1 times.
    #[error("the journal has used up its epochs; copy it into a new one")]
    EpochsExhausted,
}

impl From<IoFault> for OpenError {
    fn from(fault: IoFault) -> Self {
        OpenError::Journal(fault.into())
    }
}

/// Why a record was not appended. The journal is as it was before the call.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum AppendError {
    /// There is no room just now (only from `try_append`).
    #[error("no room for record {sequence} just now: {why}; try again")]
    Full {
        /// The sequence that the record would have got.
        sequence: u64,
        /// What it waits for.
        why: Stall,
    },
    /// The time lies too far ahead.
    #[error(
        "time {time_ns} ns is more than {max_step_ns} ns past both the last record ({last_ns} ns) and the \
         clock: it would hold the journal's time there; mend the time or raise max_time_step"
    )]
    TimeTooFar {
        /// The time refused.
        time_ns: u64,
        /// The journal's last time, 0 if it has none.
        last_ns: u64,
        /// The option.
        max_step_ns: u64,
    },
    /// The journal has failed for good.
    #[error(transparent)]
    Failed(#[from] SyncError),
}

/// What an append waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Stall {
    /// The next segment is still being prepared.
    #[error("the next segment is not ready")]
    Segment,
    /// The unsynced window is full.
    #[error("the unsynced window is full")]
    Window,
    /// The disk is full.
    #[error("the disk is full: make room")]
    DiskFull,
}

/// Why records did not become durable.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum SyncError {
    /// Syncing failed; it is never tried again, for the kernel may have dropped what it could not write.
    #[error(
        "sync failed, durable up to {durable_end} and no further: {fault}; close, find the cause, reopen"
    )]
    SyncFailed {
        /// The sequence behind the last durable record.
        durable_end: u64,
        /// The call.
        fault: IoFault,
    },
    /// The disk is full, and the journal was told to halt on it.
    #[error("the disk is full: {fault}; make room and reopen")]
    DiskFull {
        /// The call.
        fault: IoFault,
    },
    /// The next segment could not be made.
    #[error("the next segment can't be made: {fault}; find the cause and reopen")]
    PrepareFailed {
        /// The call.
        fault: IoFault,
    },
    /// A hook of the embedder panicked on the syncer's thread.
    #[error("a hook panicked; durable up to {durable_end}; mend the hook and reopen")]
    HookPanicked {
        /// The sequence behind the last durable record.
        durable_end: u64,
    },
    /// Not durable within the time allowed; it may still become so.
    #[error("record {sequence} is not durable yet (durable up to {durable_end})")]
    TimedOut {
        /// The sequence waited for.
        sequence: u64,
        /// The sequence behind the last durable record.
        durable_end: u64,
    },
    /// The sequence was never appended.
    #[error("record {sequence} is not journalled (journalled up to {journalled_end}): nothing to wait for")]
    NotJournalled {
        /// The sequence waited for.
        sequence: u64,
        /// The sequence behind the last journalled record.
        journalled_end: u64,
    },
    /// This process is a child of the writer's.
    #[error(
        "this process was forked from process {writer}, the journal's writer; only that one can close it"
    )]
    Forked {
        /// The writer's process.
        writer: u32,
    },
    /// The writer has been closed.
    #[error("the journal is closed (durable up to {durable_end})")]
    Closed {
        /// The sequence behind the last durable record.
        durable_end: u64,
    },
}

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
            0 => "no record is whole: restore the files from a copy".to_owned(),
            count => format!("{count} records behind it are whole: salvage with damage skipped (--skip-damaged)"),
        }
    )]
    NothingToKeep {
        /// The folder.
        path: PathBuf,
        /// What was lost, and why.
        report: Box<crate::salvage::SalvageReport>,
    },
    /// There is more missing between two records than any lost file leaves.
    #[error(
        "between records {start} and {end} more is missing than {most} void records can stand for; move the segment \
         that does not belong out of the folder, or raise most_voids"
    )]
    GapTooLarge {
        /// The first record that is missing.
        start: u64,
        /// The record that follows.
        end: u64,
        /// The most void records that salvage writes.
        most: u64,
    },
}

impl From<IoFault> for SalvageError {
    fn from(fault: IoFault) -> Self {
        SalvageError::Journal(fault.into())
    }
}

fn one_line(schema: &Schema) -> String {
    let fields: Vec<String> =
        schema.fields.iter().map(|f| format!("{}: {} at {}", f.name, f.kind, f.offset)).collect();
    format!("{} ({} bytes) {{ {} }}", schema.name, schema.size, fields.join(", "))
}
