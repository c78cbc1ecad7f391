//! A stage at work: takes what its gate lets through, hands it to its handler, moves its cursor.

use std::any::Any;
use std::cell::Cell;
use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use slipring_journal::__private::storage::Files;
use slipring_journal::Event;

use super::hand_over::{Pass, Ring, Source};
use super::journal_stage::JournalStage;
use super::stage::{RunStage, Turn, Wiring};
use crate::cursors::cursor::Cursor;
use crate::error::{Cause, Halted, KeepError};
use crate::handler::Handler;
use crate::handler::context::Context;
use crate::handler::latency::Meter;
use crate::kept::duties::{Duties, Keeps};
use crate::kept::folders::{make_folder, remove_unfinished};
use crate::kept::keeper::KeptStage;
use crate::kept::link::ToKeeper;
use crate::kept::opening::{OpenedStage, Opening};
use crate::kept::snapshot::StageSnapshots;
use crate::kept::trust::Trust;
use crate::panics;
use crate::ring::{Slot, Visit};

/// Most events in a turn once the engine ends.
const LAST_BATCH: u64 = 8;

pub(crate) struct HandlerStage<E, H, M> {
    name: String,
    handler: H,
    meter: M,
    keeps: Keeps<H>,
    duties: Duties<H>,
    wiring: Option<Wiring<E>>,
    done: u64,
    is_live: bool,
    /// The handler has heard that publishing is over.
    is_closing: bool,
}

impl<E: Event, H: Handler<E>, M: Meter> HandlerStage<E, H, M> {
    pub(crate) fn new(name: String, handler: H, keeps: Keeps<H>, meter: M) -> Self {
        let duties = Duties::new(&keeps);
        let (done, is_live, is_closing) = (0, false, false);
        HandlerStage { name, handler, meter, keeps, duties, wiring: None, done, is_live, is_closing }
    }

    fn fail(&self, sequence: u64, cause: Cause) -> Turn {
        if let Some(wiring) = &self.wiring {
            wiring.status.halt(Halted { stage: self.name.clone(), sequence, cause });
        }
        Turn::Failed
    }

    /// Passes events that the handler is not to see.
    #[cold]
    fn pass(&mut self, limit: u64) -> Turn {
        let Some(wiring) = &mut self.wiring else { return Turn::Ended };
        let (start, mut time_ns) = (self.done, wiring.time_ns);
        let passed = wiring.poller.show(start, limit, |slot: &Slot<E>, _, _| {
            time_ns = time_ns.max(slot.time_ns);
            Visit::Done
        });
        wiring.time_ns = time_ns;
        self.done = start + passed;
        if passed == 0 {
            return Turn::Idle;
        }
        // A skipped event has no effect, so it is done; else the next life would want it again.
        if let Some(progress) = &mut self.duties.progress
            && self.done > self.duties.effects_end
        {
            progress.note(self.done, self.duties.epoch);
        }
        wiring.batches.came_to(self.done);
        wiring.cursor.set(self.done);
        wiring.parking.wake(&wiring.cursor);
        self.after(self.done, passed)
    }

    #[inline(always)]
    fn go_live(&mut self) {
        if let Some(wiring) = &self.wiring
            && !self.is_live
            && self.done >= wiring.live_from
        {
            self.is_live = true;
            self.handler.live(wiring.live_from);
        }
    }

    /// Hands up to `limit` events to the handler. Idle if there was none.
    #[inline(always)]
    fn hand_over(&mut self, source: impl Source<E>, limit: u64) -> Turn {
        let Some(wiring) = &mut self.wiring else { return Turn::Ended };
        let start = self.done;
        let mut failure = None;
        let mut context = Context {
            sequence: start,
            time_ns: wiring.time_ns,
            live_from: wiring.live_from,
            remaining: 0,
            epoch: self.duties.epoch,
            journal_id: wiring.journal_id,
            effects_end: self.duties.effects_end,
            release: Cell::new(false),
            seat: wiring.seat,
        };
        let notes_from = self.duties.progress.as_ref().map_or(u64::MAX, |_| context.effects_end);
        let pass = Pass {
            handler: &mut self.handler,
            meter: &mut self.meter,
            duties: &mut self.duties,
            cursor: &wiring.cursor,
            published: &wiring.published,
            parking: &wiring.parking,
            start,
            notes_from,
            context: &mut context,
            failure: &mut failure,
        };
        // The handler is not used again after a panic but to be given back.
        let result = catch_unwind(AssertUnwindSafe(|| source.show(&mut wiring.poller, start, limit, pass)));
        // Only what is finished counts, whatever happened: not the event in hand when it did.
        let at = result.as_ref().map_or(context.sequence, |done| start + done);
        wiring.time_ns = context.time_ns;
        self.done = at;
        if at > start {
            wiring.batches.took(at - start, at, wiring.time_ns);
            wiring.cursor.set(at);
            wiring.parking.wake(&wiring.cursor);
        }
        let cause = match (result, failure) {
            (Ok(_), None) if at > start => {
                if context.remaining > 0 {
                    // The journal failed in the middle of a batch.
                    self.handler.batch_end();
                }
                return self.after(at, at - start);
            }
            (Ok(_), None) => return Turn::Idle,
            (Ok(_), Some(cause)) => cause,
            (Err(panic), _) => Cause::Panic(panics::text(panic)),
        };
        self.fail(at, cause)
    }

    /// A turn that found nothing to do behind `at`.
    #[inline(always)]
    fn idle(&mut self, at: u64) -> Turn {
        let Some(wiring) = &self.wiring else { return Turn::Ended };
        if !self.is_closing && wiring.status.is_changed() {
            self.is_closing = true;
            self.handler.closing();
        }
        self.handler.idle();
        let is_over = wiring.status.final_end() <= at
            || wiring.status.is_ending() && wiring.watch.is_hopeless(at, &wiring.status);
        if is_over { Turn::Ended } else { Turn::Idle }
    }

    /// Behind a batch that ended at `at`: what is due there.
    #[inline(always)]
    fn after(&mut self, at: u64, count: u64) -> Turn {
        if at >= self.duties.next
            && let Err(cause) = self.duties.reach(at, &self.handler, &self.name)
        {
            return self.fail(at, cause);
        }
        Turn::Worked(count)
    }
}

impl<E: Event, H: Handler<E>, M: Meter> RunStage<E> for HandlerStage<E, H, M> {
    fn wire(&mut self, wiring: Wiring<E>) {
        self.meter.wire(&wiring.clock, wiring.stamps.as_ref());
        self.done = wiring.base;
        let findings = Arc::clone(&wiring.findings);
        if wiring.all_done {
            self.duties.effects_end = u64::MAX;
        }
        self.duties.begin(wiring.base, wiring.live_from, wiring.epochs.clone(), findings);
        self.wiring = Some(wiring);
    }

    fn start(&mut self) {
        self.handler.start();
    }

    fn turn(&mut self) -> Turn {
        self.go_live();
        let Some(wiring) = &mut self.wiring else { return Turn::Ended };
        let start = self.done;
        let gate_end = wiring.watch.end(start);
        if gate_end <= start {
            return self.idle(start);
        }
        let limit = (gate_end.min(self.duties.next) - start).min(wiring.batch_cap);
        if start < self.duties.pass_to {
            let final_end = wiring.status.final_end();
            return match self.pass(limit) {
                Turn::Idle if final_end <= start => Turn::Ended,
                turn => turn,
            };
        }
        match self.hand_over(Ring, limit) {
            Turn::Idle => self.idle(start),
            turn => turn,
        }
    }

    fn turn_behind(&mut self, journal: &mut JournalStage<E>) -> Turn {
        let Some(wiring) = &mut self.wiring else { return Turn::Ended };
        let start = self.done;
        if start < self.duties.pass_to {
            return Turn::Idle;
        }
        if journal.done() > start {
            // Apart, after a release in the middle of a batch, say. The journal waits: else under load, with
            // as much to do each turn, they would never come together.
            return match self.turn() {
                Turn::Ended => Turn::Idle,
                turn => turn,
            };
        }
        let limit = (self.duties.next - start).min(wiring.batch_cap).min(journal.at_once());
        if limit == 0 {
            return Turn::Idle;
        }
        self.go_live();
        self.hand_over(journal, limit)
    }

    fn end(&mut self) {
        self.duties.save_last(self.done, &self.handler);
        self.handler.shutdown();
    }

    fn hurry(&mut self) {
        // A slow handler's progress is to be seen.
        if let Some(wiring) = &mut self.wiring {
            wiring.batch_cap = wiring.batch_cap.min(LAST_BATCH);
        }
    }

    fn index(&self) -> usize {
        self.wiring.as_ref().map_or(usize::MAX, |wiring| wiring.index)
    }

    fn parks_at(&self) -> Option<&Cursor> {
        let wiring = self.wiring.as_ref()?;
        let closed_by = wiring.watch.closed_by(self.done);
        closed_by.or_else(|| (!wiring.poller.fetch_news()).then_some(&wiring.published))
    }

    fn is_unsure(&self) -> bool {
        self.wiring.as_ref().is_some_and(|wiring| wiring.poller.is_unsure())
    }

    fn done(&self) -> u64 {
        self.done
    }

    fn open(&mut self, opening: &mut Opening<'_>) -> Result<Option<OpenedStage>, KeepError> {
        let (duties, opened) = opening.open(&self.name, &mut self.handler, &self.keeps)?;
        self.duties = duties;
        Ok(Some(opened))
    }

    fn keep_by(&mut self, journal: &Files, place: usize) -> Result<Option<KeptStage>, KeepError> {
        let snapshots = self.keeps.snapshots.map(|calls| (calls.options, calls.version));
        if snapshots.is_none() && self.keeps.digests.is_none() {
            return Ok(None);
        }
        let link = Arc::new(ToKeeper::new(self.keeps.digests.is_some()));
        self.duties.to_keeper = Some(Arc::clone(&link));
        let folder = make_folder(journal, &self.name)?;
        remove_unfinished(&folder)?;
        let files = StageSnapshots::new(&folder, self.duties.snapshots.restored_end)?;
        Ok(Some(KeptStage {
            place,
            name: self.name.clone(),
            link,
            snapshots,
            digest_log: self.duties.digests.log.as_ref().map(|log| log.try_clone()).transpose()?,
            dead_letters: self.duties.dead_letters.as_ref().map(|log| log.to_sync()).transpose()?,
            trust: Trust::default(),
            effects: self.duties.progress.as_ref().map(|progress| progress.to_sync()).transpose()?,
            files,
            folder,
        }))
    }

    fn notes(&self) -> Result<Vec<File>, KeepError> {
        let effects = self.duties.progress.as_ref().map(|progress| progress.to_sync());
        let dead_letters = self.duties.dead_letters.as_ref().map(|log| log.to_sync());
        effects.into_iter().chain(dead_letters).collect()
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any + Send> {
        Box::new(self.handler)
    }
}
