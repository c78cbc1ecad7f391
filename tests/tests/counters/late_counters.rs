//! Late consumers in the counters: another process sees how far each is behind and what has become of it, no
//! longer than it is there; more than have places work as well and are counted.

use std::path::Path;
use std::process::Command;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use serde_json::Value;
use slipring::{
    Counters, CountersReader, Engine, Journal, Lane, LateConsumer, LateContext, LateCounters, Publisher,
    Retention, SyncMode,
};
use slipring_tests::children::{Child, skipped};
use slipring_tests::journals::{Note, note, time};

const CHILD: &str = env!("CARGO_BIN_EXE_counters_child");
const SLIPRING: &str = env!("CARGO_BIN_EXE_slipring-under-test");

fn tell(child: &mut Child, line: &str) {
    child.send(line);
    assert_eq!(child.line().as_deref(), Some("done"), "{line}");
}

fn names(counters: &Counters) -> Vec<&str> {
    counters.late_consumers.iter().map(|late| &*late.name).collect()
}

fn of<'a>(counters: &'a Counters, name: &str) -> &'a LateCounters {
    counters.late_consumers.iter().find(|late| late.name == name).unwrap()
}

/// An engine whose counters lie in a file of the test's own, whatever memory there is here.
fn live(folder: &Path, journal: Journal) -> (Engine<Note>, Publisher<Note>, CountersReader) {
    let counters = folder.join("counters");
    let builder = Engine::builder().ring_capacity(64).journal(journal).counters_at(&counters);
    let (engine, publisher) = builder.lane(Lane::named("main").journal()).open().unwrap().go_live().unwrap();
    (engine, publisher, CountersReader::open(counters).unwrap())
}

fn nothing(_: &Note, _: &LateContext) {}

#[test]
fn another_process_sees_how_far_behind_each_is_and_what_became_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = Child::start(Command::new(CHILD).arg(folder.path()));
    assert!(child.line().is_some_and(|line| line.starts_with("live ")));
    let Ok(reader) = CountersReader::of_journal(folder.path()) else {
        return skipped(
            "another_process_sees_how_far_behind_each_is_and_what_became_of_it",
            "no memory takes the counters' file here",
        );
    };
    assert_eq!((names(&reader.read().unwrap()).len(), reader.read().unwrap().late_not_shown), (0, 0));
    tell(&mut child, "hold 1000");
    tell(&mut child, "follow archive");
    tell(&mut child, "follow fails early");
    tell(&mut child, "publish 1500");
    tell(&mut child, "reached archive 1000");
    tell(&mut child, "reached fails early 5");
    let behind = reader.read().unwrap();
    assert_eq!(names(&behind), ["archive", "fails early"]);
    let (archive, fails) = (of(&behind, "archive"), of(&behind, "fails early"));
    assert_eq!((archive.end, archive.lag, archive.is_caught_up()), (1000, 500, false));
    assert_eq!((archive.failed, archive.evicted), (false, false));
    assert_eq!((fails.end, fails.lag, fails.failed, fails.evicted), (5, 1495, true, false));
    assert_eq!(behind.occupancy(), 0, "they hold up nobody");

    let (status, text) = top(folder.path(), &[]);
    assert_eq!(status, Some(0));
    for wanted in [
        "LATE CONSUMER  STATE     END    LAG\n",
        "archive        behind  1,000    500\n",
        "fails early    failed      5  1,495\n",
    ] {
        assert!(text.contains(wanted), "{wanted:?} in\n{text}");
    }
    let object: Value = serde_json::from_str(&top(folder.path(), &["--json"]).1).unwrap();
    let late = &object["late_consumers"];
    assert_eq!(
        (&late[0]["name"], &late[0]["end"], &late[0]["lag"]),
        (&"archive".into(), &1000.into(), &500.into())
    );
    assert_eq!((&late[0]["caught_up"], &late[0]["failed"]), (&false.into(), &false.into()));
    assert_eq!(
        (&late[1]["name"], &late[1]["failed"], &late[1]["evicted"]),
        (&"fails early".into(), &true.into(), &false.into())
    );
    assert_eq!(object["late_not_shown"], 0);

    tell(&mut child, &format!("hold {}", u64::MAX));
    tell(&mut child, "reached archive 1500");
    let caught_up = reader.read().unwrap();
    let archive = of(&caught_up, "archive");
    assert_eq!((archive.end, archive.lag, archive.is_caught_up()), (1500, 0, true));
    assert!(top(folder.path(), &[]).1.contains("archive        caught up  1,500      0\n"));

    // A name goes with its handle, and its place to the next.
    tell(&mut child, "stop archive");
    assert_eq!(names(&reader.read().unwrap()), ["fails early"]);
    tell(&mut child, "follow other");
    tell(&mut child, "reached other 1500");
    assert_eq!(names(&reader.read().unwrap()), ["other", "fails early"]);
    tell(&mut child, "stop fails early");
    tell(&mut child, "stop other");
    assert!(reader.read().unwrap().late_consumers.is_empty());
    assert!(!top(folder.path(), &[]).1.contains("LATE CONSUMER"));
    child.send("end");
    assert_eq!(child.line().as_deref(), Some("ended"));
}

/// Runs `slipring top`; its exit status and what it printed.
fn top(folder: &Path, more: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(SLIPRING).arg("top").arg(folder).args(more).output().unwrap();
    (output.status.code(), String::from_utf8(output.stdout).unwrap())
}

#[test]
fn more_than_have_places_work_as_well_and_are_counted() {
    const PLACES: usize = 16;
    let folder = tempfile::tempdir().unwrap();
    let (engine, mut publisher, reader) = live(folder.path(), Journal::at(folder.path().join("journal")));
    let follow = |n: usize| engine.follow(LateConsumer::named(format!("late {n}")), nothing).unwrap();
    let mut handles: Vec<_> = (0..PLACES + 3).map(follow).collect();
    for id in 0..100 {
        publisher.publish_at(time(id), note(id)).unwrap();
    }
    for handle in &handles {
        while handle.end() < 100 {
            assert!(handle.is_running(), "{:?}", handle.failure());
            std::thread::sleep(Duration::from_micros(100));
        }
        assert_eq!(handle.lag(), Some(0));
    }
    let (within, without) = (engine.counters(), reader.read().unwrap());
    let all: Vec<_> = (0..PLACES + 3).map(|n| format!("late {n}")).collect();
    assert_eq!((names(&within), within.late_not_shown), (all.iter().map(|n| &**n).collect(), 3));
    assert_eq!((names(&without), without.late_not_shown), (all[..PLACES].iter().map(|n| &**n).collect(), 3));
    assert_eq!(without.late_consumers, within.late_consumers[..PLACES]);
    assert!(without.late_consumers.iter().all(|late| (late.end, late.lag, late.failed) == (100, 0, false)));

    // One that was refused takes no place, one that ends gives its own back.
    engine.follow(LateConsumer::named("late 3"), nothing).unwrap_err();
    drop(handles.remove(PLACES + 1));
    assert_eq!(reader.read().unwrap().late_not_shown, 2);
    handles.remove(3).stop();
    assert_eq!(names(&reader.read().unwrap()).len(), PLACES - 1);
    let next = engine.follow(LateConsumer::named("next"), nothing).unwrap();
    let counters = reader.read().unwrap();
    assert_eq!((names(&counters)[3], counters.late_not_shown), ("next", 2));
    handles.push(next);
    drop(handles);
    let counters = reader.read().unwrap();
    assert_eq!((counters.late_consumers.len(), counters.late_not_shown), (0, 0));
    engine.join().unwrap();
}

#[test]
fn an_evicted_one_is_said_to_be() {
    let folder = tempfile::tempdir().unwrap();
    let retention = Retention::new().keep_records(1).lease_bytes(64 * 640);
    let journal = Journal::at(folder.path().join("journal")).segment_records(64).sync(SyncMode::EveryBatch);
    let (engine, mut publisher, reader) = live(folder.path(), journal.retention(retention));
    let ((says, is_there), (lets, let_go)) = (channel(), channel::<()>());
    let handler = wait_at(5, says, let_go);
    let handle = engine.follow(LateConsumer::named("slow"), handler).unwrap();
    for id in 0..6 {
        publisher.publish_at(time(id), note(id)).unwrap();
    }
    is_there.recv().unwrap();
    let mut id = 6;
    while engine.retention().unwrap().first_sequence() == 0 {
        publisher.publish_at(time(id), note(id)).unwrap();
        id += 1;
    }
    let counters = reader.read().unwrap();
    assert_eq!(
        (of(&counters, "slow").end, of(&counters, "slow").evicted),
        (5, false),
        "it has not looked yet"
    );
    lets.send(()).unwrap();
    while handle.is_running() {
        std::thread::sleep(Duration::from_micros(100));
    }
    // Another process sees the last events once the journal's lane has them.
    while reader.read().unwrap().published_end < id {
        std::thread::sleep(Duration::from_micros(100));
    }
    let (within, without) = (engine.counters(), reader.read().unwrap());
    for counters in [&within, &without] {
        let late = of(counters, "slow");
        assert!(late.failed && late.evicted && !late.is_caught_up(), "{counters}");
        assert_eq!((late.end, late.lag), (handle.end(), id - handle.end()));
        assert!(counters.to_string().contains(", evicted)"), "{counters}");
    }
    drop(handle);
    assert!(reader.read().unwrap().late_consumers.is_empty());
    engine.join().unwrap();
}

#[test]
fn another_process_sees_how_far_each_name_is_acknowledged() {
    const PLACES: usize = 8;
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::at(folder.path().join("journal")).segment_records(64).sync(SyncMode::EveryBatch);
    let (engine, mut publisher, reader) = live(folder.path(), journal.clone());
    assert!(reader.read().unwrap().acknowledged.is_empty());
    let follow = |n: usize| {
        let consumer = LateConsumer::named(format!("late {n}")).acknowledged(format!("name{n}"));
        engine.follow(consumer, nothing).unwrap()
    };
    let mut handles: Vec<_> = (0..PLACES).map(follow).collect();
    for id in 0..50 {
        publisher.publish_at(time(id), note(id)).unwrap();
    }
    engine.wait_durable(49).unwrap();
    let anchor = |sequence| journal.raw_reader().unwrap().anchor(sequence).unwrap();
    engine.acknowledge("name3", anchor(29)).unwrap();
    engine.acknowledge("name0", anchor(49)).unwrap();
    while reader.read().unwrap().published_end < 50 {
        std::thread::sleep(Duration::from_micros(100));
    }
    assert_eq!(reader.read().unwrap().acknowledged, engine.counters().acknowledged);
    // A name stays without its consumer, and one that finds no place works as well.
    handles.remove(3).stop();
    handles.push(follow(PLACES));
    engine.acknowledge("name8", anchor(9)).unwrap();
    let (within, without) = (engine.counters(), reader.read().unwrap());
    assert_eq!((within.acknowledged.len(), without.acknowledged.len()), (PLACES + 1, PLACES));
    assert_eq!(without.acknowledged, within.acknowledged[..PLACES]);
    let name = &without.acknowledged[3];
    assert_eq!((&*name.name, name.end, name.lag), ("name3", 30, 20));

    let counters = folder.path().join("counters");
    let top = |more: &[&str]| {
        let mut command = Command::new(SLIPRING);
        let output = command.args(["top", "--counters"]).arg(&counters).args(more).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let text = top(&[]);
    for wanted in [
        "ACKNOWLEDGED  STATE   END  LAG\n",
        "name0         all      50    0\n",
        "name3         behind   30   20\n",
    ] {
        assert!(text.contains(wanted), "{wanted:?} in\n{text}");
    }
    let object: Value = serde_json::from_str(&top(&["--json"])).unwrap();
    let name = &object["acknowledged"][3];
    assert_eq!((&name["name"], &name["end"], &name["lag"]), (&"name3".into(), &30.into(), &20.into()));
    engine.join().unwrap();
}

/// A handler that says that it is at a sequence, and waits there.
fn wait_at(
    sequence: u64,
    says: Sender<()>,
    let_go: Receiver<()>,
) -> impl FnMut(&Note, &LateContext) + Send + 'static {
    move |_, context| {
        if context.sequence() == sequence {
            says.send(()).unwrap();
            // An error if the test ended first.
            let _ = let_go.recv();
        }
    }
}
