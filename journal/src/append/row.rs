//! The one append path: a row of records that follow each other, stored word by word into a mapped segment.
//! The writer appends by it one by one, and a batch many at a time.

use std::marker::PhantomData;
use std::sync::atomic::{AtomicU64, Ordering, compiler_fence};

use crate::event::Event;
use crate::event::record::Record;
use crate::format::crc::{RecordCrc, last_word};
use crate::format::{JournalId, Kind, epoch_kind};
use crate::live::slot::NextSlot;
use crate::tools::prefetch;

/// What a row of appends needs and changes. A batch copies it out of itself for so long: what a reference
/// leads to is not kept in registers.
#[derive(Debug)]
pub(crate) struct Row<E> {
    /// The slot of `next`, whenever `next` is below the writer's `limit`.
    pub(super) slot: NextSlot,
    /// The sequence of the next record.
    pub(super) next: u64,
    pub(super) last_time_ns: u64,
    /// Of an event.
    epoch_kind: u32,
    /// Of a record, where the event's type does not say it.
    record_bytes: u32,
    pub(super) crc: RecordCrc,
    events: PhantomData<fn(&E)>,
}

impl<E> Clone for Row<E> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<E> Copy for Row<E> {}

impl<E: Event> Row<E> {
    /// Behind the record before `next`, of that time. There is no slot yet.
    pub(crate) fn new(
        journal_id: JournalId,
        epoch: u32,
        next: u64,
        last_time_ns: u64,
        record_bytes: usize,
    ) -> Self {
        Row {
            slot: NextSlot::NONE,
            next,
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
    /// As [`Row::store_as`]; and the processor has the checksum's instruction.
    #[inline(always)]
    pub(super) unsafe fn store<const N: usize>(&mut self, events: [(u64, &E); N]) {
        let times_ns = events.map(|(time_ns, _)| time_ns);
        let bytes = events.map(|(_, event)| bytemuck::bytes_of(event));
        // SAFETY: by the contract, which is the same.
        unsafe { self.store_as::<true, N>(self.epoch_kind, times_ns, bytes) };
    }

    /// As [`Row::store`], of whatever kind. `HARDWARE` must be what [`RecordCrc::hardware`] says.
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
/// read, which is enough: nobody else has them. Asked for to be written they took longer, 32 ahead (see
/// `docs/decisions/009-lines-asked-ahead.md`).
const AHEAD_WORDS: usize = 512;
const WORDS_OF_A_LINE: usize = 8;

/// Writes records that follow each other into their slots. Each counts once its second word is stored: until
/// then its epoch is 0, or its checksum that of another record. Of those behind the first nothing is stored
/// before: the death of the process leaves one slot in part at most.
///
/// The checksums are computed side by side: each word of a checksum waits three cycles for the word before,
/// and meanwhile the processor takes in another record's. Two at a time are quicker than one; three and four
/// are not.
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
