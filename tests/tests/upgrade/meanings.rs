//! What is said of numbers is true of all records of a segment, and whoever says otherwise is shown what
//! means the same.

use slipring_journal::{
    Difference, Event, Journal, JournalFault, Mapping, ReadError, Schema, Upgrade, inspect,
};

#[derive(Clone, Copy, Debug, PartialEq, Event)]
#[event(name = "Tick", version = 1)]
#[repr(C)]
struct First {
    #[event(decimal = 2)]
    px: i32,
    #[event(names(buy = 1, sell = 2))]
    side: u32,
    #[event(time = "ms")]
    ts: u64,
}

/// Four digits, other numbers and another unit, in the same bytes.
#[derive(Clone, Copy, Debug, PartialEq, Event)]
#[event(name = "Tick", version = 2)]
#[repr(C)]
struct Second {
    #[event(decimal = 4, unit = "USD")]
    px: i32,
    #[event(names(buy = 2, sell = 1, short = 3))]
    side: u32,
    #[event(time = "us")]
    ts: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Event)]
#[event(name = "Tick", version = 3)]
#[repr(C)]
struct Third {
    #[event(decimal = 4)]
    px: i64,
}

/// Only the price counts otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Event)]
#[event(name = "Tick", version = 2)]
#[repr(C)]
struct Priced {
    #[event(decimal = 4)]
    px: i32,
    #[event(names(buy = 1, sell = 2))]
    side: u32,
    #[event(time = "ms")]
    ts: u64,
}

const OLD: First = First { px: 1_250, side: 1, ts: 7 };
const NEW: Second = Second { px: 125_000, side: 2, ts: 7_000 };

fn write<E: Event>(journal: &Journal, events: &[E]) {
    let (mut writer, _) = journal.open::<E>().unwrap();
    for event in events {
        writer.append(1, event).unwrap();
    }
    writer.close().unwrap();
}

fn mismatch(error: Result<(), ReadError>) -> Vec<Difference> {
    match error {
        Err(ReadError::Journal(JournalFault::SchemaMismatch { differences, .. })) => differences,
        other => panic!("{other:?}"),
    }
}

/// A later type once took what the second program wrote, into the first one's segment, times a hundred.
#[test]
fn numbers_that_count_otherwise_begin_a_segment() {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::at(folder.path()).segment_records(64);
    let segments =
        || inspect(folder.path()).unwrap().segments.into_iter().filter(|one| one.records > 0).count();
    (0..2).for_each(|_| write(&journal, &[OLD]));
    assert_eq!(segments(), 1);
    for _ in 0..2 {
        let (mut writer, report) = journal.open::<Second>().unwrap();
        assert_eq!(report.new_event_version, None, "it is laid out as before");
        writer.append(1, &NEW).unwrap();
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

/// 12.50 was once shown as 0.1250 to whoever read without a type, and to the second program.
#[test]
fn numbers_of_one_layout_are_shown_as_the_newest_counts_them() {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::at(folder.path()).segment_records(64);
    write(&journal, &[OLD; 3]);
    let mut before = journal.follow_raw(0).unwrap();
    {
        let mut records = before.next_chunk().unwrap().unwrap().records();
        assert!(records.all(|record| record.event == bytemuck::bytes_of(&OLD)));
    }
    write(&journal, &[NEW; 2]);

    let mut typed = journal.reader::<Second>().unwrap();
    let mut raw = journal.raw_reader().unwrap();
    assert_eq!(raw.schema(), Some(Second::schema()));
    let mut follower = journal.follow_raw(0).unwrap();
    let mut followed = 0;
    while let Some(chunk) = follower.next_chunk().unwrap() {
        chunk.records().for_each(|record| assert_eq!(record.event, bytemuck::bytes_of(&NEW)));
        followed += chunk.len();
    }
    assert_eq!((followed, follower.schema()), (5, Some(&Second::schema())));
    for sequence in 0..5 {
        assert_eq!(*typed.at(sequence).unwrap().event(), NEW, "{sequence}");
        assert_eq!(raw.at(sequence).unwrap().event, bytemuck::bytes_of(&NEW), "{sequence}");
    }
    let anchor = raw.anchor(1).unwrap();
    assert_eq!(typed.at(1).unwrap().crc(), anchor.crc, "it is the record in the file");

    // Who began when the older meaning was the newest is told so, and no number is turned back.
    let differences = mismatch(before.next_chunk().map(drop));
    assert!(differences[0].advice.contains("begin anew"), "{differences:?}");
    assert_eq!(before.next_sequence(), 3);
}

#[test]
fn a_number_that_has_no_room_is_named_and_what_is_before_it_is_shown() {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::at(folder.path()).segment_records(64);
    let great = First { px: i32::MAX, ..OLD };
    write(&journal, &[OLD, OLD, great, OLD]);
    write(&journal, &[Priced { px: 1, side: 1, ts: 1 }]);
    let refused = |differences: Vec<Difference>| {
        assert_eq!((differences.len(), &*differences[0].field), (1, "px"));
        assert!(differences[0].advice.contains("record 2: 2147483647"), "{differences:?}");
    };
    let mut raw = journal.raw_reader().unwrap();
    assert_eq!(raw.chunk(0).unwrap().len(), 2);
    refused(mismatch(raw.chunk(2).map(drop)));
    refused(mismatch(raw.at(2).map(drop)));
    assert_eq!(raw.chunk(3).unwrap().len(), 1);
    let mut typed = journal.reader::<Priced>().unwrap();
    let mut chunks = typed.chunks(0).unwrap();
    assert_eq!(chunks.next_chunk().unwrap().unwrap().records.len(), 2);
    refused(mismatch(chunks.next_chunk().map(drop)));
    let mut follower = journal.follow_raw(0).unwrap();
    assert_eq!(follower.next_chunk().unwrap().unwrap().len(), 2);
    for _ in 0..2 {
        refused(mismatch(follower.next_chunk().map(drop)));
    }
    // With more room all of it is there.
    write(&journal, &[Third { px: 0 }]);
    let mut raw = journal.raw_reader().unwrap();
    let px = |event: &[u8]| i64::from_le_bytes(event.try_into().unwrap());
    assert_eq!(px(raw.at(2).unwrap().event), 100 * i64::from(i32::MAX));
}

fn schema(fields: &str) -> Schema {
    Schema::from_text(&format!("E 8\n{fields}")).unwrap_or_else(|| panic!("{fields}"))
}

/// One number of eight bytes, by an upgrade between two ways to count it.
fn turned(found: &str, wanted: &str, value: i64) -> Result<i64, String> {
    let of = |attribute: &str| schema(&format!("n i64 0 8\t{attribute}\n"));
    let upgrade = Upgrade::between(&of(found), &of(wanted)).unwrap();
    let mut newer = [0; 8];
    let done = upgrade.apply(&value.to_le_bytes(), &mut newer);
    done.map(|()| i64::from_le_bytes(newer)).map_err(|difference| difference.advice)
}

#[test]
fn what_counts_otherwise_is_turned_and_nothing_else_is() {
    for (found, wanted, value, becomes) in [
        ("decimal=2", "decimal=4", -50, Some(-5_000)),
        ("decimal=4", "decimal=2", 12_500, Some(125)),
        ("decimal=4", "decimal=2", 12_501, None),
        ("decimal=2", "decimal=4", i64::MAX / 100 + 1, None),
        ("decimal=0", "decimal=38", 1, None),
        ("time=s", "time=ns", -7, Some(-7_000_000_000)),
        ("time=us", "time=ms", 7_000, Some(7)),
        ("time=us", "time=ms", 7_001, None),
        ("enum=a:1,b:2", "enum=b:1,a:2", 1, Some(2)),
        ("enum=a:1,b:2", "enum=b:1,a:2", 2, Some(1)),
        ("enum=a:1", "enum=a:2", 5, Some(5)),
        // It had no name, and would have one.
        ("enum=a:1", "enum=a:2", 2, None),
        ("enum=a:1,old:1", "enum=new:1,old:1", 1, Some(1)),
        ("enum=a:1,b:2", "enum=a:2,b:2", 2, Some(2)),
        // Only for people, or said for the first time, or of another kind.
        ("enum=a:1", "enum=b:1", 1, Some(1)),
        ("enum=a:1", "enum=a:1,b:2", 2, Some(2)),
        ("decimal=2\tunit=USD", "decimal=2\tunit=EUR\tdefault=1", 9, Some(9)),
        ("time=ms", "time=ms\tinput=s", 9, Some(9)),
        ("unit=x", "decimal=4", 9, Some(9)),
        ("decimal=2", "time=ms", 9, Some(9)),
        ("decimal=99", "decimal=2", 9, Some(9)),
    ] {
        let found = turned(found, wanted, value).map_err(|advice| assert!(!advice.is_empty())).ok();
        assert_eq!(found, becomes, "{wanted} {value}");
    }
}

#[test]
fn a_variants_numbers_are_turned_where_it_is_that_variant() {
    let of = |scale: u32| {
        let text = "tag u32 0 4\nA u32=1 0 4\nB u32=2 0 4\nC u32=3 0 4\nA/px i32 4 4\tdecimal=S\nB/n i32 4 4\nC/in u32 4 4\n";
        schema(&text.replace('S', &scale.to_string()))
    };
    let upgrade = Upgrade::between(&of(1), &of(3)).unwrap();
    let event = |tag: u32, number: i32| [tag.to_le_bytes(), number.to_le_bytes()].concat();
    for (tag, number, becomes) in [(1, 7, 700), (2, 7, 7), (3, 7, 7), (99, 7, 7)] {
        let mut newer = [0; 8];
        upgrade.apply(&event(tag, number), &mut newer).unwrap();
        assert_eq!(newer[..], event(tag, becomes), "{tag}");
    }
    let refused = upgrade.apply(&event(1, i32::MAX), &mut [0; 8]).unwrap_err();
    assert_eq!((&*refused.field, &*refused.wanted), ("A.px", "i32 (decimal=3)"));
}

#[test]
fn all_numbers_of_an_array_are_turned() {
    let of = |scale| schema(&format!("n [[i16;2];2] 0 8\tdecimal={scale}\n"));
    let upgrade = Upgrade::between(&of(0), &of(2)).unwrap();
    let bytes = |numbers: [i16; 4]| numbers.map(i16::to_le_bytes).concat();
    let mut newer = [0; 8];
    upgrade.apply(&bytes([1, -2, 3, -4]), &mut newer).unwrap();
    assert_eq!(newer[..], bytes([100, -200, 300, -400]));
    assert!(upgrade.apply(&bytes([0, 0, 0, 400]), &mut newer).is_err());
}

/// A number that had one name was once taken for another name, silently.
#[test]
fn a_mapping_refuses_a_name_that_has_become_another() {
    let of = |names: &str| schema(&format!("n u32 0 4\tenum={names}\nm u32 4 4\n"));
    let wider = |names: &str| schema(&format!("n u64 0 8\tenum={names}\n"));
    for (found, wanted, says) in [
        ("buy:1,sell:2", "buy:1,sell:2,short:3", None),
        ("buy:1,sell:2", "buy:1", None),
        ("buy:1", "buy:1,sell:2", None),
        ("buy:1,sell:2", "sell:2,buy:1", None),
        ("buy:1,sell:2", "buy:1,short:2", Some("2 was `sell` and can't be `short`")),
        ("buy:1,sell:2", "buy:2,sell:1", Some("`buy` was 1 and can't be 2")),
    ] {
        let mapping = Mapping::between(&of(found), &wider(wanted));
        match (says, mapping) {
            (None, Ok(_)) => {}
            (Some(says), Err(differences)) => {
                assert_eq!((differences.len(), &*differences[0].field), (1, "n"));
                assert!(differences[0].advice.contains(says), "{differences:?}");
            }
            (_, other) => panic!("{found} to {wanted}: {other:?}"),
        }
    }
}
