//! One run: a publisher that keeps to its schedule, a stage that stamps what it gets, and nothing between
//! them but what is measured.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use slipring::{
    Batch, Context, Engine, EngineBuilder, Gate, Handler, HandlerError, Journal, Lane, PublishError,
    StageKey, SyncMode, Wait,
};

use crate::clock::{Ticks, loaded};
use crate::host::{Cores, settle};
use crate::latency::beside::Beside;
use crate::latency::judge::Run;
use crate::latency::probe::Probe;
use crate::latency::schedule::Schedule;
use crate::stalls::Watch;

/// What the stage that is measured waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Column {
    /// No journal.
    Ring,
    /// A journal in parallel: the stage is gated on published.
    Beside,
    /// Gated on journalled.
    Journalled,
    /// Gated on durable.
    Durable,
}

impl Column {
    pub fn name(self) -> &'static str {
        match self {
            Column::Ring => "ring",
            Column::Beside => "beside",
            Column::Journalled => "journalled",
            Column::Durable => "durable",
        }
    }
}

/// Where stages run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topology {
    /// Publisher on one core, journal and stage fused on another.
    Fused,
    /// Publisher, journal and stage on a core each.
    Apart,
    /// Three stages in a row on one lane; the last is measured.
    Chain,
    /// Two stages side by side and one behind both, each on a core.
    Diamond,
}

impl Topology {
    /// Cores that it needs, so that nothing that spins shares one.
    pub fn cores(self) -> usize {
        match self {
            Topology::Fused | Topology::Chain => 2,
            Topology::Apart => 3,
            Topology::Diamond => 4,
        }
    }
}

/// All that makes a run.
#[derive(Clone, Copy, Debug)]
pub struct Plan<'a> {
    pub column: Column,
    pub topology: Topology,
    pub schedule: Schedule,
    pub wait: Wait,
    /// Measured, behind the warm-up.
    pub seconds: f64,
    /// Thrown away.
    pub warm_seconds: f64,
    pub folder: &'a Path,
    pub cores: Cores,
    /// Burns so many nanoseconds on every event: to try whether `compare` sees it.
    pub slow_ns: f64,
}

/// Slots of the ring; what a gate on durable holds up must fit into four times as many.
pub const CAPACITY: usize = 1 << 14;
/// Bytes of records in a segment, if nothing is said.
const SEGMENT_BYTES: u64 = 64 << 20;
/// What a record has beside its event.
const RECORD_HEAD_BYTES: u64 = 16;
/// Looks of a thread that only publishes, or only handles, further apart than this are a stall.
const STALL_NS: f64 = 10_000.0;
/// A lane that also journals appends between two looks; each record may take so long and is no stall.
const APPEND_NS: f64 = 20.0;
/// A lane that journals what its stage sees much later: up to 1,024 records between two looks, nobody knows
/// when.
const DURABLE_STALL_NS: f64 = 40_000.0;

/// Stamps each event. It writes one word into memory that is there, and nothing else.
pub struct Recorder {
    pub watch: Watch,
    done: Arc<[AtomicU64]>,
    wrong: u64,
    slow: u64,
    ticks: Ticks,
    /// Ticks that the lane may spend on each record between two looks; 0 if it does not journal.
    append: u64,
    /// The event to come is the first of a batch. Only that one is waited for: a wait for each would let the
    /// lines of a batch come one after the other, and slow down what is measured. In a burst, stamps behind
    /// the first may so be early by what a cache line takes from core to core, whoever the contender is.
    pub first: bool,
    /// Events of the batch before: where the stage comes before the journal, appended since the last look.
    last_batch: u64,
}

impl Recorder {
    /// For `count` events.
    pub fn new(plan: &Plan<'_>, count: u64) -> Self {
        let ticks = Ticks::get();
        Recorder {
            watch: Watch::new(ticks, STALL_NS),
            done: stamps(count),
            wrong: 0,
            slow: ticks.of_ns(plan.slow_ns),
            ticks,
            append: 0,
            first: false,
            last_batch: 0,
        }
    }

    #[inline(always)]
    pub fn take<E: Probe>(&mut self, event: &E, sequence: u64) {
        if self.slow > 0 {
            self.burn();
        }
        // The event is read, then stamped: nobody has it before.
        self.wrong += u64::from(std::hint::black_box(event.number()) != sequence);
        if std::mem::take(&mut self.first) {
            loaded();
        }
        let now = self.watch.look();
        if let Some(place) = self.done.get(sequence as usize) {
            // Relaxed: read after the thread was joined.
            place.store(now, Ordering::Relaxed);
        }
    }

    #[cold]
    fn burn(&mut self) {
        let until = self.watch.look() + self.slow;
        while self.ticks.now() < until {}
    }
}

impl<E: Probe> Handler<E> for Recorder {
    fn start(&mut self) {
        self.watch.start();
    }

    #[inline(always)]
    fn event(&mut self, event: &E, context: &Context) -> Result<(), HandlerError> {
        self.take(event, context.sequence());
        Ok(())
    }

    fn batch_start(&mut self, batch: &Batch<'_>) {
        let size = batch.size();
        self.watch.worked((size + self.last_batch) * self.append);
        self.last_batch = size;
        self.first = true;
    }

    fn idle(&mut self) {
        self.watch.worked(self.last_batch * self.append);
        self.watch.look();
        self.last_batch = 0;
    }
}

/// Stamps for `count` events, their pages present.
fn stamps(count: u64) -> Arc<[AtomicU64]> {
    (0..count).map(|_| AtomicU64::new(NO_STAMP)).collect()
}

/// Written before the run so that the pages are there; no counter is so low.
const NO_STAMP: u64 = 1;

/// What the publisher's thread brings back.
pub struct Published {
    start: u64,
    watch: Watch,
}

/// Publishes on schedule. `publish(due, number)` tells whether there was room.
pub fn publish_all(
    plan: &Plan<'_>,
    ticks: Ticks,
    count: u64,
    mut publish: impl FnMut(u64, u64) -> bool,
) -> Published {
    let mut watch = Watch::new(ticks, STALL_NS);
    let timed = plan.schedule.timed(ticks);
    watch.start();
    // The first event is due in a millisecond, when the loop runs.
    let start = watch.look() + ticks.of_ns(1e6);
    for number in 0..count {
        let due = start + timed.due(number);
        while watch.look() < due {}
        while !publish(due, number) {
            // A full ring is the engine's doing and no stall: the clock is looked at after each try.
            watch.look();
        }
    }
    Published { start, watch }
}

/// `rolls` is `None` where there is no journal, and so no thread of slipring's beside.
pub fn finish(
    plan: &Plan<'_>,
    ticks: Ticks,
    published: Published,
    recorder: Recorder,
    rolls: Option<Vec<u64>>,
    beside: Beside,
) -> Run {
    assert_eq!(recorder.wrong, 0, "every event arrives once, in order");
    let timed = plan.schedule.timed(ticks);
    let due = (0..recorder.done.len() as u64).map(|number| published.start + timed.due(number)).collect();
    let done: Vec<u64> = recorder.done.iter().map(|at| at.load(Ordering::Relaxed)).collect();
    // A place without a stamp would read as no latency at all.
    assert!(!done.contains(&NO_STAMP), "every event was stamped");
    let missed = published.watch.missed + recorder.watch.missed;
    Run {
        due,
        done,
        stalls: [published.watch.into_stalls(), recorder.watch.into_stalls()],
        warm_until: published.start + ticks.of_ns(plan.warm_seconds * 1e9),
        missed,
        ours_beside: rolls.is_some(),
        rolls: rolls.unwrap_or_default(),
        beside,
    }
}

/// The lanes of a plan's topology.
fn laned<E: Probe>(
    builder: EngineBuilder<E>,
    plan: &Plan<'_>,
    recorder: Recorder,
    gate: Gate,
) -> EngineBuilder<E> {
    let lane = |name: &str, core: Option<usize>| {
        let lane = Lane::named(name).wait(plan.wait);
        if let Some(core) = core { lane.core(core) } else { lane }
    };
    let main = lane("main", plan.cores.consumer);
    let [third, fourth] = plan.cores.more;
    let pass = |_: &E, _: &Context| {};
    match plan.topology {
        Topology::Fused => builder.lane(match plan.column {
            Column::Ring => main.stage("stage", recorder, gate),
            // Beside the journal, so before it in turn.
            Column::Beside => main.stage("stage", recorder, gate).journal(),
            Column::Journalled | Column::Durable => main.journal().stage("stage", recorder, gate),
        }),
        Topology::Apart => {
            builder.lane(main.stage("stage", recorder, gate)).lane(lane("journal", third).journal())
        }
        Topology::Chain => builder.lane(
            main.stage("first", pass, Gate::PUBLISHED)
                .stage("second", pass, Gate::PUBLISHED.after("first"))
                .stage("stage", recorder, Gate::PUBLISHED.after("second")),
        ),
        Topology::Diamond => builder
            .lane(lane("left", third).stage("left", pass, Gate::PUBLISHED))
            .lane(lane("right", fourth).stage("right", pass, Gate::PUBLISHED))
            .lane(main.stage("stage", recorder, Gate::PUBLISHED.after(["left", "right"]))),
    }
}

/// slipring.
pub fn slipring<E: Probe>(plan: &Plan<'_>) -> Run {
    let ticks = Ticks::get();
    let count = plan.schedule.count(plan.seconds + plan.warm_seconds);
    let place = tempfile::tempdir_in(plan.folder).expect("a folder for the journal");
    let fused = plan.column != Column::Ring && plan.topology != Topology::Apart;
    let stall_ns = match plan.wait {
        // Sleeping is not a stall.
        Wait::Sleep(_) => f64::INFINITY,
        _ if fused && plan.column == Column::Durable => DURABLE_STALL_NS,
        _ => STALL_NS,
    };
    let append = if fused { ticks.of_ns(APPEND_NS) } else { 0 };
    let recorder = Recorder { watch: Watch::new(ticks, stall_ns), append, ..Recorder::new(plan, count) };
    let mut builder = Engine::builder();
    if plan.column != Column::Ring {
        // As a user gets it, but for the gate on durable.
        let journal = Journal::at(place.path());
        let every_batch = plan.column == Column::Durable;
        builder = builder.journal(if every_batch { journal.sync(SyncMode::EveryBatch) } else { journal });
    }
    let capacity = if plan.column == Column::Durable { 4 * CAPACITY } else { CAPACITY };
    let gate = match plan.column {
        Column::Ring | Column::Beside => Gate::PUBLISHED,
        Column::Journalled => Gate::JOURNALLED,
        Column::Durable => Gate::DURABLE,
    };
    builder = laned(builder, plan, recorder, gate);
    // The journal's own threads inherit where they may run: anywhere.
    plan.cores.unpin();
    let recovered = builder.ring_capacity(capacity).open().expect("a valid engine");
    let (engine, mut publisher) = recovered.go_live().expect("lanes that start");
    if plan.column != Column::Ring {
        settle();
    }
    plan.cores.pin_publisher();
    let before = Beside::now();
    let published = publish_all(plan, ticks, count, |due, number| {
        match publisher.try_publish_at(number, E::at(due, number)) {
            Ok(_) => true,
            Err(PublishError::Full(_)) => false,
            Err(error) => panic!("a running engine: {error}"),
        }
    });
    plan.cores.unpin();
    engine.wait_stage("stage", count - 1).expect("a running engine");
    let mut beside = Beside::now().since(&before);
    beside.calls = engine.whole_calls().into_iter().map(Into::into).collect();
    let mut report = engine.join().expect("a clean shutdown");
    let recorder =
        report.take(&StageKey::<Recorder>::named("stage")).expect("the stage gives its handler back");
    let segment_records = SEGMENT_BYTES / (size_of::<E>() as u64 + RECORD_HEAD_BYTES);
    let rolls = (1..=(count - 1) / segment_records).map(|roll| roll * segment_records).collect();
    let rolls = (plan.column != Column::Ring).then_some(rolls);
    finish(plan, ticks, published, recorder, rolls, beside)
}
