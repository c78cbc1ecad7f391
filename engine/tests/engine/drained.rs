//! Nothing acknowledged goes astray when an engine ends: dropped, shut down or halted, at whatever moment.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use slipring::{
    Context, Engine, Gate, Journal, Lane, PublishError, Publisher, ShutdownError, SyncMode, Wait, WaitError,
};

use crate::ticks::{Tick, live, pass};

fn publish(publisher: &mut Publisher<Tick>, id: u64) {
    publisher.publish_at(id, Tick { id }).unwrap();
}

/// Counts what it is given.
fn counting(count: &Arc<AtomicU64>) -> impl FnMut(&Tick, &Context) + Send + use<> {
    let count = Arc::clone(count);
    move |_, _| {
        count.fetch_add(1, Ordering::Relaxed);
    }
}

fn slow(count: &Arc<AtomicU64>, each: Duration) -> impl FnMut(&Tick, &Context) + Send + use<> {
    let mut counts = counting(count);
    move |tick, context| {
        thread::sleep(each);
        counts(tick, context);
    }
}

/// A slow stage and one after it: forty events, then the engine goes. The second had none: its gate was
/// closed at that moment, and "nothing to do" was taken for "nothing more comes".
#[test]
fn a_stage_whose_gate_is_closed_for_the_moment_has_all_when_the_engine_is_dropped() {
    for invoked in [false, true] {
        let (first, second) = (Arc::default(), Arc::default());
        let own = |name: &str| if invoked { Lane::named(name).invoked() } else { Lane::named(name) };
        let (engine, mut publisher) = live(
            Engine::builder()
                .lane(own("slow").stage("slow", slow(&first, Duration::from_millis(5)), Gate::PUBLISHED))
                .lane(own("fast").stage("fast", counting(&second), Gate::PUBLISHED.after("slow"))),
        );
        (0..40).for_each(|id| publish(&mut publisher, id));
        let ending = engine.ending();
        drop(engine);
        assert_eq!((first.load(Ordering::Relaxed), second.load(Ordering::Relaxed)), (40, 40));
        assert!(ending.has_ended() && ending.undelivered().is_empty(), "{ending:?}");
        assert_eq!(ending.end_sequence(), Some(40));
    }
}

/// The same when another stage has failed: what does not stand behind it goes on to the end, what does is
/// counted.
#[test]
fn a_halt_elsewhere_cuts_off_only_what_stands_behind_it() {
    for shut in [true, false] {
        let (first, second, behind) = (Arc::default(), Arc::default(), Arc::default());
        let fails = |tick: &Tick, _: &Context| if tick.id == 3 { Err("as told") } else { Ok(()) };
        let (engine, mut publisher) = live(
            Engine::builder()
                .lane(Lane::named("fails").stage("fails", fails, Gate::PUBLISHED))
                .lane(Lane::named("slow").stage(
                    "slow",
                    slow(&first, Duration::from_millis(5)),
                    Gate::PUBLISHED,
                ))
                .lane(Lane::named("fast").stage("fast", counting(&second), Gate::PUBLISHED.after("slow")))
                .lane(Lane::named("behind").stage(
                    "behind",
                    counting(&behind),
                    Gate::PUBLISHED.after(["slow", "fails"]),
                ))
                .lane(Lane::named("far").stage("far", pass, Gate::PUBLISHED.after("behind"))),
        );
        let ticks: Vec<Tick> = (0..40).map(|id| Tick { id }).collect();
        publisher.publish_all(&ticks).unwrap();
        let ending = engine.ending();
        if shut {
            assert!(
                matches!(engine.join(), Err(ShutdownError::Halted(halted, _)) if halted.stage == "fails")
            );
        } else {
            drop(engine);
        }
        assert_eq!((first.load(Ordering::Relaxed), second.load(Ordering::Relaxed)), (40, 40));
        assert_eq!(behind.load(Ordering::Relaxed), 3);
        let undelivered = ending.undelivered().iter().map(|one| (&*one.stage, one.from, one.count));
        assert_eq!(undelivered.collect::<Vec<_>>(), [("fails", 3, 37), ("behind", 3, 37), ("far", 3, 37)]);
        assert_eq!(ending.halted().map(|halted| &*halted.stage), Some("fails"));
    }
}

/// A syncer that pauses for an hour held the stage behind durable up until the time-out of the shutdown.
#[test]
fn the_end_asks_the_syncer_for_what_a_gate_waits_for() {
    for shut in [true, false] {
        let folder = tempfile::tempdir().unwrap();
        let count = Arc::default();
        let lane = Lane::named("lane").journal().stage("a", counting(&count), Gate::DURABLE);
        let journal = Journal::at(folder.path()).sync(SyncMode::every(Duration::from_secs(3600)));
        let (engine, mut publisher) = live(Engine::builder().journal(journal).lane(lane));
        (0..100).for_each(|id| publish(&mut publisher, id));
        if shut {
            engine.join().unwrap();
        } else {
            drop(engine);
        }
        assert_eq!(count.load(Ordering::Relaxed), 100);
    }
}

/// The handler that hangs, what stands behind it, and how many it was.
#[test]
fn what_stands_behind_a_handler_that_hangs_is_counted() {
    let (let_go, held) = mpsc::channel::<()>();
    let held = Mutex::new(held);
    let hangs = move |_: &Tick, _: &Context| {
        let _ = held.lock().unwrap().recv();
    };
    let (count, side) = (Arc::default(), Arc::default());
    let (engine, mut publisher) = live(
        Engine::builder()
            .lane(Lane::named("hung-here").stage("hangs", hangs, Gate::PUBLISHED))
            .lane(Lane::named("side").stage("side", counting(&side), Gate::PUBLISHED))
            .lane(Lane::named("behind").stage("behind", counting(&count), Gate::PUBLISHED.after("hangs"))),
    );
    (0..10).for_each(|id| publish(&mut publisher, id));
    let ending = engine.ending();
    drop(engine);
    assert_eq!((side.load(Ordering::Relaxed), count.load(Ordering::Relaxed)), (10, 0));
    let undelivered = ending.undelivered().iter().map(|one| (&*one.stage, one.count)).collect::<Vec<_>>();
    assert_eq!(undelivered, [("hangs", 10), ("behind", 10)]);
    drop(let_go);
}

/// Handlers that take their time, longer in all than the grace of a drop, each within it.
#[test]
fn a_drop_waits_as_long_as_handlers_return() {
    let count = Arc::default();
    let each = Duration::from_millis(600);
    let lane = Lane::named("lane").stage("slow", slow(&count, each), Gate::PUBLISHED);
    let (engine, mut publisher) = live(Engine::builder().lane(lane));
    publisher.publish_at(0, Tick { id: 0 }).unwrap();
    engine.wait_stage("slow", 0).unwrap();
    // One in hand, so that the rest is taken when the engine ends.
    publisher.publish_at(1, Tick { id: 1 }).unwrap();
    thread::sleep(each / 3);
    (2..11).for_each(|id| publish(&mut publisher, id));
    drop(engine);
    assert_eq!(count.load(Ordering::Relaxed), 11);
}

/// A ring full of work for an hour, on the caller's own lane too: both ends have a bound, and say what is
/// left. All four at once, for they do nothing but wait.
#[test]
fn no_end_waits_longer_than_it_says() {
    thread::scope(|scope| {
        for (invoked, shut) in [(false, false), (false, true), (true, false), (true, true)] {
            scope.spawn(move || an_end_comes_back(invoked, shut));
        }
    });
}

fn an_end_comes_back(invoked: bool, shut: bool) {
    let count = Arc::default();
    let lane = if invoked { Lane::named("lane").invoked() } else { Lane::named("lane") };
    let lane = lane.batch_cap(1).stage("slow", slow(&count, Duration::from_millis(100)), Gate::PUBLISHED);
    let builder = Engine::builder().ring_capacity(1 << 16).wait_timeout(Duration::from_millis(300));
    let (engine, mut publisher) = live(builder.lane(lane));
    (0..36_000).for_each(|id| publish(&mut publisher, id));
    let ending = engine.ending();
    let (told, tells) = mpsc::channel();
    let ends = thread::spawn(move || {
        let is_late = shut && matches!(engine.join(), Err(ShutdownError::TimedOut { .. }));
        told.send(is_late).unwrap();
    });
    assert_eq!(tells.recv_timeout(Duration::from_secs(120)).expect("it comes back"), shut);
    ends.join().unwrap();
    assert!(ending.undelivered()[0].count > 30_000, "{ending:?}");
}

#[test]
fn one_s_own_engine_is_not_ended_inside_its_handler() {
    for shut in [true, false] {
        let place = Arc::new(Mutex::new(None::<(Engine<Tick>, Publisher<Tick>)>));
        let (told, tells) = mpsc::channel();
        let (taken, count) = (Arc::clone(&place), Arc::default());
        let mut counts = counting(&count);
        let ends = move |tick: &Tick, context: &Context| {
            if tick.id == 5 {
                let (engine, publisher) = taken.lock().unwrap().take().unwrap();
                match shut {
                    true => told.send(matches!(engine.join(), Err(ShutdownError::InHandler))).unwrap(),
                    false => {
                        drop((engine, publisher));
                        told.send(true).unwrap();
                    }
                }
            }
            counts(tick, context);
        };
        let (engine, mut publisher) =
            live(Engine::builder().lane(Lane::named("lane").stage("a", ends, Gate::PUBLISHED)));
        let ending = engine.ending();
        let mut held = place.lock().unwrap();
        (0..10).for_each(|id| publish(&mut publisher, id));
        *held = Some((engine, publisher));
        drop(held);
        assert!(tells.recv_timeout(Duration::from_secs(60)).expect("it came back"));
        let since = Instant::now();
        while !ending.has_ended() {
            assert!(since.elapsed() < Duration::from_secs(60), "it does not end");
            thread::yield_now();
        }
        assert_eq!((count.load(Ordering::Relaxed), ending.undelivered().len()), (10, 0));
    }
}

/// The same where the caller runs the lanes: a publish on a full ring does, and comes back.
#[test]
fn an_engine_dropped_by_a_handler_that_a_publish_runs_is_drained_and_the_publish_refused() {
    let place = Arc::new(Mutex::new(None::<Engine<Tick>>));
    let (taken, count) = (Arc::clone(&place), Arc::default());
    let mut counts = counting(&count);
    let ends = move |tick: &Tick, context: &Context| {
        counts(tick, context);
        if tick.id == 5 {
            drop(taken.lock().unwrap().take());
        }
    };
    let lane = Lane::named("own").invoked().stage("a", ends, Gate::PUBLISHED);
    let (engine, mut publisher) = live(Engine::builder().ring_capacity(8).lane(lane));
    let ending = engine.ending();
    *place.lock().unwrap() = Some(engine);
    let published = (0..).take_while(|id| publisher.publish_at(0, Tick { id: *id }).is_ok()).count() as u64;
    let since = Instant::now();
    while !ending.has_ended() {
        assert!(since.elapsed() < Duration::from_secs(60), "it does not end");
        thread::yield_now();
    }
    assert_eq!((count.load(Ordering::Relaxed), ending.undelivered().len()), (published, 0));
}

/// A handler of A runs the lanes of B, whose handler waits for A: of A too this thread is inside.
#[test]
fn every_engine_on_the_thread_is_known() {
    let outer = Arc::new(Mutex::new(None::<Arc<Engine<Tick>>>));
    let outer_publisher = Arc::new(Mutex::new(None::<Publisher<Tick>>));
    let (told, tells) = mpsc::channel();
    let (a, a_publisher) = (Arc::clone(&outer), Arc::clone(&outer_publisher));
    let waits = move |_: &Tick, _: &Context| {
        let waited = a.lock().unwrap().as_ref().unwrap().wait_stage("a", 0);
        let mut publisher = a_publisher.lock().unwrap();
        let full = (0..10).find_map(|id| publisher.as_mut().unwrap().publish_at(9, Tick { id }).err());
        told.send((
            matches!(waited, Err(WaitError::InHandler)),
            matches!(full, Some(PublishError::InHandler(_))),
        ))
        .unwrap();
    };
    let (inner, mut inner_publisher) =
        live(Engine::builder().lane(Lane::named("b").invoked().stage("b", waits, Gate::PUBLISHED)));
    let inner = Arc::new(inner);
    let driven = Arc::clone(&inner);
    let drives = move |tick: &Tick, _: &Context| {
        if tick.id == 100 {
            inner_publisher.publish_at(0, Tick { id: 0 }).unwrap();
            driven.invoke();
        }
    };
    let (engine, mut publisher) =
        live(Engine::builder().ring_capacity(8).lane(Lane::named("a").wait(Wait::Backoff).stage(
            "a",
            drives,
            Gate::PUBLISHED,
        )));
    let engine = Arc::new(engine);
    *outer.lock().unwrap() = Some(Arc::clone(&engine));
    let mut place = outer_publisher.lock().unwrap();
    publisher.publish_at(0, Tick { id: 100 }).unwrap();
    *place = Some(publisher);
    drop(place);
    assert_eq!(tells.recv_timeout(Duration::from_secs(60)).expect("nobody hangs"), (true, true));
    *outer.lock().unwrap() = None;
    let _ = outer_publisher.lock().unwrap().take().unwrap();
    Arc::into_inner(engine).unwrap().join().unwrap();
}

/// A stage fails, and then the journal too: the shutdown waited for the journal until its time was over, and
/// told of that.
#[test]
fn a_shutdown_looks_at_a_journal_that_fails_behind_a_stage() {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::at(folder.path().join("j")).segment_records(1024);
    let fails = |tick: &Tick, _: &Context| if tick.id == 3 { Err("as told") } else { Ok(()) };
    let builder = Engine::builder().ring_capacity(1 << 16).journal(journal).wait_timeout(Duration::MAX);
    // The caller runs the journal's lane: it is the second to fail, at the end.
    let lane = Lane::named("own").invoked().journal().stage("behind", pass, Gate::JOURNALLED);
    let fast = Lane::named("fast").stage("fails", fails, Gate::PUBLISHED.after("held"));
    let (let_go, held) = mpsc::channel::<()>();
    let held = Mutex::new(held);
    let holds = move |_: &Tick, _: &Context| {
        let _ = held.lock().unwrap().recv();
    };
    let hold = Lane::named("hold").stage("held", holds, Gate::PUBLISHED);
    let (engine, mut publisher) = live(builder.lane(fast).lane(hold).lane(lane));
    // No further segment can be made.
    while std::fs::remove_dir_all(folder.path()).is_err() && folder.path().exists() {
        // A file was being made in it.
        thread::yield_now();
    }
    (0..60_000).for_each(|id| publish(&mut publisher, id));
    drop(let_go);
    while engine.halted().is_none() {
        thread::yield_now();
    }
    let ending = engine.ending();
    let (told, tells) = mpsc::channel();
    let shutdown = thread::spawn(move || told.send(engine.join().unwrap_err()));
    let error = tells.recv_timeout(Duration::from_secs(120)).expect("it looks at both");
    assert!(matches!(error, ShutdownError::Journal(_, _)), "{error}");
    assert_eq!(ending.halted().map(|halted| &*halted.stage), Some("fails"));
    let short: Vec<&str> = ending.undelivered().iter().map(|one| &*one.stage).collect();
    assert_eq!(short, ["fails", "journal", "behind"]);
    shutdown.join().unwrap().unwrap();
}

/// The journal has no room for more: what it holds becomes durable all the same, and a stage behind a gate on
/// durable has all of that. It left as soon as the journal had failed.
#[test]
fn a_stage_gated_on_durable_has_all_that_a_journal_without_room_holds() {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::at(folder.path().join("j"))
        .segment_records(1024)
        .sync(SyncMode::every(Duration::from_secs(3600)));
    let count = Arc::default();
    let builder = Engine::builder().ring_capacity(1 << 13).journal(journal).wait_timeout(Duration::MAX);
    let lane = Lane::named("own").invoked().journal();
    let durable = Lane::named("durable").stage("durable", counting(&count), Gate::DURABLE);
    let (engine, mut publisher) = live(builder.lane(lane).lane(durable));
    while std::fs::remove_dir_all(folder.path()).is_err() && folder.path().exists() {
        // A file was being made in it.
        thread::yield_now();
    }
    (0..8_000).for_each(|id| publish(&mut publisher, id));
    let ending = engine.ending();
    let error = engine.join().unwrap_err();
    assert!(matches!(error, ShutdownError::Halted(_, _) | ShutdownError::Journal(_, _)), "{error}");
    let ends: Vec<u64> = ending.undelivered().iter().map(|one| one.from).collect();
    assert!(matches!(&ends[..], [journal, durable] if journal == durable && *journal >= 1024), "{ends:?}");
    assert_eq!(count.load(Ordering::Relaxed), ends[1]);
}
