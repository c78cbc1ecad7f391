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
use crate::invoke::{Drive, Invoked};
use crate::journal_stage::{JOURNAL, JournalStage};
use crate::lane::{Item, Lane};
use crate::late::{History, LateConsumers};
use crate::park::{MOST_PARKING, Parking};
use crate::publisher::{Outlet, Publisher};
use crate::recovered::Recovered;
use crate::ring::{self, Publishers};
use crate::run::Run;
use crate::stage::{RunStage, Wiring};
use crate::status::Status;
use crate::wait::{Wait, Waiter};

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
            if lane.invoked {
                return Err(BuildError::InvokedLaneWithCore { lane: lane.name.clone() });
            }
            if let Some(other) = self.lanes[..index].iter().find(|other| other.core == Some(core)) {
                let (a, b) = (other.name.clone(), lane.name.clone());
                return Err(BuildError::CoreTwice { core, a, b });
            }
        }
        let found = self.parking_lanes();
        if found > MOST_PARKING {
            return Err(BuildError::TooManyParkingLanes { found, most: MOST_PARKING });
        }
        Ok(())
    }

    /// Whether there are more lanes and publishers than cores.
    fn is_crowded(&self) -> bool {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let publishers = match self.publishers {
            Publishers::Single => 1,
            // How many is not known yet; two is what makes it several.
            Publishers::Multi => 2,
        };
        self.lanes.iter().filter(|lane| !lane.invoked).count() + publishers > cores
    }

    fn parking_lanes(&self) -> usize {
        let crowded = self.is_crowded();
        self.lanes.iter().filter(|lane| parks(lane, crowded)).count()
    }

    /// Builds the ring from `base` on and starts the lanes.
    pub(crate) fn start(
        self,
        writer: Option<slipring_journal::Writer<E>>,
        base: u64,
        live_from: u64,
        time_ns: u64,
    ) -> Result<(Engine<E>, Publisher<E>), BuildError> {
        let crowded = self.is_crowded();
        let parking = Arc::new(Parking::new(self.parking_lanes()));
        let status = Arc::new(Status::new(Arc::clone(&parking)));
        let journal = writer.as_ref().map(|writer| writer.cursors());
        let history = match (&writer, &self.journal) {
            (Some(writer), Some(at)) => Some(History::new(at.path(), writer.cursors(), writer.retention())),
            _ => None,
        };
        let names: Vec<String> = self.lanes.iter().flat_map(|lane| &lane.items).map(item_name).collect();
        let cursors: Vec<Cursor> = names.iter().map(|_| Cursor::new(base)).collect();
        let cursor_of = |name: &str| names.iter().position(|n| n == name).map(|at| cursors[at].clone());
        let (producer, mut pollers) = ring::build::<E>(self.capacity, names.len(), self.publishers);
        let published = Cursor::new(base);
        let durable = Cursor::new(base);
        if let Some(journal) = journal.as_ref().filter(|_| parking.is_used()) {
            wake_by_journal(journal, &durable, &parking);
        }
        let abandon = Arc::new(AtomicBool::new(false));
        let mut writer = writer;
        let mut gates = Vec::new();
        let mut runs = Vec::new();
        let mut invoked = Vec::new();
        let mut parking_count = 0;
        for lane in self.lanes {
            let parks = parks(&lane, crowded);
            // A small guard of a ring with several publishers costs a scan of all that is published: trap 10.
            let small = lane.items.len() > 1 && self.publishers == Publishers::Single;
            let batch = lane.batch.or(self.batch).unwrap_or(if small { FUSED_BATCH } else { u64::MAX });
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
                    watch: watch(&gate, &cursor_of, journal.as_ref(), &durable),
                    published: published.clone(),
                    parking: Arc::clone(&parking),
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
            let parks_as = parks.then_some(parking_count);
            parking_count += usize::from(parks_as.is_some());
            let run = Run {
                core: lane.core,
                ended: Vec::with_capacity(stages.len()),
                stages,
                waiter: lane.own_wait.map_or_else(|| Waiter::new(lane.wait, crowded), Waiter::own),
                status: Arc::clone(&status),
                parking: Arc::clone(&parking),
                parks_as,
                abandon: Arc::clone(&abandon),
            };
            if lane.invoked { invoked.push(run) } else { runs.push((lane.name, run)) }
        }
        let invoked = (!invoked.is_empty()).then(|| Arc::new(Invoked::new(invoked)));

        let outlet = Arc::new(Outlet {
            status: Arc::clone(&status),
            clock: self.clock,
            base,
            capacity: self.capacity,
            active: AtomicUsize::new(0),
            published,
            stages: cursors.clone(),
            parking,
            drive: invoked.clone().map(|lanes| lanes as Arc<dyn Drive>),
        });
        let shared = Shared {
            status,
            names,
            cursors,
            gates,
            journal,
            outlet: Arc::clone(&outlet),
            history,
            late: LateConsumers::default(),
            live_from,
            wait_timeout: self.wait_timeout,
        };
        let mut engine = Engine::new(shared, abandon, invoked);
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

/// Whether a lane can park.
fn parks<E: Event>(lane: &Lane<E>, crowded: bool) -> bool {
    !lane.invoked && lane.own_wait.is_none() && lane.wait.resolve(crowded) == Wait::Park
}

/// Has the journal's threads wake lanes: those gated on durable by its cursor, all when it fails.
fn wake_by_journal(journal: &Cursors, durable: &Cursor, parking: &Arc<Parking>) {
    let (durable, parking) = (durable.clone(), Arc::clone(parking));
    journal.on_change(move |failed| {
        parking.wake(&durable);
        if failed {
            parking.wake_all();
        }
    });
}

/// Finds the cursors that a gate waits for.
fn watch(
    gate: &Gate,
    cursor_of: &impl Fn(&str) -> Option<Cursor>,
    journal: Option<&Cursors>,
    durable: &Cursor,
) -> Watch {
    let mut sources: Vec<Source> =
        gate.after.iter().filter_map(|name| cursor_of(name)).map(Source::Stage).collect();
    match gate.level {
        Level::Published => {}
        Level::Journalled => sources.extend(cursor_of(JOURNAL).map(Source::Stage)),
        Level::Durable => {
            // Durable implies journalled, but replay passes the journal stage too: wait for both.
            sources.extend(cursor_of(JOURNAL).map(Source::Stage));
            sources.extend(journal.map(|journal| Source::Durable(journal.clone(), durable.clone())));
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
