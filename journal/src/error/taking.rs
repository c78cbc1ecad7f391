//! Why a replica did not take records, and why a journal could not rejoin.

use std::path::PathBuf;

use super::writing::{Stall, SyncError};
use super::{IoFault, JournalFault, OpenError};
use crate::format::Anchor;

/// Why a replica did not take records. Of what was refused nothing was taken; of what had to wait, or met a
/// failure of the journal, [`Replica::end_sequence`](crate::Replica::end_sequence) says how much was.
///
/// See the example of [`Replica`](crate::Replica).
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum TakeError {
    /// They begin elsewhere than behind the last record.
    #[error("records from {first} on, where {expected} comes next: {}", gap_advice(*first, *expected))]
    OutOfPlace {
        /// The sequence that the replica takes next.
        expected: u64,
        /// The sequence of the first of them.
        first: u64,
    },
    /// They follow another record than the last one here.
    #[error(
        "records from {first} on follow a record of epoch {}, checksum {:#010x}, and the last one here is {last}: the \
         histories part there or before; look for the last record that both have, and rejoin behind it",
        before.0, before.1
    )]
    OtherHistory {
        /// The sequence of the first of them.
        first: u64,
        /// The last record here.
        last: Anchor,
        /// Epoch and checksum of the record that they follow.
        before: (u32, u32),
    },
    /// Nothing says which record they follow, and there is one here.
    #[error(
        "records from {first} on come without epoch and checksum of the record before them, which here is {last}: say those of \
         where they come from, so that it is seen whether they follow it"
    )]
    BeforeUnknown {
        /// The sequence of the first of them.
        first: u64,
        /// The last record here.
        last: Anchor,
    },
    /// The bytes are no whole number of records.
    #[error(
        "{bytes} bytes from record {first} on are no whole records of {record_bytes} bytes: they were cut, or are of \
         another event type"
    )]
    NotWhole {
        /// The sequence of the first of them.
        first: u64,
        /// How many bytes there are.
        bytes: usize,
        /// Size of a record in bytes.
        record_bytes: usize,
    },
    /// A record's checksum does not hold for its place, or it is none at all.
    #[error(
        "record {sequence} ({index} of those given) does not belong there: checksum {found:#010x} where {wanted:#010x} \
         is right; it is damaged, of another journal or of another place: fetch it again"
    )]
    Corrupt {
        /// The sequence that it should have.
        sequence: u64,
        /// Which of those given it is, counted from 0.
        index: u64,
        /// The checksum that its bytes call for at that place.
        wanted: u32,
        /// The checksum that it carries.
        found: u32,
    },
    /// A record is of an earlier epoch than the one before it.
    #[error(
        "record {sequence} ({index} of those given) is of epoch {found}, the one before it of {last}: another history \
         begins there"
    )]
    EpochBack {
        /// The record's sequence.
        sequence: u64,
        /// Which of those given it is, counted from 0.
        index: u64,
        /// The epoch of the record before it.
        last: u32,
        /// Its own.
        found: u32,
    },
    /// A record is of an earlier journal time than the one before it.
    #[error(
        "record {sequence} ({index} of those given) is of {found_ns} ns, the one before it of {last_ns} ns: journal \
         time never goes back, so another history begins there"
    )]
    TimeBack {
        /// The record's sequence.
        sequence: u64,
        /// Which of those given it is, counted from 0.
        index: u64,
        /// Journal time of the record before it, nanoseconds.
        last_ns: u64,
        /// Its own.
        found_ns: u64,
    },
    /// There is no room just now (only from `try_take`).
    #[error("no room for record {sequence} just now: {why}; try again from it on")]
    Full {
        /// The first record that was not taken.
        sequence: u64,
        /// What it waits for.
        why: Stall,
    },
    /// The control file does not know the record's epoch yet (only from `try_take`).
    #[error("record {sequence} waits for epoch {epoch} to be on disk; try again from it on")]
    EpochDue {
        /// The first record that was not taken.
        sequence: u64,
        /// Its epoch.
        epoch: u32,
    },
    /// The journal has failed for good.
    #[error(transparent)]
    Failed(#[from] SyncError),
}

fn gap_advice(first: u64, expected: u64) -> &'static str {
    if first > expected { "fetch those between" } else { "leave out those that it has" }
}

/// Why a replica could not go on with records of another type, or become a writer.
///
/// See the example of [`Replica`](crate::Replica).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NextTypeError {
    /// What was taken before could not be made durable.
    #[error(transparent)]
    Close(#[from] SyncError),
    /// The replica could not be opened again.
    #[error(transparent)]
    Open(#[from] OpenError),
}

/// Why a journal could not rejoin. Nothing was cut, unless the control file said so already: then the next
/// opening as a replica, or the next call with the same anchor, finishes it.
///
/// See the example of [`Journal::rejoin`](crate::Journal::rejoin).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RejoinError {
    /// The journal does not hold the record at which the histories are said to part. Nothing was changed.
    #[error(
        "journal {} does not confirm {fork}: {what}; nothing was cut: look for the last record that both have",
        path.display()
    )]
    NotConfirmed {
        /// The folder.
        path: PathBuf,
        /// The record.
        fork: Anchor,
        /// What is in the way.
        what: &'static str,
    },
    /// Another rejoin was cut short.
    #[error(
        "a rejoin of journal {} was cut short, which cuts at {cut_at}, and this one would cut at {asked}: finish that \
         one first, with its anchor or by opening the replica", path.display()
    )]
    Unfinished {
        /// The folder.
        path: PathBuf,
        /// The first sequence that the other one cuts off.
        cut_at: u64,
        /// The first that this one would.
        asked: u64,
    },
    /// The journal can't be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
}

impl From<JournalFault> for RejoinError {
    fn from(fault: JournalFault) -> Self {
        RejoinError::Open(fault.into())
    }
}

impl From<IoFault> for RejoinError {
    fn from(fault: IoFault) -> Self {
        RejoinError::Open(fault.into())
    }
}
