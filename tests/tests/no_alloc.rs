//! Nothing on the hot path allocates, resizes or frees: neither a publisher's thread nor a lane's, the
//! journal's among them, over full rings and rolls of segments. Each thread's calls are counted, from its
//! first event to its last.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use slipring::{
    Column, Context, Doubles, Engine, Gate, Handler, HandlerError, Journal, Lane, LateConsumer, LateContext,
    Latency, Output, PublishError, Publisher, Publishers, Schedule, Stage, StageKey, SyncMode, Timers, Wait,
};
use slipring_tests::counting::{Counting, calls};
use slipring_tests::folders::in_memory;
use slipring_tests::journals::{Note, note};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// A stage that tells how often its lane's thread called the allocator from its first event to its last.
#[derive(Default)]
struct Probe {
    first: Option<u64>,
    last: u64,
    events: u64,
    /// Allocates at this event: the control.
    allocates_at: Option<u64>,
    told: Arc<AtomicU64>,
    writes: Option<Column<[u64; 3]>>,
    reads: Option<Column<[u64; 3]>>,
}

impl Handler<Note> for Probe {
    fn event(&mut self, _: &Note, context: &Context) -> Result<(), HandlerError> {
        self.first.get_or_insert_with(calls);
        if self.allocates_at == Some(context.sequence()) {
            drop(std::hint::black_box(Box::new(context.sequence())));
        }
        if let Some(column) = &self.writes {
            context.write(column, [context.sequence(); 3]);
        }
        if let Some(column) = &self.reads {
            assert_eq!(context.read(column), Some([context.sequence(); 3]));
        }
        self.events += 1;
        self.last = calls();
        Ok(())
    }

    fn shutdown(&mut self) {
        // What came after the last event counts too: idle turns, rolls.
        self.last = calls();
        self.told.store(self.events, Ordering::Relaxed);
    }
}

impl Probe {
    fn calls(&self) -> u64 {
        self.last - self.first.expect("an event")
    }
}

const ROUNDS: u64 = 300;
const BATCH: u64 = 100;
/// Events that a publisher publishes in [`publish_every_way`].
const EACH: u64 = ROUNDS * (4 + 2 * BATCH);

/// Publishes in every way there is; how often the thread called the allocator for it.
fn publish_every_way(publisher: &mut Publisher<Note>) -> u64 {
    let events: Vec<Note> = (0..BATCH).map(note).collect();
    let timed: Vec<(u64, Note)> = events.iter().map(|event| (1, *event)).collect();
    let before = calls();
    for id in 0..ROUNDS {
        publisher.publish(note(id)).unwrap();
        publisher.publish_at(1, note(id)).unwrap();
        publisher.publish_with(|event| *event = note(id)).unwrap();
        while let Err(error) = publisher.try_publish(note(id)) {
            assert!(matches!(error, PublishError::Full(_)));
            let room = publisher.publish_timeout(1, note(id), Duration::from_nanos(1));
            if room.is_ok() {
                break;
            }
        }
        publisher.publish_all(&events).unwrap();
        publisher.publish_all_at(&timed).unwrap();
        std::hint::black_box(publisher.remaining_capacity());
    }
    calls() - before
}

/// Runs publishers against a graph with a probe on each lane; the calls of every thread, publishers first.
fn run(publishers: u64, journal: bool, wait: Wait, allocates_at: Option<u64>) -> Vec<(String, u64)> {
    let folder = in_memory();
    let told = Arc::new(AtomicU64::new(0));
    let probe = || Probe { told: Arc::clone(&told), ..Probe::default() };
    let several = if publishers > 1 { Publishers::Multi } else { Publishers::Single };
    let mut builder = Engine::builder().ring_capacity(256).publishers(several);
    let level = if journal { Gate::JOURNALLED } else { Gate::PUBLISHED };
    let durable = if journal { Gate::DURABLE } else { Gate::PUBLISHED };
    let mut lane = Lane::named("journal").wait(wait);
    if journal {
        // Small segments: hundreds of rolls.
        let place = Journal::at(folder.path()).segment_records(512);
        builder = builder.journal(place.sync(SyncMode::every(Duration::from_millis(1))));
        lane = lane.journal();
    }
    let first = Probe { allocates_at, ..probe() };
    let column = Column::named("made");
    let side = Probe { writes: Some(column.clone()), ..probe() };
    let side = Stage::new("side", side, Gate::PUBLISHED).writes(&column);
    let out = Probe { reads: Some(column.clone()), ..probe() };
    let out = Stage::new("out", out, durable.after(["side", "fused"])).reads(&column);
    let out_lane = Lane::named("out").wait(wait);
    // With stamps beside the ring, and without.
    let out_lane = match journal {
        true => out_lane.with(out.measured_from_publish(Latency::recorder().0)),
        false => out_lane.with(out),
    };
    let builder = builder
        .lane(lane.stage("first", first, level.clone()).stage("fused", probe(), level.after("first")))
        .lane(Lane::named("side").wait(wait).with(side))
        .lane(out_lane);
    let (engine, mut publisher) = builder.open().unwrap().go_live().unwrap();
    let mut calls = Vec::new();
    if publishers == 1 {
        calls.push(("publisher".to_owned(), publish_every_way(&mut publisher)));
    } else {
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..publishers)
                .map(|_| {
                    let mut publisher = publisher.try_clone().unwrap();
                    scope.spawn(move || publish_every_way(&mut publisher))
                })
                .collect();
            calls.extend(threads.into_iter().map(|thread| ("publisher".to_owned(), thread.join().unwrap())));
        });
    }
    let mut report = engine.join().unwrap();
    assert_eq!(report.end_sequence, publishers * EACH);
    for name in ["first", "fused", "side", "out"] {
        let probe = report.take(&StageKey::<Probe>::named(name)).unwrap();
        assert_eq!(probe.events, publishers * EACH, "it saw all");
        calls.push((name.to_owned(), probe.calls()));
    }
    if journal {
        let segments = std::fs::read_dir(folder.path()).unwrap().count() as u64;
        assert!(segments > publishers * EACH / 512, "it rolled that often");
    }
    calls
}

fn check(publishers: u64, journal: bool, wait: Wait) {
    for (thread, calls) in run(publishers, journal, wait, None) {
        assert_eq!(
            calls, 0,
            "{thread}: calls of the allocator with {publishers} publishers, journal {journal}"
        );
    }
}

#[test]
fn lanes_that_park_and_lanes_that_pause() {
    check(1, true, Wait::Park);
}

#[test]
fn one_publisher_without_a_journal() {
    check(1, false, Wait::Auto);
}

#[test]
fn one_publisher_with_a_journal_over_rolls() {
    check(1, true, Wait::Auto);
}

#[test]
fn one_publisher_with_sleeping_lanes() {
    check(1, true, Wait::Sleep(50));
}

#[test]
fn three_publishers_without_a_journal() {
    check(3, false, Wait::Auto);
}

#[test]
fn three_publishers_with_a_journal_over_rolls() {
    check(3, true, Wait::Backoff);
}

/// Schedules and cancels timers and puts events out, between two probes' worth of counting.
struct Busy {
    probe: Probe,
    schedule: Schedule<Note>,
    output: Output<Note>,
}

impl Handler<Note> for Busy {
    fn event(&mut self, event: &Note, context: &Context) -> Result<(), HandlerError> {
        self.probe.event(event, context)?;
        self.schedule.schedule(event.id, context.time_ns() + 1_000_000, *event)?;
        self.schedule.cancel(event.id / 2)?;
        self.schedule.fired(context, event.id / 3, event)?;
        self.output.emit(context, *event)?;
        self.probe.last = calls();
        Ok(())
    }
}

/// The queue of commands is small, so that the handler also waits for it; a late consumer reads beside it.
#[test]
fn timers_and_outputs_in_a_handler() {
    const COUNT: u64 = 50_000;
    let folder = in_memory();
    let sink = Lane::named("sink").stage("sink", |_: &Note, _: &Context| (), Gate::PUBLISHED);
    let (sink, into) = Engine::builder().lane(sink).open().unwrap().go_live().unwrap();
    let timers = Timers::start(32).unwrap();
    let output = Output::only("sink", into).unwrap().patience(Duration::from_secs(60));
    let busy = Busy { probe: Probe::default(), schedule: timers.schedule(), output };
    let lane = Lane::named("main").journal().stage("busy", busy, Gate::JOURNALLED);
    let builder = Engine::builder().ring_capacity(256).journal(Journal::at(folder.path()));
    let (engine, mut publisher) = builder.lane(lane).open().unwrap().go_live().unwrap();
    let late = engine.follow(LateConsumer::named("late"), |_: &Note, _: &LateContext| ()).unwrap();
    for id in 0..COUNT {
        publisher.publish_at(id, note(id)).unwrap();
    }
    let busy: Busy = engine.join().unwrap().take(&StageKey::named("busy")).unwrap();
    assert_eq!(late.join().end, COUNT);
    assert_eq!((busy.probe.events, busy.output.published()), (COUNT, COUNT));
    assert_eq!(busy.probe.calls(), 0);
    assert!(timers.pending() > 0, "they were taken");
    sink.join().unwrap();
}

/// Its window is smaller than the run, so that ids come and go, and every second event is a double.
#[test]
fn a_publisher_that_drops_doubles() {
    const COUNT: u64 = 50_000;
    let lane = Lane::named("main").stage("first", Probe::default(), Gate::PUBLISHED);
    let recovered = Engine::builder().ring_capacity(256).lane(lane).open().unwrap();
    let doubles = Doubles::by(1_000, |note: &Note| Some(u128::from(note.id)));
    let (engine, mut publisher) = recovered.go_live_without_doubles(doubles).unwrap();
    let before = calls();
    for id in 0..COUNT {
        publisher.publish(note(id)).unwrap();
        publisher.publish_at(1, note(id)).unwrap();
    }
    assert_eq!(calls() - before, 0);
    assert_eq!(engine.counters().doubles, COUNT);
    let probe: Probe = engine.join().unwrap().take(&StageKey::named("first")).unwrap();
    assert_eq!((probe.events, probe.calls()), (COUNT, 0));
}

/// The control: an allocation in a handler is seen, on the lane where it was made and on no other.
#[test]
fn control_an_allocation_is_seen() {
    let calls = run(1, false, Wait::Auto, Some(EACH / 2));
    let of = |name: &str| calls.iter().find(|(thread, _)| thread == name).unwrap().1;
    assert_eq!((of("first"), of("fused")), (2, 2), "one made, one freed, on the thread of both");
    assert_eq!((of("publisher"), of("side"), of("out")), (0, 0, 0));
}
