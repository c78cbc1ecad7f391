//! What a stage does with an event: a closure, or a [`Handler`] with the calls around it.

use std::error::Error;

use crate::Event;

/// What a handler may know of the event that it is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Context {
    pub(crate) sequence: u64,
    pub(crate) time_ns: u64,
    pub(crate) live_from: u64,
    pub(crate) remaining: u32,
}

impl Context {
    /// The event's sequence.
    #[inline]
    pub fn sequence(&self) -> u64 {
        self.sequence
    }

    /// The event's time in nanoseconds: the greatest time of any event up to this one, the same in every stage,
    /// in the journal and in replay. The only time that a deterministic handler may look at.
    #[inline]
    pub fn time_ns(&self) -> u64 {
        self.time_ns
    }

    /// Whether the event comes from the journal, from before this life. State must not depend on it, and it
    /// alone must never mute an effect: the process may have died between record and effect.
    #[inline]
    pub fn is_replay(&self) -> bool {
        self.sequence < self.live_from
    }

    /// Whether this is the last event of the batch: a good moment to flush. Not deterministic.
    #[inline]
    pub fn end_of_batch(&self) -> bool {
        self.remaining == 0
    }
}

/// Why a handler could not process an event.
pub type HandlerError = Box<dyn Error + Send + Sync>;

/// A stage's code. Only `event` may change state that replay must rebuild; the other calls depend on timing.
///
/// Any `FnMut(&E, &Context)` is a handler, whether it returns nothing or a `Result<(), X>`.
pub trait Handler<E: Event>: Send + 'static {
    /// Processes one event.
    ///
    /// # Errors
    /// An error halts the engine.
    fn event(&mut self, event: &E, context: &Context) -> Result<(), HandlerError>;

    /// Called once on the lane's thread before the first event.
    fn start(&mut self) {}

    /// Called before each batch with its size, and how many events wait behind the gate's opening.
    fn batch_start(&mut self, _size: u64) {}

    /// Called after each batch that was processed whole.
    fn batch_end(&mut self) {}

    /// Called when the stage has processed the last replayed event: everything from `sequence` on is live.
    fn live(&mut self, _sequence: u64) {}

    /// Called when a turn found nothing to do.
    fn idle(&mut self) {}

    /// Called once when the stage ends in good order.
    fn shutdown(&mut self) {}
}

/// What a handler's closure may return.
pub trait Outcome {
    /// As a result.
    ///
    /// # Errors
    /// The closure's own.
    fn into_result(self) -> Result<(), HandlerError>;
}

impl Outcome for () {
    #[inline(always)]
    fn into_result(self) -> Result<(), HandlerError> {
        Ok(())
    }
}

impl<X: Into<HandlerError>> Outcome for Result<(), X> {
    #[inline(always)]
    fn into_result(self) -> Result<(), HandlerError> {
        self.map_err(Into::into)
    }
}

impl<E: Event, F, O> Handler<E> for F
where
    F: FnMut(&E, &Context) -> O + Send + 'static,
    O: Outcome,
{
    #[inline(always)]
    fn event(&mut self, event: &E, context: &Context) -> Result<(), HandlerError> {
        self(event, context).into_result()
    }
}
