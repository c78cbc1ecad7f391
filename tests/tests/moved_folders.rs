//! The name of a journal's folder comes to mean another folder while it is open: the current folder changes,
//! the folder is renamed, a link swings, something is mounted over it. What was opened goes on in the folder
//! that was opened, not a byte goes into another and no file of another is removed, and the engine says so.

use std::collections::BTreeMap;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustix::mount::UnmountFlags;
use serde_json::Value;
use slipring::{
    CountersReader, DeadLetters, Engine, EngineBuilder, FollowFrom, Journal, KeptInfo, Lane, LateConsumer,
    LateContext, ReplayFrom, Snapshots, SyncMode,
};
use slipring_journal::{OpenError, Retention, Status, Writer, verify};
use slipring_tests::children::{Mount, is_root, skipped};
use slipring_tests::journals::{Note, note, time};
use slipring_tests::keeps_all;

const SEGMENT_RECORDS: u64 = 64;

fn journal(path: impl Into<PathBuf>) -> Journal {
    let sync = SyncMode::every(Duration::from_millis(1));
    Journal::at(path).segment_records(SEGMENT_RECORDS).window_records(1 << 10).sync(sync)
}

fn append(writer: &mut Writer<Note>, end: u64) {
    for id in writer.end_sequence()..end {
        assert_eq!(writer.append(time(id), &note(id)).unwrap(), id);
    }
    writer.cursors().wait_durable(end - 1, Duration::from_secs(120)).unwrap();
}

/// A closed journal of so many notes.
fn make(folder: &Path, end: u64) {
    let (mut writer, _) = journal(folder).open::<Note>().unwrap();
    append(&mut writer, end);
    writer.close().unwrap();
}

/// Every file below a folder, with its content.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut all = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.extend(files(&path));
        } else {
            all.insert(path.clone(), std::fs::read(&path).unwrap());
        }
    }
    all
}

fn check_whole(folder: &Path, records: u64) {
    let report = verify(folder, |_, _| ()).unwrap();
    assert_eq!((report.status, report.end_sequence), (Status::Fine, records), "{:?}", report.faults);
}

fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let patience = Instant::now() + Duration::from_secs(120);
    while !is_so() {
        assert!(Instant::now() < patience, "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Opens a journal, has its name mean another one by `turn`, and goes on: everything lies in the first, which
/// lies at `first` then, and the other, at `other`, is as it was.
fn goes_on(open_by: &Path, turn: impl FnOnce(), first: &Path, other: &Path) {
    let place = journal(open_by).retention(Retention::new().keep_records(4 * SEGMENT_RECORDS));
    let (mut writer, _) = place.open::<Note>().unwrap();
    append(&mut writer, 100);
    let mut follower = place.follow::<Note>(990).unwrap();
    turn();
    let before = files(other);
    let cursors = writer.cursors();
    append(&mut writer, 1_000);
    wait_until("it says that the folder moved", || cursors.folder_moved());
    // A reader made now, by the writer or by the journal's value, reads what the writer writes.
    assert_eq!(writer.reader().unwrap().end_sequence(), 1_000);
    assert_eq!(place.raw_reader().unwrap().end_sequence(), 1_000);
    let chunk = follower.next_chunk().unwrap().expect("there are records");
    assert_eq!(*chunk.records[0].event(), note(chunk.first_sequence));
    assert!(matches!(place.open::<Note>(), Err(OpenError::Locked { .. })), "the same folder still");
    writer.close().unwrap();
    drop(follower);
    assert!(cursors.folder_moved());
    assert_eq!(files(other), before, "the other folder is as it was");
    check_whole(first, 1_000);
    let kept = verify(first, |_, _| ()).unwrap();
    assert!(kept.first_sequence >= SEGMENT_RECORDS, "retention went on: from {}", kept.first_sequence);
}

/// The current folder is the process's: one test at a time.
static CURRENT: Mutex<()> = Mutex::new(());

#[test]
fn row_moved_folder_a_relative_path_is_taken_once() {
    let _one = CURRENT.lock().unwrap();
    let (a, b) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    std::env::set_current_dir(a.path()).unwrap();
    make(&b.path().join("j"), 300);
    let turn = || std::env::set_current_dir(b.path()).unwrap();
    let place = journal("k");
    goes_on_in_place(Path::new("j"), turn, &a.path().join("j"), &b.path().join("j"));
    // Of a value that nothing was opened by yet, too.
    std::env::set_current_dir("/").unwrap();
    place.open::<Note>().unwrap().0.close().unwrap();
    assert!(a.path().join("k/control").exists() && !Path::new("/k").exists());
    assert_eq!(place.path(), a.path().join("k"));
}

/// As [`goes_on`] where the absolute name goes on to mean the same.
fn goes_on_in_place(open_by: &Path, turn: impl FnOnce(), first: &Path, other: &Path) {
    let (mut writer, _) = journal(open_by).open::<Note>().unwrap();
    append(&mut writer, 100);
    turn();
    let before = files(other);
    append(&mut writer, 1_000);
    let cursors = writer.cursors();
    writer.close().unwrap();
    assert!(!cursors.folder_moved(), "its absolute name means it still");
    assert_eq!(files(other), before);
    check_whole(first, 1_000);
}

#[test]
fn row_moved_folder_renamed_and_another_put_in_its_place() {
    let place = tempfile::tempdir().unwrap();
    let (name, away) = (place.path().join("j"), place.path().join("away"));
    let other = place.path().join("other");
    make(&other, 300);
    let turn = || {
        std::fs::rename(&name, &away).unwrap();
        std::fs::rename(&other, &name).unwrap();
    };
    goes_on(&name, turn, &away, &name);
}

#[test]
fn row_moved_folder_a_link_in_its_path_swings() {
    let place = tempfile::tempdir().unwrap();
    let (a, b) = (place.path().join("a"), place.path().join("b"));
    std::fs::create_dir_all(&a).unwrap();
    make(&b.join("j"), 300);
    let link = place.path().join("link");
    symlink(&a, &link).unwrap();
    let turn = || {
        std::fs::remove_file(&link).unwrap();
        symlink(&b, &link).unwrap();
    };
    goes_on(&link.join("j"), turn, &a.join("j"), &b.join("j"));
}

#[test]
fn row_moved_folder_the_folder_is_itself_a_link_that_swings() {
    let place = tempfile::tempdir().unwrap();
    let (a, b, link) = (place.path().join("a"), place.path().join("b"), place.path().join("j"));
    std::fs::create_dir(&a).unwrap();
    make(&b, 300);
    symlink(&a, &link).unwrap();
    let turn = || {
        std::fs::remove_file(&link).unwrap();
        symlink(&b, &link).unwrap();
    };
    goes_on(&link, turn, &a, &b);
}

#[test]
fn row_moved_folder_something_is_mounted_over_it() {
    const TEST: &str = "row_moved_folder_something_is_mounted_over_it";
    if !is_root() {
        return skipped(TEST, "only root can mount");
    }
    let mount = match Mount::tmpfs(64 << 20) {
        Ok(mount) => mount,
        Err(reason) => return skipped(TEST, &reason),
    };
    let place = tempfile::tempdir().unwrap();
    let name = place.path().join("j");
    make(mount.path(), 300);
    let (mut writer, _) = journal(&name).open::<Note>().unwrap();
    append(&mut writer, 100);
    let before = files(mount.path());
    rustix::mount::mount_bind(mount.path(), &name).unwrap();
    append(&mut writer, 1_000);
    let cursors = writer.cursors();
    wait_until("it says that the folder moved", || cursors.folder_moved());
    writer.close().unwrap();
    assert_eq!(
        files(&name),
        before
            .into_iter()
            .map(|(path, bytes)| { (name.join(path.strip_prefix(mount.path()).unwrap()), bytes) })
            .collect()
    );
    rustix::mount::unmount(&name, UnmountFlags::empty()).unwrap();
    check_whole(&name, 1_000);
}

#[test]
fn row_moved_folder_removed_under_a_writer_is_said_and_never_made_again() {
    let place = tempfile::tempdir().unwrap();
    let name = place.path().join("j");
    let options = journal(&name);
    let (mut writer, _) = options.open::<Note>().unwrap();
    append(&mut writer, 10);
    // A file may be in the making there.
    wait_until("it is removed", || std::fs::remove_dir_all(&name).is_ok() || !name.exists());
    let cursors = writer.cursors();
    wait_until("it says that the folder is gone", || cursors.folder_moved());
    // What it has open it still writes; a new segment can't be made, and that is its failure.
    let _ = writer.close();
    assert!(!name.exists());
    // The value that it was opened by means the name again, once nothing of the old one is open.
    let (writer, report) = options.open::<Note>().unwrap();
    assert!(report.created);
    writer.close().unwrap();
}

#[test]
fn row_moved_folder_a_journal_value_means_the_folder_that_is_held() {
    let place = tempfile::tempdir().unwrap();
    let (name, away) = (place.path().join("j"), place.path().join("away"));
    make(&name, 100);
    let options = journal(&name);
    let reader = options.reader::<Note>().unwrap();
    std::fs::rename(&name, &away).unwrap();
    make(&name, 7);
    assert_eq!(options.raw_reader().unwrap().end_sequence(), 100, "held by the reader");
    let follower = options.clone().follow::<Note>(99).unwrap();
    drop(reader);
    assert_eq!(options.raw_reader().unwrap().end_sequence(), 100, "and by the follower of a clone");
    drop(follower);
    assert_eq!(options.raw_reader().unwrap().end_sequence(), 7);
}

fn engine(folder: &Path) -> EngineBuilder<Note> {
    let stage = keeps_all::stage(Snapshots::every(100));
    Engine::builder()
        .ring_capacity(64)
        .journal(journal(folder))
        .lane(Lane::named("main").journal().with(stage))
}

/// The folder is swapped for another journal's at every step of an engine's life, with stages that keep
/// everything that can be kept: what was opened is what is used.
#[test]
fn row_moved_folder_between_open_replay_and_live_with_all_that_stages_keep() {
    for step in 0..4 {
        let place = tempfile::tempdir().unwrap();
        let (name, away) = (place.path().join("j"), place.path().join("away"));
        let other = place.path().join("other");
        for (folder, count) in [(&name, 150), (&other, 250)] {
            let mut recovered = engine(folder).open().unwrap();
            recovered.replay(ReplayFrom::Snapshot).unwrap();
            let (engine, mut publisher) = recovered.go_live().unwrap();
            (0..count).for_each(|id| assert_eq!(publisher.publish(note(id)).unwrap(), id));
            engine.join().unwrap();
        }
        let mut before = BTreeMap::new();
        let mut turn = |at: u64| {
            if at == step {
                std::fs::rename(&name, &away).unwrap();
                std::fs::rename(&other, &name).unwrap();
                before = files(&name);
            }
        };
        let mut recovered = engine(&name).open().unwrap();
        turn(0);
        recovered.replay(ReplayFrom::Snapshot).unwrap();
        assert_eq!(recovered.end_sequence(), 150);
        turn(1);
        let (engine, mut publisher) = recovered.go_live().unwrap();
        turn(2);
        for id in 150..500 {
            if id == 300 {
                turn(3);
            }
            assert_eq!(publisher.publish(note(id)).unwrap(), id);
        }
        wait_until("the engine says so", || engine.folder_moved() && engine.counters().folder_moved);
        let outside = CountersReader::open(engine.counters_path().unwrap()).unwrap();
        wait_until("its counters say so", || outside.read().unwrap().folder_moved);
        // A late consumer from the start of history, made now.
        let seen = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&seen);
        let late = LateConsumer::named("late").from(FollowFrom::Start);
        let late = engine
            .follow(late, move |seen: &Note, _: &LateContext| {
                assert_eq!(seen.id, count.fetch_add(1, Ordering::Relaxed));
            })
            .unwrap();
        let report = engine.join().unwrap();
        assert_eq!(report.end_sequence, 500);
        assert_eq!((late.join().end, seen.load(Ordering::Relaxed)), (500, 500));
        assert_eq!(files(&name), before, "step {step}: the other is as it was");
        check_whole(&away, 500);
        // All that the stage keeps lies in the folder that was opened.
        let kept = &KeptInfo::of(&away).unwrap()[0];
        assert!(kept.snapshots.iter().all(|snapshot| snapshot.fault.is_none()));
        assert_eq!(kept.snapshots.last().unwrap().end, 500);
        assert_eq!(kept.effects_end, Some(Ok(500)));
        assert_eq!(DeadLetters::of(&away).unwrap().open().len(), 10);
        let mut recovered = self::engine(&away).open().unwrap();
        recovered.replay(ReplayFrom::Snapshot).unwrap();
        assert_eq!(recovered.restored()[0].end, Some(500));
    }
}

/// `slipring top` finds the counters by the folder, wherever it lies by now, or by their own path; the other
/// folder that lies under the name by now has none.
#[test]
fn row_moved_folder_is_shown_by_top() {
    let place = tempfile::tempdir().unwrap();
    let (name, away) = (place.path().join("j"), place.path().join("away"));
    let counters = place.path().join("counters");
    let (engine, mut publisher) = engine(&name).counters_at(&counters).open().unwrap().go_live().unwrap();
    publisher.publish(note(0)).unwrap();
    let top = |args: &[&Path]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_slipring-under-test"));
        command.arg("top").args(args).output().unwrap()
    };
    let flag = Path::new("--counters");
    let shown = top(&[flag, &counters]);
    assert_eq!(shown.status.code(), Some(0), "{}", String::from_utf8_lossy(&shown.stderr));
    assert!(!String::from_utf8_lossy(&shown.stdout).contains("warning"));
    std::fs::rename(&name, &away).unwrap();
    // A copy of the whole folder, its LOCK too, lies there now.
    let copied = Command::new("cp").arg("-a").arg(&away).arg(&name).status().unwrap();
    assert!(copied.success());
    wait_until("the engine says so", || engine.folder_moved());
    for by in [&[flag, &counters][..], &[&away]] {
        let shown = top(by);
        let text = String::from_utf8_lossy(&shown.stdout).into_owned();
        assert!(
            shown.status.success() && text.contains("the engine goes on in the one that it opened"),
            "{text}"
        );
    }
    let json: Value = serde_json::from_slice(&top(&[flag, &counters, Path::new("--json")]).stdout).unwrap();
    assert_eq!(json["folder_moved"], true);
    let of_the_copy = top(&[&name]);
    let text = String::from_utf8_lossy(&of_the_copy.stderr).into_owned();
    assert!(of_the_copy.status.code() == Some(3) && text.contains("writes another folder"), "{text}");
    // A copy of the counters is no engine's either.
    let copy = place.path().join("copy");
    std::fs::copy(&counters, &copy).unwrap();
    let of_the_copy = top(&[flag, &copy]);
    let text = String::from_utf8_lossy(&of_the_copy.stderr).into_owned();
    assert!(of_the_copy.status.code() == Some(3) && text.contains("copy"), "{text}");
    assert_eq!(top(&[]).status.code(), Some(3), "one of both is needed");
    engine.join().unwrap();
}
