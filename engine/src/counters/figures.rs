//! An engine's figures, as people and monitors see them.

use std::fmt;
use std::time::Duration;

/// An engine's counters at about one moment. An "end" is the last sequence plus one.
///
/// Each figure is whole and fresh; figures of different stages are read one after the other.
///
/// ```
/// use slipring::{Engine, Event};
///
/// fn show<E: Event>(engine: &Engine<E>) {
///     let counters = engine.counters();
///     for stage in &counters.stages {
///         println!("{} on {}: {} behind", stage.name, stage.lane, stage.lag);
///     }
///     for late in counters.late_consumers.iter().filter(|late| !late.is_caught_up()) {
///         println!("{}: {} behind", late.name, late.lag);
///     }
///     for name in &counters.acknowledged {
///         println!("{}: {} events are not acknowledged", name.name, name.lag);
///     }
///     if let (Some(time), Some(stalls)) = (&counters.journal_time, &counters.journal_stalls) {
///         println!("journal at {} ns, {} waits for room", time.last_ns, stalls.total());
///     }
///     if let Some(halted) = &counters.halted {
///         println!("halted: {} at {}: {}", halted.stage, halted.sequence, halted.cause);
///     }
/// }
/// ```
///
/// More: [counters](https://github.com/slipring/slipring/blob/main/docs/reference/counters.md).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counters {
    /// The engine's process.
    pub process: u32,
    /// The sequence behind the last event published. With several publishers it may trail by those under way.
    pub published_end: u64,
    /// The sequence behind the last journalled record; `None` without a journal.
    pub journalled_end: Option<u64>,
    /// The sequence behind the last durable record.
    pub durable_end: Option<u64>,
    /// What time the journal has come to; `None` without a journal.
    pub journal_time: Option<JournalTime>,
    /// How often the journal had to wait.
    pub journal_stalls: Option<JournalStalls>,
    /// How often a publisher waited on a full ring for more than a moment: for longer than 64 looks, a few
    /// microseconds.
    pub full_waits: u64,
    /// How often a `try_` call found the ring full.
    pub full_refusals: u64,
    /// Events that were not published because their id had been, within the window; in this life. See
    /// [`Doubles`](crate::Doubles).
    pub doubles: u64,
    /// How often a parked lane was not woken and should have been: 0, or slipring has a bug. It looks for
    /// itself within about a second.
    pub missed_wakeups: u64,
    /// Events that the ring holds.
    pub capacity: u64,
    /// The first live sequence.
    pub live_from: u64,
    /// Publishing is closed: the engine is being shut down.
    pub closed: bool,
    /// The name of the journal's folder means another folder by now, or none; the engine goes on in the one
    /// that it opened. Looked at about once a second.
    pub folder_moved: bool,
    /// Why the engine has halted, if it has.
    pub halted: Option<HaltedCounters>,
    /// Every stage, the journal's too, lane by lane.
    pub stages: Vec<StageCounters>,
    /// Every late consumer of this engine whose handle is still there; in another process those that have one
    /// of 16 places. They hold nobody up, so the ring's occupancy is without them.
    pub late_consumers: Vec<LateCounters>,
    /// Late consumers that are not shown to other processes: there were 16 already when they started.
    pub late_not_shown: u64,
    /// Every name under which this engine takes acknowledgements; in another process those that have one of 8
    /// places.
    pub acknowledged: Vec<AcknowledgedCounters>,
}

/// Up to where events are acknowledged under a name.
///
/// See the example of [`Counters`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AcknowledgedCounters {
    /// The name; in another process its first 64 bytes.
    pub name: String,
    /// The sequence behind the last event that is acknowledged.
    pub end: u64,
    /// Events published that are not acknowledged.
    pub lag: u64,
}

/// One late consumer's place.
///
/// See the example of [`Counters`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LateCounters {
    /// The late consumer; in another process the first 64 bytes of its name.
    pub name: String,
    /// The sequence behind the last event that it finished.
    pub end: u64,
    /// Events published that it has not finished.
    pub lag: u64,
    /// The late consumer has failed, and its handle says why.
    pub failed: bool,
    /// The late consumer has failed because retention removed what it was to read next.
    pub evicted: bool,
}

impl LateCounters {
    /// Whether it is at work and has finished everything published.
    pub fn is_caught_up(&self) -> bool {
        !self.failed && self.lag == 0
    }
}

/// One stage's place.
///
/// See the example of [`Counters`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StageCounters {
    /// The stage; in another process the first 64 bytes of its name.
    pub name: String,
    /// The lane that runs it; likewise.
    pub lane: String,
    /// The sequence behind the last event that it finished.
    pub end: u64,
    /// Events published that it has not finished.
    pub lag: u64,
    /// Batches finished so far. A batch is what a stage takes in one turn.
    pub batches: u64,
    /// Events in the last batch.
    pub last_batch: u64,
    /// Events in the largest batch.
    pub max_batch: u64,
    /// Tries of events behind the first, in this life.
    pub retries: u64,
    /// What the lane has waited for before those: the sum of the pauses, nanoseconds.
    pub retry_wait_ns: u64,
    /// Events that became dead letters in this life.
    pub dead_letters: u64,
    /// Those of them that are due again, or were.
    pub set_aside: u64,
}

/// What time the journal has come to. It never goes back: where a publisher's clock was ahead for a moment,
/// all later records get the time of that moment until the clock has caught up.
///
/// See the example of [`Counters`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct JournalTime {
    /// Journal time of the last record, nanoseconds since 1970; 0 if there is none. It trails by a batch.
    pub last_ns: u64,
    /// How many events came with a time before that of an earlier one, in this life. With several publishers,
    /// which overtake each other between the clock and the ring, some are nothing unusual.
    pub regressions: u64,
    /// How far `last_ns` lies ahead of the clock, at this look: of the engine's in its own process, of the
    /// system's in another. 0 if it does not.
    pub ahead_ns: u64,
}

/// How often the journal had to wait for room, by what it waited for. A wait counts once, however long.
///
/// See the example of [`Counters`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct JournalStalls {
    /// The next segment was not ready.
    pub segment: u64,
    /// The unsynced window was full: the disk is slower than the publishers.
    pub window: u64,
    /// The next segment could not be made for want of space.
    pub disk_full: u64,
}

impl JournalStalls {
    /// All of them.
    pub fn total(&self) -> u64 {
        self.segment + self.window + self.disk_full
    }
}

/// Why an engine has halted, as its counters tell it.
///
/// See the example of [`Counters`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct HaltedCounters {
    /// The stage that failed.
    pub stage: String,
    /// The sequence that it did not finish.
    pub sequence: u64,
    /// What happened; its first 256 bytes.
    pub cause: String,
}

impl Counters {
    /// Slots of the ring in use: the lag of the slowest stage.
    pub fn occupancy(&self) -> u64 {
        self.stages.iter().map(|stage| stage.lag).max().unwrap_or(0)
    }
}

impl fmt::Display for Counters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "published {}, ring {}/{}", self.published_end, self.occupancy(), self.capacity)?;
        if let (Some(journalled), Some(durable)) = (self.journalled_end, self.durable_end) {
            write!(f, ", journalled {journalled}, durable {durable}")?;
        }
        if let Some(time) = self.journal_time.filter(|time| time.ahead_ns > 0) {
            write!(f, ", journal time {:?} ahead of the clock", Duration::from_nanos(time.ahead_ns))?;
        }
        for stage in &self.stages {
            write!(f, "; {} {} (lag {})", stage.name, stage.end, stage.lag)?;
            if stage.dead_letters > 0 {
                write!(f, ", {} dead letters", stage.dead_letters)?;
            }
        }
        for late in &self.late_consumers {
            let failed = match (late.failed, late.evicted) {
                (_, true) => ", evicted",
                (true, false) => ", failed",
                (false, false) => "",
            };
            write!(f, "; late {} {} (lag {}{failed})", late.name, late.end, late.lag)?;
        }
        for AcknowledgedCounters { name, end, lag } in &self.acknowledged {
            write!(f, "; acknowledged {name} {end} (lag {lag})")?;
        }
        if self.folder_moved {
            write!(f, "; the journal's folder has moved")?;
        }
        if let Some(halted) = &self.halted {
            write!(
                f,
                "; halted by stage {} at sequence {}: {}",
                halted.stage, halted.sequence, halted.cause
            )?;
        }
        Ok(())
    }
}
