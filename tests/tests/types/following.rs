//! Followers, and readers that were there before, while a newer program goes on with the journal.

use slipring_journal::__private::storage::{Memory, Storage, StorageFile};
use slipring_journal::{Follower, Journal, JournalFault, ReadError, Reader, SyncMode};
use slipring_tests::folders::in_memory;
use slipring_tests::journals::{BOOT, segment};
use slipring_tests::types::{
    Quote1, Quote2, Quote3, Version, Written, append, check, live, live_all, options, seen, shown,
};

/// Takes what has come; the sequence behind it.
fn drain<E: Version>(follower: &mut Follower<E, Memory>, written: &Written) -> Result<u64, ReadError> {
    while let Some(chunk) = follower.next_chunk()? {
        for (id, record) in (chunk.first_sequence..).zip(chunk.records) {
            assert_eq!(shown(record), seen::<E>(written, id), "{id}");
        }
    }
    Ok(follower.next_sequence())
}

/// It stands at the end of a segment that ends early behind its back, at its beginning, and in the middle;
/// nothing need be durable for it to go on.
#[test]
fn a_follower_goes_on_where_a_segment_has_ended_early() {
    for first in [0_u64, 3, 8, 13, 16] {
        let written: Written = vec![(first, 1), (first + 11, 2), (first + 30, 3)];
        let memory = Memory::new(BOOT);
        live::<Quote1, _>(&options(8), &memory, first);
        let mut follower = Follower::<Quote3, Memory>::open_on(memory.clone(), 0).unwrap();
        assert_eq!(drain(&mut follower, &written).unwrap(), first);
        for _ in 0..3 {
            assert!(follower.next_chunk().unwrap().is_none(), "it has looked in vain");
        }
        let (mut writer, _) = options(8).open_on::<Quote2, Memory>(&memory, false).unwrap();
        assert_eq!(drain(&mut follower, &written).unwrap(), first);
        for end in first + 1..=first + 11 {
            append(&mut writer, end);
            assert_eq!(drain(&mut follower, &written).unwrap(), end, "at once, durable or not");
        }
        writer.abandon();
        let (mut writer, _) = options(8).open_on::<Quote3, Memory>(&memory, false).unwrap();
        assert_eq!(drain(&mut follower, &written).unwrap(), first + 11);
        append(&mut writer, first + 30);
        assert_eq!(drain(&mut follower, &written).unwrap(), first + 30);
        let anchor = follower.anchor().unwrap();
        writer.close().unwrap();
        let resumed = Follower::<Quote3, Memory>::resume_on(memory.clone(), anchor).unwrap();
        assert_eq!(resumed.next_sequence(), first + 30);
    }
}

/// What it was handed out last is cut off, and a newer program goes on before that place: in a segment of its
/// own.
#[test]
fn a_follower_ahead_of_a_cut_hears_that_history_has_changed() {
    let written: Written = vec![(13, 1)];
    let memory = Memory::new(BOOT);
    let (mut writer, _) = options(8).open_on::<Quote1, Memory>(&memory, false).unwrap();
    append(&mut writer, 13);
    let mut follower = Follower::<Quote3, Memory>::open_on(memory.clone(), 0).unwrap();
    assert_eq!(drain(&mut follower, &written).unwrap(), 13);
    writer.abandon();
    // The machine lost the last two: nobody had been told that they are durable.
    let file = memory.open(&segment(8), true).unwrap();
    file.write_at(&[0; 2 * 32], slipring_journal::HEADER_BYTES + 3 * 32).unwrap();
    let (mut writer, report) = options(8).open_on::<Quote3, Memory>(&memory, false).unwrap();
    assert_eq!(report.end_sequence, 11);
    append(&mut writer, 20);
    writer.step_syncer();
    match drain(&mut follower, &written).and_then(|_| drain(&mut follower, &written)) {
        Err(ReadError::HistoryChanged { anchor, .. }) => assert_eq!(anchor.sequence, 12),
        other => panic!("{other:?}"),
    }
    writer.close().unwrap();
}

/// It gets all that is of its own type, and then hears why there is no more.
#[test]
fn a_follower_of_an_older_program_is_told_where_the_newer_type_begins() {
    let written: Written = vec![(13, 1), (20, 2)];
    let memory = Memory::new(BOOT);
    live::<Quote1, _>(&options(8), &memory, 13);
    let mut follower = Follower::<Quote1, Memory>::open_on(memory.clone(), 0).unwrap();
    assert_eq!(drain(&mut follower, &written).unwrap(), 13);
    live::<Quote2, _>(&options(8), &memory, 20);
    for _ in 0..2 {
        match drain(&mut follower, &written) {
            Err(ReadError::Journal(JournalFault::SchemaMismatch { differences, .. })) => {
                assert_eq!(differences.len(), 1, "{differences:?}");
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(follower.next_sequence(), 13);
    }
    // A program of the newer type goes on from there.
    let mut newer = Follower::<Quote2, Memory>::resume_on(memory, follower.anchor().unwrap()).unwrap();
    assert_eq!(drain(&mut newer, &written).unwrap(), 20);
}

/// A reader that has looked before does not need the segment to be as long as it was.
#[test]
fn a_reader_from_before_reads_on_what_it_saw() {
    let memory = Memory::new(BOOT);
    live::<Quote1, _>(&options(4), &memory, 50);
    // More segments than a reader keeps open; the last is opened again after it has ended early.
    let mut reader = Reader::<Quote1, Memory>::open_to(memory.clone(), None).unwrap();
    live::<Quote2, _>(&options(4), &memory, 60);
    check(&mut reader, &vec![(50, 1)], 50);
    match reader.refresh() {
        Err(ReadError::Journal(JournalFault::SchemaMismatch { .. })) => {}
        other => panic!("{other:?}"),
    }
    let mut newer = Reader::<Quote2, Memory>::open_to(memory.clone(), None).unwrap();
    live::<Quote2, _>(&options(4), &memory, 70);
    newer.refresh().unwrap();
    check(&mut newer, &vec![(50, 1), (70, 2)], 70);
}

/// Without types: bytes as the newest says, as long as that is what it was.
#[test]
fn a_raw_follower_says_when_the_events_have_changed() {
    let memory = Memory::new(BOOT);
    live_all(&options(8), &memory, &vec![(13, 1)]);
    let mut follower = slipring_journal::RawFollower::open_on(memory.clone(), 0).unwrap();
    while follower.next_chunk().unwrap().is_some() {}
    live_all(&options(8), &memory, &vec![(20, 2)]);
    match follower.next_chunk() {
        Err(ReadError::Journal(JournalFault::SchemaMismatch { differences, .. })) => {
            assert!(differences[0].advice.contains("begin anew"), "{differences:?}");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(follower.next_sequence(), 13);
    let mut follower = slipring_journal::RawFollower::open_on(memory, 13).unwrap();
    let chunk = follower.next_chunk().unwrap().unwrap();
    assert_eq!((chunk.first_sequence(), chunk.record_bytes()), (13, 40));
}

/// It commits within a chunk of a type that only the program knows how to read, and claims where a newer type
/// begins.
#[test]
fn a_named_reader_of_the_newest_type_works_on_what_only_its_program_can_read() {
    let folder = in_memory();
    let journal =
        Journal::at(folder.path()).segment_records(8).sync(SyncMode::EveryBatch).window_records(1 << 10);
    let files = journal.files();
    live::<Quote1, _>(&journal, &files, 13);
    let mut shared = journal.shared_reader::<Quote3>("shared").unwrap();
    assert_eq!(shared.claim(20).unwrap(), Some(0..13));
    while shared.next_chunk().unwrap().is_some() {}
    shared.commit(13).unwrap();
    assert_eq!(shared.claim(20).unwrap(), None);
    let (mut writer, _) = journal.open_on::<Quote3, _>(&files, false).unwrap();
    append(&mut writer, 16);
    let mut looks = (0..2).map(|_| shared.claim(20).unwrap());
    assert_eq!(looks.find_map(|claimed| claimed), Some(13..16), "not durable yet");
    let mut reader = journal.named_reader::<Quote3>("alone").unwrap();
    assert!(reader.next_chunk().unwrap().is_some_and(|chunk| chunk.records.len() == 8));
    reader.commit(3).unwrap();
    drop(reader);
    assert_eq!(journal.named_reader::<Quote3>("alone").unwrap().position(), 3);
    writer.close().unwrap();
}
