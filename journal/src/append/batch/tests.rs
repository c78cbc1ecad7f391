use std::sync::Arc;
use std::sync::mpsc::{TryRecvError, channel};
use std::time::{Duration, Instant};

use crate::format::Kind;
use crate::storage::Memory;
use crate::{Event, Journal, Reader, SyncMode};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Event)]
#[repr(C)]
struct Tick {
    id: u64,
}

/// Appends ten in a batch, of which `put` takes those it may; how many that were.
fn append_ten(has_instruction: bool) -> usize {
    let memory = Memory::new([1; 16]);
    let (mut writer, _) = Journal::at("memory").open_on::<Tick, _>(&memory, false).unwrap();
    if !has_instruction {
        writer.row.crc = writer.row.crc.without_instruction();
    }
    let mut batch = writer.batch();
    let put = (0..10).filter(|id| {
        let put = batch.put(*id, &Tick { id: *id });
        if !put {
            batch.append_seldom(*id, Some(&Tick { id: *id })).unwrap();
        }
        put
    });
    let put = put.count();
    assert_eq!(batch.end_sequence(), 10);
    drop(batch);
    assert_eq!(writer.cursors().journalled_end(), 10);
    writer.close().unwrap();
    let mut reader = Reader::<Tick, _>::open_to(memory, None).unwrap();
    let mut chunks = reader.chunks(0).unwrap();
    let chunk = chunks.next_chunk().unwrap().expect("ten records");
    assert!(chunk.records.iter().map(|record| record.event().id).eq(0..10));
    put
}

#[test]
fn without_the_instruction_every_append_takes_the_other_way() {
    assert_eq!(append_ten(false), 0);
    // The first makes room, the second looks how far ahead its time may be.
    let with = if crate::format::crc::RecordCrc::new([0; 16]).hardware() { 8 } else { 0 };
    assert_eq!(append_ten(true), with);
}

/// What lies in the journal: of each record its time and its event, if it has one.
type Held = Vec<(u64, Option<u64>)>;

fn held(memory: Memory) -> Held {
    let mut reader = Reader::<Tick, _>::open_to(memory, None).unwrap();
    let (mut held, mut chunks) = (Held::new(), reader.chunks(0).unwrap());
    while let Some(chunk) = chunks.next_chunk().unwrap() {
        held.extend(chunk.records.iter().map(|record| {
            (record.time_ns(), matches!(record.kind(), Kind::Event).then(|| record.event().id))
        }));
    }
    held
}

/// Appends in rows that end where `ends` says, odd ones by the way for them; how many by that way.
fn append_in_rows(memory: &Memory, records: &Held, ends: &[u64]) -> usize {
    let journal = Journal::at("memory").segment_records(64).max_time_step(Duration::from_secs(1 << 40));
    let (mut writer, _) = journal.open_on::<Tick, _>(memory, true).unwrap();
    let slots: Vec<(u64, Option<Tick>)> =
        records.iter().map(|(time_ns, id)| (*time_ns, id.map(|id| Tick { id }))).collect();
    let (mut from, mut seldom) = (&slots[..], 0);
    let mut ends = ends.iter().cycle();
    while !from.is_empty() {
        let mut batch = writer.batch();
        let count = (*ends.next().unwrap() as usize).min(from.len());
        let (mut row, rest) = from.split_at(count);
        from = rest;
        while !row.is_empty() {
            let before = batch.end_sequence();
            row = batch.put_all(row, |(time_ns, event), sequence| {
                assert!((before..slots.len() as u64).contains(&sequence));
                event.as_ref().map(|event| (*time_ns, event))
            });
            let Some(((time_ns, event), rest)) = row.split_first() else { break };
            while let Err(error) = batch.append_seldom(*time_ns, event.as_ref()) {
                assert!(matches!(error, crate::AppendError::Full { .. }), "{error}");
                std::thread::yield_now();
            }
            (row, seldom) = (rest, seldom + 1);
        }
    }
    writer.close().unwrap();
    seldom
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]

    /// Times that fall back, void records, ends of segments, of the window and of a row, wherever they
    /// come: the journal holds what appending one by one would have put there.
    #[test]
    fn rows_hold_what_single_appends_would(
        steps in proptest::collection::vec((-3i64..10, 0u8..20), 1..400),
        ends in proptest::collection::vec(1u64..70, 1..8),
    ) {
        let mut time_ns = 1_000;
        let records: Held = (0..).zip(&steps).map(|(id, (step, void))| {
            time_ns += step;
            (time_ns as u64, (*void > 0).then_some(id))
        }).collect();
        let memory = Memory::new([1; 16]);
        let seldom = append_in_rows(&memory, &records, &ends);
        let mut last_ns = 0;
        let wanted: Held = records.iter().map(|(time_ns, event)| {
            last_ns = last_ns.max(*time_ns);
            (last_ns, *event)
        }).collect();
        proptest::prop_assert_eq!(held(memory), wanted);
        proptest::prop_assert!(seldom > 0);
    }
}

/// Three words and a half: the last is filled up with zeros, in both records of a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Event)]
#[repr(C)]
struct Odd {
    parts: [u32; 7],
}

#[test]
fn events_that_end_within_a_word_are_whole_in_pairs_too() {
    let memory = Memory::new([1; 16]);
    let (mut writer, _) = Journal::at("memory").open_on::<Odd, _>(&memory, false).unwrap();
    let events: Vec<Odd> = (0..9).map(|id| Odd { parts: [id, 1, 2, 3, 4, 5, u32::MAX - id] }).collect();
    let (mut from, mut batch) = (&events[..], writer.batch());
    while let Some((event, rest)) = from.split_first() {
        let appended = batch.put_all(from, |event, sequence| Some((sequence, event)));
        if appended.len() == from.len() {
            batch.append_seldom(batch.end_sequence(), Some(event)).unwrap();
            from = rest;
        } else {
            from = appended;
        }
    }
    drop(batch);
    writer.close().unwrap();
    let mut reader = Reader::<Odd, _>::open_to(memory, None).unwrap();
    let mut chunks = reader.chunks(0).unwrap();
    let chunk = chunks.next_chunk().unwrap().expect("nine records, each validated");
    assert!(chunk.records.iter().map(|record| record.event()).eq(&events));
}

#[test]
fn the_end_of_a_batch_wakes_a_syncer_that_is_to_follow_each() {
    let memory = Memory::new([1; 16]);
    let journal = Journal::at("memory").sync(SyncMode::EveryBatch);
    let (mut writer, _) = journal.open_on::<Tick, _>(&memory, false).unwrap();
    let (progress, (woken, is_woken)) = (Arc::clone(&writer.progress), channel());
    std::thread::spawn(move || {
        progress.set_syncer(std::thread::current());
        progress.syncer_sleep(Duration::from_secs(3600), || false);
        woken.send(()).unwrap();
    });
    let (mut batch, since) = (writer.batch(), Instant::now());
    // Again and again: it may not sleep yet.
    while is_woken.try_recv() == Err(TryRecvError::Empty) {
        assert!(since.elapsed() < Duration::from_secs(60), "it sleeps on");
        batch.end();
        std::thread::yield_now();
    }
}
