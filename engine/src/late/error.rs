//! What can go wrong with a late consumer. None of it touches the engine.

use std::error::Error;
use std::io;
use std::sync::Arc;

use slipring_journal::ReadError;

use crate::error::KeepError;

/// Why a late consumer did not start, or stopped.
///
/// See the example of [`LateConsumer`](crate::LateConsumer).
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LateError {
    /// The engine has no journal.
    #[error(
        "late consumer {name} has nothing to follow: the engine has no journal; add .journal(Journal::at(..))"
    )]
    NoJournal {
        /// The consumer.
        name: String,
    },
    /// The name can't be a thread's.
    #[error(
        "late consumer {name:?}: its thread is named so, and a thread's name has no zero byte: take it out"
    )]
    BadName {
        /// The name.
        name: String,
    },
    /// Another consumer or a stage has the name.
    #[error("late consumer {name}: a stage or another late consumer has that name; give each its own")]
    NameTaken {
        /// The name.
        name: String,
    },
    /// What is acknowledged only the engine's own process knows.
    #[error(
        "late consumer {name} waits for acknowledgements of {acknowledged}, of which only the engine knows: start it by \
         Engine::follow"
    )]
    AcknowledgedElsewhere {
        /// The consumer.
        name: String,
        /// The name under which events are to be acknowledged.
        acknowledged: String,
    },
    /// The name of its acknowledgements can't be a file's.
    #[error(
        "late consumer {name} waits for acknowledgements of {acknowledged:?}, which are noted in a file of that name: use \
         letters, digits, '-', '_' and '.', 100 at most"
    )]
    BadAcknowledgedName {
        /// The consumer.
        name: String,
        /// The name under which events are to be acknowledged.
        acknowledged: String,
    },
    /// What was noted of acknowledgements can't be used.
    #[error("late consumer {name} can't start: {source}")]
    Acknowledged {
        /// The consumer.
        name: String,
        /// Why.
        source: Arc<KeepError>,
    },
    /// The journal can't be read from where it was to start.
    #[error("late consumer {name} can't start: {source}")]
    Start {
        /// The consumer.
        name: String,
        /// Why.
        source: ReadError,
    },
    /// The late consumer's thread could not be started.
    #[error("the thread of late consumer {name} can't be started: {source}")]
    Thread {
        /// The consumer.
        name: String,
        /// The system's answer.
        source: Arc<io::Error>,
    },
    /// The journal could not be read on: evicted, cut behind its back, damaged.
    #[error("late consumer {name} stopped at sequence {sequence}: {source}")]
    Read {
        /// The consumer.
        name: String,
        /// The sequence that it was to read next.
        sequence: u64,
        /// Why.
        source: ReadError,
    },
    /// The late consumer's handler returned an error.
    #[error("late consumer {name} stopped at sequence {sequence}: its handler failed: {source}")]
    Handler {
        /// The consumer.
        name: String,
        /// The sequence that it did not finish.
        sequence: u64,
        /// The handler's error.
        source: Arc<dyn Error + Send + Sync>,
    },
    /// The late consumer's handler panicked.
    #[error("late consumer {name} stopped at sequence {sequence}: its handler panicked: {message}")]
    Panicked {
        /// The consumer.
        name: String,
        /// The sequence that it did not finish.
        sequence: u64,
        /// The panic's message.
        message: String,
    },
}

impl LateError {
    /// Whether retention removed what it was to read next.
    pub(super) fn is_evicted(&self) -> bool {
        matches!(self, LateError::Read { source: ReadError::Evicted { .. }, .. })
    }
}
