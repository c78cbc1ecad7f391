//! Why something was not appended, or did not become durable.

use super::IoFault;

/// Why a record was not appended. The journal is as it was before the call.
///
/// See the example of [`Writer`](crate::Writer).
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
///
/// See the example of [`Writer`](crate::Writer).
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

/// Why records did not become durable, or no more are taken.
///
/// [`SyncError::DiskFull`] and [`SyncError::PrepareFailed`] are of records to come alone: those that were
/// appended become durable all the same.
///
/// ```
/// # use slipring_journal::{Event, Journal, SyncError};
/// # use std::time::Duration;
/// # #[derive(Clone, Copy, Debug, Event)] #[repr(C)] struct Tick { price: u64 }
/// # let folder = tempfile::tempdir()?;
/// # let journal = Journal::at(folder.path()).segment_records(1024);
/// let (writer, _) = journal.open::<Tick>()?;
/// let waited = writer.cursors().wait_durable(7, Duration::from_secs(10));
/// assert!(matches!(waited, Err(SyncError::NotJournalled { journalled_end: 0, .. })));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// More: [guarantees](https://github.com/slipring/slipring/blob/main/docs/reference/guarantees.md).
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
    /// The next segment could not be made, or the file of a replica's not be written.
    #[error("no more records can be taken: {fault}; find the cause and reopen")]
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
    /// One of the journal's threads panicked, or the closing one did in its place. If it was the one that
    /// syncs, nothing is durable behind `durable_end`: what the call that it was in came to is not known.
    #[error(
        "the journal's thread {thread:?} panicked: {cause}; durable up to {durable_end} then; close and reopen, \
         and report it: it should not have"
    )]
    ThreadPanicked {
        /// The thread's name.
        thread: String,
        /// What the panic said.
        cause: String,
        /// The sequence behind the last durable record at that time.
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

impl SyncError {
    /// Whether it is of room for records to come.
    pub(crate) fn is_of_what_is_ahead(&self) -> bool {
        matches!(self, SyncError::DiskFull { .. } | SyncError::PrepareFailed { .. })
    }
}
