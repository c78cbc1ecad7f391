//! The journal's stage in a standby: what comes is in the journal already, so it is passed, until there is a
//! writer. From then on it is the journal's stage of any engine.

use std::any::Any;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

use slipring_journal::{AppendError, Cursors, Event, Writer};

use super::fused::Fuse;
use super::journal_stage::JournalStage;
use super::news::Listener;
use super::stage::{RunStage, Turn, Wiring};
use crate::cursors::cursor::Cursor;
use crate::error::{Cause, Halted};
use crate::lines::format::JournalLine;
use crate::lines::told::Told;
use crate::names::JOURNAL;

/// Where the writer is handed over.
pub(crate) type WriterSlot<E> = Arc<Mutex<Option<Writer<E>>>>;

pub(crate) struct StandbyJournal<E: Event>(StandbyState<E>);

enum StandbyState<E: Event> {
    Passes(Box<Passing<E>>),
    Writes(Box<JournalStage<E>>),
    /// Between the two, within one call.
    Turns,
}

/// What it needs to pass events, and later to write them.
struct Passing<E: Event> {
    wiring: Wiring<E>,
    told: Told<JournalLine>,
    cursors: Cursors,
    slot: WriterSlot<E>,
    listener: Listener,
    time_ns: u64,
}

impl<E: Event> StandbyJournal<E> {
    pub(crate) fn new(
        (slot, cursors): (WriterSlot<E>, Cursors),
        told: Told<JournalLine>,
        wiring: Wiring<E>,
        (listener, time_ns): (Listener, u64),
    ) -> Self {
        let passing = Passing { wiring, told, cursors, slot, listener, time_ns };
        StandbyJournal(StandbyState::Passes(Box::new(passing)))
    }

    /// Takes the writer if it is there, and goes on with it.
    #[cold]
    fn hear(&mut self) {
        match std::mem::replace(&mut self.0, StandbyState::Turns) {
            StandbyState::Passes(mut passing) => {
                passing.listener.listen();
                passing.listener.confirm();
                let writer = passing.slot.lock().unwrap_or_else(PoisonError::into_inner).take();
                self.0 = match writer {
                    Some(writer) => {
                        let Passing { wiring, told, .. } = *passing;
                        StandbyState::Writes(Box::new(JournalStage::new(writer, told, wiring)))
                    }
                    None => StandbyState::Passes(passing),
                };
            }
            other => self.0 = other,
        }
    }

    /// What it waits and looks by, whichever it does.
    fn wiring(&self) -> Option<&Wiring<E>> {
        match &self.0 {
            StandbyState::Passes(passing) => Some(&passing.wiring),
            StandbyState::Writes(stage) => Some(&stage.wiring),
            StandbyState::Turns => None,
        }
    }
}

impl<E: Event> Passing<E> {
    fn turn(&mut self) -> Turn {
        let start = self.wiring.poller.next();
        if let Some(chunk) = self.wiring.poller.take(self.wiring.batch_cap) {
            let (first, end) = (chunk.first(), chunk.end());
            let mut at = first;
            while at < end {
                let row = chunk.row(at, end - first);
                at = row.to();
                self.time_ns = row.slots.iter().map(|slot| slot.time_ns).fold(self.time_ns, u64::max);
            }
            chunk.commit(end);
            self.told.each(|line| {
                // Relaxed: a figure.
                line.journalled_end.store(end, Ordering::Relaxed);
            });
            self.wiring.cursor.end_batch(end - first, end, self.time_ns);
            return Turn::Worked(end - first);
        }
        let status = &self.wiring.status;
        match self.cursors.closing_failure().map(AppendError::Failed) {
            Some(error) => {
                let cause = Cause::Journal(error);
                status.halt(Halted { stage: JOURNAL.to_owned(), sequence: start, cause });
                Turn::Failed
            }
            None if status.final_end() <= start => Turn::Ended,
            None => Turn::Idle,
        }
    }
}

impl<E: Event> RunStage<E> for StandbyJournal<E> {
    fn turn(&mut self) -> Turn {
        if matches!(&self.0, StandbyState::Passes(passing) if passing.listener.is_new()) {
            self.hear();
        }
        match &mut self.0 {
            StandbyState::Writes(stage) => stage.turn(),
            StandbyState::Passes(passing) => passing.turn(),
            StandbyState::Turns => Turn::Failed,
        }
    }

    fn index(&self) -> usize {
        self.wiring().map_or(0, |wiring| wiring.index)
    }

    fn parks_at(&self) -> Option<&Cursor> {
        match &self.0 {
            StandbyState::Writes(stage) => stage.parks_at(),
            StandbyState::Passes(passing) => {
                let wiring = &passing.wiring;
                (!passing.listener.is_new() && !wiring.poller.fetch_news()).then_some(&wiring.published)
            }
            StandbyState::Turns => None,
        }
    }

    fn is_unsure(&self) -> bool {
        self.wiring().is_some_and(|wiring| wiring.poller.is_unsure())
    }

    fn done(&self) -> u64 {
        self.wiring().map_or(0, |wiring| wiring.poller.next())
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any + Send> {
        match self.0 {
            StandbyState::Writes(stage) => stage.into_any(),
            // A writer that was handed over and never taken is closed all the same.
            StandbyState::Passes(passing) => {
                match passing.slot.lock().unwrap_or_else(PoisonError::into_inner).take() {
                    Some(writer) => Box::new(writer),
                    None => Box::new(()),
                }
            }
            StandbyState::Turns => Box::new(()),
        }
    }
}

impl<E: Event> Fuse<E> for StandbyJournal<E> {
    fn as_journal(&mut self) -> Option<&mut JournalStage<E>> {
        match &mut self.0 {
            StandbyState::Writes(stage) => Some(stage),
            _ => None,
        }
    }
}
