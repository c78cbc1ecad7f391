//! What can go wrong, one small enum per operation. Every message says what, where, and what to do.

use std::time::Duration;

use slipring_journal::{OpenError, ReadError, SyncError};

use crate::counters::CountersFileError;
use crate::kept::KeepError;
use crate::shutdown::ShutdownReport;
use crate::status::Halted;

/// Why an engine could not be built or opened. No thread is running.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The ring's capacity can't be had.
    #[error("ring_capacity = {capacity}: it must be a power of two, {least} or more and 2^32 at most{}", .because)]
    BadCapacity {
        /// The capacity asked for.
        capacity: usize,
        /// The least that is possible.
        least: usize,
        /// Why, if there is more to say.
        because: &'static str,
    },
    /// The ring does not fit into memory.
    #[error(
        "ring_capacity = {capacity}: the ring would take {bytes} bytes, and {available} are available: take fewer slots, or \
         smaller events"
    )]
    RingTooLarge {
        /// The capacity asked for, events.
        capacity: usize,
        /// What the ring takes, bytes.
        bytes: u64,
        /// What the machine has, bytes, as far as it says; 0 if it gives none of that size.
        available: u64,
    },
    /// A batch of no events.
    #[error("batch_cap = 0: a turn must take one event or more (and takes a quarter of the ring at most)")]
    BadBatchCap,
    /// A lane's name can't be a thread's.
    #[error("lane {lane:?}: {why}")]
    BadLaneName {
        /// The name.
        lane: String,
        /// What is wrong with it, and what to do.
        why: &'static str,
    },
    /// A stage's name can't be shown.
    #[error("stage {stage:?}: its name has a zero byte, at which the counters' names end: take it out")]
    ZeroInStageName {
        /// The name.
        stage: String,
    },
    /// There is no stage.
    #[error("the engine has no stage: add a lane with .stage(..) or .journal()")]
    NoStage,
    /// Two stages have the same name.
    #[error("two stages are named {name}: give each its own name ({reserved} is the journal's)", reserved = crate::journal_stage::JOURNAL)]
    DuplicateStage {
        /// The name.
        name: String,
    },
    /// A gate names a stage that is not there.
    #[error("stage {stage} is gated after {unknown}, which is no stage; there are: {}", known.join(", "))]
    UnknownStage {
        /// The gated stage.
        stage: String,
        /// The name that is not there.
        unknown: String,
        /// The names that are.
        known: Vec<String>,
    },
    /// Stages wait for each other.
    #[error("stages wait for each other and would never start: {}", path.join(" after "))]
    Cycle {
        /// The stages, each after the next, the first again at the end.
        path: Vec<String>,
    },
    /// A gate needs the journal, and there is none.
    #[error(
        "stage {stage} is gated on {level}, and the engine has no journal: add .journal(Journal::at(..))"
    )]
    NoJournal {
        /// The gated stage.
        stage: String,
        /// The level.
        level: &'static str,
    },
    /// The durable cursor moves only by whole segments.
    #[error(
        "stage {stage} is gated on durable, and the journal has SyncMode::None: it would wait for whole segments; use SyncMode::every(..) or SyncMode::EveryBatch"
    )]
    DurableWithoutSync {
        /// The gated stage.
        stage: String,
    },
    /// The journal has no lane, or more than one.
    #[error(
        "{found} lanes run the journal, one must: add .journal() to exactly one lane, and Journal::at(..) to the engine"
    )]
    JournalLane {
        /// How many lanes run it.
        found: usize,
    },
    /// A lane has nothing to run.
    #[error("lane {lane} has no stage: add one or remove the lane")]
    EmptyLane {
        /// The lane.
        lane: String,
    },
    /// Two lanes are pinned to the same core.
    #[error(
        "lanes {a} and {b} are both pinned to core {core}: they would take turns; use one lane, or another core"
    )]
    CoreTwice {
        /// The core.
        core: usize,
        /// One lane.
        a: String,
        /// The other.
        b: String,
    },
    /// A lane can't be pinned where it should be.
    #[error("lane {lane} can't run on core {core}: this process may use {}", .allowed.as_deref().unwrap_or("cores that could not be found out"))]
    CoreNotAllowed {
        /// The lane.
        lane: String,
        /// The core.
        core: usize,
        /// The cores that may be used.
        allowed: Option<String>,
    },
    /// A stage keeps something beside the journal, and there is none.
    #[error(
        "stage {stage} keeps {what}, which lie beside the journal, and the engine has none: add .journal(Journal::at(..))"
    )]
    KeepsWithoutJournal {
        /// The stage.
        stage: String,
        /// What it keeps.
        what: &'static str,
    },
    /// A stage's name can't be the name of its folder.
    #[error(
        "stage {stage} keeps {what} in a folder of its name: use letters, digits, '-', '_' and '.', 100 at most"
    )]
    BadStageName {
        /// The stage.
        stage: String,
        /// What it keeps.
        what: &'static str,
    },
    /// A stage has no state and keeps it.
    #[error("stage {stage} is stateless and keeps {what}, which are of a state: take one of them away")]
    StatelessKeeps {
        /// The stage.
        stage: String,
        /// What it keeps.
        what: &'static str,
    },
    /// A backtest has no journal of its own.
    #[error("a backtest is fed from a journal and has none of its own: take .journal(..) away")]
    BacktestWithJournal,
    /// A lane that the caller runs has no thread to pin.
    #[error(
        "lane {lane} is invoked, so it has no thread of its own: take .core(..) away, and pin the caller's"
    )]
    InvokedLaneWithCore {
        /// The lane.
        lane: String,
    },
    /// There are more lanes that park than can be told apart.
    #[error("{found} lanes can park, {most} is the most: let some wait otherwise, or put stages on one lane")]
    TooManyParkingLanes {
        /// How many there are.
        found: usize,
        /// How many there may be.
        most: usize,
    },
    /// A lane's thread could not be started.
    #[error("the thread of lane {lane} can't be started: {source}")]
    Thread {
        /// The lane.
        lane: String,
        /// The system's answer.
        source: std::io::Error,
    },
    /// The counters can't be where they should.
    #[error(transparent)]
    Counters(#[from] CountersFileError),
    /// The journal holds history, and nobody said what becomes of it: live, the stages would lack it, and not tell.
    #[error(
        "the journal holds {records} records that no stage has seen: call replay(ReplayFrom::Start) before go_live, or \
         without_history() if the stages are to start empty behind them"
    )]
    HistoryNotReplayed {
        /// How many records it holds.
        records: u64,
    },
    /// Replay failed, and the stages hold only part of the history.
    #[error("replay failed, so the stages hold only part of the history: open the engine again")]
    ReplayFailed,
    /// The journal could not be opened.
    #[error(transparent)]
    Journal(#[from] OpenError),
    /// The journal could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// What a stage keeps could not be used.
    #[error(transparent)]
    Keep(#[from] KeepError),
}

/// Why replay stopped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReplayError {
    /// The engine has no journal.
    #[error("there is no journal to replay")]
    NoJournal,
    /// Replay has already been done in this life.
    #[error("replay has already been done: its events are in the stages; go live, or open again")]
    AlreadyReplayed,
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

/// Why an event was not published. It comes back with the error, and no stage will ever see it.
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

/// Why an engine did not end in good order.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ShutdownError {
    /// A stage had failed. What was published before is journalled, unless the journal was that stage.
    #[error("{0}")]
    Halted(Halted, Box<ShutdownReport>),
    /// A publisher is in the midst of a publish, and does not go on: its thread was stopped.
    #[error(
        "a publisher stood still in the midst of a publish for {timeout:?}, so the engine was ended as if it were dropped: \
         its thread is stopped, by a debugger or a signal; let it go on"
    )]
    PublisherStuck {
        /// The time allowed.
        timeout: Duration,
    },
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
    #[error("{0}")]
    Journal(SyncError, Box<ShutdownReport>),
}

impl ShutdownError {
    /// What the engine left, if all its stages have ended all the same: to take handlers back after a halt.
    pub fn report(&mut self) -> Option<&mut ShutdownReport> {
        match self {
            ShutdownError::Halted(_, report) | ShutdownError::Journal(_, report) => Some(report),
            _ => None,
        }
    }
}
