//! The running engine: waiting for events, and watching.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use slipring_journal::{Cursors, Event, Journal, RetentionHandle, SyncError, WholeCall};

use super::ending::Ending;
use crate::acknowledged::names::AcknowledgedNames;
use crate::counters::board::{About, Board};
use crate::counters::figures::Counters;
use crate::counters::file::CountersFile;
use crate::cursors::cursor::Cursor;
use crate::cursors::status::EngineStatus;
use crate::describe::builder::EngineBuilder;
use crate::describe::gate::Gate;
use crate::error::{Cause, Divergence, Halted, WaitError};
use crate::kept::again::PublishedAgain;
use crate::kept::findings::Findings;
use crate::kept::keeper::{Keeper, KeptCounters};
use crate::late::{History, LateConsumers};
use crate::names::JOURNAL;
use crate::own_thread::OwnThread;
use crate::panics;
use crate::publish::outlet::Outlet;
use crate::publish::publisher::now_ns;
use crate::work::inside::is_inside;
use crate::work::invoked::{Drive, Invoked};
use crate::work::lane::{Haste, Named};

/// What the engine's handle knows of its stages.
pub(crate) struct EngineShared {
    pub(crate) status: Arc<EngineStatus>,
    pub(crate) stages: Stages,
    pub(crate) journal: Option<Cursors>,
    pub(crate) outlet: Arc<Outlet>,
    /// The journal's files, for late consumers.
    pub(crate) history: Option<History>,
    pub(crate) late: LateConsumers,
    /// The names under which events are acknowledged, if there is a journal.
    pub(crate) acknowledged: Option<Arc<AcknowledgedNames>>,
    /// Of an engine that was a standby it moves once, when that is promoted.
    pub(crate) live_from: AtomicU64,
    pub(crate) wait_timeout: Duration,
    pub(crate) findings: Arc<Findings>,
    pub(crate) again: Arc<PublishedAgain>,
    pub(crate) board: Arc<Board>,
    pub(crate) ending: Ending,
}

/// What is known of each stage, by its place.
pub(crate) struct Stages {
    pub(crate) names: Vec<String>,
    /// Its lane's name.
    pub(crate) lanes: Vec<String>,
    pub(crate) cursors: Vec<Cursor>,
    pub(crate) gates: Vec<Gate>,
}

pub(crate) struct LaneThread<E: Event> {
    pub(crate) name: String,
    pub(crate) thread: OwnThread<Vec<Named<E>>>,
}

/// A live engine. Its lanes run until the engine is [joined](Engine::join) or dropped.
///
/// Join and drop close publishing first, and then have every stage finish what was published. An event whose
/// publish returned `Ok` reaches every stage, also a stage whose gate is closed for the moment. An event
/// whose publish returned an error reaches no stage. Only what stands behind a stage that fails, or behind a
/// handler that does not return, is not delivered. That is counted in [`Engine::ending`], said on standard
/// error, and shown as the stages' lags by the [last counters](crate::CountersReader::last).
///
/// Join and drop give up after the builder's `wait_timeout` (a drop after five seconds at least). A drop
/// gives up earlier, five seconds after anything last moved (within a batch a stage's cursor moves every 128
/// events). The drop then ends the stages that wait for a gate or for room in the journal. It names each lane
/// that is still in a handler, and leaves that lane's thread behind. Time in which a stage waits to hand over
/// its last snapshot does not count; that wait ends after ten seconds. An engine that is dropped inside one
/// of its own handlers, which could not wait for itself, is ended by a thread of its own.
///
/// ```
/// use slipring::prelude::*;
///
/// #[derive(Clone, Copy, Debug, Event)]
/// #[repr(C)]
/// struct Fill { account: u64, shares: i64 }
///
/// let mut net = 0;
/// let position = move |fill: &Fill, _: &Context| net += fill.shares;
/// let lane = Lane::named("main").stage("position", position, Gate::PUBLISHED);
/// let (engine, mut publisher) = Engine::builder().lane(lane).go_live()?;
/// let sequence = publisher.publish(Fill { account: 7, shares: -100 })?;
/// engine.wait_stage("position", sequence)?;
/// assert!(engine.halted().is_none());
/// assert_eq!(engine.join()?.end_sequence, 1);
/// # Ok::<(), slipring::Error>(())
/// ```
///
/// More: [the tutorial](https://github.com/slipring/slipring/blob/main/docs/tutorial.md).
pub struct Engine<E: Event> {
    pub(crate) shared: Arc<EngineShared>,
    pub(crate) lanes: Vec<LaneThread<E>>,
    /// The lanes that the caller runs.
    pub(crate) invoked: Option<Arc<Invoked<E>>>,
    pub(crate) haste: Arc<Haste>,
    /// Finished after the lanes have ended, so that it writes what they handed over last, and before the
    /// journal.
    pub(crate) keeper: Option<Keeper>,
    /// Where other processes read the counters.
    pub(crate) counters_file: Option<CountersFile>,
    /// The process that has its threads.
    pub(crate) process: u32,
    /// A join has waited as long as it may.
    pub(crate) has_waited: bool,
}

impl<E: Event> Engine<E> {
    /// Starts to describe an engine for events `E`.
    pub fn builder() -> EngineBuilder<E> {
        EngineBuilder::new()
    }

    /// What readers of the journal hold it by; `None` without a journal, or without a rule of retention.
    pub fn retention(&self) -> Option<RetentionHandle> {
        self.shared.history.as_ref().and_then(|history| history.retention.clone())
    }

    /// Where replay came to another state than the one that was logged.
    pub fn divergences(&self) -> Vec<Divergence> {
        self.shared.findings.divergences()
    }

    /// What stages keep beside the journal, in figures.
    pub fn kept(&self) -> Vec<KeptCounters> {
        self.keeper.as_ref().map_or_else(Vec::new, Keeper::counters)
    }

    /// What went wrong in writing snapshots and digests, the last hundred. The engine goes on without them.
    pub fn keep_faults(&self) -> Vec<String> {
        self.shared.findings.faults()
    }

    /// Runs the lanes that have no thread ([`Lane::invoked`](crate::Lane::invoked)) for one turn; how many
    /// events their stages finished. 0 if there is nothing to do, there are no such lanes, or another thread
    /// is at it; with several publishers also while another lane looks for what they have published. Fewer
    /// than there are is nothing unusual.
    ///
    /// ```
    /// # use slipring::{Context, Engine, Event, Gate, Lane};
    /// # #[derive(Clone, Copy, Debug, Event)] #[repr(C)] struct Tick { price: u64 }
    /// let lane = Lane::named("own").invoked().stage("print", |_: &Tick, _: &Context| (), Gate::PUBLISHED);
    /// let (engine, mut publisher) = Engine::builder().lane(lane).open()?.go_live()?;
    /// publisher.publish(Tick { price: 7 })?;
    /// assert_eq!(engine.invoke(), 1);
    /// assert_eq!(engine.invoke(), 0);
    /// engine.join()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn invoke(&self) -> u64 {
        self.invoked.as_ref().map_or(0, |lanes| lanes.drive())
    }

    /// Runs the caller's own lanes, or waits a moment; whether it is time to look at a clock: a turn may have
    /// taken long.
    pub(crate) fn pause(&self, pause: &mut Pause) -> bool {
        self.invoke() > 0 || pause.next()
    }

    /// The first live sequence: everything below it is from before this life.
    pub fn live_from(&self) -> u64 {
        // Relaxed: whoever promotes a standby has it before anybody else can ask.
        self.shared.live_from.load(Ordering::Relaxed)
    }

    /// A standby is live from here on.
    pub(super) fn begin_live(&self, from: u64) {
        // Relaxed: see `live_from`.
        self.shared.live_from.store(from, Ordering::Relaxed);
        self.shared.board.set_live_from(from);
    }

    /// The journal was closed and opened again: its LOCK is to name the counters once more.
    pub(super) fn note_counters(&self, journal: &Journal) {
        if let Some(file) = &self.counters_file {
            file.note_again(&journal.files());
        }
    }

    /// Why the engine has halted, if it has.
    pub fn halted(&self) -> Option<Halted> {
        self.shared.status.halted().cloned()
    }

    /// Whether the name of the journal's folder means another folder by now, or none: it was renamed, removed
    /// or mounted over, or a link in its path was turned. The engine goes on in the folder that it opened,
    /// with all that it keeps there. Put the folder back if it is to be found by its name again. The engine
    /// looks about once a second. `false` without a journal.
    pub fn folder_moved(&self) -> bool {
        self.shared.journal.as_ref().is_some_and(Cursors::folder_moved)
    }

    /// How far everything is. Figures of different stages are read one after the other, so they need not be
    /// of the same moment.
    pub fn counters(&self) -> Counters {
        let shared = &self.shared;
        let stages = shared.stages.names.iter().zip(&shared.stages.lanes);
        let about = About {
            process: std::process::id(),
            capacity: shared.outlet.capacity as u64,
            live_from: self.live_from(),
            has_journal: shared.journal.is_some(),
            now_ns: now_ns(&shared.outlet),
            stages: Box::new(stages.map(|(name, lane)| (name.as_str(), lane.as_str()))),
            late: Some(shared.late.counters()),
            acknowledged: Some(shared.acknowledged.as_ref().map_or_else(Vec::new, |names| names.counters())),
        };
        let mut counters = shared.board.read(about);
        if let Some(journal) = &shared.journal {
            // Here the journal's own cursors can be had, which the journal's lane moves inside a batch too.
            counters.journalled_end = Some(journal.journalled_end());
            counters.durable_end = Some(journal.durable_end());
            counters.folder_moved = journal.folder_moved();
        }
        counters
    }

    /// What the calls took of a core that the journal's own threads can't cut into pieces; empty without a
    /// journal. See [`Cursors::whole_calls`](crate::Cursors::whole_calls).
    ///
    /// ```
    /// use slipring::prelude::*;
    ///
    /// # #[derive(Clone, Copy, Debug, Event)] #[repr(C)] struct Tick { price: u64 }
    /// # let folder = tempfile::tempdir()?;
    /// # let journal = Journal::at(folder.path()).segment_records(1024);
    /// let lane = Lane::named("main").journal().stage("sink", |_: &Tick, _: &Context| {}, Gate::JOURNALLED);
    /// let (engine, mut publisher) = Engine::builder().journal(journal).lane(lane).go_live()?;
    /// let sequence = publisher.publish(Tick { price: 7 })?;
    /// engine.wait_durable(sequence)?;
    /// let calls = engine.whole_calls();
    /// assert!(calls.iter().any(|call| call.name == "sync" && call.times > 0));
    /// engine.join()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn whole_calls(&self) -> Vec<WholeCall> {
        self.shared.journal.as_ref().map_or_else(Vec::new, |journal| journal.whole_calls())
    }

    /// The file in which other processes read the same counters ([`CountersReader`](crate::CountersReader));
    /// `None` if they are private.
    pub fn counters_path(&self) -> Option<&Path> {
        self.counters_file.as_ref().map(CountersFile::path)
    }

    /// Waits until the record `sequence` is journalled: it survives the death of the process.
    ///
    /// # Errors
    /// [`WaitError`]: the engine halted before the record was published, or the record was not journalled
    /// within the builder's `wait_timeout`. (With several publishers the call may say so of a record that was
    /// published, if its publisher has not published since.)
    pub fn wait_journalled(&self, sequence: u64) -> Result<(), WaitError> {
        self.wait_journalled_until(sequence, self.deadline())
    }

    fn wait_journalled_until(&self, sequence: u64, deadline: Option<Instant>) -> Result<(), WaitError> {
        let Some(journal) = &self.shared.journal else { return Err(WaitError::NoJournal) };
        // What was published before another stage failed is journalled all the same, a moment later.
        let comes = |halted: &Halted| {
            halted.stage != JOURNAL
                && journal.failure().is_none()
                && sequence < self.shared.outlet.published.end()
        };
        self.wait("journalled", sequence, deadline, || journal.journalled_end(), comes)
    }

    /// Waits until the record `sequence` is durable: it survives power loss. The call asks the syncer for the
    /// record, and so works in every sync mode.
    ///
    /// # Errors
    /// [`WaitError`]: the engine halted first, the journal failed, or the record was not durable within the
    /// builder's `wait_timeout`.
    pub fn wait_durable(&self, sequence: u64) -> Result<(), WaitError> {
        /// Between two turns of the caller's own lanes, which nobody else runs.
        const SLICE: Duration = Duration::from_millis(1);
        let deadline = self.deadline();
        let Some(journal) = &self.shared.journal else { return Err(WaitError::NoJournal) };
        self.wait_journalled_until(sequence, deadline)?;
        loop {
            let left = deadline.map_or(Duration::MAX, |at| at.saturating_duration_since(Instant::now()));
            let slice = if self.invoked.is_some() { left.min(SLICE) } else { left };
            match journal.wait_durable(sequence, slice) {
                Err(SyncError::TimedOut { .. }) if slice < left => self.invoke(),
                waited => return Ok(waited?),
            };
        }
    }

    /// When a wait that begins now has lasted too long; `None` for never.
    pub(super) fn deadline(&self) -> Option<Instant> {
        Instant::now().checked_add(self.shared.wait_timeout)
    }

    /// Waits until a stage has finished the event `sequence`.
    ///
    /// # Errors
    /// [`WaitError`]: there is no such stage, the engine halted first, or the stage did not finish within the
    /// builder's `wait_timeout`.
    pub fn wait_stage(&self, name: &str, sequence: u64) -> Result<(), WaitError> {
        let Some(at) = self.shared.stages.names.iter().position(|n| n == name) else {
            return Err(WaitError::UnknownStage {
                name: name.to_owned(),
                known: self.shared.stages.names.clone(),
            });
        };
        let cursor = &self.shared.stages.cursors[at];
        self.wait(name, sequence, self.deadline(), || cursor.end(), |_| false)
    }

    /// Waits without a deadline until every stage has finished everything below `end`; those that wait for
    /// acknowledgements, or for such a stage, what is acknowledged of it.
    pub(crate) fn wait_all(&self, end: u64) -> Result<(), Halted> {
        let mut pause = Pause::default();
        for (cursor, end) in self.shared.stages.cursors.iter().zip(self.within_reach(end)) {
            while cursor.end() < end {
                if let Some(halted) = self.shared.status.halted() {
                    return Err(halted.clone());
                }
                self.pause(&mut pause);
            }
        }
        Ok(())
    }

    /// Waits until `end` is behind `sequence`; after a halt as long as it `comes` all the same.
    pub(super) fn wait(
        &self,
        name: &str,
        sequence: u64,
        deadline: Option<Instant>,
        end: impl Fn() -> u64,
        comes: impl Fn(&Halted) -> bool,
    ) -> Result<(), WaitError> {
        if is_inside(&self.shared.status) && end() <= sequence {
            return Err(WaitError::InHandler);
        }
        let mut pause = Pause::default();
        loop {
            if end() > sequence {
                return Ok(());
            }
            if let Some(halted) = self.shared.status.halted()
                && !comes(halted)
            {
                return Err(halted.clone().into());
            }
            if self.pause(&mut pause) && deadline.is_some_and(|at| Instant::now() >= at) {
                let (cursor, timeout) = (name.to_owned(), self.shared.wait_timeout);
                return Err(WaitError::TimedOut { cursor, sequence, end: end(), timeout });
            }
        }
    }
}

impl<E: Event> LaneThread<E> {
    pub(crate) fn is_running(&self) -> bool {
        self.thread.is_running()
    }

    /// The lane's stages. If its thread panicked, which only a mistake of ours can bring about, they are
    /// lost, and the engine has halted.
    pub(crate) fn join(&mut self, status: &EngineStatus) -> Vec<Named<E>> {
        match self.thread.join() {
            Some(Ok(stages)) => stages,
            None => Vec::new(),
            Some(Err(panic)) => {
                let cause = Cause::Lane(panics::text(panic));
                status.halt(Halted { stage: format!("lane {}", self.name), sequence: 0, cause });
                Vec::new()
            }
        }
    }
}

impl<E: Event> std::fmt::Debug for Engine<E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("counters", &self.counters()).finish_non_exhaustive()
    }
}

/// Waiting outside the hot path: a few looks, then yields, then short sleeps.
#[derive(Default)]
pub(crate) struct Pause {
    looks: u32,
}

impl Pause {
    /// Waits a moment; whether it was long enough to look at a clock.
    fn next(&mut self) -> bool {
        self.looks = self.looks.saturating_add(1);
        match self.looks {
            0..200 => std::hint::spin_loop(),
            200..2_000 => std::thread::yield_now(),
            _ => std::thread::sleep(Duration::from_micros(50)),
        }
        self.looks >= 200
    }
}
