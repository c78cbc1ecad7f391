//! Between opening and going live: replay. Publishers do not exist yet, so nothing live can overtake it.

use std::time::{Duration, Instant};

use slipring_journal::{Kind, RecoveryReport, Writer};

use crate::Event;
use crate::builder::EngineBuilder;
use crate::engine::Engine;
use crate::error::{BuildError, ReplayError};
use crate::publisher::Publisher;
use crate::ring::Slot;

/// Where replay starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum From {
    /// At the first record kept: full history.
    Start,
    /// At the first record whose journal time is this or later, nanoseconds.
    Time(u64),
    /// At this sequence.
    Sequence(u64),
}

/// What a replay did.
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
        let (first, end, rate) = (self.first_sequence, self.end_sequence, self.rate() / 1e6);
        let elapsed = self.elapsed.as_secs_f64() * 1e3;
        write!(f, "replayed {} records, {first} to {end}, in {elapsed:.1} ms ({rate:.1} M/s)", self.events())
    }
}

/// An engine whose journal is open and in order, and which is not live yet.
///
/// Replay or not, then [`Recovered::go_live`], which consumes it: no replay once live, no publisher before.
pub struct Recovered<E: Event> {
    state: State<E>,
    report: Option<RecoveryReport>,
}

enum State<E: Event> {
    /// Nothing runs.
    Opened(Box<EngineBuilder<E>>, Option<Box<Writer<E>>>),
    /// Replay is done; the stages stand at the journal's end.
    Replayed(Box<(Engine<E>, Publisher<E>)>),
    /// Replay failed; the stages hold part of the history and must not go live.
    Broken,
}

impl<E: Event> Recovered<E> {
    pub(crate) fn new(builder: EngineBuilder<E>, journal: Option<(Writer<E>, RecoveryReport)>) -> Self {
        let (writer, report) = journal.unzip();
        Recovered { state: State::Opened(Box::new(builder), writer.map(Box::new)), report }
    }

    /// What opening the journal found, discarded and mended; `None` without a journal.
    pub fn recovery(&self) -> Option<&RecoveryReport> {
        self.report.as_ref()
    }

    /// What opening the journal found, discarded and mended.
    ///
    /// # Panics
    /// If the engine has no journal; see [`Recovered::recovery`].
    pub fn report(&self) -> &RecoveryReport {
        self.report.as_ref().expect("an engine with a journal")
    }

    /// The sequence that the first live event gets; 0 without a journal.
    pub fn end_sequence(&self) -> u64 {
        self.report.as_ref().map_or(0, |report| report.end_sequence)
    }

    /// Publishes the journal's records again, into the same ring, with their sequences and times, and waits until
    /// every stage has finished them. The journal stage skips them.
    ///
    /// # Errors
    /// [`ReplayError`]: a record that does not validate, a stage that fails. After an error the engine can't go
    /// live; open it again.
    pub fn replay(&mut self, from: From) -> Result<ReplayReport, ReplayError> {
        self.replay_with(from, |_, _| {})
    }

    /// As [`Recovered::replay`], telling how many records of how many have been published.
    ///
    /// # Errors
    /// As [`Recovered::replay`].
    pub fn replay_with(
        &mut self,
        from: From,
        mut progress: impl FnMut(u64, u64),
    ) -> Result<ReplayReport, ReplayError> {
        let (builder, writer) = match std::mem::replace(&mut self.state, State::Broken) {
            State::Opened(builder, Some(writer)) => (builder, writer),
            State::Opened(builder, None) => {
                self.state = State::Opened(builder, None);
                return Err(ReplayError::NoJournal);
            }
            State::Replayed(engine) => {
                self.state = State::Replayed(engine);
                return Err(ReplayError::AlreadyReplayed);
            }
            State::Broken => return Err(ReplayError::AlreadyReplayed),
        };
        let started = Instant::now();
        let mut reader = writer.reader()?;
        let end_sequence = reader.end_sequence();
        let first_sequence = match from {
            From::Start => reader.first_sequence(),
            From::Time(time_ns) => reader.lower_bound(time_ns)?,
            From::Sequence(sequence) => sequence,
        };
        let time_ns = match first_sequence.checked_sub(1) {
            Some(before) if before >= reader.first_sequence() => reader.at(before)?.time_ns(),
            _ => 0,
        };
        let mut chunks = reader.chunks(first_sequence)?;
        let (engine, mut publisher) = builder.start(Some(*writer), first_sequence, end_sequence, time_ns)?;
        let total = end_sequence - first_sequence;
        while let Some(chunk) = chunks.next_chunk()? {
            let records = chunk.records;
            let fill = |index: usize, slot: &mut Slot<E>| {
                let record = &records[index];
                slot.set(record.time_ns(), record.kind() == Kind::Void, record.event());
            };
            if publisher.put_all(records.len(), fill).is_err() {
                break;
            }
            progress(chunk.first_sequence + records.len() as u64 - first_sequence, total);
        }
        engine.wait_all(end_sequence)?;
        let elapsed = started.elapsed();
        self.state = State::Replayed(Box::new((engine, publisher)));
        Ok(ReplayReport { first_sequence, end_sequence, elapsed })
    }

    /// Goes live: from here on the engine takes events. Without a replay before, the stages start empty at the
    /// journal's end.
    ///
    /// # Errors
    /// [`BuildError`] if the lanes can't be started, or replay failed before.
    pub fn go_live(self) -> Result<(Engine<E>, Publisher<E>), BuildError> {
        match self.state {
            State::Opened(builder, writer) => {
                let writer = writer.map(|writer| *writer);
                let end = writer.as_ref().map_or(0, Writer::end_sequence);
                let time_ns = writer.as_ref().and_then(Writer::last_time_ns).unwrap_or(0);
                builder.start(writer, end, end, time_ns)
            }
            State::Replayed(engine) => Ok(*engine),
            State::Broken => Err(BuildError::ReplayFailed),
        }
    }
}

impl<E: Event> std::fmt::Debug for Recovered<E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Recovered").field("report", &self.report).finish_non_exhaustive()
    }
}
