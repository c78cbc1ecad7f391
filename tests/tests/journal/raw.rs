//! Events of whatever type, as bytes: written, read and followed beside the typed ways.

use std::ops::ControlFlow;

use proptest::prelude::*;
use slipring_journal::{Event, Field, Journal, JournalFault, Kind, OpenError, ReadError, Schema};
use slipring_tests::folders::in_memory;

#[derive(Clone, Copy, Debug, PartialEq, Event)]
#[repr(C)]
struct Tick {
    id: u64,
    price: i32,
    symbol: [u8; 4],
}

fn tick(id: u64) -> Tick {
    Tick { id, price: -(id as i32), symbol: *b"ABC\0" }
}

fn bytes_schema(size: usize) -> Schema {
    let attributes = vec![("text".to_owned(), String::new())];
    let field = Field { name: "f".to_owned(), kind: format!("[u8;{size}]"), offset: 0, size, attributes };
    Schema { name: "Blob".to_owned(), size, fields: vec![field], attributes: Vec::new() }
}

#[test]
fn typed_and_raw_write_the_same_journal() {
    let folder = in_memory();
    let journal = Journal::at(folder.path()).segment_records(7);
    let (mut writer, _) = journal.open::<Tick>().unwrap();
    (0..20).for_each(|id| assert_eq!(writer.append(id, &tick(id)).unwrap(), id));
    writer.close().unwrap();
    let (mut writer, report) = journal.open_raw(&Tick::schema()).unwrap();
    assert_eq!((report.created, writer.end_sequence(), writer.last_time_ns()), (false, 20, Some(19)));
    for id in 20..40 {
        assert_eq!(writer.append(id, bytemuck::bytes_of(&tick(id))).unwrap(), id);
    }
    writer.append_void(40).unwrap();
    let mut reader = writer.reader().unwrap();
    assert_eq!((reader.end_sequence(), reader.at(40).unwrap().kind), (41, Kind::Void));
    writer.close().unwrap();
    let mut reader = journal.reader::<Tick>().unwrap();
    for id in 0..40 {
        let record = reader.at(id).unwrap();
        assert_eq!((record.time_ns(), *record.event()), (id, tick(id)));
    }
    assert_eq!(*reader.at(40).unwrap().event(), Tick { id: 0, price: 0, symbol: [0; 4] });
    let (mut writer, _) = journal.open::<Tick>().unwrap();
    assert_eq!(writer.append(41, &tick(41)).unwrap(), 41);
    writer.close().unwrap();
}

#[test]
fn a_journal_keeps_its_own_attributes() {
    let folder = in_memory();
    let journal = Journal::at(folder.path()).segment_records(2);
    let said = bytes_schema(5);
    let (mut writer, _) = journal.open_raw(&said).unwrap();
    (0..5).for_each(|n| assert_eq!(writer.append(n, b"hello").unwrap(), n));
    writer.close().unwrap();
    let mut silent = said.clone();
    silent.fields[0].attributes.clear();
    let (mut writer, _) = journal.open_raw(&silent).unwrap();
    assert_eq!(*writer.schema(), said);
    writer.append(9, b"world").unwrap();
    writer.close().unwrap();
    assert_eq!(journal.raw_reader().unwrap().schema(), Some(said.clone()));
    assert_eq!(journal.follow_raw(5).unwrap().schema(), None, "it has not looked yet");
    let mut other = silent;
    other.fields[0].name = "g".to_owned();
    assert!(matches!(journal.open_raw(&other), Err(OpenError::Journal(JournalFault::SchemaMismatch { .. }))));
}

#[test]
fn a_schema_of_no_possible_event_is_refused() {
    let folder = in_memory();
    let journal = Journal::at(folder.path().join("none"));
    let mut outside = bytes_schema(8);
    outside.fields[0].offset = 1;
    let mut torn = bytes_schema(8);
    torn.fields[0].name = "a\nb".to_owned();
    let mut empty = bytes_schema(8);
    (empty.size, empty.fields) = (0, Vec::new());
    for schema in [outside, torn, empty, bytes_schema(1 << 20)] {
        let refused = journal.open_raw(&schema);
        assert!(matches!(refused, Err(OpenError::BadOption { .. })), "{schema}: {refused:?}");
    }
    assert!(!folder.path().join("none").exists());
}

#[test]
#[should_panic(expected = "bytes of an event")]
fn bytes_that_are_no_event_are_not_appended() {
    let folder = in_memory();
    let (mut writer, _) = Journal::at(folder.path()).open_raw(&bytes_schema(8)).unwrap();
    let _ = writer.append(0, &[0; 7]);
}

#[test]
fn a_raw_follower_goes_on_across_segments_and_lives() {
    let folder = in_memory();
    let journal = Journal::at(folder.path()).segment_records(3);
    let schema = bytes_schema(11);
    let (mut anchor, mut seen) = (None, 0u64);
    for life in 0..4u64 {
        let (mut writer, _) = journal.open_raw(&schema).unwrap();
        for n in 0..5u64 {
            writer.append(life * 5 + n, format!("event {:05}", life * 5 + n).as_bytes()).unwrap();
        }
        let mut follower = match anchor {
            None => journal.follow_raw(0).unwrap(),
            Some(anchor) => journal.resume_raw(anchor).unwrap(),
        };
        while let Some(chunk) = follower.next_chunk().unwrap() {
            assert_eq!((chunk.first_sequence(), chunk.record_bytes()), (seen, 32));
            assert_eq!(chunk.bytes().len(), chunk.len() * 32);
            for record in chunk.records() {
                assert_eq!((record.sequence, record.time_ns), (seen, seen));
                assert_eq!(record.event, format!("event {seen:05}").as_bytes());
                seen += 1;
            }
        }
        assert_eq!(follower.schema(), Some(&schema));
        anchor = follower.anchor();
        writer.close().unwrap();
    }
    assert_eq!(seen, 20);
    let none = journal.reader::<Tick>();
    assert!(matches!(none, Err(ReadError::Journal(JournalFault::SchemaMismatch { .. }))));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Against a list: by chunks, one by one, by `for_each`, and by time.
    #[test]
    fn what_was_appended_is_read(
        size in 1usize..200,
        segment_records in 1u64..40,
        steps in proptest::collection::vec((0u64..3, any::<u8>()), 1..120),
    ) {
        let folder = in_memory();
        let journal = Journal::at(folder.path()).segment_records(segment_records);
        let (mut writer, _) = journal.open_raw(&bytes_schema(size)).unwrap();
        let (mut time_ns, mut model) = (1_000, Vec::new());
        for (step, byte) in steps {
            time_ns += step;
            let event = vec![byte; size];
            writer.append(time_ns, &event).unwrap();
            model.push((time_ns, event));
        }
        writer.close().unwrap();
        let mut reader = journal.raw_reader().unwrap();
        let (mut at, mut read) = (0, Vec::new());
        loop {
            let chunk = reader.chunk(at).unwrap();
            if chunk.is_empty() {
                break;
            }
            at += chunk.len() as u64;
            read.extend(chunk.records().map(|record| (record.time_ns, record.event.to_vec())));
        }
        prop_assert_eq!(&read, &model);
        read.clear();
        reader
            .for_each(0..u64::MAX, |record| {
                read.push((record.time_ns, record.event.to_vec()));
                ControlFlow::Continue(())
            })
            .unwrap();
        prop_assert_eq!(&read, &model);
        for wanted in 999..=time_ns + 1 {
            let first = model.iter().position(|(time_ns, _)| *time_ns >= wanted).unwrap_or(model.len());
            prop_assert_eq!(reader.lower_bound(wanted).unwrap(), first as u64);
        }
    }
}
