//! What can go wrong when an engine is built or opened.

use slipring_journal::__private::counted;
use slipring_journal::{OpenError, ReadError};

use super::{CountersFileError, KeepError};
use crate::names::JOURNAL;

/// Why an engine could not be built or opened. No thread is running.
///
/// ```
/// # use slipring::prelude::*;
/// use slipring::BuildError;
/// # #[derive(Clone, Copy, Debug, Event)] #[repr(C)] struct Tick { price: u64 }
///
/// let gate = Gate::PUBLISHED.after("risk");
/// let lane = Lane::named("main").stage("book", |_: &Tick, _: &Context| (), gate);
/// let Err(BuildError::UnknownStage { unknown, .. }) = Engine::builder().lane(lane).go_live() else {
///     panic!("there is no stage of that name")
/// };
/// assert_eq!(unknown, "risk");
/// ```
///
/// More: [troubleshoot](https://github.com/slipring/slipring/blob/main/docs/how-to/troubleshoot.md).
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
        "ring_capacity = {capacity}: the ring, with what lies beside it for columns and latency, would take {bytes} bytes, and {available} are \
         available: take fewer slots, or smaller events"
    )]
    RingTooLarge {
        /// The capacity asked for, events.
        capacity: usize,
        /// What the ring takes, with what lies beside it: columns, and when events were published. Bytes.
        bytes: u64,
        /// What the machine has, bytes, as far as it says; 0 if it gives none of that size.
        available: u64,
    },
    /// A window of doubles of no events, or of too many.
    #[error("a window of {events} events: it must be one or more, and 2^30 at most")]
    BadWindow {
        /// The events asked for.
        events: usize,
    },
    /// The window of doubles does not fit into memory.
    #[error(
        "a window of {events} events takes {bytes} bytes, and {available} are available: take a shorter one"
    )]
    WindowTooLarge {
        /// The events asked for.
        events: usize,
        /// What it takes, bytes.
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
    #[error("two stages are named {name}: give each its own name ({reserved} is the journal's)", reserved = JOURNAL)]
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
    /// Two stages write the same column.
    #[error(
        "stages {a} and {b} both write column {column}, and a column has one writer: give each a column of its own"
    )]
    ColumnWrittenTwice {
        /// The column.
        column: String,
        /// One stage.
        a: String,
        /// The other.
        b: String,
    },
    /// A stage reads a column that is never written.
    #[error(
        "stage {stage} reads column {column}, which no stage of this engine writes: add .writes(&column) to the one that \
         does, with this Column or a clone of it"
    )]
    ColumnNotWritten {
        /// The column.
        column: String,
        /// The stage that reads it.
        stage: String,
    },
    /// A stage reads a column and does not wait for the stage that writes it.
    #[error(
        "stage {reader} reads column {column} and does not wait for stage {writer}, which writes it: gate it \
         .after({writer:?})"
    )]
    ColumnNotGated {
        /// The column.
        column: String,
        /// The stage that reads it.
        reader: String,
        /// The stage that writes it.
        writer: String,
    },
    /// Another engine has the column.
    #[error(
        "stage {stage} uses column {column}, which another engine has or has had, and a column belongs to one engine, \
         once: make a new Column for each"
    )]
    ColumnTaken {
        /// The column.
        column: String,
        /// The stage that uses it.
        stage: String,
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
    /// A stage waits in the ring for acknowledgements, and nobody said that it may hold up publishers.
    #[error(
        "stage {stage} waits in the ring until events are acknowledged ({name}): while none is, the ring fills and publishers \
         stop; have a late consumer do it, which holds nobody up (LateConsumer::acknowledged({name:?})), or say \
         .may_hold_the_ring() to the gate"
    )]
    HoldsTheRing {
        /// The gated stage.
        stage: String,
        /// The name under which the events are to be acknowledged.
        name: String,
    },
    /// A name of acknowledgements can't be a file's.
    #[error(
        "stage {stage} waits for acknowledgements of {name:?}, which are noted in a file of that name: use \
         letters, digits, '-', '_' and '.', 100 at most"
    )]
    BadAcknowledgedName {
        /// The gated stage.
        stage: String,
        /// The name.
        name: String,
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
    #[error("{}", journal_lane(*found))]
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
    #[error(
        "{found} lanes can park, and {most} is the most: let some wait otherwise, or put stages on one lane"
    )]
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
    /// The journal holds history, and nobody said what becomes of it: live, the stages would lack it, and not
    /// tell.
    #[error(
        "the journal holds {} that no stage has seen: call replay(ReplayFrom::Start) before go_live, or \
         replay(ReplayFrom::Snapshot) if stages keep snapshots, or without_history() if they are to start empty behind them",
        counted(*records, "record", "records")
    )]
    HistoryNotReplayed {
        /// How many records it holds.
        records: u64,
    },
    /// Replay failed, and the stages hold only part of the history.
    #[error(
        "replay failed, so the stages hold only part of the history and can't go live: open the engine again, and skip \
         what is to be skipped before the replay"
    )]
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

/// What is wrong with so many lanes of the journal: one runs it if the engine has one, else none.
fn journal_lane(found: usize) -> String {
    match found {
        0 => "the engine has a journal, and no lane runs it: add .journal() to exactly one lane".to_owned(),
        1 => "a lane runs the journal, and the engine has none: add .journal(Journal::at(..)) to the engine, or \
              take .journal() away from the lane"
            .to_owned(),
        _ => format!("{found} lanes run the journal, and one must: leave .journal() to exactly one of them"),
    }
}
