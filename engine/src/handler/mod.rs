//! What the user writes: a handler, which is a closure or a [`Handler`] with the calls around each event; and
//! what a handler is told of an event.
//!
//! The folder knows cursors, columns, clocks and the ring's stamps, and nothing of the stages and lanes that
//! call a handler.
//!
//! | file | idea |
//! |---|---|
//! | `context` | what a handler may know of its event, and may say of it |
//! | `latency` | how old events are when a stage has finished them |
//! | `running_digest` | a digest that grows with a history |

pub(crate) mod context;
pub(crate) mod latency;
pub(crate) mod running_digest;

use std::error::Error;

use slipring_journal::Event;

use crate::handler::context::{Batch, Context};

/// Why a handler could not process an event.
///
/// See the example of [`Handler`].
pub type HandlerError = Box<dyn Error + Send + Sync>;

/// An error that halts the engine, whatever the stage does with others: of a handler that has changed its
/// state already, so that the event can't become a [dead letter](crate::OnError::DeadLetter).
///
/// ```
/// # use slipring::{Fatal, HandlerError};
/// fn send(order: u64) -> Result<(), HandlerError> {
///     Err(Fatal(format!("order {order} can't be sent").into()).into())
/// }
/// assert!(send(7).unwrap_err().is::<Fatal>());
/// ```
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Fatal(pub HandlerError);

/// A stage's code. Only `event` may change state that replay must rebuild; the other calls depend on timing.
///
/// Any `FnMut(&E, &Context)` is a handler, whether it returns nothing or a `Result<(), X>`.
///
/// ```
/// use slipring::{Batch, Context, Event, Handler, HandlerError};
/// # #[derive(Clone, Copy, Debug, Event)] #[repr(C)] struct Order { quantity: u64 }
///
/// struct Limit { most: u64, late: bool }
///
/// impl Handler<Order> for Limit {
///     fn batch_start(&mut self, batch: &Batch<'_>) {
///         self.late = batch.lag() > 10_000;
///     }
///
///     fn event(&mut self, order: &Order, context: &Context) -> Result<(), HandlerError> {
///         if order.quantity > self.most {
///             return Err(format!("order {} is too large", context.sequence()).into());
///         }
///         if let Some(key) = context.key() {
///             println!("{key} passed at {} ns", context.time_ns());
///         }
///         Ok(())
///     }
/// }
///
/// fn is_handler(_: impl Handler<Order>) {}
/// is_handler(|order: &Order, _: &Context| println!("{order:?}"));
/// is_handler(|order: &Order, _: &Context| order.quantity.checked_sub(1).map(drop).ok_or("of nothing"));
/// ```
///
/// More: [write a stage that recovers][page].
///
/// [page]: https://github.com/slipring/slipring/blob/main/docs/how-to/write-a-recovering-stage.md
pub trait Handler<E: Event>: Send + 'static {
    /// Processes one event.
    ///
    /// # Errors
    /// An error halts the engine, unless the stage [dead-letters](crate::OnError::DeadLetter) it: then the
    /// state must be as it was before the event.
    fn event(&mut self, event: &E, context: &Context) -> Result<(), HandlerError>;

    /// Called once on the lane's thread before the first event.
    fn start(&mut self) {}

    /// Called before each batch. Not deterministic.
    fn batch_start(&mut self, _batch: &Batch<'_>) {}

    /// Called after each batch that was processed whole.
    fn batch_end(&mut self) {}

    /// Called when the stage has processed the last replayed event: everything from `sequence` on is live.
    fn live(&mut self, _sequence: u64) {}

    /// Called when a turn found nothing to do.
    fn idle(&mut self) {}

    /// Called once when the engine is closed, has halted or is dropped, and the stage has nothing to do just
    /// now: publishing is over. Events may still come.
    fn closing(&mut self) {}

    /// Called once when the stage ends in good order.
    fn shutdown(&mut self) {}
}

/// What a handler's closure may return.
///
/// See the example of [`Handler`].
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
