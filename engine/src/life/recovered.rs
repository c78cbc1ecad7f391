//! Between opening and going live: replay. Publishers do not exist yet, so nothing live can overtake it.

use std::sync::Arc;
use std::time::Instant;

use slipring_journal::{Event, Reader, RecoveryReport, Writer};

use super::engine::Engine;
use super::feed::feed;
use super::held::Held;
use super::replay::{Replay, ReplayFrom, ReplayReport, time_before};
use super::replay_error::ReplayError;
use super::start::Begin;
use crate::acknowledged::names::AcknowledgedNames;
use crate::describe::builder::EngineBuilder;
use crate::error::{BuildError, Divergence, KeepError};
use crate::kept::dead_letter_log;
use crate::kept::epochs::Epochs;
use crate::kept::opening::{OpenedStage, StageOpening};
use crate::kept::restored::Restored;
use crate::kept::snapshot;
use crate::publish::publisher::Publisher;

/// An engine whose journal is open and in order, and which is not live yet.
///
/// First [replay](Recovered::replay), or [say](Recovered::without_history) that the stages do without
/// history. Then [go live](Recovered::go_live), which consumes this value: there is no replay once the engine
/// is live, and no publisher before.
///
/// ```
/// # use slipring::prelude::*;
/// # #[derive(Clone, Copy, Debug, Event)] #[repr(C)] struct Tick { price: u64 }
/// # let folder = tempfile::tempdir()?;
/// # let journal = Journal::at(folder.path()).segment_bytes(1 << 20);
/// # let lane = Lane::named("main").journal().stage("book", |_: &Tick, _: &Context| (), Gate::JOURNALLED);
/// let mut recovered = Engine::builder().journal(journal).lane(lane).open()?;
/// if let Some(found) = recovered.recovery() {
///     println!("{found}");
/// }
/// let replayed = recovered.replay(ReplayFrom::Start)?;
/// println!("{} events, {replayed}", replayed.events());
/// let (engine, publisher) = recovered.go_live()?;
/// engine.join()?;
/// # Ok::<(), slipring::Error>(())
/// ```
///
/// More: [the tutorial](https://github.com/slipring/slipring/blob/main/docs/tutorial.md).
pub struct Recovered<E: Event> {
    state: Phase<E>,
    report: Option<RecoveryReport>,
    /// The stages are to go live without what the journal holds.
    without_history: bool,
    /// The journal is another's: so are the effects of what it holds.
    is_standby: bool,
    restored: Vec<Restored>,
    lost_effects: Vec<(String, std::ops::Range<u64>)>,
    torn_dead_letters: Vec<(String, u64)>,
}

enum Phase<E: Event> {
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
        let state = Phase::Opened(Box::new(builder), writer.map(Box::new));
        let (restored, lost_effects, torn_dead_letters) = (Vec::new(), Vec::new(), Vec::new());
        Recovered {
            state,
            report,
            without_history: false,
            is_standby: false,
            restored,
            lost_effects,
            torn_dead_letters,
        }
    }

    /// What a standby becomes.
    pub(super) fn standing_by(report: RecoveryReport) -> Self {
        Recovered {
            state: Phase::Broken,
            report: Some(report),
            without_history: false,
            is_standby: true,
            restored: Vec::new(),
            lost_effects: Vec::new(),
            torn_dead_letters: Vec::new(),
        }
    }

    /// It stands at the journal's end, as after a replay.
    pub(super) fn become_live(&mut self, engine: (Engine<E>, Publisher<E>), report: RecoveryReport) {
        (self.state, self.report) = (Phase::Replayed(Box::new(engine)), Some(report));
    }

    /// What opening the journal found, discarded and mended; `None` without a journal.
    pub fn recovery(&self) -> Option<&RecoveryReport> {
        self.report.as_ref()
    }

    /// The sequence that the first live event gets; 0 without a journal.
    pub fn end_sequence(&self) -> u64 {
        self.report.as_ref().map_or(0, |report| report.end_sequence)
    }

    /// What became of each stage's snapshots, after a replay [`ReplayFrom::Snapshot`]: also after one that
    /// failed, as far as it came. No stage starts behind a stage that [reads](crate::Gate::after) it.
    pub fn restored(&self) -> &[Restored] {
        &self.restored
    }

    /// Effects that were emitted for events that the journal has lost since, by stage, after a replay. Power
    /// loss took those events, for they were not durable; whoever saw the effects knows more than the
    /// journal.
    pub fn lost_effects(&self) -> &[(String, std::ops::Range<u64>)] {
        &self.lost_effects
    }

    /// How many bytes were cut off the end of each stage's log of dead letters that a crash had left torn,
    /// after a replay. Those letters were not synced. Replay gives their events to the handler again.
    pub fn torn_dead_letters(&self) -> &[(String, u64)] {
        &self.torn_dead_letters
    }

    /// Where replay came to another state than the one that was logged. More than none only with
    /// [`Digests::report_only`](crate::Digests::report_only).
    pub fn divergences(&self) -> Vec<Divergence> {
        match &self.state {
            Phase::Replayed(engine) => engine.0.divergences(),
            _ => Vec::new(),
        }
    }

    /// Has a stage skip an event for ever, as if the stage's handler had refused it: the way past an event
    /// that makes the handler panic. Call it before the replay. The skip is recorded durably as a dead
    /// letter. To say it again, in this life or another, changes nothing.
    ///
    /// # Errors
    /// [`ReplayError::Keep`]: there is no such stage, it keeps no dead letters, or a call of the system
    /// fails; [`KeepError::SkipInSnapshot`] if a snapshot of the stage, or of one that
    /// [reads](crate::Gate::after) it, can be used and has the event in it. [`ReplayError::Read`]: the event
    /// is not in the journal. [`ReplayError::AlreadyReplayed`], [`ReplayError::Failed`]: it is too late in
    /// this life. Open the engine again, and skip before the replay.
    pub fn skip(&mut self, stage: &str, sequence: u64) -> Result<(), ReplayError> {
        let (builder, writer) = match &self.state {
            Phase::Opened(builder, Some(writer)) => (builder, writer),
            Phase::Opened(_, None) => return Err(ReplayError::NoJournal),
            Phase::Replayed(_) => return Err(ReplayError::AlreadyReplayed),
            Phase::Broken => return Err(ReplayError::Failed),
        };
        let Some(journal) = &builder.journal else { return Err(ReplayError::NoJournal) };
        let mut stages = builder.items().filter(|item| !item.is_journal());
        if !stages.any(|item| item.name == stage) {
            let stages = builder.items().filter(|item| !item.is_journal());
            let known = stages.map(|item| item.name.clone()).collect();
            return Err(KeepError::NoSuchStage { stage: stage.to_owned(), known }.into());
        }
        if !builder.keeps_dead_letters(stage) {
            return Err(KeepError::NotSkippable { stage: stage.to_owned() }.into());
        }
        let mut reader = writer.reader()?;
        let epoch = reader.at(sequence)?.epoch();
        let mut log = dead_letter_log::DeadLetterLog::open(&journal.files(), stage, reader.as_raw())?;
        if log.torn_bytes() > 0 {
            self.torn_dead_letters.push((stage.to_owned(), log.torn_bytes()));
        }
        if !log.skips(sequence) {
            for holder in builder.with_readers(stage) {
                let behind = sequence + 1..=u64::MAX;
                if let Some((_, path)) =
                    snapshot::newest_in(&journal.files(), &holder, reader.as_raw(), behind)?
                {
                    let stage = stage.to_owned();
                    return Err(KeepError::SkipInSnapshot { stage, sequence, holder, path }.into());
                }
            }
        }
        Ok(log.skip(sequence, epoch)?)
    }

    /// Publishes the journal's records again, into the same ring, with their sequences and times, and waits
    /// until every stage has finished them. The journal stage skips them. A stage that waits for
    /// [acknowledgements](crate::Gate::acknowledged) finishes what is acknowledged, and the rest when it is.
    ///
    /// # Errors
    /// [`ReplayError`]: a record that does not validate, a stage that fails. After such an error the engine
    /// can neither replay, nor skip, nor go live, and each says so ([`ReplayError::Failed`],
    /// [`BuildError::ReplayFailed`]): open it again.
    pub fn replay<'a>(&mut self, replay: impl Into<Replay<'a>>) -> Result<ReplayReport, ReplayError> {
        let mut replay = replay.into();
        replay.check()?;
        if replay.until.is_some() {
            return Err(ReplayError::MustReachEnd);
        }
        let (mut builder, writer) = match std::mem::replace(&mut self.state, Phase::Broken) {
            Phase::Opened(builder, Some(writer)) => (builder, writer),
            Phase::Opened(builder, None) => {
                self.state = Phase::Opened(builder, None);
                return Err(ReplayError::NoJournal);
            }
            Phase::Replayed(engine) => {
                self.state = Phase::Replayed(engine);
                return Err(ReplayError::AlreadyReplayed);
            }
            Phase::Broken => return Err(ReplayError::Failed),
        };
        let started = Instant::now();
        let mut reader = writer.replay_reader()?;
        let end_sequence = reader.end_sequence();
        let opened = self.open_stages(&mut builder, &mut reader, replay.from == ReplayFrom::Snapshot)?;
        let first_sequence = match replay.from {
            ReplayFrom::Start => reader.first_sequence(),
            ReplayFrom::Time(time_ns) => reader.lower_bound(time_ns)?,
            ReplayFrom::Sequence(sequence) => sequence,
            ReplayFrom::Snapshot => {
                opened.iter().map(|(_, opened)| opened.from).min().unwrap_or(end_sequence)
            }
        };
        let from = first_sequence.max(reader.first_sequence());
        if replay.from != ReplayFrom::Snapshot {
            check_starts(&opened, from)?;
        }
        let first_sequence = if replay.from == ReplayFrom::Snapshot { from } else { first_sequence };
        builder.check_acknowledged(first_sequence, end_sequence)?;
        let time_ns = time_before(&mut reader, first_sequence)?;
        let epochs = Epochs::find(reader.as_raw(), first_sequence, end_sequence, writer.epoch())?;
        let begin = Begin { base: first_sequence, live_from: end_sequence, time_ns, epochs, source: None };
        let (engine, mut publisher) = builder.start(Held::Writer(writer), begin)?;
        feed(&mut reader, (first_sequence, end_sequence), &engine, &mut publisher, &mut replay)?;
        let elapsed = started.elapsed();
        self.state = Phase::Replayed(Box::new((engine, publisher)));
        Ok(ReplayReport { first_sequence, end_sequence, elapsed })
    }

    /// Says that the stages go live without what the journal holds: they start empty, behind its last record.
    #[must_use]
    pub fn without_history(mut self) -> Self {
        self.without_history = true;
        self
    }

    /// Goes live: from here on the engine takes events.
    ///
    /// # Errors
    /// [`BuildError::HistoryNotReplayed`] if the journal holds records, a stage has a state, and there was
    /// neither a [replay](Recovered::replay) nor [`Recovered::without_history`]; [`BuildError`] if the lanes
    /// can't be started, or replay failed before; [`BuildError::Keep`] without history if a stage needs it.
    pub fn go_live(mut self) -> Result<(Engine<E>, Publisher<E>), BuildError> {
        match std::mem::replace(&mut self.state, Phase::Broken) {
            Phase::Opened(builder, None) => {
                let epochs = Epochs::none();
                builder
                    .start(Held::Nothing, Begin { base: 0, live_from: 0, time_ns: 0, epochs, source: None })
            }
            Phase::Opened(mut builder, Some(writer)) => {
                let end = writer.end_sequence();
                let time_ns = writer.last_time_ns().unwrap_or(0);
                let mut reader = writer.reader()?;
                let records = end - reader.first_sequence();
                if records > 0 && builder.has_state() && !self.without_history {
                    return Err(BuildError::HistoryNotReplayed { records });
                }
                let opened = self.open_stages(&mut builder, &mut reader, false)?;
                check_starts(&opened, end)?;
                let epochs = Epochs::find(reader.as_raw(), end, end, writer.epoch())?;
                let begin = Begin { base: end, live_from: end, time_ns, epochs, source: None };
                builder.start(Held::Writer(writer), begin)
            }
            Phase::Replayed(engine) => Ok(*engine),
            Phase::Broken => Err(BuildError::ReplayFailed),
        }
    }

    /// The names under which events are acknowledged, if there is a journal.
    pub(super) fn acknowledged_names(&self) -> Option<&Arc<AcknowledgedNames>> {
        match &self.state {
            Phase::Opened(builder, _) => builder.acknowledged.as_ref(),
            Phase::Replayed(live) => live.0.shared.acknowledged.as_ref(),
            Phase::Broken => None,
        }
    }

    pub(super) fn open_stages(
        &mut self,
        builder: &mut EngineBuilder<E>,
        reader: &mut Reader<E>,
        restore: bool,
    ) -> Result<Vec<(String, OpenedStage)>, KeepError> {
        let Some(journal) = &builder.journal else { return Ok(Vec::new()) };
        let folder = journal.files();
        let mut opened = Vec::new();
        let reader_starts = None;
        let is_standby = self.is_standby;
        let mut opening =
            StageOpening { folder, reader: reader.as_raw(), restore, is_standby, reader_starts };
        let result = builder.open_stages(&mut opening, &mut opened);
        for (stage, opened) in &opened {
            self.restored.extend(opened.restored.clone());
            self.lost_effects.extend(opened.lost_effects.clone().map(|lost| (stage.clone(), lost)));
            if opened.torn_dead_letters > 0 {
                self.torn_dead_letters.push((stage.clone(), opened.torn_dead_letters));
            }
        }
        result.map(|()| opened)
    }
}

/// Checks that no stage would miss what it must see, if all start at `base`.
fn check_starts(opened: &[(String, OpenedStage)], base: u64) -> Result<(), KeepError> {
    for (stage, opened) in opened {
        if let Some(needs_from) = opened.must_from.filter(|must| *must < base) {
            let (stage, advice) = (stage.clone(), opened.advice);
            return Err(KeepError::NeedsHistory { stage, needs_from, from: base, advice });
        }
    }
    Ok(())
}

impl<E: Event> std::fmt::Debug for Recovered<E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Recovered").field("report", &self.report).finish_non_exhaustive()
    }
}
