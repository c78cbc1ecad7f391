//! Starting and stopping an engine again and again leaks nothing: no thread, no memory, no mapping, no file
//! handle, no counters file, however it ends.
//!
//! Some hundred cycles in the ordinary run; ten thousand by
//! `cargo test --release -p slipring-tests --test leaks -- --ignored`.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Mutex;

use slipring::{
    Context, Engine, FollowFrom, Gate, Journal, Lane, LateConsumer, LateContext, PublishError, ReplayFrom,
    ShutdownError, SyncMode,
};
use slipring_tests::counting::{Counting, held_bytes};
use slipring_tests::journals::{Note, note};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// One at a time: threads and handles are the process's.
static ALONE: Mutex<()> = Mutex::new(());

/// What a process holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Held {
    threads: usize,
    files: usize,
    mapped_segments: usize,
    mapped_counters: usize,
}

/// Files of counters in memory, finished or not, of engines over a folder.
fn counters_files(folder: &Path) -> usize {
    let inode = fs::metadata(folder).unwrap().ino();
    let Ok(memory) = fs::read_dir("/dev/shm") else { return 0 };
    let names = memory.flatten().filter_map(|entry| entry.file_name().into_string().ok());
    names.filter(|name| name.starts_with("slipring-") && name.contains(&format!("-{inode:x}."))).count()
}

fn held() -> Held {
    // The harness's own threads come and go: the main one, and one a test, named after it.
    let harness = ["leaks-", "three_hundred_c", "ten_thousand_cy", "control_leaks_a"];
    let threads = fs::read_dir("/proc/self/task").unwrap().flatten().filter(|task| {
        let name = fs::read_to_string(task.path().join("comm")).unwrap_or_default();
        !harness.iter().any(|own| name.starts_with(own))
    });
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    Held {
        threads: threads.count(),
        files: fs::read_dir("/proc/self/fd").unwrap().count(),
        mapped_segments: maps.lines().filter(|line| line.contains(".seg")).count(),
        mapped_counters: maps.lines().filter(|line| line.contains(".counters")).count(),
    }
}

/// What is held once it is as wanted, or what is held after patience. A joined thread shows for a moment
/// more, and a new one has its parent's name at first.
fn held_as(wanted: impl Fn(&Held) -> bool) -> Held {
    for _ in 0..60_000 {
        let held = held();
        if wanted(&held) {
            return held;
        }
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    held()
}

/// The event at which a stage fails.
const END: u64 = 1 << 60;

/// A life of an engine, ended in one of the ways there are.
fn life(folder: &Path, way: u64) {
    let fails = |event: &Note, context: &Context| {
        if event.id == END && !context.is_replay() { Err("told to") } else { Ok(()) }
    };
    let journal = Journal::at(folder).segment_records(64).sync(SyncMode::EveryBatch);
    // A small reserve, or most of the time goes into pages.
    let builder = Engine::builder()
        .ring_capacity(64)
        .journal(journal.reserve_bytes(16 << 10))
        .lane(Lane::named("journal").journal())
        .lane(Lane::named("stages").stage("a", fails, Gate::PUBLISHED).stage(
            "b",
            |_: &Note, _: &Context| {},
            Gate::DURABLE.after("a"),
        ));
    let mut recovered = builder.open().unwrap();
    if way == 0 {
        return;
    }
    if way == 1 {
        let from = recovered.end_sequence().saturating_sub(20);
        recovered.replay(ReplayFrom::Sequence(from)).unwrap();
        return;
    }
    let (engine, mut publisher) = recovered.without_history().go_live().unwrap();
    // It outlives the engine, and goes when its handle does.
    let late = LateConsumer::named("late").from(FollowFrom::End);
    let late = engine.follow(late, |_: &Note, _: &LateContext| ()).unwrap();
    publisher.publish(note(1)).unwrap();
    match way {
        2 => drop((engine, publisher)),
        3 => {
            publisher.publish(note(END)).unwrap();
            let error = loop {
                if let Err(error) = publisher.publish(note(1)) {
                    break error;
                }
            };
            assert!(matches!(error, PublishError::Halted(..)));
            assert!(matches!(engine.join(), Err(ShutdownError::Halted(_, _))));
        }
        4 => {
            let far = Lane::named("far").core(1000).stage("c", |_: &Note, _: &Context| {}, Gate::PUBLISHED);
            assert!(Engine::builder().lane(far).open().unwrap().go_live().is_err());
            drop(publisher);
            drop(engine);
        }
        5 => {
            engine.join().unwrap();
        }
        _ => {
            engine.join().unwrap();
            assert!(late.join().failure.is_none());
        }
    }
}

fn cycles(count: u64) {
    let _alone = ALONE.lock();
    let folder = tempfile::tempdir().unwrap();
    let mut before = None;
    for cycle in 0..count {
        life(folder.path(), cycle % 7);
        assert_eq!(counters_files(folder.path()), 0, "after cycle {cycle}");
        if cycle == 27 {
            before = Some((held_as(|held| held.threads == 0), held_bytes()));
        }
        if cycle >= 27 && cycle % 7 == 6 {
            let before = before.map(|(held, _)| held);
            assert_eq!(Some(held_as(|held| Some(*held) == before)), before, "after {cycle} cycles");
        }
    }
    let (_, bytes_before) = before.expect("more than the first cycles");
    // The journal's folder has grown; what the process holds must not have, but for a stray buffer of its
    // libraries.
    let grown = held_bytes() - bytes_before;
    assert!(grown < 16 << 10, "{grown} bytes more after {count} cycles");
    assert_eq!((held().mapped_segments, held().mapped_counters), (0, 0));
}

#[test]
fn three_hundred_cycles_leak_nothing() {
    cycles(301);
}

#[test]
#[ignore = "minutes"]
fn ten_thousand_cycles_leak_nothing() {
    cycles(10_003);
}

/// The control: what the cycles look at shows a leaked thread, handle and mapping.
#[test]
fn control_leaks_are_seen() {
    let _alone = ALONE.lock();
    let folder = tempfile::tempdir().unwrap();
    // A thread of the cycles before may be about to end.
    let (before, bytes) = (held_as(|held| held.threads == 0), held_bytes());
    let lane = Lane::named("l").journal().stage("s", |_: &Note, _: &Context| {}, Gate::DURABLE);
    let builder = Engine::builder().journal(Journal::at(folder.path()).segment_records(64)).lane(lane);
    let (engine, _) = builder.open().unwrap().go_live().unwrap();
    let during = held_as(|held| held.threads == 5);
    assert_eq!((before.threads, during.threads), (0, 5), "a lane, preparer, maker, sweeper, syncer");
    assert!(during.files > before.files && during.mapped_segments > 0 && held_bytes() > bytes);
    let shown = engine.counters_path().is_some();
    assert_eq!((during.mapped_counters, counters_files(folder.path())), (shown.into(), shown.into()));
    engine.join().unwrap();
    assert_eq!(held_as(|held| *held == before), before);
}
