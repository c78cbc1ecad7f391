//! What can go wrong with a publish. Every error gives the event back.

use super::Halted;

/// Why an event was not published. It comes back with the error, and no stage will ever see it.
///
/// See the example of [`Publisher`](crate::Publisher).
///
/// More: [handle errors](https://github.com/slipring/slipring/blob/main/docs/how-to/handle-errors.md).
#[derive(Clone, thiserror::Error)]
#[non_exhaustive]
pub enum PublishError<E> {
    /// The ring is full (only from `try_` calls).
    #[error("the ring is full: the slowest stage is a whole ring behind; try again, or see Engine::counters")]
    Full(E),
    /// There was no room within the time allowed.
    #[error("the ring stayed full: the slowest stage is a whole ring behind; see Engine::counters")]
    TimedOut(E),
    /// The time lies too far ahead. None was published, and nothing has changed.
    #[error(
        "time {time_ns} ns is more than {max_step_ns} ns past both the last event and the clock (it may be {bound_ns} ns at \
         most): it would hold the time of every later event there; mend the time, or raise max_time_step"
    )]
    TimeTooFar {
        /// The event; of several how many were published, which is none.
        event: E,
        /// The time refused, nanoseconds.
        time_ns: u64,
        /// The latest time that would have been taken.
        bound_ns: u64,
        /// The option: [`Journal::max_time_step`](slipring_journal::Journal::max_time_step), or
        /// [`EngineBuilder::max_time_step`](crate::EngineBuilder::max_time_step).
        max_step_ns: u64,
    },
    /// The engine has halted.
    #[error("{0}")]
    Halted(Halted, E),
    /// The engine has been shut down.
    #[error("the engine is shut down: drop the publisher, and open the engine anew to go on")]
    Closed(E),
    /// The ring is full, and the call came from a handler of the same engine: it would wait for itself.
    #[error(
        "the ring is full, and a handler that waits for its own engine waits for ever: use try_publish there"
    )]
    InHandler(E),
}

impl<E> PublishError<E> {
    /// The event that was not published.
    pub fn into_event(self) -> E {
        match self {
            PublishError::Full(event)
            | PublishError::TimedOut(event)
            | PublishError::Closed(event)
            | PublishError::InHandler(event)
            | PublishError::TimeTooFar { event, .. }
            | PublishError::Halted(_, event) => event,
        }
    }

    /// The same error about something else.
    pub(crate) fn map<T>(self, change: impl FnOnce(E) -> T) -> PublishError<T> {
        match self {
            PublishError::Full(event) => PublishError::Full(change(event)),
            PublishError::TimedOut(event) => PublishError::TimedOut(change(event)),
            PublishError::Halted(halted, event) => PublishError::Halted(halted, change(event)),
            PublishError::Closed(event) => PublishError::Closed(change(event)),
            PublishError::InHandler(event) => PublishError::InHandler(change(event)),
            PublishError::TimeTooFar { event, time_ns, bound_ns, max_step_ns } => {
                PublishError::TimeTooFar { event: change(event), time_ns, bound_ns, max_step_ns }
            }
        }
    }
}

// By hand: an event need not be `Debug` for the error to be.
impl<E> std::fmt::Debug for PublishError<E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            PublishError::Full(_) => f.write_str("Full(..)"),
            PublishError::TimedOut(_) => f.write_str("TimedOut(..)"),
            PublishError::Halted(halted, _) => write!(f, "Halted({halted:?}, ..)"),
            PublishError::Closed(_) => f.write_str("Closed(..)"),
            PublishError::InHandler(_) => f.write_str("InHandler(..)"),
            PublishError::TimeTooFar { time_ns, bound_ns, max_step_ns, .. } => {
                write!(f, "TimeTooFar {{ {time_ns}, at most {bound_ns}, step {max_step_ns}, .. }}")
            }
        }
    }
}
