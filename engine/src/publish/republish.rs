//! Who can publish an event again that is in the journal already.

use slipring_journal::Event;

use super::publisher::Publisher;
use crate::error::PublishError;

/// A publisher by which dead letters are published again: [`Publisher`], or
/// [`IdempotentPublisher`](crate::IdempotentPublisher), to which the event's id is then no double.
///
/// See the example of [`DeadLetters::reprocess`](crate::DeadLetters::reprocess).
pub trait Republish<E: Event>: sealed::Sealed {
    /// Publishes it now, or not at all.
    #[doc(hidden)]
    fn try_again(&mut self, event: E) -> Result<u64, PublishError<E>>;

    /// The publisher itself.
    #[doc(hidden)]
    fn plain(&mut self) -> &mut Publisher<E>;
}

pub(super) mod sealed {
    pub trait Sealed {}
}

impl<E: Event> sealed::Sealed for Publisher<E> {}

impl<E: Event> Republish<E> for Publisher<E> {
    fn try_again(&mut self, event: E) -> Result<u64, PublishError<E>> {
        let time_ns = self.now_ns();
        self.put_now(time_ns, Some(time_ns), event)
    }

    fn plain(&mut self) -> &mut Publisher<E> {
        self
    }
}
