//! Retention: what goes by age, size, count and snapshot, who may hold it, in which order of precedence, and
//! that readers beside a writer that retires never see damage. Crashes in the middle: `power_loss.rs`.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use slipring_journal::__private::storage::{Memory, Storage, StorageFile};
use slipring_journal::__private::{protect, verify_on};
use slipring_journal::{
    Follower, Journal, JournalFault, OpenError, ReadError, Reader, Retention, Status, SyncError, SyncMode,
    Writer,
};
use slipring_tests::folders::in_memory;
use slipring_tests::journals::{
    BLOCK_BYTES, BOOT, HEADER_BYTES, NEXT_BOOT, Note, RECORD_BYTES, append_to, note, open, options,
    same_boot, segment, time,
};

const CAPACITY: u64 = 4;
/// What the files of a segment's records count for.
const SEGMENT_BYTES: u64 =
    (slipring_journal::HEADER_BYTES + CAPACITY * RECORD_BYTES as u64).next_multiple_of(4096);

fn start(retention: Retention) -> (Memory, Writer<Note, Memory>) {
    let memory = Memory::new(BOOT);
    let (writer, _) = open(&options(CAPACITY).retention(retention), &memory).expect("a new journal");
    (memory, writer)
}

/// Appends up to `end` and makes all of it durable, then lets the sweeper unlink.
fn go_to(writer: &mut Writer<Note, Memory>, end: u64) {
    for id in writer.end_sequence()..end {
        writer.step_syncer();
        while writer.step_preparer() {}
        assert_eq!(writer.append(time(id), &note(id)).expect("there is room"), id);
    }
    settle(writer);
}

/// Rounds of both until there is nothing to do.
fn settle(writer: &mut Writer<Note, Memory>) {
    while writer.step_syncer() || writer.step_preparer() {}
}

fn first(writer: &Writer<Note, Memory>) -> u64 {
    writer.retention().expect("it has a retention").first_sequence()
}

/// The journal is fine as it lies there, begins at `first`, and has no file from before it.
fn check_files(memory: &Memory, first: u64, end: u64) {
    let report = verify_on(memory.clone(), |_, _| {}).expect("a journal");
    assert_eq!((report.status, report.first_sequence, report.end_sequence), (Status::Fine, first, end));
    let names: Vec<_> = memory.to_files().into_keys().filter(|name| name.ends_with(".seg")).collect();
    assert_eq!(names.first(), Some(&segment(first)), "{names:?}");
}

#[test]
fn by_count_at_least_so_many_records_stay() {
    for keep in [0, 1, 5, 8, 13] {
        let (memory, mut writer) = start(Retention::new().keep_records(keep));
        for end in 1..40 {
            go_to(&mut writer, end);
            // The last whole segment that leaves enough; never that of the last record.
            let wanted = (end.saturating_sub(keep) / CAPACITY).min((end - 1) / CAPACITY) * CAPACITY;
            assert_eq!(first(&writer), wanted, "{keep} kept of {end}");
            check_files(&memory, wanted, end);
        }
        writer.close().unwrap();
    }
}

#[test]
fn by_size_the_files_stay_below_it() {
    let (memory, mut writer) = start(Retention::new().keep_bytes(3 * SEGMENT_BYTES));
    go_to(&mut writer, 12);
    assert_eq!(first(&writer), 0, "three segments are not more than three");
    go_to(&mut writer, 13);
    assert_eq!(first(&writer), 4);
    go_to(&mut writer, 30);
    check_files(&memory, 20, 30);
    // Less than one segment: the last durable record stays all the same.
    let (_, mut writer) = start(Retention::new().keep_bytes(1));
    go_to(&mut writer, 12);
    assert_eq!(first(&writer), 8);
}

#[test]
fn by_age_counted_from_the_last_record_and_not_from_the_clock() {
    // Notes are ten nanoseconds apart.
    let (memory, mut writer) = start(Retention::new().keep_age(Duration::from_nanos(100)));
    go_to(&mut writer, 14);
    assert_eq!(first(&writer), 0, "record 3 is exactly 100 ns old");
    go_to(&mut writer, 15);
    assert_eq!(first(&writer), 4);
    check_files(&memory, 4, 15);
    writer.close().unwrap();
    // Ages of segments that were there before the opening, too.
    let retention = Retention::new().keep_age(Duration::from_nanos(20));
    let (mut writer, _) = open(&options(CAPACITY).retention(retention), &memory).unwrap();
    go_to(&mut writer, 16);
    assert_eq!(first(&writer), 12);
    check_files(&memory, 12, 16);
}

#[test]
fn a_snapshot_comes_before_age_size_and_count() {
    let (memory, mut writer) = start(Retention::new().keep_records(1).only_behind_snapshots());
    go_to(&mut writer, 30);
    assert_eq!(first(&writer), 0, "no snapshot yet");
    let handle = writer.retention().unwrap();
    handle.snapshot(11);
    settle(&mut writer);
    assert_eq!(handle.first_sequence(), 8, "without anything new to sync");
    check_files(&memory, 8, 30);
    // It does not move back.
    handle.snapshot(3);
    handle.snapshot(30);
    settle(&mut writer);
    assert_eq!(handle.first_sequence(), 28);
    // Snapshots alone: all that they cover goes.
    let (_, mut writer) = start(Retention::new().only_behind_snapshots());
    go_to(&mut writer, 30);
    writer.retention().unwrap().snapshot(17);
    settle(&mut writer);
    assert_eq!(first(&writer), 16);
}

#[test]
fn nothing_above_the_durable_watermark_goes() {
    let (_, mut writer) = start(Retention::new().only_behind_snapshots());
    go_to(&mut writer, 5);
    for id in 5..12 {
        while writer.step_preparer() {}
        writer.append(time(id), &note(id)).unwrap();
    }
    // A snapshot that is ahead of D does not count beyond it.
    writer.retention().unwrap().snapshot(12);
    assert_eq!(writer.cursors().durable_end(), 5);
    while writer.step_preparer() {}
    assert_eq!(first(&writer), 0, "nobody has synced, so nobody has retired");
    writer.step_syncer();
    assert_eq!((writer.cursors().durable_end(), first(&writer)), (12, 8));
}

#[test]
fn a_lease_holds_within_its_bounds_and_is_evicted_beyond() {
    let bound = 20 * RECORD_BYTES as u64;
    let (memory, mut writer) = start(Retention::new().keep_records(0).lease_bytes(bound));
    go_to(&mut writer, 3);
    let handle = writer.retention().unwrap();
    let (slow, quick) = (handle.lease(0).unwrap(), handle.lease(2).unwrap());
    go_to(&mut writer, 20);
    assert_eq!(handle.first_sequence(), 0, "held");
    slow.advance(6).unwrap();
    quick.advance(18).unwrap();
    settle(&mut writer);
    assert_eq!(handle.first_sequence(), 4, "as far as the slow one has come");
    go_to(&mut writer, 26);
    assert_eq!(handle.first_sequence(), 4, "twenty records are within the bound");
    // One more is beyond it; but a quick reader that still holds the next segment saves it from nothing.
    go_to(&mut writer, 27);
    assert_eq!(handle.first_sequence(), 16, "up to what the quick one holds");
    assert!(matches!(slow.advance(7), Err(ReadError::Evicted { sequence: 6, first: 16 })));
    quick.advance(27).unwrap();
    assert!(matches!(handle.lease(15), Err(ReadError::Evicted { sequence: 15, first: 16 })));
    drop(quick);
    settle(&mut writer);
    check_files(&memory, 24, 27);
    // By age: the lease's oldest segment may get 60 ns old.
    let (_, mut writer) = start(Retention::new().keep_records(0).lease_age(Duration::from_nanos(60)));
    go_to(&mut writer, 1);
    let lease = writer.retention().unwrap().lease(0).unwrap();
    go_to(&mut writer, 10);
    assert_eq!(first(&writer), 0);
    go_to(&mut writer, 11);
    assert_eq!(first(&writer), 8);
    assert!(lease.advance(1).is_err());
}

#[test]
fn a_retirement_cut_short_is_finished_on_the_next_opening() {
    let (memory, mut writer) = start(Retention::new().keep_records(0));
    for id in 0..11 {
        while writer.step_preparer() {}
        writer.append(time(id), &note(id)).unwrap();
    }
    // The control file gives the segments up; the process dies before the sweeper unlinks.
    writer.step_syncer();
    writer.abandon();
    assert!(memory.to_files().contains_key(&segment(0)));
    assert_eq!(Reader::<Note, _>::open_to(memory.clone(), None).unwrap().first_sequence(), 8);
    let (writer, report) =
        open(&options(CAPACITY), &Memory::from_files(memory.to_files(), NEXT_BOOT)).unwrap();
    assert_eq!((report.first_sequence, report.end_sequence), (8, 11));
    assert_eq!(report.removed[..2], [segment(0), segment(4)]);
    assert!(writer.retention().is_none());
    // Closing unlinks what is left by itself.
    let (memory, mut writer) = start(Retention::new().keep_records(0));
    for id in 0..11 {
        while writer.step_preparer() {}
        writer.append(time(id), &note(id)).unwrap();
    }
    writer.close().unwrap();
    check_files(&memory, 8, 11);
}

#[test]
fn after_everything_but_the_last_record_is_gone_time_and_epoch_still_go_on() {
    let (memory, mut writer) = start(Retention::new().keep_records(0));
    go_to(&mut writer, 8);
    writer.close().unwrap();
    let (mut writer, report) = open(&options(CAPACITY), &memory).unwrap();
    assert_eq!((report.first_sequence, report.last_time_ns), (4, Some(time(7))));
    assert_eq!(writer.append(5, &note(8)).unwrap(), 8);
    assert_eq!(writer.last_time_ns(), Some(time(7)), "time went back");
}

#[test]
fn a_follower_that_retention_overtook_is_told_so() {
    let (memory, mut writer) = start(Retention::new().keep_records(0));
    go_to(&mut writer, 3);
    let mut follower = Follower::<Note, _>::open_on(memory.clone(), 0).unwrap();
    assert_eq!(follower.next_chunk().unwrap().unwrap().records.len(), 3);
    go_to(&mut writer, 30);
    // What it has open it may still read; then it stands before a gap.
    let mut next = 3;
    let error = loop {
        match follower.next_chunk() {
            Ok(Some(chunk)) => next = chunk.first_sequence + chunk.records.len() as u64,
            Ok(None) => panic!("it waits at {next} for what is gone"),
            Err(error) => break error,
        }
    };
    match error {
        ReadError::Evicted { sequence, first } => assert_eq!((sequence, first), (4, 28)),
        other => panic!("{other}"),
    }
    // So is one that comes too late, from a sequence or from a saved position.
    let anchor = follower.anchor().expect("it has read");
    let late = Follower::<Note, _>::open_on(memory.clone(), 27).map(drop);
    assert!(matches!(late, Err(ReadError::Evicted { sequence: 27, first: 28 })), "{late:?}");
    let late = Follower::<Note, _>::resume_on(memory.clone(), anchor).map(drop);
    assert!(matches!(late, Err(ReadError::Evicted { sequence: 3, first: 28 })), "{late:?}");
    let mut in_time = Follower::<Note, _>::open_on(memory.clone(), 28).unwrap();
    assert_eq!(in_time.next_chunk().unwrap().unwrap().first_sequence, 28);
}

#[test]
fn a_retention_without_a_rule_is_refused() {
    let refused = open(&options(CAPACITY).retention(Retention::new()), &Memory::new(BOOT));
    assert!(matches!(refused, Err(OpenError::BadOption { option: "retention", .. })), "{refused:?}");
}

#[test]
fn hooks_tell_of_sealed_segments_and_of_durable_records() {
    let (sealed, durable) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(Vec::new())));
    let (to_sealed, to_durable) = (Arc::clone(&sealed), Arc::clone(&durable));
    let journal = options(CAPACITY)
        .on_sealed(move |segment| to_sealed.lock().unwrap().push((segment.base, segment.end)))
        .on_durable(move |end| to_durable.lock().unwrap().push(end));
    let memory = Memory::new(BOOT);
    let (mut writer, _) = open(&journal, &memory).unwrap();
    for end in [3, 9, 10] {
        for id in writer.end_sequence()..end {
            while writer.step_preparer() {}
            writer.append(time(id), &note(id)).unwrap();
        }
        writer.step_syncer();
    }
    writer.close().unwrap();
    assert_eq!(*sealed.lock().unwrap(), [(0, 4), (4, 8)]);
    assert_eq!(*durable.lock().unwrap(), [3, 9, 10, 10]);
    // One that panics ends the journal, and whoever waits learns why.
    let (mut writer, _) = open(&options(CAPACITY).on_durable(|_| panic!("told you")), &memory).unwrap();
    writer.append(time(10), &note(10)).unwrap();
    writer.step_syncer();
    assert!(matches!(writer.cursors().failure(), Some(SyncError::HookPanicked { durable_end: 11 })));
    assert!(writer.append(time(11), &note(11)).is_err());
}

/// The sync that seals a segment may retire it too. The sweeper unlinks on a thread of its own, as fast as it
/// can.
#[test]
fn a_sealed_segment_is_there_while_its_hook_runs() {
    let folder = in_memory();
    let told = Arc::new(Mutex::new(Vec::new()));
    let to_told = Arc::clone(&told);
    let journal = Journal::at(folder.path())
        .segment_records(16)
        .sync(SyncMode::every(Duration::from_millis(20)))
        .retention(Retention::new().keep_records(0))
        .on_sealed(move |segment| {
            std::thread::sleep(Duration::from_millis(5));
            to_told.lock().unwrap().push((segment.base, segment.path.exists()));
        });
    let (mut writer, _) = journal.open::<Note>().expect("a new journal");
    for id in 0..800 {
        assert_eq!(writer.append(time(id), &note(id)).expect("there is room"), id);
    }
    writer.close().unwrap();
    let told = told.lock().unwrap();
    let wanted: Vec<_> = (0..800).step_by(16).map(|base| (base, true)).collect();
    assert_eq!(*told, wanted);
    let first = journal.reader::<Note>().unwrap().first_sequence();
    assert!(first >= 600, "hardly anything was retired: it begins at {first}");
}

/// On real files: readers open and read while segments are unlinked under them. What a reader has open stays;
/// behind that it may be overtaken, and is told so.
#[test]
fn readers_beside_a_writer_that_retires_see_no_damage() {
    const SEGMENT: u64 = 16;
    /// So many segments a reader holds open from its first record on.
    const HELD: u64 = 8;
    let folder = in_memory();
    let journal = Journal::at(folder.path())
        .segment_records(SEGMENT)
        .sync(SyncMode::EveryBatch)
        .retention(Retention::new().keep_records(20 * SEGMENT));
    let (mut writer, _) = journal.open::<Note>().expect("a new journal");
    let stop = Arc::new(AtomicBool::new(false));
    let (flag, path) = (Arc::clone(&stop), journal.clone());
    let reading = std::thread::spawn(move || {
        let (mut opened, mut overtaken, mut furthest) = (0, 0, 0);
        // Relaxed: it only says stop.
        while !flag.load(Ordering::Relaxed) {
            // Retention may overtake an opening, which then says so.
            let mut reader = match path.reader::<Note>() {
                Err(ReadError::Evicted { .. }) => continue,
                reader => reader.unwrap_or_else(|error| panic!("{error}")),
            };
            let (first, end) = (reader.first_sequence(), reader.end_sequence());
            if opened % 4 == 3 {
                // Long enough to be overtaken.
                std::thread::sleep(Duration::from_millis(20));
            }
            for sequence in first..end {
                match reader.at(sequence) {
                    Ok(record) => assert_eq!(record.event(), &note(sequence)),
                    Err(ReadError::Evicted { .. }) if sequence / SEGMENT >= first / SEGMENT + HELD => {
                        overtaken += 1;
                        break;
                    }
                    Err(error) => panic!("{sequence} of {first}..{end}: {error}"),
                }
            }
            opened += 1;
            furthest = first.max(furthest);
        }
        (opened, overtaken, furthest)
    });
    for id in 0..4_000 {
        writer.append(time(id), &note(id)).expect("room comes");
        writer.end_batch();
        if id % 8 == 0 {
            std::thread::sleep(Duration::from_micros(200));
        }
    }
    stop.store(true, Ordering::Relaxed);
    let (opened, overtaken, furthest) = reading.join().expect("no reader saw damage");
    println!("{opened} readers opened, {overtaken} were overtaken, the last begins at {furthest}");
    assert!(opened > 0);
    writer.close().expect("durable");
    let left = std::fs::read_dir(folder.path()).unwrap().count();
    assert!(left <= 26, "{left} files are left of 250 segments");
}

/// The newest control slot rots at any moment of a life that retires: the other one names no file that has
/// gone.
fn first_violation_of_a_rotten_slot() -> Option<String> {
    let memory = Memory::new(BOOT);
    let journal = options(4).retention(Retention::new().keep_records(6));
    let (mut writer, _) = open(&journal, &memory).unwrap();
    let mut moments = Vec::new();
    for end in 1..=60 {
        append_to(&mut writer, end);
        moments.push((memory.to_files(), writer.cursors().durable_end()));
        writer.step_syncer();
        moments.push((memory.to_files(), writer.cursors().durable_end()));
        while writer.step_preparer() {
            moments.push((memory.to_files(), writer.cursors().durable_end()));
        }
    }
    writer.abandon();
    for (index, (files, acknowledged)) in moments.iter().enumerate() {
        let generation = |slot: usize| {
            let at = slot * BLOCK_BYTES + 32;
            u64::from_le_bytes(files["control"][at..at + 8].try_into().unwrap())
        };
        let newest = usize::from(generation(1) > generation(0));
        let mut files = files.clone();
        files.get_mut("control").unwrap()[newest * BLOCK_BYTES + 40] ^= 1;
        match open(&journal, &same_boot(&files)) {
            Ok((writer, report)) => {
                writer.abandon();
                if report.end_sequence < *acknowledged {
                    return Some(format!("moment {index}: {acknowledged} were acknowledged, {report}"));
                }
            }
            Err(error) => return Some(format!("moment {index}: {error}")),
        }
    }
    assert!(moments.len() > 150);
    None
}

#[test]
fn the_newest_control_slot_may_rot_at_any_moment_of_retention() {
    assert_eq!(first_violation_of_a_rotten_slot(), None);
}

#[test]
fn control_retire_both() {
    let story = protect::without(protect::RETIRE_BOTH, first_violation_of_a_rotten_slot);
    assert!(story.is_some(), "files that one slot still names went unnoticed");
}

/// One flipped bit in a time once had two segments deleted.
#[test]
fn what_is_damaged_is_never_retired_and_is_said() {
    let rules = [
        Retention::new().keep_age(Duration::from_nanos(100_000)),
        Retention::new().keep_records(8),
        Retention::new().keep_bytes(1),
    ];
    for (rule, retention) in rules.into_iter().enumerate() {
        for damaged in [3, 23] {
            // The last record of the oldest segment, or the last of all, when the journal is open again.
            let memory = Memory::new(BOOT);
            let (mut writer, _) = open(&options(4), &memory).unwrap();
            for end in (4..=24).step_by(4) {
                append_to(&mut writer, end);
                writer.step_syncer();
            }
            writer.close().unwrap();
            let (mut writer, _) = open(&options(4).retention(retention), &memory).unwrap();
            let base = damaged / 4 * 4;
            let file = memory.open(&segment(base), true).unwrap();
            let at = (HEADER_BYTES + (damaged - base) as usize * RECORD_BYTES) as u64 + 5;
            let mut byte = [0];
            file.read_at(&mut byte, at).unwrap();
            file.write_at(&[byte[0] ^ 0x40], at).unwrap();
            writer.step_syncer();
            while writer.step_preparer() {}
            let handle = writer.retention().unwrap();
            // Only an age asks for the time of the last.
            if damaged == 3 || rule == 0 {
                let fault = handle.fault();
                let said = matches!(&fault, Some(JournalFault::CorruptRecord(at)) if at.sequence == damaged);
                assert!(said, "rule {rule}, record {damaged}: {fault:?}");
                assert_eq!(handle.first_sequence(), 0, "rule {rule}, record {damaged}");
                assert!(memory.list().unwrap().contains(&segment(0)));
            } else {
                assert!(handle.first_sequence() > 0, "rule {rule}");
            }
            writer.abandon();
        }
    }
}
