//! Many appends in a row, as the engine's journal stage makes them, with what an append changes kept in
//! registers.
//!
//! A record is eight words and more to store. Whatever else an append stores (the next sequence, the next
//! slot, the last time, the journalled cursor) takes places in the processor's store queue from the records
//! behind it: one by one these were a third of all stores. And of two records at hand the checksums can be
//! computed side by side, which is most of the work: see `row::store`.

use super::row::Row;
use super::writer::Writer;
use crate::error::AppendError;
use crate::event::Event;
use crate::storage::Storage;

/// Appends to a writer that is borrowed for so long. Nobody is told of a record before
/// [`AppendBatch::publish`], or the drop, which does the same. It must not be forgotten before the writer is
/// closed: its records would lie behind the end.
#[derive(Debug)]
pub struct AppendBatch<'a, E: Event, S: Storage> {
    writer: &'a mut Writer<E, S>,
    row: Row<E>,
    limit: u64,
    time_limit_ns: u64,
}

impl<'a, E: Event, S: Storage> AppendBatch<'a, E, S> {
    #[inline]
    pub(crate) fn new(writer: &'a mut Writer<E, S>) -> Self {
        let mut batch = AppendBatch { row: writer.row, limit: 0, time_limit_ns: 0, writer };
        batch.load();
        batch
    }

    /// As [`Writer::try_append`], if nothing has to be looked at first; whether it was appended. If not,
    /// [`AppendBatch::append_seldom`] looks.
    #[inline(always)]
    pub fn put(&mut self, time_ns: u64, event: &E) -> bool {
        let row = &mut self.row;
        if row.next >= self.limit || time_ns > self.time_limit_ns {
            return false;
        }
        let time_ns = if time_ns < row.last_time_ns {
            regress(self.writer);
            row.last_time_ns
        } else {
            time_ns
        };
        // SAFETY: `slot`, `next` and `limit` are the writer's: its `make_room` found the slot of `next` in
        // the active segment and set `limit` no further than its end; `next` is below it. The writer keeps
        // the segment mapped, and is borrowed, so that nobody else appends. Without the instruction `limit`
        // is 0.
        unsafe { row.store([(time_ns, event)]) };
        true
    }

    /// As [`AppendBatch::put`], in a row, as long as nothing has to be looked at first. `event` gives the
    /// time and the event of what lies in `from`, if it is one, and is told its sequence. What was not
    /// appended, if anything, begins with an odd one, or there was no room. `event` must not panic: what was
    /// stored before would lie behind the end at which the writer closes.
    ///
    /// Two at a time, and with the odd cases outside, so that what changes from record to record stays in
    /// registers.
    #[inline(always)]
    pub fn put_all<'e, T>(
        &mut self,
        from: &'e [T],
        event: impl Fn(&'e T, u64) -> Option<(u64, &'e E)>,
    ) -> &'e [T] {
        let latest_ns = self.time_limit_ns;
        let plain = |it, sequence, least_ns| {
            event(it, sequence).filter(|(time_ns, _)| (least_ns..=latest_ns).contains(time_ns))
        };
        let mut row = self.row;
        let room = self.limit.saturating_sub(row.next).min(from.len() as u64) as usize;
        let (pairs, rest) = from[..room].as_chunks::<2>();
        // What comes alone: behind the last pair, or before one that is odd.
        let mut single = rest.first();
        for [first, second] in pairs {
            let both = plain(first, row.next, row.last_time_ns)
                .and_then(|one| Some((one, plain(second, row.next + 1, one.0)?)));
            let Some((one, other)) = both else {
                single = Some(first);
                break;
            };
            // SAFETY: as in `put`, of two: they are of so many as there is room for below `limit`.
            unsafe { row.store([one, other]) };
        }
        if let Some(single) = single.and_then(|single| plain(single, row.next, row.last_time_ns)) {
            // SAFETY: as in `put`: it is one of so many as there is room for below `limit`.
            unsafe { row.store([single]) };
        }
        let done = (row.next - self.row.next) as usize;
        self.row = row;
        &from[done..]
    }

    /// As [`Writer::try_append`], or with no event as [`Writer::try_append_void`].
    ///
    /// # Errors
    /// As theirs.
    #[inline(always)]
    pub fn append_seldom(&mut self, time_ns: u64, event: Option<&E>) -> Result<(), AppendError> {
        self.publish();
        let appended = append(self.writer, time_ns, event);
        self.load();
        appended
    }

    /// The sequence that the next record gets.
    #[inline(always)]
    pub fn end_sequence(&self) -> u64 {
        self.row.next
    }

    /// Moves the journalled cursor behind the last record.
    #[inline(always)]
    pub fn publish(&mut self) {
        let (writer, row) = (&mut *self.writer, &self.row);
        if writer.row.next == row.next {
            return;
        }
        writer.row.slot = row.slot;
        writer.row.next = row.next;
        writer.row.last_time_ns = row.last_time_ns;
        writer.progress.set_journalled_end(row.next);
        if writer.progress.has_failed() {
            self.limit = 0;
        }
    }

    /// As [`AppendBatch::publish`], and [`Writer::end_batch`].
    #[inline(always)]
    pub fn end(&mut self) {
        self.publish();
        self.writer.end_batch();
    }

    /// Takes over what the writer knows.
    #[inline(always)]
    fn load(&mut self) {
        let writer = &*self.writer;
        self.row.slot = writer.row.slot;
        self.row.next = writer.row.next;
        self.row.last_time_ns = writer.row.last_time_ns;
        self.time_limit_ns = writer.times.limit_ns;
        // After a failure of the journal nothing more is put, and the writer says why. Nor without the
        // checksum's instruction: its calls would be in the way of the loop that has it, and beside them the
        // writer's one is little.
        let puts = self.row.crc.hardware() && !writer.progress.has_failed();
        self.limit = if puts { writer.limit } else { 0 };
    }
}

// What is cold is given the writer, never the batch: a reference to the batch would keep all of it in memory.

/// Counts a time before the last one's.
#[cold]
fn regress<E: Event, S: Storage>(writer: &mut Writer<E, S>) {
    writer.times.regressions += 1;
}

#[cold]
#[inline(never)]
fn append<E: Event, S: Storage>(
    writer: &mut Writer<E, S>,
    time_ns: u64,
    event: Option<&E>,
) -> Result<(), AppendError> {
    match event {
        Some(event) => writer.try_append(time_ns, event).map(drop),
        None => writer.try_append_void(time_ns).map(drop),
    }
}

impl<E: Event, S: Storage> Drop for AppendBatch<'_, E, S> {
    #[inline]
    fn drop(&mut self) {
        self.publish();
    }
}

#[cfg(test)]
mod tests {
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
}
