//! What a named reader promises, one promise a test.

use std::path::Path;
use std::time::Duration;

use slipring_journal::__private::storage::Files;
use slipring_journal::{
    HeldBy, Journal, NamedReaderError, RawNamedReader, ReadError, ReaderStart, ReaderStatus, Retention,
    Writer,
};
use slipring_tests::folders::{copy_folder, in_memory};
use slipring_tests::journals::{Note, RECORD_BYTES, append_to, note, time};

const CAPACITY: u64 = 8;

pub(crate) fn journal(folder: &Path) -> Journal {
    Journal::at(folder).segment_records(CAPACITY).window_records(1 << 10)
}

/// A journal of notes, made durable by hand.
fn open(journal: &Journal) -> Writer<Note, Files> {
    journal.open_on::<Note, Files>(&journal.files(), false).expect("it opens").0
}

/// Appends up to `end`, all of it durable, and lets retention do what it may.
fn go_to(writer: &mut Writer<Note, Files>, end: u64) {
    for id in writer.end_sequence()..end {
        writer.step_syncer();
        while writer.step_preparer() {}
        append_to(writer, id + 1);
    }
    while writer.step_syncer() || writer.step_preparer() {}
}

/// A journal with so many notes.
pub(crate) fn written(folder: &Path, end: u64) -> Journal {
    let journal = journal(folder);
    let mut writer = open(&journal);
    go_to(&mut writer, end);
    writer.close().expect("it closes");
    journal
}

/// The next records, at most so many; their sequences. Each must be what was written.
fn read(reader: &mut RawNamedReader, most: u64) -> Vec<u64> {
    let end = reader.next_sequence() + most;
    let mut sequences = Vec::new();
    while let Some(chunk) = reader.next_chunk_below(end).expect("it reads") {
        for record in chunk.records() {
            assert_eq!(record.event, bytemuck::bytes_of(&note(record.sequence)));
            sequences.push(record.sequence);
        }
    }
    sequences
}

#[test]
fn it_goes_on_behind_what_was_committed_and_nowhere_else() {
    let folder = in_memory();
    let journal = written(folder.path(), 20);
    let mut reader = journal.named_reader_raw("a").unwrap();
    assert_eq!(read(&mut reader, 5), [0, 1, 2, 3, 4]);
    // In the middle of what was handed out, and at its end, and back, which says nothing.
    for (end, position) in [(3, 3), (5, 5), (4, 5), (0, 5)] {
        reader.commit(end).unwrap();
        assert_eq!(reader.position(), position);
    }
    let error = reader.commit(6).unwrap_err();
    assert!(matches!(error, NamedReaderError::NotHandedOut { end: 6, next: 5, .. }), "{error}");
    assert_eq!(read(&mut reader, 2), [5, 6]);
    reader.abandon();
    let mut reader = journal.named_reader_raw("a").unwrap();
    assert_eq!((reader.position(), read(&mut reader, 100).first()), (5, Some(&5)));
    reader.commit(20).unwrap();
    assert_eq!((reader.close().unwrap(), journal.named_reader_raw("b").unwrap().position()), (20, 0));
}

#[test]
fn commits_in_batches_are_durable_when_it_says_so() {
    let folder = in_memory();
    let journal = written(folder.path(), 40);
    let open = || journal.named_reader_raw("a").unwrap().commit_every(10);
    let mut reader = open();
    for end in 1..=25 {
        read(&mut reader, 1);
        reader.commit(end).unwrap();
        assert_eq!(reader.position(), end / 10 * 10);
    }
    reader.abandon();
    let mut reader = open();
    assert_eq!(read(&mut reader, 5)[0], 20);
    reader.commit(22).unwrap();
    reader.flush().unwrap();
    assert_eq!(reader.position(), 22);
    reader.commit(24).unwrap();
    drop(reader);
    assert_eq!(open().position(), 24, "an end in good order writes it");
}

#[test]
fn one_alone_or_several_together() {
    let folder = in_memory();
    let journal = written(folder.path(), 20);
    let held = |result: Result<(), NamedReaderError>| {
        let error = result.unwrap_err();
        assert!(matches!(error, NamedReaderError::Held { .. }), "{error}");
    };
    let by = || journal.readers().unwrap()[0].held;
    let alone = journal.named_reader::<Note>("a").unwrap();
    assert_eq!(by(), HeldBy::One);
    held(journal.named_reader::<Note>("a").map(drop));
    held(journal.shared_reader::<Note>("a").map(drop));
    held(journal.set_reader("a", ReaderStart::End).map(drop));
    held(journal.remove_reader("a"));
    drop(alone);
    assert_eq!(by(), HeldBy::Nobody);
    let mut shared: Vec<_> = (0..32).map(|_| journal.shared_reader::<Note>("a").unwrap()).collect();
    assert_eq!(by(), HeldBy::Shared(32));
    let error = journal.shared_reader::<Note>("a").unwrap_err();
    assert!(matches!(error, NamedReaderError::TooManyMembers { most: 32, .. }), "{error}");
    held(journal.named_reader::<Note>("a").map(drop));
    // A place that is given up is there for another.
    shared.swap_remove(7);
    journal.shared_reader::<Note>("a").unwrap();
    drop(shared);
    journal.remove_reader("a").unwrap();
    assert!(journal.readers().unwrap().is_empty());
    let error = journal.remove_reader("a").unwrap_err();
    assert!(matches!(error, NamedReaderError::NoReader { .. }), "{error}");
    for name in ["", "..", ".a", "a/b", "a b"] {
        let error = journal.named_reader::<Note>(name).unwrap_err();
        assert!(matches!(error, NamedReaderError::BadName { .. }), "{error}");
    }
}

#[test]
fn what_others_have_done_ahead_one_alone_does_not_do_again() {
    let folder = in_memory();
    let journal = written(folder.path(), 30);
    let share = || journal.shared_reader_raw("a").unwrap();
    let (mut one, mut two, mut three) = (share(), share(), share());
    assert_eq!(one.claim(5).unwrap(), Some(0..5));
    assert_eq!(two.claim(5).unwrap(), Some(5..10));
    assert_eq!(three.claim(100).unwrap(), Some(10..30));
    while two.next_chunk().unwrap().is_some() {}
    two.commit(10).unwrap();
    while three.next_chunk().unwrap().is_some() {}
    three.commit(12).unwrap();
    let info = &journal.readers().unwrap()[0];
    assert_eq!(
        (info.position, info.lag, &info.claimed[..], &info.done[..]),
        (Some(0), 23, &[0..5, 12..30][..], std::slice::from_ref(&(5..12)))
    );
    for reader in [one, two, three] {
        reader.abandon();
    }
    let mut alone = journal.named_reader_raw("a").unwrap();
    assert_eq!(read(&mut alone, 5), [0, 1, 2, 3, 4]);
    alone.commit(5).unwrap();
    assert_eq!(alone.position(), 12);
    assert_eq!(read(&mut alone, 3), [12, 13, 14]);
    alone.commit(15).unwrap();
    assert_eq!(alone.position(), 15);
}

#[test]
fn it_is_set_by_sequence_by_time_to_start_and_end() {
    let folder = in_memory();
    let journal = written(folder.path(), 20);
    for (start, at) in [
        (ReaderStart::First, 0),
        (ReaderStart::End, 20),
        (ReaderStart::Sequence(7), 7),
        (ReaderStart::Sequence(20), 20),
        (ReaderStart::Time(time(9)), 9),
        (ReaderStart::Time(time(9) + 1), 10),
        (ReaderStart::Time(u64::MAX), 20),
    ] {
        assert_eq!(journal.set_reader("a", start).unwrap(), at, "{start:?}");
        let mut reader = journal.named_reader_raw("a").unwrap();
        assert_eq!(read(&mut reader, 1), Vec::from_iter((at < 20).then_some(at)));
        // The same from within.
        reader.seek(ReaderStart::Sequence(3)).unwrap();
        assert_eq!(read(&mut reader, 2), [3, 4]);
        reader.seek(start).unwrap();
        assert_eq!((reader.position(), reader.next_sequence()), (at, at));
    }
    let error = journal.set_reader("a", ReaderStart::Sequence(21)).unwrap_err();
    assert!(matches!(error, NamedReaderError::Read(ReadError::OutOfRange { .. })), "{error}");
    assert_eq!(journal.readers().unwrap()[0].position, Some(20), "as it was");
}

#[test]
fn retention_holds_what_is_not_committed_within_the_bounds_while_neither_runs() {
    let folder = in_memory();
    let most = 4 * CAPACITY;
    let retention = Retention::new().keep_records(0).reader_bytes(most * RECORD_BYTES as u64);
    let journal = journal(folder.path()).retention(retention);
    let mut writer = open(&journal);
    let first = |writer: &Writer<Note, Files>| writer.retention().unwrap().first_sequence();
    go_to(&mut writer, 2 * CAPACITY + 1);
    assert_eq!(first(&writer), 2 * CAPACITY, "nobody needs it");
    journal.named_reader_raw("slow").unwrap();
    // Of no reader, and of another journal.
    let readers = folder.path().join("readers");
    std::fs::write(readers.join("junk"), b"junk").unwrap();
    std::os::unix::fs::symlink("/etc/hostname", readers.join("link")).unwrap();
    writer.close().unwrap();
    let mut writer = open(&journal);
    let held = 2 * CAPACITY;
    go_to(&mut writer, held + most);
    assert_eq!(first(&writer), held, "all that is within the bounds, over an opening too");
    let mut reader = journal.named_reader_raw("slow").unwrap();
    read(&mut reader, CAPACITY + 3);
    reader.commit(held + CAPACITY + 3).unwrap();
    wait_for(|| {
        go_to(&mut writer, held + most);
        first(&writer) == held + CAPACITY
    });
    // It stops. Beyond the bounds it is not waited for.
    reader.abandon();
    let position = held + CAPACITY + 3;
    go_to(&mut writer, position + most);
    assert_eq!(first(&writer), held + CAPACITY);
    go_to(&mut writer, position + most + 1);
    let now_first = held + 5 * CAPACITY;
    assert_eq!(first(&writer), now_first);
    let info = &journal.readers().unwrap()[2];
    assert_eq!((&info.name[..], &info.status), ("slow", &ReaderStatus::Evicted { first: now_first }));
    let mut reader = journal.named_reader_raw("slow").unwrap();
    for _ in 0..2 {
        let error = reader.next_chunk().unwrap_err();
        let NamedReaderError::Evicted { missed, first, after_ns, before_ns, .. } = &error else {
            panic!("{error}")
        };
        assert_eq!((missed.clone(), *first), (position..now_first, now_first));
        assert_eq!((*after_ns, *before_ns), (Some(time(position - 1)), Some(time(*first))));
        assert!(error.to_string().contains("resume_at_first"), "{error}");
    }
    assert_eq!(reader.resume_at_first().unwrap(), now_first - position);
    assert_eq!(read(&mut reader, 1), [now_first]);
    assert_eq!((reader.resume_at_first().unwrap(), reader.next_sequence()), (0, now_first + 1));
    drop(reader);
    assert_eq!(journal.readers().unwrap()[2].missed, now_first - position);
    writer.close().unwrap();
}

/// Asks until it is so: what retention knows of readers may be a moment old where it holds for them.
fn wait_for(mut is_so: impl FnMut() -> bool) {
    while !is_so() {
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_segment_older_than_the_bound_goes_whoever_reads_it() {
    let folder = in_memory();
    // Notes are ten nanoseconds apart.
    let retention = Retention::new().keep_records(0).reader_age(Duration::from_nanos(10 * 3 * CAPACITY));
    let journal = journal(folder.path()).retention(retention);
    let mut writer = open(&journal);
    go_to(&mut writer, 1);
    journal.named_reader_raw("slow").unwrap();
    let first = |writer: &Writer<Note, Files>| writer.retention().unwrap().first_sequence();
    go_to(&mut writer, 4 * CAPACITY);
    assert_eq!(first(&writer), 0);
    go_to(&mut writer, 4 * CAPACITY + 1);
    assert_eq!(first(&writer), CAPACITY);
    writer.close().unwrap();
}

#[test]
fn a_log_that_power_loss_has_shortened_is_refused() {
    let folder = in_memory();
    let journal = journal(folder.path()).sync(slipring_journal::SyncMode::EveryBatch);
    let mut writer = open(&journal);
    go_to(&mut writer, 10);
    append_to(&mut writer, 14);
    let mut reader = journal.named_reader_raw("a").unwrap();
    assert_eq!(read(&mut reader, 100).len(), 14);
    reader.commit(14).unwrap();
    let mut careful = journal.named_reader_raw("careful").unwrap().durable_only();
    let mut end = 0;
    while let Some(chunk) = careful.next_chunk().unwrap() {
        end = chunk.first_sequence() + chunk.len() as u64;
    }
    assert_eq!(end, 10, "what is durable");
    careful.commit(end).unwrap();
    drop((reader, careful));
    writer.abandon();
    // What was not synced is lost: the slots from 12 on.
    let segment = folder.path().join(slipring_tests::journals::segment(CAPACITY));
    let file = std::fs::File::options().write(true).open(segment).unwrap();
    let at = slipring_journal::HEADER_BYTES + (12 - CAPACITY) * RECORD_BYTES as u64;
    std::os::unix::fs::FileExt::write_all_at(&file, &[0; 2 * RECORD_BYTES], at).unwrap();
    let refused = |what: &str| {
        let mut reader = journal.named_reader_raw("a").unwrap();
        let error = reader.next_chunk().unwrap_err();
        assert!(matches!(error, NamedReaderError::HistoryChanged { position: 14, .. }), "{error}");
        assert!(error.to_string().contains(what) && error.to_string().contains("seek"), "{error}");
        let error = journal.shared_reader_raw("a");
        assert!(matches!(error.unwrap_err(), NamedReaderError::Held { .. }));
        drop(reader);
        let error = journal.shared_reader_raw("a").unwrap().claim(1).unwrap_err();
        assert!(matches!(error, NamedReaderError::HistoryChanged { position: 14, .. }), "{error}");
    };
    refused("the log ends before it");
    let mut writer = open(&journal);
    assert_eq!(writer.end_sequence(), 12);
    go_to(&mut writer, 20);
    refused("another record lies there");
    assert_eq!(
        journal.readers().unwrap()[0].status,
        ReaderStatus::HistoryChanged { what: "another record lies there".to_owned() }
    );
    let mut careful = journal.named_reader_raw("careful").unwrap();
    assert_eq!(read(&mut careful, 100), Vec::from_iter(10..20), "it never read what was lost");
    journal.set_reader("a", ReaderStart::Sequence(12)).unwrap();
    assert_eq!(read(&mut journal.named_reader_raw("a").unwrap(), 1), [12]);
    writer.close().unwrap();
}

#[test]
fn a_copy_goes_its_own_way_and_another_journal_is_refused() {
    let folder = in_memory();
    let (one, copy) = (folder.path().join("one"), folder.path().join("copy"));
    let journal = written(&one, 20);
    let mut reader = journal.named_reader_raw("a").unwrap();
    read(&mut reader, 5);
    reader.commit(5).unwrap();
    copy_folder(&one, &copy);
    read(&mut reader, 5);
    reader.commit(10).unwrap();
    // The copy has the position of then, and nobody holds the name there.
    let mut other = Journal::at(&copy).named_reader_raw("a").unwrap();
    assert_eq!(read(&mut other, 1), [5]);
    drop((reader, other));
    let second = folder.path().join("second");
    let foreign = written(&second, 20);
    copy_folder(&one.join("readers"), &second.join("readers"));
    let error = foreign.named_reader_raw("a").unwrap().next_chunk().unwrap_err();
    assert!(matches!(error, NamedReaderError::OtherJournal { .. }), "{error}");
    assert!(matches!(foreign.readers().unwrap()[0].status, ReaderStatus::OtherJournal { .. }));
    assert_eq!(foreign.set_reader("a", ReaderStart::First).unwrap(), 0);
    assert_eq!(read(&mut foreign.named_reader_raw("a").unwrap(), 1), [0]);
    // The same journal, of another branch.
    let file = one.join("readers/a");
    let mut block = std::fs::read(&file).unwrap();
    block[56] ^= 1;
    slipring_tests::journals::mend_checksum(&mut block);
    std::fs::write(&file, block).unwrap();
    let error = journal.named_reader_raw("a").unwrap().next_chunk().unwrap_err();
    assert!(error.to_string().contains("the copy 01"), "{error}");
}

#[test]
fn a_type_that_the_events_are_not_is_refused() {
    #[derive(Clone, Copy, Debug, slipring_journal::Event)]
    #[repr(C)]
    struct Other {
        price: u64,
    }
    let folder = in_memory();
    let journal = written(folder.path(), 20);
    let mut reader = journal.named_reader::<Other>("a").unwrap();
    let error = reader.next_chunk().unwrap_err();
    let NamedReaderError::Read(ReadError::Journal(fault)) = &error else { panic!("{error}") };
    assert!(matches!(fault, slipring_journal::JournalFault::SchemaMismatch { .. }), "{error}");
    let mut shared = journal.shared_reader::<Other>("b").unwrap();
    assert_eq!(shared.claim(3).unwrap(), Some(0..3));
    assert!(shared.next_chunk().is_err());
    drop(shared);
    assert_eq!(
        journal.shared_reader::<Note>("b").unwrap().claim(3).unwrap(),
        Some(0..3),
        "it was given back"
    );
}

/// The log is looked at before the positions, and both go on meanwhile.
#[test]
fn whoever_lists_readers_at_work_sees_them_fine() {
    const END: u64 = 4_000;
    let folder = in_memory();
    let journal = journal(folder.path());
    let mut writer = open(&journal);
    go_to(&mut writer, 1);
    let mut reader = journal.named_reader_raw("a").unwrap();
    std::thread::scope(|scope| {
        let at_work = scope.spawn(move || {
            for end in 2..END {
                go_to(&mut writer, end);
                assert_eq!(read(&mut reader, 8).last(), Some(&(end - 1)));
                reader.commit(end).unwrap();
            }
        });
        while !at_work.is_finished() {
            let status = journal.readers().unwrap().remove(0).status;
            assert_eq!(status, ReaderStatus::Fine);
        }
    });
}

/// Among more names than are looked at, nobody knows which reader's was left out.
#[test]
fn where_more_names_lie_than_are_looked_at_nothing_goes() {
    let folder = in_memory();
    drop(written(folder.path(), 8));
    let journal = journal(folder.path()).retention(Retention::new().keep_records(0));
    journal.set_reader("end", ReaderStart::End).unwrap();
    let junk = |number: u32| folder.path().join(format!("readers/junk-{number}"));
    (0..1024).for_each(|number| std::fs::write(junk(number), "junk").unwrap());
    let mut writer = open(&journal);
    go_to(&mut writer, 40);
    let retention = writer.retention().unwrap();
    assert!(retention.fault().is_some_and(|fault| fault.to_string().contains("more than 1024 names")));
    assert_eq!(retention.first_sequence(), 0);
    std::fs::remove_file(junk(7)).unwrap();
    journal.set_reader("end", ReaderStart::End).unwrap();
    go_to(&mut writer, 60);
    assert!(retention.first_sequence() > 0);
    writer.close().unwrap();
}
