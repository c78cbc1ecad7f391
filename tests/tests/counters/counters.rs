//! The counters file: another process sees them move, a killed writer's are stale, what is no such file is
//! refused, and an engine that finds no memory for one keeps them to itself.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use slipring::{
    BuildError, Context, Counters, CountersError, CountersFault, CountersFileError, CountersReader, Engine,
    Gate, Journal, Lane,
};
use slipring_journal::OpenError;
use slipring_tests::children::{Child, Mount, has_tool, is_root, skipped};
use slipring_tests::journals::{Note, note};

const CHILD: &str = env!("CARGO_BIN_EXE_counters_child");
const SLIPRING: &str = env!("CARGO_BIN_EXE_slipring-under-test");

/// A child at work on the journal in a folder.
fn start(folder: &Path) -> Child {
    let mut child = Child::start(Command::new(CHILD).arg(folder));
    assert!(child.line().is_some_and(|line| line.starts_with("live ")));
    child
}

fn tell(child: &mut Child, line: &str) {
    child.send(line);
    assert_eq!(child.line().as_deref(), Some("done"), "{line}");
}

fn read(folder: &Path) -> Counters {
    CountersReader::of_journal(folder).unwrap().read().unwrap()
}

/// The counters file of an engine over a folder, as docs/reference/counters.md says that it is named, in
/// `/dev/shm`.
fn usual_file(folder: &Path) -> PathBuf {
    let about = std::fs::metadata(folder).unwrap();
    PathBuf::from(format!("/dev/shm/slipring-{:x}-{:x}.counters", about.dev(), about.ino()))
}

/// Whether these tests can see the usual place.
fn has_memory(test: &str) -> bool {
    let has = tempfile::tempfile_in("/dev/shm").is_ok();
    if !has {
        skipped(test, "/dev/shm takes no files here");
    }
    has
}

#[test]
fn another_process_sees_them_move() {
    if !has_memory("another_process_sees_them_move") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut child = start(folder.path());
    let reader = CountersReader::of_journal(folder.path()).unwrap();
    assert_eq!(reader.path(), usual_file(folder.path()));
    let at_first = reader.read().unwrap();
    assert_eq!((at_first.process, at_first.capacity), (child.id(), 64));
    assert_eq!((at_first.published_end, at_first.journalled_end), (0, Some(0)));
    assert_eq!((at_first.closed, at_first.halted.clone()), (false, None));
    let names: Vec<_> = at_first.stages.iter().map(|stage| (&*stage.name, &*stage.lane)).collect();
    assert_eq!(names, [("journal", "journal lane"), ("slow", "slow lane")]);
    assert!(at_first.stages.iter().all(|stage| (stage.batches, stage.max_batch) == (0, 0)));

    tell(&mut child, "publish 1000");
    // Whoever waits for durable is told a moment before the counters are.
    while reader.read().unwrap().durable_end != Some(1000) {
        std::thread::yield_now();
    }
    let moved = reader.read().unwrap();
    assert_eq!((moved.published_end, moved.occupancy()), (1000, 0));
    assert_eq!((moved.journalled_end, moved.durable_end), (Some(1000), Some(1000)));
    for stage in &moved.stages {
        assert_eq!((stage.end, stage.lag), (1000, 0));
        // No batch is larger than a quarter of the ring.
        assert!((1..=16).contains(&stage.last_batch) && stage.last_batch <= stage.max_batch, "{stage:?}");
        assert!(stage.max_batch <= 16 && (63..=1000).contains(&stage.batches), "{stage:?}");
    }

    tell(&mut child, "fill");
    let full = reader.read().unwrap();
    assert_eq!((full.occupancy(), full.published_end, full.stages[1].lag), (64, 1064, 64));
    assert_eq!((full.stages[0].lag, full.full_refusals), (0, 1));
    assert!(full.full_waits > moved.full_waits, "{} and {}", full.full_waits, moved.full_waits);
    tell(&mut child, "drain");
    let drained = reader.read().unwrap();
    assert_eq!((drained.occupancy(), drained.stages[1].end, drained.missed_wakeups), (0, 1064, 0));

    tell(&mut child, "poison");
    let halted = reader.read().unwrap();
    let cause = halted.halted.as_ref().unwrap();
    assert_eq!((&*cause.stage, cause.sequence, &*cause.cause), ("slow", 1064, "its handler failed: told to"));
    assert!(halted.to_string().contains("halted by stage slow at sequence 1064"), "{halted}");
    child.kill();
    std::fs::remove_file(usual_file(folder.path())).unwrap();
}

#[test]
fn they_go_with_an_engine_that_ends_and_readers_learn_of_it() {
    if !has_memory("they_go_with_an_engine_that_ends_and_readers_learn_of_it") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut child = start(folder.path());
    let reader = CountersReader::of_journal(folder.path()).unwrap();
    child.send("end");
    assert_eq!(child.line().as_deref(), Some("ended"));
    assert!(matches!(reader.read(), Err(CountersError::Ended { .. })), "whoever has it open");
    let late = CountersReader::of_journal(folder.path()).unwrap_err();
    assert!(matches!(late, CountersError::Ended { .. }), "whoever comes late: {late}");
    assert!(!usual_file(folder.path()).exists());
}

#[test]
fn a_killed_writers_are_stale_and_the_next_one_replaces_them() {
    if !has_memory("a_killed_writers_are_stale_and_the_next_one_replaces_them") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut child = start(folder.path());
    tell(&mut child, "publish 10");
    let before = CountersReader::of_journal(folder.path()).unwrap();
    let process = child.id();
    child.kill();
    let after = CountersReader::of_journal(folder.path()).unwrap();
    for reader in [&before, &after] {
        match reader.read() {
            Err(CountersError::Stale { last, .. }) => {
                assert_eq!((last.process, last.published_end), (process, 10));
            }
            other => panic!("{other:?}"),
        }
    }
    // The next one does not mind, and leaves nothing of either behind.
    let mut next = start(folder.path());
    tell(&mut next, "publish 1");
    assert_eq!(read(folder.path()).published_end, 11);
    assert!(matches!(before.read(), Err(CountersError::Stale { .. })), "it still looks at the old file");
    next.send("end");
    assert_eq!(next.line().as_deref(), Some("ended"));
    assert!(!usual_file(folder.path()).exists());
}

#[test]
fn what_is_no_counters_file_is_refused() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("counters");
    let lane = || Lane::named("lane").invoked().stage("a", |_: &Note, _: &Context| {}, Gate::PUBLISHED);
    let builder = || Engine::builder().counters_at(&path).lane(lane());
    let (engine, mut publisher) = builder().open().unwrap().go_live().unwrap();
    assert_eq!(engine.counters_path(), Some(&*path));
    publisher.publish(note(1)).unwrap();
    assert_eq!(engine.invoke(), 1);
    let reader = CountersReader::open(&path).unwrap();
    // The same from within and from without, of an engine without a journal too.
    assert_eq!(reader.read().unwrap(), engine.counters());
    assert_eq!(engine.counters().stages[0].batches, 1);
    assert_eq!((engine.counters().journalled_end, engine.counters().journal_stalls), (None, None));
    let twice = builder().open().unwrap().go_live().map(drop).unwrap_err();
    assert!(matches!(twice, BuildError::Counters(CountersFileError::InUse { .. })), "{twice}");

    let whole = std::fs::read(&path).unwrap();
    let refused = |bytes: &[u8]| {
        let other = place.path().join("other");
        std::fs::write(&other, bytes).unwrap();
        match CountersReader::open(&other) {
            Err(CountersError::Invalid { fault, .. }) => fault,
            found => panic!("{found:?}"),
        }
    };
    assert_eq!(refused(b""), CountersFault::Foreign);
    assert_eq!(refused(&[0; 8192]), CountersFault::Foreign);
    let (found, wanted) = (whole.len() as u64 - 1, whole.len() as u64);
    assert_eq!(refused(&whole[..whole.len() - 1]), CountersFault::Truncated { found, wanted });
    let change = |at: usize, to: u8| {
        let mut changed = whole.clone();
        changed[at] = to;
        refused(&changed)
    };
    // Another slipring's, an older or a later one.
    for found in [1, 2, 3, 5] {
        assert_eq!(change(8, found as u8), CountersFault::Version { found });
    }
    assert_eq!(change(130, b'?'), CountersFault::Checksum);
    assert_eq!(change(24, whole[24] ^ 1), CountersFault::Checksum);
    assert!(matches!(CountersReader::open(place.path()), Err(CountersError::Invalid { .. })), "a folder");
    let none = CountersReader::open(place.path().join("none")).unwrap_err();
    assert!(matches!(none, CountersError::Io { .. }), "{none}");
    let no_journal = CountersReader::of_journal(place.path()).unwrap_err();
    assert!(matches!(no_journal, CountersError::Lock { .. }), "{no_journal}");
    engine.join().unwrap();
    assert!(!path.exists());
}

#[test]
fn an_engine_may_keep_them_to_itself() {
    let folder = tempfile::tempdir().unwrap();
    let lane = Lane::named("lane").journal().stage("a", |_: &Note, _: &Context| {}, Gate::PUBLISHED);
    let builder = Engine::builder().journal(Journal::at(folder.path())).counters_private().lane(lane);
    let (engine, mut publisher) = builder.open().unwrap().go_live().unwrap();
    assert_eq!(engine.counters_path(), None);
    let sequence = publisher.publish(note(1)).unwrap();
    engine.wait_stage("a", sequence).unwrap();
    assert_eq!(engine.counters().stages[1].end, 1);
    let from_without = CountersReader::of_journal(folder.path()).unwrap_err();
    assert!(matches!(from_without, CountersError::NotNamed { .. }), "{from_without}");
    engine.join().unwrap();
}

#[test]
fn the_lock_still_says_who_holds_it_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let child = start(folder.path());
    match Journal::at(folder.path()).open::<Note>() {
        Err(error @ OpenError::Locked { .. }) => {
            let text = error.to_string();
            assert!(
                text.contains(&format!("process {}", child.id())) && !text.contains("counters"),
                "{text}"
            );
        }
        other => panic!("{:?}", other.err()),
    }
    child.kill();
    let _ = std::fs::remove_file(usual_file(folder.path()));
}

/// A child whose `/dev/shm` is what `mount` makes of it, seen by it alone.
fn start_with(mount: &str, folder: &Path, runtime: Option<&Path>) -> Child {
    let mut command = Command::new("unshare");
    command.args(["-m", "sh", "-c"]).arg(format!("{mount} && exec {CHILD} {}", folder.display()));
    command.env_remove("XDG_RUNTIME_DIR");
    if let Some(runtime) = runtime {
        command.env("XDG_RUNTIME_DIR", runtime);
    }
    let mut child = Child::start(&mut command);
    assert!(child.line().is_some_and(|line| line.starts_with("live ")));
    child
}

#[test]
fn without_memory_to_put_them_they_are_private_and_the_engine_runs() {
    let test = "without_memory_to_put_them_they_are_private_and_the_engine_runs";
    if !is_root() || !has_tool("unshare") || !Path::new("/dev/shm").exists() {
        return skipped(test, "mounting in a namespace needs root");
    }
    let (disk, full) = (
        tempfile::tempdir().unwrap(),
        match Mount::tmpfs(4096) {
            Ok(full) => full,
            Err(reason) => return skipped(test, &reason),
        },
    );
    // On a disk it would make lanes wait; a store into a page that memory has no room for would be SIGBUS.
    for over in [disk.path(), full.path()] {
        let folder = tempfile::tempdir().unwrap();
        let mut child = start_with(&format!("mount --bind {} /dev/shm", over.display()), folder.path(), None);
        tell(&mut child, "publish 100");
        let refused = CountersReader::of_journal(folder.path()).unwrap_err();
        assert!(matches!(refused, CountersError::NotNamed { .. }), "{refused}");
        child.send("counters");
        let line = child.line().unwrap();
        assert!(line.starts_with("published 100, ring 0/64, journalled 100"), "{line}");
        assert_eq!(std::fs::read_dir(over).unwrap().count(), 0, "nothing half made");
        child.kill();
    }
    // The second choice is taken, if it is in memory.
    let runtime = Mount::tmpfs(1 << 20).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mount = format!("mount --bind {} /dev/shm", disk.path().display());
    let mut child = start_with(&mount, folder.path(), Some(runtime.path()));
    tell(&mut child, "publish 3");
    let reader = CountersReader::of_journal(folder.path()).unwrap();
    assert!(reader.path().starts_with(runtime.path()));
    assert_eq!(reader.read().unwrap().published_end, 3);
    child.send("end");
    assert_eq!(child.line().as_deref(), Some("ended"));
    assert_eq!(std::fs::read_dir(runtime.path()).unwrap().count(), 0);
}

/// Runs `slipring top`; its exit status and what it said.
fn top(folder: &Path, more: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::new(SLIPRING).arg("top").arg(folder).args(more).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn top_shows_them_once_as_json_and_until_the_end() {
    if !has_memory("top_shows_them_once_as_json_and_until_the_end") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(top(folder.path(), &[]).0, Some(3), "no journal there");
    assert_eq!(top(folder.path(), &["--watch=0"]).0, Some(3), "no such interval");
    let mut child = start(folder.path());
    tell(&mut child, "publish 1500");
    tell(&mut child, "fill");
    let (status, text, _) = top(folder.path(), &[]);
    assert_eq!(status, Some(0));
    println!("{text}");
    for wanted in [
        &*format!("process {}, running", child.id()),
        "published   1,564\n",
        "journalled  1,564, durable ",
        "ring        64 of 64 slots in use (100 %)",
        "1 refusal; journal: 0 for a segment",
        "STAGE    LANE            END  LAG  BATCH  MAX  BATCHES\n",
        "slow     slow lane     1,500   64  ",
    ] {
        assert!(text.contains(wanted), "{wanted:?} in\n{text}");
    }
    let (status, text, _) = top(folder.path(), &["--json"]);
    let object: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((status, &object["occupancy"], &object["stale"]), (Some(0), &64.into(), &false.into()));
    assert_eq!((&object["stages"][1]["name"], &object["stages"][1]["lag"]), (&"slow".into(), &64.into()));
    tell(&mut child, "drain");

    let mut watch =
        Child::start(Command::new(SLIPRING).args(["top", "--json", "--watch=0.05"]).arg(folder.path()));
    let mut ends = (0..3).map(|_| {
        let object: Value = serde_json::from_str(&watch.line().unwrap()).unwrap();
        tell(&mut child, "publish 10");
        object["published_end"].as_u64().unwrap()
    });
    assert_eq!(ends.next(), Some(1564));
    assert!(ends.all(|end| end > 1564), "later looks show more");
    child.send("end");
    assert_eq!(child.line().as_deref(), Some("ended"));
    let (_, status) = watch.rest();
    assert_eq!(status.code(), Some(0), "it ends with the engine");
    assert_eq!(top(folder.path(), &[]).0, Some(3), "there is nothing to show any more");

    let child = start(folder.path());
    let process = child.id();
    child.kill();
    let (status, text, said) = top(folder.path(), &["--watch"]);
    assert_eq!(status, Some(1));
    assert!(
        text.contains(", gone\n") && said.contains(&format!("process {process} is gone")),
        "{text}{said}"
    );
    std::fs::remove_file(usual_file(folder.path())).unwrap();
}

/// Other processes read what was not delivered as a lag, once the engine has ended: it is what the engine
/// itself says.
#[test]
fn the_last_counters_show_what_was_not_delivered() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("counters");
    let fails = |note: &Note, _: &Context| if note.id == 5 { Err("as planned") } else { Ok(()) };
    let lane = Lane::named("main").stage("fails", fails, Gate::PUBLISHED);
    let builder = Engine::builder().counters_at(&path).ring_capacity(64).lane(lane);
    let (engine, mut publisher) = builder.open().unwrap().go_live().unwrap();
    let mut published = 0;
    while published < 40 && publisher.publish(note(published)).is_ok() {
        published += 1;
    }
    let (ending, reader) = (engine.ending(), CountersReader::open(&path).unwrap());
    drop(engine);
    let last = reader.last();
    let undelivered = &ending.undelivered()[0];
    assert_eq!((undelivered.from, undelivered.count), (5, published - 5));
    assert_eq!((last.published_end, last.stages[0].lag), (published, undelivered.count));
    drop(publisher);
}
