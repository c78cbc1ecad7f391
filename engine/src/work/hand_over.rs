//! A pass over the ring: one event after the other to a handler. Where the events come from is part of the
//! loop: from the ring, or from the journal on the same lane, a few at a time as soon as they are appended.

use std::ops::Range;

use slipring_journal::Event;

use super::journal_stage::JournalStage;
use crate::cursors::cursor::Cursor;
use crate::cursors::park::Parking;
use crate::error::Cause;
use crate::handler::context::{Batch, Context};
use crate::handler::latency::Meter;
use crate::handler::{Handler, HandlerError};
use crate::kept::duties::Duties;
use crate::ring::{Poller, Row, Slot, Visit, Visitor};

/// Where a stage's events come from.
pub(crate) trait Source<E: Event> {
    /// Shows up to `limit` of them from `first` on, and releases those in the stage's own poller that were
    /// done with; how many.
    fn show(self, own: &mut Poller<E>, first: u64, limit: u64, visitor: impl Visitor<E>) -> u64;
}

/// Straight from the ring: the gate has been looked at.
pub(crate) struct Ring;

impl<E: Event> Source<E> for Ring {
    #[inline(always)]
    fn show(self, own: &mut Poller<E>, first: u64, limit: u64, visitor: impl Visitor<E>) -> u64 {
        own.show(first, limit, visitor)
    }
}

impl<E: Event> Source<E> for &mut JournalStage<E> {
    #[inline(always)]
    fn show(self, own: &mut Poller<E>, first: u64, limit: u64, visitor: impl Visitor<E>) -> u64 {
        self.append_before(own, first, limit, visitor)
    }
}

/// Hands what it is shown to a handler. What changes with each event is in the context alone: the fewer
/// variables the loop has, the fewer of them are stored each time round.
///
/// How far it came is in the context too: on unwinding its sequence is that of the first event that is not
/// finished.
pub(crate) struct Pass<'a, H, M> {
    pub(crate) handler: &'a mut H,
    pub(crate) meter: &'a mut M,
    pub(crate) duties: &'a mut Duties<H>,
    pub(crate) cursor: &'a Cursor,
    pub(crate) published: &'a Cursor,
    pub(crate) parking: &'a Parking,
    pub(crate) start: u64,
    /// Effects of events from this one on are noted; the greatest number if none are.
    pub(crate) notes_from: u64,
    pub(crate) context: &'a mut Context,
    /// Why it stopped, if the handler's error halts the engine.
    pub(crate) failure: &'a mut Option<Cause>,
}

impl<H, M> Pass<'_, H, M> {
    /// Tells the handler that its batch ended before `end`: should it panic, all events of it are finished.
    #[inline(always)]
    fn end_batch<E: Event>(&mut self, end: u64)
    where
        H: Handler<E>,
    {
        self.context.sequence = end;
        self.handler.batch_end();
    }

    /// The handler refused the event `at`; whether to go on.
    #[cold]
    fn refuse(&mut self, at: u64, error: HandlerError) -> bool {
        match self.duties.refuse(at, error) {
            Ok(()) => true,
            Err(cause) => {
                *self.failure = Some(cause);
                false
            }
        }
    }

    /// Ends the batch behind `at`, as the handler asked for.
    #[cold]
    fn release<E: Event>(&mut self, at: u64)
    where
        H: Handler<E>,
    {
        self.context.release.set(false);
        self.context.remaining = 0;
        self.end_batch(at + 1);
    }
}

/// Why a run of plain events ended.
enum End {
    /// It was the last.
    Last,
    /// The handler refused the event.
    Refused(HandlerError),
    /// The handler asks for its slot to be released.
    Released,
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
        OwnContext { context: Context { seat: home.seat, ..home.clone() }, home }
    }
}

impl Drop for OwnContext<'_> {
    #[inline(always)]
    fn drop(&mut self) {
        let (home, context) = (&mut *self.home, &self.context);
        home.sequence = context.sequence;
        home.time_ns = context.time_ns;
        home.remaining = context.remaining;
        home.release.set(context.release.get());
    }
}

/// Hands plain events to the handler: slots in a row, of which none is the first of its batch or the last.
/// How far it came: to the event that it ended with, or behind the last.
///
/// A function, and never part of its caller: what it is given it alone has, which lets the compiler keep a
/// handler's sum and the running time in registers from event to event, where each had been stored and loaded
/// again.
#[inline(never)]
fn hand_over<E: Event, H: Handler<E>, M: Meter, const AHEAD: u64>(
    Row { slots, mut at, end }: Row<'_, E>,
    handler: &mut H,
    meter: &mut M,
    context: &mut Context,
) -> (u64, End) {
    let mut own = OwnContext::of(context);
    let context = &mut own.context;
    // Not the last of its batch, and no more than that is to be seen of it.
    context.remaining = 1;
    for slot in slots {
        if AHEAD > 0 && at + AHEAD < end {
            slot.fetch_to_read(AHEAD as usize);
        }
        context.sequence = at;
        context.time_ns = context.time_ns.max(slot.time_ns);
        if !slot.void {
            if let Err(error) = handler.event(&slot.event, context) {
                return (at, End::Refused(error));
            }
            meter.finished(slot.time_ns, context);
        }
        if context.release.get() {
            return (at, End::Released);
        }
        at += 1;
    }
    (at, End::Last)
}

impl<E: Event, H: Handler<E>, M: Meter> Visitor<E> for Pass<'_, H, M> {
    #[inline(always)]
    fn visit(&mut self, slot: &Slot<E>, at: u64, remaining: u64) -> Visit {
        if at == self.start {
            let published = self.published;
            self.handler.batch_start(&Batch { first: at, size: remaining + 1, published });
        }
        self.context.sequence = at;
        self.context.time_ns = self.context.time_ns.max(slot.time_ns);
        self.context.remaining = remaining as u32;
        if !slot.void {
            match self.handler.event(&slot.event, self.context) {
                Ok(()) => self.meter.finished(slot.time_ns, self.context),
                Err(error) => {
                    if !self.refuse(at, error) {
                        return Visit::Stop;
                    }
                }
            }
        }
        if at >= self.notes_from
            && let Some(progress) = &mut self.duties.progress
        {
            progress.note(at + 1, self.context.epoch);
        }
        if self.context.release.get() {
            self.release(at);
            return Visit::Release;
        }
        if remaining == 0 {
            self.end_batch(at + 1);
        }
        Visit::Done
    }

    #[inline(always)]
    fn rest(&mut self, at: u64) {
        // The journal, should it be what panics next, takes back nothing that was handled.
        self.context.sequence = at;
        self.cursor.set(at);
        self.parking.wake(self.cursor);
    }

    #[inline(always)]
    fn plain(&self, first: u64, end: u64) -> Range<u64> {
        // The first of a batch starts it, the last ends it, and behind each that may have an effect there is
        // a note.
        first + 1..(end - 1).min(self.notes_from)
    }

    #[inline(always)]
    fn run<const AHEAD: u64>(&mut self, row: Row<'_, E>) -> (u64, bool) {
        let (at, end) = hand_over::<E, H, M, AHEAD>(row, self.handler, self.meter, self.context);
        match end {
            End::Last => return (at, true),
            End::Refused(error) => {
                if !self.refuse(at, error) {
                    return (at, false);
                }
            }
            End::Released => {}
        }
        let is_released = self.context.release.get();
        if is_released {
            self.release(at);
        }
        (at + 1, !is_released)
    }
}
