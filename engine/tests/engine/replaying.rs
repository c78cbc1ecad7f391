//! Replay by plan: paced, by steps, a range for a backtest; and what a handler learns and says of its batch.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use slipring::{
    Batch, BuildError, Context, Effects, Engine, EventKey, Gate, Handler, HandlerError, Journal,
    JournalFault, Lane, OnError, Pace, Publishers, ReadError, Replay, ReplayError, ReplayFrom, ReplayUntil,
    Stage, Step,
};

use crate::ticks::Tick;

/// A journal of ticks a millisecond apart, from a second on.
fn history(count: u64) -> (tempfile::TempDir, Journal) {
    history_in(count, 32)
}

/// The same, in segments of that many records.
fn history_in(count: u64, segment_records: u64) -> (tempfile::TempDir, Journal) {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::at(folder.path().join("ticks")).segment_records(segment_records);
    let lane = Lane::named("journal").journal();
    let (engine, mut publisher) =
        Engine::builder().journal(journal.clone()).lane(lane).open().unwrap().go_live().unwrap();
    for id in 0..count {
        publisher.publish_at(time_of(id), Tick { id }).unwrap();
    }
    engine.join().unwrap();
    (folder, journal)
}

fn time_of(id: u64) -> u64 {
    1_000_000_000 + id * 1_000_000
}

type Seen = Arc<Mutex<Vec<(u64, u64, u64, bool)>>>;

fn keep(seen: &Seen) -> impl FnMut(&Tick, &Context) + Send + 'static {
    let seen = Arc::clone(seen);
    move |tick, context| {
        let kept = (tick.id, context.sequence(), context.time_ns(), context.is_replay());
        seen.lock().unwrap().push(kept);
    }
}

#[test]
fn a_backtest_puts_a_range_of_history_through_other_handlers() {
    let (_folder, journal) = history(200);
    let run = |replay: Replay<'_>| {
        let seen = Seen::default();
        let lane = Lane::named("try").stage("seen", keep(&seen), Gate::PUBLISHED);
        let backtest = Engine::builder().ring_capacity(64).lane(lane).backtest(&journal).unwrap();
        let report = backtest.run(replay).unwrap();
        let seen = seen.lock().unwrap().clone();
        assert_eq!(report.replay.events(), seen.len() as u64);
        for (id, sequence, time_ns, is_replay) in &seen {
            assert_eq!((*sequence, *time_ns, *is_replay), (*id, time_of(*id), true));
        }
        seen.iter().map(|seen| seen.0).collect::<Vec<_>>()
    };
    let all: Vec<u64> = (0..200).collect();
    assert_eq!(run(ReplayFrom::Start.into()), all);
    assert_eq!(
        run(Replay::new(ReplayFrom::Time(time_of(30))).until(ReplayUntil::Time(time_of(90)))),
        all[30..90]
    );
    assert_eq!(run(Replay::new(ReplayFrom::Sequence(31)).until(ReplayUntil::Sequence(33))), all[31..33]);
    assert_eq!(run(Replay::new(ReplayFrom::Sequence(150)).until(ReplayUntil::Sequence(900))), all[150..]);
    assert_eq!(run(Replay::new(ReplayFrom::Time(time_of(90))).until(ReplayUntil::Time(time_of(30)))), []);
    assert_eq!(run(ReplayFrom::Sequence(200).into()), []);
}

#[test]
fn at_full_speed_too_nothing_from_a_damaged_record_on_reaches_a_handler() {
    const BAD: u64 = 7_777;
    let (folder, journal) = history_in(9_000, 5_000);
    let path = folder.path().join("ticks/00000000000000005000.seg");
    let mut bytes = std::fs::read(&path).unwrap();
    let at = bytes.windows(8).position(|word| word == time_of(BAD).to_le_bytes()).unwrap();
    assert_eq!(bytes[at + 16..at + 24], BAD.to_le_bytes());
    bytes[at + 17] ^= 4;
    std::fs::write(&path, bytes).unwrap();
    let paces: [fn() -> Pace<'static>; 2] = [|| Pace::Max, || Pace::Times(1e6)];
    for (publishers, capacity, pace) in [
        (Publishers::Single, 64, paces[0]),
        (Publishers::Single, 16_384, paces[0]),
        (Publishers::Multi, 64, paces[0]),
        (Publishers::Single, 1_024, paces[1]),
    ] {
        let seen = Seen::default();
        let lane = Lane::named("try").stage("seen", keep(&seen), Gate::PUBLISHED);
        let builder = Engine::builder().ring_capacity(capacity).publishers(publishers).lane(lane);
        let backtest = builder.backtest(&journal).unwrap();
        match backtest.run(Replay::new(ReplayFrom::Start).pace(pace())) {
            Err(ReplayError::Read(ReadError::Journal(JournalFault::CorruptRecord(corrupt)))) => {
                assert_eq!((corrupt.sequence, corrupt.file), (BAD, path.clone()));
            }
            other => panic!("{publishers:?} {capacity}: {other:?}"),
        }
        let seen = seen.lock().unwrap();
        assert!(seen.len() as u64 <= BAD && seen.len() > 4_000, "{}", seen.len());
        assert!((0..).zip(&*seen).all(|(id, seen)| seen.0 == id && seen.1 == id), "in order, none left out");
    }
}

/// History has had its effects: a gateway in a backtest has none again, and knows its events by the keys that
/// they had.
#[test]
fn a_gateway_in_a_backtest_emits_nothing() {
    type Emitted = Arc<Mutex<Vec<(u64, Option<EventKey>)>>>;
    let gateway = |emitted: &Emitted, keys: &Emitted| {
        let (emitted, keys) = (Arc::clone(emitted), Arc::clone(keys));
        move |tick: &Tick, context: &Context| {
            if !context.already_done() {
                emitted.lock().unwrap().push((tick.id, context.key()));
            }
            keys.lock().unwrap().push((tick.id, context.key()));
        }
    };
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::at(folder.path().join("ticks"));
    let (emitted, keys) = (Emitted::default(), Emitted::default());
    // Two lives, so two epochs.
    for ids in [0..10, 10..30] {
        let stage = Stage::new("gateway", gateway(&emitted, &keys), Gate::JOURNALLED);
        let lane = Lane::named("main").journal().with(stage.effects(Effects::new()).stateless());
        let mut recovered = Engine::builder().journal(journal.clone()).lane(lane).open().unwrap();
        recovered.replay(ReplayFrom::Snapshot).unwrap();
        let (engine, mut publisher) = recovered.go_live().unwrap();
        ids.for_each(|id| assert!(publisher.publish_at(time_of(id), Tick { id }).is_ok()));
        engine.join().unwrap();
    }
    let live = std::mem::take(&mut *emitted.lock().unwrap());
    assert_eq!(live.len(), 30);
    let epoch = |at: usize| live[at].1.unwrap().epoch;
    assert!(epoch(9) < epoch(10), "{live:?}");

    let note = folder.path().join("ticks/stages/gateway/effects");
    let before = std::fs::read(&note).unwrap();
    for has_effects in [true, false] {
        for (from, first) in
            [(ReplayFrom::Start, 0), (ReplayFrom::Sequence(7), 7), (ReplayFrom::Sequence(30), 30)]
        {
            keys.lock().unwrap().clear();
            // A name that can't be a folder's: there is none.
            let mut stage = Stage::new("gate/way", gateway(&emitted, &keys), Gate::PUBLISHED);
            if has_effects {
                stage = stage.effects(Effects::new()).stateless();
            }
            let backtest = Engine::builder().lane(Lane::named("try").with(stage)).backtest(&journal).unwrap();
            backtest.run(from).unwrap();
            assert_eq!(*emitted.lock().unwrap(), []);
            assert_eq!(*keys.lock().unwrap(), live[first..], "the keys that they had");
        }
    }
    assert_eq!(std::fs::read(&note).unwrap(), before);
    let folders = std::fs::read_dir(folder.path().join("ticks/stages")).unwrap();
    assert_eq!(folders.count(), 1, "and of the backtests nothing");
    // What is kept of a state is still refused: there is nothing to keep it beside.
    let stage = Stage::new("gateway", |_: &Tick, _: &Context| (), Gate::PUBLISHED);
    let stage = stage.effects(Effects::new()).on_error(OnError::DeadLetter);
    let refused = Engine::builder().lane(Lane::named("try").with(stage)).backtest(&journal);
    assert!(matches!(refused, Err(BuildError::KeepsWithoutJournal { what: "dead letters", .. })));
}

#[test]
fn a_backtest_says_what_it_can_not_do() {
    let (_folder, journal) = history(10);
    let lane = || Lane::named("try").stage("nothing", |_: &Tick, _: &Context| (), Gate::PUBLISHED);
    let builder = Engine::builder().journal(journal.clone()).lane(lane().journal());
    assert!(matches!(builder.backtest(&journal), Err(BuildError::BacktestWithJournal)));
    let backtest = || Engine::builder().lane(lane()).backtest(&journal).unwrap();
    assert!(matches!(backtest().run(ReplayFrom::Snapshot), Err(ReplayError::NoSnapshots)));
    assert!(matches!(backtest().run(ReplayFrom::Sequence(11)), Err(ReplayError::Read(_))));
    let failing = |tick: &Tick, _: &Context| if tick.id == 4 { Err("four") } else { Ok(()) };
    let failing = Lane::named("try").stage("failing", failing, Gate::PUBLISHED);
    let error =
        Engine::builder().lane(failing).backtest(&journal).unwrap().run(ReplayFrom::Start).unwrap_err();
    assert!(error.to_string().contains("sequence 4: its handler failed: four"), "{error}");
    for factor in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let error = backtest().run(Replay::new(ReplayFrom::Start).pace(Pace::Times(factor))).unwrap_err();
        assert!(matches!(error, ReplayError::BadPace { .. }), "{error}");
    }
    // Going live takes all of history.
    let builder = Engine::builder().journal(journal.clone()).lane(lane().journal());
    let error = builder
        .open()
        .unwrap()
        .replay(Replay::new(ReplayFrom::Start).until(ReplayUntil::Sequence(5)))
        .unwrap_err();
    assert!(matches!(error, ReplayError::MustReachEnd));
}

#[test]
fn a_paced_replay_takes_the_time_that_it_took_over_its_factor() {
    let (_folder, journal) = history(101);
    let started = Instant::now();
    let arrived = Arc::new(Mutex::new(Vec::new()));
    let take = {
        let arrived = Arc::clone(&arrived);
        move |_: &Tick, _: &Context| arrived.lock().unwrap().push(started.elapsed())
    };
    let lane = Lane::named("try").stage("seen", take, Gate::PUBLISHED);
    let backtest = Engine::builder().lane(lane).backtest(&journal).unwrap();
    // A hundred milliseconds of history, twice as fast.
    let mut told = Vec::new();
    let replay = Replay::new(ReplayFrom::Start).pace(Pace::Times(2.0)).progress(|done, total| {
        // By the pace, not only at the end of what was read at once.
        assert!(
            done <= 1 || started.elapsed() >= Duration::from_micros((done - 1) * 500),
            "{done} came early"
        );
        told.push((done, total));
    });
    let report = backtest.run(replay).unwrap();
    // The first has no time to wait for, and the others have.
    assert!(told.len() > 1 && told.is_sorted() && told.last() == Some(&(101, 101)), "{told:?}");
    assert!(report.replay.elapsed >= Duration::from_millis(50), "{:?}", report.replay);
    let arrived = arrived.lock().unwrap();
    for (id, arrived) in arrived.iter().enumerate() {
        assert!(*arrived >= Duration::from_micros(id as u64 * 500), "{id} came early, at {arrived:?}");
    }
}

#[test]
fn by_steps_each_record_is_finished_before_the_next_is_asked_for() {
    let (_folder, journal) = history(100);
    let finished = Arc::new(AtomicU64::new(0));
    let count = {
        let finished = Arc::clone(&finished);
        move |_: &Tick, _: &Context| {
            finished.fetch_add(1, Ordering::SeqCst);
        }
    };
    let lane = Lane::named("main").journal().stage("count", count, Gate::PUBLISHED);
    let mut recovered = Engine::builder().journal(journal).lane(lane).open().unwrap();
    let mut steps = 0;
    let mut told = Vec::new();
    let step = |step: Step| {
        assert_eq!((step.sequence, step.time_ns), (steps, time_of(steps)));
        assert_eq!(finished.load(Ordering::SeqCst), steps);
        steps += 1;
    };
    let replay = Replay::new(ReplayFrom::Start).pace(Pace::Steps(Box::new(step)));
    recovered.replay(replay.progress(|done, total| told.push((done, total)))).unwrap();
    assert_eq!(steps, 100);
    assert_eq!(told, (1..=100).map(|done| (done, 100)).collect::<Vec<_>>());
}

/// Says of each batch its size and lag; releases at given sequences, then waits for leave to go on.
struct Slow {
    batches: Arc<Mutex<Vec<(u64, u64)>>>,
    releases: bool,
    entered: std::sync::mpsc::Sender<u64>,
    go_on: std::sync::mpsc::Receiver<()>,
}

impl Handler<Tick> for Slow {
    fn batch_start(&mut self, batch: &Batch<'_>) {
        self.batches.lock().unwrap().push((batch.size(), batch.lag()));
    }

    fn event(&mut self, _: &Tick, context: &Context) -> Result<(), HandlerError> {
        let _ = self.entered.send(context.sequence());
        let _ = self.go_on.recv();
        if self.releases {
            context.release();
        }
        Ok(())
    }
}

#[test]
fn an_early_release_gives_slots_back_and_opens_gates_in_the_middle_of_a_batch() {
    for publishers in [Publishers::Single, Publishers::Multi] {
        for releases in [true, false] {
            let (entered, is_in) = channel();
            let (go, go_on) = channel();
            let batches = Arc::new(Mutex::new(Vec::new()));
            let slow = Slow { batches: Arc::clone(&batches), releases, entered, go_on };
            let behind = Arc::new(AtomicU64::new(0));
            let count = {
                let behind = Arc::clone(&behind);
                move |_: &Tick, _: &Context| {
                    behind.fetch_add(1, Ordering::SeqCst);
                }
            };
            let builder = Engine::builder()
                .ring_capacity(64)
                .publishers(publishers)
                .batch_cap(16)
                .lane(Lane::named("slow").stage("slow", slow, Gate::PUBLISHED))
                .lane(Lane::named("behind").stage("behind", count, Gate::PUBLISHED.after("slow")));
            let (engine, mut publisher) = builder.open().unwrap().go_live().unwrap();
            // The first event occupies the handler; the rest of the ring fills up behind it.
            publisher.publish(Tick { id: 0 }).unwrap();
            assert_eq!(is_in.recv().unwrap(), 0);
            let all: Vec<Tick> = (1..64).map(|id| Tick { id }).collect();
            publisher.publish_all(&all[..32]).unwrap();
            publisher.publish_all(&all[32..]).unwrap();
            assert!(publisher.try_publish(Tick { id: 64 }).is_err(), "the ring is full");
            // Through the first batch and ten events of the second.
            for sequence in 1..12 {
                go.send(()).unwrap();
                assert_eq!(is_in.recv().unwrap(), sequence);
            }
            if releases {
                engine.wait_stage("behind", 10).unwrap();
                assert_eq!(behind.load(Ordering::SeqCst), 11, "{publishers:?}");
                for id in 64..75 {
                    publisher.try_publish(Tick { id }).unwrap();
                }
            } else {
                // The control: without it the batch in hand holds its slots, and what is gated on them.
                std::thread::sleep(Duration::from_millis(20));
                assert_eq!(behind.load(Ordering::SeqCst), 1, "{publishers:?}");
                publisher.try_publish(Tick { id: 64 }).unwrap();
                publisher.try_publish(Tick { id: 65 }).unwrap_err();
            }
            drop(go);
            drop(is_in);
            let end = engine.join().unwrap().end_sequence;
            assert_eq!(behind.load(Ordering::SeqCst), end);
            let batches = batches.lock().unwrap();
            assert_eq!(batches[0], (1, 1));
            if publishers == Publishers::Single {
                // 63 were waiting when the second batch of 16 began; an early release begins a new one.
                assert_eq!(batches[1], (16, 63));
                assert_eq!(batches[2], if releases { (16, 62) } else { batches[2] });
            }
        }
    }
}
