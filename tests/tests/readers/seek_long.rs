//! Seek in segments of many blocks, where it guesses and halves: journals of every gait of time against a
//! linear scan, by plain reads and in a map; how many reads it takes at worst; and that no damaged record
//! decides.
//!
//! (`seek` tries ten thousand journals so small that a block holds a segment.)

use std::cell::Cell;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use slipring_journal::__private::storage::{Memory, Storage};
use slipring_journal::{AppendError, JournalFault, ReadError, Reader, Writer};
use slipring_tests::faulty::Faulty;
use slipring_tests::folders::in_memory;
use slipring_tests::journals::{BOOT, HEADER_BYTES, Note, RECORD_BYTES, note, open, options, segment};

/// How times go on from one record to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Gait {
    /// By the same step.
    Level,
    /// By steps that differ.
    Noisy,
    /// Noisy, with a night now and then.
    Nights,
    /// Many at the same time.
    Ties,
    /// Each step longer than all before: whoever guesses misses.
    Exponential,
    /// Each step shorter.
    Slowing,
}

const GAITS: [Gait; 6] =
    [Gait::Level, Gait::Noisy, Gait::Nights, Gait::Ties, Gait::Exponential, Gait::Slowing];

fn times(gait: Gait, count: usize, seed: u64) -> Vec<u64> {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut at = random.u64(0..1_000_000);
    let mut step = |index: usize| match gait {
        Gait::Level => 1_000,
        Gait::Noisy => random.u64(0..2_000),
        Gait::Nights if random.u32(0..500) == 0 => random.u64(1..1 << 40),
        Gait::Nights => random.u64(1..2_000),
        Gait::Ties => {
            if random.u32(0..300) == 0 {
                random.u64(1..1 << 20)
            } else {
                0
            }
        }
        Gait::Exponential => 1 << (index * 60 / count),
        Gait::Slowing => 1 << ((count - 1 - index) * 60 / count),
    };
    (0..count)
        .map(|index| {
            at = at.saturating_add(step(index));
            at
        })
        .collect()
}

/// Appends notes with these times.
fn write<S: Storage>(storage: &S, segment_records: u64, times: &[u64]) -> Writer<Note, S> {
    let journal = options(segment_records).max_time_step(std::time::Duration::MAX);
    let (mut writer, _) = open(&journal, storage).expect("a new journal");
    for (sequence, time_ns) in (0..).zip(times) {
        let event = note(sequence);
        while let Err(error) = writer.try_append(*time_ns, &event) {
            assert!(matches!(error, AppendError::Full { .. }), "{error}");
            writer.step_syncer();
            while writer.step_preparer() {}
        }
    }
    writer
}

/// Times worth asking for: those of some records, one more and one less, and some between.
fn wanted(times: &[u64], seed: u64) -> Vec<u64> {
    let mut random = fastrand::Rng::with_seed(seed);
    let (first, last) = (times[0], times[times.len() - 1]);
    let mut wanted = vec![0, u64::MAX, first, last, last.saturating_add(1)];
    for _ in 0..12 {
        let time_ns = times[random.usize(..times.len())];
        wanted.extend([
            time_ns.saturating_sub(1),
            time_ns,
            time_ns.saturating_add(1),
            random.u64(first..=last),
        ]);
    }
    wanted
}

fn check<S: Storage>(reader: &mut Reader<Note, S>, times: &[u64], seed: u64) -> Result<(), TestCaseError> {
    let scan = |found: &dyn Fn(u64) -> bool| {
        times.iter().position(|time_ns| found(*time_ns)).unwrap_or(times.len()) as u64
    };
    for wanted in wanted(times, seed) {
        let found = (reader.lower_bound(wanted).unwrap(), reader.upper_bound(wanted).unwrap());
        let right = (scan(&|time_ns| time_ns >= wanted), scan(&|time_ns| time_ns > wanted));
        prop_assert_eq!(found, right, "time {}", wanted);
    }
    Ok(())
}

#[test]
fn seek_agrees_with_a_linear_scan_in_long_segments_of_every_gait() {
    let seen = [const { Cell::new(0u32) }; GAITS.len()];
    let cases = (0..GAITS.len(), 2usize..4_000, 50u64..5_000, any::<u64>());
    let config = Config { cases: 400, failure_persistence: None, ..Config::default() };
    TestRunner::new(config)
        .run(&cases, |(gait, count, segment_records, seed)| {
            seen[gait].set(seen[gait].get() + 1);
            let times = times(GAITS[gait], count, seed);
            let memory = Memory::new(BOOT);
            write(&memory, segment_records, &times).close().unwrap();
            check(&mut Reader::open_to(memory, None).unwrap(), &times, seed)
        })
        .unwrap();
    assert!(seen.iter().all(|count| count.get() > 20), "a gait is hardly ever tried: {seen:?}");
}

/// The journal's own writer reads what lies in a map where it lies.
#[test]
fn seek_in_a_map_agrees_with_a_linear_scan() {
    for (seed, gait) in (0..).zip(GAITS) {
        let folder = in_memory();
        let times = times(gait, 3_000, seed);
        let writer = write(&slipring_journal::__private::storage::Files::new(folder.path()), 2_000, &times);
        let mut reader = writer.reader().unwrap();
        for from in [0, 2_500] {
            // Now the segment is mapped that holds it; the other is read.
            reader.chunks(from).unwrap().next_chunk().unwrap().expect("records");
            check(&mut reader, &times, seed).unwrap();
        }
    }
}

/// Reads of records by one seek, once the times of the segments are known: at most by gait.
#[test]
fn a_seek_reads_few_blocks_and_never_more_than_a_halving_and_a_half_for_each_bit() {
    const COUNT: usize = 20_000;
    // 3 guesses, ceil(log2(20,000 / 64)) = 9 halvings, a guess after every second, the last block.
    const WORST: u64 = 3 + 9 + 4 + 1;
    for gait in GAITS {
        let times = times(gait, COUNT, 7);
        let faulty = Faulty::new(Memory::new(BOOT));
        write(&faulty, COUNT as u64, &times).close().unwrap();
        let mut reader = Reader::<Note, Faulty>::open_to(faulty.clone(), None).unwrap();
        reader.lower_bound(times[COUNT / 2]).unwrap();
        let mut most = 0;
        for time_ns in wanted(&times, 7).into_iter().chain(times.iter().step_by(37).copied()) {
            let before = faulty.record_reads();
            reader.lower_bound(time_ns).unwrap();
            most = most.max(faulty.record_reads() - before);
        }
        println!("{gait:?}: {most} reads at most");
        let wanted = match gait {
            // The record before a block's first lies in another.
            Gait::Level => 2,
            Gait::Noisy => 3,
            _ => WORST,
        };
        assert!(most <= wanted, "{gait:?}: {most} reads");
    }
}

#[test]
fn a_damaged_record_never_decides() {
    const COUNT: u64 = 1_000;
    let (wrong, right) = (Cell::new(0u32), Cell::new(0u32));
    // Not the last: whoever opens looks at that one.
    let cases = (0..COUNT - 1, 0..RECORD_BYTES * 8, any::<u64>());
    let config = Config { cases: 400, failure_persistence: None, ..Config::default() };
    let times: Vec<u64> = (0..COUNT).map(|index| 1_000 + index * index * 10).collect();
    let whole = Memory::new(BOOT);
    write(&whole, COUNT, &times).close().unwrap();
    let files = whole.to_files();
    TestRunner::new(config)
        .run(&cases, |(sequence, bit, seed)| {
            let mut files = files.clone();
            let at = HEADER_BYTES + sequence as usize * RECORD_BYTES + bit / 8;
            files.get_mut(&segment(0)).unwrap()[at] ^= 1 << (bit % 8);
            let damaged = Memory::from_files(files, BOOT);
            let own_ns = times[sequence as usize];
            for wanted in wanted(&times, seed).into_iter().chain([own_ns, own_ns + 1]) {
                // A reader for each: it remembers what it has looked at.
                let mut reader = Reader::<Note, Memory>::open_to(damaged.clone(), None).unwrap();
                match reader.lower_bound(wanted) {
                    Ok(found) => {
                        right.set(right.get() + 1);
                        let scan = times.iter().position(|time_ns| *time_ns >= wanted);
                        prop_assert_eq!(found, scan.unwrap_or(times.len()) as u64, "time {}", wanted);
                        // It and the one before it are what the answer rests on.
                        prop_assert!(
                            found != sequence && found != sequence + 1,
                            "{} not looked at",
                            sequence
                        );
                    }
                    Err(ReadError::Journal(JournalFault::CorruptRecord(record))) => {
                        wrong.set(wrong.get() + 1);
                        prop_assert_eq!(record.sequence, sequence);
                    }
                    Err(error) => prop_assert!(false, "{}", error),
                }
            }
            Ok(())
        })
        .unwrap();
    assert!(wrong.get() > 400 && right.get() > 400, "{wrong:?} {right:?}");
}
