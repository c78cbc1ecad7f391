//! What the user says of an engine, and whether it makes sense.

use std::cmp::Ordering;
use std::sync::Arc;
use std::time::Duration;

use slipring_journal::{Event, Journal, SyncMode};

use super::columns::read_by;
use super::graph::{self, Node};
use super::lane::{Item, Lane};
use crate::acknowledged::names::AcknowledgedNames;
use crate::clock::{Clock, SystemClock};
use crate::counters::file::ShowCounters;
use crate::cursors::park::MOST_PARKING;
use crate::error::{BuildError, KeepError};
use crate::kept::cuts::Reads;
use crate::kept::folders::is_file_name;
use crate::kept::opening::{OpenedStage, StageOpening};
use crate::kept::plan::StateKind;
use crate::ring::{self, Publishers, Stamps};
use crate::work::wait::{Cores, Wait};

/// Describes an engine; [`EngineBuilder::open`] makes the engine.
///
/// ```
/// # use slipring::prelude::*;
/// # use std::time::Duration;
/// # #[derive(Clone, Copy, Debug, Event)] #[repr(C)] struct Tick { price: u64 }
/// let lane = Lane::named("risk").stage("risk", |_: &Tick, _: &Context| (), Gate::PUBLISHED);
/// let builder = Engine::builder()
///     .lane(lane)
///     .ring_capacity(4_096)
///     .publishers(Publishers::Multi)
///     .wait_timeout(Duration::from_secs(2));
/// let (engine, publisher) = builder.go_live()?;
/// let feed = publisher.try_clone().expect("several publishers");
/// engine.join()?;
/// # Ok::<(), slipring::Error>(())
/// ```
///
/// More: [size the ring and the journal][page].
///
/// [page]: https://github.com/slipring/slipring/blob/main/docs/how-to/size-the-ring-and-the-journal.md
pub struct EngineBuilder<E: Event> {
    pub(crate) capacity: usize,
    pub(crate) batch: Option<u64>,
    pub(crate) publishers: Publishers,
    pub(crate) journal: Option<Journal>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) lanes: Vec<Lane<E>>,
    pub(crate) max_time_step: Option<Duration>,
    pub(crate) wait_timeout: Duration,
    pub(crate) shown: ShowCounters,
    /// Once the journal is open.
    pub(crate) acknowledged: Option<Arc<AcknowledgedNames>>,
}

impl<E: Event> EngineBuilder<E> {
    pub(crate) fn new() -> Self {
        EngineBuilder {
            capacity: 1 << 14,
            batch: None,
            publishers: Publishers::Single,
            journal: None,
            clock: Arc::new(SystemClock),
            lanes: Vec::new(),
            max_time_step: None,
            wait_timeout: Duration::from_secs(60),
            shown: ShowCounters::Auto,
            acknowledged: None,
        }
    }

    /// Events that the ring holds, a power of two; 16,384 if not set.
    #[must_use]
    pub fn ring_capacity(mut self, capacity: usize) -> Self {
        self.capacity = capacity;
        self
    }

    /// Most events that a stage takes in one turn. If not set: a quarter of the ring, and 1,024 where stages
    /// share a lane. Never more than a quarter, whatever is set.
    #[must_use]
    pub fn batch_cap(mut self, events: u64) -> Self {
        self.batch = Some(events);
        self
    }

    /// How many publishers there will be; one if not set.
    #[must_use]
    pub fn publishers(mut self, publishers: Publishers) -> Self {
        self.publishers = publishers;
        self
    }

    /// The journal; one lane must run it. Without one nothing is kept.
    #[must_use]
    pub fn journal(mut self, journal: Journal) -> Self {
        self.journal = Some(journal);
        self
    }

    /// Where the time of an event comes from when its publisher does not say; the system's clock if not set.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// How far past both the last event and the clock a time may lie that is published. If not set: what the
    /// [journal](slipring_journal::Journal::max_time_step) says, and a day without one.
    ///
    /// Journal time never goes back. So one wrong time, far in the future, would be the time of all later
    /// events. An event with an earlier time than the one before harms nobody: it is taken, and counted
    /// ([`JournalTime`](crate::JournalTime)).
    #[must_use]
    pub fn max_time_step(mut self, step: Duration) -> Self {
        self.max_time_step = Some(step);
        self
    }

    /// How far ahead a time may lie, in nanoseconds.
    pub(crate) fn time_step_ns(&self) -> u64 {
        const DAY: Duration = Duration::from_secs(24 * 3600);
        let step = self.max_time_step.or(self.journal.as_ref().map(Journal::time_step)).unwrap_or(DAY);
        u64::try_from(step.as_nanos()).unwrap_or(u64::MAX)
    }

    /// How long the engine's waiting calls, its shutdown and its drop wait at most; a minute if not set.
    #[must_use]
    pub fn wait_timeout(mut self, timeout: Duration) -> Self {
        self.wait_timeout = timeout;
        self
    }

    /// Puts the counters into the file `path`, for other processes to read; also those of an engine without a
    /// journal.
    ///
    /// If this is not called, an engine with a journal puts its counters into a file in memory (`/dev/shm`,
    /// else `XDG_RUNTIME_DIR`), which the journal's LOCK file names. Without such a place, or without a
    /// journal, the counters are private. A path on a disk is allowed and unwise: a lane may then wait for
    /// the disk.
    #[must_use]
    pub fn counters_at(mut self, path: impl Into<std::path::PathBuf>) -> Self {
        self.shown = ShowCounters::At(path.into());
        self
    }

    /// Keeps the counters in this process: no file.
    #[must_use]
    pub fn counters_private(mut self) -> Self {
        self.shown = ShowCounters::Private;
        self
    }

    /// Adds a lane.
    #[must_use]
    pub fn lane(mut self, lane: Lane<E>) -> Self {
        self.lanes.push(lane);
        self
    }

    /// All that lanes run, lane by lane: a stage's place among them is its place everywhere.
    pub(crate) fn items(&self) -> impl Iterator<Item = &Item<E>> {
        self.lanes.iter().flat_map(|lane| &lane.items)
    }

    pub(crate) fn items_mut(&mut self) -> impl Iterator<Item = &mut Item<E>> {
        self.lanes.iter_mut().flat_map(|lane| &mut lane.items)
    }

    /// Whether there is such a stage and it keeps dead letters.
    pub(crate) fn keeps_dead_letters(&self, stage: &str) -> bool {
        self.items().any(|item| item.name == stage && item.facts.dead_letters)
    }

    /// Whether a stage keeps what would be of no use without history.
    pub(crate) fn holds_history(&self) -> bool {
        self.items().any(|item| item.facts.holds_history())
    }

    /// Whether a stage has a state that history makes.
    pub(crate) fn has_state(&self) -> bool {
        self.items().any(|item| !item.facts.stateless)
    }

    /// Whether a stage asks when events were published.
    pub(crate) fn has_stamps(&self) -> bool {
        self.items().any(|item| item.facts.asks_publish)
    }

    /// Refuses what makes no sense.
    pub(crate) fn check(&self, is_backtest: bool) -> Result<(), BuildError> {
        self.check_ring()?;
        if self.lanes.is_empty() {
            return Err(BuildError::NoStage);
        }
        if self.batch == Some(0) || self.lanes.iter().any(|lane| lane.batch == Some(0)) {
            return Err(BuildError::BadBatchCap);
        }
        self.check_lane_names()?;
        if let Some(lane) = self.lanes.iter().find(|lane| lane.items.is_empty()) {
            return Err(BuildError::EmptyLane { lane: lane.name.clone() });
        }
        let found = self.items().filter(|item| item.is_journal()).count();
        if found != usize::from(self.journal.is_some()) {
            return Err(BuildError::JournalLane { found });
        }
        self.check_graph()?;
        self.check_columns()?;
        self.check_kept(is_backtest)?;
        self.check_cores()?;
        let found = self.parking_lanes();
        if found > MOST_PARKING {
            return Err(BuildError::TooManyParkingLanes { found, most: MOST_PARKING });
        }
        Ok(())
    }

    fn check_ring(&self) -> Result<(), BuildError> {
        let (least, because) = match self.publishers {
            Publishers::Single => (2, ""),
            Publishers::Multi => (64, ", for several publishers mark slots by words of 64"),
        };
        if self.capacity < least || !self.capacity.is_power_of_two() || self.capacity > 1 << 32 {
            return Err(BuildError::BadCapacity { capacity: self.capacity, least, because });
        }
        let stamps = if self.has_stamps() { Stamps::bytes(self.capacity) } else { 0 };
        let beside = self.column_bytes().saturating_add(stamps);
        let bytes = ring::bytes::<E>(self.capacity).saturating_add(beside);
        if let Err(available) = ring::check_memory(bytes) {
            return Err(BuildError::RingTooLarge { capacity: self.capacity, bytes, available });
        }
        Ok(())
    }

    fn check_lane_names(&self) -> Result<(), BuildError> {
        for (index, lane) in self.lanes.iter().enumerate() {
            let bad = |why| Err(BuildError::BadLaneName { lane: lane.name.clone(), why });
            if lane.name.contains('\0') {
                return bad("its thread is named so, and a thread's name has no zero byte: take it out");
            }
            if self.lanes[..index].iter().any(|other| other.name == lane.name) {
                return bad(
                    "another lane is named so, and nobody could tell them apart: give each its own name",
                );
            }
        }
        Ok(())
    }

    fn check_graph(&self) -> Result<(), BuildError> {
        let stages = self.items().filter(|item| !item.is_journal());
        let nodes: Vec<Node<'_>> = stages.map(|item| Node { name: &item.name, gate: &item.gate }).collect();
        let syncs = self.journal.as_ref().is_some_and(|journal| journal.sync_mode() != SyncMode::None);
        if let Some(node) = nodes.iter().find(|node| node.name.contains('\0')) {
            return Err(BuildError::ZeroInStageName { stage: (*node.name).to_owned() });
        }
        graph::check(&nodes, self.journal.is_some(), syncs)
    }

    /// Whether each stage can keep what it is to keep.
    fn check_kept(&self, is_backtest: bool) -> Result<(), BuildError> {
        for Item { name, facts, .. } in self.items() {
            if let Some(what) = facts.contradiction() {
                return Err(BuildError::StatelessKeeps { stage: name.clone(), what });
            }
            let Some(what) = facts.needs_journal(is_backtest) else { continue };
            if self.journal.is_none() {
                return Err(BuildError::KeepsWithoutJournal { stage: name.clone(), what });
            }
            if !is_file_name(name) {
                return Err(BuildError::BadStageName { stage: name.clone(), what });
            }
        }
        Ok(())
    }

    fn check_cores(&self) -> Result<(), BuildError> {
        for (index, lane) in self.lanes.iter().enumerate() {
            let Some(core) = lane.core else { continue };
            if lane.invoked {
                return Err(BuildError::InvokedLaneWithCore { lane: lane.name.clone() });
            }
            if let Some(other) = self.lanes[..index].iter().find(|other| other.core == Some(core)) {
                let (a, b) = (other.name.clone(), lane.name.clone());
                return Err(BuildError::CoreTwice { core, a, b });
            }
        }
        Ok(())
    }

    /// What cores there are for lanes and publishers.
    pub(crate) fn cores(&self) -> Cores {
        let allowed = core_affinity::get_core_ids().unwrap_or_default();
        let pinned = self.lanes.iter().filter_map(|lane| lane.core);
        // The caller may be pinned itself: lanes that are pinned elsewhere have those cores besides.
        let besides = pinned.filter(|core| allowed.iter().all(|id| id.id != *core)).count();
        let cores = std::thread::available_parallelism().map_or(1, usize::from) + besides;
        let publishers = match self.publishers {
            Publishers::Single => 1,
            // How many is not known yet; two is what makes it several.
            Publishers::Multi => 2,
        };
        let threads = self.lanes.iter().filter(|lane| !lane.invoked).count() + publishers;
        match threads.cmp(&cores) {
            Ordering::Less => Cores::Spare,
            Ordering::Equal => Cores::Each,
            Ordering::Greater => Cores::Few,
        }
    }

    pub(crate) fn parking_lanes(&self) -> usize {
        let cores = self.cores();
        self.lanes.iter().filter(|lane| parks(lane, cores)).count()
    }

    /// Every handler's stage opens what it has kept, behind all that read it, and says where it must start.
    /// An error leaves in `opened` what was opened before.
    pub(crate) fn open_stages(
        &mut self,
        opening: &mut StageOpening<'_>,
        opened: &mut Vec<(String, OpenedStage)>,
    ) -> Result<(), KeepError> {
        let (reads, _) = self.reads();
        let mut items: Vec<&mut Item<E>> = self.items_mut().collect();
        let mut found: Vec<Option<OpenedStage>> = items.iter().map(|_| None).collect();
        let result = reads.starts(|at, limit| {
            opening.reader_starts = limit.map(|limit| (items[limit.reader].name.clone(), limit.from));
            let Item { name, stage, .. } = &mut *items[at];
            let Some(stage) = stage else { return Ok(u64::MAX) };
            let stage = stage.open(opening)?;
            let stage = found[at].insert(stage);
            if opening.restore {
                opening.check_start(name, stage)?;
            }
            Ok(stage.from)
        });
        let found = items.iter().zip(found);
        opened.extend(found.filter_map(|(item, opened)| Some((item.name.clone(), opened?))));
        result.map(drop)
    }

    /// A stage and all that read it, by name.
    pub(crate) fn with_readers(&self, stage: &str) -> Vec<String> {
        let names: Vec<&String> = self.items().map(|item| &item.name).collect();
        let Some(at) = names.iter().position(|name| *name == stage) else { return Vec::new() };
        self.reads().0.with_readers(at).into_iter().map(|at| names[at].clone()).collect()
    }

    /// Which stage reads which, the journal's among them, by their places on all lanes; and what decides
    /// where each may start.
    pub(crate) fn reads(&self) -> (Reads, Vec<StateKind>) {
        let written = self.written().unwrap_or_default();
        let (reads, kinds): (Vec<Vec<String>>, Vec<StateKind>) =
            self.items().map(|item| (read_by(item, &written), item.facts.kind())).unzip();
        let names = self.items().map(|item| item.name.as_str());
        let stages: Vec<(&str, &[String])> = names.zip(reads.iter().map(Vec::as_slice)).collect();
        (Reads::of(&stages), kinds)
    }
}

/// Whether a lane can park.
pub(crate) fn parks<E: Event>(lane: &Lane<E>, cores: Cores) -> bool {
    !lane.invoked && lane.own_wait.is_none() && lane.wait.resolve(cores) == Wait::Park
}

impl<E: Event> std::fmt::Debug for EngineBuilder<E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EngineBuilder")
            .field("ring_capacity", &self.capacity)
            .field("publishers", &self.publishers)
            .field("journal", &self.journal)
            .field("lanes", &self.lanes)
            .finish_non_exhaustive()
    }
}
