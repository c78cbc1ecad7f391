//! Files that claim more than there is: nobody takes more memory or disk for them than twice what the folder
//! has and 64 MiB, and nobody walks through what is not there.

use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;
use std::path::Path;

use slipring_tests::folders::copy_folder;
use slipring_tests::images::mend_record;
use slipring_tests::journals::{BLOCK_BYTES, HEADER_BYTES, RECORD_BYTES, mend_checksum, segment};

use crate::ran::{Ran, run, run_within};
use crate::sample::{self, SEGMENT_RECORDS, STAGE, allocated, most};

/// Both copies of a segment's header, or of the control file's state.
const COPIES_BYTES: usize = 2 * BLOCK_BYTES;

/// Changes both header copies of a segment, or both slots of a control file, and gives them their checksums.
fn change(file: &Path, change: impl Fn(&mut [u8])) {
    let mut bytes = std::fs::read(file).unwrap();
    for block in bytes[..COPIES_BYTES].chunks_exact_mut(BLOCK_BYTES) {
        change(block);
        mend_checksum(block);
    }
    std::fs::write(file, bytes).unwrap();
}

fn put(block: &mut [u8], at: usize, value: u64) {
    block[at..at + 8].copy_from_slice(&value.to_le_bytes());
}

const BASE_AT: usize = 32;
const CAPACITY_AT: usize = 40;
const WINDOW_AT: usize = 48;
const SCHEMA_BYTES_AT: usize = 60;
const SCHEMA_AT: usize = 128;

fn put_schema(block: &mut [u8], text: &str) {
    block[SCHEMA_BYTES_AT..SCHEMA_BYTES_AT + 4].copy_from_slice(&(text.len() as u32).to_le_bytes());
    block[SCHEMA_AT..SCHEMA_AT + text.len()].copy_from_slice(text.as_bytes());
}

fn lengthen(file: &Path, bytes: u64) {
    OpenOptions::new().write(true).open(file).unwrap().set_len(bytes).unwrap();
}

/// Runs every command on a folder; each within its bounds. `record` comes last, for it may change it.
fn look_at(journal: &Path, what: &str) -> Vec<(&'static str, Ran)> {
    let into = journal.with_extension("into");
    let (limit, into_text) = (most(journal), into.to_str().unwrap().to_owned());
    let commands: [(&str, &[&str]); 12] = [
        ("inspect", &["inspect"]),
        ("inspect --json", &["inspect", "--json"]),
        ("verify", &["verify"]),
        ("stages", &["stages"]),
        ("dead-letters", &["dead-letters", "--json"]),
        ("top", &["top"]),
        ("replay", &["replay", "--format", "csv"]),
        ("follow", &["follow"]),
        ("salvage", &["salvage", &into_text]),
        ("salvage --skip-damaged", &["salvage", "--skip-damaged", &into_text]),
        ("record", &["record", "--date", "2020-01-01", "--input", "synthetic:10", "--segment-records", "64"]),
        ("verify again", &["verify"]),
    ];
    let mut all = Vec::new();
    for (name, args) in commands {
        // The journal's folder comes first.
        let mut words = vec![args[0].as_ref(), journal.as_os_str()];
        words.extend(args[1..].iter().map(|arg| std::ffi::OsStr::new(*arg)));
        let ran = run_within(limit, words);
        let said = format!("{name}, {what}: {:?} {} {}", ran.status, ran.out(), ran.err);
        let disk = allocated(&into) + allocated(journal);
        assert!(disk <= limit + allocated(journal), "{disk} bytes on disk of {limit}: {said}");
        let _ = std::fs::remove_dir_all(&into);
        all.push((name, ran));
    }
    let disk = allocated(journal);
    assert!(disk <= limit, "{disk} bytes on disk of {limit}, {what}");
    all
}

fn sample_in(place: &Path) -> std::path::PathBuf {
    let journal = place.join("journal");
    sample::make(&journal);
    journal
}

/// The schema made the command fill all memory with empty arrays.
#[test]
fn row_a_schema_that_claims_more_than_an_event_has() {
    let nested = format!("{}u8{}", "[".repeat(900), ";1]".repeat(900));
    let overlapping: String = (0..100).map(|n| format!("f{n} [u8;48] 0 48\n")).collect();
    for fields in [
        "f [[u8;0];1000000000000000] 0 0\n",
        "f [u8;1000000000000000] 0 1000000000000000\n",
        "f [[u8;4294967296];4294967296] 18446744073709551615 8\n",
        &format!("f {nested} 0 1\n"),
        &overlapping,
    ] {
        let place = tempfile::tempdir().unwrap();
        let journal = sample_in(place.path());
        for name in sample::files(&journal).iter().filter(|name| name.ends_with(".seg")) {
            change(&journal.join(name), |block| put_schema(block, &format!("Odd 48\n{fields}")));
        }
        let all = look_at(&journal, &fields[..fields.len().min(60)]);
        let letters = &all.iter().find(|(name, _)| *name == "dead-letters").unwrap().1;
        // What no schema tells is no event, which is said, and is an answer of its own.
        let without_event = letters.out().contains("\"fault\":");
        assert_eq!(letters.code(), Some(i32::from(without_event)), "{}", letters.err);
        assert_eq!(letters.out().lines().count(), 4, "{}", letters.out());
    }
}

#[test]
fn row_every_file_as_a_hole_of_a_tebibyte() {
    let place = tempfile::tempdir().unwrap();
    let whole = sample_in(place.path());
    for name in sample::files(&whole) {
        for bytes in [1 << 31, 1 << 40] {
            let journal = place.path().join("odd");
            let _ = std::fs::remove_dir_all(&journal);
            copy_folder(&whole, &journal);
            lengthen(&journal.join(&name), bytes);
            look_at(&journal, &format!("{name} of {bytes} bytes"));
        }
    }
}

/// A snapshot's header may agree with the file's length, and a recovery looks at every snapshot that there
/// is.
#[test]
fn row_a_snapshot_that_is_a_hole() {
    let place = tempfile::tempdir().unwrap();
    let journal = sample_in(place.path());
    let snapshot = journal.join(STAGE).join(format!("{:020}.snapshot", 200));
    let file = OpenOptions::new().write(true).open(&snapshot).unwrap();
    file.write_all_at(&((1_u64 << 40) - 64).to_le_bytes(), 48).unwrap();
    file.set_len(1 << 40).unwrap();
    let all = look_at(&journal, "a snapshot");
    let stages = &all.iter().find(|(name, _)| *name == "stages").unwrap().1;
    assert_eq!(stages.code(), Some(2));
    assert!(stages.out().contains("1099511627776 bytes"), "{}", stages.out());
    let recovered = sample::reopen(&journal);
    let restored = recovered.restored();
    assert_eq!((restored[0].end, restored[0].refused.len()), (None, 1), "{restored:?}");
}

#[test]
fn row_headers_that_claim_any_capacity_and_window() {
    let place = tempfile::tempdir().unwrap();
    let whole = sample_in(place.path());
    let names: Vec<_> = sample::files(&whole).into_iter().filter(|name| name.ends_with(".seg")).collect();
    for name in [&names[0], &names[names.len() - 2], names.last().unwrap()] {
        for (capacity, length) in
            [(1_u64 << 36, None), (1 << 55, None), (1 << 20, None), (1 << 33, Some(1_u64 << 39))]
        {
            for window in [None, Some(1_u64 << 60)] {
                let journal = place.path().join("odd");
                let _ = std::fs::remove_dir_all(&journal);
                copy_folder(&whole, &journal);
                change(&journal.join(name), |block| put(block, CAPACITY_AT, capacity));
                if let Some(length) = length {
                    lengthen(&journal.join(name), length);
                }
                if let Some(window) = window {
                    change(&journal.join("control"), |block| put(block, WINDOW_AT, window));
                }
                look_at(
                    &journal,
                    &format!("{name}, capacity {capacity}, length {length:?}, window {window:?}"),
                );
            }
        }
    }
}

#[test]
fn row_hundreds_of_segments_that_are_holes() {
    let place = tempfile::tempdir().unwrap();
    let journal = sample_in(place.path());
    let names: Vec<_> = sample::files(&journal).into_iter().filter(|name| name.ends_with(".seg")).collect();
    let last = names.last().unwrap();
    let last_base: u64 = last.strip_suffix(".seg").unwrap().parse().unwrap();
    let capacity = 1 << 24;
    let header = std::fs::read(journal.join(last)).unwrap()[..COPIES_BYTES].to_vec();
    for n in 0..300 {
        let base = last_base + SEGMENT_RECORDS + n * capacity;
        let path = journal.join(segment(base));
        std::fs::write(&path, &header).unwrap();
        change(&path, |block| {
            put(block, BASE_AT, base);
            put(block, CAPACITY_AT, capacity);
        });
        lengthen(&path, HEADER_BYTES as u64 + capacity * RECORD_BYTES as u64);
    }
    look_at(&journal, "hundreds of holes");
}

/// A journal whose third and last segment starts so many records later than it should, and no control file
/// says so.
fn with_a_gap(place: &Path, gap: u64) -> std::path::PathBuf {
    const RECORDS: u64 = 16_384;
    let journal = place.join("journal");
    let words = ["--input", "synthetic:40000", "--segment-records", "16384"].map(std::ffi::OsStr::new);
    let ran = run(["record".as_ref(), journal.as_os_str()].into_iter().chain(words));
    assert_eq!(ran.code(), Some(0), "{}", ran.err);
    let base = 2 * RECORDS;
    let (old, new) = (journal.join(segment(base)), journal.join(segment(base + gap)));
    std::fs::rename(old, &new).unwrap();
    change(&new, |block| put(block, BASE_AT, base + gap));
    let mut bytes = std::fs::read(&new).unwrap();
    // Its link says where it stood.
    bytes[COPIES_BYTES..HEADER_BYTES].fill(0);
    let id: [u8; 16] = bytes[16..32].try_into().unwrap();
    let records = bytes[HEADER_BYTES..].chunks_exact_mut(RECORD_BYTES);
    for (slot, record) in records.take((40_000 - base) as usize).enumerate() {
        mend_record(record, &id, base + gap + slot as u64);
    }
    std::fs::write(&new, bytes).unwrap();
    for name in sample::files(&journal) {
        let other = name.strip_suffix(".seg").map(|base| base.parse::<u64>().unwrap());
        if name == "control" || other.is_some_and(|other| other > base && other != base + gap) {
            std::fs::remove_file(journal.join(name)).unwrap();
        }
    }
    journal
}

#[test]
fn row_a_salvage_whose_voids_need_more_than_the_journal_had() {
    let place = tempfile::tempdir().unwrap();
    let journal = with_a_gap(place.path(), 2_000_000);
    let into = place.path().join("into");
    let salvage = |more: &[&str]| {
        let args = ["salvage".as_ref(), journal.as_os_str(), into.as_os_str(), "--skip-damaged".as_ref()];
        run(args.into_iter().chain(more.iter().map(|arg| std::ffi::OsStr::new(*arg))))
    };
    let ran = salvage(&[]);
    assert_eq!(ran.code(), Some(3), "{}", ran.err);
    assert!(!into.exists(), "something was written");
    let needed = ran.err.split("--allow-bytes ").nth(1).expect("what to say").trim_end_matches([')', '\n']);
    assert!(needed.parse::<u64>().unwrap() > 2_000_000 * RECORD_BYTES as u64, "{}", ran.err);
    let less = (needed.parse::<u64>().unwrap() - 1).to_string();
    assert_eq!(salvage(&["--allow-bytes", &less]).code(), Some(3));
    let ran = salvage(&["--allow-bytes", needed]);
    assert_eq!(ran.code(), Some(1), "{}{}", ran.out(), ran.err);
    assert!(allocated(&into) <= needed.parse().unwrap(), "{} of {needed}", allocated(&into));
    assert_eq!(run(["verify".as_ref(), into.as_os_str()]).code(), Some(0));
    // One that no disk could hold.
    let place = tempfile::tempdir().unwrap();
    let journal = with_a_gap(place.path(), 1 << 50);
    let all = look_at(&journal, "a gap of 2^50 records");
    let salvage = &all.iter().find(|(name, _)| *name == "salvage --skip-damaged").unwrap().1;
    assert_eq!(salvage.code(), Some(3), "{}", salvage.err);
}
