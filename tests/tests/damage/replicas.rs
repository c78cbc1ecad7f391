//! Control files of replicas that rot or are put back: refused, or every record is found.

use slipring_journal::__private::protect;
use slipring_journal::__private::storage::Memory;
use slipring_journal::__private::verify_on;
use slipring_journal::{Event, Journal, OpenError, Origin, Reader, Replica, Retention, Status, TakeError};
use slipring_tests::journals::{
    BLOCK_BYTES, BOOT, FileSet, HEADER_BYTES, NEXT_BOOT, Note, RECORD_BYTES, append_to, open, options,
};

const CONTROL: &str = "control";
/// Records of each of the primary's lives, and how many lives.
const LIFE: u64 = 12;
const LIVES: u64 = 5;

/// A primary whose lives were of an epoch each: what a replica of it is made of, and its records as they lie.
fn primary() -> (Origin, Vec<u8>) {
    let (memory, journal) = (Memory::new(BOOT), options(LIFE * LIVES));
    for life in 1..=LIVES {
        let (mut writer, _) = open(&journal, &memory).unwrap();
        append_to(&mut writer, life * LIFE);
        writer.close().unwrap();
    }
    let id = Reader::<Note, Memory>::open_to(memory.clone(), None).unwrap().as_raw().journal_id();
    let files = memory.to_files();
    let (_, segment) = files.iter().find(|(name, _)| name.ends_with(".seg")).unwrap();
    let records = &segment[HEADER_BYTES..][..(LIFE * LIVES) as usize * RECORD_BYTES];
    (Origin::of(id), records.to_vec())
}

fn replica(journal: &Journal, memory: &Memory, origin: &Origin) -> Result<Replica<Memory>, OpenError> {
    journal.replica_on(memory, &Note::schema(), origin, false).map(|(replica, _)| replica)
}

/// Epoch and checksum of the record before that one.
fn before(records: &[u8], at: u64) -> Option<(u32, u32)> {
    let record = &records[at.checked_sub(1)? as usize * RECORD_BYTES..];
    let word = |at: usize| u32::from_le_bytes(record[at..at + 4].try_into().unwrap());
    Some((word(8) >> 4, word(12)))
}

fn take_to(replica: &mut Replica<Memory>, records: &[u8], end: u64) {
    while replica.end_sequence() < end {
        let at = replica.end_sequence();
        let part = &records[at as usize * RECORD_BYTES..end as usize * RECORD_BYTES];
        match replica.try_take(at, before(records, at), part) {
            Ok(_) => {}
            Err(TakeError::Full { .. } | TakeError::EpochDue { .. }) => {
                replica.step_syncer();
                while replica.step_preparer() {}
            }
            Err(error) => panic!("{error}"),
        }
    }
}

/// Opens the files as a replica; where it ends, or `None` for a refusal, which changes nothing.
fn opened(journal: &Journal, files: &FileSet, boot: [u8; 16], origin: &Origin) -> Option<(u64, u64)> {
    let memory = Memory::from_files(files.clone(), boot);
    match replica(journal, &memory, origin) {
        Ok(replica) => {
            let reader = replica.reader().unwrap();
            let found = (reader.first_sequence(), replica.end_sequence());
            replica.abandon();
            let report = verify_on(memory, |_, _| {}).unwrap();
            assert_eq!((report.status, report.replica), (Status::Fine, true), "{report:?}");
            Some(found)
        }
        Err(OpenError::Journal(fault)) => {
            assert_eq!(memory.to_files(), *files, "a refusal changed something: {fault}");
            None
        }
        Err(error) => panic!("{error}"),
    }
}

/// A replica that has records of a new epoch, all durable or the last of them not, and whose newest control
/// slot then rots: where it ends.
fn rots_behind_a_new_epoch(durable: bool) -> Option<(u64, u64)> {
    let (origin, records) = primary();
    let (memory, journal) = (Memory::new(BOOT), options(8));
    let mut open = replica(&journal, &memory, &origin).unwrap();
    take_to(&mut open, &records, LIFE);
    open.step_syncer();
    take_to(&mut open, &records, LIFE + 3);
    if durable {
        open.step_syncer();
    }
    open.abandon();
    let mut files = memory.to_files();
    let control = files.get_mut(CONTROL).unwrap();
    let generation =
        |slot: usize| u64::from_le_bytes(control[slot * BLOCK_BYTES + 32..][..8].try_into().unwrap());
    let newest = usize::from(generation(1) > generation(0));
    control[newest * BLOCK_BYTES + 300] ^= 4;
    opened(&journal, &files, NEXT_BOOT, &origin)
}

#[test]
fn the_newest_control_slot_may_rot_behind_records_of_a_new_epoch() {
    for durable in [false, true] {
        assert_eq!(rots_behind_a_new_epoch(durable), Some((0, LIFE + 3)), "durable {durable}");
    }
}

#[test]
fn control_epoch_both() {
    let found = protect::without(protect::EPOCH_BOTH, || rots_behind_a_new_epoch(false));
    assert_eq!(found, None, "an epoch that one control slot alone knew of went unnoticed");
}

/// Control files of every moment of several lives, as a whole or one slot of them, beside the files as they
/// are at last.
#[test]
fn a_control_file_of_any_earlier_moment_of_a_replica_cuts_nothing_off() {
    let (origin, records) = primary();
    let (mut refused, mut found) = (0, 0);
    for (keep, window) in [(None, 16), (None, 3), (Some(12), 16), (Some(5), 1 << 10)] {
        let mut journal = options(8).window_records(window);
        if let Some(keep) = keep {
            journal = journal.retention(Retention::new().keep_records(keep));
        }
        let memory = Memory::new(BOOT);
        let (mut controls, mut end) = (Vec::new(), 0);
        for life in 0..6 {
            let mut open = replica(&journal, &memory, &origin).unwrap();
            controls.push(memory.to_files()[CONTROL].clone());
            for _ in 0..5 {
                end += 2;
                take_to(&mut open, &records, end);
                controls.push(memory.to_files()[CONTROL].clone());
                while open.step_syncer() {}
                // What retention has retired goes.
                while open.step_preparer() {}
                controls.push(memory.to_files()[CONTROL].clone());
            }
            if life % 2 == 0 {
                drop(open)
            } else {
                open.abandon()
            }
            controls.push(memory.to_files()[CONTROL].clone());
        }
        let files = memory.to_files();
        let first = Reader::<Note, Memory>::open_to(memory, None).unwrap().first_sequence();
        for control in &controls {
            for slots in [0..2 * BLOCK_BYTES, 0..BLOCK_BYTES, BLOCK_BYTES..2 * BLOCK_BYTES] {
                let mut mixed = files.clone();
                mixed.get_mut(CONTROL).unwrap()[slots.clone()].copy_from_slice(&control[slots]);
                for boot in [BOOT, NEXT_BOOT] {
                    match opened(&journal, &mixed, boot, &origin) {
                        Some(all) => {
                            assert_eq!(all, (first, end), "kept {keep:?}, window {window}");
                            found += 1;
                        }
                        None => refused += 1,
                    }
                }
            }
        }
    }
    assert!(refused > 100 && found > 100, "{refused} refused, {found} found");
}
