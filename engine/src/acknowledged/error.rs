//! Why an acknowledgement is not taken, and why a socket can't be listened at.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use slipring_journal::{Anchor, FileKind, ReadError, Refusal};

use crate::error::KeepError;

/// Why an acknowledgement was not taken. What was acknowledged before still is, and no gate has moved.
///
/// ```
/// use slipring::{AcknowledgeError, Acknowledger, Anchor};
///
/// /// What a server has; whether it has lost what it had said before.
/// fn tell(acknowledger: &Acknowledger, newest: Anchor) -> Result<bool, AcknowledgeError> {
///     match acknowledger.acknowledge(newest) {
///         Ok(_) => Ok(false),
///         Err(AcknowledgeError::GoesBack { .. }) => Ok(true),
///         Err(other) => Err(other),
///     }
/// }
/// ```
///
/// More: [which gate].
///
/// [which gate]: https://github.com/slipring/slipring/blob/main/docs/how-to/send-effects-once.md#which-gate
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AcknowledgeError {
    /// No stage waits for acknowledgements of that name, nor does a late consumer that has been started.
    #[error(
        "no stage and no late consumer waits for acknowledgements of {name}{}; a gate says Gate::acknowledged({name:?}), a late \
         consumer that is to be started .acknowledged({name:?})",
        there(known)
    )]
    UnknownName {
        /// The name.
        name: String,
        /// The names that are waited for.
        known: Vec<String>,
    },
    /// The anchor is of another journal.
    #[error("acknowledgement {name} of {anchor} is of another journal")]
    AnotherJournal {
        /// The name.
        name: String,
        /// What was said.
        anchor: Anchor,
    },
    /// The journal does not confirm the anchor.
    #[error("acknowledgement {name} of {anchor} is not confirmed by the journal: {source}")]
    NotConfirmed {
        /// The name.
        name: String,
        /// What was said.
        anchor: Anchor,
        /// What the journal says.
        source: Box<ReadError>,
    },
    /// A later event was acknowledged before: who says this has lost something.
    #[error("acknowledgement {name} of {anchor} goes back: events below {end} were acknowledged before")]
    GoesBack {
        /// The name.
        name: String,
        /// What was said.
        anchor: Anchor,
        /// The sequence behind the last event that is acknowledged.
        end: u64,
    },
    /// The journal has not come to that event.
    #[error("acknowledgement {name} of {anchor} is ahead of the journal, which ends before {journalled_end}")]
    BeyondJournalled {
        /// The name.
        name: String,
        /// What was said.
        anchor: Anchor,
        /// The sequence behind the last journalled record.
        journalled_end: u64,
    },
    /// It can't be noted on disk; or, of an [`Acknowledger`](crate::Acknowledger), one before could not, and
    /// this one is tried all the same.
    #[error("acknowledgement {name} of {anchor} can't be noted: {source}")]
    NotKept {
        /// The name.
        name: String,
        /// What was said.
        anchor: Anchor,
        /// Why.
        source: Arc<KeepError>,
    },
    /// The engine has ended: what is still to be acknowledged the next life takes.
    #[error("acknowledgement {name} came when the engine had ended: say it again in its next life")]
    Ended {
        /// The name.
        name: String,
    },
    /// This process is a fork of the engine's.
    #[error("this process was forked from process {process}, which has the engine: acknowledge there")]
    Forked {
        /// The engine's process.
        process: u32,
    },
    /// The engine has no journal.
    #[error("the engine has no journal, so there is nothing to acknowledge: add .journal(Journal::at(..))")]
    NoJournal,
}

impl AcknowledgeError {
    /// What another process is told, and the end that goes with it.
    pub(super) fn refusal(&self) -> (Refusal, u64) {
        match self {
            AcknowledgeError::UnknownName { .. } | AcknowledgeError::NoJournal => (Refusal::UnknownName, 0),
            AcknowledgeError::AnotherJournal { .. } => (Refusal::AnotherJournal, 0),
            AcknowledgeError::NotConfirmed { .. } => (Refusal::NotConfirmed, 0),
            AcknowledgeError::GoesBack { end, .. } => (Refusal::GoesBack, *end),
            AcknowledgeError::BeyondJournalled { journalled_end, .. } => {
                (Refusal::BeyondJournalled, *journalled_end)
            }
            AcknowledgeError::NotKept { .. } => (Refusal::NotKept, 0),
            AcknowledgeError::Ended { .. } | AcknowledgeError::Forked { .. } => (Refusal::Ended, 0),
        }
    }
}

fn there(known: &[String]) -> String {
    if known.is_empty() { String::new() } else { format!(", only of {}", known.join(", ")) }
}

/// Why acknowledgements of other processes can't be listened to.
///
/// See the example of [`AcknowledgementListener`](crate::AcknowledgementListener).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ListenError {
    /// A system call failed.
    #[error("{}: can't {what}: {source}", path.display())]
    Io {
        /// The socket.
        path: PathBuf,
        /// What was tried.
        what: &'static str,
        /// The system's answer.
        source: io::Error,
    },
    /// Somebody listens there.
    #[error("{}: somebody listens there already: give each engine a socket of its own", path.display())]
    InUse {
        /// The socket.
        path: PathBuf,
    },
    /// Something else lies there. It was left alone.
    #[error("{}: {found} lies there, and no socket: move it away, or give another path", path.display())]
    Occupied {
        /// The path.
        path: PathBuf,
        /// What lies there.
        found: FileKind,
    },
    /// The engine has no journal.
    #[error("the engine has no journal, so there is nothing to acknowledge: add .journal(Journal::at(..))")]
    NoJournal,
}
