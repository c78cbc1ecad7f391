//! The traps that the `disruptor` crate sets for an engine on top of it, each with a test of its name. Traps
//! 9 (a wait that can be woken) and 13 (nothing escapes a publish closure) are elsewhere: see
//! `tests/src/lib.rs` for the latter.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use slipring::{
    BuildError, Cause, Context, Engine, Gate, Halted, Journal, Lane, PublishError, Publishers, ShutdownError,
    SyncMode, WaitError,
};
use slipring_tests::blocked::Blocked;
use slipring_tests::folders::in_memory;
use slipring_tests::graphs::{Graph, Node};
use slipring_tests::handlers::{Ids, keep, live, notes, stopping};
use slipring_tests::journals::{Note, note};

/// A guard that is dropped marks all of its batch as done: a journaller that fails in the middle of one would
/// have marked unwritten events as written.
#[test]
fn trap_01_a_journaller_that_fails_in_a_batch_leaves_gated_stages_exactly_before_it() {
    for fails_at in [3u64, 57, 99] {
        for lanes in [1, 3] {
            let folder = in_memory();
            let (journalled, durable, beside) = (Ids::default(), Ids::default(), Ids::default());
            let segment_records = Blocked::segment_records(fails_at);
            let journal =
                Journal::at(folder.path()).segment_records(segment_records).sync(SyncMode::EveryBatch);
            let mut builder = Engine::builder().ring_capacity(256).journal(journal);
            let (a, b) = (keep(&journalled), keep(&durable));
            builder = if lanes == 1 {
                let lane = Lane::named("all").stage("journalled", a, Gate::JOURNALLED);
                builder.lane(lane.stage("durable", b, Gate::DURABLE).journal())
            } else {
                builder
                    .lane(Lane::named("a").stage("journalled", a, Gate::JOURNALLED))
                    .lane(Lane::named("b").stage("durable", b, Gate::DURABLE))
                    .lane(Lane::named("j").journal())
            };
            builder = builder.lane(Lane::named("c").stage("beside", keep(&beside), Gate::PUBLISHED));
            let (engine, mut publisher) = live(builder);
            let blocked = Blocked::at(folder.path(), fails_at);
            // One claim, so the ring has all or none of it.
            let batch: Vec<(u64, Note)> = (0..100).map(|id| (1_000, note(id))).collect();
            assert_eq!(publisher.publish_all_at(&batch).unwrap(), Some(99));
            let ending = engine.ending();
            let error = engine.join().unwrap_err();
            assert!(matches!(error, ShutdownError::Journal(_, _) | ShutdownError::Halted(_, _)), "{error}");
            let Some(Halted { stage, sequence, cause: Cause::Journal(_) }) = ending.halted() else {
                panic!("{error}");
            };
            assert_eq!((stage.as_str(), *sequence), ("journal", fails_at));
            drop(blocked);
            let before: Vec<u64> = (0..fails_at).collect();
            assert_eq!(*journalled.lock().unwrap(), before);
            // What was durable in time, in order; never more.
            assert!(before.starts_with(&durable.lock().unwrap()));
            assert!(beside.lock().unwrap().iter().copied().eq(0..100), "others drain");
            let reader = Journal::at(folder.path()).reader::<Note>().unwrap();
            assert_eq!(reader.end_sequence(), fails_at);
        }
    }
}

/// Every call that may wait must learn of the halt, and `Drop` must neither panic nor hang.
#[test]
fn trap_02_a_panic_in_a_handler_halts_and_everyone_learns_of_it() {
    let (handler, is_reached, go) = stopping(vec![5]);
    let mut handler = handler;
    let panics = move |event: &Note, context: &Context| {
        handler(event, context);
        assert!(context.sequence() != 5, "on purpose");
    };
    let folder = in_memory();
    let (engine, mut publisher) = live(
        Engine::builder()
            .ring_capacity(64)
            .journal(Journal::at(folder.path()))
            .lane(Lane::named("j").journal())
            .lane(Lane::named("l").stage("risk", panics, Gate::PUBLISHED)),
    );
    // The handler stands in event 5. Fill the ring, and block on it.
    for id in 0..6 {
        publisher.publish(note(id)).unwrap();
    }
    assert_eq!(is_reached.recv(), Ok(5));
    let blocked = std::thread::spawn(move || {
        let result = (6..).map(|id| (id, publisher.publish(note(id)))).find(|(_, result)| result.is_err());
        (result.unwrap(), publisher)
    });
    engine.wait_journalled(63).unwrap();
    go.send(()).unwrap();
    let ((id, result), mut publisher) = blocked.join().unwrap();
    assert!((64..=64 + 5).contains(&id), "a ring behind event 5 at most, not {id}");
    let is_it = |halted: &Halted| {
        assert_eq!((halted.stage.as_str(), halted.sequence), ("risk", 5));
        assert!(matches!(&halted.cause, Cause::Panic(text) if text.contains("on purpose")));
        assert!(halted.to_string().contains("risk at sequence 5"), "{halted}");
        true
    };
    let told = |result: Result<u64, PublishError<Note>>| {
        assert!(
            matches!(result, Err(PublishError::Halted(halted, event)) if is_it(&halted) && event == note(id))
        );
    };
    told(result);
    told(publisher.publish(note(id)));
    told(publisher.publish_at(1, note(id)));
    told(publisher.publish_with(|event| *event = note(id)));
    told(publisher.try_publish(note(id)));
    told(publisher.try_publish_at(1, note(id)));
    told(publisher.publish_timeout(1, note(id), Duration::from_secs(60)));
    let all = publisher.publish_all(&notes(0..1000));
    assert!(matches!(all, Err(PublishError::Halted(halted, 0)) if is_it(&halted)));
    assert!(matches!(engine.wait_stage("risk", 5), Err(WaitError::Halted(halted)) if is_it(&halted)));
    assert!(engine.wait_stage("risk", 4).is_ok(), "what was finished stays finished");
    assert!(matches!(engine.wait_journalled(id), Err(WaitError::Halted(_))), "it was never published");
    engine.wait_durable(id - 1).expect("the journal drains what was published, and syncs it");
    assert!(is_it(&engine.halted().unwrap()));
    assert!(matches!(engine.join(), Err(ShutdownError::Halted(halted, _)) if is_it(&halted)));
    assert_eq!(Journal::at(folder.path()).reader::<Note>().unwrap().end_sequence(), id);
}

#[test]
fn trap_02_dropping_what_has_halted_neither_panics_nor_hangs() {
    for engine_first in [true, false] {
        let panics = |event: &Note, _: &Context| assert!(event.id > 0, "on purpose");
        let lane = Lane::named("l").stage("s", panics, Gate::PUBLISHED);
        let (engine, mut publisher) = live(Engine::builder().ring_capacity(64).lane(lane));
        let halted = (0..).find_map(|id| publisher.publish(note(id)).err());
        assert!(matches!(halted, Some(PublishError::Halted(halted, _)) if halted.sequence == 0));
        if engine_first {
            drop(engine);
            drop(publisher);
        } else {
            drop(publisher);
            drop(engine);
        }
    }
}

/// A claimed slot that is never filled stalls everybody behind it.
#[test]
fn trap_03_a_panic_in_a_publish_closure_leaves_no_hole() {
    for publishers in [Publishers::Single, Publishers::Multi] {
        let graph =
            Graph { publishers, capacity: 64, ..Graph::of(vec![Node::after(0, &[]), Node::after(1, &[0])]) };
        let (trace, mut publisher) = graph.live();
        for id in 0..500 {
            if id % 3 == 0 {
                let panic = catch_unwind(AssertUnwindSafe(|| {
                    let _ = publisher.publish_with(|event| {
                        *event = note(7_777_777);
                        panic!("on purpose");
                    });
                }));
                assert!(panic.is_err(), "the caller's panic stays the caller's");
            }
            assert_eq!(publisher.publish_with(|event| *event = note(id)).unwrap(), id);
        }
        assert_eq!(trace.join().end_sequence, 500);
        assert!(trace.agreed().iter().map(|(_, id, _)| *id).eq(0..500));
    }
}

/// `batch_publish(n)` publishes n slots however few were filled: the last lap's events come again.
#[test]
fn trap_04_a_batch_publishes_its_events_and_nothing_of_the_last_lap() {
    for publishers in [Publishers::Single, Publishers::Multi] {
        let graph = Graph { publishers, capacity: 64, ..Graph::of(vec![Node::after(0, &[])]) };
        let (trace, mut publisher) = graph.live();
        let mut id = 0;
        for size in (0..64).cycle().take(640) {
            let last = publisher.publish_all(&notes(id..id + size)).unwrap();
            id += size;
            assert_eq!(last, if size == 0 { None } else { Some(id - 1) });
        }
        trace.join();
        assert!(trace.agreed().iter().map(|(_, seen, _)| *seen).eq(0..id));
    }
}

/// The crate moves a handler's cursor when a batch is done, of whatever size it is.
#[test]
fn trap_05_progress_shows_within_a_batch() {
    let (handler, is_reached, go) = stopping(vec![0, 450]);
    let after = Ids::default();
    let (engine, mut publisher) = live(
        Engine::builder()
            .ring_capacity(1024)
            .batch_cap(512)
            .lane(Lane::named("slow").stage("slow", handler, Gate::PUBLISHED))
            .lane(Lane::named("after").stage("after", keep(&after), Gate::PUBLISHED.after("slow"))),
    );
    publisher.publish(note(0)).unwrap();
    assert_eq!(is_reached.recv(), Ok(0));
    // While it stands in the first, the rest of a batch of up to 256 (a quarter of the ring) comes.
    publisher.publish_all(&notes(1..512)).unwrap();
    go.send(()).unwrap();
    assert_eq!(is_reached.recv(), Ok(450));
    // It stands in the middle of a batch. Others see what it has done of it, to the last 128.
    engine.wait_stage("slow", 383).unwrap();
    engine.wait_stage("after", 383).unwrap();
    go.send(()).unwrap();
    engine.join().unwrap();
    assert!(after.lock().unwrap().iter().copied().eq(0..512));
}

/// The crate shows no cursor, no lag and no free slots.
#[test]
fn trap_06_cursors_lag_and_room_can_be_seen() {
    let (handler, is_reached, go) = stopping(vec![0]);
    let (engine, mut publisher) = live(
        Engine::builder()
            .ring_capacity(64)
            .lane(Lane::named("a").stage("stuck", handler, Gate::PUBLISHED))
            .lane(Lane::named("b").stage("free", |_: &Note, _: &Context| {}, Gate::PUBLISHED))
            .lane(Lane::named("c").stage(
                "gated",
                |_: &Note, _: &Context| {},
                Gate::PUBLISHED.after("stuck"),
            )),
    );
    assert_eq!(publisher.remaining_capacity(), 64);
    for id in 0..40 {
        publisher.publish(note(id)).unwrap();
    }
    assert_eq!(is_reached.recv(), Ok(0));
    engine.wait_stage("free", 39).unwrap();
    let counters = engine.counters();
    assert_eq!((counters.published_end, counters.capacity, counters.occupancy()), (40, 64, 40));
    let ends: Vec<_> = counters.stages.iter().map(|s| (s.name.as_str(), s.end, s.lag)).collect();
    assert_eq!(ends, [("stuck", 0, 40), ("free", 40, 0), ("gated", 0, 40)]);
    assert_eq!((counters.journalled_end, counters.durable_end), (None, None));
    assert_eq!(publisher.remaining_capacity(), 24);
    go.send(()).unwrap();
    engine.wait_stage("gated", 39).unwrap();
    assert_eq!(engine.counters().occupancy(), 0);
    assert_eq!(publisher.remaining_capacity(), 64);
    engine.join().unwrap();
}

/// The crate panics when the core is not in the caller's own mask.
#[test]
fn trap_07_pinning_asks_the_kernel_and_a_core_that_is_not_there_is_an_error_that_names_it() {
    let lane = || Lane::named("far").stage("s", |_: &Note, _: &Context| {}, Gate::PUBLISHED);
    for core in [1023, 1024, 9999, usize::MAX] {
        let error = Engine::builder().lane(lane().core(core)).open().unwrap().go_live().unwrap_err();
        assert!(
            matches!(&error, BuildError::CoreNotAllowed { lane, core: c, .. } if lane == "far" && *c == core)
        );
        let text = error.to_string();
        assert!(text.contains("far") && text.contains(&core.to_string()), "{text}");
    }
    // Whoever starts the engine may be pinned to another core than its lanes.
    let cores = core_affinity::get_core_ids().unwrap();
    let [one, other, ..] = cores[..] else {
        println!("skipped: there is one core");
        return;
    };
    std::thread::spawn(move || {
        assert!(core_affinity::set_for_current(one));
        let ran_on = move |_: &Note, _: &Context| assert_eq!(rustix::thread::sched_getcpu(), other.id);
        let lane = Lane::named("pinned").core(other.id).stage("s", ran_on, Gate::PUBLISHED);
        let (engine, mut publisher) = live(Engine::builder().lane(lane));
        for id in 0..1000 {
            publisher.publish(note(id)).unwrap();
        }
        engine.join().unwrap();
    })
    .join()
    .unwrap();
}

/// The crate's sequences start at 0 with every ring.
#[test]
fn trap_08_sequences_go_on_where_the_journal_ended() {
    let folder = in_memory();
    for life in 0..3u64 {
        let base = life * 70;
        let first =
            move |_: &Note, context: &Context| assert!((base..base + 70).contains(&context.sequence()));
        let lane = Lane::named("l").journal().stage("s", first, Gate::JOURNALLED);
        let journal = Journal::at(folder.path()).segment_records(16);
        let builder = Engine::builder().ring_capacity(64).journal(journal).lane(lane);
        let (engine, mut publisher) = live(builder);
        assert_eq!((engine.live_from(), engine.counters().published_end), (base, base));
        assert_eq!(publisher.remaining_capacity(), 64);
        for id in base..base + 70 {
            assert_eq!(publisher.publish(note(id)).unwrap(), id);
        }
        engine.wait_stage("s", base + 69).unwrap();
        engine.join().unwrap();
    }
}

/// With several publishers each of the crate's looks at the ring scans all that is published. How fast it is
/// then, the benchmark says; that all of it comes through, this.
#[test]
fn trap_10_three_publishers_before_a_stalled_then_released_stage() {
    let (handler, is_reached, go) = stopping(vec![0]);
    let seen = Ids::default();
    let (engine, publisher) = live(
        Engine::builder()
            .ring_capacity(1024)
            .publishers(Publishers::Multi)
            .lane(Lane::named("stalled").stage("stalled", handler, Gate::PUBLISHED))
            .lane(Lane::named("gated").stage("gated", keep(&seen), Gate::PUBLISHED.after("stalled"))),
    );
    std::thread::scope(|scope| {
        for own in 0..3u64 {
            let mut publisher = publisher.try_clone().unwrap();
            scope.spawn(move || {
                (own * 5000..own * 5000 + 5000).for_each(|id| {
                    publisher.publish(note(id)).unwrap();
                })
            });
        }
        assert_eq!(is_reached.recv(), Ok(0));
        // Full to the last slot, by three publishers that block.
        let mut publisher = publisher.try_clone().unwrap();
        while !matches!(publisher.try_publish(note(15_000)), Err(PublishError::Full(_))) {}
        assert!(seen.lock().unwrap().is_empty());
        go.send(()).unwrap();
    });
    let end = engine.join().unwrap().end_sequence;
    let mut ids = seen.lock().unwrap().clone();
    assert_eq!(ids.len() as u64, end);
    ids.sort_unstable();
    ids.retain(|id| *id < 15_000);
    assert!(ids.into_iter().eq(0..15_000));
}

/// A batch larger than the ring never fits, and the crate waits for ever.
#[test]
fn trap_11_a_batch_larger_than_the_ring_goes_in_parts() {
    for publishers in [Publishers::Single, Publishers::Multi] {
        let graph = Graph { publishers, capacity: 64, ..Graph::of(vec![Node::after(0, &[])]) };
        let (trace, mut publisher) = graph.live();
        assert_eq!(publisher.publish_all(&notes(0..64)).unwrap(), Some(63), "exactly the ring");
        assert_eq!(publisher.publish_all(&notes(64..64 + 6_401)).unwrap(), Some(6_464));
        trace.join();
        assert!(trace.agreed().iter().map(|(_, id, _)| *id).eq(0..6_465));
    }
    // The smallest ring of all.
    let (trace, mut publisher) = Graph { capacity: 2, ..Graph::of(vec![Node::after(0, &[])]) }.live();
    assert_eq!(publisher.publish_all(&notes(0..100)).unwrap(), Some(99));
    trace.join();
    assert_eq!(trace.agreed().len(), 100);
}

/// The crate panics.
#[test]
fn trap_12_a_ring_that_can_not_be_is_a_typed_error() {
    let lane = || Lane::named("l").stage("s", |_: &Note, _: &Context| {}, Gate::PUBLISHED);
    let refused = |capacity, publishers| {
        let builder = Engine::builder().ring_capacity(capacity).publishers(publishers).lane(lane());
        match builder.open().map(drop) {
            Err(BuildError::BadCapacity { capacity: found, least, .. }) if found == capacity => Some(least),
            Err(other) => panic!("{other}"),
            Ok(()) => None,
        }
    };
    for capacity in [0, 1, 3, 63, 65, 1000, usize::MAX, 1 << 33] {
        assert_eq!(refused(capacity, Publishers::Single), Some(2), "{capacity}");
        assert_eq!(refused(capacity, Publishers::Multi), Some(64), "{capacity}");
    }
    assert_eq!((refused(32, Publishers::Single), refused(32, Publishers::Multi)), (None, Some(64)));
    assert_eq!(refused(64, Publishers::Multi), None);
    assert!(matches!(Engine::<Note>::builder().open(), Err(BuildError::NoStage)));
}

/// The crate tells of its end only a poller that stands exactly there.
#[test]
fn trap_14_shutdown_with_a_closed_gate_lets_everything_through() {
    for publishers in [Publishers::Single, Publishers::Multi] {
        let (handler, is_reached, go) = stopping(vec![3]);
        let seen = Ids::default();
        let (engine, mut publisher) = live(
            Engine::builder()
                .ring_capacity(64)
                .publishers(publishers)
                .lane(Lane::named("slow").stage("slow", handler, Gate::PUBLISHED))
                .lane(Lane::named("out").stage("out", keep(&seen), Gate::PUBLISHED.after("slow"))),
        );
        assert_eq!(publisher.publish_all(&notes(0..30)).unwrap(), Some(29));
        assert_eq!(is_reached.recv(), Ok(3));
        // The gate of `out` is closed while the engine shuts down, for as long as it takes to be sure of it.
        let shutdown = std::thread::spawn(move || engine.join().map(|report| report.end_sequence));
        std::thread::sleep(Duration::from_millis(20));
        assert!(!shutdown.is_finished(), "it waits for the slow stage");
        go.send(()).unwrap();
        assert_eq!(shutdown.join().unwrap().unwrap(), 30);
        assert!(seen.lock().unwrap().iter().copied().eq(0..30));
    }
}
