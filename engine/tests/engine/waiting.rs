//! Waiting: lanes that park and are woken by the one cursor that holds them up, lanes that the caller runs,
//! and calls that would wait for themselves.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use slipring::{
    BuildError, Cause, Context, Engine, Gate, Journal, Lane, PublishError, Publisher, Publishers, ReplayFrom,
    ShutdownError, SyncMode, Wait, WaitStrategy,
};

use crate::ticks::{Tick, live};

type Count = Arc<AtomicU64>;

fn count(count: &Count) -> impl FnMut(&Tick, &Context) + Send + 'static {
    let count = Arc::clone(count);
    move |tick, _| assert_eq!(count.fetch_add(1, Ordering::Relaxed), tick.id)
}

fn spin(micros: u64) {
    let since = std::time::Instant::now();
    while since.elapsed() < Duration::from_micros(micros) {
        std::hint::spin_loop();
    }
}

/// The processor time that this process has used, in clock ticks of a hundredth of a second, by the kernel.
fn ticks_of_lane(name: &str) -> u64 {
    let mut total = 0;
    for task in std::fs::read_dir("/proc/self/task").unwrap() {
        let Ok(stat) = std::fs::read_to_string(task.unwrap().path().join("stat")) else { continue };
        if stat.contains(&format!("({name})")) {
            let fields: Vec<&str> = stat[stat.rfind(')').unwrap()..].split(' ').collect();
            total += fields[12].parse::<u64>().unwrap() + fields[13].parse::<u64>().unwrap();
        }
    }
    total
}

#[test]
fn trap_09_parked_lanes_are_woken_by_publisher_upstream_stage_and_syncer() {
    for publishers in [Publishers::Single, Publishers::Multi] {
        let folder = tempfile::tempdir().unwrap();
        let counts: Vec<Count> = (0..3).map(|_| Count::default()).collect();
        let park = |name: &str| Lane::named(name).wait(Wait::Park);
        let (engine, mut publisher) = live(
            Engine::builder()
                .ring_capacity(64)
                .publishers(publishers)
                .journal(Journal::at(folder.path()).sync(SyncMode::EveryBatch))
                .lane(park("first").journal().stage("a", count(&counts[0]), Gate::PUBLISHED))
                .lane(park("second").stage("b", count(&counts[1]), Gate::PUBLISHED.after("a")))
                .lane(park("third").stage("c", count(&counts[2]), Gate::DURABLE.after("b"))),
        );
        for id in 0..300 {
            publisher.publish_at(id, Tick { id }).unwrap();
            engine.wait_stage("c", id).unwrap();
            if id % 10 == 0 {
                // Long enough for every lane to be asleep.
                std::thread::sleep(Duration::from_millis(2));
            }
        }
        assert_eq!(engine.counters().missed_wakeups, 0);
        engine.join().unwrap();
        assert!(counts.iter().all(|count| count.load(Ordering::Relaxed) == 300));
    }
}

/// A lane that waits for two stages once marked the first one's cursor when that had just moved, and slept a
/// tenth of a second though the second one moved too: nobody looks at that mark any more.
#[test]
fn a_lane_that_parks_while_the_first_of_two_gates_opens_is_woken_by_the_second() {
    // The first opens at any time while the lane behind makes up its mind to park, the second well behind
    // that.
    let first = move |tick: &Tick, _: &Context| spin(tick.id * 7 % 200);
    let second = |_: &Tick, _: &Context| std::thread::sleep(Duration::from_micros(400));
    let done = Count::default();
    let (engine, mut publisher) = live(
        Engine::builder()
            .ring_capacity(64)
            .lane(Lane::named("first").wait(Wait::Spin).stage("first", first, Gate::PUBLISHED))
            .lane(Lane::named("second").wait(Wait::Park).stage("second", second, Gate::PUBLISHED))
            .lane(Lane::named("behind").wait(Wait::Park).stage(
                "behind",
                count(&done),
                Gate::PUBLISHED.after(["first", "second"]),
            )),
    );
    for id in 0..1_000 {
        publisher.publish_at(id, Tick { id }).unwrap();
        engine.wait_stage("behind", id).unwrap();
    }
    assert_eq!(engine.counters().missed_wakeups, 0);
    engine.join().unwrap();
    assert_eq!(done.load(Ordering::Relaxed), 1_000);
}

/// One lane looks for what several publishers have published, for all of them. (That none of two that look at
/// once finds nothing is tried beside the code, `ring/scout.rs`, and by a loom model: a lane that parks on it
/// is seldom seen.)
#[test]
fn parked_lanes_all_wake_up_for_what_one_of_them_has_found() {
    let counts: Vec<Count> = (0..4).map(|_| Count::default()).collect();
    let names = ["a", "b", "c", "d"];
    let mut builder = Engine::builder().ring_capacity(64).publishers(Publishers::Multi);
    for (name, done) in names.iter().zip(&counts) {
        builder =
            builder.lane(Lane::named(*name).wait(Wait::Park).stage(*name, count(done), Gate::PUBLISHED));
    }
    let (engine, mut publisher) = live(builder);
    for id in 0..3_000 {
        publisher.publish_at(id, Tick { id }).unwrap();
        // At any time while the lanes make up their minds to park.
        spin(id * 7 % 100);
        if id % 3 == 0 {
            names.iter().for_each(|name| engine.wait_stage(name, id).unwrap());
        }
    }
    assert_eq!(engine.counters().missed_wakeups, 0);
    engine.join().unwrap();
    assert!(counts.iter().all(|count| count.load(Ordering::Relaxed) == 3_000));
}

/// An engine that is dropped drains what was published. A lane that finds another at work on that does not
/// take it for nothing.
#[test]
fn dropped_with_several_publishers_it_still_journals_all_that_was_published() {
    let folder = tempfile::tempdir().unwrap();
    let counts: Vec<Count> = (0..2).map(|_| Count::default()).collect();
    let ticks: Vec<(u64, Tick)> = (0..4_096).map(|id| (id, Tick { id })).collect();
    for life in 1..=40u64 {
        counts.iter().for_each(|count| count.store(0, Ordering::Relaxed));
        let journal =
            Journal::at(folder.path().join(life.to_string())).sync(SyncMode::None).segment_records(8_192);
        let (engine, mut publisher) = live(
            Engine::builder()
                .ring_capacity(8_192)
                .publishers(Publishers::Multi)
                .journal(journal.clone())
                .lane(Lane::named("journal").wait(Wait::Spin).journal())
                .lane(Lane::named("a").wait(Wait::Spin).stage("a", count(&counts[0]), Gate::PUBLISHED))
                .lane(Lane::named("b").wait(Wait::Spin).stage("b", count(&counts[1]), Gate::PUBLISHED)),
        );
        publisher.publish_all_at(&ticks).unwrap();
        drop(publisher);
        drop(engine);
        assert_eq!(journal.reader::<Tick>().unwrap().end_sequence(), 4_096, "life {life}");
        assert!(counts.iter().all(|count| count.load(Ordering::Relaxed) == 4_096), "life {life}");
    }
}

/// LMAX #222: a blocking wait that burns a core behind a slow stage.
#[test]
fn complaint_lmax_222_a_parked_lane_burns_no_core_behind_a_slow_stage() {
    let done = Count::default();
    let is_seen = Arc::new(AtomicBool::new(false));
    let is_over = Arc::clone(&is_seen);
    // Once it is seen the rest goes at once, so that the end has nothing to wait for.
    let slow = move |_: &Tick, _: &Context| {
        if !is_over.load(Ordering::Relaxed) {
            std::thread::sleep(Duration::from_millis(20));
        }
    };
    let (engine, mut publisher) = live(
        Engine::builder()
            .ring_capacity(1 << 16)
            .lane(Lane::named("slow-lane").batch_cap(1).stage("slow", slow, Gate::PUBLISHED))
            .lane(Lane::named("sleeper").wait(Wait::Park).stage(
                "after",
                count(&done),
                Gate::PUBLISHED.after("slow"),
            )),
    );
    let mut id = 0;
    // A stream of publishes for as long as the slow stage takes for thirty events.
    while done.load(Ordering::Relaxed) < 30 {
        if publisher.try_publish_at(id, Tick { id }).is_ok() {
            id += 1;
        }
        std::thread::yield_now();
    }
    let burnt = ticks_of_lane("sleeper");
    assert!(burnt < 20, "{burnt} hundredths of a second, of some sixty");
    is_seen.store(true, Ordering::Relaxed);
    drop(engine);
}

#[test]
fn a_parked_lane_learns_of_shutdown_halt_and_drop() {
    let build = || {
        let fails = |tick: &Tick, _: &Context| if tick.id == 1 { Err("as told") } else { Ok(()) };
        Engine::builder().lane(Lane::named("park").wait(Wait::Park).stage("a", fails, Gate::PUBLISHED)).lane(
            Lane::named("behind").wait(Wait::Park).stage(
                "b",
                |_: &Tick, _: &Context| (),
                Gate::PUBLISHED.after("a"),
            ),
        )
    };
    let asleep = || std::thread::sleep(Duration::from_millis(5));
    let (engine, _) = live(build());
    asleep();
    engine.join().unwrap();
    let (engine, mut publisher) = live(build());
    asleep();
    for id in 0..2 {
        let _ = publisher.publish_at(id, Tick { id });
    }
    assert!(engine.wait_stage("b", 1).is_err());
    assert!(engine.join().is_err());
    let (engine, publisher) = live(build());
    asleep();
    drop(engine);
    drop(publisher);
}

#[test]
fn complaint_disruptor_rs_23_the_caller_runs_a_lane_and_every_waiting_call_runs_it_too() {
    let folder = tempfile::tempdir().unwrap();
    let build = |counts: &[Count; 2]| {
        Engine::builder()
            .ring_capacity(64)
            .journal(Journal::at(folder.path()).segment_records(256))
            .lane(Lane::named("own").invoked().journal().stage("a", count(&counts[0]), Gate::JOURNALLED))
            .lane(Lane::named("thread").stage("b", count(&counts[1]), Gate::JOURNALLED.after("a")))
    };
    let counts = [Count::default(), Count::default()];
    let (engine, mut publisher) = live(build(&counts));
    assert_eq!(engine.invoke(), 0);
    publisher.publish_at(0, Tick { id: 0 }).unwrap();
    assert_eq!(engine.invoke(), 2, "the journal's turn and the stage's");
    // More than the ring holds: the publisher runs the lane when it is full.
    for id in 1..1000 {
        publisher.publish_at(id, Tick { id }).unwrap();
    }
    engine.wait_durable(999).unwrap();
    engine.wait_stage("b", 999).unwrap();
    let more: Vec<(u64, Tick)> = (1000..1500).map(|id| (id, Tick { id })).collect();
    publisher.publish_all_at(&more).unwrap();
    let report = engine.join().unwrap();
    assert_eq!((report.end_sequence, report.durable_end), (1500, Some(1500)));
    // Replay runs it as well.
    let counts = [Count::default(), Count::default()];
    let mut recovered = build(&counts).open().unwrap();
    assert_eq!(recovered.replay(ReplayFrom::Start).unwrap().events(), 1500);
    assert!(counts.iter().all(|count| count.load(Ordering::Relaxed) == 1500));
    let (engine, publisher) = recovered.go_live().unwrap();
    drop(publisher);
    drop(engine);
}

#[test]
fn an_invoked_lane_with_a_core_is_refused() {
    let lane = Lane::named("own").invoked().core(0).stage("a", |_: &Tick, _: &Context| (), Gate::PUBLISHED);
    assert!(matches!(
        Engine::builder().lane(lane).open(),
        Err(BuildError::InvokedLaneWithCore { lane }) if lane == "own"
    ));
}

/// A handler that publishes into its own full ring would wait for itself.
#[test]
fn a_handler_that_would_wait_for_its_own_engine_gets_an_error() {
    for own in [true, false] {
        let (send, receive) = std::sync::mpsc::channel::<Publisher<Tick>>();
        let (tell, told) = std::sync::mpsc::channel();
        let mut publisher = None;
        let handler = move |_: &Tick, context: &Context| {
            if context.sequence() == 0 {
                publisher = receive.recv().ok();
            }
            let publisher: &mut Publisher<Tick> = publisher.as_mut().unwrap();
            if context.sequence() == 0 {
                let refused = (0..).find_map(|id| publisher.publish_at(0, Tick { id }).err());
                tell.send(matches!(refused, Some(PublishError::InHandler(_)))).unwrap();
            }
        };
        let lane = Lane::named("lane");
        let lane = if own { lane.invoked() } else { lane };
        let (engine, mut first) =
            live(Engine::builder().ring_capacity(64).publishers(Publishers::Multi).lane(lane.stage(
                "a",
                handler,
                Gate::PUBLISHED,
            )));
        send.send(first.try_clone().unwrap()).unwrap();
        first.publish_at(0, Tick { id: 0 }).unwrap();
        engine.invoke();
        assert!(told.recv().unwrap(), "refused with the event");
        drop(engine);
    }
}

#[test]
fn a_wait_strategy_of_ones_own_is_called() {
    struct Own(Count, Count);
    impl WaitStrategy for Own {
        fn idle(&mut self, _: u32) {
            self.0.fetch_add(1, Ordering::Relaxed);
            std::thread::yield_now();
        }
        fn worked(&mut self, events: u64) {
            self.1.fetch_add(events, Ordering::Relaxed);
        }
    }
    let (idle, worked, done) = (Count::default(), Count::default(), Count::default());
    let own = Own(Arc::clone(&idle), Arc::clone(&worked));
    let (engine, mut publisher) = live(Engine::builder().lane(Lane::named("own").wait_with(own).stage(
        "a",
        count(&done),
        Gate::PUBLISHED,
    )));
    for id in 0..100 {
        publisher.publish_at(id, Tick { id }).unwrap();
    }
    engine.join().unwrap();
    assert_eq!(worked.load(Ordering::Relaxed), 100);
    assert!(idle.load(Ordering::Relaxed) > 0);
}

#[test]
fn a_wait_strategy_that_panics_halts_the_engine_and_the_journal_drains() {
    struct Bad(fn(u64));
    impl WaitStrategy for Bad {
        fn idle(&mut self, _: u32) {
            (self.0)(0);
        }
        fn worked(&mut self, events: u64) {
            (self.0)(events);
        }
    }
    let strategies: [fn(u64); 2] =
        [|events| assert!(events > 0, "bored"), |events| assert!(events == 0, "busy")];
    for (strategy, said) in strategies.into_iter().zip(["bored", "busy"]) {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::at(folder.path());
        let lane = Lane::named("bad").wait_with(Bad(strategy)).journal().stage(
            "a",
            |_: &Tick, _: &Context| (),
            Gate::JOURNALLED,
        );
        let (engine, mut publisher) = live(Engine::builder().journal(journal.clone()).lane(lane));
        let mut published = 0;
        let halted = loop {
            match publisher.publish_at(published, Tick { id: published }) {
                Ok(_) => published += 1,
                Err(PublishError::Halted(halted, _)) => break halted,
                Err(error) => panic!("{error}"),
            }
        };
        assert!(halted.to_string().contains(said), "{halted}");
        assert!(matches!(halted.cause, Cause::Lane(_)), "{halted:?}");
        assert!(matches!(engine.join(), Err(ShutdownError::Halted(_, _))));
        assert_eq!(journal.reader::<Tick>().unwrap().end_sequence(), published, "all that was published");
    }
}

#[test]
fn sixteen_lanes_on_however_few_cores_lose_nothing() {
    let counts: Vec<Count> = (0..16).map(|_| Count::default()).collect();
    let names: Vec<String> = (0..16).map(|n| format!("s{n}")).collect();
    let mut builder = Engine::builder().ring_capacity(1024);
    for n in 0..16 {
        let gate = if n == 0 { Gate::PUBLISHED } else { Gate::PUBLISHED.after(names[n - 1].as_str()) };
        builder = builder.lane(Lane::named(&names[n]).stage(&names[n], count(&counts[n]), gate));
    }
    let (engine, mut publisher) = live(builder);
    for id in 0..50_000 {
        publisher.publish_at(id, Tick { id }).unwrap();
    }
    assert_eq!(engine.counters().missed_wakeups, 0);
    engine.join().unwrap();
    assert!(counts.iter().all(|count| count.load(Ordering::Relaxed) == 50_000));
}
