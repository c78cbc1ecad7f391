//! Replay: from where, how far, how fast. For recovery, and for backtests, which put history through other
//! handlers.

use std::time::Duration;

use super::replay_error::ReplayError;
use slipring_journal::__private::{counted, per_second};
use slipring_journal::{Event, Reader};

/// Where replay starts.
///
/// See the example of [`Replay`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplayFrom {
    /// At the first record kept: full history.
    Start,
    /// At the first record whose journal time is this or later, nanoseconds.
    Time(u64),
    /// At this sequence.
    Sequence(u64),
    /// A stage with snapshots where its newest one ends, if no effect before is due; a stateless stage at its
    /// first effect that is due; any other at the journal's start. But no stage starts later than a stage
    /// that [reads](crate::Gate::after) it: such a stage goes back to an older snapshot, or to the journal's
    /// start. Records are read from the earliest of these starts on. Refused if retention has removed that
    /// record. The whole rule: [cuts].
    ///
    /// [cuts]: https://github.com/slipring/slipring/blob/main/docs/reference/kept.md#cuts
    Snapshot,
}

/// Where replay ends, this not included.
///
/// See the example of [`Replay`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplayUntil {
    /// At the first record whose journal time is this or later, nanoseconds.
    Time(u64),
    /// At this sequence.
    Sequence(u64),
}

/// How fast replay goes.
///
/// ```
/// use slipring::{Pace, Replay, ReplayFrom, Step};
///
/// let show = |step: Step| println!("next is {} of {} ns", step.sequence, step.time_ns);
/// let by_hand = Replay::new(ReplayFrom::Start).pace(Pace::Steps(Box::new(show)));
/// let as_it_was = Replay::new(ReplayFrom::Start).pace(Pace::Times(1.0));
/// ```
#[derive(Default)]
#[non_exhaustive]
pub enum Pace<'a> {
    /// As fast as the stages take it.
    #[default]
    Max,
    /// So many times as fast as it happened, by the records' times: 1.0 is as it happened, 10.0 ten times as
    /// fast.
    Times(f64),
    /// One record at a time. The function is called before each record, when all stages have finished the
    /// record before. It may take as long as it likes.
    Steps(Box<dyn FnMut(Step) + 'a>),
}

impl std::fmt::Debug for Pace<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Pace::Max => f.write_str("Max"),
            Pace::Times(factor) => write!(f, "Times({factor})"),
            Pace::Steps(_) => f.write_str("Steps(..)"),
        }
    }
}

/// The record that a replay by steps is about to publish.
///
/// See the example of [`Pace`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// The record's sequence.
    pub sequence: u64,
    /// The record's journal time, nanoseconds.
    pub time_ns: u64,
}

/// What to replay and how. A [`ReplayFrom`] alone is a replay from there to the end, at full speed.
///
/// ```
/// use slipring::{Pace, Replay, ReplayFrom, ReplayUntil};
///
/// let replay = Replay::new(ReplayFrom::Time(1_700_000_000_000_000_000))
///     .until(ReplayUntil::Time(1_700_000_060_000_000_000))
///     .pace(Pace::Times(10.0))
///     .progress(|done, total| eprintln!("{done} of {total}"));
/// ```
///
/// More: [backtest](https://github.com/slipring/slipring/blob/main/docs/how-to/backtest.md).
pub struct Replay<'a> {
    pub(crate) from: ReplayFrom,
    pub(crate) until: Option<ReplayUntil>,
    pub(crate) pace: Pace<'a>,
    pub(crate) progress: Option<Box<dyn FnMut(u64, u64) + 'a>>,
}

impl<'a> Replay<'a> {
    /// From there to the end, at full speed.
    pub fn new(from: ReplayFrom) -> Self {
        Replay { from, until: None, pace: Pace::Max, progress: None }
    }

    /// Where to stop before the journal's end. For backtests only: going live takes all of history.
    #[must_use]
    pub fn until(mut self, until: ReplayUntil) -> Self {
        self.until = Some(until);
        self
    }

    /// How fast it goes.
    #[must_use]
    pub fn pace(mut self, pace: Pace<'a>) -> Self {
        self.pace = pace;
        self
    }

    /// Calls `tell` with how many records of how many have been published: at full speed now and then,
    /// otherwise whenever some have been, which may be behind each.
    #[must_use]
    pub fn progress(mut self, tell: impl FnMut(u64, u64) + 'a) -> Self {
        self.progress = Some(Box::new(tell));
        self
    }
}

impl From<ReplayFrom> for Replay<'_> {
    fn from(from: ReplayFrom) -> Self {
        Replay::new(from)
    }
}

impl std::fmt::Debug for Replay<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut debug = f.debug_struct("Replay");
        debug
            .field("from", &self.from)
            .field("until", &self.until)
            .field("pace", &self.pace)
            .finish_non_exhaustive()
    }
}

/// What a replay did.
///
/// See the example of [`Recovered`](crate::Recovered).
#[derive(Clone, Copy, Debug)]
pub struct ReplayReport {
    /// The first sequence replayed.
    pub first_sequence: u64,
    /// The sequence behind the last.
    pub end_sequence: u64,
    /// From the first record read to the last event finished by every stage.
    pub elapsed: Duration,
}

impl ReplayReport {
    /// How many records were replayed.
    pub fn events(&self) -> u64 {
        self.end_sequence - self.first_sequence
    }

    /// Records a second.
    pub fn rate(&self) -> f64 {
        self.events() as f64 / self.elapsed.as_secs_f64().max(1e-9)
    }
}

impl std::fmt::Display for ReplayReport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (first, end, rate) =
            (self.first_sequence, self.end_sequence, per_second(self.events(), self.elapsed));
        let elapsed = self.elapsed.as_secs_f64() * 1e3;
        let records = counted(self.events(), "record", "records");
        write!(f, "replayed {records}, {first} to {end}, in {elapsed:.1} ms ({rate})")
    }
}

/// Journal time before `sequence`.
pub(crate) fn time_before<E: Event>(reader: &mut Reader<E>, sequence: u64) -> Result<u64, ReplayError> {
    Ok(match sequence.checked_sub(1) {
        Some(before) if before >= reader.first_sequence() => reader.at(before)?.time_ns(),
        _ => 0,
    })
}

impl Replay<'_> {
    /// Refuses a pace at which nothing would ever come.
    pub(crate) fn check(&self) -> Result<(), ReplayError> {
        match self.pace {
            Pace::Times(factor) if !(factor.is_finite() && factor > 0.0) => {
                Err(ReplayError::BadPace { factor })
            }
            _ => Ok(()),
        }
    }
}
