//! What an append must not do, counted: no wait, no page fault, no system call across rolls; no memory that
//! grows with the journal; and no opening after a crash that reads more of a longer one. Counts, never times.

use std::collections::HashMap;
use std::process::Command;

use slipring_journal::__private::storage::Memory;
use slipring_journal::{Journal, SyncMode};
use slipring_tests::children::{Child, has_tool, skipped};
use slipring_tests::faulty::{Call, Faulty};
use slipring_tests::journals::{BOOT, Note, append_to, open};

const CHILD: &str = env!("CARGO_BIN_EXE_hot_child");
const ROLLS: u64 = 100;

/// What a child says, as "name count" lines.
fn counts(command: &mut Command) -> HashMap<String, u64> {
    let (lines, status) = Child::start(command).rest();
    assert!(status.success(), "{status}, {lines:?}");
    let pairs = lines.iter().map(|line| line.split_once(' ').expect("a name and a count"));
    pairs.map(|(name, count)| (name.to_owned(), count.parse().expect("a count"))).collect()
}

#[test]
fn across_rolls_the_appending_thread_never_waits_and_never_faults() {
    // Memory-backed files are never cleaned by the kernel's flusher, so that what is counted is ours.
    for place in [tempfile::tempdir_in("/dev/shm").ok(), tempfile::tempdir().ok()].into_iter().flatten() {
        let folder = place.path().join("journal");
        let counts = counts(Command::new(CHILD).arg("rolls").arg(&folder).arg(ROLLS.to_string()));
        println!("{ROLLS} rolls in {}: {counts:?}", place.path().display());
        assert_eq!((counts["voluntary"], counts["stalls"]), (0, 0), "{counts:?}");
        assert_eq!((counts["minor"], counts["major"]), (0, 0), "{counts:?}");
    }
}

#[test]
fn across_rolls_the_appending_thread_makes_no_system_call() {
    let place = tempfile::tempdir().unwrap();
    let log = place.path().join("strace");
    let mut command = Command::new("strace");
    command.args(["-f", "-qq", "-e", "signal=none", "-o"]).arg(&log);
    command.arg(CHILD).arg("rolls").arg(place.path().join("journal")).arg(ROLLS.to_string());
    let mut can_trace = Command::new("strace");
    can_trace.args(["-qq", "-o", "/dev/null", "true"]);
    if !has_tool("strace") || !can_trace.status().is_ok_and(|status| status.success()) {
        return skipped(
            "across_rolls_the_appending_thread_makes_no_system_call",
            "no strace, or it may not trace",
        );
    }
    let counts = counts(&mut command);
    let thread = counts["thread"].to_string();
    let text = std::fs::read_to_string(&log).unwrap();
    let calls = text.lines().filter_map(|line| line.split_once(' ').filter(|(who, _)| *who == thread));
    let (mut stretches, mut measured, mut others) = (0, false, 0);
    for (_, call) in calls {
        let call = call.trim_start();
        // "<... read resumed>": the rest of a line that was cut short by another thread's.
        if call.starts_with("<...") {
            continue;
        }
        if call.starts_with("getrusage(RUSAGE_THREAD") {
            measured = !measured;
            stretches += u64::from(measured);
        } else {
            assert!(!measured, "a system call in stretch {stretches}: {call}");
            others += 1;
        }
    }
    // It does make some: the trace is of the right thread.
    assert!(stretches >= ROLLS && !measured && others > 10, "{stretches} stretches, {others} other calls");
    println!("{stretches} stretches without a system call, {others} calls around them");
}

#[test]
fn memory_besides_the_maps_does_not_grow_with_the_journal() {
    let place = tempfile::tempdir().unwrap();
    let kib = counts(Command::new(CHILD).arg("memory").arg(place.path().join("journal")));
    println!("KiB of anonymous memory after so many million records: {kib:?}");
    // Each 2 million records more are 122 MiB more; the allocator may settle by some pages.
    assert!(kib["3"] <= kib["1"] + 128 && kib["5"] <= kib["3"] + 64, "{kib:?}");
}

/// What opening asks of the storage, for a journal of so many segments of so many records, whose writer died
/// with a tail of 2,500.
fn opening(segments: u64, capacity: u64) -> (u64, Vec<(Call, usize)>) {
    const TAIL: u64 = 2_500;
    let journal =
        Journal::at("memory").segment_records(capacity).sync(SyncMode::EveryBatch).window_records(1 << 12);
    let memory = Memory::new(BOOT);
    let (mut writer, _) = open(&journal, &memory).unwrap();
    // Twice the window, and so what is looked at, lies in the last segment like the tail.
    let records = segments * capacity - capacity / 2;
    for end in (0..records - TAIL).step_by(4_096).chain([records - TAIL]) {
        append_to(&mut writer, end);
        writer.step_syncer();
    }
    append_to(&mut writer, records);
    writer.abandon();
    let faulty = Faulty::new(memory);
    let (writer, report) = journal.open_on::<Note, Faulty>(&faulty, false).unwrap();
    assert_eq!((report.durable_end, report.end_sequence), (records - TAIL, records));
    assert_eq!(report.rewritten, TAIL);
    writer.abandon();
    let kinds =
        [Call::List, Call::Open, Call::Read, Call::Write, Call::SyncFile, Call::SyncFolder, Call::Map];
    (faulty.record_reads(), kinds.map(|kind| (kind, faulty.count(kind))).to_vec())
}

#[test]
fn opening_after_a_crash_reads_as_much_of_a_journal_ten_times_as_long() {
    let (short, long) = (opening(4, 20_000), opening(4, 200_000));
    println!("record reads and calls of an open: {short:?}");
    assert_eq!(short, long, "80,000 and 800,000 records in 4 segments each");
    assert!(short.0 > 1);
    // And of more segments only their headers, and that of the last record, which the next segment names.
    let more = opening(8, 20_000);
    assert_eq!(more.0, short.0 + 4, "160,000 records in 8 segments");
}
