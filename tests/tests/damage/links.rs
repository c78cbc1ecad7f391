//! Segments and control file are bound to each other: what is whole and yet of another copy of the journal,
//! or of an earlier time, is found out.

use slipring_journal::__private::storage::Memory;
use slipring_journal::__private::verify_on;
use slipring_journal::{JournalFault, OpenError, ReadError, Retention, Status};
use slipring_tests::journals::{
    BLOCK_BYTES, BOOT, FileSet, HEADER_BYTES, NEXT_BOOT, RECORD_BYTES, append_to, closed, next_boot, note,
    open, options, read_all, same_boot, segment, time,
};

const CAPACITY: u64 = 8;
const LINK_AT: usize = 2 * BLOCK_BYTES;

/// What an open, a reader and verify say of it: all three the same conflict.
fn conflict(files: &FileSet) -> [String; 2] {
    let mut said = Vec::new();
    for memory in [same_boot(files), next_boot(files)] {
        let before = memory.to_files();
        match open(&options(CAPACITY), &memory) {
            Err(OpenError::Journal(JournalFault::SegmentConflict { a, b, .. })) => {
                said.push([a, b].map(|path| path.file_name().unwrap().to_str().unwrap().to_owned()));
            }
            other => panic!("opened: {other:?}"),
        }
        assert!(
            matches!(read_all(&memory), Err(ReadError::Journal(JournalFault::SegmentConflict { .. }))),
            "a reader sees it too"
        );
        assert_eq!(verify_on(memory.clone(), |_, _| {}).unwrap().status, Status::Corrupt);
        assert_eq!(memory.to_files(), before, "nothing was changed");
    }
    assert_eq!(said[0], said[1]);
    said.swap_remove(0)
}

/// A copy of a journal of `records` that went on by itself to `end`, with other events.
fn diverged(files: &FileSet, end: u64) -> FileSet {
    let memory = Memory::from_files(files.clone(), BOOT);
    let (mut writer, report) = open(&options(CAPACITY), &memory).unwrap();
    for id in report.end_sequence..end {
        while writer.step_preparer() {}
        writer.append(time(id), &note(id + 1_000)).unwrap();
        if id % CAPACITY == 0 {
            writer.step_syncer();
        }
    }
    writer.close().unwrap();
    memory.to_files()
}

/// The same journal at 20 records, and two copies of it that went on to 44.
fn copies() -> [FileSet; 3] {
    let early = closed(CAPACITY, 20).to_files();
    let memory = Memory::from_files(early.clone(), BOOT);
    let (mut writer, _) = open(&options(CAPACITY), &memory).unwrap();
    for end in (24..=44).step_by(4) {
        append_to(&mut writer, end);
        writer.step_syncer();
    }
    writer.close().unwrap();
    let here = memory.to_files();
    let there = diverged(&early, 44);
    [early, here, there]
}

#[test]
fn a_segment_of_a_diverged_copy_is_a_conflict_wherever_it_is_put() {
    let [_, here, there] = copies();
    assert_eq!(read_all(&same_boot(&here)).unwrap(), 44);
    for base in [16, 24, 32, 40] {
        let mut files = here.clone();
        files.insert(segment(base), there[&segment(base)].clone());
        let named = conflict(&files);
        assert!(named.contains(&segment(base)) || named.contains(&segment(base + 8)), "{base}: {named:?}");
    }
}

#[test]
fn an_older_copy_of_a_segment_is_a_conflict_the_last_one_too() {
    let [early, here, _] = copies();
    let mut files = here.clone();
    files.insert(segment(16), early[&segment(16)].clone());
    assert!(conflict(&files).contains(&segment(16)));
    // The last: as it was some records ago.
    let mut files = here.clone();
    let last = files.get_mut(&segment(40)).unwrap();
    last[HEADER_BYTES + 2 * RECORD_BYTES..].fill(0);
    assert_eq!(conflict(&files), [segment(40), "control".to_owned()]);
}

#[test]
fn all_segments_of_a_diverged_copy_are_a_conflict_with_the_control_file() {
    let [_, here, there] = copies();
    let mut files = there.clone();
    files.insert("control".to_owned(), here["control"].clone());
    assert!(conflict(&files).contains(&"control".to_owned()));
}

#[test]
fn the_first_segment_that_retention_left_is_bound_to_what_went() {
    let memory = Memory::new(BOOT);
    let journal = options(CAPACITY).retention(Retention::new().keep_records(CAPACITY));
    let (mut writer, _) = open(&journal, &memory).unwrap();
    for end in 1..=44 {
        append_to(&mut writer, end);
        writer.step_syncer();
    }
    writer.close().unwrap();
    let files = memory.to_files();
    assert!(!files.contains_key(&segment(0)), "retention took the first");
    let first = files.keys().find(|name| name.ends_with(".seg")).unwrap().clone();
    // The link of the first names another record than the one that control says went last.
    let mut damaged = files.clone();
    let bytes = damaged.get_mut(&first).unwrap();
    for copy in 0..2 {
        let block = &mut bytes[LINK_AT + copy * BLOCK_BYTES..][..BLOCK_BYTES];
        block[44] ^= 1;
        slipring_tests::journals::mend_checksum(block);
    }
    assert_eq!(conflict(&damaged), [first, "control".to_owned()]);
}

#[test]
fn one_copy_of_a_link_is_enough_and_none_is_a_conflict() {
    let files = closed(CAPACITY, 20).to_files();
    for copy in 0..2 {
        for byte in [0, 13, 40, 44, BLOCK_BYTES - 1] {
            let mut damaged = files.clone();
            damaged.get_mut(&segment(8)).unwrap()[LINK_AT + copy * BLOCK_BYTES + byte] ^= 4;
            assert_eq!(read_all(&same_boot(&damaged)).unwrap(), 20);
            let (writer, report) = open(&options(CAPACITY), &same_boot(&damaged)).unwrap();
            writer.abandon();
            assert!(
                report.warnings.iter().any(|w| w.contains("one copy of its link is damaged")),
                "{report}"
            );
        }
    }
    let mut damaged = files.clone();
    damaged.get_mut(&segment(8)).unwrap()[LINK_AT..LINK_AT + 2 * BLOCK_BYTES].fill(0);
    assert_eq!(conflict(&damaged), [segment(8), "control".to_owned()]);
}

#[test]
fn a_damaged_record_is_damage_and_no_conflict() {
    // The record that the next segment names, and the last durable one.
    for sequence in [7u64, 19] {
        let mut files = closed(CAPACITY, 20).to_files();
        let base = sequence / CAPACITY * CAPACITY;
        let at = HEADER_BYTES + (sequence - base) as usize * RECORD_BYTES;
        files.get_mut(&segment(base)).unwrap()[at + 12] ^= 1;
        match read_all(&Memory::from_files(files, NEXT_BOOT)) {
            Err(ReadError::Journal(JournalFault::CorruptRecord(found))) => {
                assert_eq!(found.sequence, sequence)
            }
            other => panic!("{sequence}: {other:?}"),
        }
    }
}

#[test]
fn a_journal_of_version_1_goes_on_in_version_2_bound_to_its_last_record() {
    #[derive(Clone, Copy, slipring_journal::Event)]
    #[repr(C)]
    struct Leg {
        price: i64,
        size: u32,
        side: u32,
    }
    #[derive(Clone, Copy, slipring_journal::Event)]
    #[repr(C)]
    struct Trade {
        id: u64,
        legs: [Leg; 2],
        venue: [u8; 8],
    }
    let golden = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/v1");
    let files: FileSet = std::fs::read_dir(golden)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), std::fs::read(&path).unwrap()))
        .collect();
    let memory = Memory::from_files(files.clone(), BOOT);
    let journal = options(CAPACITY);
    let trade = |id| Trade { id, legs: [Leg { price: 1, size: 2, side: 3 }; 2], venue: [7; 8] };
    let (mut writer, report) = journal.open_on::<Trade, Memory>(&memory, false).unwrap();
    assert_eq!(report.end_sequence, 20);
    for id in 20..40 {
        while writer.step_preparer() {}
        writer.append(2_000 + id, &trade(id)).unwrap();
        writer.step_syncer();
    }
    writer.close().unwrap();
    let grown = memory.to_files();
    let version = |name: &str| u32::from_le_bytes(grown[name][8..12].try_into().unwrap());
    assert_eq!((version(&segment(16)), version(&segment(24)), version("control")), (1, 2, 2));
    let report = verify_on(Memory::from_files(grown.clone(), BOOT), |_, _| {}).unwrap();
    assert_eq!((report.status, report.records), (Status::Fine, 40), "{report:?}");
    // The old segments stay as they are, and the first new one names the last record of theirs.
    assert_eq!(grown[&segment(0)], files[&segment(0)]);
    let mut swapped = grown.clone();
    let last = HEADER_BYTES_1 + 7 * RECORD_BYTES;
    swapped.get_mut(&segment(16)).unwrap()[last..].fill(0);
    let opened = journal.open_on::<Trade, Memory>(&Memory::from_files(swapped, BOOT), false);
    assert!(
        matches!(&opened, Err(OpenError::Journal(JournalFault::SegmentConflict { .. }))),
        "{:?}",
        opened.err()
    );
}

const HEADER_BYTES_1: usize = 2 * BLOCK_BYTES;
