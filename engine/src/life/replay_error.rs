//! What can go wrong with a replay.

use slipring_journal::ReadError;

use super::shutdown::ShutdownError;
use crate::error::{BuildError, Halted, KeepError};

/// Why replay stopped.
///
/// ```
/// use slipring::ReplayError;
///
/// fn advice(error: &ReplayError) -> String {
///     match error {
///         ReplayError::Halted(at) => format!("mend stage {}, or skip {}", at.stage, at.sequence),
///         ReplayError::NoSnapshots => "replay from the start".to_owned(),
///         other => other.to_string(),
///     }
/// }
/// ```
///
/// More: [troubleshoot](https://github.com/slipring/slipring/blob/main/docs/how-to/troubleshoot.md).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReplayError {
    /// The engine has no journal.
    #[error("there is no journal to replay")]
    NoJournal,
    /// Replay has already been done in this life.
    #[error(
        "replay has already been done, and the stages hold its events: go live; to replay or skip something else, \
         open the engine again, and do so before the replay"
    )]
    AlreadyReplayed,
    /// Replay failed before in this life, and the stages hold only part of the history.
    #[error(
        "replay failed before, so the stages hold only part of the history, and can neither replay, nor skip, nor go \
         live: open the engine again, and skip what is to be skipped before the replay"
    )]
    Failed,
    /// Replay before going live goes to the journal's end.
    #[error(
        "replay before going live goes to the journal's end: take .until(..) away, or use EngineBuilder::backtest"
    )]
    MustReachEnd,
    /// At this pace nothing would ever come.
    #[error("Pace::Times({factor}): say how many times as fast, a number above zero")]
    BadPace {
        /// The factor given.
        factor: f64,
    },
    /// More history is unacknowledged than the ring holds, and a stage waits for it in the ring.
    #[error(
        "stage {stage} waits until events are acknowledged ({name}), which those from {acknowledged_end} to {end} are not, and a \
         ring of {capacity} does not hold them until the engine is live: say what a server has of them \
         (Recovered::acknowledge), take a larger ring_capacity, or have a late consumer wait instead"
    )]
    Unacknowledged {
        /// The stage.
        stage: String,
        /// The name under which it waits.
        name: String,
        /// The sequence behind the last event that is acknowledged.
        acknowledged_end: u64,
        /// The journal's end.
        end: u64,
        /// The ring's capacity, events.
        capacity: usize,
    },
    /// A backtest has no snapshots.
    #[error(
        "a backtest has no snapshots to start from: say ReplayFrom::Start, ReplayFrom::Time or ReplayFrom::Sequence"
    )]
    NoSnapshots,
    /// What a stage keeps could not be used.
    #[error(transparent)]
    Keep(#[from] KeepError),
    /// The engine could not be started.
    #[error(transparent)]
    Start(#[from] BuildError),
    /// The journal could not be read. Nothing at or behind the fault was published.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A backtest could not be ended in good order.
    #[error(transparent)]
    Shutdown(ShutdownError),
    /// A stage failed on a replayed event.
    #[error(transparent)]
    Halted(#[from] Halted),
}
