//! Everything that can be done with a journal, in a process with 64 file handles and a journal of many more
//! segments.

use std::path::Path;

use slipring_journal::__private::storage::Files;
use slipring_journal::{Journal, Retention, SalvageOptions, Status, SyncMode, inspect, verify};
use slipring_tests::journals::{Note, append_to, note, time};
use slipring_tests::unsynced::Unsynced;

const RECORDS: u64 = 2;

/// Does it, and says each step.
pub(crate) fn all(folder: &str, segments: u64) {
    super::limit(libc::RLIMIT_NOFILE, 64);
    let place = Path::new(folder).join("journal");
    let journal = Journal::at(&place).segment_records(RECORDS).sync(SyncMode::EveryBatch);
    let files = Unsynced(Files::new(&place));
    let end = segments * RECORDS;
    let (mut writer, _) = journal.open_on::<Note, _>(&files, false).unwrap();
    for at in (0..end).step_by(RECORDS as usize) {
        append_to(&mut writer, at + RECORDS);
        while writer.step_syncer() {}
    }
    drop(writer);
    println!("made: {segments} segments");
    let (writer, report) = journal.open_on::<Note, _>(&files, false).unwrap();
    assert_eq!((report.first_sequence, report.end_sequence), (0, end));
    println!("opened: {report}");
    let mut reader = writer.reader().unwrap();
    let mut chunks = reader.chunks(0).unwrap();
    let mut next = 0;
    while let Some(chunk) = chunks.next_chunk().unwrap() {
        for record in chunk.records {
            assert_eq!(record.event(), &note(next));
            next += 1;
        }
    }
    assert_eq!(next, end);
    println!("replayed: {next} records");
    drop((reader, writer));
    let mut reader = journal.reader::<Note>().unwrap();
    for sequence in [0, 1, end / 3, end / 2, end - 1] {
        assert_eq!(reader.lower_bound(time(sequence)).unwrap(), sequence);
        assert_eq!(reader.at(sequence).unwrap().event(), &note(sequence));
    }
    println!("sought: in {} records", reader.end_sequence());
    drop(reader);
    let found = verify(&place, |_, _| ()).unwrap();
    assert_eq!((found.status, found.records), (Status::Fine, end), "{found:?}");
    println!("verified: {} records", found.records);
    let info = inspect(&place).unwrap();
    assert!(info.segments.len() as u64 >= segments);
    assert_eq!(info.segments[segments as usize - 1].last_time_ns, Some(time(end - 1)));
    println!("inspected: {} segments", info.segments.len());
    followed(&journal, end);
    let into = Path::new(folder).join("salvaged");
    let options = SalvageOptions::default();
    let report = slipring_journal::__private::salvage_on(
        &Files::new(&place),
        &Unsynced(Files::new(&into)),
        options,
        |_, _| (),
    )
    .unwrap();
    assert_eq!((report.records, report.lost_count), (end, 0), "{report}");
    println!("salvaged: {} records", report.records);
    std::fs::remove_dir_all(&into).unwrap();
    retired(&journal, &files, end);
}

fn followed(journal: &Journal, end: u64) {
    let mut follower = journal.follow::<Note>(0).unwrap();
    let mut next = 0;
    while let Some(chunk) = follower.next_chunk().unwrap() {
        for record in chunk.records {
            assert_eq!(record.event(), &note(next));
            next += 1;
        }
    }
    assert_eq!(next, end);
    println!("followed: {next} records");
}

fn retired(journal: &Journal, files: &Unsynced, end: u64) {
    let few = journal.clone().retention(Retention::new().keep_records(100 * RECORDS));
    let (mut writer, _) = few.open_on::<Note, _>(files, false).unwrap();
    append_to(&mut writer, end + 1);
    while writer.step_syncer() {}
    drop(writer);
    let info = inspect(journal.path()).unwrap();
    assert!(info.segments.len() < 110, "{} segments are left", info.segments.len());
    println!("retired: all but {} segments", info.segments.len());
    // What was given up and not unlinked yet goes now.
    let (writer, report) = journal.open_on::<Note, _>(files, false).unwrap();
    assert_eq!(report.end_sequence, end + 1);
    drop(writer);
    let left = std::fs::read_dir(journal.path()).unwrap().count();
    assert!(left < 120, "{left} files are left");
    println!("reopened: {left} files are left");
}
