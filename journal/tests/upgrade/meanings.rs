//! What is said of numbers is true of all records of a segment.

use slipring_journal::{Event, Journal, inspect};

#[derive(Clone, Copy, Debug, PartialEq, Event)]
#[event(name = "Tick", version = 1)]
#[repr(C)]
struct First {
    #[event(decimal = 2)]
    px: i32,
}

/// Four digits, in the same bytes.
#[derive(Clone, Copy, Debug, PartialEq, Event)]
#[event(name = "Tick", version = 2)]
#[repr(C)]
struct Second {
    #[event(decimal = 4)]
    px: i32,
}

#[derive(Clone, Copy, Debug, PartialEq, Event)]
#[event(name = "Tick", version = 3)]
#[repr(C)]
struct Third {
    #[event(decimal = 4)]
    px: i64,
}

/// A later type once took what the second program wrote, into the first one's segment, times a hundred.
#[test]
fn numbers_that_count_otherwise_begin_a_segment() {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::at(folder.path()).segment_records(64);
    let segments =
        || inspect(folder.path()).unwrap().segments.into_iter().filter(|one| one.records > 0).count();
    for _ in 0..2 {
        let (mut writer, _) = journal.open::<First>().unwrap();
        writer.append(1, &First { px: 1_250 }).unwrap();
        writer.close().unwrap();
    }
    assert_eq!(segments(), 1);
    for _ in 0..2 {
        let (mut writer, report) = journal.open::<Second>().unwrap();
        assert_eq!(report.new_event_version, None, "it is laid out as before");
        writer.append(1, &Second { px: 125_000 }).unwrap();
        writer.close().unwrap();
    }
    assert_eq!(segments(), 2);
    let (mut writer, report) = journal.open::<Third>().unwrap();
    assert_eq!(report.new_event_version, Some(3));
    writer.append(1, &Third { px: 125_000 }).unwrap();
    writer.close().unwrap();
    let mut reader = journal.reader::<Third>().unwrap();
    for sequence in 0..5 {
        assert_eq!(reader.at(sequence).unwrap().event().px, 125_000, "{sequence}");
    }
}
