//! The rows of the fault matrix about a disk that says in one of its calls that it is full.

use std::io::ErrorKind;

use slipring_journal::__private::storage::{Memory, Storage};
use slipring_journal::{AppendError, DiskFull, Stall, SyncError, Writer};
use slipring_tests::faulty::{Call, Faulty};
use slipring_tests::journals::{BOOT, Note, append_to, closed, note, open, options, read_all, segment, time};

use crate::faults_calls::{CAPACITY, opened, opened_again};

#[test]
fn row_disk_full_told_before_the_space_is_needed_and_waits_for_room() {
    let faulty = Faulty::new(Memory::new(BOOT));
    let mut writer = opened(&faulty);
    let cursors = writer.cursors();
    faulty.fail(Call::Allocate, ErrorKind::StorageFull);
    while writer.step_preparer() {}
    assert!(cursors.disk_full(), "known while the active segment has room");
    for id in 0..CAPACITY {
        writer.append(time(id), &note(id)).unwrap();
    }
    for _ in 0..3 {
        match writer.try_append(time(CAPACITY), &note(CAPACITY)) {
            Err(AppendError::Full { sequence: CAPACITY, why: Stall::DiskFull }) => {}
            other => panic!("{other:?}"),
        }
        writer.step_preparer();
    }
    assert_eq!(cursors.stalls(), 1);
    // What is there can be made durable meanwhile.
    assert!(writer.step_syncer());
    assert_eq!(cursors.durable_end(), CAPACITY);
    assert!(!faulty.list().unwrap().iter().any(|name| name.ends_with(".tmp")), "space kept for nothing");
    faulty.mend();
    append_to(&mut writer, 20);
    assert!(!cursors.disk_full());
    writer.close().unwrap();
    assert_eq!(read_all(&faulty).unwrap(), 20);
}

#[test]
fn row_disk_full_in_any_call_of_a_preparation_waits_and_goes_on() {
    // The sync of the folder comes after the rename: the file once stayed, and stood in the next attempt's
    // way.
    for call in [Call::Create, Call::Allocate, Call::Write, Call::SyncFile, Call::Rename, Call::SyncFolder] {
        let faulty = Faulty::new(Memory::new(BOOT));
        let mut writer = opened(&faulty);
        faulty.fail(call, ErrorKind::StorageFull);
        for _ in 0..3 {
            while writer.step_preparer() {}
            assert!(writer.cursors().disk_full() && writer.cursors().failure().is_none(), "{call:?}");
            let names = faulty.list().unwrap();
            assert!(!names.iter().any(|name| name.contains(&segment(CAPACITY))), "{call:?}: {names:?}");
        }
        faulty.mend();
        append_to(&mut writer, 20);
        assert!(!writer.cursors().disk_full());
        writer.abandon();
    }
}

#[test]
fn row_disk_full_for_the_removal_of_what_the_disk_was_too_full_for() {
    let faulty = Faulty::new(Memory::new(BOOT));
    let mut writer = opened(&faulty);
    faulty.fail(Call::SyncFolder, ErrorKind::StorageFull);
    faulty.fail(Call::Remove, ErrorKind::StorageFull);
    writer.step_preparer();
    while writer.step_preparer() {}
    assert!(faulty.memory.to_files().contains_key(&segment(CAPACITY)), "in the next attempt's way");
    faulty.mend();
    append_to(&mut writer, 20);
    assert!(writer.cursors().failure().is_none());
    // What another hand put there stays, and is said.
    let faulty = Faulty::new(Memory::new(BOOT));
    let mut writer = opened(&faulty);
    let foreign = closed(CAPACITY, 3).to_files().remove(&segment(0)).unwrap();
    faulty.memory.put(&segment(CAPACITY), &foreign);
    while writer.step_preparer() {}
    append_to(&mut writer, CAPACITY);
    assert!(writer.try_append(time(CAPACITY), &note(CAPACITY)).is_err());
    while writer.step_preparer() {}
    assert!(matches!(writer.cursors().failure(), Some(SyncError::PrepareFailed { .. })));
    assert_eq!(faulty.memory.to_files()[&segment(CAPACITY)], foreign);
}

#[test]
fn row_disk_full_halts_by_policy() {
    let faulty = Faulty::new(Memory::new(BOOT));
    let journal = options(CAPACITY).disk_full(DiskFull::Halt);
    let (mut writer, _) = open(&journal, &faulty).unwrap();
    append_to(&mut writer, 3);
    faulty.fail(Call::Allocate, ErrorKind::StorageFull);
    let error = loop {
        writer.step_preparer();
        if let Err(error) = writer.try_append(time(writer.end_sequence()), &note(writer.end_sequence())) {
            break error;
        }
    };
    assert!(matches!(error, AppendError::Failed(SyncError::DiskFull { .. })), "{error:?}");
    let end = writer.end_sequence();
    assert_eq!(end % CAPACITY, 0, "not before the room is needed");
    // There is no room for more; what is there can become durable all the same.
    let cursors = writer.cursors();
    assert!(matches!(writer.close(), Err(SyncError::DiskFull { .. })));
    assert_eq!(cursors.durable_end(), end);
    assert_eq!(read_all(&faulty).unwrap(), end, "what is there stays");
    // Every segment is full, so opening needs space for the next.
    assert!(open(&journal, &faulty).is_err());
    faulty.mend();
    open(&journal, &faulty).unwrap().0.abandon();
    assert_eq!(read_all(&faulty).unwrap(), end);
}

/// The next segment is there, the file after it is not made yet.
fn with_the_next_only(policy: DiskFull) -> (Writer<Note, Faulty>, Faulty) {
    let faulty = Faulty::new(Memory::new(BOOT));
    let (mut writer, _) = open(&options(CAPACITY).disk_full(policy), &faulty).unwrap();
    while !faulty.memory.to_files().contains_key(&segment(CAPACITY)) {
        assert!(writer.step_preparer());
    }
    (writer, faulty)
}

#[test]
fn row_disk_full_for_the_file_after_the_next_counts_once_it_is_needed() {
    let (mut writer, faulty) = with_the_next_only(DiskFull::Halt);
    faulty.fail(Call::Allocate, ErrorKind::StorageFull);
    while writer.step_preparer() {}
    assert!(writer.cursors().failure().is_none() && !writer.cursors().disk_full());
    for id in 0..=CAPACITY {
        writer.append(time(id), &note(id)).unwrap();
    }
    while writer.step_preparer() {}
    assert!(
        writer.cursors().disk_full() && writer.cursors().failure().is_none(),
        "there is room in this one"
    );
    for id in CAPACITY + 1..2 * CAPACITY {
        writer.append(time(id), &note(id)).unwrap();
    }
    assert!(writer.try_append(time(2 * CAPACITY), &note(2 * CAPACITY)).is_err());
    while writer.step_preparer() {}
    assert!(matches!(writer.cursors().failure(), Some(SyncError::DiskFull { .. })));
    // There was room again in time: nobody learns of it.
    let (mut writer, faulty) = with_the_next_only(DiskFull::Halt);
    faulty.fail(Call::Allocate, ErrorKind::StorageFull);
    while writer.step_preparer() {}
    faulty.mend();
    append_to(&mut writer, 20);
    assert!(faulty.memory.to_files().contains_key(&segment(4 * CAPACITY)), "two files are ahead");
    writer.close().unwrap();
    assert!(!faulty.memory.to_files().contains_key(&segment(4 * CAPACITY)), "and one stays");
}

#[test]
fn row_fsync_error_in_preparing_the_file_after_the_next_is_typed_and_final() {
    for call in [Call::SyncFolder, Call::SyncFile] {
        let (mut writer, faulty) = with_the_next_only(DiskFull::Wait);
        faulty.fail(call, ErrorKind::Other);
        while writer.step_preparer() {}
        let failed = writer.append(time(0), &note(0));
        assert!(matches!(&failed, Err(AppendError::Failed(SyncError::PrepareFailed { .. }))), "{failed:?}");
        assert!(!faulty.memory.to_files().contains_key(&segment(2 * CAPACITY)), "nothing half made");
    }
}

#[test]
fn row_disk_full_when_opening_a_journal_without_room() {
    let faulty = Faulty::new(closed(CAPACITY, CAPACITY));
    faulty.memory.remove(&segment(CAPACITY)).unwrap();
    faulty.fail(Call::Allocate, ErrorKind::StorageFull);
    let opened = open(&options(CAPACITY), &faulty);
    assert!(opened.is_err_and(|error| error.to_string().contains("allocate")));
    let names = faulty.list().unwrap();
    assert_eq!(names.iter().filter(|name| name.contains(".seg")).count(), 1, "{names:?}");
    assert_eq!(read_all(&faulty).unwrap(), CAPACITY);
    faulty.mend();
    append_to(&mut opened_again(&faulty, CAPACITY), CAPACITY + 3);
}
