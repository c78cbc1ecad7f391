//! A stage at work: takes what its gate lets through, hands it to its handler, moves its cursor.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use crate::Event;
use crate::clock::Clock;
use crate::counters::{BatchMeter, JournalLine, Place};
use crate::cursor::Cursor;
use crate::gate::Watch;
use crate::handler::{Context, Handler};
use crate::latency::Meter;
use crate::park::Parking;
use crate::ring::{Poller, Visit};
use crate::status::{Cause, Halted, Status};

/// What a turn came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// So many events were finished.
    Worked(u64),
    /// Nothing to do, or nothing could be done just now.
    Idle,
    /// Everything that was ever published is finished.
    Ended,
    /// The stage has failed and halted the engine; it must not be called again.
    Failed,
}

/// What a stage needs to run, given to it when the engine starts.
pub(crate) struct Wiring<E> {
    pub(crate) poller: Poller<E>,
    pub(crate) watch: Watch,
    pub(crate) cursor: Cursor,
    /// The publishers' cursor: of one publisher how far it is, of several a place to park.
    pub(crate) published: Cursor,
    pub(crate) parking: Arc<Parking>,
    pub(crate) status: Arc<Status>,
    /// The sequence of the ring's first event.
    pub(crate) base: u64,
    /// The first live sequence.
    pub(crate) live_from: u64,
    /// Journal time before `base`.
    pub(crate) time_ns: u64,
    /// Most events in one turn.
    pub(crate) batch: u64,
    pub(crate) batches: BatchMeter,
    /// For a stage that is measured.
    pub(crate) clock: Arc<dyn Clock>,
    /// For the journal's stage.
    pub(crate) journal: Place<JournalLine>,
}

/// A stage, boxed once and called once a turn; what it does to each event is monomorphised inside.
pub(crate) trait RunStage<E>: Send {
    fn wire(&mut self, wiring: Wiring<E>);
    fn start(&mut self);
    fn turn(&mut self) -> Turn;
    /// The stage's last call, unless it failed.
    fn end(&mut self);
    /// The cursor whose next move gives the stage something to do; `None` if there may be something already, or
    /// it waits for what no cursor tells.
    fn parks_at(&self) -> Option<&Cursor>;
    /// The sequence behind the last event that it finished.
    fn done(&self) -> u64;
    /// Gives the handler (or the journal's writer) back.
    fn into_any(self: Box<Self>) -> Box<dyn Any + Send>;
}

/// Events between two moves of a stage's cursor: a slow batch must not look like a full ring.
const CURSOR_STRIDE: u64 = 128;

pub(crate) struct HandlerStage<E, H, M> {
    name: String,
    handler: H,
    meter: M,
    wiring: Option<Wiring<E>>,
    done: u64,
    is_live: bool,
}

impl<E: Event, H: Handler<E>, M: Meter> HandlerStage<E, H, M> {
    pub(crate) fn new(name: String, handler: H, meter: M) -> Self {
        HandlerStage { name, handler, meter, wiring: None, done: 0, is_live: false }
    }
}

impl<E: Event, H: Handler<E>, M: Meter> RunStage<E> for HandlerStage<E, H, M> {
    fn wire(&mut self, wiring: Wiring<E>) {
        self.meter.wire(&wiring.clock);
        self.done = wiring.base;
        self.wiring = Some(wiring);
    }

    fn start(&mut self) {
        self.handler.start();
    }

    fn turn(&mut self) -> Turn {
        let Some(wiring) = &mut self.wiring else { return Turn::Ended };
        let start = self.done;
        if !self.is_live && start >= wiring.live_from {
            self.is_live = true;
            self.handler.live(wiring.live_from);
        }
        let gate_end = wiring.watch.end(start);
        if gate_end <= start {
            // Never poll behind a closed gate: with several publishers each poll scans all that is published.
            self.handler.idle();
            return if wiring.status.final_end() <= start { Turn::Ended } else { Turn::Idle };
        }
        let limit = (gate_end - start).min(wiring.batch);
        let (handler, meter) = (&mut self.handler, &mut self.meter);
        let (cursor, parking) = (&wiring.cursor, &*wiring.parking);
        let (mut time_ns, live_from) = (wiring.time_ns, wiring.live_from);
        let (mut at, mut failure) = (start, None);
        // The handler is not used again after a panic but to be given back.
        let result = catch_unwind(AssertUnwindSafe(|| {
            wiring.poller.batch(limit, |slot, remaining| {
                if at == start {
                    handler.batch_start(remaining as u64 + 1);
                }
                time_ns = time_ns.max(slot.time_ns);
                if !slot.void {
                    let context = Context { sequence: at, time_ns, live_from, remaining: remaining as u32 };
                    if let Err(error) = handler.event(&slot.event, &context) {
                        failure = Some(error);
                        return Visit::Stop;
                    }
                    meter.finished(slot.time_ns, at >= live_from);
                }
                at += 1;
                if at % CURSOR_STRIDE == 0 {
                    cursor.set(at);
                    parking.wake(cursor);
                }
                if remaining == 0 {
                    handler.batch_end();
                }
                Visit::Done
            })
        }));
        // Only what is finished counts, whatever happened: `at` is the event in hand when it did.
        wiring.time_ns = time_ns;
        self.done = at;
        if at > start {
            wiring.batches.took(at - start);
            cursor.set(at);
            parking.wake(cursor);
        }
        let cause = match (result, failure) {
            (Ok(_), None) if at > start => return Turn::Worked(at - start),
            (Ok(_), None) => {
                handler.idle();
                return if wiring.status.final_end() <= at { Turn::Ended } else { Turn::Idle };
            }
            (Ok(_), Some(error)) => Cause::Error(error.into()),
            (Err(panic), _) => Cause::Panic(panic_text(&*panic)),
        };
        wiring.status.halt(Halted { stage: self.name.clone(), sequence: at, cause });
        Turn::Failed
    }

    fn end(&mut self) {
        self.handler.shutdown();
    }

    fn parks_at(&self) -> Option<&Cursor> {
        let wiring = self.wiring.as_ref()?;
        let closed_by = wiring.watch.closed_by(self.done);
        closed_by.or_else(|| (!wiring.poller.has_news()).then_some(&wiring.published))
    }

    fn done(&self) -> u64 {
        self.done
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any + Send> {
        Box::new(self.handler)
    }
}

/// The message of a panic, if it has one.
pub(crate) fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".to_owned())
}
