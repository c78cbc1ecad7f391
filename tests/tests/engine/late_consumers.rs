//! Late consumers: they see every record once and in order, across rolls and lives, whoever writes; they hold
//! nobody up; what befalls them befalls nobody else; and they are told why they stopped. Over files alone:
//! `readers/late_files.rs`.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use slipring::{
    Engine, FollowFrom, Journal, Lane, LateConsumer, LateContext, LateError, LateHandle, LateHandler,
    Publisher, ReadError, Retention, SyncMode,
};
use slipring_tests::folders::in_memory;
use slipring_tests::journals::{Note, note, time};

fn live(journal: Journal) -> (Engine<Note>, Publisher<Note>) {
    let builder = Engine::builder().ring_capacity(64).journal(journal).lane(Lane::named("main").journal());
    builder.open().unwrap().go_live().unwrap()
}

fn publish(publisher: &mut Publisher<Note>, ids: std::ops::Range<u64>) {
    for id in ids {
        assert_eq!(publisher.publish_at(time(id), note(id)).unwrap(), id);
    }
}

/// Checks every event that it is given, from the sequence `next` on, and may be held up at one.
struct Check {
    next: u64,
    /// The sequence at which it says so and waits.
    wait: Option<(u64, Sender<()>, Receiver<()>)>,
}

impl Check {
    fn from(next: u64) -> Self {
        Check { next, wait: None }
    }

    /// A check that waits at `sequence`; the ends to hear that it is there, and to let it go on.
    fn waiting(next: u64, sequence: u64) -> (Self, Receiver<()>, Sender<()>) {
        let ((says, hears), (lets, let_go)) = (channel(), channel());
        (Check { next, wait: Some((sequence, says, let_go)) }, hears, lets)
    }
}

impl LateHandler<Note> for Check {
    fn event(&mut self, event: &Note, context: &LateContext) -> Result<(), slipring::HandlerError> {
        let sequence = context.sequence();
        assert_eq!((sequence, context.time_ns()), (self.next, time(self.next)));
        assert_eq!(*event, note(sequence));
        if let Some((at, says, let_go)) = &self.wait
            && *at == sequence
        {
            says.send(()).unwrap();
            // An error if the test ended first.
            let _ = let_go.recv();
        }
        self.next += 1;
        Ok(())
    }
}

fn wait_for<H>(handle: &LateHandle<H>, end: u64) {
    while handle.end() < end {
        assert!(handle.is_running() || handle.end() >= end, "{:?}", handle.failure());
        std::thread::sleep(Duration::from_micros(100));
    }
}

#[test]
fn a_stalled_one_never_gates_the_ring() {
    const COUNT: u64 = 100_000;
    let folder = in_memory();
    let (engine, mut publisher) = live(Journal::at(folder.path()).segment_records(4_096));
    let (check, is_there, let_go) = Check::waiting(0, 10);
    let handle = engine.follow(LateConsumer::named("slow"), check).unwrap();
    publish(&mut publisher, 0..11);
    is_there.recv().unwrap();
    // 64 slots: the ring goes round more than 1,500 times.
    publish(&mut publisher, 11..COUNT);
    engine.wait_journalled(COUNT - 1).unwrap();
    let counters = engine.counters();
    let late = &counters.late_consumers[0];
    assert_eq!((late.name.as_str(), late.end, late.lag, late.failed), ("slow", 10, COUNT - 10, false));
    assert!(counters.occupancy() <= 64, "{counters}");
    assert!(counters.to_string().contains("late slow 10 (lag 99990)"), "{counters}");
    assert_eq!(handle.lag(), Some(COUNT - 10));
    // Nor the engine's end.
    engine.join().unwrap();
    let_go.send(()).unwrap();
    let ended = handle.join();
    assert!(ended.failure.is_none(), "{:?}", ended.failure);
    assert_eq!((ended.end, ended.handler.next), (COUNT, COUNT), "all of it, behind the engine's end");
    assert_eq!(ended.anchor.unwrap().sequence, COUNT - 1);
}

#[test]
fn each_record_once_in_order_across_rolls_while_it_is_written() {
    const COUNT: u64 = 60_000;
    let folder = in_memory();
    let journal = Journal::at(folder.path()).segment_records(500).sync(SyncMode::EveryBatch);
    let (engine, mut publisher) = live(journal);
    let from = |name: &str, from| LateConsumer::named(name).from(from);
    let consumers = [
        (from("start", FollowFrom::Start), 0),
        (from("durable", FollowFrom::Start).durable(), 0),
        (from("sequence", FollowFrom::Sequence(20_001)), 20_001),
        // Both are not there yet.
        (from("time", FollowFrom::Time(time(30_000) - 5)), 30_000),
        (from("end", FollowFrom::End), 0),
    ];
    let handles: Vec<_> = consumers
        .into_iter()
        .map(|(consumer, first)| engine.follow(consumer, Check::from(first)).unwrap())
        .collect();
    publish(&mut publisher, 0..COUNT / 2);
    // In the middle of what is there.
    let late = engine.follow(from("late", FollowFrom::Time(time(77) - 9)), Check::from(77)).unwrap();
    let end_before = engine.counters().journalled_end.unwrap();
    publish(&mut publisher, COUNT / 2..COUNT);
    assert_eq!(engine.counters().late_consumers.len(), 6);
    for handle in &handles {
        // A durable one is never ahead of that.
        let durable = handle.end();
        assert!(handle.name() != "durable" || durable <= engine.counters().durable_end.unwrap());
    }
    assert!(end_before >= COUNT / 2 - 64);
    engine.join().unwrap();
    for handle in handles.into_iter().chain([late]) {
        let name = handle.name().to_owned();
        let ended = handle.join();
        assert!(ended.failure.is_none(), "{name}: {:?}", ended.failure);
        assert_eq!((ended.end, ended.handler.next), (COUNT, COUNT), "{name}");
    }
}

#[test]
fn it_goes_on_from_an_anchor_in_a_later_life() {
    let folder = in_memory();
    let journal = Journal::at(folder.path()).segment_records(100);
    let (engine, mut publisher) = live(journal.clone());
    // The position is saved with the state: that of the last event whose effect it holds.
    let saved = Arc::new(Mutex::new((0, None)));
    let keeps = Arc::clone(&saved);
    let sum = move |event: &Note, context: &LateContext| {
        let mut saved = keeps.lock().unwrap();
        *saved = (saved.0 + event.id, Some(context.anchor()));
    };
    let handle = engine.follow(LateConsumer::named("sum"), sum.clone()).unwrap();
    publish(&mut publisher, 0..450);
    wait_for(&handle, 450);
    let stopped = handle.stop();
    assert_eq!((stopped.end, stopped.anchor), (450, saved.lock().unwrap().1));
    publish(&mut publisher, 450..800);
    engine.join().unwrap();

    let (engine, mut publisher) = live(journal.clone());
    let anchor = saved.lock().unwrap().1.unwrap();
    let handle = engine.follow(LateConsumer::named("sum").from(FollowFrom::Anchor(anchor)), sum.clone());
    publish(&mut publisher, 800..1_000);
    engine.join().unwrap();
    assert_eq!(handle.unwrap().join().end, 1_000);
    assert_eq!(saved.lock().unwrap().0, (0..1_000).sum::<u64>(), "each once");

    // Another record lies there.
    let (engine, _publisher) = live(journal);
    let mut wrong = anchor;
    wrong.crc ^= 1;
    let refused = engine.follow(LateConsumer::named("sum").from(FollowFrom::Anchor(wrong)), sum).unwrap_err();
    let history_changed =
        matches!(&refused, LateError::Start { source: ReadError::HistoryChanged { .. }, .. });
    assert!(history_changed, "{refused}");
}

fn small_with(retention: Retention, folder: &tempfile::TempDir) -> Journal {
    let journal = Journal::at(folder.path()).segment_records(64).sync(SyncMode::EveryBatch);
    journal.retention(retention.keep_records(1))
}

#[test]
fn retention_waits_for_it_within_the_bounds_of_a_lease() {
    let folder = in_memory();
    let (engine, mut publisher) = live(small_with(Retention::new(), &folder));
    let (check, is_there, let_go) = Check::waiting(0, 70);
    let handle = engine.follow(LateConsumer::named("slow"), check).unwrap();
    publish(&mut publisher, 0..2_000);
    is_there.recv().unwrap();
    engine.wait_durable(1_999).unwrap();
    let retention = engine.retention().unwrap();
    assert!(retention.first_sequence() <= 70, "{}", retention.first_sequence());
    let_go.send(()).unwrap();
    wait_for(&handle, 2_000);
    // Behind it they may go; the syncer decides when it next has something to sync.
    let mut id = 2_000;
    while retention.first_sequence() < 1_900 {
        publish(&mut publisher, id..id + 1);
        id += 1;
        std::thread::sleep(Duration::from_micros(100));
    }
    engine.join().unwrap();
    let ended = handle.join();
    assert!(ended.failure.is_none(), "{:?}", ended.failure);
    assert_eq!(ended.handler.next, id);
}

#[test]
fn beyond_them_it_is_evicted_and_told_so() {
    let folder = in_memory();
    let (engine, mut publisher) = live(small_with(Retention::new().lease_bytes(64 * 640), &folder));
    let (check, is_there, let_go) = Check::waiting(0, 5);
    let handle = engine.follow(LateConsumer::named("slow"), check).unwrap();
    publish(&mut publisher, 0..6);
    is_there.recv().unwrap();
    let mut id = 6;
    while engine.retention().unwrap().first_sequence() == 0 {
        publish(&mut publisher, id..id + 1);
        id += 1;
    }
    assert!(id > 640, "within its bounds it was held");
    let_go.send(()).unwrap();
    let ended = handle.join();
    let failure = ended.failure.unwrap();
    let evicted =
        matches!(&failure, LateError::Read { source: ReadError::Evicted { first, .. }, .. } if *first > 0);
    assert!(evicted, "{failure}");
    assert_eq!(ended.handler.next, ended.end, "what it saw, it saw in order");
    // Nobody else noticed, and one that starts with what is there goes on.
    let handle = loop {
        let next = engine.retention().unwrap().first_sequence();
        let start = LateConsumer::named("next").from(FollowFrom::Sequence(next));
        match engine.follow(start, Check::from(next)) {
            Ok(handle) => break handle,
            // Retention may still have gone on in between.
            Err(LateError::Start { source: ReadError::Evicted { .. }, .. }) => {}
            Err(error) => panic!("{error}"),
        }
    };
    publish(&mut publisher, id..id + 10);
    engine.join().unwrap();
    assert_eq!(handle.join().handler.next, id + 10);
}

#[test]
fn its_panic_or_error_stops_it_alone() {
    let folder = in_memory();
    let (engine, mut publisher) = live(Journal::at(folder.path()));
    let counted = Arc::new(AtomicU64::new(0));
    let counts = Arc::clone(&counted);
    let panics = engine
        .follow(LateConsumer::named("panics"), move |_: &Note, context: &LateContext| {
            assert!(context.sequence() != 300, "three hundred");
            counts.fetch_add(1, Ordering::Relaxed);
        })
        .unwrap();
    let fails = engine
        .follow(LateConsumer::named("fails"), |_: &Note, context: &LateContext| match context.sequence() {
            299 => Err("not this one"),
            _ => Ok(()),
        })
        .unwrap();
    let stays = engine.follow(LateConsumer::named("stays"), Check::from(0)).unwrap();
    publish(&mut publisher, 0..1_000);
    while panics.is_running() || fails.is_running() {
        std::thread::sleep(Duration::from_micros(100));
    }
    let counters = engine.counters();
    let failed = |name: &str| counters.late_consumers.iter().find(|one| one.name == name).unwrap().failed;
    assert_eq!((failed("panics"), failed("fails"), failed("stays")), (true, true, false), "{counters}");
    assert!(engine.halted().is_none());
    let ended = panics.join();
    assert_eq!((ended.end, ended.anchor.unwrap().sequence), (300, 299), "the cursor stays before the panic");
    let failure = ended.failure.unwrap();
    assert!(
        matches!(&failure, LateError::Panicked { name, sequence: 300, message } if name == "panics" && message == "three hundred"),
        "{failure}"
    );
    assert_eq!(counted.load(Ordering::Relaxed), 300);
    let failure = fails.join().failure.unwrap();
    assert!(matches!(&failure, LateError::Handler { sequence: 299, .. }), "{failure}");
    assert!(failure.to_string().contains("late consumer fails stopped at sequence 299"), "{failure}");
    publish(&mut publisher, 1_000..1_100);
    engine.join().unwrap();
    assert_eq!(stays.join().handler.next, 1_100);
}

#[test]
fn dropping_its_handle_stops_it_behind_the_event_in_hand() {
    let folder = in_memory();
    let (engine, mut publisher) = live(Journal::at(folder.path()));
    let seen = Arc::new(AtomicU64::new(0));
    let counts = Arc::clone(&seen);
    let ((says, hears), (lets, let_go)) = (channel(), channel::<()>());
    let let_go = Mutex::new(let_go);
    let handler = move |_: &Note, context: &LateContext| {
        if context.sequence() == 7 {
            says.send(()).unwrap();
            let _ = let_go.lock().unwrap().recv();
        }
        counts.fetch_add(1, Ordering::Relaxed);
    };
    let handle = engine.follow(LateConsumer::named("slow"), handler).unwrap();
    publish(&mut publisher, 0..1_000);
    hears.recv().unwrap();
    std::thread::scope(|scope| {
        let (tells, told) = channel();
        let dropping = scope.spawn(move || {
            tells.send(std::fs::read_link("/proc/thread-self").unwrap()).unwrap();
            drop(handle);
        });
        // It has told the consumer to stop when it sleeps: it waits for its thread.
        let state = std::path::Path::new("/proc").join(told.recv().unwrap()).join("stat");
        while !std::fs::read_to_string(&state).unwrap().contains(") S ") {
            std::thread::sleep(Duration::from_millis(1));
        }
        lets.send(()).unwrap();
        dropping.join().unwrap();
    });
    assert_eq!(seen.load(Ordering::Relaxed), 8);
    assert_eq!(Arc::strong_count(&seen), 1, "its thread and handler are gone");
    assert!(engine.counters().late_consumers.is_empty());
    engine.join().unwrap();
}

#[test]
fn what_makes_no_sense_is_refused() {
    let folder = in_memory();
    let nothing = |_: &Note, _: &LateContext| ();
    let idle = |_: &Note, _: &slipring::Context| ();
    let lane = Lane::named("main").stage("book", idle, slipring::Gate::PUBLISHED);
    let (engine, _publisher) = Engine::builder().lane(lane).open().unwrap().go_live().unwrap();
    let refused = engine.follow(LateConsumer::named("late"), nothing).unwrap_err();
    assert!(matches!(refused, LateError::NoJournal { .. }), "{refused}");

    let (engine, _publisher) = live(Journal::at(folder.path()));
    let refused = engine.follow(LateConsumer::named("journal"), nothing).unwrap_err();
    assert!(matches!(refused, LateError::NameTaken { .. }), "{refused}");
    let first = engine.follow(LateConsumer::named("late"), nothing).unwrap();
    let refused = engine.follow(LateConsumer::named("late"), nothing).unwrap_err();
    assert!(matches!(refused, LateError::NameTaken { .. }), "{refused}");
    drop(first);
    engine.follow(LateConsumer::named("late"), nothing).unwrap();

    let nowhere = Journal::at(folder.path().join("nothing"));
    let refused = LateConsumer::named("late").follow(&nowhere, nothing).unwrap_err();
    assert!(matches!(refused, LateError::Start { .. }), "{refused}");
}
