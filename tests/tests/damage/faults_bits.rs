//! Bits of a small journal flipped, one at a time: refused, repaired with a warning, or reported, as the
//! fault matrix says; none passes silently. Every bit of the records in the ordinary run, and of the blocks
//! of headers and control one bit of every byte; every bit of those too by `cargo test -p slipring-tests
//! --release --test damage every_bit -- --ignored`.

use slipring_journal::__private::storage::Storage;
use slipring_journal::__private::{protect, verify_on};
use slipring_journal::{JournalFault, OpenError, ReadError, Status};
use slipring_tests::journals::{
    BLOCK_BYTES, FileSet, HEADER_BYTES, RECORD_BYTES, closed, died, next_boot, open, options, read_all,
    same_boot, segment,
};

/// Room for three records and one more.
const SEGMENT_RECORDS: u64 = 4;
const RECORDS: u64 = 3;

fn flipped(files: &FileSet, name: &str, bit: usize) -> FileSet {
    let mut files = files.clone();
    files.get_mut(name).expect("the file is there")[bit / 8] ^= 1 << (bit % 8);
    files
}

/// The bits of the slot of `sequence`, which lies in the first segment.
fn record_bits(sequence: u64) -> std::ops::Range<usize> {
    let start = HEADER_BYTES + sequence as usize * RECORD_BYTES;
    start * 8..(start + RECORD_BYTES) * 8
}

/// The sequence of the corrupt record that an opening was refused for.
fn refused_for<T>(opened: Result<T, OpenError>) -> Option<u64> {
    match opened {
        Err(OpenError::Journal(JournalFault::CorruptRecord(corrupt))) => Some(corrupt.sequence),
        _ => None,
    }
}

#[test]
fn row_bit_flip_below_d_every_bit_of_a_closed_journal_is_corrupt_record() {
    let files = closed(SEGMENT_RECORDS, RECORDS).to_files();
    for sequence in 0..RECORDS {
        for bit in record_bits(sequence) {
            let memory = next_boot(&flipped(&files, &segment(0), bit));
            let report = verify_on(memory.clone(), |_, _| {}).unwrap();
            assert_eq!(report.status, Status::Corrupt, "bit {bit}");
            assert_eq!(report.faults.len(), 1, "bit {bit}: {report:?}");
            match read_all(&memory) {
                Err(ReadError::Journal(JournalFault::CorruptRecord(corrupt))) => {
                    assert_eq!((corrupt.sequence, corrupt.slot), (sequence, sequence), "bit {bit}");
                    let offset = HEADER_BYTES as u64 + sequence * RECORD_BYTES as u64;
                    assert_eq!(corrupt.offset, offset, "bit {bit}");
                    // A flip in the place of the checksum of the header's low half leaves them apart too.
                    assert!(corrupt.wanted != corrupt.found || !corrupt.what.is_empty(), "bit {bit}");
                    assert_eq!(corrupt.file, memory.path(&segment(0)));
                }
                other => panic!("bit {bit}: read {other:?}"),
            }
            // Opening looks at the last record below D and at what lies above; it must stay as quick with a
            // billion records below. The others are found by whoever reads them, as just shown.
            let before = memory.to_files();
            let opened = open(&options(SEGMENT_RECORDS), &memory);
            if sequence == RECORDS - 1 {
                assert_eq!(refused_for(opened), Some(sequence), "bit {bit}");
                assert_eq!(memory.to_files(), before, "bit {bit}: a refused journal was changed");
            } else {
                let (writer, report) = opened.unwrap();
                assert_eq!((report.end_sequence, report.truncated_at), (RECORDS, None));
                writer.abandon();
                let report = verify_on(memory, |_, _| {}).unwrap();
                assert_eq!(report.status, Status::Corrupt, "bit {bit}: opening hid it");
            }
        }
    }
}

#[test]
fn row_bit_flip_above_d_after_a_restart_every_bit_is_a_torn_tail_and_is_saved() {
    for durable in [0, 1] {
        let files = died(SEGMENT_RECORDS, RECORDS, durable).to_files();
        for sequence in durable..RECORDS {
            for bit in record_bits(sequence) {
                let memory = next_boot(&flipped(&files, &segment(0), bit));
                let damaged = memory.to_files();
                let report = verify_on(memory.clone(), |_, _| {}).unwrap();
                assert_eq!((report.status, report.torn_at), (Status::TornTail, Some(sequence)), "bit {bit}");
                assert_eq!(read_all(&memory).unwrap(), sequence, "bit {bit}");
                let (writer, report) = open(&options(SEGMENT_RECORDS), &memory).unwrap();
                assert_eq!(report.truncated_at, Some(sequence), "bit {bit}");
                assert_eq!(report.valid_discarded, RECORDS - 1 - sequence, "bit {bit}");
                // Also if it is the last one: D trails what was acknowledged by a sync.
                assert!(report.may_include_acknowledged, "bit {bit}");
                writer.abandon();
                let saved = report.discarded_saved_to.expect("what is cut off is saved");
                let saved = saved.file_name().unwrap().to_str().unwrap().to_owned();
                let cut = HEADER_BYTES + sequence as usize * RECORD_BYTES
                    ..HEADER_BYTES + RECORDS as usize * RECORD_BYTES;
                assert_eq!(memory.to_files()[&saved], damaged[&segment(0)][cut], "bit {bit}");
                assert_eq!(read_all(&memory).unwrap(), sequence, "bit {bit}: after recovery");
            }
        }
    }
}

/// What must happen to a flip above D on the boot of the writer; what went wrong, if anything did.
fn same_boot_flips() -> Result<(), String> {
    let files = died(SEGMENT_RECORDS, RECORDS, 0).to_files();
    for sequence in 0..RECORDS {
        for bit in record_bits(sequence) {
            let memory = same_boot(&flipped(&files, &segment(0), bit));
            let opened = open(&options(SEGMENT_RECORDS), &memory);
            if sequence < RECORDS - 1 {
                if refused_for(opened) != Some(sequence) {
                    return Err(format!(
                        "record {sequence}, bit {bit}: whole records behind it were cut off"
                    ));
                }
                continue;
            }
            let (writer, report) = opened.map_err(|error| error.to_string())?;
            writer.abandon();
            if (report.truncated_at, report.valid_discarded) != (Some(sequence), 0) {
                return Err(format!("record {sequence}, bit {bit}: {report}"));
            }
        }
    }
    Ok(())
}

#[test]
fn row_bit_flip_above_d_on_the_same_boot_is_corruption_if_whole_records_follow() {
    same_boot_flips().unwrap();
}

#[test]
fn control_same_boot() {
    let story = protect::without(protect::SAME_BOOT, same_boot_flips);
    println!("{:#x}: {story:?}", protect::SAME_BOOT);
    assert!(story.is_err(), "records cut off behind a flipped one went unnoticed");
}

#[test]
fn row_bit_flip_above_d_a_record_beyond_the_window_is_corruption() {
    // A flipped control slot can't say so, nor can a crash: D of the newest slot, forged to lie too low.
    let files = died(1 << 11, 1 << 10, 0).to_files();
    let mut damaged = files.clone();
    let control = damaged.get_mut("control").unwrap();
    for slot in 0..2 {
        // The window is the third field behind the journal id: 2^10 records, now 2^9.
        let block = &mut control[slot * BLOCK_BYTES..][..BLOCK_BYTES];
        assert_eq!(block[48..56], (1u64 << 10).to_le_bytes());
        block[48..56].copy_from_slice(&(1u64 << 9).to_le_bytes());
        slipring_tests::journals::mend_checksum(block);
    }
    for memory in [same_boot(&damaged), next_boot(&damaged)] {
        assert_eq!(refused_for(open(&options(1 << 11), &memory)), Some(1 << 9));
        match read_all(&memory) {
            Err(ReadError::Journal(JournalFault::CorruptRecord(found))) => {
                assert_eq!(found.sequence, 1 << 9);
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(verify_on(memory, |_, _| {}).unwrap().status, Status::Corrupt);
    }
}

fn every_bit(block: usize) -> impl Iterator<Item = usize> {
    block * BLOCK_BYTES * 8..(block + 1) * BLOCK_BYTES * 8
}

/// One bit of each byte of a block, each of the eight in its turn.
fn a_bit_of_every_byte(block: usize) -> impl Iterator<Item = usize> {
    (block * BLOCK_BYTES..(block + 1) * BLOCK_BYTES).map(|byte| byte * 8 + byte % 8)
}

/// Bits of one block: the other one serves, everything is there, and a warning says so.
fn bits_of_a_block_warn(bits: impl Iterator<Item = usize>, files: &FileSet, name: &str, says: &str) {
    for bit in bits {
        let damaged = flipped(files, name, bit);
        let memory = same_boot(&damaged);
        assert_eq!(read_all(&memory).unwrap(), RECORDS, "bit {bit}");
        let report = verify_on(memory.clone(), |_, _| {}).unwrap();
        assert_eq!((report.status, report.records), (Status::Fine, RECORDS), "bit {bit}");
        assert!(report.warnings.iter().any(|warning| warning.contains(says)), "bit {bit}: {report:?}");
        let (writer, report) = open(&options(SEGMENT_RECORDS), &memory).unwrap();
        writer.abandon();
        assert_eq!((report.end_sequence, report.truncated_at), (RECORDS, None), "bit {bit}");
        assert!(report.warnings.iter().any(|warning| warning.contains(says)), "bit {bit}: {report}");
    }
}

fn header_copy_flipped(bits: impl Iterator<Item = usize>) {
    let files = died(SEGMENT_RECORDS, RECORDS, 2).to_files();
    bits_of_a_block_warn(bits, &files, &segment(0), "one copy of its header is damaged");
}

fn control_slot_flipped(bits: impl Iterator<Item = usize>) {
    let files = died(SEGMENT_RECORDS, RECORDS, 2).to_files();
    bits_of_a_block_warn(bits, &files, "control", "one slot is damaged");
}

#[test]
fn row_header_copy_flipped_a_bit_of_every_byte_of_the_first() {
    header_copy_flipped(a_bit_of_every_byte(0));
}

#[test]
fn row_header_copy_flipped_a_bit_of_every_byte_of_the_second() {
    header_copy_flipped(a_bit_of_every_byte(1));
}

#[test]
fn row_control_slot_flipped_a_bit_of_every_byte_of_the_first() {
    control_slot_flipped(a_bit_of_every_byte(0));
}

#[test]
fn row_control_slot_flipped_a_bit_of_every_byte_of_the_second() {
    control_slot_flipped(a_bit_of_every_byte(1));
}

#[test]
#[ignore = "long: every bit of 4 KiB"]
fn row_header_copy_flipped_every_bit_of_the_first() {
    header_copy_flipped(every_bit(0));
}

#[test]
#[ignore = "long: every bit of 4 KiB"]
fn row_header_copy_flipped_every_bit_of_the_second() {
    header_copy_flipped(every_bit(1));
}

#[test]
#[ignore = "long: every bit of 4 KiB"]
fn row_control_slot_flipped_every_bit_of_the_first() {
    control_slot_flipped(every_bit(0));
}

#[test]
#[ignore = "long: every bit of 4 KiB"]
fn row_control_slot_flipped_every_bit_of_the_second() {
    control_slot_flipped(every_bit(1));
}

#[test]
fn row_both_header_copies_flipped_is_bad_header() {
    let files = closed(SEGMENT_RECORDS, RECORDS).to_files();
    for bit in 0..512 {
        let once = flipped(&files, &segment(0), bit * 61);
        let memory = same_boot(&flipped(&once, &segment(0), BLOCK_BYTES * 8 + bit * 53));
        match open(&options(SEGMENT_RECORDS), &memory) {
            Err(OpenError::Journal(JournalFault::BadHeader { path })) => {
                assert_eq!(path, memory.path(&segment(0)));
            }
            other => panic!("bit {bit}: {other:?}"),
        }
        assert!(matches!(read_all(&memory), Err(ReadError::Journal(JournalFault::BadHeader { .. }))));
        assert_eq!(verify_on(memory, |_, _| {}).unwrap().status, Status::Corrupt);
    }
}

#[test]
fn row_both_control_slots_flipped_is_bad_control() {
    let files = closed(SEGMENT_RECORDS, RECORDS).to_files();
    for bit in 0..512 {
        let once = flipped(&files, "control", bit * 61);
        let memory = same_boot(&flipped(&once, "control", BLOCK_BYTES * 8 + bit * 53));
        match open(&options(SEGMENT_RECORDS), &memory) {
            Err(OpenError::Journal(JournalFault::BadControl { path, .. })) => {
                assert_eq!(path, memory.path("control"));
            }
            other => panic!("bit {bit}: {other:?}"),
        }
        assert!(matches!(read_all(&memory), Err(ReadError::Journal(JournalFault::BadControl { .. }))));
        assert_eq!(verify_on(memory, |_, _| {}).unwrap().status, Status::Corrupt);
    }
}

#[test]
fn row_header_of_zeros_is_fine_only_in_a_spare() {
    let mut files = closed(SEGMENT_RECORDS, RECORDS).to_files();
    // A spare has no name of its own yet: it is no part of the chain, and is reclaimed.
    files.insert(format!("{}.tmp", segment(4)), vec![0; HEADER_BYTES]);
    let memory = same_boot(&files);
    let (writer, report) = open(&options(SEGMENT_RECORDS), &memory).unwrap();
    assert!(report.removed.contains(&format!("{}.tmp", segment(4))), "{report:?}");
    assert_eq!(report.end_sequence, RECORDS);
    writer.abandon();
    files.insert(segment(4), vec![0; HEADER_BYTES]);
    assert!(matches!(
        open(&options(SEGMENT_RECORDS), &same_boot(&files)),
        Err(OpenError::Journal(JournalFault::BadHeader { .. }))
    ));
}
