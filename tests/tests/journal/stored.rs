//! Records as they lie, for who takes them to another machine.
#![forbid(unsafe_code)]

use std::path::Path;

use slipring_journal::{
    Event, Journal, NamedReaderError, RawChunk, ReadError, ReaderStart, Schema, StoredReader, inspect,
};
use slipring_tests::folders::in_memory;

#[derive(Clone, Copy, Debug, Event)]
#[event(version = 1)]
#[repr(C)]
struct Tick {
    price: u64,
    size: u32,
    side: u32,
}

mod newer {
    use slipring_journal::Event;

    /// The next version: its events are longer, and nothing of the older ones can be shown as `flags`.
    #[derive(Clone, Copy, Debug, Event)]
    #[event(version = 2)]
    #[repr(C)]
    pub struct Tick {
        pub price: u64,
        pub size: u32,
        pub side: u32,
        #[event(since = 2)]
        pub flags: u64,
    }
}

/// A journal of 20 records of the older type and 20 of the newer, in segments of 16.
fn two_types(folder: &Path) -> Journal {
    let journal = Journal::at(folder).segment_records(16);
    let (mut writer, _) = journal.open::<Tick>().unwrap();
    for n in 0..20 {
        writer.append(n, &Tick { price: n, size: 1, side: 2 }).unwrap();
    }
    writer.close().unwrap();
    let (mut writer, _) = journal.open::<newer::Tick>().unwrap();
    for n in 20..40 {
        writer.append(n, &newer::Tick { price: n, size: 1, side: 2, flags: 3 }).unwrap();
    }
    writer.close().unwrap();
    journal
}

/// Bytes of records and the schema's text, run by run.
fn runs(reader: &mut StoredReader, end: u64) -> Vec<(u64, String, Vec<u8>)> {
    let mut runs = Vec::new();
    while let Some(run) = reader.next_run_below(end).unwrap() {
        runs.push((run.records.first_sequence(), run.schema.to_owned(), run.records.bytes().to_vec()));
    }
    runs
}

/// What lies in the segments' files.
fn files(folder: &Path, record_bytes: impl Fn(u32) -> usize) -> Vec<u8> {
    let info = inspect(folder).unwrap();
    let of_segment = |segment: &slipring_journal::SegmentInfo| {
        let bytes = std::fs::read(folder.join(&segment.name)).unwrap();
        let length = segment.records as usize * record_bytes(segment.event_version);
        bytes[segment.records_at as usize..][..length].to_vec()
    };
    info.segments.iter().flat_map(of_segment).collect()
}

#[test]
fn records_of_every_type_are_handed_out_byte_for_byte() {
    let folder = in_memory();
    let journal = two_types(folder.path());
    let mut reader = journal.stored_reader("out").unwrap();
    let runs = runs(&mut reader, u64::MAX);
    let bytes: Vec<u8> = runs.iter().flat_map(|run| run.2.clone()).collect();
    assert_eq!(bytes, files(folder.path(), |version| if version == 1 { 32 } else { 40 }));
    let id = reader.identity().unwrap().journal_id;
    let mut next = 0;
    for (first, schema, bytes) in runs {
        assert_eq!(first, next);
        let schema = Schema::from_text(&schema).unwrap();
        let is_older = first < 20;
        assert_eq!((schema.version(), schema.size), if is_older { (Some(1), 16) } else { (Some(2), 24) });
        let record_bytes = if is_older { 32 } else { 40 };
        let chunk = RawChunk::check(id, first, record_bytes, schema.size, &bytes).unwrap();
        chunk.records().for_each(|record| assert_eq!(record.time_ns, record.sequence));
        next += chunk.len() as u64;
    }
    assert_eq!((next, reader.next_sequence(), reader.position()), (40, 40, 0));
}

#[test]
fn it_goes_on_behind_a_record_and_commits_what_it_handed_out() {
    let folder = in_memory();
    let journal = two_types(folder.path());
    let mut reader = journal.stored_reader("out").unwrap();
    assert_eq!(reader.position_anchor(), None);
    assert_eq!(runs(&mut reader, 10).last().unwrap().0, 0);
    reader.commit(5).unwrap();
    let mut raw = journal.raw_reader().unwrap();
    assert_eq!(reader.position_anchor(), Some(raw.anchor(4).unwrap()));
    for behind in [30, 4, 0, 19, 39] {
        let anchor = raw.anchor(behind).unwrap();
        reader.go_on_behind(&anchor).unwrap();
        assert_eq!((reader.next_sequence(), reader.position()), (behind + 1, 5));
        let first = runs(&mut reader, u64::MAX).first().map_or(40, |run| run.0);
        assert_eq!(first, behind + 1);
    }
    let mut other = raw.anchor(30).unwrap();
    other.crc ^= 1;
    let refused = reader.go_on_behind(&other);
    assert!(matches!(refused, Err(NamedReaderError::Read(ReadError::HistoryChanged { .. }))), "{refused:?}");
    reader.go_on_behind(&raw.anchor(36).unwrap()).unwrap();
    reader.commit(37).unwrap();
    assert!(reader.commit(38).is_err());
    assert_eq!(reader.close().unwrap(), 37);
    let mut reader = journal.stored_reader("out").unwrap();
    assert_eq!(reader.position_anchor(), Some(raw.anchor(36).unwrap()));
    assert_eq!(runs(&mut reader, u64::MAX)[0].0, 37);
    reader.seek(ReaderStart::First).unwrap();
    assert_eq!(runs(&mut reader, u64::MAX)[0].0, 0);
}

#[test]
fn what_it_says_of_the_journal_is_what_the_control_file_says() {
    let folder = in_memory();
    let journal = two_types(folder.path());
    let reader = journal.stored_reader("out").unwrap();
    let (identity, info) = (reader.identity().unwrap(), inspect(folder.path()).unwrap());
    assert_eq!((identity.journal_id, identity.epoch), (info.journal_id, info.epoch));
    assert_eq!((identity.branch, identity.durable_end), ([0; 16], 40));
    assert_eq!(journal.raw_reader().unwrap().identity(), identity);
    assert!(matches!(journal.stored_reader("out"), Err(NamedReaderError::Held { .. })));
    assert!(journal.readers().unwrap().iter().any(|reader| reader.name == "out"));
}
