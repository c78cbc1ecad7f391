//! Outputs into another engine: whatever dies when, the other side has each event (exactly once where it can
//! be counted, at least once where not), replay puts nothing out again that is there, and its digests are
//! those of live.

use std::collections::HashMap;
use std::ops::Range;
use std::path::Path;
use std::process::Command;
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustix::process::Signal;
use slipring::{
    Cause, Context, Digest, Digests, Engine, Gate, Handler, HandlerError, Journal, Lane, Output, OutputError,
    Publishers, Recovered, ReplayError, ReplayFrom, ShutdownError, Stage, StageKey,
};
use slipring_tests::children::Child;
use slipring_tests::folders::in_memory;
use slipring_tests::journals::{Note, note, segment};
use slipring_tests::relay::{Mode, Relay, expected, found};

/// Kills a relay `rounds` times, looks each time, then lets one live to its end.
fn kill_often(mode: Mode, rounds: u32, seed: u64) {
    let folder = in_memory();
    let mut random = fastrand::Rng::with_seed(seed);
    let (mut in_replay, mut in_life) = (0, 0);
    for _ in 0..rounds {
        let name = if mode == Mode::Only { "only" } else { "shared" };
        let mut command = Command::new(env!("CARGO_BIN_EXE_relay_child"));
        let mut child = Child::start(command.arg(folder.path()).arg(name));
        if random.u32(0..4) == 0 {
            std::thread::sleep(Duration::from_micros(random.u64(0..20_000)));
            in_replay += 1;
        } else {
            let line = child.line().expect("it says how replay went");
            assert!(line.starts_with("live "), "{line}");
            std::thread::sleep(Duration::from_micros(random.u64(0..6_000)));
            in_life += 1;
        }
        child.signal(Signal::KILL);
        let (lines, status) = child.rest();
        assert!(status.code().is_none(), "it ended by itself: {status}, {lines:?}");
        assert!(!lines.iter().any(|line| line.starts_with("replay")), "{lines:?}");
        if mode == Mode::Only && folder.path().join("notes/control").exists() {
            let (expected, _) = expected(folder.path());
            let found = found(folder.path());
            assert!(found.len() <= expected.len(), "{} of {}", found.len(), expected.len());
            assert!(expected.starts_with(&found), "something is missing, double or out of order");
        }
    }
    assert!(in_replay > 0 && in_life > 0);

    let mut relay = Relay::start(folder.path(), mode).unwrap_or_else(|error| panic!("{error}"));
    relay.publish(1_000);
    let (count, digest, published) = relay.end();
    let (expected, expected_digest) = expected(folder.path());
    let found = found(folder.path());
    assert_eq!((count, digest), (expected.len() as u64, expected_digest));
    assert!(published >= 1_000 && published < count, "{published} of {count} in the last life");
    match mode {
        Mode::Only => assert_eq!(found, expected, "each once"),
        Mode::Shared => {
            let mut times: HashMap<[u64; 6], u32> = HashMap::new();
            let mut first_times = Vec::new();
            for order in &found {
                let count = times.entry(slipring::bytemuck::cast(*order)).or_default();
                *count += 1;
                if *count == 1 {
                    first_times.push(*order);
                }
            }
            assert_eq!(first_times, expected, "each at least once, in order");
            let doubles = found.len() - expected.len();
            println!("{doubles} doubles in {rounds} lives");
            // A life repeats what followed from the one event in hand: two at most.
            assert!(doubles <= 2 * rounds as usize, "{doubles}");
        }
    }
}

#[test]
fn the_only_publisher_has_each_event_there_exactly_once() {
    kill_often(Mode::Only, 30, 60);
}

#[test]
fn one_of_several_publishers_has_each_event_there_at_least_once() {
    kill_often(Mode::Shared, 30, 60);
}

#[test]
#[ignore = "long: 1,000 kills each"]
fn many_kills() {
    // A journal each hundred: every round reads all of it.
    for seed in 0..10 {
        kill_often(Mode::Only, 100, seed);
        kill_often(Mode::Shared, 100, seed);
    }
}

fn memory_engine(capacity: usize, publishers: Publishers) -> (Engine<Note>, slipring::Publisher<Note>) {
    let lane = Lane::named("sink").stage("sink", |_: &Note, _: &Context| (), Gate::PUBLISHED);
    let builder = Engine::builder().ring_capacity(capacity).publishers(publishers).lane(lane);
    builder.open().unwrap().go_live().unwrap()
}

/// Puts every event out as it is, but for what a test has it do.
struct Forward {
    output: Output<Note>,
    odd: Option<u64>,
}

impl Handler<Note> for Forward {
    fn event(&mut self, event: &Note, context: &Context) -> Result<(), HandlerError> {
        let id = if self.odd == Some(event.id) { 1_000_000 } else { event.id };
        self.output.emit(context, Note { id, ..*event })?;
        Ok(())
    }
}

impl Digest for Forward {
    fn digest(&self) -> u64 {
        self.output.digest()
    }
}

#[test]
fn another_output_in_replay_is_caught_at_its_event() {
    let folder = in_memory();
    let (sinks, mut intos): (Vec<_>, Vec<_>) =
        (0..3).map(|_| memory_engine(1 << 10, Publishers::Single)).unzip();
    let mut open = |odd, digests| {
        let into = intos.pop().unwrap();
        let forward = Forward { output: Output::only("out", into).unwrap(), odd };
        let stage = Stage::new("forward", forward, Gate::JOURNALLED).digests(digests);
        let lane = Lane::named("main").journal().with(stage);
        Engine::builder().journal(Journal::at(folder.path())).lane(lane).open().unwrap()
    };
    let (engine, mut publisher) = open(None, Digests::every(1)).go_live().unwrap();
    for id in 0..100 {
        publisher.publish_at(id, note(id)).unwrap();
    }
    engine.join().unwrap();
    open(None, Digests::every(1)).replay(ReplayFrom::Start).unwrap();
    let error = open(Some(37), Digests::every(1)).replay(ReplayFrom::Start).unwrap_err();
    let ReplayError::Halted(halted) = &error else { panic!("{error}") };
    let Cause::Diverged(divergence) = &halted.cause else { panic!("{error}") };
    assert_eq!((divergence.after, divergence.end), (37, 38), "{error}");
    drop(sinks);
}

#[test]
fn an_engine_without_a_journal_gets_everything_again() {
    let folder = in_memory();
    for life in 1..=3 {
        let (sink, into) = memory_engine(1 << 10, Publishers::Single);
        let forward = Forward { output: Output::only("out", into).unwrap(), odd: None };
        let lane = Lane::named("main").journal().stage("forward", forward, Gate::JOURNALLED);
        let builder = Engine::builder().journal(Journal::at(folder.path())).lane(lane);
        let mut recovered = builder.open().unwrap();
        recovered.replay(ReplayFrom::Start).unwrap();
        let (engine, mut publisher) = recovered.go_live().unwrap();
        for id in 0..10 {
            publisher.publish_at(id, note(id)).unwrap();
        }
        let forward: Forward = engine.join().unwrap().take(&StageKey::named("forward")).unwrap();
        assert_eq!((forward.output.count(), forward.output.published()), (10 * life, 10 * life));
        let _ = forward.output.into_publisher();
        assert_eq!(sink.join().unwrap().end_sequence, 10 * life);
    }
}

/// The stage halts with an error that says who is full, at once or after the time that it was given.
#[test]
fn back_pressure_is_an_error_and_no_wait_for_ever() {
    for patience in [Duration::ZERO, Duration::from_millis(5)] {
        let (let_go, held) = channel::<()>();
        let held = Mutex::new(held);
        let sink = move |_: &Note, _: &Context| {
            // An error once the test lets go for good.
            let _ = held.lock().unwrap().recv();
        };
        let lane = Lane::named("sink").stage("sink", sink, Gate::PUBLISHED);
        let builder = Engine::builder().ring_capacity(16).lane(lane);
        let (sink, into) = builder.open().unwrap().go_live().unwrap();
        let output = Output::only("slow", into).unwrap().patience(patience);
        let lane = Lane::named("main").stage("forward", Forward { output, odd: None }, Gate::PUBLISHED);
        let (engine, mut publisher) = Engine::builder().lane(lane).open().unwrap().go_live().unwrap();
        for id in 0..20 {
            publisher.publish_at(id, note(id)).unwrap();
        }
        while engine.halted().is_none() {
            std::thread::sleep(Duration::from_micros(100));
        }
        let halted = engine.halted().unwrap();
        assert_eq!((halted.stage.as_str(), halted.sequence), ("forward", 16), "{halted}");
        let text = halted.to_string();
        assert!(text.contains("output slow, after event 16"), "{text}");
        assert!(matches!(engine.join(), Err(ShutdownError::Halted(_, _))));
        drop(let_go);
        while sink.counters().stages[0].end < 16 {
            std::thread::sleep(Duration::from_micros(100));
        }
    }
}

#[test]
fn a_state_ahead_of_the_other_side_is_refused_and_so_is_one_of_several_that_says_only() {
    let (_sink, into) = memory_engine(64, Publishers::Single);
    let mut output = Output::only("out", into).unwrap();
    let before = output.state();
    let refused = output.restore([3, 77]);
    assert!(matches!(refused, Err(OutputError::Gap { count: 3, held: 0, .. })), "{refused:?}");
    assert_eq!(output.state(), before);
    let (_sink, into) = memory_engine(64, Publishers::Multi);
    let refused = Output::only("out", into);
    assert!(matches!(refused, Err(OutputError::NotOnly { .. })), "{refused:?}");
}

/// An engine that forwards its notes into another one, both with a journal, with no digests to refuse a bad
/// start.
struct Pair {
    sink: Engine<Note>,
    notes: Recovered<Note>,
}

impl Pair {
    fn open(folder: &Path) -> Self {
        let lane = Lane::named("sink").journal();
        let sink = Engine::builder().journal(Journal::at(folder.join("orders"))).lane(lane);
        let (sink, into) = sink.open().unwrap().go_live().unwrap();
        let forward = Forward { output: Output::only("out", into).unwrap(), odd: None };
        let lane = Lane::named("main").journal().stage("forward", forward, Gate::JOURNALLED);
        let notes = Engine::builder().journal(Journal::at(folder.join("notes"))).lane(lane).open().unwrap();
        Pair { sink, notes }
    }

    /// Goes live, publishes notes of these numbers, shuts both down; what the first one's shutdown said.
    fn live(self, ids: Range<u64>) -> Result<(), ShutdownError> {
        let (engine, mut publisher) = self.notes.without_history().go_live().unwrap();
        for id in ids {
            // It may have halted already.
            let _ = publisher.publish_at(id, note(id));
        }
        let mut report = engine.join()?;
        let _: Forward = report.take(&StageKey::named("forward")).unwrap();
        self.sink.join().unwrap();
        Ok(())
    }

    /// Replays, and must halt at the event `sequence`, whose order is not record `number` of the other
    /// journal.
    fn differs(mut self, from: ReplayFrom, sequence: u64, number: u64) {
        let error = self.notes.replay(from).unwrap_err();
        let ReplayError::Halted(halted) = &error else { panic!("{error}") };
        assert_eq!((halted.stage.as_str(), halted.sequence), ("forward", sequence), "{error}");
        assert!(
            error.to_string().contains(&format!("record {number} of the other journal is another event")),
            "{error}"
        );
    }

    /// Lives as `live` does, and must halt at the first live event, as an order that would not go out.
    fn refused_with(self, count: u64, held: u64) {
        let sequence = self.notes.end_sequence();
        let error = self.live(sequence..sequence + 5).unwrap_err();
        let ShutdownError::Halted(halted, _) = &error else { panic!("{error}") };
        assert_eq!((halted.stage.as_str(), halted.sequence), ("forward", sequence), "{error}");
        let text = error.to_string();
        let told = format!("{count} events have been put out, and the other journal holds {held}");
        assert!(
            text.contains(&format!("output out, after event {sequence}, which is live: {told}")),
            "{text}"
        );
    }
}

fn ids_in(journal: &Path) -> Vec<u64> {
    let mut reader = Journal::at(journal).reader::<Note>().unwrap();
    (0..reader.end_sequence()).map(|sequence| reader.at(sequence).unwrap().event().id).collect()
}

#[test]
fn a_live_event_that_the_other_journal_seems_to_have_is_an_error_and_not_dropped() {
    let folder = in_memory();
    Pair::open(folder.path()).live(0..10).unwrap();
    // A replay from the midst of history is refused at its first order.
    for (from, first) in [(ReplayFrom::Time(5), 5), (ReplayFrom::Sequence(9), 9)] {
        Pair::open(folder.path()).differs(from, first, 0);
    }
    Pair::open(folder.path()).refused_with(0, 10);
    assert_eq!(ids_in(&folder.path().join("orders")), (0..10).collect::<Vec<_>>());
    // A whole history goes on as if nothing had been.
    let folder = in_memory();
    Pair::open(folder.path()).live(0..10).unwrap();
    let mut pair = Pair::open(folder.path());
    pair.notes.replay(ReplayFrom::Start).unwrap();
    pair.live(10..20).unwrap();
    assert_eq!(ids_in(&folder.path().join("orders")), (0..20).collect::<Vec<_>>());
}

/// The two journals are synced each for itself, so power loss may take notes whose orders stay; so may the
/// death of the process, if the stage does not wait for the journal. Files of the first journal as they were
/// before make it.
#[test]
fn an_order_does_not_vanish_because_lost_notes_had_theirs() {
    let folder = in_memory();
    let notes = folder.path().join("notes");
    Pair::open(folder.path()).live(0..6).unwrap();
    let mut pair = Pair::open(folder.path());
    pair.notes.replay(ReplayFrom::Start).unwrap();
    let durable: Vec<_> = ["control".to_owned(), segment(0)]
        .map(|file| (notes.join(&file), std::fs::read(notes.join(file)).unwrap()))
        .into();
    // Segments that are made since had not got to the disk.
    let lose = || {
        std::fs::read_dir(&notes)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|ending| ending == "seg"))
            .for_each(|path| std::fs::remove_file(path).unwrap());
        durable.iter().for_each(|(path, bytes)| std::fs::write(path, bytes).unwrap());
    };
    pair.live(6..10).unwrap();
    lose();

    let mut pair = Pair::open(folder.path());
    assert_eq!(pair.notes.replay(ReplayFrom::Start).unwrap().end_sequence, 6);
    pair.refused_with(6, 10);
    assert_eq!(ids_in(&folder.path().join("orders")), (0..10).collect::<Vec<_>>());
    // Just started again: the notes since are replayed, and are the same as those that were lost.
    let mut pair = Pair::open(folder.path());
    assert_eq!(pair.notes.replay(ReplayFrom::Start).unwrap().end_sequence, 11);
    drop(pair);

    // Lost once more, and this time other notes come.
    lose();
    let mut pair = Pair::open(folder.path());
    pair.notes.replay(ReplayFrom::Start).unwrap();
    let error = pair.live(106..111).unwrap_err();
    assert!(error.to_string().contains("which is live"), "{error}");
    // Just started again: they are not taken for those that were lost.
    Pair::open(folder.path()).differs(ReplayFrom::Start, 6, 6);
}

#[test]
fn an_output_into_its_own_engine_is_refused() {
    let output: Arc<Mutex<Option<Output<Note>>>> = Arc::default();
    let by_handler = Arc::clone(&output);
    let handler = move |event: &Note, context: &Context| -> Result<(), OutputError> {
        let mut output = by_handler.lock().unwrap();
        output.as_mut().expect("set before the first event").emit(context, *event).map(drop)
    };
    let lane = Lane::named("main").stage("loop", handler, Gate::PUBLISHED);
    let builder = Engine::builder().publishers(Publishers::Multi).lane(lane);
    let (engine, mut publisher) = builder.open().unwrap().go_live().unwrap();
    *output.lock().unwrap() = Some(Output::shared("own", &engine, publisher.try_clone().unwrap()));
    publisher.publish(note(0)).unwrap();
    while engine.halted().is_none() {
        std::thread::sleep(Duration::from_micros(100));
    }
    let text = engine.halted().unwrap().to_string();
    assert!(text.contains("output own leads into the engine whose handler uses it"), "{text}");
    *output.lock().unwrap() = None;
    assert!(engine.join().is_err());
}
