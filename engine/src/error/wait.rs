//! What can go wrong while somebody waits for an event, or for the end.

use std::time::Duration;

use slipring_journal::SyncError;

use super::Halted;

/// Why a wait ended without what was waited for.
///
/// ```
/// # use slipring::prelude::*;
/// use slipring::WaitError;
/// # #[derive(Clone, Copy, Debug, Event)] #[repr(C)] struct Tick { price: u64 }
///
/// # let lane = Lane::named("main").stage("book", |_: &Tick, _: &Context| (), Gate::PUBLISHED);
/// let (engine, mut publisher) = Engine::builder().lane(lane).go_live()?;
/// let sequence = publisher.publish(Tick { price: 7 })?;
/// assert!(matches!(engine.wait_durable(sequence), Err(WaitError::NoJournal)));
/// engine.join()?;
/// # Ok::<(), slipring::Error>(())
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WaitError {
    /// The engine halted first.
    #[error(transparent)]
    Halted(#[from] Halted),
    /// What was waited for has not come within the time allowed; it may still come.
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
    /// Nobody waits for acknowledgements of that name, so none are taken.
    #[error(
        "no stage and no late consumer waits for acknowledgements of {name}, so none are taken; they wait for: {}",
        known.join(", ")
    )]
    UnknownAcknowledged {
        /// The name.
        name: String,
        /// The names that are waited for.
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
