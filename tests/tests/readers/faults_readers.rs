//! The rows of the fault matrix under a reader or follower that had the journal open before, or comes back
//! with a saved position: an error of the row's kind, never a wait for what will not come. Each test's name
//! says its row.

use std::sync::atomic::{AtomicBool, Ordering};

use slipring_journal::__private::storage::{Memory, Storage, StorageFile};
use slipring_journal::{Follower, Journal, JournalFault, ReadError, Reader};
use slipring_tests::folders::in_memory;
use slipring_tests::journals::{
    BOOT, HEADER_BYTES, NEXT_BOOT, Note, RECORD_BYTES, append_to, closed, died, note, open, options,
    same_boot, segment, time,
};

/// Segments of eight records.
const CAPACITY: u64 = 8;

#[test]
fn row_file_truncated_under_a_live_reader() {
    let memory = closed(CAPACITY, 20);
    let mut reader = Reader::<Note, Memory>::open_to(memory.clone(), None).unwrap();
    assert_eq!(reader.at(5).unwrap().event().id, 5);
    memory.cut(&segment(0), (HEADER_BYTES + 5 * RECORD_BYTES + 7) as u64);
    assert_eq!(reader.at(4).unwrap().event().id, 4);
    for from in 0..8 {
        let read = (from..8).try_for_each(|sequence| reader.at(sequence).map(drop));
        let fault = read.expect_err("the end of the segment is gone");
        assert!(matches!(fault, ReadError::Journal(JournalFault::SegmentTruncated { .. })), "{fault:?}");
    }
    assert!(matches!(
        reader.chunks(0).unwrap().next_chunk(),
        Err(ReadError::Journal(JournalFault::SegmentTruncated { .. }))
    ));
    assert_eq!(reader.at(9).unwrap().event().id, 9);
}

#[test]
fn row_file_truncated_under_a_live_follower() {
    // Below D, above D, and at a record's border: it once waited for ever for the records that were cut off.
    for (durable, cut_bytes) in [(6, 5 * RECORD_BYTES), (0, 5 * RECORD_BYTES), (6, 3 * RECORD_BYTES + 9)] {
        let memory = died(CAPACITY, 6, durable);
        let mut follower = Follower::<Note, Memory>::open_on(memory.clone(), 5).unwrap();
        assert_eq!(follower.next_chunk().unwrap().unwrap().records.len(), 1);
        let mut follower = Follower::<Note, Memory>::open_on(memory.clone(), 3).unwrap();
        assert_eq!(follower.next_chunk().unwrap().unwrap().records.len(), 3);
        memory.cut(&segment(0), (HEADER_BYTES + cut_bytes) as u64);
        match follower.next_chunk() {
            Err(ReadError::Journal(JournalFault::SegmentTruncated { path, .. })) => {
                assert_eq!(path, memory.path(&segment(0)));
            }
            other => panic!("D {durable}, cut at {cut_bytes}: {other:?}"),
        }
    }
}

#[test]
fn row_bit_flip_below_d_under_a_live_follower() {
    // It once waited for ever at the flipped record, as if it were still to be written.
    let mut files = died(CAPACITY, 6, 6).to_files();
    files.get_mut(&segment(0)).unwrap()[HEADER_BYTES + 4 * RECORD_BYTES + 20] ^= 1;
    let memory = same_boot(&files);
    let mut follower = Follower::<Note, Memory>::open_on(memory.clone(), 0).unwrap();
    assert_eq!(follower.next_chunk().unwrap().unwrap().records.len(), 4);
    match follower.next_chunk() {
        Err(ReadError::Journal(JournalFault::CorruptRecord(corrupt))) => assert_eq!(corrupt.sequence, 4),
        other => panic!("{other:?}"),
    }
}

#[test]
fn row_segment_deleted_under_a_live_follower() {
    let memory = died(CAPACITY, 20, 20);
    let mut follower = Follower::<Note, Memory>::open_on(memory.clone(), 0).unwrap();
    assert_eq!(follower.next_chunk().unwrap().unwrap().records.len(), 8);
    memory.remove(&segment(8)).unwrap();
    match follower.next_chunk() {
        Err(ReadError::Journal(JournalFault::MissingSegment { expected_base, .. })) => {
            assert_eq!(expected_base, 8);
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn row_spare_segment_made_anew_under_a_live_follower() {
    // The follower waits in the spare; recovery removes it and makes another. It once went on waiting in the
    // removed file, for ever.
    let memory = died(CAPACITY, 8, 0);
    let (mut writer, _) = open(&options(CAPACITY), &memory).unwrap();
    while writer.step_preparer() {}
    assert!(memory.to_files().contains_key(&segment(8)));
    let mut follower = Follower::<Note, Memory>::open_on(memory.clone(), 8).unwrap();
    assert!(follower.next_chunk().unwrap().is_none());
    writer.abandon();
    let (mut writer, report) = open(&options(CAPACITY), &memory).unwrap();
    assert!(report.removed.contains(&segment(8)), "{report}");
    assert!(follower.next_chunk().unwrap().is_none());
    append_to(&mut writer, 10);
    assert_eq!(follower.next_chunk().unwrap().unwrap().records[1].event().id, 9);
}

/// A journal of six records, with D at `durable`; its tail from 3 on lost, and another written in its place.
fn with_another_history(durable: u64) -> (Memory, Memory) {
    let before = died(CAPACITY, 6, durable);
    let mut files = before.to_files();
    files.get_mut(&segment(0)).unwrap()[HEADER_BYTES + 3 * RECORD_BYTES] ^= 1;
    let after = Memory::from_files(files, NEXT_BOOT);
    let (mut writer, report) = open(&options(CAPACITY), &after).unwrap();
    assert_eq!((report.truncated_at, report.valid_discarded), (Some(3), 2));
    append_to(&mut writer, 6);
    writer.close().unwrap();
    (before, after)
}

#[test]
fn row_a_saved_position_after_a_truncation_is_refused() {
    let (before, after) = with_another_history(2);
    let mut reader = Reader::<Note, Memory>::open_to(before, None).unwrap();
    for sequence in 0..6 {
        let anchor = reader.as_raw().anchor(sequence).unwrap();
        let mut now = Reader::<Note, Memory>::open_to(after.clone(), None).unwrap();
        let check = now.as_raw().check_anchor(&anchor);
        let resumed = Follower::<Note, Memory>::resume_on(after.clone(), anchor);
        if sequence < 3 {
            check.unwrap();
            let mut follower = resumed.unwrap();
            assert_eq!(follower.next_chunk().unwrap().unwrap().first_sequence, sequence + 1);
        } else {
            // The very same event lies there, in another epoch: another history.
            assert!(matches!(check, Err(ReadError::HistoryChanged { anchor: a, .. }) if a == anchor));
            assert!(matches!(resumed, Err(ReadError::HistoryChanged { .. })));
        }
    }
    // Of another journal, and behind the end.
    let mut other = Reader::<Note, Memory>::open_to(closed(CAPACITY, 9), None).unwrap();
    for sequence in [0, 8] {
        let anchor = other.as_raw().anchor(sequence).unwrap();
        let resumed = Follower::<Note, Memory>::resume_on(after.clone(), anchor);
        assert!(matches!(resumed, Err(ReadError::HistoryChanged { .. })), "{resumed:?}");
    }
}

#[test]
fn row_a_follower_over_a_truncation_gets_history_changed() {
    // It has handed out what is then cut off: the same folder, as a machine that came back would show it.
    let (before, after) = with_another_history(2);
    let folder = Memory::from_files(before.to_files(), BOOT);
    let mut follower = Follower::<Note, Memory>::open_on(folder.clone(), 0).unwrap();
    assert_eq!(follower.next_chunk().unwrap().unwrap().records.len(), 6);
    // In place: the follower's handle is of the very file that is written.
    for (name, bytes) in after.to_files() {
        match folder.open(&name, true) {
            Ok(file) => file.write_at(&bytes, 0).unwrap(),
            Err(_) => folder.put(&name, &bytes),
        }
    }
    let (mut writer, _) = open(&options(CAPACITY), &folder).unwrap();
    append_to(&mut writer, 12);
    let met = loop {
        match follower.next_chunk() {
            Ok(Some(chunk)) => assert!(chunk.first_sequence >= 6),
            Ok(None) => panic!("it took the new history for its own"),
            Err(error) => break error,
        }
    };
    assert!(matches!(met, ReadError::HistoryChanged { .. }), "{met:?}");
}

#[test]
fn a_reader_finds_the_journal_while_writers_come_and_go() {
    // A writer that goes removes the file that was made ahead, and one that comes the empty segments that it
    // finds; a reader that had just seen their names once failed to open them.
    let folder = in_memory();
    let journal = Journal::at(folder.path()).segment_records(CAPACITY);
    let append = || {
        let (mut writer, _) = journal.open::<Note>().unwrap();
        for id in 0..5 {
            writer.append(time(id), &note(id)).unwrap();
        }
        writer.close().unwrap();
    };
    append();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            (0..100).for_each(|_| append());
            stop.store(true, Ordering::Relaxed);
        });
        while !stop.load(Ordering::Relaxed) {
            assert!(journal.raw_reader().unwrap().end_sequence() >= 5);
        }
    });
}

/// `rm -rf j`, or that and another journal in its place: whoever had the first one open is told so, and
/// nothing of the second is judged as damage of the first. It once was "record 100 is corrupt", or silence.
#[test]
fn row_another_journal_in_the_place_of_the_one_that_is_read() {
    for records_then in [0, 50, 100, 300] {
        let place = in_memory();
        let journal = Journal::at(place.path()).segment_records(16);
        let record = |end| {
            let (mut writer, _) = journal.open::<Note>().unwrap();
            for id in 0..end {
                writer.append(time(id), &note(id)).unwrap();
            }
            writer.close().unwrap();
        };
        record(100);
        let mut follower = journal.follow::<Note>(0).unwrap();
        let mut behind = journal.follow::<Note>(0).unwrap();
        let mut reader = journal.reader::<Note>().unwrap();
        behind.next_chunk().unwrap().unwrap();
        while follower.next_chunk().unwrap().is_some() {}
        assert_eq!(follower.next_sequence(), 100);
        for entry in std::fs::read_dir(place.path()).unwrap() {
            std::fs::remove_file(entry.unwrap().path()).unwrap();
        }
        if records_then > 0 {
            record(records_then);
        }
        let is_other = |error: &ReadError| match error {
            ReadError::AnotherJournal { wanted, found, .. } => {
                assert_ne!(Some(*wanted), *found);
                found.is_some() == (records_then > 0)
            }
            _ => false,
        };
        let told = follower.next_chunk().map(|chunk| chunk.is_some()).unwrap_err();
        assert!(is_other(&told), "{told}");
        let told = follower.durable_end().unwrap_err();
        assert!(is_other(&told), "{told}");
        // What it has open it may read on; then it is told.
        let told = loop {
            match behind.next_chunk() {
                Ok(Some(chunk)) => {
                    let wanted = (chunk.first_sequence..).map(note);
                    assert!(
                        chunk
                            .records
                            .iter()
                            .map(|record| *record.event())
                            .eq(wanted.take(chunk.records.len()))
                    );
                }
                Ok(None) => panic!("silence"),
                Err(told) => break told,
            }
        };
        assert!(is_other(&told), "{told}");
        let told = (0..100).find_map(|sequence| reader.at(sequence).err());
        // The eight oldest segments hold everything but for the last.
        assert!(reader.at(127).is_err());
        assert!(told.is_none() || told.as_ref().is_some_and(is_other), "{told:?}");
        let told = reader.refresh().unwrap_err();
        assert!(is_other(&told), "{told}");
    }
}
