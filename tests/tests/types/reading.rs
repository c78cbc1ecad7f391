//! A journal of several types of event is read as one of the newest.

use slipring_journal::__private::storage::{Memory, Storage};
use slipring_journal::__private::verify_on;
use slipring_journal::{
    Event, Follower, Journal, JournalFault, Kind, ReadError, Reader, Schema, Status, inspect,
};
use slipring_tests::folders::in_memory;
use slipring_tests::journals::BOOT;
use slipring_tests::types::{
    Quote1, Quote2, Quote3, Version, Written, append, check, facts, is_void, live, live_all, options, seen,
    shown, time,
};

/// Journals of one, two and three types, whose segments end anywhere.
fn journals() -> Vec<Written> {
    vec![
        vec![(5, 1)],
        vec![(16, 1)],
        vec![(21, 1), (40, 1)],
        vec![(5, 1), (20, 2)],
        vec![(16, 1), (17, 2), (40, 2)],
        vec![(0, 1), (9, 2)],
        vec![(5, 1), (30, 2), (31, 3), (60, 3)],
        vec![(8, 1), (8, 2), (19, 3)],
        vec![(7, 1), (33, 3)],
        vec![(100, 2), (103, 3)],
    ]
}

fn newest(written: &Written) -> (u64, u32) {
    *written.last().expect("somebody wrote")
}

fn in_memory_journal(written: &Written) -> Memory {
    let memory = Memory::new(BOOT);
    live_all(&options(8), &memory, written);
    memory
}

fn check_as<E: Version>(written: &Written) {
    let (end, version) = newest(written);
    if E::BY < version {
        return;
    }
    let memory = in_memory_journal(written);
    let before = memory.to_files();
    let mut reader = Reader::<E, Memory>::open_to(memory.clone(), None).unwrap_or_else(|e| panic!("{e}"));
    check(&mut reader, written, end);
    for wanted in 990..time(end) + 20 {
        let place = (0..end).find(|id| time(*id) >= wanted).unwrap_or(end);
        assert_eq!(reader.lower_bound(wanted).unwrap(), place, "{wanted} of {written:?}");
    }
    let mut follower = Follower::<E, Memory>::open_on(memory.clone(), 0).unwrap();
    let mut next = 0;
    while let Some(chunk) = follower.next_chunk().unwrap() {
        for record in chunk.records {
            assert_eq!(shown(record), seen::<E>(written, next));
            next += 1;
        }
    }
    assert_eq!(next, end);
    assert_eq!(memory.to_files(), before, "reading changes nothing");
    let verified = verify_on(memory, |_, _| {}).unwrap();
    assert_eq!((verified.status, verified.records), (Status::Fine, end), "{verified:?}");
}

#[test]
fn every_record_is_shown_as_the_newest_in_each_way_of_reading() {
    for written in journals() {
        check_as::<Quote1>(&written);
        check_as::<Quote2>(&written);
        check_as::<Quote3>(&written);
    }
}

/// The writer's own reader sees records where they are mapped; an engine's replay copies them unchecked and
/// asks behind.
#[test]
fn the_writers_reader_shows_older_records_from_maps() {
    let folder = in_memory();
    let journal = Journal::at(folder.path()).segment_records(8);
    let written = vec![(21, 1), (43, 2), (60, 3)];
    live_all(&journal, &journal.files(), &written[..2].to_vec());
    let (mut writer, _) = journal.open::<Quote3>().unwrap();
    for id in 43..60 {
        match is_void(id) {
            true => writer.append_void(time(id)).unwrap(),
            false => writer.append(time(id), &Quote3::of(facts(3, id))).unwrap(),
        };
    }
    let mut reader = writer.reader().unwrap();
    check(&mut reader, &written, 60);
    let mut chunks = reader.chunks(0).unwrap();
    let mut taken = Vec::new();
    while let Some(chunk) = chunks.next_unchecked().unwrap() {
        let count = chunk.records().len();
        let mut take = |record: &slipring_journal::Record<Quote3>| taken.push(shown(record));
        // In two parts, as an engine that has not all slots free.
        for range in [0..count / 2, count / 2..count] {
            assert!(match chunk.hardware() {
                true => chunk.check::<true>(range, &mut take),
                false => chunk.check::<false>(range, &mut take),
            });
        }
        chunks.recheck(taken.len() as u64).unwrap();
    }
    let wanted: Vec<_> = (0..60).map(|id| seen::<Quote3>(&written, id)).collect();
    assert_eq!(taken, wanted);
    writer.close().unwrap();
}

#[test]
fn a_damaged_record_of_an_older_type_is_named_by_its_place_in_the_file() {
    let written = vec![(21, 1), (30, 3)];
    let mut files = in_memory_journal(&written).to_files();
    let place = slipring_journal::HEADER_BYTES as usize + 3 * 32 + 17;
    files.get_mut("00000000000000000008.seg").unwrap()[place] ^= 1;
    let memory = Memory::from_files(files, BOOT);
    let mut reader = Reader::<Quote3, Memory>::open_to(memory, None).unwrap();
    let mut chunks = reader.chunks(8).unwrap();
    match chunks.next_chunk() {
        Err(ReadError::Journal(JournalFault::CorruptRecord(record))) => {
            assert_eq!((record.sequence, record.slot, record.offset), (11, 3, (place - 17) as u64));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(reader.at(9).unwrap().event(), &Quote3::of(facts(1, 9)));
    assert!(reader.at(11).is_err());
}

/// A position is that of a record in the file, whatever it is read as.
#[test]
fn positions_keep_their_meaning() {
    let written: Written = vec![(21, 1), (30, 2)];
    let memory = Memory::new(BOOT);
    live_all(&options(8), &memory, &vec![written[0]]);
    let mut before = Reader::<Quote1, Memory>::open_to(memory.clone(), None).unwrap();
    let anchors: Vec<_> = (0..21).map(|id| before.as_raw().anchor(id).unwrap()).collect();
    live::<Quote2, _>(&options(8), &memory, 30);
    let mut after = Reader::<Quote2, Memory>::open_to(memory.clone(), None).unwrap();
    for anchor in anchors {
        after.as_raw().check_anchor(&anchor).unwrap();
        assert_eq!(after.as_raw().anchor(anchor.sequence).unwrap(), anchor);
        let record = after.at(anchor.sequence).unwrap();
        assert_eq!((record.epoch(), record.crc()), (anchor.epoch, anchor.crc), "of a record as it is shown");
        let mut follower = Follower::<Quote2, Memory>::resume_on(memory.clone(), anchor).unwrap();
        assert_eq!(follower.next_sequence(), anchor.sequence + 1);
        follower.next_chunk().unwrap().expect("more has come");
    }
}

/// What a program of version `E` is told of a journal that is newer than it.
fn refused<E: Version>(memory: &Memory) -> Vec<String> {
    let before = memory.to_files();
    let mut said = Vec::new();
    let read = Reader::<E, Memory>::open_to(memory.clone(), None).map(drop);
    let mut follower = Follower::<E, Memory>::open_on(memory.clone(), 0).unwrap();
    let followed = loop {
        match follower.next_chunk() {
            Ok(Some(_)) => {}
            Ok(None) => panic!("it followed to the end"),
            Err(error) => break Err(error),
        }
    };
    let opened = options(8).open_on::<E, Memory>(memory, false).map(drop);
    for fault in [read, followed] {
        match fault {
            Err(ReadError::Journal(fault @ JournalFault::SchemaMismatch { .. })) => {
                said.push(fault.to_string())
            }
            other => panic!("{other:?}"),
        }
    }
    match opened {
        Err(slipring_journal::OpenError::Journal(fault @ JournalFault::SchemaMismatch { .. })) => {
            said.push(fault.to_string());
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(memory.to_files(), before, "nothing was changed");
    said
}

#[test]
fn an_older_program_is_refused_and_told_so() {
    let memory = in_memory_journal(&vec![(5, 1), (9, 2), (12, 3)]);
    for said in refused::<Quote2>(&memory) {
        assert!(said.contains("version 3") && said.contains("version 2"), "{said}");
        assert!(said.contains("older than the journal"), "{said}");
    }
    refused::<Quote1>(&memory);
    // Also where nothing was appended by the newer one.
    let memory = in_memory_journal(&vec![(5, 1), (5, 2)]);
    let opened = options(8).open_on::<Quote1, Memory>(&memory, false);
    assert!(opened.is_err(), "an empty segment of a newer type");
}

#[test]
fn what_the_files_say_is_of_the_newest_type_and_of_each_segment() {
    let folder = in_memory();
    let journal = Journal::at(folder.path()).segment_records(8);
    live_all(&journal, &journal.files(), &vec![(13, 1), (16, 2), (20, 3)]);
    let info = inspect(folder.path()).unwrap();
    assert_eq!((info.event_bytes, info.record_bytes, info.end_sequence), (32, 48, 20));
    let names: Vec<_> = info.fields.iter().map(|field| field.name.as_str()).collect();
    assert_eq!(names, ["size", "id", "price", "venue", "side"]);
    let filled = info.segments.iter().filter(|segment| segment.records > 0);
    let segments: Vec<_> = filled.map(|s| (s.base, s.records, s.event_version)).collect();
    assert_eq!(segments, [(0, 8, 0), (8, 5, 0), (13, 3, 2), (16, 4, 3)]);
    for segment in &info.segments {
        let length = std::fs::metadata(folder.path().join(&segment.name)).unwrap().len();
        assert_eq!(segment.file_bytes, length, "{}: all of it is on the disk", segment.name);
    }
}

/// Of the bytes alone the layout speaks: what else is said of them may change, and the newest word counts.
#[test]
fn other_words_about_the_same_bytes_begin_no_new_type() {
    #[derive(Clone, Copy, Debug, PartialEq, Eq, bytemuck::Pod, bytemuck::Zeroable)]
    #[repr(C)]
    struct Cents(Quote1);
    // SAFETY: as that of its one field.
    unsafe impl Event for Cents {
        fn schema() -> Schema {
            let mut schema = Quote1::schema();
            schema.fields[1].attributes.push(("decimal".to_owned(), "2".to_owned()));
            schema
        }
    }
    let memory = in_memory_journal(&vec![(13, 1)]);
    let (mut writer, report) = options(8).open_on::<Cents, Memory>(&memory, false).unwrap();
    assert_eq!(report.new_event_version, None);
    for id in 13..30 {
        while writer.step_preparer() {}
        writer.append(time(id), &Cents(Quote1::of(facts(1, id)))).unwrap();
        writer.step_syncer();
    }
    writer.close().unwrap();
    let mut reader = Reader::<Cents, Memory>::open_to(memory.clone(), None).unwrap();
    assert_eq!(reader.at(3).unwrap().event(), &Cents(Quote1::of(facts(1, 3))));
    let there = |base: u64| memory.list().unwrap().contains(&format!("{base:020}.seg"));
    assert!([0, 8, 16, 24].into_iter().all(there), "none ended early");
    let text = |base: u64| {
        let file = &memory.to_files()[&format!("{base:020}.seg")];
        String::from_utf8_lossy(&file[128..400]).contains("decimal=2")
    };
    assert_eq!([text(0), text(8), text(16), text(24)], [false, false, true, true]);
    // Who says nothing takes nothing back; and so on, life by life.
    let (mut writer, _) = options(8).open_on::<Quote1, Memory>(&memory, false).unwrap();
    append(&mut writer, 40);
    writer.close().unwrap();
    assert!([text(24), text(32)].iter().all(|said| *said));
    let verified = verify_on(memory, |_, _| {}).unwrap();
    assert_eq!((verified.status, verified.records), (Status::Fine, 40), "{verified:?}");
}

/// The same event by the derive: what becomes of the older ones follows from the schemas.
mod derived {
    #[derive(Clone, Copy, Debug, PartialEq, slipring_journal::Event)]
    #[repr(C)]
    pub struct Trade {
        pub id: u64,
        pub px: i32,
        pub venue: [u8; 4],
    }

    pub mod v2 {
        #[derive(Clone, Copy, Debug, PartialEq, slipring_journal::Event)]
        #[event(version = 2)]
        #[repr(C)]
        pub struct Trade {
            pub id: u64,
            #[event(was = "px")]
            pub price: i64,
            pub venue: [u8; 6],
            #[event(since = 2, default = 7)]
            pub side: u16,
        }
    }
}

/// Without a type, as the command and Python read: all of it is shown as the newest, by chunks, one by one,
/// by `for_each` and as it comes.
#[test]
fn without_a_type_records_are_shown_as_the_newest_too() {
    let folder = in_memory();
    let journal = Journal::at(folder.path()).segment_records(4);
    let (mut writer, _) = journal.open::<derived::Trade>().unwrap();
    for id in 0..6 {
        writer.append(time(id), &derived::Trade { id, px: -(id as i32), venue: *b"XNAS" }).unwrap();
    }
    writer.append_void(time(6)).unwrap();
    writer.close().unwrap();
    let (mut writer, report) = journal.open::<derived::v2::Trade>().unwrap();
    assert_eq!(report.new_event_version, Some(2));
    let new = |id: u64| derived::v2::Trade { id, price: id as i64, venue: *b"XPAR\0\0", side: 1 };
    (7..20).for_each(|id| assert_eq!(writer.append(time(id), &new(id)).unwrap(), id));
    writer.close().unwrap();
    let wanted = |id: u64| match id {
        0..6 => derived::v2::Trade { id, price: -(id as i64), venue: *b"XNAS\0\0", side: 7 },
        _ => new(id),
    };
    let is_right = |record: slipring_journal::RawRecord<'_>, id: u64| {
        assert_eq!((record.sequence, record.time_ns, record.event.len()), (id, time(id), 24));
        match record.kind {
            Kind::Void => assert!(id == 6 && record.event.iter().all(|byte| *byte == 0)),
            Kind::Event => assert_eq!(record.event, bytemuck::bytes_of(&wanted(id)), "{id}"),
        }
    };
    let mut reader = journal.raw_reader().unwrap();
    assert_eq!((reader.record_bytes(), reader.schema()), (40, Some(derived::v2::Trade::schema())));
    (0..20).for_each(|id| is_right(reader.at(id).unwrap(), id));
    let mut at = 0;
    reader
        .for_each(0..20, |record| {
            is_right(record, at);
            at += 1;
            std::ops::ControlFlow::Continue(())
        })
        .unwrap();
    let mut next = 0;
    while next < 20 {
        let chunk = reader.chunk(next).unwrap();
        (next..).zip(chunk.records()).for_each(|(id, record)| is_right(record, id));
        next += chunk.len() as u64;
    }
    let mut follower = journal.follow_raw(0).unwrap();
    while let Some(chunk) = follower.next_chunk().unwrap() {
        (chunk.first_sequence()..).zip(chunk.records()).for_each(|(id, record)| is_right(record, id));
    }
    assert_eq!((follower.next_sequence(), follower.schema()), (20, Some(&derived::v2::Trade::schema())));
}

/// Events that come as bytes begin a newer type only if their schema says so.
#[test]
fn a_raw_writer_begins_a_newer_type_where_its_schema_says_a_version() {
    let folder = in_memory();
    let journal = Journal::at(folder.path()).segment_records(4);
    let older = Schema::from_text("Row 8\na u64 0 8\n").unwrap();
    let (mut writer, _) = journal.open_raw(&older).unwrap();
    (0..6_u64).for_each(|n| assert_eq!(writer.append(n, &n.to_le_bytes()).unwrap(), n));
    writer.close().unwrap();
    let newer = "Row 16\na u64 0 8\nb u64 8 8\tdefault=3\n";
    let refused = journal.open_raw(&Schema::from_text(newer).unwrap());
    match &refused {
        Err(slipring_journal::OpenError::Journal(JournalFault::SchemaMismatch { differences, .. })) => {
            assert!(differences[0].advice.contains("version = 1"), "{differences:?}");
        }
        other => panic!("{other:?}"),
    }
    let newer = Schema::from_text(&newer.replacen("Row 16", "Row 16\tversion=2", 1)).unwrap();
    let (mut writer, report) = journal.open_raw(&newer).unwrap();
    assert_eq!((report.new_event_version, writer.schema()), (Some(2), &newer));
    writer.append(6, &[[6_u64, 60].map(u64::to_le_bytes)].concat().concat()).unwrap();
    let mut reader = writer.reader().unwrap();
    let event = |a: u64, b: u64| [a, b].map(u64::to_le_bytes).concat();
    assert_eq!(reader.at(5).unwrap().event, event(5, 3));
    assert_eq!(reader.at(6).unwrap().event, event(6, 60));
    assert_eq!(
        reader.chunk(0).unwrap().records().map(|record| record.event.to_vec()).last(),
        Some(event(3, 3))
    );
    writer.close().unwrap();
    assert!(journal.open_raw(&older).is_err(), "it is older than the journal");
}
