//! What can go wrong while somebody waits for an event, or for the end.

use std::time::Duration;

use slipring_journal::SyncError;

use super::Halted;

/// Why a wait ended without what was waited for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WaitError {
    /// The engine has halted before it.
    #[error(transparent)]
    Halted(#[from] Halted),
    /// It has not come within the time allowed; it may still come.
    #[error(
        "{cursor} has not finished sequence {sequence} within {timeout:?}: it is at {end} (excluded); see Engine::counters \
         for what is slow, or raise EngineBuilder::wait_timeout"
    )]
    TimedOut {
        /// The stage, or the level.
        cursor: String,
        /// The sequence waited for.
        sequence: u64,
        /// Where the cursor stands.
        end: u64,
        /// The time allowed.
        timeout: Duration,
    },
    /// There is no such stage.
    #[error("there is no stage {name}; there are: {}", known.join(", "))]
    UnknownStage {
        /// The name.
        name: String,
        /// The names that are.
        known: Vec<String>,
    },
    /// The call came from a handler of the same engine: it would wait for itself.
    #[error("a handler that waits for its own engine waits for ever: wait on another thread")]
    InHandler,
    /// The engine has no journal.
    #[error(
        "the engine has no journal, so nothing is ever journalled or durable: add .journal(Journal::at(..))"
    )]
    NoJournal,
    /// The journal has failed.
    #[error(transparent)]
    Journal(#[from] SyncError),
}

/// Why a shutdown was not a clean one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ShutdownError {
    /// A stage had failed. What was published before is journalled, unless the journal was that stage.
    #[error(transparent)]
    Halted(#[from] Halted),
    /// The publisher given is another engine's; both are dropped.
    #[error("the publisher given belongs to another engine: shut each engine down with its own")]
    ForeignPublisher,
    /// Other publishers are still there.
    #[error(
        "{0} other publishers were still there when the time allowed was over, so the engine was ended as if it were dropped: \
         drop every publisher before shutdown is called, those of handlers in Handler::closing"
    )]
    PublishersActive(usize),
    /// Stages did not finish within the time allowed. Their threads are left behind.
    #[error("not drained within {timeout:?}: {}", waiting.join("; "))]
    TimedOut {
        /// The time allowed.
        timeout: Duration,
        /// Each stage that did not finish, where it stands, and what it waits for.
        waiting: Vec<String>,
    },
    /// The call came from a handler of the same engine, and would have waited for itself. The engine ends all the same, by a
    /// thread of its own.
    #[error(
        "a handler that shuts its own engine down would wait for itself: tell another thread to; the engine ends, and nobody \
         is told how but by Engine::ending"
    )]
    InHandler,
    /// The journal had failed, or could not be synced or closed.
    #[error(transparent)]
    Journal(#[from] SyncError),
}
