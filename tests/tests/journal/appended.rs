//! The journal as its user sees it, on real files.

use std::os::unix::fs::FileExt;
use std::time::Duration;

use proptest::prelude::*;
use slipring_journal::{AppendError, Event, Journal, JournalFault, Kind, OpenError, ReadError, SyncMode};
use slipring_tests::folders::in_memory;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Event)]
#[repr(C)]
struct Tick {
    id: u64,
    price: i64,
    size: u32,
    side: u32,
    rest: [u64; 3],
}

fn tick(id: u64) -> Tick {
    Tick { id, price: -(id as i64), size: 7, side: 1, rest: [id; 3] }
}

#[test]
fn a_48_byte_event_makes_a_64_byte_record() {
    assert_eq!(size_of::<Tick>(), 48);
    assert_eq!(slipring_journal::Record::<Tick>::BYTES, 64);
}

/// An event of a kilobyte made three files of a gigabyte: segments were counted in records.
#[test]
fn segments_take_the_bytes_that_were_said_whatever_the_events() {
    #[derive(Clone, Copy, Debug, Event)]
    #[repr(C)]
    struct Large {
        words: [u64; 126],
    }
    fn sizes<E: Event>(journal: impl Fn(Journal) -> Journal) -> Vec<u64> {
        let folder = in_memory();
        let (writer, _) = journal(Journal::at(folder.path())).open::<E>().unwrap();
        writer.close().unwrap();
        let files = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap());
        let segments = files.filter(|file| file.path().extension().is_some_and(|is| is == "seg"));
        segments.map(|file| file.metadata().unwrap().len()).collect()
    }
    for (bytes, said) in [(64 << 20, None), (1 << 20, Some(1 << 20))] {
        let options = |journal: Journal| said.map_or(journal.clone(), |bytes| journal.segment_bytes(bytes));
        let (small, large) = (sizes::<Tick>(options), sizes::<Large>(options));
        assert!(!small.is_empty() && !large.is_empty());
        for size in small.into_iter().chain(large) {
            assert!((bytes..bytes + (1 << 20)).contains(&size), "{size} of {bytes}");
        }
    }
    let folder = in_memory();
    let refused = Journal::at(folder.path()).segment_bytes(63).open::<Tick>().err().unwrap();
    assert!(matches!(refused, OpenError::BadOption { option: "segment_bytes", .. }), "{refused}");
}

#[test]
fn append_close_reopen_append_read() {
    for sync in [SyncMode::None, SyncMode::EveryBatch, SyncMode::every(Duration::from_millis(1))] {
        let folder = in_memory();
        let journal = Journal::at(folder.path().join("j")).segment_records(100).sync(sync);
        for round in 0..5u64 {
            let (mut writer, report) = journal.open::<Tick>().unwrap();
            assert_eq!(report.created, round == 0);
            assert_eq!(report.end_sequence, round * 333);
            assert_eq!(report.truncated_at, None, "{report}");
            for i in round * 333..(round + 1) * 333 {
                assert_eq!(writer.append(1000 + i / 3, &tick(i)).unwrap(), i);
            }
            writer.end_batch();
            let cursors = writer.cursors();
            cursors.wait_durable(round * 333 + 10, Duration::from_secs(60)).unwrap();
            assert_eq!(writer.close().unwrap(), (round + 1) * 333);
            assert_eq!(cursors.durable_end(), (round + 1) * 333);
        }
        let mut reader = journal.reader::<Tick>().unwrap();
        assert_eq!((reader.first_sequence(), reader.end_sequence()), (0, 5 * 333));
        let mut chunks = reader.chunks(5).unwrap();
        let mut next = 5;
        while let Some(chunk) = chunks.next_chunk().unwrap() {
            assert_eq!(chunk.first_sequence, next);
            for record in chunk.records {
                assert_eq!(*record.event(), tick(next));
                assert_eq!(record.time_ns(), 1000 + next / 3);
                assert_eq!(u64::from(record.epoch()), next / 333 + 1);
                next += 1;
            }
        }
        assert_eq!(next, 5 * 333);
    }
}

/// Segments over 2 MiB, so that large pages come in where the file system has them; the memory of each given
/// back as soon as it is durable, while others are written.
#[test]
fn nothing_is_lost_when_the_memory_of_durable_segments_is_given_back() {
    let folder = in_memory();
    let journal = Journal::at(folder.path()).segment_records(70_000).cached_bytes(0).sync(SyncMode::None);
    let (mut writer, _) = journal.open::<Tick>().unwrap();
    let count = 700_003;
    for i in 0..count {
        writer.append(i, &tick(i)).unwrap();
        if i == 333_333 {
            writer.cursors().wait_durable(i, Duration::from_secs(60)).unwrap();
        }
    }
    writer.abandon();
    let (mut writer, report) = journal.open::<Tick>().unwrap();
    assert_eq!((report.end_sequence, report.truncated_at), (count, None), "{report}");
    assert_eq!(writer.append(count, &tick(count)).unwrap(), count);
    writer.close().unwrap();
    let mut reader = journal.reader::<Tick>().unwrap();
    let mut chunks = reader.chunks(0).unwrap();
    let mut next = 0;
    while let Some(chunk) = chunks.next_chunk().unwrap() {
        for record in chunk.records {
            assert_eq!(*record.event(), tick(next));
            next += 1;
        }
    }
    assert_eq!(next, count + 1);
}

/// Slices that the writer's own reader gave lay in its map: they changed when somebody wrote to the file
/// behind it, a rejoin for one, and a file cut off ended the process.
#[test]
fn what_a_writer_s_reader_gave_stays_whatever_becomes_of_the_file() {
    let folder = in_memory();
    let journal = Journal::at(folder.path());
    let (mut writer, _) = journal.open::<Tick>().unwrap();
    (0..20_000).for_each(|id| assert_eq!(writer.append(id, &tick(id)).unwrap(), id));
    let mut reader = writer.reader().unwrap();
    writer.close().unwrap();
    let mut chunks = reader.chunks(0).unwrap();
    let chunk = chunks.next_chunk().unwrap().unwrap();
    let segment = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path());
    let segment = segment.filter(|path| path.extension().is_some_and(|is| is == "seg")).min().unwrap();
    let file = std::fs::OpenOptions::new().write(true).open(&segment).unwrap();
    file.write_all_at(&vec![0xff; 20_000 * 64], 24 << 10).unwrap();
    for (id, record) in (0..).zip(chunk.records) {
        assert_eq!(*record.event(), tick(id));
    }
    assert!(matches!(chunks.next_chunk(), Err(ReadError::Journal(JournalFault::CorruptRecord(_)))));
    file.set_len(32 << 10).unwrap();
    assert!(matches!(chunks.next_chunk(), Err(ReadError::Journal(JournalFault::SegmentTruncated { .. }))));
}

#[test]
fn a_second_writer_is_refused_and_told_of_the_first() {
    let folder = in_memory();
    let journal = Journal::at(folder.path());
    let (_writer, _) = journal.open::<Tick>().unwrap();
    match journal.open::<Tick>() {
        Err(OpenError::Locked { holder, .. }) => {
            assert!(holder.contains(&std::process::id().to_string()), "{holder}");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_time_too_far_ahead_is_refused_and_a_gap_that_the_clock_bears_out_is_not() {
    let folder = in_memory();
    let (mut writer, _) = Journal::at(folder.path()).open::<Tick>().unwrap();
    assert!(matches!(writer.append(u64::MAX, &tick(0)), Err(AppendError::TimeTooFar { .. })));
    writer.append(0, &tick(0)).unwrap();
    // 2012 after 1970: the clock says that it has been.
    writer.append(1_340_284_200_000_000_000, &tick(1)).unwrap();
    assert!(matches!(writer.append(u64::MAX / 2, &tick(2)), Err(AppendError::TimeTooFar { .. })));
    assert_eq!(writer.append(5, &tick(2)).unwrap(), 2);
    assert_eq!(writer.regressions(), 1);
    assert_eq!(writer.last_time_ns(), Some(1_340_284_200_000_000_000));
}

#[test]
fn void_records_keep_position_and_sequence_one() {
    let folder = in_memory();
    let (mut writer, _) = Journal::at(folder.path()).open::<Tick>().unwrap();
    writer.append(10, &tick(0)).unwrap();
    assert_eq!(writer.append_void(11).unwrap(), 1);
    writer.append(12, &tick(2)).unwrap();
    let mut reader = writer.reader().unwrap();
    assert_eq!(reader.at(1).unwrap().kind(), Kind::Void);
    assert_eq!(*reader.at(2).unwrap().event(), tick(2));
    assert_eq!(reader.at(2).unwrap().kind(), Kind::Event);
}

#[test]
fn a_writer_that_dies_leaves_every_committed_record() {
    let folder = in_memory();
    let journal = Journal::at(folder.path()).segment_records(64).sync(SyncMode::None);
    let mut end = 0;
    for _ in 0..10 {
        let (mut writer, report) = journal.open::<Tick>().unwrap();
        assert_eq!(report.end_sequence, end);
        for i in end..end + 41 {
            writer.append(i, &tick(i)).unwrap();
        }
        end += 41;
        writer.abandon();
    }
    let mut reader = journal.reader::<Tick>().unwrap();
    assert_eq!(reader.end_sequence(), end);
    for i in 0..end {
        assert_eq!(*reader.at(i).unwrap().event(), tick(i));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Seek against a linear scan: equal times, regressions, rolls, several epochs, before the first, after
    /// the last.
    #[test]
    fn seek_equals_a_linear_scan(
        steps in proptest::collection::vec(-3i64..6, 0..200),
        segment_records in 1u64..40,
        cut in 0usize..200,
    ) {
        let folder = in_memory();
        let journal = Journal::at(folder.path()).segment_records(segment_records).sync(SyncMode::None);
        let mut own = 100i64;
        let times: Vec<u64> = steps.iter().map(|step| { own = (own + step).max(0); own as u64 }).collect();
        let cut = cut.min(times.len());
        for part in [&times[..cut], &times[cut..]] {
            let (mut writer, _) = journal.open::<Tick>().unwrap();
            for time in part {
                let id = writer.end_sequence();
                writer.append(*time, &tick(id)).unwrap();
            }
            writer.abandon();
        }
        let mut reader = journal.reader::<Tick>().unwrap();
        prop_assert_eq!(reader.end_sequence(), times.len() as u64);
        let journal_times: Vec<u64> =
            times.iter().scan(0, |max, time| { *max = (*max).max(*time); Some(*max) }).collect();
        let latest = journal_times.last().copied().unwrap_or(0);
        for time in (0..3).chain(90..latest + 3) {
            let lower = journal_times.iter().take_while(|t| **t < time).count() as u64;
            let upper = journal_times.iter().take_while(|t| **t <= time).count() as u64;
            prop_assert_eq!(reader.lower_bound(time).unwrap(), lower);
            prop_assert_eq!(reader.upper_bound(time).unwrap(), upper);
            // The contract in the words of the docs.
            prop_assert!(times[..lower as usize].iter().all(|own| *own < time));
        }
    }

    /// Appends in batches, as the engine makes them, leave the bytes that appends one by one leave; the
    /// cursor is behind each batch, and behind what was published inside it.
    #[test]
    fn batches_append_what_single_appends_do(
        steps in proptest::collection::vec((-3i64..6, prop::bool::weighted(0.1)), 0..300),
        batch in 1usize..80,
        publish in 1u64..20,
        segment_records in 1u64..40,
    ) {
        let folders = [in_memory(), in_memory()];
        let mut own = 100i64;
        let records: Vec<(u64, bool)> =
            steps.iter().map(|(step, void)| { own = (own + step).max(0); (own as u64, *void) }).collect();
        let mut ends = Vec::new();
        for (folder, in_batches) in folders.iter().zip([false, true]) {
            let journal = Journal::at(folder.path()).segment_records(segment_records).sync(SyncMode::None);
            let (mut writer, _) = journal.open::<Tick>().unwrap();
            let cursors = writer.cursors();
            for part in records.chunks(if in_batches { batch } else { 1 }) {
                let first = writer.end_sequence();
                if !in_batches {
                    match part[0] {
                        (time, true) => writer.append_void(time).unwrap(),
                        (time, false) => writer.append(time, &tick(first)).unwrap(),
                    };
                    continue;
                }
                let mut appends = writer.batch();
                for (n, (time, void)) in (first..).zip(part) {
                    prop_assert_eq!(appends.end_sequence(), n);
                    let event = (!void).then(|| tick(n));
                    if *void || !appends.put(*time, &tick(n)) {
                        while let Err(error) = appends.append_seldom(*time, event.as_ref()) {
                            let full = matches!(error, AppendError::Full { sequence, .. } if sequence == n);
                            prop_assert!(full, "{}", error);
                            std::thread::yield_now();
                        }
                    }
                    if n % publish == 0 {
                        appends.publish();
                        prop_assert_eq!(cursors.journalled_end(), n + 1);
                    }
                }
                drop(appends);
                prop_assert_eq!(cursors.journalled_end(), first + part.len() as u64);
                prop_assert_eq!(writer.end_sequence(), cursors.journalled_end());
            }
            ends.push((writer.end_sequence(), writer.last_time_ns(), writer.regressions()));
            writer.close().unwrap();
        }
        prop_assert_eq!(ends[0], ends[1]);
        let all = |folder: &tempfile::TempDir| {
            let mut reader = Journal::at(folder.path()).reader::<Tick>().unwrap();
            let mut seen = Vec::new();
            let mut chunks = reader.chunks(0).unwrap();
            while let Some(chunk) = chunks.next_chunk().unwrap() {
                seen.extend(chunk.records.iter().map(|record| (record.time_ns(), record.kind(), *record.event())));
            }
            seen
        };
        let (single, batched) = (all(&folders[0]), all(&folders[1]));
        prop_assert_eq!(single.len(), records.len());
        prop_assert_eq!(single, batched);
    }
}

#[test]
fn a_batch_that_is_forgotten_costs_only_its_own_records() {
    let folder = in_memory();
    let journal = Journal::at(folder.path()).sync(SyncMode::None);
    let (mut writer, _) = journal.open::<Tick>().unwrap();
    // The first two look at the clock.
    (0..2).for_each(|n| assert_eq!(writer.append(n, &tick(n)).unwrap(), n));
    let mut appends = writer.batch();
    // Without the processor's instruction there are no batches: each record is appended by itself.
    let by_itself = cfg!(not(any(target_arch = "x86_64", target_arch = "aarch64")));
    assert!(appends.put(2, &tick(10)) || by_itself);
    std::mem::forget(appends);
    assert_eq!(writer.end_sequence(), 2);
    assert_eq!(writer.append(3, &tick(2)).unwrap(), 2);
    writer.close().unwrap();
    let mut reader = journal.reader::<Tick>().unwrap();
    assert_eq!(reader.end_sequence(), 3);
    assert_eq!(*reader.chunks(2).unwrap().next_chunk().unwrap().unwrap().records[0].event(), tick(2));
}
