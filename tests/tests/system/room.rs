//! What an opening allocates: the place that a sparse copy lacks, bounded by what the folder holds; and an
//! opening that fails for want of it leaves nothing behind.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;
use std::process::Command;

use rustix::fs::FallocateFlags;
use slipring_journal::__private::storage::{Files, Memory};
use slipring_journal::{Journal, JournalFault, OpenError};
use slipring_tests::children::{Mount, is_root, skipped};
use slipring_tests::faulty::Faulty;
use slipring_tests::journals::{
    HEADER_BYTES, NEXT_BOOT, Note, RECORD_BYTES, append_to, died, note, open, options, segment, time,
};
use slipring_tests::types::{self, Quote1, Quote2};

/// A mebibyte of records.
const SEGMENT_RECORDS: u64 = 1 << 14;

fn journal(folder: &Path) -> Journal {
    Journal::at(folder).segment_records(SEGMENT_RECORDS)
}

fn make(folder: &Path, records: u64) {
    let (mut writer, _) = journal(folder).open::<Note>().unwrap();
    (0..records).for_each(|id| assert_eq!(writer.append(time(id), &note(id)).unwrap(), id));
    writer.close().unwrap();
}

/// Every file's length, blocks and content, but LOCK's.
fn look(folder: &Path) -> BTreeMap<String, (u64, u64, Vec<u8>)> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    let about = entries.map(|entry| {
        let (name, found) = (entry.file_name().into_string().unwrap(), entry.metadata().unwrap());
        (name, (found.len(), found.blocks(), std::fs::read(entry.path()).unwrap()))
    });
    about.filter(|(name, _)| name != "LOCK").collect()
}

fn sparse_copy(from: &Path, to: &Path) {
    let done = Command::new("cp").args(["-a", "--sparse=always"]).arg(from).arg(to).status().unwrap();
    assert!(done.success());
}

fn blocks(path: &Path) -> u64 {
    std::fs::metadata(path).unwrap().blocks()
}

fn sparse_on_a_full_disk(mount: &Mount) {
    let (whole, folder) = (mount.path().join("whole"), mount.path().join("sparse"));
    make(&whole, 1_000);
    // A tail to be cut, too, and saved.
    let active = whole.join(segment(0));
    let file = std::fs::File::options().write(true).open(&active).unwrap();
    file.write_all_at(&[7; 100], (HEADER_BYTES + 1_003 * RECORD_BYTES) as u64).unwrap();
    drop(file);
    sparse_copy(&whole, &folder);
    std::fs::remove_dir_all(&whole).unwrap();
    let active = folder.join(segment(0));
    assert!(blocks(&active) * 512 < SEGMENT_RECORDS * RECORD_BYTES as u64 / 2, "it is sparse");
    let ballast = std::fs::File::create(mount.path().join("ballast")).unwrap();
    let space = rustix::fs::statvfs(mount.path()).unwrap();
    let bytes = (space.f_bfree * space.f_frsize).saturating_sub(400 << 10);
    rustix::fs::fallocate(&ballast, FallocateFlags::empty(), 0, bytes).unwrap();
    drop(ballast);
    let before = look(&folder);
    for _ in 0..3 {
        match journal(&folder).open::<Note>() {
            Err(OpenError::Journal(JournalFault::Io(fault))) => assert!(fault.is_disk_full(), "{fault}"),
            other => panic!("{:?}", other.err()),
        }
        assert_eq!(look(&folder), before, "nothing is left behind");
    }
    std::fs::remove_file(mount.path().join("ballast")).unwrap();
    let (mut writer, report) = journal(&folder).open::<Note>().unwrap();
    assert_eq!((report.end_sequence, report.truncated_at), (1_000, Some(1_000)));
    let all = (HEADER_BYTES as u64) + SEGMENT_RECORDS * RECORD_BYTES as u64;
    assert!(blocks(&active) * 512 >= all, "every page has its place before it is stored to");
    (1_000..9_000).for_each(|id| assert_eq!(writer.append(time(id), &note(id)).unwrap(), id));
    writer.close().unwrap();
}

#[test]
fn row_sparse_copy_on_a_full_tmpfs_is_a_full_disk() {
    match Mount::tmpfs(8 << 20) {
        Ok(mount) => sparse_on_a_full_disk(&mount),
        Err(reason) => skipped("row_sparse_copy_on_a_full_tmpfs_is_a_full_disk", &reason),
    }
}

#[test]
fn row_sparse_copy_on_a_full_ext4_is_a_full_disk() {
    match is_root().then(|| Mount::image("ext4", 16 << 20)) {
        Some(Ok(mount)) => sparse_on_a_full_disk(&mount),
        Some(Err(reason)) => skipped("row_sparse_copy_on_a_full_ext4_is_a_full_disk", &reason),
        None => skipped("row_sparse_copy_on_a_full_ext4_is_a_full_disk", "only root can mount"),
    }
}

/// A header that claims far more than its file holds, whole or with a hole to that length: nothing is
/// allocated by it, unless the caller's own segments are as large.
#[test]
fn row_header_with_a_huge_capacity_fills_no_disk() {
    const HUGE_RECORDS: u64 = (200 << 20) / RECORD_BYTES as u64;
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("j");
    let huge = || Journal::at(&folder).segment_records(HUGE_RECORDS);
    let (mut writer, _) = huge().open::<Note>().unwrap();
    (0..100).for_each(|id| assert_eq!(writer.append(time(id), &note(id)).unwrap(), id));
    writer.close().unwrap();
    let active = folder.join(segment(0));
    for id in std::fs::read_dir(&folder).unwrap() {
        let path = id.unwrap().path();
        // The next segment, if the preparer has made it, is none of this.
        if path.extension().is_some_and(|extension| extension == "seg") && path != active {
            std::fs::remove_file(path).unwrap();
        }
    }
    let full = std::fs::metadata(&active).unwrap().len();
    let file = std::fs::File::options().write(true).open(&active).unwrap();
    for length in [(HEADER_BYTES + 100 * RECORD_BYTES) as u64, full] {
        file.set_len((HEADER_BYTES + 100 * RECORD_BYTES) as u64).unwrap();
        file.set_len(length).unwrap();
        let before = look(&folder);
        match Journal::at(&folder).segment_records(64).open::<Note>() {
            Err(OpenError::SegmentTooLarge { claimed_bytes, allocated_bytes, most_bytes, path }) => {
                assert_eq!((path, claimed_bytes), (active.clone(), full));
                assert!(allocated_bytes < 1 << 20 && most_bytes < 66 << 20, "{allocated_bytes} {most_bytes}");
            }
            other => panic!("{:?}", other.err()),
        }
        assert_eq!(look(&folder), before, "nothing is left behind");
    }
    let (writer, report) = huge().open::<Note>().unwrap();
    assert_eq!(report.end_sequence, 100);
    writer.close().unwrap();
}

/// The same where the segment does not go on, for the events are of a newer type.
#[test]
fn row_header_with_a_huge_capacity_fills_no_disk_where_the_events_change() {
    const HUGE_RECORDS: u64 = (200 << 20) / 32;
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("j");
    let journal = |records| Journal::at(&folder).segment_records(records).window_records(1 << 10);
    let (mut writer, _) =
        journal(HUGE_RECORDS).open_on::<Quote1, Files>(&Files::new(&folder), false).unwrap();
    types::append(&mut writer, 100);
    writer.close().unwrap();
    let active = folder.join(segment(0));
    for entry in std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap()) {
        let name = entry.file_name().into_string().unwrap();
        // What was made ahead is none of this.
        if name.ends_with(".seg") && name != segment(0) {
            std::fs::remove_file(entry.path()).unwrap();
        }
    }
    let full = std::fs::metadata(&active).unwrap().len();
    let file = std::fs::File::options().write(true).open(&active).unwrap();
    file.set_len(HEADER_BYTES as u64 + 100 * 32).unwrap();
    let before = look(&folder);
    match journal(64).open::<Quote2>() {
        Err(OpenError::SegmentTooLarge { claimed_bytes, .. }) => assert_eq!(claimed_bytes, full),
        other => panic!("{:?} {}", other.err(), blocks(&active)),
    }
    assert_eq!(look(&folder), before, "nothing is left behind");
    // As long as it was, with a hole: it takes no more, for nothing is written there.
    file.set_len(full).unwrap();
    let (writer, report) = journal(64).open::<Quote2>().unwrap();
    assert_eq!((report.end_sequence, report.new_event_version), (100, Some(2)));
    writer.close().unwrap();
    assert!(blocks(&active) * 512 < 4 << 20, "{}", blocks(&active));
}

/// Every call of an opening that saves what it cuts off fails in turn, again and again: the same bytes are
/// saved once, and nothing half saved stays.
#[test]
fn row_failed_open_saves_what_it_cuts_off_once() {
    let mut files = died(8, 20, 10).to_files();
    files.get_mut(&segment(8)).unwrap()[HEADER_BYTES + 6 * RECORD_BYTES] ^= 1;
    let start = || Memory::from_files(files.clone(), NEXT_BOOT);
    let saved = |storage: &Faulty| -> BTreeMap<String, Vec<u8>> {
        let files = storage.memory.to_files().into_iter();
        files.filter(|(name, _)| name.starts_with("discarded-")).collect()
    };
    let whole = Faulty::new(start());
    open(&options(8), &whole).unwrap().0.abandon();
    let wanted: Vec<_> = saved(&whole).into_values().collect();
    assert_eq!(wanted.len(), 1);
    for call in 0.. {
        let faulty = Faulty::new(start());
        let mut failures = 0;
        for _ in 0..5 {
            faulty.fail_nth(call, ErrorKind::StorageFull);
            match open(&options(8), &faulty) {
                Ok((writer, _)) => writer.abandon(),
                Err(_) => failures += 1,
            }
        }
        faulty.mend();
        if failures == 0 {
            assert!(call > 10);
            break;
        }
        let (mut writer, report) = open(&options(8), &faulty).unwrap();
        assert_eq!(report.end_sequence, 14, "call {call}");
        append_to(&mut writer, 20);
        writer.close().unwrap();
        let saved: Vec<_> = saved(&faulty).into_values().collect();
        let mut different = saved.clone();
        different.sort();
        different.dedup();
        assert_eq!(different.len(), saved.len(), "call {call}: the same bytes twice");
        assert!(saved.contains(&wanted[0]), "call {call}: all of it is saved");
    }
}

/// A hole that somebody has made under a live writer, on a disk that is full by then: the preparer meets it
/// first, and what the system calls a bad address is a full disk, which waits or halts by policy.
fn hole_under_a_writer(mount: &Mount) {
    let folder = mount.path().join("j");
    let journal = journal(&folder).reserve_bytes(64 << 10).window_records(1 << 12);
    let (mut writer, _) = journal.open_on::<Note, Files>(&Files::new(&folder), false).unwrap();
    while writer.step_preparer() {}
    (0..700).for_each(|id| assert_eq!(writer.append(time(id), &note(id)).unwrap(), id));
    let file = std::fs::File::options().write(true).open(folder.join(segment(0))).unwrap();
    let (hole, flags) = (80 << 10, FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE);
    rustix::fs::fallocate(&file, flags, hole, (1 << 20) - hole).unwrap();
    let space = rustix::fs::statvfs(mount.path()).unwrap();
    let ballast = std::fs::File::create(mount.path().join("ballast")).unwrap();
    let bytes = space.f_bfree * space.f_frsize;
    let mut filler = vec![1; 4096];
    // To the last block.
    let mut at = 0;
    while at < bytes && ballast.write_all_at(&filler, at).is_ok() {
        at += filler.len() as u64;
    }
    filler.clear();
    drop(ballast);
    while writer.step_preparer() {}
    let cursors = writer.cursors();
    assert!(cursors.disk_full() && cursors.failure().is_none(), "{:?}", cursors.failure());
    std::fs::remove_file(mount.path().join("ballast")).unwrap();
    while writer.step_preparer() {}
    (700..2_000).for_each(|id| {
        while writer.step_preparer() {}
        assert_eq!(writer.append(time(id), &note(id)).unwrap(), id);
    });
    writer.close().unwrap();
}

#[test]
fn row_no_block_for_a_page_of_a_tmpfs_is_a_full_disk() {
    match Mount::tmpfs(8 << 20) {
        Ok(mount) => hole_under_a_writer(&mount),
        Err(reason) => skipped("row_no_block_for_a_page_of_a_tmpfs_is_a_full_disk", &reason),
    }
}
