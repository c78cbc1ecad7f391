//! A stage at work: takes what its gate lets through, hands it to its handler, moves its cursor.

use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

use slipring_journal::Event;

use super::hand_over::Worker;
use super::news::Listener;
use super::stage::{Life, RunStage, STRIDE, Turn, Wiring};
use crate::cursors::cursor::Cursor;
use crate::handler::Handler;
use crate::handler::context::{Context, Seat};
use crate::handler::latency::Meter;
use crate::kept::duties::Duties;

/// Most events in a turn once the engine ends.
const LAST_BATCH: u64 = 8;

pub(crate) struct HandlerStage<E, H, M> {
    pub(super) worker: Worker<H, M>,
    pub(super) wiring: Wiring<E>,
    /// The handler has heard that publishing is over.
    is_closing: bool,
}

impl<E: Event, H: Handler<E>, M: Meter> HandlerStage<E, H, M> {
    pub(crate) fn new(
        name: String,
        (handler, mut meter): (H, M),
        mut duties: Duties<H>,
        wiring: Wiring<E>,
        life: Life,
    ) -> Self {
        meter.wire(&life.clock, life.stamps.as_ref());
        let index = wiring.index;
        let listener = life.news.as_ref().map(|news| Listener::new(news, index, duties.effects.end));
        if life.all_done {
            duties.effects.end = u64::MAX;
        }
        duties.wire(life.refusals);
        duties.begin(life.base, life.live_from, life.epochs, life.findings);
        // A standby learns only later from where on it is live.
        let live_from = if listener.is_some() { u64::MAX } else { life.live_from };
        let context = Context {
            sequence: life.base,
            time_ns: life.time_ns,
            live_from,
            remaining: 0,
            epoch: duties.epoch,
            attempt: duties.attempt,
            journal_id: life.journal_id,
            effects_end: duties.effects.end,
            release: Cell::new(false),
            seat: Seat(life.seat),
        };
        let worker = Worker::new(name, (handler, meter), duties, context, listener);
        HandlerStage { worker, wiring, is_closing: false }
    }

    /// Passes events that the handler is not to see.
    #[cold]
    fn pass(&mut self, limit: u64) -> Turn {
        let (worker, wiring) = (&mut self.worker, &mut self.wiring);
        let Some(chunk) = wiring.poller.take(limit) else {
            return if wiring.status.final_end() <= worker.context.sequence {
                Turn::Ended
            } else {
                Turn::Idle
            };
        };
        let (first, end) = (chunk.first(), chunk.end());
        while worker.context.sequence < end {
            let row = chunk.row(worker.context.sequence, end - first);
            worker.context.sequence = row.to();
            let times_ns = row.slots.iter().map(|slot| slot.time_ns);
            worker.context.time_ns = times_ns.fold(worker.context.time_ns, u64::max);
        }
        chunk.commit(end);
        // A skipped event has no effect, so it is done; else the next life would want it again.
        if end > worker.duties.effects.end {
            worker.context.epoch = worker.duties.epoch;
            worker.note();
        }
        wiring.cursor.pass(end);
        worker.after(end - first, &wiring.status)
    }

    /// Hands published events to the handler, up to `limit`.
    #[inline(always)]
    fn hand_over(&mut self, limit: u64) -> Turn {
        let (worker, wiring) = (&mut self.worker, &mut self.wiring);
        let Some(chunk) = wiring.poller.take(limit) else { return self.idle() };
        let (first, end) = (chunk.first(), chunk.end());
        // After a panic the handler is only given back.
        let result = catch_unwind(AssertUnwindSafe(|| {
            worker.start_batch(end - first, &wiring.published);
            let mut at = first;
            while at < end {
                worker.hand_over(chunk.row(at, STRIDE), end)?;
                at = worker.context.sequence;
                if at < end {
                    wiring.cursor.reach(at);
                }
            }
            Ok(())
        }));
        chunk.commit(worker.context.sequence);
        wiring.poller.release();
        worker.finish(first, result, wiring)
    }

    /// Tells the handler once that publishing is over.
    #[inline(always)]
    fn closing(&mut self) {
        if !self.is_closing {
            self.is_closing = true;
            self.worker.handler.closing();
        }
    }

    /// A turn that found nothing to do.
    #[inline(always)]
    fn idle(&mut self) -> Turn {
        if self.wiring.status.is_changed() {
            self.closing();
        }
        let (wiring, at) = (&self.wiring, self.worker.context.sequence);
        self.worker.handler.idle();
        let is_over = wiring.status.final_end() <= at
            || wiring.status.is_ending() && wiring.watch.is_hopeless(at, &wiring.status);
        match () {
            () if is_over => Turn::Ended,
            () if wiring.watch.awaits_sync() => Turn::Unsynced,
            () => Turn::Idle,
        }
    }
}

impl<E: Event, H: Handler<E>, M: Meter> RunStage<E> for HandlerStage<E, H, M> {
    fn start(&mut self) {
        self.worker.handler.start();
    }

    fn turn(&mut self) -> Turn {
        self.worker.go_live();
        let start = self.done();
        let gate_end = self.wiring.watch.end(start);
        if gate_end <= start {
            return self.idle();
        }
        let limit = self.worker.limit().min(self.wiring.batch_cap).min(gate_end - start);
        if self.worker.passes() { self.pass(limit) } else { self.hand_over(limit) }
    }

    fn end(&mut self) {
        // Where the end came between two looks.
        self.closing();
        self.worker.duties.save_last(self.worker.context.sequence, &self.worker.handler);
        self.worker.handler.shutdown();
    }

    fn hurry(&mut self) {
        // A slow handler's progress is to be seen.
        self.wiring.batch_cap = self.wiring.batch_cap.min(LAST_BATCH);
    }

    fn index(&self) -> usize {
        self.wiring.index
    }

    fn parks_at(&self) -> Option<&Cursor> {
        if self.worker.has_news() {
            return None;
        }
        let closed_by = self.wiring.watch.closed_by(self.done());
        closed_by.or_else(|| (!self.wiring.poller.fetch_news()).then_some(&self.wiring.published))
    }

    fn is_unsure(&self) -> bool {
        self.wiring.poller.is_unsure()
    }

    fn done(&self) -> u64 {
        self.worker.context.sequence
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any + Send> {
        Box::new(self.worker.handler)
    }
}
