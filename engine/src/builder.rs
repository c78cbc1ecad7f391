//! Wiring: what the user says becomes a ring, cursors, gates and lanes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use slipring_journal::{Cursors, Journal, Sync};

use crate::Event;
use crate::clock::{Clock, SystemClock};
use crate::cursor::Cursor;
use crate::engine::{Engine, LaneThread, Shared};
use crate::error::BuildError;
use crate::gate::{Gate, Level, Source, Watch};
use crate::graph::{self, Node};
use crate::journal_stage::{JOURNAL, JournalStage};
use crate::lane::{Item, Lane, Run};
use crate::publisher::{Outlet, Publisher};
use crate::recovered::Recovered;
use crate::ring::{self, Publishers};
use crate::stage::{RunStage, Wiring};
use crate::status::Status;
use crate::wait::Waiter;

/// Describes an engine; [`EngineBuilder::open`] makes it.
pub struct EngineBuilder<E: Event> {
    capacity: usize,
    batch: Option<u64>,
    publishers: Publishers,
    pub(crate) journal: Option<Journal>,
    clock: Arc<dyn Clock>,
    pub(crate) lanes: Vec<Lane<E>>,
    wait_timeout: Duration,
}

/// Most events that a lane with several stages takes in a turn: the events stay in the first-level cache from one
/// stage to the next.
const FUSED_BATCH: u64 = 512;

impl<E: Event> EngineBuilder<E> {
    pub(crate) fn new() -> Self {
        EngineBuilder {
            capacity: 1 << 14,
            batch: None,
            publishers: Publishers::Single,
            journal: None,
            clock: Arc::new(SystemClock),
            lanes: Vec::new(),
            wait_timeout: Duration::from_secs(60),
        }
    }

    /// Events that the ring holds, a power of two; 16,384 if not set.
    #[must_use]
    pub fn ring_capacity(mut self, capacity: usize) -> Self {
        self.capacity = capacity;
        self
    }

    /// Most events that a stage takes in one turn; a quarter of the ring if not set, 512 where stages share a
    /// lane.
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

    /// How long the engine's waiting calls wait at most; a minute if not set.
    #[must_use]
    pub fn wait_timeout(mut self, timeout: Duration) -> Self {
        self.wait_timeout = timeout;
        self
    }

    /// Adds a lane.
    #[must_use]
    pub fn lane(mut self, lane: Lane<E>) -> Self {
        self.lanes.push(lane);
        self
    }

    /// Checks what was said, opens and recovers the journal. No thread of the engine runs yet.
    ///
    /// # Errors
    /// [`BuildError`]: what was said makes no sense, or the journal can't be opened.
    pub fn open(self) -> Result<Recovered<E>, BuildError> {
        self.check()?;
        match self.journal.clone() {
            Some(journal) => {
                let (writer, report) = journal.open::<E>()?;
                Ok(Recovered::new(self, Some((writer, report))))
            }
            None => Ok(Recovered::new(self, None)),
        }
    }

    fn check(&self) -> Result<(), BuildError> {
        let (least, because) = match self.publishers {
            Publishers::Single => (2, ""),
            Publishers::Multi => (64, ", for several publishers mark slots by words of 64"),
        };
        if self.capacity < least || !self.capacity.is_power_of_two() || self.capacity > 1 << 32 {
            return Err(BuildError::BadCapacity { capacity: self.capacity, least, because });
        }
        if self.lanes.is_empty() {
            return Err(BuildError::NoStage);
        }
        let items = || self.lanes.iter().flat_map(|lane| &lane.items);
        if let Some(lane) = self.lanes.iter().find(|lane| lane.items.is_empty()) {
            return Err(BuildError::EmptyLane { lane: lane.name.clone() });
        }
        let found = items().filter(|item| matches!(item, Item::Journal)).count();
        if found != usize::from(self.journal.is_some()) {
            return Err(BuildError::JournalLane { found });
        }
        let nodes: Vec<Node<'_>> = items()
            .filter_map(|item| match item {
                Item::Journal => None,
                Item::Stage { name, gate, .. } => Some(Node { name, gate }),
            })
            .collect();
        let syncs = self.journal.as_ref().is_some_and(|journal| journal.sync_mode() != Sync::None);
        graph::check(&nodes, self.journal.is_some(), syncs)?;
        for (index, lane) in self.lanes.iter().enumerate() {
            let Some(core) = lane.core else { continue };
            if let Some(other) = self.lanes[..index].iter().find(|other| other.core == Some(core)) {
                let (a, b) = (other.name.clone(), lane.name.clone());
                return Err(BuildError::CoreTwice { core, a, b });
            }
        }
        Ok(())
    }

    /// Builds the ring from `base` on and starts the lanes.
    pub(crate) fn start(
        self,
        writer: Option<slipring_journal::Writer<E>>,
        base: u64,
        live_from: u64,
        time_ns: u64,
    ) -> Result<(Engine<E>, Publisher<E>), BuildError> {
        let status = Arc::new(Status::new());
        let journal = writer.as_ref().map(|writer| writer.cursors());
        let names: Vec<String> = self.lanes.iter().flat_map(|lane| &lane.items).map(item_name).collect();
        let cursors: Vec<Cursor> = names.iter().map(|_| Cursor::new(base)).collect();
        let cursor_of = |name: &str| names.iter().position(|n| n == name).map(|at| cursors[at].clone());
        let (producer, mut pollers) = ring::build::<E>(self.capacity, names.len(), self.publishers);

        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let crowded = self.lanes.len() + 1 > cores;
        let abandon = Arc::new(AtomicBool::new(false));
        let mut writer = writer;
        let mut gates = Vec::new();
        let mut runs = Vec::new();
        for lane in self.lanes {
            let fused = lane.items.len() > 1;
            let batch = self.batch.unwrap_or(if fused { FUSED_BATCH } else { u64::MAX });
            let batch = batch.clamp(1, (self.capacity as u64 / 4).max(1));
            let mut stages: Vec<(String, Box<dyn RunStage<E>>)> = Vec::new();
            for item in lane.items {
                let name = item_name(&item);
                let (gate, mut stage): (Gate, Box<dyn RunStage<E>>) = match item {
                    Item::Journal => {
                        let writer = writer.take().expect("one lane runs the journal: checked in open");
                        (Gate::PUBLISHED, Box::new(JournalStage::new(writer)))
                    }
                    Item::Stage { gate, stage, .. } => (gate, stage),
                };
                stage.wire(Wiring {
                    poller: pollers.remove(0),
                    watch: watch(&gate, &cursor_of, journal.as_ref()),
                    cursor: cursor_of(&name).expect("every stage has one"),
                    status: Arc::clone(&status),
                    base,
                    live_from,
                    time_ns,
                    batch,
                });
                gates.push(gate);
                stages.push((name, stage));
            }
            let waiter = Waiter::new(lane.wait, crowded);
            let (status, abandon) = (Arc::clone(&status), Arc::clone(&abandon));
            runs.push((lane.name, Run { core: lane.core, stages, waiter, status, abandon }));
        }

        let outlet = Arc::new(Outlet {
            status: Arc::clone(&status),
            clock: self.clock,
            base,
            capacity: self.capacity,
            active: AtomicUsize::new(0),
            published: Cursor::new(base),
            stages: cursors.clone(),
        });
        let shared = Shared {
            status,
            names,
            cursors,
            gates,
            journal,
            outlet: Arc::clone(&outlet),
            live_from,
            wait_timeout: self.wait_timeout,
        };
        let mut engine = Engine::new(shared, abandon);
        for (lane, run) in runs {
            engine.lanes.push(spawn(lane, run)?);
        }
        Ok((engine, Publisher::new(producer, outlet)))
    }
}

/// Starts a lane's thread and waits until it is where it should be.
fn spawn<E: Event>(lane: String, run: Run<E>) -> Result<LaneThread<E>, BuildError> {
    let core = run.core;
    let (ready, is_ready) = sync_channel(1);
    let spawned = std::thread::Builder::new().name(lane.clone()).spawn(move || run.run(&ready));
    let thread = match spawned {
        Ok(thread) => thread,
        Err(source) => return Err(BuildError::Thread { lane, source }),
    };
    if !is_ready.recv().unwrap_or(false) {
        let _ = thread.join();
        let allowed = core_affinity::get_core_ids().map(|ids| {
            let list: Vec<String> = ids.iter().map(|id| id.id.to_string()).collect();
            format!("cores {}", list.join(", "))
        });
        return Err(BuildError::CoreNotAllowed { lane, core: core.unwrap_or(0), allowed });
    }
    Ok(LaneThread { name: lane, thread: Some(thread) })
}

fn item_name<E: Event>(item: &Item<E>) -> String {
    match item {
        Item::Journal => JOURNAL.to_owned(),
        Item::Stage { name, .. } => name.clone(),
    }
}

/// Finds the cursors that a gate waits for.
fn watch(gate: &Gate, cursor_of: &impl Fn(&str) -> Option<Cursor>, journal: Option<&Cursors>) -> Watch {
    let mut sources: Vec<Source> =
        gate.after.iter().filter_map(|name| cursor_of(name)).map(Source::Stage).collect();
    match gate.level {
        Level::Published => {}
        Level::Journalled => sources.extend(cursor_of(JOURNAL).map(Source::Stage)),
        Level::Durable => {
            // Durable implies journalled, but replay passes the journal stage too: wait for both.
            sources.extend(cursor_of(JOURNAL).map(Source::Stage));
            sources.extend(journal.cloned().map(Source::Durable));
        }
    }
    Watch::new(sources)
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
