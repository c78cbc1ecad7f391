//! The engine as its user sees it: topologies, halts, shutdown, replay.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use slipring::{
    BuildError, Cause, Context, Engine, EngineBuilder, Event, Gate, Handler, HandlerError, Journal, Lane,
    PublishError, Publishers, ReplayFrom, ShutdownError, StageKey, SyncMode, Wait, WaitError,
};

use crate::ticks::live;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Event)]
#[repr(C)]
struct Order {
    id: u64,
    rest: [u64; 5],
}

fn order(id: u64) -> Order {
    Order { id, rest: [id.wrapping_mul(31); 5] }
}

type Seen = Arc<Mutex<Vec<(u64, u64, u64)>>>;

/// A handler that keeps (sequence, id, time).
fn keep(seen: &Seen) -> impl FnMut(&Order, &Context) + Send + 'static {
    let seen = Arc::clone(seen);
    move |order, context| seen.lock().unwrap().push((context.sequence(), order.id, context.time_ns()))
}

#[test]
fn every_stage_sees_every_event_once_in_order_after_its_gate() {
    // A diamond: b and c after a, d after both. Fused on one lane, and each on its own.
    for lanes in [1, 4] {
        let last: Vec<Arc<AtomicU64>> = (0..4).map(|_| Arc::new(AtomicU64::new(0))).collect();
        let check = |at: usize, needs: &[usize]| {
            let own = Arc::clone(&last[at]);
            let needs: Vec<_> = needs.iter().map(|n| Arc::clone(&last[*n])).collect();
            move |order: &Order, context: &Context| {
                assert_eq!(*order, super_order(context.sequence()));
                assert_eq!(own.fetch_add(1, Ordering::Relaxed), context.sequence());
                for need in &needs {
                    assert!(need.load(Ordering::Relaxed) > context.sequence());
                }
            }
        };
        let stages: Vec<(&str, Vec<usize>, Gate)> = vec![
            ("a", vec![], Gate::PUBLISHED),
            ("b", vec![0], Gate::PUBLISHED.after("a")),
            ("c", vec![0], Gate::PUBLISHED.after("a")),
            ("d", vec![1, 2], Gate::PUBLISHED.after(["b", "c"])),
        ];
        let mut builder = Engine::builder().ring_capacity(1024);
        let mut lane = Lane::named("all");
        for (at, (name, needs, gate)) in stages.into_iter().enumerate() {
            if lanes == 1 {
                lane = lane.stage(name, check(at, &needs), gate);
            } else {
                builder = builder.lane(Lane::named(name).stage(name, check(at, &needs), gate));
            }
        }
        if lanes == 1 {
            builder = builder.lane(lane);
        }
        let (engine, mut publisher) = live(builder);
        for id in 0..100_000 {
            assert_eq!(publisher.publish_at(id, order(id)).unwrap(), id);
        }
        let report = engine.join().unwrap();
        assert_eq!(report.end_sequence, 100_000);
        assert!(last.iter().all(|count| count.load(Ordering::Relaxed) == 100_000));
    }
}

fn super_order(id: u64) -> Order {
    order(id)
}

#[test]
fn kill_free_life_journal_replay_and_live_agree() {
    let folder = tempfile::tempdir().unwrap();
    let journal = || Journal::at(folder.path().join("j")).segment_records(1000).sync(SyncMode::EveryBatch);
    let build = |book: &Seen, early: &Seen| {
        Engine::builder()
            .ring_capacity(256)
            .journal(journal())
            .lane(Lane::named("main").journal().stage("book", keep(book), Gate::JOURNALLED))
            .lane(Lane::named("side").stage("early", keep(early), Gate::PUBLISHED))
    };
    let mut whole = Vec::new();
    for life in 0..4u64 {
        let (book, early) = (Seen::default(), Seen::default());
        let mut recovered = build(&book, &early).open().unwrap();
        assert_eq!(recovered.end_sequence(), life * 5000);
        let report = recovered.replay(ReplayFrom::Start).unwrap();
        assert_eq!(report.events(), life * 5000);
        assert_eq!(*book.lock().unwrap(), whole, "replay gives the state back");
        let (engine, mut publisher) = recovered.go_live().unwrap();
        assert_eq!(engine.live_from(), life * 5000);
        for n in 0..5000 {
            let id = life * 5000 + n;
            // Times go back now and then; handlers see the running maximum.
            let time = 1000 + id - if n % 7 == 0 { 500 } else { 0 };
            let sequence = publisher.publish_at(time, order(id)).unwrap();
            assert_eq!(sequence, id);
            if n == 2500 {
                engine.wait_durable(sequence).unwrap();
                engine.wait_stage("book", sequence).unwrap();
                assert!(engine.counters().durable_end.unwrap() > sequence);
            }
        }
        let report = engine.join().unwrap();
        assert_eq!(report.durable_end, Some((life + 1) * 5000));
        whole = book.lock().unwrap().clone();
        assert_eq!(whole, *early.lock().unwrap(), "the same events and times at both gates");
        assert_eq!(whole.len() as u64, (life + 1) * 5000);
        assert!(whole.windows(2).all(|w| w[0].0 + 1 == w[1].0 && w[0].2 <= w[1].2));
    }
    // From a time in the middle: the first event at or after it, with the sequence and time it had.
    let (book, early) = (Seen::default(), Seen::default());
    let mut recovered = build(&book, &early).open().unwrap();
    let time = whole[7321].2;
    let report = recovered.replay(ReplayFrom::Time(time)).unwrap();
    let first = whole.iter().position(|(_, _, t)| *t >= time).unwrap();
    assert_eq!(report.first_sequence, first as u64);
    assert_eq!(*book.lock().unwrap(), whole[first..]);
    assert!(recovered.replay(ReplayFrom::Start).is_err(), "no second replay");
}

/// Trap 1, and fail-stop: stages gated on the failed one stop exactly before the event that it did not
/// finish, others and the journal go on with what was published.
#[test]
fn a_failing_stage_halts_the_engine_and_marks_nothing_as_done() {
    for panics in [true, false] {
        for fails_at in [0u64, 1, 777, 4095] {
            let folder = tempfile::tempdir().unwrap();
            let (after, beside) = (Seen::default(), Seen::default());
            let risk = move |order: &Order, _: &Context| -> Result<(), String> {
                if order.id == fails_at {
                    assert!(!panics, "as told");
                    return Err("as told".to_owned());
                }
                Ok(())
            };
            let builder = Engine::builder().ring_capacity(1024).journal(Journal::at(folder.path())).lane(
                Lane::named("main")
                    .journal()
                    .stage("risk", risk, Gate::PUBLISHED)
                    .stage("out", keep(&after), Gate::JOURNALLED.after("risk"))
                    .stage("beside", keep(&beside), Gate::PUBLISHED),
            );
            let (engine, mut publisher) = live(builder);
            let mut ok = 0;
            let halted = loop {
                match publisher.publish_at(ok, order(ok)) {
                    Ok(sequence) => {
                        assert_eq!(sequence, ok);
                        ok += 1;
                    }
                    Err(PublishError::Halted(halted, event)) => {
                        assert_eq!(event, order(ok), "the event comes back");
                        break halted;
                    }
                    Err(other) => panic!("{other}"),
                }
            };
            assert_eq!((halted.stage.as_str(), halted.sequence), ("risk", fails_at));
            match &halted.cause {
                Cause::Panic(text) => assert!(panics && text.contains("as told")),
                Cause::Error(error) => assert!(!panics && error.to_string() == "as told"),
                other => panic!("{other}"),
            }
            assert!(matches!(engine.wait_stage("out", fails_at), Err(WaitError::Halted(_))));
            assert!(engine.halted().is_some());
            assert!(matches!(engine.join(), Err(ShutdownError::Halted(_, _))));
            assert_eq!(after.lock().unwrap().len() as u64, fails_at, "gated stages stop before it");
            assert_eq!(beside.lock().unwrap().len() as u64, ok, "others drain");
            let reader = Journal::at(folder.path()).reader::<Order>().unwrap();
            assert_eq!(reader.end_sequence(), ok, "every publish that returned Ok is journalled, no other");
        }
    }
}

/// Trap 2: a dead handler must not hang a publisher on a full ring.
#[test]
fn a_publisher_blocked_on_a_full_ring_learns_of_the_halt() {
    let go = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&go);
    let stuck = move |_: &Order, _: &Context| {
        while !flag.load(Ordering::Relaxed) {
            std::thread::yield_now();
        }
        assert!(!flag.load(Ordering::Relaxed), "at last");
    };
    let (engine, mut publisher) = live(Engine::builder().ring_capacity(64).lane(Lane::named("l").stage(
        "stuck",
        stuck,
        Gate::PUBLISHED,
    )));
    for id in 0..64 {
        publisher.publish_at(id, order(id)).unwrap();
    }
    assert!(
        matches!(publisher.try_publish_at(64, order(64)), Err(PublishError::Full(event)) if event == order(64))
    );
    assert_eq!(publisher.remaining_capacity(), 0);
    let timeout = Duration::from_millis(5);
    assert!(matches!(publisher.publish_timeout(64, order(64), timeout), Err(PublishError::TimedOut(_))));
    assert_eq!(engine.counters().occupancy(), 64);
    let blocked = std::thread::spawn(move || (publisher.publish_at(64, order(64)), publisher));
    go.store(true, Ordering::Relaxed);
    let (result, publisher) = blocked.join().unwrap();
    assert!(matches!(result, Err(PublishError::Halted(halted, _)) if halted.sequence == 0));
    drop(engine);
    drop(publisher);
}

#[test]
fn shutdown_with_stages_behind_slow_ones_loses_nothing() {
    let seen = Seen::default();
    let slow = |_: &Order, context: &Context| {
        if context.sequence() % 512 == 0 {
            std::thread::sleep(Duration::from_millis(1));
        }
    };
    let builder = Engine::builder()
        .ring_capacity(4096)
        .lane(Lane::named("slow").stage("slow", slow, Gate::PUBLISHED))
        .lane(Lane::named("out").wait(Wait::Sleep(100)).stage(
            "out",
            keep(&seen),
            Gate::PUBLISHED.after("slow"),
        ));
    let (engine, mut publisher) = live(builder);
    let events: Vec<(u64, Order)> = (0..20_000).map(|id| (id, order(id))).collect();
    // Trap 11: a batch larger than the ring is split.
    assert_eq!(publisher.publish_all_at(&events).unwrap(), Some(19_999));
    assert_eq!(publisher.publish_all(&[]).unwrap(), None);
    engine.join().unwrap();
    assert_eq!(seen.lock().unwrap().len(), 20_000);
}

#[test]
fn dropping_an_engine_whose_gate_never_opens_does_not_hang() {
    let never = |_: &Order, _: &Context| std::thread::sleep(Duration::from_millis(1));
    let builder = Engine::builder()
        .ring_capacity(64)
        .lane(Lane::named("a").stage("slow", never, Gate::PUBLISHED))
        .lane(Lane::named("b").stage("out", |_: &Order, _: &Context| {}, Gate::PUBLISHED.after("slow")));
    let (engine, mut publisher) = live(builder);
    for id in 0..64 {
        publisher.publish_at(id, order(id)).unwrap();
    }
    drop(engine);
    assert!(matches!(publisher.publish_at(1, order(1)), Err(PublishError::Closed(_))));
}

#[test]
fn several_publishers_lose_and_double_nothing() {
    const EACH: u64 = 30_000;
    let (a, b) = (Seen::default(), Seen::default());
    let folder = tempfile::tempdir().unwrap();
    let builder = Engine::builder()
        .ring_capacity(1024)
        .publishers(Publishers::Multi)
        .journal(Journal::at(folder.path()))
        .lane(Lane::named("main").journal().stage("a", keep(&a), Gate::JOURNALLED))
        .lane(Lane::named("side").stage("b", keep(&b), Gate::PUBLISHED.after("a")));
    let (engine, publisher) = live(builder);
    let threads: Vec<_> = (0..3u64)
        .map(|t| {
            let mut publisher = publisher.try_clone().unwrap();
            std::thread::spawn(move || {
                for n in 0..EACH {
                    publisher.publish_at(n, order(t * EACH + n)).unwrap();
                }
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    let report = engine.join().unwrap();
    assert_eq!(report.end_sequence, 3 * EACH);
    let a = a.lock().unwrap();
    assert_eq!(*a, *b.lock().unwrap());
    assert!(a.windows(2).all(|w| w[0].0 + 1 == w[1].0 && w[0].2 <= w[1].2));
    let mut ids: Vec<u64> = a.iter().map(|(_, id, _)| *id).collect();
    for t in 0..3 {
        let own: Vec<u64> = ids.iter().copied().filter(|id| id / EACH == t).collect();
        assert!(own.is_sorted(), "each publisher's events in its order");
    }
    ids.sort_unstable();
    assert!(ids.into_iter().eq(0..3 * EACH));
    // Replay sees the same times as the live stages did.
    let replayed = Seen::default();
    let mut recovered = Engine::builder()
        .journal(Journal::at(folder.path()))
        .lane(Lane::named("main").journal().stage("a", keep(&replayed), Gate::JOURNALLED))
        .open()
        .unwrap();
    recovered.replay(ReplayFrom::Start).unwrap();
    assert_eq!(*replayed.lock().unwrap(), *a);
}

#[derive(Default)]
struct Calls(Vec<String>);

impl Handler<Order> for Calls {
    fn event(&mut self, _: &Order, context: &Context) -> Result<(), HandlerError> {
        self.0.push(format!(
            "event {}{}",
            context.sequence(),
            if context.is_replay() { " again" } else { "" }
        ));
        Ok(())
    }
    fn start(&mut self) {
        self.0.push("start".into());
    }
    fn live(&mut self, sequence: u64) {
        self.0.push(format!("live {sequence}"));
    }
    fn shutdown(&mut self) {
        self.0.push("shutdown".into());
    }
}

#[test]
fn a_handler_is_told_of_its_life_and_comes_back_with_its_state() {
    let folder = tempfile::tempdir().unwrap();
    for (life, wanted) in [
        (0, vec!["start", "live 0", "event 0", "shutdown"]),
        (1, vec!["start", "event 0 again", "live 1", "event 1", "shutdown"]),
    ] {
        let mut recovered = Engine::builder()
            .journal(Journal::at(folder.path()))
            .lane(Lane::named("main").journal().stage("calls", Calls::default(), Gate::JOURNALLED))
            .open()
            .unwrap();
        recovered.replay(ReplayFrom::Start).unwrap();
        let (engine, mut publisher) = recovered.go_live().unwrap();
        publisher.publish_with(|event| event.id = life).unwrap();
        let mut report = engine.join().unwrap();
        assert_eq!(report.take(&StageKey::<Calls>::named("calls")).unwrap().0, wanted);
        assert!(report.take(&StageKey::<Calls>::named("calls")).is_none());
    }
}

#[test]
fn wrong_configuration_is_refused() {
    let stage = || Lane::named("l").stage("s", |_: &Order, _: &Context| {}, Gate::PUBLISHED);
    let refused = |builder: EngineBuilder<Order>| builder.open().unwrap_err();
    assert!(matches!(refused(Engine::builder()), BuildError::NoStage));
    assert!(matches!(refused(Engine::builder().lane(Lane::named("e"))), BuildError::EmptyLane { .. }));
    for capacity in [0, 1, 3, 1000] {
        let builder = Engine::builder().ring_capacity(capacity).lane(stage());
        assert!(matches!(refused(builder), BuildError::BadCapacity { .. }));
    }
    // Trap 12.
    let builder = Engine::builder().ring_capacity(32).publishers(Publishers::Multi).lane(stage());
    assert!(matches!(refused(builder), BuildError::BadCapacity { least: 64, .. }));
    assert!(matches!(
        refused(Engine::builder().lane(Lane::named("j").journal())),
        BuildError::JournalLane { .. }
    ));
    let folder = tempfile::tempdir().unwrap();
    let builder = Engine::builder().journal(Journal::at(folder.path())).lane(stage());
    let none = refused(builder);
    assert!(matches!(none, BuildError::JournalLane { found: 0 }));
    assert!(none.to_string().contains("no lane runs it: add .journal()"), "{none}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing was created");
    let builder = Engine::builder().lane(stage().core(0)).lane(Lane::named("m").core(0).stage(
        "t",
        |_: &Order, _: &Context| {},
        Gate::PUBLISHED,
    ));
    assert!(matches!(refused(builder), BuildError::CoreTwice { core: 0, .. }));
    // Trap 7: a core outside the mask is an error that names it, not a panic.
    let recovered = Engine::builder().lane(stage().core(9999)).open().unwrap();
    let error = recovered.go_live().unwrap_err();
    assert!(matches!(error, BuildError::CoreNotAllowed { core: 9999, .. }), "{error}");
}

#[test]
fn a_measured_stage_tells_the_age_of_its_live_events_by_the_engines_clock() {
    use slipring::{Latency, Stage};
    let folder = tempfile::tempdir().unwrap();
    let now_ns = Arc::new(AtomicU64::new(1_000));
    let engine = |recorder| {
        let clock = Arc::clone(&now_ns);
        let handler = |event: &Order, _: &Context| if event.id == 13 { Err("told to") } else { Ok(()) };
        let stage = Stage::new("measured", handler, Gate::PUBLISHED).measured(recorder);
        let lane = Lane::named("own").invoked().journal().with(stage);
        Engine::builder()
            .journal(Journal::at(folder.path()))
            .clock(move || clock.load(Ordering::Relaxed))
            .lane(lane)
            .open()
            .unwrap()
    };
    let (recorder, latency) = Latency::recorder();
    let (running, mut publisher) = engine(recorder).go_live().unwrap();
    publisher.publish(order(1)).unwrap();
    now_ns.store(1_500, Ordering::Relaxed);
    publisher.publish(order(2)).unwrap();
    // An event from a moment that the clock has not reached.
    publisher.publish_at(2_000, order(3)).unwrap();
    now_ns.store(1_700, Ordering::Relaxed);
    while running.invoke() > 0 {}
    let ages: Vec<_> =
        latency.total().iter_recorded().map(|v| (v.value_iterated_to(), v.count_at_value())).collect();
    assert_eq!(ages, [(0, 1), (200, 1), (700, 1)]);
    running.join().unwrap();

    // Replayed events are as old as the journal: they are not measured, nor is one that the handler fails on.
    let (recorder, latency) = Latency::recorder();
    let mut recovered = engine(recorder);
    assert_eq!(recovered.replay(ReplayFrom::Start).unwrap().events(), 3);
    let (running, mut publisher) = recovered.go_live().unwrap();
    let mut intervals = latency.intervals();
    assert_eq!(latency.total().len(), 0);
    publisher.publish(order(4)).unwrap();
    publisher.publish(order(13)).unwrap();
    while running.invoke() > 0 {}
    assert!(running.halted().is_some());
    assert_eq!((intervals.take().len(), intervals.take().len(), latency.total().len()), (1, 0, 1));
    drop((running, publisher));
}
