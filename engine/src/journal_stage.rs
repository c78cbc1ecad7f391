//! The journal as a stage: it appends what is published, and skips what replay took from it.

use std::any::Any;

use std::sync::atomic::Ordering;

use slipring_journal::storage::Files;
use slipring_journal::{AppendBatch, AppendError, Cursors, Stall, Writer};

use crate::Event;
use crate::counters::JournalLine;
use crate::cursor::Cursor;
use crate::park::Parking;
use crate::ring::{Slot, Visit, Visitor};
use crate::run_stage::{RunStage, Turn, Wiring};
use crate::status::{Cause, Halted};

/// The journal stage's name, in errors and counters.
pub(crate) const JOURNAL: &str = "journal";

/// Events between two moves of the cursor.
const CURSOR_STRIDE: u64 = 128;

pub(crate) struct JournalStage<E: Event> {
    writer: Writer<E>,
    cursors: Cursors,
    wiring: Option<Wiring<E>>,
    done: u64,
    /// The last turn stopped for want of room in the journal: no cursor tells when there is some.
    no_room: bool,
    /// The sequence at which it last stopped so.
    stalled_at: Option<u64>,
}

impl<E: Event> JournalStage<E> {
    pub(crate) fn new(writer: Writer<E>) -> Self {
        let cursors = writer.cursors();
        JournalStage { writer, cursors, wiring: None, done: 0, no_room: false, stalled_at: None }
    }
}

impl<E: Event> RunStage<E> for JournalStage<E> {
    fn wire(&mut self, wiring: Wiring<E>) {
        self.done = wiring.base;
        self.wiring = Some(wiring);
    }

    fn start(&mut self) {}

    fn turn(&mut self) -> Turn {
        let Some(wiring) = &mut self.wiring else { return Turn::Ended };
        let start = self.done;
        let (writer, cursor, parking) = (&mut self.writer, &wiring.cursor, &*wiring.parking);
        let held_end = writer.end_sequence();
        let append = Append { batch: writer.batch(), held_end, at: start, stopped: None, cursor, parking };
        let (_, append) = wiring.poller.show(wiring.batch, append);
        let (at, stopped) = append.finish();
        let (mut failure, no_room) = match stopped {
            // No room just now. The lane goes on with its other stages and comes back.
            Some(AppendError::Full { why, .. }) => (None, Some(why)),
            failure => (failure, None),
        };
        self.done = at;
        self.no_room = no_room.is_some();
        if let Some(why) = no_room
            && self.stalled_at != Some(at)
        {
            self.stalled_at = Some(at);
            count_stall(&wiring.journal, why);
        }
        if at > start {
            wiring.batches.took(at - start);
            // Relaxed: a figure.
            wiring.journal.journalled_end.store(writer.end_sequence(), Ordering::Relaxed);
            cursor.set(at);
            parking.wake(cursor);
            writer.end_batch();
        }
        if failure.is_none() && at == start {
            // A journal that fails while nothing is published (a sync, say) must not go unnoticed.
            failure = self.cursors.failure().map(AppendError::Failed);
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

    fn parks_at(&self) -> Option<&Cursor> {
        let wiring = self.wiring.as_ref()?;
        (!self.no_room && !wiring.poller.has_news()).then_some(&wiring.published)
    }

    fn done(&self) -> u64 {
        self.done
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any + Send> {
        Box::new(self.writer)
    }
}

/// Appends what it is shown, but for what replay took from the journal.
struct Append<'a, E: Event> {
    batch: AppendBatch<'a, E, Files>,
    /// Sequences below it are in the journal.
    held_end: u64,
    at: u64,
    stopped: Option<AppendError>,
    cursor: &'a Cursor,
    parking: &'a Parking,
}

impl<E: Event> Append<'_, E> {
    /// Behind the last event that is in the journal, and why it stopped there, if something stopped it.
    #[inline(always)]
    fn finish(self) -> (u64, Option<AppendError>) {
        (self.at, self.stopped)
    }
}

impl<E: Event> Visitor<E> for Append<'_, E> {
    #[inline(always)]
    fn visit(&mut self, slot: &Slot<E>, _: usize) -> Visit {
        if self.at >= self.held_end {
            // Position is identity: the ring's sequence and the journal's are one, or the engine is wrong.
            debug_assert_eq!(self.batch.end_sequence(), self.at);
            if slot.void || !self.batch.put(slot.time_ns, &slot.event) {
                let event = (!slot.void).then_some(&slot.event);
                if let Err(error) = self.batch.append_seldom(slot.time_ns, event) {
                    self.stopped = Some(error);
                    return Visit::Stop;
                }
            }
        }
        self.at += 1;
        if self.at % CURSOR_STRIDE == 0 {
            self.batch.publish();
            self.cursor.set(self.at);
            self.parking.wake(self.cursor);
        }
        Visit::Done
    }
}

/// The journal waits for room; counted once a wait, off the hot path, by the one lane that runs the journal.
#[cold]
fn count_stall(journal: &JournalLine, why: Stall) {
    let counter = match why {
        Stall::Segment => &journal.segment_stalls,
        Stall::Window => &journal.window_stalls,
        Stall::DiskFull => &journal.disk_full_stalls,
    };
    // Relaxed: a figure.
    counter.fetch_add(1, Ordering::Relaxed);
}
