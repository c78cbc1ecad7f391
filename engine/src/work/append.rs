//! The journal's writer at work: slots in rows are appended, one record after the other.

use std::sync::atomic::{Ordering, compiler_fence};

use slipring_journal::__private::AppendBatch;
use slipring_journal::__private::storage::Files;
use slipring_journal::{AppendError, Event, Stall, Writer};

use super::stage::Wiring;
use super::stage_cursor::StageCursor;
use crate::lines::format::JournalLine;
use crate::lines::told::Told;
use crate::ring::{Slot, SlotRow};

/// A writer, with what goes on around each row of events.
pub(crate) struct Appender<E: Event> {
    pub(super) writer: Writer<E>,
    told: Told<JournalLine>,
}

impl<E: Event> Appender<E> {
    pub(super) fn new(mut writer: Writer<E>, told: Told<JournalLine>) -> Self {
        // The publishers have looked at them: what a publish accepted is never refused here.
        writer.trust_times();
        Appender { writer, told }
    }

    /// How many events from `next` on it takes now, unless it fails: of those that it has already, none.
    #[inline(always)]
    pub(super) fn room(&self, next: u64) -> u64 {
        if next == self.writer.end_sequence() { self.writer.room() } else { 0 }
    }

    /// Appends the events of a row for a handler right behind it, and moves the journal's cursor; the
    /// sequence behind the last that it took. What keeps it from taking more is left for the journal's own
    /// next turn to find.
    #[inline(always)]
    pub(super) fn append_ahead(&mut self, row: SlotRow<'_, E>, cursor: &StageCursor) -> u64 {
        let _ = self.append(row);
        let end = self.writer.end_sequence();
        cursor.reach(end);
        // The sync must not wait for the handler.
        self.writer.end_batch();
        // Release, of the compiler alone: the records' stores come before those of a handler, and of the note
        // that an effect was emitted. The partner is the next life: the process dies between two instructions
        // of this thread, and what comes before them is in the map.
        compiler_fence(Ordering::Release);
        end
    }

    /// Appends the events of a row, as far as it can.
    #[inline(always)]
    pub(super) fn append(&mut self, row: SlotRow<'_, E>) -> Result<(), AppendError> {
        append_row(&mut self.writer, row)
    }

    /// Releases in the ring all that was appended ahead of a handler.
    #[inline(always)]
    pub(super) fn settle(&mut self, wiring: &mut Wiring<E>) {
        let count = self.writer.end_sequence() - wiring.poller.next();
        // All of them are published, and were seen on this thread: none is left.
        let skipped = if count == 0 { 0 } else { wiring.poller.skip(count) };
        debug_assert_eq!(skipped, count);
        self.tell(skipped, wiring);
    }

    /// Says that so many more events are in the journal, and released in the ring.
    #[inline(always)]
    pub(super) fn tell(&mut self, count: u64, wiring: &mut Wiring<E>) {
        if count == 0 {
            return;
        }
        let (end, regressions) = (self.writer.end_sequence(), self.writer.regressions());
        self.told.each(|line| {
            // Relaxed: figures.
            line.journalled_end.store(end, Ordering::Relaxed);
            line.regressions.store(regressions, Ordering::Relaxed);
        });
        let time_ns = self.writer.last_time_ns().unwrap_or(0);
        wiring.cursor.end_batch(count, wiring.poller.next(), time_ns);
        self.writer.end_batch();
    }

    /// The journal waits for room; counted once a wait, off the hot path, by the one lane that runs the
    /// journal.
    #[cold]
    pub(super) fn count_stall(&self, why: Stall) {
        self.told.each(|line| {
            let counter = match why {
                Stall::Segment => &line.segment_stalls,
                Stall::Window => &line.window_stalls,
                Stall::DiskFull => &line.disk_full_stalls,
            };
            // Relaxed: a figure.
            counter.fetch_add(1, Ordering::Relaxed);
        });
    }
}

/// Appends the slots of a row, as far as it can.
///
/// A function, and never part of its caller, for the same reason as `hand_over_plain`.
#[inline(never)]
fn append_row<E: Event>(writer: &mut Writer<E>, row: SlotRow<'_, E>) -> Result<(), AppendError> {
    let mut batch = writer.batch();
    // Position is identity: the ring's sequence and the journal's are one, or the engine is wrong.
    debug_assert_eq!(batch.end_sequence(), row.at);
    let mut left = row.slots;
    loop {
        left = batch.put_all(left, |slot: &Slot<E>, at| {
            row.fetch_ahead(slot, at);
            (!slot.void).then_some((slot.time_ns, &slot.event))
        });
        // None, or one that something has to be looked at for.
        let Some((slot, rest)) = left.split_first() else { return Ok(()) };
        append_one(&mut batch, slot)?;
        left = rest;
    }
}

/// Appends a slot, whatever is odd about it.
#[inline(always)]
fn append_one<E: Event>(batch: &mut AppendBatch<'_, E, Files>, slot: &Slot<E>) -> Result<(), AppendError> {
    // Of several publishers it is nothing odd that a time is before the last one's.
    if !slot.void && batch.put(slot.time_ns, &slot.event) {
        return Ok(());
    }
    batch.append_seldom(slot.time_ns, (!slot.void).then_some(&slot.event))
}
