//! The journal as a stage: it appends what is published, and skips what replay took from it.

use std::any::Any;
use std::ops::Range;
use std::sync::atomic::{Ordering, compiler_fence};

use slipring_journal::__private::AppendBatch;
use slipring_journal::__private::storage::Files;
use slipring_journal::{AppendError, Cursors, Event, Stall, Writer};

use super::stage::{RunStage, Turn, Wiring};
use crate::cursors::cursor::Cursor;
use crate::cursors::park::Parking;
use crate::error::{Cause, Halted};
use crate::lines::format::JournalLine;
use crate::lines::told::Told;
use crate::names::JOURNAL;
use crate::ring::{Poller, Row, Slot, Visit, Visitor};

/// Events appended before a stage on the same lane sees them: so few that their slots are still in the
/// nearest cache, and enough that a turn's own cost does not count.
const FUSED_STEP: u64 = 64;

pub(crate) struct JournalStage<E: Event> {
    writer: Writer<E>,
    cursors: Cursors,
    wiring: Option<Wiring<E>>,
    done: u64,
    /// The last turn stopped for want of room in the journal: no cursor tells when there is some.
    no_room: bool,
    /// The sequence at which it last stopped so.
    stalled_at: Option<u64>,
    /// Why it could not append all that it was shown.
    stopped: Option<AppendError>,
}

impl<E: Event> JournalStage<E> {
    pub(crate) fn new(mut writer: Writer<E>) -> Self {
        // The publishers have looked at them: what a publish accepted is never refused here.
        writer.trust_times();
        let cursors = writer.cursors();
        JournalStage {
            writer,
            cursors,
            wiring: None,
            done: 0,
            no_room: false,
            stalled_at: None,
            stopped: None,
        }
    }

    /// How many of the published events [`JournalStage::append_before`] can take now without looking at
    /// anything else first (the next segment, say); none if it is known that nothing is published, or it is
    /// in the journal already.
    #[inline(always)]
    pub(crate) fn at_once(&self) -> u64 {
        let has_news = self.wiring.as_ref().is_some_and(|wiring| wiring.poller.has_news());
        if has_news && self.done == self.writer.end_sequence() { self.writer.room() } else { 0 }
    }

    /// Appends up to `limit` events from `first` on, which is where it is, a few at a time, and shows them to
    /// `then` by its poller as soon as they are in the journal; how many `then` was done with. What keeps the
    /// journal from appending more it leaves for the next turn to find.
    ///
    /// What was appended when `then` panics or stops is in the journal, and the next turn skips it.
    #[inline(always)]
    pub(crate) fn append_before(
        &mut self,
        poller: &mut Poller<E>,
        first: u64,
        limit: u64,
        then: impl Visitor<E>,
    ) -> u64 {
        let Some(wiring) = &mut self.wiring else { return 0 };
        let limit = limit.min(wiring.batch_cap);
        let append = Append {
            ends_batches: true,
            ..Append::to(&mut self.writer, &wiring.cursor, &wiring.parking, &mut self.stopped)
        };
        let (appended, seen) =
            wiring.poller.show_by_turns(append, (poller, then), (first, limit, FUSED_STEP));
        self.reach(first + appended);
        seen
    }

    /// Appends what is published; how many.
    #[inline]
    fn append(&mut self, first: u64) -> u64 {
        let Some(wiring) = &mut self.wiring else { return 0 };
        let append = Append::to(&mut self.writer, &wiring.cursor, &wiring.parking, &mut self.stopped);
        let done = wiring.poller.show(first, wiring.batch_cap, append);
        self.reach(first + done);
        done
    }

    /// Passes what is in the journal: replay took it from there.
    #[cold]
    fn skip(&mut self, count: u64) -> u64 {
        let Some(wiring) = &mut self.wiring else { return 0 };
        let done = wiring.poller.skip(count.min(wiring.batch_cap));
        self.reach(self.done + done);
        done
    }

    /// Everything below `at` is in the journal.
    #[inline(always)]
    fn reach(&mut self, at: u64) {
        let Some(wiring) = &mut self.wiring else { return };
        if at > self.done {
            wiring.batches.took(at - self.done, at, self.writer.last_time_ns().unwrap_or(0));
            let (end, regressions) = (self.writer.end_sequence(), self.writer.regressions());
            wiring.journal.each(|line| {
                // Relaxed: figures.
                line.journalled_end.store(end, Ordering::Relaxed);
                line.regressions.store(regressions, Ordering::Relaxed);
            });
            wiring.cursor.set(at);
            wiring.parking.wake(&wiring.cursor);
            self.writer.end_batch();
            self.done = at;
        }
    }
}

impl<E: Event> RunStage<E> for JournalStage<E> {
    fn wire(&mut self, wiring: Wiring<E>) {
        self.done = wiring.base;
        self.wiring = Some(wiring);
    }

    fn start(&mut self) {}

    fn turn(&mut self) -> Turn {
        let start = self.done;
        let held_end = self.writer.end_sequence();
        self.stopped = None;
        let shown = if start < held_end { self.skip(held_end - start) } else { self.append(start) };
        let stopped = self.stopped.take();
        let Some(wiring) = &self.wiring else { return Turn::Ended };
        let at = start + shown;
        let (mut failure, no_room) = match stopped {
            // No room just now. The lane goes on with its other stages and comes back.
            Some(AppendError::Full { why, .. }) => (None, Some(why)),
            failure => (failure, None),
        };
        self.no_room = no_room.is_some();
        if let Some(why) = no_room
            && self.stalled_at != Some(at)
        {
            self.stalled_at = Some(at);
            count_stall(&wiring.journal, why);
        }
        if failure.is_none() && at == start {
            // A sync that fails while nothing is published must not go unnoticed. Want of room the next
            // append finds, and notes that it was refused: whoever closes is told.
            failure = self.cursors.closing_failure().map(AppendError::Failed);
        }
        match failure {
            Some(error) => {
                let cause = Cause::Journal(error);
                wiring.status.halt(Halted { stage: JOURNAL.to_owned(), sequence: at, cause });
                Turn::Failed
            }
            None if at > start => Turn::Worked(at - start),
            None if wiring.status.final_end() <= at => Turn::Ended,
            None => Turn::Idle,
        }
    }

    fn end(&mut self) {}

    fn index(&self) -> usize {
        self.wiring.as_ref().map_or(usize::MAX, |wiring| wiring.index)
    }

    fn parks_at(&self) -> Option<&Cursor> {
        let wiring = self.wiring.as_ref()?;
        (!self.no_room && !wiring.poller.fetch_news()).then_some(&wiring.published)
    }

    fn is_unsure(&self) -> bool {
        self.wiring.as_ref().is_some_and(|wiring| wiring.poller.is_unsure())
    }

    fn done(&self) -> u64 {
        self.done
    }

    fn as_journal(&mut self) -> Option<&mut JournalStage<E>> {
        Some(self)
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any + Send> {
        Box::new(self.writer)
    }
}

/// Appends what it is shown.
struct Append<'a, E: Event> {
    batch: AppendBatch<'a, E, Files>,
    /// Outside, for what has to be dropped is kept in memory, and all that lies with it.
    stopped: &'a mut Option<AppendError>,
    cursor: &'a Cursor,
    parking: &'a Parking,
    /// A handler comes behind each few: the sync must not wait for it.
    ends_batches: bool,
}

impl<'a, E: Event> Append<'a, E> {
    #[inline(always)]
    fn to(
        writer: &'a mut Writer<E>,
        cursor: &'a Cursor,
        parking: &'a Parking,
        stopped: &'a mut Option<AppendError>,
    ) -> Self {
        Append { batch: writer.batch(), stopped, cursor, parking, ends_batches: false }
    }
}

impl<E: Event> Visitor<E> for Append<'_, E> {
    #[inline(always)]
    fn visit(&mut self, slot: &Slot<E>, at: u64, _: u64) -> Visit {
        // Position is identity: the ring's sequence and the journal's are one, or the engine is wrong.
        debug_assert_eq!(self.batch.end_sequence(), at);
        if let Err(error) = append_one(&mut self.batch, slot) {
            *self.stopped = Some(error);
            return Visit::Stop;
        }
        Visit::Done
    }

    #[inline(always)]
    fn plain(&self, first: u64, end: u64) -> Range<u64> {
        first + 1..end
    }

    #[inline(always)]
    fn run<const AHEAD: u64>(&mut self, row: Row<'_, E>) -> (u64, bool) {
        append_all::<E, AHEAD>(row, &mut self.batch, self.stopped)
    }

    #[inline(always)]
    fn rest(&mut self, at: u64) {
        self.batch.publish();
        self.cursor.set(at);
        self.parking.wake(self.cursor);
        if self.ends_batches {
            self.batch.end();
        }
        // Release, of the compiler alone: the records' stores come before those of a handler, and of the note
        // that an effect was emitted. The partner is the next life: the process dies between two instructions
        // of this thread, and what comes before them is in the map.
        compiler_fence(Ordering::Release);
    }
}

/// Appends slots in a row: how far it came, and whether to go on.
///
/// A function, and never part of its caller, for the same reason as `pass::hand_over`.
#[inline(never)]
fn append_all<E: Event, const AHEAD: u64>(
    Row { slots, at, end }: Row<'_, E>,
    batch: &mut AppendBatch<'_, E, Files>,
    stopped: &mut Option<AppendError>,
) -> (u64, bool) {
    // Position is identity: the ring's sequence and the journal's are one, or the engine is wrong.
    debug_assert_eq!(batch.end_sequence(), at);
    // The last of a batch have none so far behind them to ask for.
    let asks_end = end.saturating_sub(AHEAD);
    let mut left = slots;
    loop {
        left = batch.put_all(left, |slot: &Slot<E>, at| {
            if at < asks_end {
                slot.fetch_to_read(AHEAD as usize);
            }
            (!slot.void).then_some((slot.time_ns, &slot.event))
        });
        // None, or one that something has to be looked at for.
        let Some((slot, rest)) = left.split_first() else { break };
        if let Err(error) = append_one(batch, slot) {
            *stopped = Some(error);
            return (batch.end_sequence(), false);
        }
        left = rest;
    }
    (batch.end_sequence(), true)
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
fn count_stall(journal: &Told<JournalLine>, why: Stall) {
    journal.each(|journal| {
        let counter = match why {
            Stall::Segment => &journal.segment_stalls,
            Stall::Window => &journal.window_stalls,
            Stall::DiskFull => &journal.disk_full_stalls,
        };
        // Relaxed: a figure.
        counter.fetch_add(1, Ordering::Relaxed);
    });
}
