//! What opening makes of files that were damaged, put back from a copy, or mixed: it refuses, or it goes on
//! with all that was acknowledged; and `verify` says beforehand which of the two.

use std::collections::BTreeMap;

use slipring_journal::__private::storage::Memory;
use slipring_journal::__private::{protect, salvage_on, verify_on};
use slipring_journal::{Journal, JournalFault, OpenError, Retention, SalvageOptions, Status, SyncMode};
use slipring_tests::journals::{
    BLOCK_BYTES, BOOT, FileSet, HEADER_BYTES, NEXT_BOOT, Note, RECORD_BYTES, append_to, closed, died, open,
    options, read_all, same_boot, segment,
};

const CONTROL: &str = "control";

/// Opens the files; where it goes on, or the refusal. A refusal changes nothing.
fn opened(files: &FileSet, boot: [u8; 16]) -> Result<(u64, u64, Option<u64>), JournalFault> {
    let memory = Memory::from_files(files.clone(), boot);
    match open(&options(8), &memory) {
        Ok((writer, report)) => {
            writer.abandon();
            Ok((report.first_sequence, report.end_sequence, report.truncated_at))
        }
        Err(OpenError::Journal(fault)) => {
            assert_eq!(memory.to_files(), *files, "a refusal changed something: {fault}");
            Err(fault)
        }
        Err(error) => panic!("{error}"),
    }
}

/// Opens the files and asks `verify` before: they must agree.
fn agreed(files: &FileSet, boot: [u8; 16], story: &str) -> Result<(u64, u64, Option<u64>), JournalFault> {
    let report = verify_on(Memory::from_files(files.clone(), boot), |_, _| ()).unwrap();
    let opened = opened(files, boot);
    assert_eq!(report.refuses_to_open, opened.is_err(), "{story}: {report:?}, and opening: {opened:?}");
    match &opened {
        Ok((first, end, cut)) => {
            let told = (report.first_sequence, report.end_sequence, report.torn_at);
            assert_eq!(told, (*first, *end, *cut), "{story}: {report:?}");
        }
        Err(fault) => {
            assert_eq!(report.status, Status::Corrupt, "{story}: {report:?}");
            let same = match fault {
                JournalFault::CorruptRecord(at) => format!("record {} ", at.sequence),
                other => other.to_string(),
            };
            assert!(report.faults.iter().any(|told| told.contains(&same)), "{story}: {fault}, {report:?}");
        }
    }
    opened
}

/// A journal of 20 records in its first life, then of 100; and the control file after each.
fn two_lives() -> (FileSet, Vec<u8>) {
    let memory = closed(8, 20);
    let old = memory.to_files()[CONTROL].clone();
    let (mut writer, _) = open(&options(8), &memory).unwrap();
    for end in (21..=100).step_by(4).chain([100]) {
        append_to(&mut writer, end);
        while writer.step_syncer() {}
    }
    writer.close().unwrap();
    (memory.to_files(), old)
}

/// The story: 20 records, close, copy `control`, 80 more in another life, close, and the copy is put back.
/// Opening once cut the log at 20 and removed eleven segments.
#[test]
fn a_control_file_of_an_earlier_life_is_refused_and_salvage_keeps_all() {
    let (mut files, old) = two_lives();
    files.insert(CONTROL.to_owned(), old);
    for boot in [BOOT, NEXT_BOOT] {
        let fault = agreed(&files, boot, "put back").unwrap_err();
        assert!(matches!(fault, JournalFault::OutdatedControl { epoch: 2, known: 1, .. }), "{fault}");
        assert!(fault.to_string().contains("put the newest control file back"), "{fault}");
    }
    assert!(read_all(&same_boot(&files)).is_err(), "a reader took it for whole");
    let into = Memory::new(BOOT);
    let report = salvage_on(&same_boot(&files), &into, SalvageOptions::default(), |_, _| ()).unwrap();
    assert_eq!((report.records, report.lost_count), (100, 0));
}

/// The same where the earlier life ends inside the last segment, whose header is of an epoch that is known: a
/// record says it.
#[test]
fn a_record_of_a_later_life_in_a_segment_of_an_earlier_one_is_refused() {
    for window in [1, 4, 1 << 10] {
        let memory = Memory::new(BOOT);
        let journal = options(64).window_records(window);
        let (mut writer, _) = open(&journal, &memory).unwrap();
        append_to_synced(&mut writer, 20);
        writer.close().unwrap();
        let old = memory.to_files()[CONTROL].clone();
        let (mut writer, _) = open(&journal, &memory).unwrap();
        append_to_synced(&mut writer, 60);
        writer.close().unwrap();
        let mut files = memory.to_files();
        files.insert(CONTROL.to_owned(), old);
        let fault = agreed(&files, NEXT_BOOT, "put back").unwrap_err();
        assert!(matches!(fault, JournalFault::OutdatedControl { epoch: 2, known: 1, .. }), "{fault}");
        // With the first of them gone the others still say it.
        for at in [20, 20 + window.min(30)] {
            let at = HEADER_BYTES + at as usize * RECORD_BYTES;
            files.get_mut(&segment(0)).unwrap()[at + 20] ^= 1;
            assert!(agreed(&files, NEXT_BOOT, "put back and damaged").is_err());
        }
    }
}

fn append_to_synced(writer: &mut slipring_journal::Writer<Note, Memory>, end: u64) {
    for end in writer.end_sequence() + 1..=end {
        append_to(writer, end);
        while writer.step_syncer() {}
    }
}

/// Control files of every moment of several lives, as a whole or one slot of them, beside the files as they
/// are at last: opening refuses, or finds every record.
#[test]
fn a_control_file_of_any_earlier_moment_cuts_nothing_off() {
    let (mut refused, mut found) = (0, 0);
    for (keep, window, every) in [(None, 16, 1), (None, 3, 1), (Some(12), 16, 3), (Some(5), 1 << 10, 2)] {
        let mut journal = options(8).window_records(window).sync(SyncMode::EveryBatch);
        if let Some(keep) = keep {
            journal = journal.retention(Retention::new().keep_records(keep));
        }
        let (files, controls, first, end) = moments(&journal, every);
        for control in &controls {
            for slots in [vec![0, 1], vec![0], vec![1]] {
                let mut mixed = files.clone();
                for slot in slots {
                    let range = slot * BLOCK_BYTES..(slot + 1) * BLOCK_BYTES;
                    mixed.get_mut(CONTROL).unwrap()[range.clone()].copy_from_slice(&control[range]);
                }
                for boot in [BOOT, NEXT_BOOT] {
                    match agreed(&mixed, boot, "an earlier control file") {
                        Ok((from, to, cut)) => {
                            assert_eq!((from, to, cut), (first, end, None), "kept {keep:?}, window {window}");
                            found += 1;
                        }
                        Err(_) => refused += 1,
                    }
                }
            }
        }
    }
    assert!(refused > 100 && found > 100, "{refused} refused, {found} found");
}

/// Lives of a journal, closed and killed in turn: the files at last, the control files of each moment, and
/// where the log begins and ends.
fn moments(journal: &Journal, every: u64) -> (FileSet, Vec<Vec<u8>>, u64, u64) {
    let memory = Memory::new(BOOT);
    let mut controls: Vec<Vec<u8>> = Vec::new();
    let mut end = 0;
    let mut first = 0;
    for life in 0..5 {
        let (mut writer, _) = open(journal, &memory).unwrap();
        controls.push(memory.to_files()[CONTROL].clone());
        for _ in 0..9 {
            end += every;
            append_to(&mut writer, end);
            while writer.step_syncer() {}
            controls.push(memory.to_files()[CONTROL].clone());
        }
        first = writer.reader().unwrap().first_sequence();
        match life % 2 {
            0 => assert_eq!(writer.close().unwrap(), end),
            _ => writer.abandon(),
        }
        controls.push(memory.to_files()[CONTROL].clone());
    }
    controls.dedup();
    (memory.to_files(), controls, first, end)
}

/// A segment behind D + W that holds records is no spare, however far it lies and whatever became of its
/// first slot.
#[test]
fn no_segment_with_records_is_taken_for_a_spare() {
    let journal = options(8).window_records(4);
    let memory = Memory::new(BOOT);
    let (mut writer, _) = open(&journal, &memory).unwrap();
    append_to_synced(&mut writer, 4);
    let old = memory.to_files()[CONTROL].clone();
    append_to_synced(&mut writer, 60);
    writer.abandon();
    let mut files = memory.to_files();
    files.insert(CONTROL.to_owned(), old);
    // All that would say so is gone, but for the last segments.
    for base in [0, 8, 16] {
        let file = files.get_mut(&segment(base)).unwrap();
        let from = HEADER_BYTES + if base == 0 { 4 * RECORD_BYTES } else { 0 };
        file[from..].fill(0);
    }
    assert!(matches!(agreed(&files, NEXT_BOOT, "far"), Err(JournalFault::CorruptRecord(_))));
    let damaged = files.get_mut(&segment(24)).unwrap();
    damaged[HEADER_BYTES] ^= 1;
    assert!(matches!(agreed(&files, NEXT_BOOT, "far"), Err(JournalFault::CorruptRecord(_))));
    // What is no record any more is no reason to refuse, but nothing goes that was not saved.
    for base in (24..60).step_by(8) {
        let file = files.get_mut(&segment(base)).unwrap();
        for slot in 0..8 {
            file[HEADER_BYTES + slot * RECORD_BYTES + 16] ^= 1;
        }
    }
    let memory = Memory::from_files(files.clone(), NEXT_BOOT);
    let (writer, report) = open(&journal, &memory).unwrap();
    writer.abandon();
    assert_eq!((report.end_sequence, report.truncated_at, report.valid_discarded), (4, Some(4), 0));
    assert!(report.may_include_acknowledged);
    let saved = report.discarded_saved_to.unwrap();
    let saved = &memory.to_files()[saved.file_name().unwrap().to_str().unwrap()];
    let kept = &files[&segment(24)][HEADER_BYTES..HEADER_BYTES + 8 * RECORD_BYTES];
    assert_eq!(&saved[20 * RECORD_BYTES..28 * RECORD_BYTES], kept);
}

/// The last record that was acknowledged, above D on disk, and its bytes: the cut may have taken it.
#[test]
fn a_cut_of_the_last_acknowledged_record_says_so_and_one_of_a_partial_slot_does_not() {
    let files = died(8, 6, 5).to_files();
    let at = HEADER_BYTES + 5 * RECORD_BYTES;
    let mut flipped = files.clone();
    flipped.get_mut(&segment(0)).unwrap()[at + 20] ^= 4;
    for boot in [BOOT, NEXT_BOOT] {
        let (writer, report) = open(&options(8), &Memory::from_files(flipped.clone(), boot)).unwrap();
        writer.abandon();
        assert_eq!((report.truncated_at, report.valid_discarded), (Some(5), 0));
        assert!(report.may_include_acknowledged);
    }
    // A process that died in an append leaves a slot without its commit word.
    let mut partial = files;
    partial.get_mut(&segment(0)).unwrap()[at + 8..at + 16].fill(0);
    let (writer, report) = open(&options(8), &Memory::from_files(partial, BOOT)).unwrap();
    writer.abandon();
    assert_eq!(report.truncated_at, Some(5));
    assert!(!report.may_include_acknowledged);
}

/// Damage of every sort, and what `verify` says of it: what opening does.
#[test]
fn verify_says_what_the_next_open_does() {
    let mut random = fastrand::Rng::with_seed(20);
    let (two, old) = two_lives();
    let starts = [died(8, 30, 13).to_files(), died(8, 16, 0).to_files(), closed(8, 30).to_files(), two];
    let mut outcomes = BTreeMap::new();
    for round in 0..4_000 {
        let mut files = starts[round % starts.len()].clone();
        let mut story = format!("round {round}");
        for _ in 0..random.u8(1..3) {
            damage(&mut files, &old, &mut random, &mut story);
        }
        let boot = [BOOT, NEXT_BOOT][random.usize(0..2)];
        let outcome = match agreed(&files, boot, &story) {
            Ok((_, _, None)) => "goes on",
            Ok(_) => "cuts",
            Err(_) => "refuses",
        };
        *outcomes.entry(outcome).or_insert(0) += 1;
    }
    println!("{outcomes:?}");
    assert!(outcomes.len() == 3 && outcomes.values().all(|count| *count > 100), "{outcomes:?}");
}

/// Does something to the files.
fn damage(files: &mut FileSet, old: &[u8], random: &mut fastrand::Rng, story: &mut String) {
    let segments: Vec<_> = files.keys().filter(|name| name.ends_with(".seg")).cloned().collect();
    let one = segments[random.usize(0..segments.len())].clone();
    let other = segments[random.usize(0..segments.len())].clone();
    // What has been cut already has no slots to damage.
    let most = if files[&one].len() < HEADER_BYTES + 8 * RECORD_BYTES { 3 } else { 0 };
    let text = match random.u8(most..8) {
        0 | 1 => {
            let file = files.get_mut(&one).unwrap();
            let slots = (file.len() - HEADER_BYTES) / RECORD_BYTES;
            let at =
                HEADER_BYTES + random.usize(0..slots.min(8)) * RECORD_BYTES + random.usize(0..RECORD_BYTES);
            file[at] ^= 1 << random.u8(0..8);
            format!("byte {at} of {one} flipped")
        }
        2 => {
            let file = files.get_mut(&one).unwrap();
            let slot = HEADER_BYTES + random.usize(0..8) * RECORD_BYTES;
            file[slot..slot + RECORD_BYTES].fill(0);
            format!("zeros at {slot} of {one}")
        }
        3 => {
            let file = files.get_mut(&one).unwrap();
            let bytes = random.usize(0..=file.len());
            file.truncate(bytes);
            format!("{one} cut to {bytes}")
        }
        4 => {
            files.get_mut(CONTROL).unwrap().copy_from_slice(old);
            "an old control file".to_owned()
        }
        5 => {
            let slot = random.usize(0..2) * BLOCK_BYTES;
            let control = files.get_mut(CONTROL).unwrap();
            match random.bool() {
                true => control[slot + random.usize(0..100)] ^= 1,
                false => control[slot..slot + BLOCK_BYTES].copy_from_slice(&old[slot..slot + BLOCK_BYTES]),
            }
            format!("the control slot at {slot} damaged")
        }
        6 => {
            files.remove(&one);
            format!("{one} removed")
        }
        _ => {
            let (a, b) = (files[&one].clone(), files[&other].clone());
            files.insert(one.clone(), b);
            files.insert(other.clone(), a);
            format!("{one} and {other} swapped")
        }
    };
    *story = format!("{story}, {text}");
}

/// The protections of opening that need no power loss to be seen: each switched off turns its story red.
fn red_without(off: u64, story: impl Fn() -> bool) {
    assert!(story(), "{off:#x}: the story itself");
    assert!(!protect::without(off, story), "{off:#x}: without the protection nobody noticed");
}

#[test]
fn control_chain() {
    let mut files = closed(8, 30).to_files();
    files.remove(&segment(8));
    red_without(protect::CHAIN, || matches!(opened(&files, BOOT), Err(JournalFault::MissingSegment { .. })));
}

/// Both control slots know the new epoch before a record can carry it: with either of them gone the records
/// are there.
#[test]
fn control_epoch_sync() {
    red_without(protect::EPOCH_SYNC, || {
        let memory = closed(8, 5);
        let (mut writer, _) = open(&options(8), &memory).unwrap();
        append_to(&mut writer, 7);
        writer.abandon();
        (0..2).all(|slot| {
            let mut files = memory.to_files();
            files.get_mut(CONTROL).unwrap()[slot * BLOCK_BYTES + 40] ^= 1;
            matches!(opened(&files, BOOT), Ok((0, 7, None)))
        })
    });
}
