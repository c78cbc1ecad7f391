//! A pass over the ring: one event after the other to a handler. Where the events come from is part of the loop: from
//! the ring, or from the journal on the same lane, a few at a time as soon as they are appended.

use crate::Event;
use crate::context::{Batch, Context};
use crate::cursor::Cursor;
use crate::duties::Duties;
use crate::handler::Handler;
use crate::journal_stage::JournalStage;
use crate::latency::Meter;
use crate::park::Parking;
use crate::ring::{Poller, Slot, Visit, Visitor};
use crate::status::Cause;

/// Where a stage's events come from.
pub(crate) trait Source<E> {
    /// Shows up to `limit` of them from `first` on, and releases those in the stage's own poller that were done with; how
    /// many.
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

/// Hands what it is shown to a handler. What changes with each event is in the context alone: the fewer variables the
/// loop has, the fewer of them are stored each time round.
///
/// How far it came is in the context too: on unwinding its sequence is that of the first event that is not finished.
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
                Ok(()) => self.meter.finished(slot.time_ns, !self.context.is_replay()),
                Err(error) => {
                    if let Err(cause) = self.duties.refuse(at, error) {
                        *self.failure = Some(cause);
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
            self.context.release.set(false);
            self.context.remaining = 0;
            self.end_batch(at + 1);
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
}
