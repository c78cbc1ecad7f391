//! What can go wrong with a standby.

use slipring_journal::{Difference, NextTypeError, OpenError, ReadError, TakeError};

use super::replay_error::ReplayError;
use crate::error::{BuildError, Halted, KeepError};

/// Why a standby could not be opened, or did not take, turn or become live. What the replica had taken before
/// stays in it, and it opens again as a standby.
///
/// ```
/// use slipring::{StandbyError, TakeError};
///
/// fn advice(error: &StandbyError) -> String {
///     match error {
///         StandbyError::Take(TakeError::OutOfPlace { expected, .. }) => format!("send {expected} first"),
///         StandbyError::NewerType { .. } => "update this program first, then the primary".to_owned(),
///         StandbyError::Halted(halted) => format!("stage {} failed at {}", halted.stage, halted.sequence),
///         other => other.to_string(),
///     }
/// }
/// ```
///
/// More: [fail over](https://github.com/slipring/slipring/blob/main/docs/how-to/fail-over.md).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StandbyError {
    /// The engine has no journal.
    #[error("a standby keeps a replica, and the engine has no journal: say where with .journal(..)")]
    NoJournal,
    /// What was said of the engine makes no sense, or it could not be started.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// The replica could not be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// What the replica holds could not be put through the stages.
    #[error(transparent)]
    Replay(#[from] ReplayError),
    /// The records were refused, none of them taken; or the replica has failed.
    #[error(transparent)]
    Take(#[from] TakeError),
    /// The records to come can't be shown as this program's events. The replica has not gone on to them.
    #[error("the records to come are no events of this program: {}", Difference::table(.differences))]
    NewerType {
        /// What keeps them from it, field by field.
        differences: Vec<Difference>,
    },
    /// A record can't be shown as this program's event: a number has no room in the field as it counts here.
    /// None of those that came with it was taken.
    #[error("record {sequence} is no event of this program: {}", Difference::table(.differences))]
    NotShown {
        /// Which record.
        sequence: u64,
        /// What keeps it from it.
        differences: Vec<Difference>,
    },
    /// The replica could not go on to another type, or become a writer. It is closed: open the standby again.
    #[error("{0}; the standby is closed: open it again")]
    Turn(#[from] NextTypeError),
    /// The standby was closed by an earlier error.
    #[error("the standby was closed by an error before: open it again")]
    Closed,
    /// A stage failed. The replica has what was taken, and the stages have not.
    #[error(transparent)]
    Halted(#[from] Halted),
}

impl From<KeepError> for StandbyError {
    fn from(error: KeepError) -> Self {
        StandbyError::Replay(error.into())
    }
}

impl From<ReadError> for StandbyError {
    fn from(error: ReadError) -> Self {
        StandbyError::Replay(error.into())
    }
}
