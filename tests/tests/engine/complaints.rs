//! What users of other engines and journals complain of, each with a test of its name: LMAX Disruptor,
//! disruptor-rs, Chronicle Queue (cq), Aeron, exchange-core. What their issues are is in the tests' own
//! words.

use std::fs;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use slipring::{
    BuildError, Cause, Context, Engine, EngineBuilder, Gate, Journal, Lane, PublishError, Publisher,
    Publishers, ReplayFrom, ShutdownError, SyncMode,
};
use slipring_tests::folders::in_memory;
use slipring_tests::journals::{Note, note};

type Ids = Arc<Mutex<Vec<u64>>>;

fn keep(ids: &Ids) -> impl FnMut(&Note, &Context) + Send + use<> {
    let ids = Arc::clone(ids);
    move |event, _| ids.lock().unwrap().push(event.id)
}

fn live(builder: EngineBuilder<Note>) -> (Engine<Note>, Publisher<Note>) {
    builder.open().unwrap().go_live().unwrap()
}

/// LMAX #223, #217: a handler throws, its thread dies, and publishers hang on the full ring for ever.
#[test]
fn complaint_lmax_223_217_a_dead_handler_hangs_no_publisher() {
    for lanes in [1, 2] {
        let fails = |_: &Note, context: &Context| {
            if context.sequence() == 100 { Err("on purpose") } else { Ok(()) }
        };
        let after = Ids::default();
        let gate = Gate::PUBLISHED.after("dies");
        let mut builder = Engine::builder().ring_capacity(64).publishers(Publishers::Multi);
        let lane = Lane::named("a").stage("dies", fails, Gate::PUBLISHED);
        builder = if lanes == 1 {
            builder.lane(lane.stage("after", keep(&after), gate))
        } else {
            builder.lane(lane).lane(Lane::named("b").stage("after", keep(&after), gate))
        };
        let (engine, publisher) = live(builder);
        std::thread::scope(|scope| {
            for own in 0..3u64 {
                let mut publisher = publisher.try_clone().unwrap();
                scope.spawn(move || {
                    // Ends only because the halt is told, also to those who wait for room.
                    let error = (0..).find_map(|id| publisher.publish(note(own << 32 | id)).err()).unwrap();
                    let PublishError::Halted(halted, _) = error else { panic!("{error}") };
                    assert_eq!((halted.stage.as_str(), halted.sequence), ("dies", 100));
                    assert!(matches!(halted.cause, Cause::Error(error) if error.to_string() == "on purpose"));
                });
            }
        });
        assert!(matches!(engine.join(), Err(ShutdownError::Halted(_, _))));
        assert_eq!(after.lock().unwrap().len(), 100, "exactly what was finished");
    }
}

/// LMAX #255: one huge batch in a slow handler, and the ring looks full though most of it has been handled.
#[test]
fn complaint_lmax_255_a_slow_batch_does_not_look_like_a_full_ring() {
    a_slow_batch_withholds(Publishers::Single);
    a_slow_batch_withholds(Publishers::Multi);
}

fn a_slow_batch_withholds(publishers: Publishers) {
    let (reached, is_reached) = channel();
    let (go, may_go) = channel();
    let slow = move |_: &Note, context: &Context| {
        if [0, 700].contains(&context.sequence()) {
            reached.send(()).unwrap();
            let _ = may_go.recv();
        }
    };
    let lane = Lane::named("l").stage("slow", slow, Gate::PUBLISHED);
    let builder = Engine::builder().ring_capacity(1024).publishers(publishers).lane(lane);
    let (engine, mut publisher) = live(builder);
    // Everything is there before it starts, so nothing but the cap bounds its batches.
    for id in 0..1024 {
        publisher.publish(note(id)).unwrap();
    }
    is_reached.recv().unwrap();
    go.send(()).unwrap();
    is_reached.recv().unwrap();
    // It stands at 700. All but the batch in hand is free again.
    let mut room = 0;
    while publisher.try_publish(note(1024 + room)).is_ok() {
        room += 1;
    }
    assert!((700 - 1024 / 4..=700).contains(&room), "room for {room}");
    go.send(()).unwrap();
    assert_eq!(engine.join().unwrap().end_sequence, 1024 + room);
}

/// LMAX #517: with one core, shutting down loses what handlers had not seen yet.
#[test]
fn complaint_lmax_517_shutdown_on_one_core_loses_nothing() {
    let cores = core_affinity::get_core_ids().unwrap();
    std::thread::spawn(move || {
        // Every thread of the engine inherits it.
        assert!(core_affinity::set_for_current(cores[0]));
        for life in 0..20 {
            let folder = in_memory();
            let (a, b) = (Ids::default(), Ids::default());
            let (engine, mut publisher) = live(
                Engine::builder()
                    .ring_capacity(1024)
                    .journal(Journal::at(folder.path()))
                    .lane(Lane::named("j").journal())
                    .lane(Lane::named("a").stage("a", keep(&a), Gate::JOURNALLED))
                    .lane(Lane::named("b").stage("b", keep(&b), Gate::DURABLE.after("a"))),
            );
            let count = life * 137;
            for id in 0..count {
                publisher.publish(note(id)).unwrap();
            }
            let report = engine.join().unwrap();
            assert_eq!((report.end_sequence, report.durable_end), (count, Some(count)));
            for seen in [a, b] {
                assert!(seen.lock().unwrap().iter().copied().eq(0..count));
            }
        }
    })
    .join()
    .unwrap();
}

/// disruptor-rs #36, #18: how full is the ring, and who is behind?
#[test]
fn complaint_disruptor_rs_36_18_the_counters_say_who_is_behind() {
    let go = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&go);
    let stuck = move |_: &Note, _: &Context| {
        while !flag.load(Ordering::Relaxed) {
            std::thread::yield_now();
        }
    };
    let (engine, mut publisher) = live(
        Engine::builder()
            .ring_capacity(128)
            .lane(Lane::named("a").stage("quick", |_: &Note, _: &Context| {}, Gate::PUBLISHED))
            .lane(Lane::named("b").stage("stuck", stuck, Gate::PUBLISHED)),
    );
    for id in 0..100 {
        publisher.publish(note(id)).unwrap();
    }
    engine.wait_stage("quick", 99).unwrap();
    let counters = engine.counters();
    let behind = counters.stages.iter().max_by_key(|stage| stage.lag).unwrap();
    assert_eq!((behind.name.as_str(), behind.lag), ("stuck", 100));
    assert_eq!(counters.to_string(), "published 100, ring 100/128; quick 100 (lag 0); stuck 0 (lag 100)");
    assert_eq!(publisher.remaining_capacity(), 28);
    go.store(true, Ordering::Relaxed);
    engine.join().unwrap();
}

/// disruptor-rs #22, #2: pinning to a core that can't be used panics in a thread nobody watches.
#[test]
fn complaint_disruptor_rs_22_2_a_failed_pin_is_an_error_and_leaves_no_thread() {
    let threads = || {
        fs::read_dir("/proc/self/task").unwrap().flatten().filter(|task| {
            let name = fs::read_to_string(task.path().join("comm")).unwrap_or_default();
            name.starts_with("good-lane") || name.starts_with("bad-lane")
        })
    };
    let lane =
        |name: &str, stage: &str| Lane::named(name).stage(stage, |_: &Note, _: &Context| {}, Gate::PUBLISHED);
    let builder = Engine::builder().lane(lane("good-lane", "a")).lane(lane("bad-lane", "b").core(1000));
    let error = builder.open().unwrap().go_live().unwrap_err();
    assert!(matches!(error, BuildError::CoreNotAllowed { core: 1000, .. }), "{error}");
    assert_eq!(threads().count(), 0, "the lanes that could be started have ended");
}

/// cq #1282, #605: a full disk kills the process with SIGBUS, for the file is sparse.
#[test]
fn complaint_cq_1282_605_a_full_disk_is_back_pressure_not_sigbus() {
    // A thread with a mount namespace of its own: the small disk goes with it, and with what it starts.
    std::thread::spawn(|| {
        let folder = in_memory();
        if let Err(why) = slipring_tests::disks::small(folder.path(), 8 << 20) {
            println!("skipped: can't mount a small disk ({why}); it takes the right to mount");
            return;
        }
        const COUNT: u64 = 90_000; // 5.5 MiB; without the filler there is room, with it there is not.
        let filler = folder.path().join("filler");
        fs::write(&filler, vec![1; 4 << 20]).unwrap();
        let journal = Journal::at(folder.path().join("j")).segment_records(4096);
        let seen = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&seen);
        let counting = move |_: &Note, _: &Context| {
            count.fetch_add(1, Ordering::Relaxed);
        };
        let lane = Lane::named("l").journal().stage("s", counting, Gate::JOURNALLED);
        let (engine, mut publisher) =
            live(Engine::builder().ring_capacity(1024).journal(journal.clone()).lane(lane));
        let (mut id, mut was_full) = (0, false);
        while id < COUNT {
            match publisher.publish_timeout(1, note(id), Duration::from_millis(300)) {
                Ok(_) => id += 1,
                Err(PublishError::TimedOut(_)) if !was_full => {
                    was_full = true;
                    assert!(engine.halted().is_none(), "it waits for room");
                    assert!(engine.counters().journal_stalls.is_some_and(|stalls| stalls.total() > 0));
                    fs::remove_file(&filler).unwrap();
                }
                Err(PublishError::TimedOut(_)) => {}
                Err(other) => panic!("{other}"),
            }
        }
        assert!(was_full, "4 MiB can't hold 5.5");
        engine.join().unwrap();
        assert_eq!(seen.load(Ordering::Relaxed), COUNT);
        let mut reader = journal.reader::<Note>().unwrap();
        assert_eq!(reader.end_sequence(), COUNT);
        let mut chunks = reader.chunks(0).unwrap();
        let mut next = 0;
        while let Some(chunk) = chunks.next_chunk().unwrap() {
            assert!(chunk.records.iter().zip(next..).all(|(record, id)| *record.event() == note(id)));
            next += chunk.records.len() as u64;
        }
        assert_eq!(next, COUNT);
    })
    .join()
    .unwrap();
}

/// cq #1157, #1509: a tailer skips messages when the writer rolls to the next file.
#[test]
fn complaint_cq_1157_1509_a_follower_skips_nothing_at_a_roll() {
    const COUNT: u64 = 20_000;
    let folder = in_memory();
    let journal = Journal::at(folder.path()).segment_records(64);
    let lane = Lane::named("l").journal();
    let (engine, mut publisher) =
        live(Engine::builder().ring_capacity(256).journal(journal.clone()).lane(lane));
    let follower = std::thread::spawn(move || {
        let mut follower = journal.follow::<Note>(0).unwrap();
        let mut next = 0;
        while next < COUNT {
            let Some(chunk) = follower.next_chunk().unwrap() else {
                std::thread::yield_now();
                continue;
            };
            assert_eq!(chunk.first_sequence, next);
            assert!(chunk.records.iter().zip(next..).all(|(record, id)| *record.event() == note(id)));
            next += chunk.records.len() as u64;
        }
    });
    for id in 0..COUNT {
        publisher.publish(note(id)).unwrap();
    }
    follower.join().unwrap();
    engine.join().unwrap();
}

/// cq #1677: what exactly does "sync" guarantee? Here: published, journalled and durable are three cursors,
/// one never before the other, and each can be waited for.
#[test]
fn complaint_cq_1677_each_level_can_be_told_and_none_overtakes_the_one_before() {
    let folder = in_memory();
    let journal =
        Journal::at(folder.path()).segment_records(1024).sync(SyncMode::every(Duration::from_millis(1)));
    let lane = Lane::named("l").journal();
    let (engine, mut publisher) =
        live(Engine::builder().ring_capacity(256).journal(journal.clone()).lane(lane));
    for id in 0..20_000 {
        let sequence = publisher.publish(note(id)).unwrap();
        if id % 100 == 0 {
            // Cursors only rise: the lesser is read before the greater.
            let before = engine.counters();
            let after = engine.counters();
            assert!(before.durable_end <= after.journalled_end);
            assert!(before.journalled_end.unwrap() <= after.published_end);
        }
        if id % 1000 == 0 {
            engine.wait_journalled(sequence).unwrap();
            // A process that comes now finds it, whatever becomes of this one.
            assert!(journal.reader::<Note>().unwrap().end_sequence() > sequence);
            engine.wait_durable(sequence).unwrap();
            assert!(engine.counters().durable_end.unwrap() > sequence);
        }
    }
    engine.join().unwrap();
}

fn journalled(journal: &Journal, count: u64) {
    let lane = Lane::named("l").journal();
    let (engine, mut publisher) =
        live(Engine::builder().ring_capacity(256).journal(journal.clone()).lane(lane));
    for _ in 0..count {
        let id = engine.live_from() + publisher.publish_with(|event| *event = note(0)).unwrap();
        assert!(id >= engine.live_from());
    }
    engine.join().unwrap();
}

/// Aeron #1900: replay stalls for ever when a segment is lost.
#[test]
fn complaint_aeron_1900_a_lost_segment_is_an_error_at_once() {
    let folder = in_memory();
    let journal = Journal::at(folder.path()).segment_records(100);
    journalled(&journal, 450);
    let lost = folder.path().join(format!("{:020}.seg", 200));
    fs::rename(&lost, folder.path().join("elsewhere")).unwrap();
    let builder = || Engine::<Note>::builder().journal(journal.clone()).lane(Lane::named("l").journal());
    let error = builder().open().unwrap_err();
    assert!(matches!(error, BuildError::Journal(_)), "{error}");
    let text = error.to_string();
    assert!(text.contains("starts at sequence 200 is missing"), "{text}");
    // Nothing was changed: with the segment back, all is well.
    fs::rename(folder.path().join("elsewhere"), &lost).unwrap();
    let mut recovered = builder().open().unwrap();
    assert_eq!(recovered.replay(ReplayFrom::Start).unwrap().events(), 450);
}

/// exchange-core #59, #118: a restart fails with "file already exists".
#[test]
fn complaint_exchange_core_59_118_a_restart_goes_on_over_what_the_last_life_left() {
    let folder = in_memory();
    let journal = Journal::at(folder.path()).segment_records(100);
    for life in 1..6u64 {
        journalled(&journal, 90);
        assert_eq!(journal.reader::<Note>().unwrap().end_sequence(), life * 90);
        // A segment that the last life had begun to make; and one under the very name that comes next.
        for base in [life * 100, (life + 1) * 100] {
            fs::write(folder.path().join(format!("{base:020}.seg.tmp")), b"half made").unwrap();
        }
    }
}

/// exchange-core #111: from which id do I replay? From the sequence that you have, and you get exactly the
/// rest.
#[test]
fn complaint_exchange_core_111_replay_from_a_sequence_gives_exactly_the_rest() {
    let folder = in_memory();
    let journal = Journal::at(folder.path()).segment_records(100);
    journalled(&journal, 450);
    for from in [0, 1, 99, 100, 101, 449, 450] {
        let seen = Ids::default();
        let own = Arc::clone(&seen);
        let sequences = move |_: &Note, context: &Context| own.lock().unwrap().push(context.sequence());
        let lane = Lane::named("l").journal().stage("s", sequences, Gate::JOURNALLED);
        let mut recovered = Engine::builder().journal(journal.clone()).lane(lane).open().unwrap();
        let report = recovered.replay(ReplayFrom::Sequence(from)).unwrap();
        assert_eq!((report.first_sequence, report.end_sequence), (from, 450));
        assert!(seen.lock().unwrap().iter().copied().eq(from..450));
        let (engine, _) = recovered.go_live().unwrap();
        engine.join().unwrap();
    }
}
