//! Files of every format version stay readable: kept as they were written, read by today's code.
//!
//! A new version adds a folder; none is ever changed. `cargo test -p slipring-tests --test journal golden
//! -- --ignored` writes a folder for the current version, where there is none yet.

use std::path::PathBuf;

use slipring_journal::{Event, Journal, Kind, Status, SyncMode, VERSION, inspect, verify};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Event)]
#[repr(C)]
struct Leg {
    price: i64,
    size: u32,
    side: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Event)]
#[repr(C)]
struct Trade {
    id: u64,
    legs: [Leg; 2],
    venue: [u8; 8],
}

fn trade(id: u64) -> Trade {
    let leg = |n: i64| Leg { price: n * 100 - 50, size: id as u32 * 3, side: 1 };
    Trade { id, legs: [leg(id as i64), leg(-(id as i64))], venue: *b"XNASDAQ " }
}

fn folder(version: u32) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("golden/v{version}"))
}

/// Twenty records: two lives, so two epochs; rolls; a time that goes back; a void record; a discarded tail
/// none.
fn write_at(path: PathBuf) {
    for life in 0..2u64 {
        let journal = Journal::at(&path).segment_records(8).sync(SyncMode::EveryBatch);
        let (mut writer, _) = journal.open::<Trade>().unwrap();
        for n in 0..10 {
            let sequence = life * 10 + n;
            let time = 1_000 + sequence - if n == 5 { 3 } else { 0 };
            if n == 7 {
                writer.append_void(time).unwrap();
            } else {
                writer.append(time, &trade(sequence)).unwrap();
            }
        }
        writer.close().unwrap();
    }
}

#[test]
fn every_version_reads_as_it_was_written() {
    (1..=VERSION).for_each(reads_as_it_was_written);
}

fn reads_as_it_was_written(version: u32) {
    let path = folder(version);
    let info = inspect(&path).unwrap();
    assert_eq!((info.event.as_str(), info.event_bytes, info.record_bytes), ("Trade", 48, 64));
    assert_eq!((info.first_sequence, info.end_sequence, info.durable_end), (0, 20, 20));
    assert_eq!((info.epoch, info.closed), (2, true));
    let names: Vec<&str> = info.fields.iter().map(|field| field.name.as_str()).collect();
    assert_eq!(names[..3], ["id", "legs[0].price", "legs[0].size"]);
    assert!(info.segments.iter().all(|segment| segment.format_version == version));
    assert_eq!(verify(&path, |_, _| {}).unwrap().status, Status::Fine);

    let mut reader = Journal::at(&path).reader::<Trade>().unwrap();
    let mut last = 0;
    for sequence in 0..20 {
        let record = reader.at(sequence).unwrap();
        let n = sequence % 10;
        last = last.max(1_000 + sequence - if n == 5 { 3 } else { 0 });
        assert_eq!(record.time_ns(), last);
        assert_eq!(u64::from(record.epoch()), 1 + sequence / 10);
        if n == 7 {
            assert_eq!(record.kind(), Kind::Void);
        } else {
            assert_eq!((record.kind(), *record.event()), (Kind::Event, trade(sequence)));
        }
    }
    assert_eq!(reader.lower_bound(1_012).unwrap(), 12);
}

#[test]
fn reading_a_golden_file_leaves_it_as_it_is() {
    (1..=VERSION).for_each(reading_leaves_it_as_it_is);
}

fn reading_leaves_it_as_it_is(version: u32) {
    let read = || {
        let mut files: Vec<_> =
            std::fs::read_dir(folder(version)).unwrap().map(|e| e.unwrap().path()).collect();
        files.sort();
        files.into_iter().map(|path| (path.clone(), std::fs::read(path).unwrap())).collect::<Vec<_>>()
    };
    let before = read();
    assert!(before.len() >= 4, "control and three segments");
    Journal::at(folder(version)).reader::<Trade>().unwrap();
    verify(folder(version), |_, _| {}).unwrap();
    assert!(read() == before);
}

#[test]
#[ignore = "writes the golden files of a new format version, where there are none"]
fn write_golden_files() {
    let path = folder(VERSION);
    if path.exists() {
        println!("golden files are never changed: those of version {VERSION} are there");
        return;
    }
    write_at(path.clone());
    std::fs::remove_file(path.join("LOCK")).unwrap();
    // The spare that the preparer had made ahead is no part of the journal.
    for name in ["00000000000000000024.seg", "00000000000000000032.seg"] {
        let _ = std::fs::remove_file(path.join(name));
    }
}
