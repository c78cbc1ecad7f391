//! A handler at work: slots in rows are handed to it, one event after the other.

use std::thread;

use slipring_journal::Event;

use super::news::{Heard, Listener};
use super::stage::{Turn, Wiring};
use crate::cursors::cursor::Cursor;
use crate::cursors::status::EngineStatus;
use crate::error::{Cause, Halted};
use crate::handler::context::{Batch, Context, Seat};
use crate::handler::latency::Meter;
use crate::handler::{Handler, HandlerError};
use crate::kept::duties::Duties;
use crate::kept::refusals::AfterRefusal;
use crate::panics;
use crate::ring::SlotRow;

/// Least events that are worth a call of a loop of their own.
const LEAST_PLAIN: u64 = 4;

/// A handler, with what goes on around each event and behind each batch.
pub(crate) struct Worker<H, M> {
    stage: String,
    pub(crate) handler: H,
    meter: M,
    pub(crate) duties: Duties<H>,
    /// What changes with each event is in here alone: the fewer variables a loop has, the fewer of them are
    /// stored each time round. Its sequence is that of the first event that is not finished, on unwinding
    /// too.
    pub(crate) context: Context,
    /// Effects of events from this one on are noted; the greatest number if none are.
    notes_from: u64,
    is_live: bool,
    /// Of a standby's stage.
    listener: Option<Listener>,
}

/// Why a handler is given no more of a batch.
pub(crate) enum Stop {
    /// It asks for what it has seen to be released.
    Released,
    /// It failed, and the engine halts.
    Failed(Cause),
}

impl<H, M> Worker<H, M> {
    pub(crate) fn new(
        stage: String,
        (handler, meter): (H, M),
        duties: Duties<H>,
        context: Context,
        listener: Option<Listener>,
    ) -> Self {
        let notes_from = duties.effects.progress.as_ref().map_or(u64::MAX, |_| context.effects_end);
        Worker { stage, handler, meter, duties, context, notes_from, is_live: false, listener }
    }

    /// Whether it was told something that it has not heard.
    pub(crate) fn has_news(&self) -> bool {
        self.listener.as_ref().is_some_and(Listener::is_new)
    }

    /// In a standby: notes how far it is, and hears what it was told.
    #[cold]
    fn listen(&mut self) {
        let Some(listener) = &mut self.listener else { return };
        let at = self.context.sequence;
        // The effects of what is taken from elsewhere were had there. A life that finds this journal after a
        // crash must know it too, and not have them all again.
        if at > listener.noted {
            listener.noted = at;
            if let Some(progress) = &mut self.duties.effects.progress {
                progress.note(at, self.context.epoch);
            }
        }
        if !listener.is_new() {
            return;
        }
        let Heard { epochs, live_from } = listener.listen();
        epochs.into_iter().for_each(|(from, epoch)| self.duties.learn_epoch(at, from, epoch));
        if let Some(live_from) = live_from {
            self.context.live_from = live_from;
            self.context.effects_end = live_from;
            self.duties.effects.end = live_from;
            self.notes_from = self.duties.effects.progress.as_ref().map_or(u64::MAX, |_| live_from);
        }
        listener.confirm();
    }

    /// Most events that a turn may take: before the next something else is due.
    #[inline(always)]
    pub(crate) fn limit(&self) -> u64 {
        self.duties.next - self.context.sequence
    }

    /// Whether the events that come next are not for the handler.
    #[inline(always)]
    pub(crate) fn passes(&self) -> bool {
        self.context.sequence < self.duties.pass_to
    }

    /// Tells the handler once when everything from before this life is done.
    #[inline(always)]
    pub(crate) fn go_live<E: Event>(&mut self)
    where
        H: Handler<E>,
    {
        if self.is_live {
            return;
        }
        self.listen();
        if self.context.sequence >= self.context.live_from {
            self.is_live = true;
            self.handler.live(self.context.live_from);
        }
    }

    /// Begins a batch of so many events.
    #[inline(always)]
    pub(crate) fn start_batch<E: Event>(&mut self, size: u64, published: &Cursor)
    where
        H: Handler<E>,
    {
        self.context.epoch = self.duties.epoch;
        self.handler.batch_start(&Batch { first: self.context.sequence, size, published });
    }

    /// Hands over a row of a batch that ends before `end`; ends the batch behind its last event.
    #[inline(always)]
    pub(crate) fn hand_over<E: Event>(&mut self, row: SlotRow<'_, E>, end: u64) -> Result<(), Stop>
    where
        H: Handler<E>,
        M: Meter,
    {
        // The last of a batch is told so, and behind each that may have an effect there is a note.
        let plain_to = row.to().min(end - 1).min(self.notes_from);
        let mut at = row.at;
        while at < row.to() {
            let is_plain = at + LEAST_PLAIN <= plain_to;
            let result = if is_plain {
                self.context.remaining = 1;
                let row = row.part(at, plain_to);
                hand_over_plain(row, &mut self.handler, &mut self.meter, &mut self.context)
            } else {
                self.context.remaining = (end - at - 1) as u32;
                let row = row.part(at, at + 1);
                hand_over(&row, &mut self.handler, &mut self.meter, &mut self.context)
            };
            if let Err(error) = result {
                self.refuse(error, row)?;
            }
            at = self.context.sequence;
            if !is_plain && at > self.notes_from {
                self.note();
            }
            if self.context.release.get() {
                return Err(self.release());
            }
            if at == end {
                // If it panics, all events are already finished.
                self.handler.batch_end();
            }
        }
        Ok(())
    }

    /// Notes that all effects up to here are out.
    #[inline(always)]
    pub(crate) fn note(&mut self) {
        if let Some(progress) = &mut self.duties.effects.progress {
            progress.note(self.context.sequence, self.context.epoch);
        }
    }

    /// Does what is due before the next event.
    #[cold]
    fn reach(&mut self) -> Result<(), Cause> {
        self.duties.reach(self.context.sequence, &self.handler, &self.stage)?;
        self.context.attempt = self.duties.attempt;
        Ok(())
    }

    /// The handler refused the event in hand, which lies in this row: it is given it again as long as the
    /// stage says so. Behind that, or if it becomes a dead letter, it is finished.
    #[cold]
    fn refuse<E: Event>(&mut self, mut error: HandlerError, row: SlotRow<'_, E>) -> Result<(), Stop>
    where
        H: Handler<E>,
        M: Meter,
    {
        let at = self.context.sequence;
        let slot = &row.slots[(at - row.at) as usize];
        while self.duties.refuse(at, self.context.attempt, error).map_err(Stop::Failed)?
            == AfterRefusal::Again
        {
            self.context.attempt = self.context.attempt.saturating_add(1);
            match self.handler.event(&slot.event, &self.context) {
                Ok(()) => {
                    self.meter.finished(slot.time_ns, &self.context);
                    break;
                }
                Err(again) => error = again,
            }
        }
        self.context.attempt = 1;
        self.context.sequence = at + 1;
        Ok(())
    }

    /// Ends the batch here, as the handler asked for.
    #[cold]
    fn release<E: Event>(&mut self) -> Stop
    where
        H: Handler<E>,
    {
        self.context.release.set(false);
        self.context.remaining = 0;
        self.handler.batch_end();
        Stop::Released
    }

    /// Behind the events from `first` on that were handed over: only what is finished counts, whatever
    /// happened, and not the event in hand when it did.
    #[inline(always)]
    pub(crate) fn finish<E>(
        &mut self,
        first: u64,
        result: thread::Result<Result<(), Stop>>,
        wiring: &mut Wiring<E>,
    ) -> Turn {
        let Context { sequence: at, time_ns, .. } = self.context;
        if at > first {
            wiring.cursor.end_batch(at - first, at, time_ns);
        }
        match result {
            Ok(Ok(()) | Err(Stop::Released)) if at > first => self.after(at - first, &wiring.status),
            Ok(Ok(()) | Err(Stop::Released)) => Turn::Idle,
            Ok(Err(Stop::Failed(cause))) => self.fail(cause, &wiring.status),
            Err(panic) => self.fail(Cause::Panic(panics::text(panic)), &wiring.status),
        }
    }

    /// Behind a batch of so many events: what is due there.
    #[inline(always)]
    pub(crate) fn after(&mut self, count: u64, status: &EngineStatus) -> Turn {
        if self.context.sequence >= self.duties.next
            && let Err(cause) = self.reach()
        {
            return self.fail(cause, status);
        }
        Turn::Worked(count)
    }

    fn fail(&self, cause: Cause, status: &EngineStatus) -> Turn {
        status.halt(Halted { stage: self.stage.clone(), sequence: self.context.sequence, cause });
        Turn::Failed
    }
}

/// A copy of a context, in a function's own memory: only what lies there is kept in registers from event to
/// event. What changes in it goes back when it is dropped, on unwinding too.
struct OwnContext<'a> {
    context: Context,
    home: &'a mut Context,
}

impl<'a> OwnContext<'a> {
    #[inline(always)]
    fn of(home: &'a mut Context) -> Self {
        OwnContext { context: Context { seat: Seat(home.seat.0), ..home.clone() }, home }
    }
}

impl Drop for OwnContext<'_> {
    #[inline(always)]
    fn drop(&mut self) {
        let (home, context) = (&mut *self.home, &self.context);
        home.sequence = context.sequence;
        home.time_ns = context.time_ns;
        home.release.set(context.release.get());
    }
}

/// As [`hand_over`], of events behind each of which there is nothing else to do.
///
/// A function, and never part of its caller: its arguments are its alone, which lets the compiler keep a
/// handler's sum and the running time in registers from event to event, where each had been stored and loaded
/// again.
#[inline(never)]
fn hand_over_plain<E: Event, H: Handler<E>, M: Meter>(
    row: SlotRow<'_, E>,
    handler: &mut H,
    meter: &mut M,
    context: &mut Context,
) -> Result<(), HandlerError> {
    hand_over(&row, handler, meter, &mut OwnContext::of(context).context)
}

/// Hands over slots in a row, up to one behind which the handler asks for a release. The context's sequence
/// is behind it then; or it is that of an event that the handler refused.
#[inline(always)]
fn hand_over<E: Event, H: Handler<E>, M: Meter>(
    row: &SlotRow<'_, E>,
    handler: &mut H,
    meter: &mut M,
    context: &mut Context,
) -> Result<(), HandlerError> {
    let mut at = row.at;
    for slot in row.slots {
        row.fetch_ahead(slot, at);
        context.sequence = at;
        context.time_ns = context.time_ns.max(slot.time_ns);
        if !slot.void {
            handler.event(&slot.event, context)?;
            meter.finished(slot.time_ns, context);
        }
        at += 1;
        if context.release.get() {
            break;
        }
    }
    context.sequence = at;
    Ok(())
}
