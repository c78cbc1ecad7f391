//! The rows of the fault matrix that need real processes: a second writer, one without rights, one that is
//! stopped, forked, interrupted, short of handles or of memory.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use rustix::process::Signal;
use slipring_journal::{Journal, OpenError, SyncMode, Writer};
use slipring_tests::children::{Child, is_root, skipped};
use slipring_tests::journals::{HEADER_BYTES, Note, read_folder, time};
use slipring_tests::lives::note_of_round;

fn child<const N: usize>(mode: &str, folder: &Path, numbers: [u64; N]) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_journal_child"));
    Child::start(command.arg(mode).arg(folder).args(numbers.map(|number| number.to_string())))
}

/// Appends up to `end` as round 0.
fn append(writer: &mut Writer<Note>, end: u64) {
    for id in writer.end_sequence()..end {
        assert_eq!(writer.append(time(id), &note_of_round(id, 0)).expect("there is room"), id);
    }
}

/// Who holds the journal, if anybody; it is opened and closed otherwise.
fn holder(folder: &Path) -> Option<String> {
    match Journal::at(folder).open::<Note>() {
        Ok((writer, _)) => {
            writer.close().unwrap();
            None
        }
        Err(OpenError::Locked { path, holder }) => {
            assert_eq!(path, folder);
            Some(holder)
        }
        Err(error) => panic!("{error}"),
    }
}

/// The text goes on with the machine, its boot and the start of the process.
fn check_held_by(folder: &Path, named: &str) {
    let holder = holder(folder).expect("somebody holds it");
    assert!(holder.starts_with(named), "{holder}");
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort_unstable();
    names
}

fn check_nothing_half_made(folder: &Path) {
    if folder.exists() {
        let names = names(folder);
        assert!(!names.iter().any(|name| name.ends_with(".tmp")), "half made: {names:?}");
    }
}

#[test]
fn row_second_writer_is_locked_and_the_lock_goes_with_the_process() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("journal");
    let mut first = child("hold", &folder, []);
    assert_eq!(first.line().as_deref(), Some("open"));
    let named = format!("process {} on ", first.id());
    for _ in 0..3 {
        check_held_by(&folder, &named);
    }
    // Readers do not mind.
    assert_eq!(read_folder(&folder).unwrap(), 0);
    first.kill();
    assert_eq!(holder(&folder), None);
    // And in one process.
    let (writer, _) = Journal::at(&folder).open::<Note>().unwrap();
    check_held_by(&folder, &format!("process {} on ", std::process::id()));
    writer.close().unwrap();
    assert_eq!(holder(&folder), None);
}

#[test]
fn row_second_writer_never_steals_the_lock_of_a_stopped_one() {
    let place = tempfile::tempdir().unwrap();
    let mut first = child("hold", place.path(), []);
    assert_eq!(first.line().as_deref(), Some("open"));
    first.signal(Signal::STOP);
    let named = format!("process {} on ", first.id());
    for _ in 0..40 {
        check_held_by(place.path(), &named);
        std::thread::sleep(Duration::from_millis(50));
    }
    first.signal(Signal::CONT);
    check_held_by(place.path(), &named);
}

#[test]
fn row_process_is_stopped_and_continued_and_nothing_is_lost() {
    let place = tempfile::tempdir().unwrap();
    let records = 4_000;
    let writer = child("live", place.path(), [records]);
    let mut follower = loop {
        // The child has to make it first.
        if let Ok(follower) = Journal::at(place.path()).follow::<Note>(0) {
            break follower;
        }
    };
    let mut next = 0;
    let mut follow = |most: u64| {
        while next < most
            && let Some(chunk) = follower.next_chunk().unwrap()
        {
            for record in chunk.records {
                assert_eq!(*record.event(), note_of_round(next, 0));
                next += 1;
            }
        }
        next
    };
    let mut random = fastrand::Rng::with_seed(3);
    for _ in 0..60 {
        std::thread::sleep(Duration::from_micros(random.u64(0..2_000)));
        writer.signal(Signal::STOP);
        // Up to where it is, then no further.
        let seen = follow(u64::MAX);
        std::thread::sleep(Duration::from_micros(500));
        let stopped = follow(u64::MAX);
        std::thread::sleep(Duration::from_millis(2));
        assert_eq!(follow(u64::MAX), stopped, "a stopped writer went on, after {seen}");
        assert!(holder(place.path()).is_some(), "the lock was taken over");
        writer.signal(Signal::CONT);
    }
    let (lines, status) = writer.rest();
    assert!(status.success());
    assert_eq!(lines.last().map(String::as_str), Some(&*format!("closed {records}")), "{lines:?}");
    assert_eq!(follow(records), records);
}

/// What a process without rights says that tries to write and to read.
fn as_nobody(folder: &Path) -> [String; 2] {
    let mut child = child("open-as", folder, [65_534]);
    [child.line().unwrap(), child.line().unwrap()]
}

/// A folder that anybody may enter, as temporary ones are not.
fn open_place() -> tempfile::TempDir {
    let place = tempfile::tempdir().unwrap();
    std::fs::set_permissions(place.path(), PermissionsExt::from_mode(0o755)).unwrap();
    place
}

#[test]
fn row_permission_denied_fails_at_open_and_nothing_is_created() {
    if !is_root() {
        return skipped("row_permission_denied", "only root can become another user");
    }
    let place = open_place();
    // No right to make the folder; a folder without the right to write; without the right to look.
    let missing = place.path().join("missing");
    let [write, read] = as_nobody(&missing);
    assert!(write.contains("create folder") && write.contains("missing"), "{write}");
    assert!(write.contains("Permission denied") && read.starts_with("read: no journal"), "{write} {read}");
    assert!(!missing.exists());
    for mode in [0o555, 0o700] {
        let folder = place.path().join(format!("mode-{mode:o}"));
        std::fs::create_dir(&folder).unwrap();
        std::fs::set_permissions(&folder, PermissionsExt::from_mode(mode)).unwrap();
        let [write, read] = as_nobody(&folder);
        assert!(write.contains("lock") && write.contains(folder.to_str().unwrap()), "{write}");
        assert!(write.contains("Permission denied") && read.starts_with("read: "), "{write} {read}");
        assert_eq!(names(&folder), [""; 0]);
    }
}

#[test]
fn row_read_only_folder_is_read_without_a_lock_and_without_a_repair() {
    if !is_root() {
        return skipped("row_read_only_folder", "only root can become another user");
    }
    let place = open_place();
    let folder = place.path().join("journal");
    // A journal whose writer died, with a torn slot and a left-over beside it: a writer would mend both.
    let (mut writer, _) =
        Journal::at(&folder).segment_records(64).sync(SyncMode::None).open::<Note>().unwrap();
    append(&mut writer, 100);
    writer.abandon();
    let segment = folder.join("00000000000000000064.seg");
    let mut bytes = std::fs::read(&segment).unwrap();
    bytes[HEADER_BYTES + 36 * 64..][..8].fill(0x5a);
    std::fs::write(&segment, &bytes).unwrap();
    std::fs::write(folder.join("00000000000000000192.seg.tmp"), "left over").unwrap();
    let before: Vec<_> =
        names(&folder).iter().map(|name| std::fs::read(folder.join(name)).unwrap()).collect();
    let seen = names(&folder);
    // Somebody else writes it, or not: no matter to a reader.
    let locked = std::fs::File::open(folder.join("LOCK")).unwrap();
    rustix::fs::flock(&locked, rustix::fs::FlockOperation::LockExclusive).unwrap();
    for mode in [0o555, 0o755] {
        std::fs::set_permissions(&folder, PermissionsExt::from_mode(mode)).unwrap();
        let [write, read] = as_nobody(&folder);
        assert!(write.contains("lock") && write.contains("Permission denied"), "{write}");
        assert_eq!(read, "read: 100");
        assert_eq!(read_folder(&folder).unwrap(), 100);
    }
    assert_eq!(names(&folder), seen);
    for (name, bytes) in seen.iter().zip(before) {
        assert!(std::fs::read(folder.join(name)).unwrap() == bytes, "{name} was changed by a reader");
    }
    drop(locked);
    let (writer, report) = Journal::at(&folder).open::<Note>().unwrap();
    assert_eq!((report.end_sequence, report.truncated_at), (100, Some(100)));
    writer.close().unwrap();
}

#[test]
fn row_fork_has_no_journal_in_the_child_and_changes_nothing_for_the_parent() {
    let place = tempfile::tempdir().unwrap();
    let mut parent = child("fork", place.path(), []);
    let mut line = || parent.line().expect("it goes on");
    // A store into the journal, which is not mapped there, is the end of the child, not a second writer.
    assert_eq!(line(), "appends: killed by signal 11");
    assert_eq!(line(), "closes: left with 7");
    assert_eq!(line(), "abandons: left with 8");
    assert_eq!(line(), "drops: left with 9");
    assert!(line().contains("is locked by process"));
    assert_eq!(line(), "closed: 2");
    assert_eq!(line(), "opened: 2");
    let sleeper = line();
    let sleeper: i32 = sleeper.strip_prefix("sleeper: ").unwrap().parse().unwrap();
    parent.kill();
    // The lock is shared by fork: with the parent killed, its child has it until it ends. Nobody steals it.
    assert!(holder(place.path()).is_some());
    let pid = rustix::process::Pid::from_raw(sleeper).unwrap();
    rustix::process::kill_process(pid, Signal::KILL).unwrap();
    while holder(place.path()).is_some() {
        std::thread::sleep(Duration::from_millis(1));
    }
    assert_eq!(read_folder(place.path()).unwrap(), 2);
}

#[test]
fn row_fork_of_a_replica_takes_nothing_in_the_child() {
    let place = tempfile::tempdir().unwrap();
    let (lines, status) = child("fork-replica", place.path(), []).rest();
    assert_eq!(lines, ["takes: left with 7", "end: 0", "taken: 1", "closed: 1"]);
    assert!(status.success());
}

#[test]
fn row_fork_has_no_engine_in_the_child_and_changes_nothing_for_the_parent() {
    let place = tempfile::tempdir().unwrap();
    let (lines, status) = child("fork-engine", place.path(), []).rest();
    assert!(status.success(), "{lines:?}");
    // None hangs, panics or touches a thread that it does not have.
    assert_eq!(lines, ["left with 7", "closed true"].repeat(4));
}

#[test]
fn row_signals_interrupt_no_call_for_good() {
    let place = tempfile::tempdir().unwrap();
    let (lines, status) = child("interrupted", place.path(), []).rest();
    assert!(status.success(), "{lines:?}");
    assert_eq!(lines, ["ok"]);
    let mut reader = Journal::at(place.path()).reader::<Note>().unwrap();
    assert_eq!(reader.end_sequence(), 200_000);
    for id in (0..200_000).step_by(7) {
        assert_eq!(*reader.at(id).unwrap().event(), note_of_round(id, id / 20_000));
    }
}

/// Checks what a child said that lived with a limit, against the journal that it left: every record that it
/// appended is there, and those alone. The call that ended it.
fn check_limited(folder: &Path, lines: &[String], symptom: &str) -> &'static str {
    let last = lines.last().map_or("", String::as_str);
    check_nothing_half_made(folder);
    let durable = lines.iter().filter_map(|line| line.strip_prefix("durable ")).next_back();
    let durable: u64 = durable.map_or(0, |text| text.parse().unwrap());
    if let Some(end) = last.strip_prefix("closed ") {
        assert_eq!(read_folder(folder).unwrap().to_string(), end);
        return "closed";
    }
    assert!(last.contains(symptom), "{lines:?}");
    assert!(last.contains(folder.to_str().unwrap()), "no path in {last:?}");
    // Enough of everything again.
    let (writer, report) = Journal::at(folder).open::<Note>().unwrap();
    let end = writer.close().unwrap();
    assert_eq!(read_folder(folder).unwrap(), end);
    assert!(end >= durable && report.truncated_at.is_none(), "{lines:?}, {report}");
    let (call, rest) = last.split_once(' ').unwrap();
    match call {
        "append" => {
            assert!(rest.starts_with(&format!("{end}: ")), "{end} records, and {last:?}");
            "append"
        }
        "open:" => {
            assert_eq!(end, 0);
            "open"
        }
        "durable:" | "close:" => {
            assert!(end > durable);
            "later"
        }
        _ => panic!("{lines:?}"),
    }
}

#[test]
fn row_no_file_handles_is_typed_and_nothing_half_made_at_every_limit() {
    let place = tempfile::tempdir().unwrap();
    let mut ends = Vec::new();
    for most in 3.. {
        let folder = place.path().join(most.to_string());
        let (lines, status) = child("few-handles", &folder, [most]).rest();
        assert!(status.success(), "with {most}: {status}");
        ends.push(check_limited(&folder, &lines, "Too many open files"));
        assert!(most < 40, "{ends:?}");
        if ends.ends_with(&["closed"; 4]) {
            break;
        }
    }
    assert!(ends.contains(&"open") && ends.iter().any(|end| ["append", "later"].contains(end)), "{ends:?}");
    println!("{ends:?}");
}

#[test]
fn row_no_memory_for_maps_is_typed_and_nothing_half_made() {
    let place = tempfile::tempdir().unwrap();
    let end = |mebibytes: &u64| {
        let folder = place.path().join(mebibytes.to_string());
        let (lines, status) = child("little-memory", &folder, [*mebibytes]).rest();
        assert!(status.success(), "with {mebibytes} MiB: {status}, {lines:?}");
        let end = check_limited(&folder, &lines, "os error");
        std::fs::remove_dir_all(&folder).unwrap();
        end
    };
    let sizes = [4, 8, 12, 18, 20, 22, 24, 28, 32, 36, 40, 44, 48, 52, 56, 64, 256];
    let (few, many) = sizes.split_at(sizes.len() / 2);
    let ends: Vec<_> = std::thread::scope(|scope| {
        let few = scope.spawn(|| few.iter().map(end).collect::<Vec<_>>());
        let many: Vec<_> = many.iter().map(end).collect();
        few.join().unwrap().into_iter().chain(many).collect()
    });
    assert!(ends.starts_with(&["open"]) && ends.ends_with(&["closed"]), "{ends:?}");
    assert!(ends.iter().any(|end| ["append", "later"].contains(end)), "{ends:?}");
    println!("{ends:?}");
}
