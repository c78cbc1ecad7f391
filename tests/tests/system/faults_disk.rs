//! The rows of the fault matrix that need a real disk that is full, or system calls that really fail: small
//! file systems mounted by the test, and `strace -e inject=`. Skipped, with the reason printed, without root
//! or without strace.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use slipring_journal::Journal;
use slipring_tests::children::{Child, Mount, has_tool, is_root, skipped};
use slipring_tests::folders::{copy_folder, in_memory};
use slipring_tests::journals::{Note, read_folder};

const CHILD: &str = env!("CARGO_BIN_EXE_journal_child");

/// What is left of the disk goes into a file.
fn use_up(folder: &Path, leave_bytes: u64) {
    let space = rustix::fs::statvfs(folder).unwrap();
    let bytes = (space.f_bavail * space.f_frsize).saturating_sub(leave_bytes);
    let ballast = std::fs::File::create(folder.join("ballast")).unwrap();
    rustix::fs::fallocate(&ballast, rustix::fs::FallocateFlags::empty(), 0, bytes).unwrap();
}

/// Segments of 2,048 records, 136 KiB each.
const RECORDS: u64 = 20_000;

fn full_disk(mount: &Mount) {
    let folder = mount.path().join("journal");
    // Room for three segments and a bit.
    use_up(mount.path(), 500 << 10);
    let mut child = Child::start(Command::new(CHILD).arg("fill").arg(&folder).arg(RECORDS.to_string()));
    let said = child.line().expect("no SIGBUS");
    let full: u64 = said.strip_prefix("full ").unwrap_or_else(|| panic!("{said}")).parse().unwrap();
    assert!(full > 2_048 && full % 2_048 == 0, "it waits where a segment ends: {full}");
    // What is there is whole and stays so, however long it waits.
    for _ in 0..5 {
        assert_eq!(read_folder(&folder).unwrap(), full);
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    std::fs::remove_file(mount.path().join("ballast")).unwrap();
    let (lines, status) = child.rest();
    assert!(status.success(), "{status}");
    assert_eq!(lines, [format!("closed {RECORDS}")]);
    assert_eq!(read_folder(&folder).unwrap(), RECORDS);

    // Killed while it waits: all that it appended is there, on the full disk and with room again.
    use_up(mount.path(), 300 << 10);
    let mut child = Child::start(Command::new(CHILD).arg("fill").arg(&folder).arg((2 * RECORDS).to_string()));
    let said = child.line().expect("no SIGBUS");
    let full: u64 = said.strip_prefix("full ").unwrap_or_else(|| panic!("{said}")).parse().unwrap();
    child.kill();
    assert!(full > RECORDS);
    assert_eq!(read_folder(&folder).unwrap(), full);
    std::fs::remove_file(mount.path().join("ballast")).unwrap();
    let (writer, report) = Journal::at(&folder).segment_records(1 << 11).open::<Note>().unwrap();
    assert_eq!((report.end_sequence, report.truncated_at), (full, None));
    writer.close().unwrap();

    // No room for the first segment of a new journal: refused, and nothing half made.
    let other = mount.path().join("other");
    let error = Journal::at(&other).segment_records(1 << 20).open::<Note>().unwrap_err().to_string();
    assert!(error.contains("os error 28") && error.contains(other.to_str().unwrap()), "{error}");
    let names: Vec<_> = std::fs::read_dir(&other).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(!names.iter().any(|name| name.to_string_lossy().ends_with(".tmp")), "{names:?}");
    let (writer, _) = Journal::at(&other).segment_records(64).open::<Note>().unwrap();
    writer.close().unwrap();
}

#[test]
fn row_disk_full_for_real_on_tmpfs() {
    match Mount::tmpfs(6 << 20) {
        Ok(mount) => full_disk(&mount),
        Err(reason) => skipped("row_disk_full_for_real_on_tmpfs", &reason),
    }
}

#[test]
fn row_disk_full_for_real_on_ext4() {
    // No reserve for root, who runs this.
    match is_root().then(|| Mount::image("ext4", 16 << 20)) {
        Some(Ok(mount)) => full_disk(&mount),
        Some(Err(reason)) => skipped("row_disk_full_for_real_on_ext4", &reason),
        None => skipped("row_disk_full_for_real_on_ext4", "only root can mount"),
    }
}

/// One life of a child with some system calls failing: what it said, and whether any did fail. `None` if it
/// was the system's loader that met the fault.
fn injected(folder: &Path, log: &Path, calls: &str, fault: &str, when: usize) -> Option<(Vec<String>, bool)> {
    let mut command = Command::new("strace");
    // It stops for these calls only.
    command.args(["-f", "--seccomp-bpf", "-qq", "-e", &format!("trace={calls}"), "-e", "signal=none"]);
    command.args(["-e", &format!("inject={calls}:{fault}:when={when}")]);
    command.arg("-o").arg(log).arg(CHILD).arg("live").arg(folder).arg("200");
    let (lines, status) = Child::start(&mut command).rest();
    if status.code() == Some(127) {
        return None;
    }
    assert!(status.success(), "{calls} {fault} {when}: {status}, {lines:?}");
    Some((lines, std::fs::read_to_string(log).unwrap().contains("(INJECTED)")))
}

/// Whether calls can be made to fail here; says so if not.
fn can_inject(test: &str) -> bool {
    let works = has_tool("strace")
        && Command::new("strace")
            .args(["-f", "--seccomp-bpf", "-qq", "-e", "trace=none", "-o", "/dev/null", "true"])
            .status()
            .is_ok_and(|status| status.success());
    if !works {
        skipped(test, "strace is not there or may not trace");
    }
    works
}

/// Opens without faults and checks the journal against what the child said; the kind of its last line.
fn check(folder: &Path, lines: &[String], before: u64) -> String {
    let last = lines.last().expect("a last word");
    let durable = lines.iter().filter_map(|line| line.strip_prefix("durable ")).next_back();
    let durable: u64 = durable.map_or(0, |text| text.parse().unwrap());
    let opened = Journal::at(folder).segment_records(16).open::<Note>();
    let (writer, report) = opened.unwrap_or_else(|error| panic!("{lines:?}, then {error}"));
    let end = writer.close().unwrap();
    assert_eq!(read_folder(folder).unwrap(), end);
    assert!(end >= durable && end >= before && report.truncated_at.is_none(), "{lines:?}, {report}");
    let names: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(!names.iter().any(|name| name.to_string_lossy().ends_with(".tmp")), "{names:?}");
    if let Some(appended) = last.strip_prefix("append ") {
        assert!(appended.starts_with(&format!("{end}: ")), "{end} records, {last}");
    }
    last.split_once(' ').expect("a word and more").0.trim_end_matches(':').to_owned()
}

/// Every such call of a life fails in its turn, in a new journal and in one that was there.
fn sweep(calls: &str, fault: &str, symptom: &str) -> BTreeMap<String, u64> {
    let place = in_memory();
    let (log, old) = (place.path().join("strace"), place.path().join("old"));
    let (lines, status) = Child::start(Command::new(CHILD).arg("live").arg(&old).arg("40")).rest();
    assert!(status.success(), "{lines:?}");
    let mut ends = BTreeMap::new();
    for begun in [false, true] {
        for when in 1.. {
            let folder = place.path().join(format!("{begun}-{when}"));
            if begun {
                copy_folder(&old, &folder);
            }
            let Some((lines, failed)) = injected(&folder, &log, calls, fault, when) else { continue };
            if failed && !lines.last().is_some_and(|line| line.starts_with("closed ")) {
                let last = lines.last().expect("a last word");
                assert!(last.contains(symptom), "{calls} {fault} {when}: {lines:?}");
                assert!(last.contains(folder.to_str().unwrap()), "no path in {last:?}");
            }
            let kind = check(&folder, &lines, if begun { 40 } else { 0 });
            std::fs::remove_dir_all(&folder).unwrap();
            if !failed {
                assert_eq!(kind, "closed");
                break;
            }
            *ends.entry(kind).or_insert(0) += 1;
            assert!(when < 200, "{calls}: {ends:?}");
        }
    }
    println!("{calls} {fault}: {ends:?}");
    ends
}

#[test]
fn row_fsync_or_msync_error_of_the_kernel_is_terminal() {
    if !can_inject("row_fsync_or_msync_error_of_the_kernel_is_terminal") {
        return;
    }
    let ends = sweep("msync", "error=EIO", "os error 5");
    assert!(!ends.contains_key("open") && !ends.contains_key("closed"), "{ends:?}");
    let ends = sweep("fsync", "error=EIO", "os error 5");
    assert!(ends.contains_key("open") && ends.len() > 1 && !ends.contains_key("closed"), "{ends:?}");
}

#[test]
fn row_disk_full_said_by_fallocate_waits_and_goes_on() {
    if !can_inject("row_disk_full_said_by_fallocate_waits_and_goes_on") {
        return;
    }
    // The first segment's is the open's own; the preparer tries again.
    let ends = sweep("fallocate", "error=ENOSPC", "os error 28");
    assert!(ends.contains_key("open") && ends.contains_key("closed") && ends.len() == 2, "{ends:?}");
}

#[test]
fn row_signals_eintr_is_retried_by_every_call() {
    if !can_inject("row_signals_eintr_is_retried_by_every_call") {
        return;
    }
    let retried = |calls: &[&str]| {
        for calls in calls {
            let ends = sweep(calls, "error=EINTR", "os error 4");
            assert!(ends.keys().eq(["closed"]), "{calls}: {ends:?}");
        }
    };
    // Some at a time: each child waits for its tracer.
    std::thread::scope(|scope| {
        for calls in [["openat", "fsync"], ["fallocate", "pwrite64"], ["pread64", "flock"]] {
            scope.spawn(move || retried(&calls));
        }
        retried(&["madvise", "ftruncate"]);
    });
}

#[test]
fn row_every_call_of_the_kernel_fails_in_turn() {
    if !can_inject("row_every_call_of_the_kernel_fails_in_turn") {
        return;
    }
    for (calls, fault, symptom) in [
        ("pwrite64", "error=EIO", "os error 5"),
        ("renameat2", "error=EACCES", "os error 13"),
        ("flock", "error=ENOLCK", "os error 37"),
        ("mkdir", "error=EROFS", "os error 30"),
    ] {
        let ends = sweep(calls, fault, symptom);
        assert!(ends.contains_key("open"), "{ends:?}");
    }
}

/// A folder three levels down, none of which was there: synced was once only the entry of the last.
#[test]
fn row_power_loss_of_folder_entries_each_folder_made_is_synced() {
    if !can_inject("row_power_loss_of_folder_entries_each_folder_made_is_synced") {
        return;
    }
    let place = in_memory();
    let (log, folder) = (place.path().join("strace"), place.path().join("a/b/c"));
    let mut command = Command::new("strace");
    command.args(["-f", "-qq", "-y", "-e", "trace=fsync", "-e", "signal=none", "-o"]).arg(&log);
    let (lines, status) = Child::start(command.arg(CHILD).arg("live").arg(&folder).arg("40")).rest();
    assert!(status.success(), "{lines:?}");
    let text = std::fs::read_to_string(&log).unwrap();
    for parent in folder.ancestors().skip(1).take(3) {
        assert!(text.contains(&format!("<{}>)", parent.display())), "{parent:?} was not synced: {text}");
    }
}
