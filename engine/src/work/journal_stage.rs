//! The journal as a stage: it appends what is published, and skips what replay took from it.

use std::any::Any;
use std::sync::atomic::{Ordering, compiler_fence};

use slipring_journal::__private::AppendBatch;
use slipring_journal::__private::storage::Files;
use slipring_journal::{AppendError, Cursors, Event, Stall, Writer};

use super::stage::{Ahead, RunStage, STRIDE, Turn, Wiring};
use crate::cursors::cursor::Cursor;
use crate::error::{Cause, Halted};
use crate::lines::format::JournalLine;
use crate::lines::told::Told;
use crate::names::JOURNAL;
use crate::ring::{Row, Slot};

pub(crate) struct JournalStage<E: Event> {
    writer: Writer<E>,
    cursors: Cursors,
    told: Told<JournalLine>,
    wiring: Wiring<E>,
    /// The last turn stopped for want of room in the journal: no cursor tells when there is some.
    no_room: bool,
    /// The sequence at which it last stopped so.
    stalled_at: Option<u64>,
}

impl<E: Event> JournalStage<E> {
    pub(crate) fn new(mut writer: Writer<E>, told: Told<JournalLine>, wiring: Wiring<E>) -> Self {
        // The publishers have looked at them: what a publish accepted is never refused here.
        writer.trust_times();
        let cursors = writer.cursors();
        JournalStage { writer, cursors, told, wiring, no_room: false, stalled_at: None }
    }

    /// Appends what is published, as far as it can.
    #[inline]
    fn append(&mut self) -> Result<(), AppendError> {
        let Wiring { poller, cursor, batch_cap, .. } = &mut self.wiring;
        let Some(chunk) = poller.take(*batch_cap) else { return Ok(()) };
        let (mut at, mut appended) = (chunk.first(), Ok(()));
        while at < chunk.end() && appended.is_ok() {
            appended = append_row(&mut self.writer, chunk.row(at, STRIDE));
            at = self.writer.end_sequence();
            if at < chunk.end() {
                cursor.reach(at);
            }
        }
        let first = chunk.first();
        chunk.commit(at);
        poller.release();
        self.tell(at - first);
        appended
    }

    /// Passes what is in the journal: replay took it from there.
    #[cold]
    fn skip(&mut self, count: u64) {
        let skipped = self.wiring.poller.skip(count.min(self.wiring.batch_cap));
        self.tell(skipped);
    }

    /// Says that so many more events are in the journal.
    #[inline(always)]
    fn tell(&mut self, count: u64) {
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
        self.wiring.cursor.end_batch(count, self.wiring.poller.next(), time_ns);
        self.writer.end_batch();
    }
}

impl<E: Event> RunStage<E> for JournalStage<E> {
    fn turn(&mut self) -> Turn {
        let (start, held_end) = (self.wiring.poller.next(), self.writer.end_sequence());
        let appended = if start < held_end {
            self.skip(held_end - start);
            Ok(())
        } else {
            self.append()
        };
        let at = self.wiring.poller.next();
        let (mut failure, no_room) = match appended {
            // No room just now. The lane goes on with its other stages and comes back.
            Err(AppendError::Full { why, .. }) => (None, Some(why)),
            appended => (appended.err(), None),
        };
        self.no_room = no_room.is_some();
        if let Some(why) = no_room
            && self.stalled_at != Some(at)
        {
            self.stalled_at = Some(at);
            count_stall(&self.told, why);
        }
        if failure.is_none() && at == start {
            // A sync that fails while nothing is published must not go unnoticed. Want of room the next
            // append finds, and notes that it was refused: whoever closes is told.
            failure = self.cursors.closing_failure().map(AppendError::Failed);
        }
        let status = &self.wiring.status;
        match failure {
            Some(error) => {
                let cause = Cause::Journal(error);
                status.halt(Halted { stage: JOURNAL.to_owned(), sequence: at, cause });
                Turn::Failed
            }
            None if at > start => Turn::Worked(at - start),
            None if status.final_end() <= at => Turn::Ended,
            None => Turn::Idle,
        }
    }

    fn as_ahead(&mut self) -> Option<&mut dyn Ahead<E>> {
        Some(self)
    }

    fn index(&self) -> usize {
        self.wiring.index
    }

    fn parks_at(&self) -> Option<&Cursor> {
        (!self.no_room && !self.wiring.poller.fetch_news()).then_some(&self.wiring.published)
    }

    fn is_unsure(&self) -> bool {
        self.wiring.poller.is_unsure()
    }

    fn done(&self) -> u64 {
        self.wiring.poller.next()
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any + Send> {
        Box::new(self.writer)
    }
}

impl<E: Event> Ahead<E> for JournalStage<E> {
    fn done(&self) -> u64 {
        self.wiring.poller.next()
    }

    fn room(&self) -> u64 {
        // What is in the journal already is passed in a turn of its own.
        if self.wiring.poller.next() == self.writer.end_sequence() { self.writer.room() } else { 0 }
    }

    fn take(&mut self, row: Row<'_, E>) -> u64 {
        // What keeps it from appending more is left for its own next turn to find.
        let _ = append_row(&mut self.writer, row);
        let end = self.writer.end_sequence();
        self.wiring.cursor.reach(end);
        // A handler comes behind it: the sync must not wait for that.
        self.writer.end_batch();
        // Release, of the compiler alone: the records' stores come before those of a handler, and of the note
        // that an effect was emitted. The partner is the next life: the process dies between two instructions
        // of this thread, and what comes before them is in the map.
        compiler_fence(Ordering::Release);
        end
    }

    fn settle(&mut self) {
        let count = self.writer.end_sequence() - self.wiring.poller.next();
        if count == 0 {
            return;
        }
        // All of them are published, and were seen on this thread: none is left.
        let skipped = self.wiring.poller.skip(count);
        debug_assert_eq!(skipped, count);
        self.tell(skipped);
    }
}

/// Appends the slots of a row, as far as it can.
///
/// A function, and never part of its caller, for the same reason as `hand_over_plain`.
#[inline(never)]
fn append_row<E: Event>(writer: &mut Writer<E>, row: Row<'_, E>) -> Result<(), AppendError> {
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

/// The journal waits for room; counted once a wait, off the hot path, by the one lane that runs the journal.
#[cold]
fn count_stall(told: &Told<JournalLine>, why: Stall) {
    told.each(|line| {
        let counter = match why {
            Stall::Segment => &line.segment_stalls,
            Stall::Window => &line.window_stalls,
            Stall::DiskFull => &line.disk_full_stalls,
        };
        // Relaxed: a figure.
        counter.fetch_add(1, Ordering::Relaxed);
    });
}
