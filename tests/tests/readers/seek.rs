//! Seek against a linear scan: random journals with equal times, times that go back, void records, rolls,
//! retention, several lives and deaths, at least ten thousand of them in every run; then the edges by name.
//!
//! The contract, in terms of what the *events* say: no event whose own time is `t` or later lies before
//! `lower_bound(t)`. The scan therefore keeps the time that each event was given, beside the running maximum
//! that the journal makes of them.

use std::cell::Cell;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use slipring_journal::__private::storage::Memory;
use slipring_journal::{Kind, ReadError, Reader, Retention};
use slipring_tests::journals::{BOOT, NEXT_BOOT, Note, note, open, options};

/// One append.
#[derive(Clone, Debug)]
struct Step {
    time_ns: u64,
    void: bool,
}

/// One writable opening.
#[derive(Clone, Debug)]
struct Life {
    segment_records: u64,
    steps: Vec<Step>,
    /// Retention removes whole segments behind which there are so many records.
    keep_records: Option<u64>,
    /// The process dies in the end, instead of closing in good order.
    dies: bool,
}

/// A record as the scan knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Known {
    own_ns: u64,
    journal_ns: u64,
    epoch: u32,
    void: bool,
}

fn lives() -> impl Strategy<Value = Vec<Life>> {
    // Few different times, so that many are equal; now and then one that is far from all others.
    let time_ns = prop_oneof![8 => 0..24u64, 1 => 1_000..1_010u64, 1 => Just(u64::MAX >> 2)];
    let step = (time_ns, prop::bool::weighted(0.1)).prop_map(|(time_ns, void)| Step { time_ns, void });
    let keep_records = prop::option::weighted(0.25, 0..8u64);
    let life = (1..7u64, prop::collection::vec(step, 0..14), keep_records, any::<bool>()).prop_map(
        |(segment_records, steps, keep_records, dies)| Life { segment_records, steps, keep_records, dies },
    );
    prop::collection::vec(life, 1..4)
}

/// Writes the journal, and says what a linear scan must find.
fn write(lives: &[Life]) -> (Memory, Vec<Known>) {
    let memory = Memory::new(BOOT);
    let mut known: Vec<Known> = Vec::new();
    for life in lives {
        let mut journal = options(life.segment_records).max_time_step(std::time::Duration::MAX);
        if let Some(count) = life.keep_records {
            journal = journal.retention(Retention::new().keep_records(count));
        }
        let (mut writer, report) = open(&journal, &memory).expect("nothing is wrong with it");
        assert_eq!(report.end_sequence, known.len() as u64);
        for step in &life.steps {
            // No more than three segments are mapped, so those before must be durable.
            writer.step_syncer();
            while writer.step_preparer() {}
            let sequence = known.len() as u64;
            let done = match step.void {
                true => writer.try_append_void(step.time_ns),
                false => writer.try_append(step.time_ns, &note(sequence)),
            };
            assert_eq!(done.expect("there is room"), sequence);
            let before_ns = known.last().map_or(0, |record| record.journal_ns);
            let (own_ns, journal_ns) = (step.time_ns, step.time_ns.max(before_ns));
            known.push(Known { own_ns, journal_ns, epoch: writer.epoch(), void: step.void });
        }
        if life.dies { writer.abandon() } else { drop(writer) }
    }
    (memory, known)
}

fn reader(memory: &Memory) -> Reader<Note, Memory> {
    Reader::open_to(memory.clone(), None).expect("nothing is wrong with it")
}

/// The first sequence, by walking from the first that is kept, whose time satisfies `found`; the end if there
/// is none.
fn scan(known: &[Known], first: u64, found: impl Fn(&Known) -> bool) -> u64 {
    first + known[first as usize..].iter().position(found).unwrap_or(known.len() - first as usize) as u64
}

/// Every time of interest against the scan; the first sequence kept.
fn check(memory: &Memory, known: &[Known], retains: bool) -> Result<u64, TestCaseError> {
    let mut reader = reader(memory);
    let (first, end) = (reader.first_sequence(), known.len() as u64);
    prop_assert_eq!(reader.end_sequence(), end);
    // Never the last record's segment.
    prop_assert!(first == 0 || retains && first < end, "it begins at {} of {}", first, end);
    let near = known.iter().flat_map(|record| {
        [record.own_ns.saturating_sub(1), record.own_ns, record.own_ns.saturating_add(1), record.journal_ns]
    });
    let mut times: Vec<u64> = near.chain([0, 1, 500, u64::MAX]).collect();
    times.sort_unstable();
    times.dedup();
    for time_ns in &times {
        let time_ns = *time_ns;
        let lower = reader.lower_bound(time_ns).expect("every record is whole");
        let upper = reader.upper_bound(time_ns).expect("every record is whole");
        prop_assert_eq!(
            lower,
            scan(known, first, |record| record.journal_ns >= time_ns),
            "lower bound of {}",
            time_ns
        );
        prop_assert_eq!(
            upper,
            scan(known, first, |record| record.journal_ns > time_ns),
            "upper bound of {}",
            time_ns
        );
        // The contract in the events' own times.
        let late = known[first as usize..lower as usize].iter().find(|record| record.own_ns >= time_ns);
        prop_assert_eq!(late, None, "an event at {} or later lies before the lower bound", time_ns);
    }
    // Ranges: of every pair of times of interest, some of them the wrong way round.
    for (index, from) in times.iter().enumerate() {
        for to in times.iter().skip(index % 3).step_by(3) {
            let range = reader.range(*from..*to).expect("every record is whole");
            let inside = |record: &&Known| (*from..*to).contains(&record.journal_ns);
            let wanted = known[first as usize..].iter().filter(inside).count() as u64;
            prop_assert_eq!(range.end - range.start, wanted, "{} to {}", from, to);
            prop_assert_eq!(range.start, scan(known, first, |record| record.journal_ns >= *from));
        }
    }
    for sequence in 0..end + 2 {
        let wanted = known.get(sequence as usize).filter(|_| sequence >= first);
        match (reader.at(sequence), wanted) {
            (Ok(record), Some(wanted)) => {
                let void = record.kind() == Kind::Void;
                let found = (record.time_ns(), record.epoch(), void);
                prop_assert_eq!(found, (wanted.journal_ns, wanted.epoch, wanted.void));
                if !void {
                    prop_assert_eq!(record.event(), &note(sequence));
                }
            }
            (Err(ReadError::OutOfRange { sequence: at, first: from, end: to }), None) => {
                prop_assert_eq!((at, from, to), (sequence, first, end));
            }
            (found, wanted) => prop_assert!(false, "{}: {:?}, {:?}", sequence, found, wanted),
        }
    }
    Ok(first)
}

#[test]
fn seek_agrees_with_a_linear_scan_over_random_journals() {
    let cases = Config::default().cases.max(2_500);
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let seen = [const { Cell::new(0u32) }; 6];
    TestRunner::new(config)
        .run(&lives(), |lives| {
            let (memory, known) = write(&lives);
            let first = check(&memory, &known, lives.iter().any(|life| life.keep_records.is_some()))?;
            let pairs = || known.windows(2);
            let count = |kind: usize, met: bool| seen[kind].set(seen[kind].get() + u32::from(met));
            count(0, known.is_empty());
            count(1, pairs().any(|pair| pair[0].own_ns == pair[1].own_ns));
            count(2, pairs().any(|pair| pair[0].own_ns > pair[1].own_ns));
            count(3, pairs().any(|pair| pair[0].epoch != pair[1].epoch));
            count(4, memory.to_files().len() > 4);
            count(5, first > 0);
            Ok(())
        })
        .unwrap();
    let seen = seen.map(|count| count.get());
    println!("{cases} journals: empty, equal times, regressions, epochs, rolls, retired in {seen:?}");
    assert!(seen.iter().all(|count| *count > 20), "a kind of journal is hardly ever tried: {seen:?}");
}

/// A journal of one life with these times.
fn of(segment_records: u64, times: &[u64]) -> (Memory, Reader<Note, Memory>) {
    let steps = times.iter().map(|time_ns| Step { time_ns: *time_ns, void: false }).collect();
    let (memory, _) = write(&[Life { segment_records, steps, keep_records: None, dies: false }]);
    let reader = reader(&memory);
    (memory, reader)
}

fn bounds(reader: &mut Reader<Note, Memory>, time_ns: u64) -> (u64, u64) {
    (reader.lower_bound(time_ns).unwrap(), reader.upper_bound(time_ns).unwrap())
}

#[test]
fn an_empty_journal_answers_its_end() {
    let (_memory, mut reader) = of(4, &[]);
    for time_ns in [0, 1, u64::MAX] {
        assert_eq!(bounds(&mut reader, time_ns), (0, 0));
    }
    assert_eq!(reader.range(0..u64::MAX).unwrap(), 0..0);
    assert!(matches!(reader.at(0), Err(ReadError::OutOfRange { sequence: 0, first: 0, end: 0 })));
    assert!(reader.chunks(0).unwrap().next_chunk().unwrap().is_none());
}

#[test]
fn a_single_record_is_found_from_both_sides() {
    let (_memory, mut reader) = of(4, &[7]);
    assert_eq!(bounds(&mut reader, 6), (0, 0));
    assert_eq!(bounds(&mut reader, 7), (0, 1));
    assert_eq!(bounds(&mut reader, 8), (1, 1));
    assert_eq!((reader.range(0..7).unwrap(), reader.range(7..8).unwrap()), (0..0, 0..1));
}

#[test]
fn before_the_first_and_after_the_last_are_the_first_and_the_end() {
    let (_memory, mut reader) = of(2, &[10, 20, 30, 40, 50]);
    assert_eq!((bounds(&mut reader, 0), bounds(&mut reader, 9)), ((0, 0), (0, 0)));
    assert_eq!((bounds(&mut reader, 51), bounds(&mut reader, u64::MAX)), ((5, 5), (5, 5)));
    assert_eq!(reader.range(0..u64::MAX).unwrap(), 0..5);
}

#[test]
fn ties_across_rolls_go_by_sequence() {
    // Segments of one record, and of two: the tie spans three files and more.
    for segment_records in [1, 2, 3, 100] {
        let (_memory, mut reader) = of(segment_records, &[5, 9, 9, 9, 9, 9, 9, 12]);
        assert_eq!(bounds(&mut reader, 9), (1, 7));
        assert_eq!((bounds(&mut reader, 8), bounds(&mut reader, 10)), ((1, 1), (7, 7)));
    }
}

#[test]
fn a_segment_that_is_full_to_the_last_slot_and_an_empty_one_behind_it() {
    let (memory, mut reader) = of(3, &[1, 2, 3]);
    assert!(memory.to_files().contains_key("00000000000000000003.seg"), "the spare segment");
    assert_eq!(bounds(&mut reader, 3), (2, 3));
    assert_eq!(bounds(&mut reader, 4), (3, 3));
}

#[test]
fn times_at_the_ends_of_their_range() {
    let (_memory, mut reader) = of(2, &[0, 0, u64::MAX >> 1, u64::MAX]);
    assert_eq!((bounds(&mut reader, 0), bounds(&mut reader, 1)), ((0, 2), (2, 2)));
    assert_eq!(bounds(&mut reader, u64::MAX), (3, 4));
}

#[test]
fn a_restart_does_not_let_time_go_back() {
    let life = |times: &[u64]| Life {
        segment_records: 2,
        steps: times.iter().map(|time_ns| Step { time_ns: *time_ns, void: false }).collect(),
        keep_records: None,
        dies: true,
    };
    let (memory, known) = write(&[life(&[100, 90]), life(&[10, 110])]);
    let files = memory.to_files();
    let mut reader = reader(&Memory::from_files(files, NEXT_BOOT));
    assert_eq!(known.iter().map(|record| record.journal_ns).collect::<Vec<_>>(), [100, 100, 100, 110]);
    assert_eq!((bounds(&mut reader, 10), bounds(&mut reader, 100)), ((0, 0), (0, 3)));
}
