//! Files that use what format version 2 has room for and no writer makes yet, and those of a replica, whose
//! control file is of version 3: kept as they were written, read by today's code. `cargo test -p
//! slipring-tests --test damage golden_formats -- --ignored` writes those that are not there yet.

use std::path::{Path, PathBuf};

use slipring_journal::__private::golden::{GoldenJournal, GoldenSegment};
use slipring_journal::{
    Event, Journal, JournalFault, OpenError, Origin, ReadError, SalvageOptions, Status, inspect, salvage,
    verify,
};
use slipring_tests::folders::{copy_folder, in_memory};

const BRANCH: [u8; 16] = *b"restored on 0001";

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("golden").join(name)
}

/// `count` events of `words` words each.
fn events(first: u64, count: u64, words: u64) -> Vec<Vec<u8>> {
    (first..first + count)
        .map(|n| (0..words).flat_map(|word| (n * 100 + word).to_le_bytes()).collect())
        .collect()
}

fn schema(words: usize) -> String {
    let field = |n: usize| format!("word{n} u64 {} 8\n", n * 8);
    format!("Words {}\n{}", words * 8, (0..words).map(field).collect::<String>())
}

fn segment(first: u64, count: u64, words: usize) -> GoldenSegment {
    GoldenSegment {
        capacity: 8,
        schema: schema(words),
        event_version: 0,
        previous_base: None,
        record_bytes: 16 + 8 * words as u32,
        events: events(first, count, words as u64),
        stale_events: Vec::new(),
    }
}

fn journal(segments: Vec<GoldenSegment>) -> GoldenJournal {
    GoldenJournal { journal_id: *b"golden journal 2", branch: [0; 16], replica: None, segments }
}

/// Where a rejoin was cutting: in the first of two segments.
const CUT_AT: u64 = 5;

fn two_segments() -> Vec<GoldenSegment> {
    vec![segment(0, 8, 2), segment(8, 3, 2)]
}

/// Every feature by itself, by the name of its folder.
fn all() -> Vec<(&'static str, GoldenJournal)> {
    let attributes =
        "Words 16\tversion=3\nword0 u64 0 8\ttime=ns\tlabel=when%20it%20came\nword1 u64 8 8\tscale=4\n";
    let two_sizes = vec![
        GoldenSegment { event_version: 1, ..segment(0, 5, 2) },
        GoldenSegment { event_version: 2, ..segment(5, 6, 3) },
    ];
    let reused = GoldenSegment { previous_base: Some(0), stale_events: events(3, 5, 2), ..segment(8, 3, 2) };
    vec![
        ("v2-long-schema", journal(vec![segment(0, 8, 400), segment(8, 2, 400)])),
        ("v2-attributes", journal(vec![GoldenSegment { schema: attributes.to_owned(), ..segment(0, 4, 2) }])),
        ("v2-event-version", journal(vec![GoldenSegment { event_version: 3, ..segment(0, 4, 2) }])),
        ("v2-sealed-early", journal(vec![segment(0, 5, 2), segment(5, 8, 2), segment(13, 1, 2)])),
        ("v2-two-sizes", journal(two_sizes)),
        ("v2-branch", GoldenJournal { branch: BRANCH, ..journal(vec![segment(0, 4, 2)]) }),
        ("v2-written-again", journal(vec![segment(0, 8, 2), reused])),
        ("v3-replica", GoldenJournal { replica: Some(None), ..journal(two_segments()) }),
        ("v3-cutting", GoldenJournal { replica: Some(Some(CUT_AT)), ..journal(two_segments()) }),
    ]
}

#[test]
#[ignore = "writes the golden files that are not there yet"]
fn write_golden_files() {
    for (name, journal) in all() {
        if !folder(name).exists() {
            journal.write(&folder(name)).unwrap();
        }
    }
}

/// Segments as (base, sequence behind the last slot), and how many records were verified.
fn look(name: &str) -> (Vec<(u64, u64)>, u64) {
    let info = inspect(folder(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    let report = verify(folder(name), |_, _| {}).unwrap();
    assert_eq!(report.status, Status::Fine, "{name}: {report:?}");
    let bases = info.segments.iter().map(|s| (s.base, s.base + s.capacity)).collect();
    assert_eq!(report.records, info.end_sequence - info.first_sequence);
    (bases, report.records)
}

#[test]
fn a_schema_longer_than_a_block_is_read() {
    assert_eq!(look("v2-long-schema"), (vec![(0, 8), (8, 16)], 10));
    let info = inspect(folder("v2-long-schema")).unwrap();
    assert_eq!((info.fields.len(), info.fields[399].name.as_str()), (400, "word399"));
}

#[test]
fn attributes_are_passed_over_by_who_does_not_know_them() {
    assert_eq!(look("v2-attributes"), (vec![(0, 8)], 4));
    let info = inspect(folder("v2-attributes")).unwrap();
    assert_eq!(info.event, "Words");
    let word = &info.fields[1];
    assert_eq!((word.name.as_str(), word.kind.as_str(), word.offset, word.size), ("word1", "u64", 8, 8));
}

#[test]
fn an_event_version_is_shown() {
    assert_eq!(look("v2-event-version").1, 4);
    assert_eq!(inspect(folder("v2-event-version")).unwrap().segments[0].event_version, 3);
}

#[test]
fn a_segment_that_was_sealed_early_ends_there_and_the_next_begins() {
    assert_eq!(look("v2-sealed-early"), (vec![(0, 5), (5, 13), (13, 21)], 14));
}

/// Nobody says what the newer one's third word was before: all of it is verified and found by its time, and
/// what is of the newer type is read.
#[test]
fn records_of_two_sizes_are_verified_and_those_of_the_newer_type_read() {
    let report = verify(folder("v2-two-sizes"), |_, _| {}).unwrap();
    assert_eq!((report.status, report.records), (Status::Fine, 11), "{report:?}");
    let mut reader = Journal::at(folder("v2-two-sizes")).raw_reader().unwrap();
    assert_eq!((reader.end_sequence(), reader.record_bytes()), (11, 40));
    assert_eq!((reader.lower_bound(1_003).unwrap(), reader.lower_bound(1_007).unwrap()), (3, 7));
    assert_eq!(reader.anchor(2).unwrap().sequence, 2);
    assert_eq!(reader.at(5).unwrap().event, &events(5, 1, 3)[0][..]);
    assert_eq!(reader.chunk(5).unwrap().len(), 6);
    for refused in [reader.at(4).map(drop), reader.chunk(0).map(drop)] {
        assert!(
            matches!(refused, Err(ReadError::Journal(JournalFault::SchemaMismatch { .. }))),
            "{refused:?}"
        );
    }
    let info = inspect(folder("v2-two-sizes")).unwrap();
    assert_eq!(
        (info.fields.len(), info.segments[0].event_version, info.segments[1].event_version),
        (3, 1, 2)
    );
}

#[test]
fn a_branch_is_shown() {
    assert_eq!(look("v2-branch").1, 4);
    let shown = inspect(folder("v2-branch")).unwrap().branch.expect("it is a restored copy");
    assert_eq!(shown, BRANCH.iter().map(|byte| format!("{byte:02x}")).collect::<String>());
    assert_eq!(inspect(folder("v2-event-version")).unwrap().branch, None);
}

#[test]
fn a_file_that_was_written_again_says_what_it_held() {
    let info = inspect(folder("v2-written-again")).unwrap();
    let of = |index: usize| info.segments[index].previous_base;
    assert_eq!((of(0), of(1)), (None, Some(0)));
    // What lies behind its last record is of its earlier life, and no part of the log.
    assert_eq!((info.end_sequence, info.durable_end), (11, 11));
}

/// The new journal has segments of its own, which end where theirs do and nowhere else.
#[test]
fn a_salvage_of_segments_that_were_sealed_early_can_be_opened() {
    let place = in_memory();
    let into = place.path().join("new");
    let report = salvage(folder("v2-sealed-early"), &into, SalvageOptions::default(), |_, _| {}).unwrap();
    assert_eq!((report.records, report.lost_count), (14, 0), "{report}");
    let found = verify(&into, |_, _| {}).unwrap();
    assert_eq!((found.status, found.records), (Status::Fine, 14), "{found:?}");
}

/// The event of the golden journals of two words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Event)]
#[repr(C)]
struct Words {
    word0: u64,
    word1: u64,
}

/// A copy of a golden journal, to be written to.
fn copied(name: &str) -> tempfile::TempDir {
    let place = in_memory();
    copy_folder(&folder(name), place.path());
    place
}

/// A replica is one, goes on as one, and is promoted.
#[test]
fn a_replica_is_gone_on_with() {
    assert_eq!(look("v3-replica"), (vec![(0, 8), (8, 16)], 11));
    let reader = Journal::at(folder("v3-replica")).raw_reader().unwrap();
    let origin = Origin::of(reader.journal_id());
    assert!(reader.is_replica());
    let place = copied("v3-replica");
    let journal = Journal::at(place.path()).segment_records(8);
    let refused = journal.open::<Words>().err().unwrap();
    assert!(matches!(refused, OpenError::Replica { epoch: 1, .. }), "{refused}");
    let (replica, report) = journal.replica(&Words::schema(), &origin).unwrap();
    assert_eq!((report.end_sequence, report.epoch, report.truncated_at), (11, 1, None));
    assert_eq!(replica.last().map(|last| (last.sequence, last.epoch)), Some((10, 1)));
    replica.close().unwrap();
    let (mut writer, _) = journal.clone().promote(1_024).open::<Words>().unwrap();
    assert_eq!(writer.append(10_000, &Words { word0: 1, word1: 2 }).unwrap(), 11);
    writer.close().unwrap();
    let found = verify(place.path(), |_, _| {}).unwrap();
    assert_eq!((found.status, found.records, found.replica), (Status::Fine, 12, false), "{found:?}");
}

/// What a rejoin was cutting off when it was cut short counts no more, whoever looks; the next opening
/// finishes it.
#[test]
fn a_rejoin_that_was_cut_short_is_finished() {
    let info = inspect(folder("v3-cutting")).unwrap();
    assert_eq!((info.end_sequence, info.durable_end, info.replica), (CUT_AT, CUT_AT, true));
    let place = in_memory();
    let into = place.path().join("new");
    let report = salvage(folder("v3-cutting"), &into, SalvageOptions::default(), |_, _| {}).unwrap();
    assert_eq!((report.records, report.lost_count, report.whole_not_kept), (CUT_AT, 0, 0), "{report}");
    assert!(report.warnings.iter().any(|warning| warning.contains("a rejoin was cut short")), "{report}");
    let place = copied("v3-cutting");
    let origin = Origin::of(Journal::at(place.path()).raw_reader().unwrap().journal_id());
    let (replica, report) = Journal::at(place.path()).replica(&Words::schema(), &origin).unwrap();
    assert_eq!((report.end_sequence, &report.removed[0][..]), (CUT_AT, "00000000000000000008.seg"));
    assert_eq!(replica.close().unwrap(), CUT_AT);
    let found = verify(place.path(), |_, _| {}).unwrap();
    assert_eq!((found.status, found.records), (Status::Fine, CUT_AT), "{found:?}");
}

/// A journal goes on with what it has that this version knows nothing of: attributes, a version of its event,
/// a branch, a segment that ended early.
#[test]
fn a_writer_goes_on_with_what_it_does_not_know() {
    for (name, records) in
        [("v2-attributes", 4), ("v2-event-version", 4), ("v2-branch", 4), ("v2-sealed-early", 14)]
    {
        let place = copied(name);
        let before = inspect(place.path()).unwrap();
        let journal = Journal::at(place.path()).segment_records(8);
        for life in 0..2 {
            let (mut writer, report) =
                journal.open::<Words>().unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(report.end_sequence, records + 20 * life, "{name}");
            for n in 0..20 {
                writer.append(10_000 + 20 * life + n, &Words { word0: n, word1: life }).unwrap();
            }
            writer.close().unwrap();
        }
        let after = inspect(place.path()).unwrap();
        assert_eq!((after.end_sequence, &after.branch), (records + 40, &before.branch), "{name}");
        let versions = |info: &slipring_journal::JournalInfo| info.segments.last().unwrap().event_version;
        assert_eq!(versions(&after), versions(&before), "{name}");
        let found = verify(place.path(), |_, _| {}).unwrap();
        assert_eq!((found.status, found.records), (Status::Fine, records + 40), "{name}: {found:?}");
    }
}

#[test]
fn golden_files_are_what_the_builder_writes() {
    let place = in_memory();
    for (name, journal) in all() {
        journal.write(&place.path().join(name)).unwrap();
        let files = |folder: &Path| {
            let mut files: Vec<_> = std::fs::read_dir(folder)
                .unwrap()
                .map(|entry| entry.unwrap())
                .map(|entry| (entry.file_name(), std::fs::read(entry.path()).unwrap()))
                .collect();
            files.sort();
            files
        };
        assert!(files(&place.path().join(name)) == files(&folder(name)), "{name}");
    }
}
