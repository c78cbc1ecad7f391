//! What opening a journal for writing refuses.

use std::path::PathBuf;

use super::{IoFault, JournalFault};

/// Why a journal could not be opened for writing. Nothing was changed, unless recovery had begun: then it can
/// be run again.
///
/// ```
/// # use slipring_journal::{Event, Journal, OpenError};
/// # #[derive(Clone, Copy, Debug, Event)] #[repr(C)] struct Tick { price: u64 }
/// # let folder = tempfile::tempdir()?;
/// # let journal = Journal::at(folder.path()).segment_records(1024);
/// let (writer, _) = journal.open::<Tick>()?;
/// let second = journal.open::<Tick>();
/// assert!(matches!(second, Err(OpenError::Locked { .. })), "a journal has one writer");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// More: [troubleshoot](https://github.com/slipring/slipring/blob/main/docs/how-to/troubleshoot.md).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Another writer has it.
    #[error("journal {} is locked by {holder}; close that writer first", path.display())]
    Locked {
        /// The folder.
        path: PathBuf,
        /// What the holder wrote about itself: its process, machine, boot and start.
        holder: String,
    },
    /// What lies in place of the LOCK file is none of a journal. It was not touched.
    #[error("{} is no lock of a journal: {what}; nothing was written to it: move it away", path.display())]
    ForeignLock {
        /// The file.
        path: PathBuf,
        /// What it is.
        what: String,
    },
    /// The files are not as they must be.
    #[error(transparent)]
    Journal(#[from] JournalFault),
    /// An option does not make sense.
    #[error("{option} = {value}: {rule}")]
    BadOption {
        /// The option.
        option: &'static str,
        /// The option's value.
        value: String,
        /// What it must be.
        rule: &'static str,
    },
    /// The segment that would go on claims far more space than it has. Nothing was changed.
    #[error(
        "segment {} says that it has {claimed_bytes} bytes and takes {allocated_bytes} on the disk: to open it would allocate more than \
         {most_bytes} for it; if it was made so large, open with segment_bytes as it was made with, else salvage the \
         journal into a new one (slipring salvage)", path.display()
    )]
    SegmentTooLarge {
        /// The segment.
        path: PathBuf,
        /// The length that its header says, bytes.
        claimed_bytes: u64,
        /// What it takes on the disk, bytes.
        allocated_bytes: u64,
        /// The most bytes that an opening allocates for it: 64 MiB and what the folder's segments take, or
        /// what the next segment takes.
        most_bytes: u64,
    },
    /// The journal is a replica: it takes records that were made elsewhere. Nothing was changed.
    #[error(
        "journal {} is a replica, which appends nothing of its own: take records into it (Journal::replica), or promote \
         it (Journal::promote) with an epoch above {epoch} that nobody else has", path.display()
    )]
    Replica {
        /// The folder.
        path: PathBuf,
        /// The greatest epoch that it knows.
        epoch: u32,
    },
    /// The journal is no replica: it has records of its own, or it was promoted. Nothing was changed.
    #[error(
        "journal {} is no replica: open it as it is (its newest epoch is {epoch}), or, if another has taken over, cut \
         it back to where their histories part (Journal::rejoin)", path.display()
    )]
    NotReplica {
        /// The folder.
        path: PathBuf,
        /// The greatest epoch that it knows.
        epoch: u32,
    },
    /// The replica in the folder is one of another journal, or of another copy of it. Nothing was changed.
    #[error(
        "{} holds a replica of journal {found}, and not of {wanted}: take the records into another folder",
        path.display()
    )]
    OtherOrigin {
        /// The folder.
        path: PathBuf,
        /// The journal, and its branch if it has one, whose records were to be taken.
        wanted: String,
        /// Those of the journal that lies there.
        found: String,
    },
    /// The epoch of a promotion is one that a record may have already. Nothing was changed.
    #[error("journal {}: epoch {epoch} is taken, promote it with one above {known} that nobody else has", path.display())]
    EpochTaken {
        /// The folder.
        path: PathBuf,
        /// The epoch asked for.
        epoch: u32,
        /// The greatest that a record may have.
        known: u32,
    },
    /// The epoch of a promotion is one that the old writer comes to if it is opened some more times. Nothing
    /// was changed.
    #[error(
        "journal {}: epoch {epoch} is too near to {known}, the greatest that the replica knows: its old writer counts one \
         on at each opening, of which the replica may not hear; promote it with {least} or more", path.display()
    )]
    EpochTooNear {
        /// The folder.
        path: PathBuf,
        /// The epoch asked for.
        epoch: u32,
        /// The greatest that the replica knows.
        known: u32,
        /// The least that leaves room.
        least: u32,
    },
    /// The epoch of a promotion leaves none for the openings to come. Nothing was changed.
    #[error(
        "journal {}: epoch {epoch} leaves none for the journal's next openings: promote it with {most} or less, or, if \
         others have such epochs, copy it into a new journal", path.display()
    )]
    EpochTooGreat {
        /// The folder.
        path: PathBuf,
        /// The epoch asked for.
        epoch: u32,
        /// The greatest that leaves some.
        most: u32,
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
