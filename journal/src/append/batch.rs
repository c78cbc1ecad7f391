//! The append path: records stored word by word into a mapped segment. The writer appends by it one by one,
//! and the engine's journal stage many in a row, with what an append changes kept in registers.
//!
//! A record is eight words and more to store. Whatever else an append stores (the next sequence, the next
//! slot, the last time, the journalled cursor) takes places in the processor's store queue from the records
//! behind it. And of two records at hand the checksums can be computed side by side, which is most of the
//! work: see [`store`].

use std::marker::PhantomData;
use std::sync::atomic::{AtomicU64, Ordering, compiler_fence};

use super::writer::Writer;
use crate::error::AppendError;
use crate::event::Event;
use crate::event::record::Record;
use crate::format::crc::{RecordCrc, last_word};
use crate::format::{JournalId, Kind, epoch_kind};
use crate::live::slot::NextSlot;
use crate::storage::Storage;
use crate::tools::prefetch;

/// Appends to a writer that is borrowed for so long. Nobody is told of a record before
/// [`AppendBatch::publish`], or the drop, which does the same. It must not be forgotten before the writer is
/// closed: its records would lie behind the end.
#[derive(Debug)]
pub struct AppendBatch<'a, E: Event, S: Storage> {
    writer: &'a mut Writer<E, S>,
    row: AppendRow<E>,
    time_limit_ns: u64,
}

impl<'a, E: Event, S: Storage> AppendBatch<'a, E, S> {
    #[inline]
    pub(crate) fn new(writer: &'a mut Writer<E, S>) -> Self {
        let mut batch = AppendBatch { row: writer.row, time_limit_ns: 0, writer };
        batch.load();
        batch
    }

    /// As [`Writer::try_append`], if nothing has to be looked at first; whether it was appended. If not,
    /// [`AppendBatch::append_seldom`] looks.
    #[inline(always)]
    pub fn put(&mut self, time_ns: u64, event: &E) -> bool {
        let row = &mut self.row;
        if row.next >= row.limit || time_ns > self.time_limit_ns {
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
        let room = row.limit.saturating_sub(row.next).min(from.len() as u64) as usize;
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
            self.row.limit = 0;
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
        self.row.limit = if puts { writer.row.limit } else { 0 };
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

/// What a row of appends needs and changes. A batch copies it out of itself for so long: what a reference
/// leads to is not kept in registers.
#[derive(Debug)]
pub(crate) struct AppendRow<E> {
    /// The slot of `next`, whenever `next` is below `limit`.
    pub(super) slot: NextSlot,
    /// The sequence of the next record.
    pub(super) next: u64,
    /// Sequences below it have a slot and lie inside the window.
    pub(super) limit: u64,
    pub(super) last_time_ns: u64,
    /// Of an event.
    epoch_kind: u32,
    /// Of a record, where the event's type does not say it.
    record_bytes: u32,
    pub(super) crc: RecordCrc,
    events: PhantomData<fn(&E)>,
}

impl<E> Clone for AppendRow<E> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<E> Copy for AppendRow<E> {}

impl<E: Event> AppendRow<E> {
    /// Behind the record before `next`, of that time. There is no slot yet.
    pub(crate) fn new(
        journal_id: JournalId,
        epoch: u32,
        next: u64,
        last_time_ns: u64,
        record_bytes: usize,
    ) -> Self {
        AppendRow {
            slot: NextSlot::NONE,
            next,
            limit: 0,
            last_time_ns,
            epoch_kind: epoch_kind(epoch, Kind::Event),
            record_bytes: record_bytes as u32,
            crc: RecordCrc::new(journal_id.0),
            events: PhantomData,
        }
    }

    /// Stores events, each with its time, and moves on behind them.
    ///
    /// # Safety
    /// As [`AppendRow::store_as`]; and the processor has the checksum's instruction.
    #[inline(always)]
    pub(super) unsafe fn store<const N: usize>(&mut self, events: [(u64, &E); N]) {
        let times_ns = events.map(|(time_ns, _)| time_ns);
        let bytes = events.map(|(_, event)| bytemuck::bytes_of(event));
        // SAFETY: by the contract, which is the same.
        unsafe { self.store_as::<true, N>(self.epoch_kind, times_ns, bytes) };
    }

    /// As [`AppendRow::store`], of whatever kind. `HARDWARE` must be what [`RecordCrc::hardware`] says.
    ///
    /// # Safety
    /// The slots of `next` and of the others lie in one segment, in a row from `slot` on, and it is mapped
    /// and nobody else's to append to.
    #[inline(always)]
    pub(super) unsafe fn store_as<const HARDWARE: bool, const N: usize>(
        &mut self,
        epoch_kind: u32,
        times_ns: [u64; N],
        events: [&[u8]; N],
    ) {
        let words = if E::IS_UNTYPED { self.record_bytes as usize } else { Record::<E>::BYTES } / 8;
        // SAFETY: by the contract the slots are there, each of so many words.
        let slots = unsafe { self.slot.take(N * words) };
        let slots = std::array::from_fn(|n| &slots[n * words..(n + 1) * words]);
        store::<HARDWARE, N>(slots, &self.crc, self.next, times_ns, epoch_kind, events);
        self.next += N as u64;
        self.last_time_ns = times_ns[N - 1];
    }
}

/// How many words ahead of a record the lines of the mapping are asked for: 64 records of 64 bytes. To be
/// read, which is enough: nobody else has them (see `docs/decisions/009-lines-asked-ahead.md`).
const AHEAD_WORDS: usize = 512;
const WORDS_OF_A_LINE: usize = 8;

/// Writes records that follow each other into their slots. Each counts once its second word is stored: until
/// then its epoch is 0, or its checksum that of another record. Of those behind the first nothing is stored
/// before: the death of the process leaves one slot in part at most.
///
/// The checksums are computed side by side: each word of a checksum waits three cycles for the word before,
/// and meanwhile the processor takes in another record's.
#[inline(always)]
fn store<const HARDWARE: bool, const N: usize>(
    slots: [&[AtomicU64]; N],
    crc: &RecordCrc,
    first_sequence: u64,
    times_ns: [u64; N],
    epoch_kind: u32,
    events: [&[u8]; N],
) {
    // Each record asks for as many lines as it has, and so all are asked for but a segment's first. Of a
    // record that is longer than that the processor itself asks for what comes.
    for slot in slots {
        for line in (0..slot.len().min(AHEAD_WORDS)).step_by(WORDS_OF_A_LINE) {
            prefetch::to_read(slot.as_ptr().wrapping_add(AHEAD_WORDS + line));
        }
    }
    let mut sums = crc.begin::<HARDWARE, N>(first_sequence, times_ns, [epoch_kind; N]);
    let words = slots[0].len() - 2;
    // Relaxed, as all but the commit word, which orders these.
    slots[0][0].store(times_ns[0], Ordering::Relaxed);
    for at in 0..words {
        let word = word_of(events[0], at);
        sums[0].word(word);
        slots[0][2 + at].store(word, Ordering::Relaxed);
        (1..N).for_each(|n| sums[n].word(word_of(events[n], at)));
    }
    for n in 0..N {
        if n > 0 {
            slots[n][0].store(times_ns[n], Ordering::Relaxed);
            for at in 0..words {
                slots[n][2 + at].store(word_of(events[n], at), Ordering::Relaxed);
            }
        }
        let commit = u64::from(epoch_kind) | u64::from(sums[n].finish()) << 32;
        // Release R: whoever reads this word with acquire in this process sees the whole record. After the
        // death of the process the checksum says the same of the bytes.
        slots[n][1].store(commit, Ordering::Release);
        // Of the compiler alone: the next record's stores stay behind it. The partner is whoever finds the
        // journal after the death of the process.
        compiler_fence(Ordering::SeqCst);
    }
}

/// The word `at` of an event that zeros fill up.
#[inline(always)]
fn word_of(event: &[u8], at: usize) -> u64 {
    let (words, rest) = event.as_chunks::<8>();
    if at < words.len() {
        u64::from_le_bytes(words[at])
    } else if at == words.len() && !rest.is_empty() {
        last_word(rest)
    } else {
        0
    }
}

#[cfg(test)]
mod tests;
