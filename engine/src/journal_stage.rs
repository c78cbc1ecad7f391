//! The journal as a stage: it appends what is published, and skips what replay took from it.

use std::any::Any;

use std::sync::atomic::Ordering;

use slipring_journal::{AppendError, Cursors, Stall, Writer};

use crate::Event;
use crate::counters::JournalLine;
use crate::cursor::Cursor;
use crate::ring::Visit;
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
        let (mut at, mut failure, mut no_room) = (start, None, None);
        wiring.poller.batch(wiring.batch, |slot, _| {
            if at >= held_end {
                // Position is identity: the ring's sequence and the journal's are one, or the engine is wrong.
                debug_assert_eq!(writer.end_sequence(), at);
                let appended = if slot.void {
                    writer.try_append_void(slot.time_ns)
                } else {
                    writer.try_append(slot.time_ns, &slot.event)
                };
                match appended {
                    Ok(_) => {}
                    // No room just now. The lane goes on with its other stages and comes back.
                    Err(AppendError::Full { why, .. }) => {
                        no_room = Some(why);
                        return Visit::Stop;
                    }
                    Err(error) => {
                        failure = Some(error);
                        return Visit::Stop;
                    }
                }
            }
            at += 1;
            if at % CURSOR_STRIDE == 0 {
                cursor.set(at);
                parking.wake(cursor);
            }
            Visit::Done
        });
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
