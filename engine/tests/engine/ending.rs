//! How an engine ends, and how the calls that wait for it end when it can't: every error of those calls,
//! once.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, channel, sync_channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use slipring::{
    Batch, BuildError, Context, Engine, EngineBuilder, Gate, Handler, HandlerError, Journal, Lane,
    PublishError, Publisher, Publishers, ShutdownError, SyncMode, Wait, WaitError,
};

use crate::ticks::{Tick, live, pass};

const SHORT: Duration = Duration::from_millis(50);

/// A handler that hangs in every event until the other end is dropped.
fn hanging(held: Receiver<()>) -> impl FnMut(&Tick, &Context) + Send {
    let held = Mutex::new(held);
    move |_, _| {
        let _ = held.lock().unwrap().recv();
    }
}

/// Publishes an answer to every tick below 100 into its own engine, and lets go of its publisher when it is
/// told to.
struct Answering {
    publisher: Option<Publisher<Tick>>,
    given: Receiver<Publisher<Tick>>,
}

impl Handler<Tick> for Answering {
    fn event(&mut self, tick: &Tick, context: &Context) -> Result<(), HandlerError> {
        if tick.id < 100 {
            if self.publisher.is_none() {
                self.publisher = self.given.try_recv().ok();
            }
            let publisher = self.publisher.as_mut().expect("given before the first event");
            publisher.try_publish_at(context.time_ns(), Tick { id: tick.id + 100 })?;
        }
        Ok(())
    }

    fn closing(&mut self) {
        self.publisher = None;
    }
}

#[test]
fn a_stage_that_publishes_into_its_own_engine_is_shut_down_in_good_order() {
    for invoked in [false, true] {
        let (give, given) = channel();
        let lane = Lane::named("lane");
        let lane = if invoked { lane.invoked() } else { lane };
        let answering = Answering { publisher: None, given };
        let builder = Engine::builder().ring_capacity(1024).publishers(Publishers::Multi);
        let (engine, mut publisher) = live(builder.lane(lane.stage("answer", answering, Gate::PUBLISHED)));
        give.send(publisher.try_clone().unwrap()).unwrap();
        let last = (0..100).map(|id| publisher.publish_at(id, Tick { id }).unwrap()).last().unwrap();
        // Else the last answers come too late, and are refused.
        engine.wait_stage("answer", last).unwrap();
        let report = engine.join().unwrap();
        assert_eq!(report.end_sequence, 200);
    }
}

#[test]
fn publishers_that_stay_do_not_hold_up_the_end_and_hear_of_it() {
    let builder = Engine::builder().ring_capacity(64).publishers(Publishers::Multi);
    let (engine, mut publisher) = live(builder.lane(Lane::named("lane").stage("a", pass, Gate::PUBLISHED)));
    let mut other = publisher.try_clone().unwrap();
    publisher.publish_at(0, Tick { id: 0 }).unwrap();
    assert!(other.is_open());
    engine.close();
    engine.close();
    assert!(matches!(publisher.publish_at(1, Tick { id: 1 }), Err(PublishError::Closed(Tick { id: 1 }))));
    let report = engine.join().unwrap();
    assert_eq!((report.end_sequence, report.undelivered.len()), (1, 0));
    assert!(!other.is_open());
    assert!(matches!(other.publish_at(0, Tick { id: 0 }), Err(PublishError::Closed(Tick { id: 0 }))));
}

/// Hangs in its last call until it is let go.
struct Hanging(Receiver<()>);

impl Handler<Tick> for Hanging {
    fn event(&mut self, _: &Tick, _: &Context) -> Result<(), HandlerError> {
        Ok(())
    }

    fn shutdown(&mut self) {
        let _ = self.0.recv();
    }
}

#[test]
fn a_shutdown_that_takes_too_long_names_the_lane_even_if_all_stages_are_at_the_end() {
    let (let_go, held) = channel();
    let builder = Engine::builder().wait_timeout(SHORT);
    let (engine, mut publisher) =
        live(builder.lane(Lane::named("stuck").stage("a", Hanging(held), Gate::PUBLISHED)));
    publisher.publish_at(0, Tick { id: 0 }).unwrap();
    engine.wait_stage("a", 0).unwrap();
    // The engine's drop waits for the lane's thread, five seconds at most; it is let go within them.
    let later = std::thread::spawn(move || {
        std::thread::sleep(4 * SHORT);
        let_go.send(())
    });
    match engine.join() {
        Err(error @ ShutdownError::TimedOut { .. }) => {
            assert!(error.to_string().contains("lane stuck has not ended"), "{error}")
        }
        other => panic!("{other:?}"),
    }
    later.join().unwrap().unwrap();
}

/// Threads of this process of that name.
fn threads_named(name: &str) -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let names = tasks.filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("comm")).ok());
    names.filter(|found| found.trim() == name).count()
}

#[test]
#[cfg(target_os = "linux")]
fn dropping_an_engine_whose_handler_hangs_leaves_the_lane_behind() {
    let (let_go, held) = channel::<()>();
    let hang = hanging(held);
    let (engine, mut publisher) =
        live(Engine::builder().lane(Lane::named("hung-lane").stage("a", hang, Gate::PUBLISHED)));
    publisher.publish_at(0, Tick { id: 0 }).unwrap();
    drop(engine);
    assert_eq!(threads_named("hung-lane"), 1, "it still hangs, and the drop came back");
    assert!(matches!(publisher.publish_at(1, Tick { id: 1 }), Err(PublishError::Closed(_))));
    drop(let_go);
    while threads_named("hung-lane") > 0 {
        std::thread::yield_now();
    }
}

#[test]
fn dropping_an_engine_while_another_thread_runs_its_lane_comes_back() {
    let (let_go, held) = channel::<()>();
    let (begun, has_begun) = sync_channel(1);
    let held = Mutex::new(held);
    let hang = move |tick: &Tick, _: &Context| {
        if tick.id == 0 {
            let _ = begun.send(());
            let _ = held.lock().unwrap().recv();
        }
    };
    let lane = Lane::named("own").invoked().stage("a", hang, Gate::PUBLISHED);
    let (engine, mut publisher) = live(Engine::builder().ring_capacity(2).lane(lane));
    let driver = std::thread::spawn(move || {
        // The third finds the ring full and runs the caller's lane, where the handler hangs.
        (0..3).map(|id| publisher.publish_at(id, Tick { id }).is_ok()).collect::<Vec<_>>()
    });
    has_begun.recv().unwrap();
    drop(engine);
    drop(let_go);
    assert_eq!(driver.join().unwrap()[..2], [true, true]);
}

#[test]
fn a_wait_says_why_it_ended() {
    let inside = Arc::new(Mutex::new(None::<Arc<Engine<Tick>>>));
    let (told, tells) = channel();
    let engine_of = Arc::clone(&inside);
    let waits = move |_: &Tick, context: &Context| {
        if let Some(engine) = engine_of.lock().unwrap().take() {
            told.send(engine.wait_stage("a", context.sequence()).unwrap_err()).unwrap();
        }
    };
    let builder = Engine::builder().wait_timeout(SHORT);
    let (engine, mut publisher) = live(builder.lane(Lane::named("lane").stage("a", waits, Gate::PUBLISHED)));
    let engine = Arc::new(engine);
    match engine.wait_stage("b", 0) {
        Err(WaitError::UnknownStage { name, known }) => {
            assert_eq!((&*name, &known[..]), ("b", &["a".to_owned()][..]))
        }
        other => panic!("{other:?}"),
    }
    for error in [engine.wait_journalled(0), engine.wait_durable(0)] {
        assert!(matches!(error, Err(WaitError::NoJournal)), "{error:?}");
    }
    match engine.wait_stage("a", 0) {
        Err(WaitError::TimedOut { cursor, sequence: 0, end: 0, timeout }) => {
            assert_eq!((&*cursor, timeout), ("a", SHORT))
        }
        other => panic!("{other:?}"),
    }
    *inside.lock().unwrap() = Some(Arc::clone(&engine));
    publisher.publish_at(0, Tick { id: 0 }).unwrap();
    assert!(matches!(tells.recv().unwrap(), WaitError::InHandler));
    engine.wait_stage("a", 0).unwrap();
    let engine = Arc::into_inner(engine).expect("the handler's is gone");
    engine.join().unwrap();
}

#[test]
fn the_longest_timeout_is_no_overflow() {
    let folder = tempfile::tempdir().unwrap();
    let builder = Engine::builder().wait_timeout(Duration::MAX).journal(Journal::at(folder.path()));
    let lane = Lane::named("lane").journal().stage("a", pass, Gate::JOURNALLED);
    let (engine, mut publisher) = live(builder.lane(lane));
    let sequence = publisher.publish_timeout(0, Tick { id: 0 }, Duration::MAX).unwrap();
    engine.wait_stage("a", sequence).unwrap();
    engine.wait_durable(sequence).unwrap();
    engine.join().unwrap();
}

#[test]
fn a_wait_for_durable_runs_the_callers_lane_until_the_sync_is_done() {
    let folder = tempfile::tempdir().unwrap();
    let seen = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&seen);
    let handler = move |_: &Tick, _: &Context| {
        count.fetch_add(1, Ordering::Relaxed);
    };
    let lane = Lane::named("own").invoked().journal().stage("a", handler, Gate::DURABLE);
    let journal = Journal::at(folder.path()).sync(SyncMode::EveryBatch);
    let (engine, mut publisher) = live(Engine::builder().journal(journal).lane(lane));
    for id in 0..10 {
        let sequence = publisher.publish_at(id, Tick { id }).unwrap();
        engine.wait_durable(sequence).unwrap();
    }
    // The stage behind durable had its turns too, but for what the last syncs let through.
    engine.wait_stage("a", 9).unwrap();
    assert_eq!(seen.load(Ordering::Relaxed), 10);
    engine.join().unwrap();
}

#[test]
fn what_was_published_before_a_halt_is_waited_for_until_it_is_journalled() {
    let folder = tempfile::tempdir().unwrap();
    let fails = |tick: &Tick, _: &Context| if tick.id == 5 { Err("as told") } else { Ok(()) };
    // The journal's lane is the caller's: nothing is journalled before somebody waits for it.
    let (engine, mut publisher) = live(
        Engine::builder()
            .journal(Journal::at(folder.path()))
            .lane(Lane::named("fast").stage("a", fails, Gate::PUBLISHED))
            .lane(Lane::named("own").invoked().journal()),
    );
    let mut last = 0;
    for id in 0..100 {
        match publisher.try_publish_at(id, Tick { id }) {
            Ok(sequence) => last = sequence,
            Err(error) => assert!(matches!(error, PublishError::Halted(..)), "{error}"),
        }
    }
    while engine.halted().is_none() {
        std::thread::yield_now();
    }
    engine.wait_journalled(last).unwrap();
    engine.wait_durable(last).unwrap();
    assert!(matches!(engine.wait_journalled(last + 1), Err(WaitError::Halted(_))), "never published");
    assert!(matches!(engine.join(), Err(ShutdownError::Halted(_, _))));
}

#[test]
fn a_full_ring_shows_whoever_publishes() {
    for publishers in [Publishers::Single, Publishers::Multi] {
        let (let_go, held) = channel::<()>();
        let hang = hanging(held);
        let builder = Engine::builder().ring_capacity(64).publishers(publishers);
        let (engine, mut publisher) =
            live(builder.lane(Lane::named("lane").stage("a", hang, Gate::PUBLISHED)));
        let idle = publisher.try_clone();
        let mut id = 0;
        while publisher.try_publish_at(id, Tick { id }).is_ok() {
            id += 1;
        }
        let counters = engine.counters();
        assert_eq!((counters.published_end, counters.stages[0].lag), (id, id), "{publishers:?}");
        assert_eq!(counters.occupancy(), 64, "{publishers:?}");
        assert_eq!(publisher.remaining_capacity(), 0, "{publishers:?}");
        assert!(idle.is_none_or(|idle| idle.remaining_capacity() == 0));
        drop(let_go);
        engine.join().unwrap();
    }
}

#[test]
fn all_or_none_of_a_batch_is_published_without_waiting() {
    let (let_go, held) = channel::<()>();
    let hang = hanging(held);
    let builder = Engine::builder().ring_capacity(64);
    let (engine, mut publisher) = live(builder.lane(Lane::named("lane").stage("a", hang, Gate::PUBLISHED)));
    let ticks: Vec<Tick> = (0..65).map(|id| Tick { id }).collect();
    assert_eq!(publisher.try_publish_all(&[]).unwrap(), None);
    assert_eq!(publisher.try_publish_all(&ticks[..40]).unwrap(), Some(39));
    assert!(matches!(publisher.try_publish_all(&ticks[..25]), Err(PublishError::Full(0))));
    let timed: Vec<(u64, Tick)> = ticks[..24].iter().map(|tick| (7, *tick)).collect();
    assert_eq!(publisher.try_publish_all_at(&timed).unwrap(), Some(63));
    assert!(matches!(
        publisher.try_publish_with(|tick| tick.id = 9),
        Err(PublishError::Full(Tick { id: 9 }))
    ));
    drop(let_go);
    engine.wait_stage("a", 63).unwrap();
    assert!(
        matches!(publisher.try_publish_all(&ticks), Err(PublishError::Full(0))),
        "more than the ring holds"
    );
    assert_eq!(publisher.try_publish_with(|tick| tick.id = 9).unwrap(), 64);
    engine.join().unwrap();
}

/// Writes down every call.
struct Calls(Arc<Mutex<Vec<String>>>);

impl Calls {
    fn note(&self, what: impl Into<String>) {
        self.0.lock().unwrap().push(what.into());
    }
}

impl Handler<Tick> for Calls {
    fn event(&mut self, tick: &Tick, _: &Context) -> Result<(), HandlerError> {
        self.note(format!("event {}", tick.id));
        Ok(())
    }
    fn start(&mut self) {
        self.note("start");
    }
    fn batch_start(&mut self, batch: &Batch<'_>) {
        self.note(format!("batch of {}", batch.size()));
    }
    fn batch_end(&mut self) {
        self.note("batch end");
    }
    fn live(&mut self, sequence: u64) {
        self.note(format!("live {sequence}"));
    }
    fn idle(&mut self) {
        self.note("idle");
    }
    fn closing(&mut self) {
        self.note("closing");
    }
    fn shutdown(&mut self) {
        self.note("shutdown");
    }
}

#[test]
fn every_call_of_a_handler_comes_in_its_place() {
    let calls = Arc::default();
    let lane = Lane::named("own").invoked().stage("a", Calls(Arc::clone(&calls)), Gate::PUBLISHED);
    let (engine, mut publisher) = live(Engine::builder().lane(lane));
    engine.invoke();
    publisher.publish_all(&[Tick { id: 1 }, Tick { id: 2 }]).unwrap();
    engine.invoke();
    engine.invoke();
    engine.join().unwrap();
    let calls = calls.lock().unwrap();
    let (head, tail) = calls.split_at(9);
    let wanted =
        ["start", "live 0", "idle", "batch of 2", "event 1", "event 2", "batch end", "idle", "closing"];
    assert_eq!(head, wanted, "{calls:?}");
    assert_eq!(tail.last().unwrap(), "shutdown");
    assert!(tail[..tail.len() - 1].iter().all(|call| call == "idle"), "{calls:?}");
}

/// A lane that spins meets the end between its look for a close and its look for the end, now and then.
#[test]
fn closing_is_called_once_however_the_end_comes() {
    for round in 0..2_000u64 {
        let calls = Arc::default();
        let lane = Lane::named("main").wait(Wait::Spin);
        let lane = lane.stage("a", Calls(Arc::clone(&calls)), Gate::PUBLISHED);
        let (engine, _publisher) = live(Engine::builder().lane(lane));
        std::thread::sleep(Duration::from_micros(round % 50));
        engine.join().unwrap();
        let calls = calls.lock().unwrap();
        assert_eq!(calls.iter().filter(|call| *call == "closing").count(), 1, "{round}: {:?}", calls.last());
    }
}

/// What `?` makes of an error where any thread may have it.
#[test]
fn every_error_goes_to_any_thread() {
    fn any_thread<T: std::error::Error + Send + Sync + 'static>() {}
    any_thread::<slipring::Error>();
    any_thread::<slipring::ShutdownError>();
    any_thread::<slipring::ReplayError>();
    any_thread::<slipring::BuildError>();
    any_thread::<slipring::KeepError>();
    any_thread::<slipring::WaitError>();
    any_thread::<slipring::LateError>();
    any_thread::<slipring::OutputError>();
    any_thread::<slipring::TimerError>();
    any_thread::<slipring::CountersError>();
    any_thread::<slipring::PublishError<Tick>>();
}

#[test]
fn what_can_t_be_is_refused_at_build() {
    let lane = |name: &str| Lane::named(name).stage(name.replace('\0', "x"), pass, Gate::PUBLISHED);
    let refused = |builder: EngineBuilder<Tick>| builder.open().unwrap_err();
    assert!(matches!(refused(Engine::builder().batch_cap(0).lane(lane("a"))), BuildError::BadBatchCap));
    assert!(matches!(refused(Engine::builder().lane(lane("a").batch_cap(0))), BuildError::BadBatchCap));
    let named = refused(Engine::builder().lane(lane("a\0b")));
    assert!(matches!(named, BuildError::BadLaneName { .. }), "{named}");
    let twice = Engine::builder().lane(lane("a")).lane(Lane::named("a").stage("b", pass, Gate::PUBLISHED));
    assert!(matches!(refused(twice), BuildError::BadLaneName { .. }));
    let many = (0..65).fold(Engine::builder(), |builder, n| {
        builder.lane(Lane::named(n.to_string()).wait(Wait::Park).stage(n.to_string(), pass, Gate::PUBLISHED))
    });
    assert!(matches!(refused(many), BuildError::TooManyParkingLanes { found: 65, most: 64 }));
}
