//! Whole folders changed at random: bytes, lengths, holes, names, kinds of file. Every function of the
//! libraries that reads a folder may refuse it; none panics, hangs, or takes the disk for what a file claims.
//!
//! `SLIPRING_MUTATIONS=100000 cargo test -p slipring-tests --test hostile mutated` runs more than the
//! ordinary test.

use std::fs::OpenOptions;
use std::os::unix::fs::{FileExt, symlink};
use std::path::Path;

use slipring::{DeadLetters, KeptInfo};
use slipring_cli::flow::message::OrderMessage;
use slipring_journal::{Journal, SalvageOptions, Status, inspect, salvage, verify};
use slipring_tests::folders::copy_folder;
use slipring_tests::journals::{BLOCK_BYTES, mend_checksum, segment};
use slipring_tests::often::times;

use crate::sample::{self, allocated, most};

/// Folders in the ordinary run.
const FOLDERS: u64 = 70;

/// Changes one thing.
fn mutate(random: &mut fastrand::Rng, journal: &Path, names: &[String]) {
    let name = random.choice(names).unwrap();
    let path = journal.join(name);
    let Ok(about) = std::fs::symlink_metadata(&path) else { return };
    if !about.is_file() {
        return;
    }
    let length = about.len();
    match random.u8(0..12) {
        0..5 => {
            if length == 0 || length > 1 << 20 {
                return;
            }
            let mut bytes = std::fs::read(&path).unwrap();
            for _ in 0..random.usize(1..9) {
                // Most of what is believed lies at the beginning.
                let most = if random.bool() { bytes.len().min(128) } else { bytes.len() };
                bytes[random.usize(0..most)] = if random.bool() { random.u8(..) } else { 0xff };
            }
            if random.bool() && bytes.len() >= 2 * BLOCK_BYTES {
                bytes[..2 * BLOCK_BYTES].chunks_exact_mut(BLOCK_BYTES).for_each(mend_checksum);
            }
            std::fs::write(&path, bytes).unwrap();
        }
        5 => set_length(&path, random.u64(0..=length)),
        6 => set_length(&path, random.u64(length..=1 << 40)),
        7 => std::fs::remove_file(&path).unwrap(),
        8 => {
            let other = random.choice(names).unwrap();
            let _ = std::fs::rename(&path, journal.join(other));
        }
        9 => {
            let base = if random.bool() { random.u64(..) } else { random.u64(0..1000) };
            if length <= 1 << 20 {
                let _ = std::fs::copy(&path, journal.join(segment(base)));
            }
        }
        10 => {
            std::fs::remove_file(&path).unwrap();
            match random.u8(0..4) {
                0 => std::fs::create_dir(&path).unwrap(),
                1 => symlink(&path, &path).unwrap(),
                2 => symlink("/dev/zero", &path).unwrap(),
                _ => {
                    use rustix::fs::{CWD, FileType, mknodat};
                    mknodat(CWD, &path, FileType::Fifo, 0o600.into(), 0).unwrap();
                }
            }
        }
        _ => {
            let file = OpenOptions::new().write(true).open(&path).unwrap();
            let (at, word) = (random.u64(0..=length.min(1 << 20)), random.u64(..) >> random.u32(0..64));
            file.write_all_at(&word.to_le_bytes(), at).unwrap();
        }
    }
}

fn set_length(path: &Path, bytes: u64) {
    OpenOptions::new().write(true).open(path).unwrap().set_len(bytes).unwrap();
}

/// Everything that reads a folder, and what opens it last.
fn look(journal: &Path, into: &Path) {
    let limit = most(journal);
    let _ = inspect(journal);
    let _ = verify(journal, |_, _| {});
    let _ = KeptInfo::of(journal);
    let _ = DeadLetters::of(journal);
    if let Ok(mut reader) = Journal::at(journal).reader::<OrderMessage>() {
        let (first, end) = (reader.first_sequence(), reader.end_sequence());
        let _ = reader.lower_bound(1 << 40);
        if let Ok(mut chunks) = reader.chunks(first) {
            while let Ok(Some(_)) = chunks.next_chunk() {}
        }
        let _ = end.checked_sub(1).map(|last| reader.at(last).map(|record| record.time_ns()));
    }
    for skip_damaged in [false, true] {
        let options = SalvageOptions { skip_damaged, ..SalvageOptions::default() };
        if salvage(journal, into, options, |_, _| {}).is_ok() {
            assert_eq!(verify(into, |_, _| {}).unwrap().status, Status::Fine);
        }
        assert!(allocated(into) <= limit, "{} bytes of {limit}", allocated(into));
        let _ = std::fs::remove_dir_all(into);
    }
    let opened = sample::try_reopen(journal).map(drop);
    let disk = allocated(journal);
    assert!(disk <= limit, "{disk} bytes of {limit} after {opened:?}");
}

#[test]
fn row_folders_changed_at_random() {
    let folders = times("SLIPRING_MUTATIONS", FOLDERS);
    let place = tempfile::tempdir().unwrap();
    let whole = place.path().join("whole");
    sample::make(&whole);
    let names = sample::files(&whole);
    let mut failed = Vec::new();
    for seed in 0..folders {
        let (journal, into) = (place.path().join("odd"), place.path().join("into"));
        let _ = std::fs::remove_dir_all(&journal);
        copy_folder(&whole, &journal);
        let mut random = fastrand::Rng::with_seed(seed);
        for _ in 0..random.u8(1..6) {
            mutate(&mut random, &journal, &names);
        }
        if std::panic::catch_unwind(|| look(&journal, &into)).is_err() {
            failed.push(seed);
        }
    }
    assert!(failed.is_empty(), "seeds {failed:?}");
}
