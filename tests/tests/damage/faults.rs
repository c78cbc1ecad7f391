//! The rows of the fault matrix that are about whole files: cut, deleted, doubled, renamed, of another
//! journal, type, version or byte order. Each test's name says its row. What a reader meets that was open
//! before is in `faults_readers`.

use slipring_journal::__private::storage::{Memory, Storage};
use slipring_journal::__private::verify_on;
use slipring_journal::{Event, Follower, JournalFault, OpenError, ReadError, Reader, Status};
use slipring_tests::faulty::Faulty;
use slipring_tests::journals::{
    BLOCK_BYTES, BOOT, FileSet, HEADER_BYTES, Note, RECORD_BYTES, append_to, closed, died, mend_checksum,
    next_boot, open, options, read_all, same_boot, segment,
};

/// Segments of eight records.
const CAPACITY: u64 = 8;

/// Opens for writing, which must be refused and change nothing, and gives the fault; reading must end in one
/// of the same kind.
fn refused(memory: &Memory) -> JournalFault {
    let before = memory.to_files();
    let error = open(&options(CAPACITY), memory).expect_err("opened a damaged journal");
    assert_eq!(memory.to_files(), before, "{error}: a refused journal was changed");
    let OpenError::Journal(fault) = error else { panic!("{error:?}") };
    match read_all(memory) {
        Err(ReadError::Journal(read)) => {
            assert_eq!(std::mem::discriminant(&read), std::mem::discriminant(&fault), "{read:?} {fault:?}");
        }
        other => panic!("reading gave {other:?}, opening {fault:?}"),
    }
    fault
}

fn is_corrupt(memory: &Memory) -> bool {
    verify_on(memory.clone(), |_, _| {}).unwrap().status == Status::Corrupt
}

fn cut(files: &FileSet, name: &str, bytes: usize) -> FileSet {
    let mut files = files.clone();
    files.get_mut(name).expect("the file is there").truncate(bytes);
    files
}

fn without(files: &FileSet, name: &str) -> FileSet {
    let mut files = files.clone();
    files.remove(name).expect("the file is there");
    files
}

#[test]
fn row_file_truncated_sealed_segment() {
    let files = closed(CAPACITY, 20).to_files();
    for bytes in [HEADER_BYTES, HEADER_BYTES + 1, HEADER_BYTES + 8 * RECORD_BYTES - 1] {
        let memory = same_boot(&cut(&files, &segment(0), bytes));
        match refused(&memory) {
            JournalFault::SegmentTruncated { path, found_bytes, wanted_bytes } => {
                assert_eq!(path, memory.path(&segment(0)));
                assert_eq!((found_bytes, wanted_bytes), (bytes as u64, files[&segment(0)].len() as u64));
            }
            other => panic!("{other:?}"),
        }
        assert!(is_corrupt(&memory));
    }
    // Cut inside the header, both copies or the second.
    let memory = same_boot(&cut(&files, &segment(0), BLOCK_BYTES));
    assert!(matches!(refused(&memory), JournalFault::SegmentTruncated { .. }));
    for bytes in [0, 1, BLOCK_BYTES - 1] {
        let memory = same_boot(&cut(&files, &segment(0), bytes));
        assert!(matches!(refused(&memory), JournalFault::BadHeader { .. }));
        assert!(is_corrupt(&memory));
    }
}

#[test]
fn row_file_truncated_active_segment_below_d() {
    let files = died(CAPACITY, 6, 4).to_files();
    for bytes in HEADER_BYTES..HEADER_BYTES + 4 * RECORD_BYTES {
        let memory = next_boot(&cut(&files, &segment(0), bytes));
        assert!(matches!(refused(&memory), JournalFault::SegmentTruncated { .. }), "{bytes}");
        assert!(is_corrupt(&memory), "{bytes}");
    }
}

#[test]
fn row_file_truncated_active_segment_above_d_is_a_torn_tail() {
    let files = died(CAPACITY, 6, 4).to_files();
    let whole = files[&segment(0)].len();
    for bytes in HEADER_BYTES + 4 * RECORD_BYTES..whole {
        let memory = next_boot(&cut(&files, &segment(0), bytes));
        let kept = ((bytes - HEADER_BYTES) / RECORD_BYTES).min(6) as u64;
        assert_eq!(read_all(&memory).unwrap(), kept, "{bytes}");
        let (mut writer, report) = open(&options(CAPACITY), &memory).unwrap();
        assert_eq!((report.end_sequence, report.valid_discarded), (kept, 0), "{bytes}");
        let torn = kept < 6 && (bytes - HEADER_BYTES) % RECORD_BYTES != 0;
        assert_eq!(report.truncated_at, torn.then_some(kept), "{bytes}");
        // It is as long as it was, and takes records again.
        append_to(&mut writer, 12);
        writer.close().unwrap();
        assert_eq!(memory.to_files()[&segment(0)].len(), whole);
        assert_eq!(read_all(&memory).unwrap(), 12);
    }
}

#[test]
fn row_first_segment_deleted() {
    let files = without(&closed(CAPACITY, 20).to_files(), &segment(0));
    for memory in [same_boot(&files), next_boot(&files)] {
        match refused(&memory) {
            JournalFault::MissingSegment { expected_base, path } => {
                assert_eq!((expected_base, path), (0, memory.path(&segment(0))));
            }
            other => panic!("{other:?}"),
        }
        assert!(is_corrupt(&memory));
    }
}

#[test]
fn row_middle_segment_deleted() {
    // Below D, and above it.
    for durable in [20, 0] {
        let files = without(&died(CAPACITY, 20, durable).to_files(), &segment(8));
        for memory in [same_boot(&files), next_boot(&files)] {
            match refused(&memory) {
                JournalFault::MissingSegment { expected_base, .. } => assert_eq!(expected_base, 8),
                other => panic!("{other:?}"),
            }
            assert!(is_corrupt(&memory));
        }
    }
}

#[test]
fn row_last_segment_deleted() {
    let files = without(&closed(CAPACITY, 20).to_files(), &segment(16));
    // The spare behind it would give the gap away; take it too.
    let files = if files.contains_key(&segment(24)) { without(&files, &segment(24)) } else { files };
    match refused(&same_boot(&files)) {
        JournalFault::MissingSegment { expected_base, .. } => assert_eq!(expected_base, 16),
        other => panic!("{other:?}"),
    }
}

#[test]
fn row_segment_below_the_retained_first_is_reclaimed() {
    let mut files = closed(CAPACITY, 20).to_files();
    // Retention gave up the first segment and was killed before it could remove the file.
    let control = files.get_mut("control").unwrap();
    for block in control.chunks_exact_mut(BLOCK_BYTES) {
        assert_eq!(block[56..64], 0u64.to_le_bytes());
        block[56..64].copy_from_slice(&CAPACITY.to_le_bytes());
        // D of the older slot may lie below.
        block[40..48].copy_from_slice(&20u64.to_le_bytes());
        mend_checksum(block);
    }
    let memory = same_boot(&files);
    assert_eq!(read_all(&memory).unwrap(), 20);
    let (writer, report) = open(&options(CAPACITY), &memory).unwrap();
    assert!(report.removed.contains(&segment(0)), "{report:?}");
    assert_eq!((report.first_sequence, report.end_sequence), (CAPACITY, 20));
    writer.close().unwrap();
    assert!(!memory.to_files().contains_key(&segment(0)));
    let mut reader = Reader::<Note, Memory>::open_to(memory, None).unwrap();
    assert!(matches!(reader.at(0), Err(ReadError::OutOfRange { sequence: 0, first: CAPACITY, end: 20 })));
}

#[test]
fn row_control_file_missing() {
    let files = without(&closed(CAPACITY, 20).to_files(), "control");
    let memory = same_boot(&files);
    match refused(&memory) {
        JournalFault::BadControl { path, .. } => assert_eq!(path, memory.path("control")),
        other => panic!("{other:?}"),
    }
    assert!(is_corrupt(&memory));
    // No segments either: that is no journal, and may become one.
    let memory = Memory::new(BOOT);
    assert!(matches!(read_all(&memory), Err(ReadError::Journal(JournalFault::NoJournal { .. }))));
    assert!(open(&options(CAPACITY), &memory).unwrap().1.created);
}

#[test]
fn row_control_file_truncated() {
    let files = closed(CAPACITY, 20).to_files();
    for bytes in 0..2 * BLOCK_BYTES {
        if bytes % 97 != 0 && bytes % BLOCK_BYTES > 1 {
            continue;
        }
        let memory = same_boot(&cut(&files, "control", bytes));
        if bytes < BLOCK_BYTES {
            assert!(matches!(refused(&memory), JournalFault::BadControl { .. }), "{bytes}");
        } else {
            let (writer, report) = open(&options(CAPACITY), &memory).unwrap();
            assert!(report.warnings.iter().any(|text| text.contains("one slot is damaged")), "{report}");
            assert_eq!(report.end_sequence, 20);
            writer.abandon();
            // The next open finds both slots mended.
            assert_eq!(open(&options(CAPACITY), &memory).unwrap().1.warnings, [""; 0]);
        }
    }
}

fn conflict(memory: &Memory) -> [String; 2] {
    let JournalFault::SegmentConflict { a, b, .. } = refused(memory) else {
        panic!("no conflict seen");
    };
    assert!(is_corrupt(memory));
    [a, b].map(|path| path.file_name().unwrap().to_str().unwrap().to_owned())
}

#[test]
fn row_duplicate_segment() {
    let mut files = closed(CAPACITY, 20).to_files();
    let copy = files[&segment(8)].clone();
    for base in [3, 24, 1000] {
        files.remove(&segment(24));
        files.insert(segment(base), copy.clone());
        assert_eq!(conflict(&same_boot(&files)), [segment(base), segment(8)]);
        files.remove(&segment(base));
    }
}

#[test]
fn row_renamed_segment() {
    let mut files = closed(CAPACITY, 20).to_files();
    let moved = files.remove(&segment(8)).unwrap();
    files.insert(segment(9), moved);
    assert_eq!(conflict(&same_boot(&files)), [segment(9), segment(8)]);
}

#[test]
fn row_swapped_segments() {
    let mut files = closed(CAPACITY, 20).to_files();
    let (a, b) = (files[&segment(0)].clone(), files[&segment(8)].clone());
    files.insert(segment(0), b);
    files.insert(segment(8), a);
    assert_eq!(conflict(&same_boot(&files)), [segment(0), segment(8)]);
}

#[test]
fn row_overlapping_segments() {
    // Two copies of one journal go on with segments of different sizes; then their files are mixed.
    let first = closed(CAPACITY, 8);
    let grown = |records: u64| {
        let memory = same_boot(&first.to_files());
        let (mut writer, _) = open(&options(records), &memory).unwrap();
        append_to(&mut writer, 20);
        writer.close().unwrap();
        memory.to_files()
    };
    let (large, small) = (grown(16), grown(4));
    let mut files = large.clone();
    files.insert(segment(12), small[&segment(12)].clone());
    assert_eq!(conflict(&same_boot(&files)), [segment(12), segment(8)]);
}

#[test]
fn row_foreign_segment() {
    let (mut files, other) = (closed(CAPACITY, 20).to_files(), closed(CAPACITY, 20).to_files());
    files.insert(segment(8), other[&segment(8)].clone());
    assert_eq!(conflict(&same_boot(&files)), [segment(8), "control".to_owned()]);
    // A follower meets it too.
    let mut follower = Follower::<Note, Memory>::open_on(same_boot(&files), 8).unwrap();
    let met = follower.next_chunk();
    assert!(matches!(met, Err(ReadError::Journal(JournalFault::SegmentConflict { .. }))), "{met:?}");
}

#[test]
fn row_foreign_control_file() {
    let (mut files, other) = (closed(CAPACITY, 20).to_files(), closed(CAPACITY, 20).to_files());
    files.insert("control".to_owned(), other["control"].clone());
    assert_eq!(conflict(&same_boot(&files)), [segment(0), "control".to_owned()]);
}

/// As [`Note`] in size, not in meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Event)]
#[repr(C)]
struct Other {
    id: u64,
    rest: [i64; 5],
}

#[test]
fn row_schema_mismatch_before_any_record_is_read() {
    let faulty = Faulty::new(closed(CAPACITY, 20));
    let before = faulty.memory.to_files();
    let error = options(CAPACITY).open_on::<Other, Faulty>(&faulty, false).unwrap_err();
    match &error {
        OpenError::Journal(JournalFault::SchemaMismatch { wanted, found, .. }) => {
            assert_eq!((&wanted.name[..], &found.name[..]), ("Other", "Note"));
            assert_eq!(*found.fields, Note::schema().fields);
        }
        other => panic!("{other:?}"),
    }
    assert!(error.to_string().contains("i64") && error.to_string().contains("u64"), "{error}");
    assert_eq!(faulty.record_reads(), 0);
    assert_eq!(faulty.memory.to_files(), before);
    let mut follower = Follower::<Other, Memory>::open_on(faulty.memory.clone(), 0).unwrap();
    let met = follower.next_chunk();
    assert!(matches!(met, Err(ReadError::Journal(JournalFault::SchemaMismatch { .. }))), "{met:?}");
    let read = Reader::<Other, Memory>::open_to(faulty.memory.clone(), None);
    assert!(matches!(read, Err(ReadError::Journal(JournalFault::SchemaMismatch { .. }))), "{read:?}");
}

/// Applies `change` to both blocks of a file, or to one.
fn with_blocks(files: &FileSet, name: &str, blocks: &[usize], change: impl Fn(&mut [u8])) -> FileSet {
    let mut files = files.clone();
    let bytes = files.get_mut(name).expect("the file is there");
    for block in blocks {
        change(&mut bytes[block * BLOCK_BYTES..][..BLOCK_BYTES]);
    }
    files
}

#[test]
fn row_newer_version() {
    let files = closed(CAPACITY, 20).to_files();
    // A newer slipring writes one control slot at a time: one is enough to say that it was here. The older
    // slot was once used then, and the newer one overwritten.
    for name in ["control".to_owned(), segment(8)] {
        for blocks in [&[0, 1][..], &[0], &[1]] {
            let newer = with_blocks(&files, &name, blocks, |block| {
                block[8..12].copy_from_slice(&7u32.to_le_bytes());
                mend_checksum(block);
            });
            let memory = same_boot(&newer);
            match refused(&memory) {
                JournalFault::UnsupportedVersion { path, found: 7, known: 2 } => {
                    assert_eq!(path, memory.path(&name));
                }
                other => panic!("{name} {blocks:?}: {other:?}"),
            }
            assert!(matches!(
                verify_on(memory, |_, _| {}),
                Err(ReadError::Journal(JournalFault::UnsupportedVersion { .. }))
            ));
        }
    }
}

#[test]
fn row_foreign_byte_order() {
    let files = closed(CAPACITY, 20).to_files();
    for name in ["control".to_owned(), segment(8)] {
        for blocks in [&[0, 1][..], &[0], &[1]] {
            let foreign = with_blocks(&files, &name, blocks, |block| {
                // As a big-endian machine would have written it: every number the other way round.
                block[..8].reverse();
                block[8..12].reverse();
                block[12..16].reverse();
                mend_checksum(block);
                block[BLOCK_BYTES - 4..].reverse();
            });
            let memory = same_boot(&foreign);
            match refused(&memory) {
                JournalFault::ForeignEndian { path } => assert_eq!(path, memory.path(&name)),
                other => panic!("{name} {blocks:?}: {other:?}"),
            }
        }
    }
}
