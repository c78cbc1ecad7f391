//! Publishing each event once: one whose id is there already is dropped.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use slipring_journal::Event;

use super::doubles::{ById, IdOf, IdsSeen};
use super::publisher::Publisher;
use super::republish::{Republish, sealed};
use crate::error::PublishError;

/// What became of an event.
///
/// See the example of [`Doubles`](crate::Doubles).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Published {
    /// It was published.
    New {
        /// Its sequence.
        sequence: u64,
    },
    /// An event with its id was published before, within the window. This one is nowhere, and is counted.
    Double {
        /// The sequence of that event.
        sequence: u64,
    },
}

impl Published {
    /// The sequence of the event with this id, whether it was published now or before.
    pub fn sequence(self) -> u64 {
        let (Published::New { sequence } | Published::Double { sequence }) = self;
        sequence
    }

    /// Whether the event was dropped.
    pub fn is_double(self) -> bool {
        matches!(self, Published::Double { .. })
    }
}

/// Publishes events into an engine's ring, but for those whose id was published before within the window:
/// [`Recovered::go_live_without_doubles`](crate::Recovered::go_live_without_doubles).
///
/// An event that comes back with an error was not published, and its id is not taken.
///
/// The publishers of one engine share the window. It lies behind a lock, which each takes for a look and a
/// publish that does not wait; what waits for room waits without the lock. So what one of them published is a
/// double to all others at once.
///
/// See the example of [`Doubles`](crate::Doubles).
///
/// More: [drop doubles](https://github.com/slipring/slipring/blob/main/docs/how-to/drop-doubles.md).
pub struct IdempotentPublisher<E: Event, I: IdOf<E> = ById> {
    publisher: Publisher<E>,
    seen: Arc<IdsSeen<I>>,
}

impl<E: Event, I: IdOf<E>> IdempotentPublisher<E, I> {
    pub(crate) fn new(publisher: Publisher<E>, seen: Arc<IdsSeen<I>>) -> Self {
        IdempotentPublisher { publisher, seen }
    }

    /// Publishes an event with the clock's time, unless it is a double. Waits while the ring is full.
    ///
    /// # Errors
    /// As [`Publisher::publish`].
    pub fn publish(&mut self, event: E) -> Result<Published, PublishError<E>> {
        self.put(None, event, |publisher, tries| publisher.wait_for_room(tries, None))
    }

    /// As [`IdempotentPublisher::publish`], an event that happened at `time_ns`.
    ///
    /// # Errors
    /// As [`Publisher::publish_at`].
    pub fn publish_at(&mut self, time_ns: u64, event: E) -> Result<Published, PublishError<E>> {
        self.put(Some(time_ns), event, |publisher, tries| publisher.wait_for_room(tries, None))
    }

    /// As [`IdempotentPublisher::publish_at`], waiting at most `timeout` for room.
    ///
    /// # Errors
    /// As [`Publisher::publish_timeout`].
    pub fn publish_timeout(
        &mut self,
        time_ns: u64,
        event: E,
        timeout: Duration,
    ) -> Result<Published, PublishError<E>> {
        let deadline = Instant::now().checked_add(timeout);
        self.put(Some(time_ns), event, |publisher, tries| publisher.wait_for_room(tries, deadline))
    }

    /// Publishes an event with the clock's time if there is room for it now, unless it is a double.
    ///
    /// # Errors
    /// As [`Publisher::try_publish`].
    pub fn try_publish(&mut self, event: E) -> Result<Published, PublishError<E>> {
        self.put(None, event, |publisher, _| Err(publisher.full()))
    }

    /// As [`IdempotentPublisher::try_publish`], with the event's own time.
    ///
    /// # Errors
    /// As [`Publisher::try_publish_at`].
    pub fn try_publish_at(&mut self, time_ns: u64, event: E) -> Result<Published, PublishError<E>> {
        self.put(Some(time_ns), event, |publisher, _| Err(publisher.full()))
    }

    /// Another for the same ring and window, for another thread; `None` unless the engine was built with
    /// [`Publishers::Multi`](crate::Publishers::Multi).
    #[must_use]
    pub fn try_clone(&self) -> Option<Self> {
        Some(IdempotentPublisher { publisher: self.publisher.try_clone()?, seen: Arc::clone(&self.seen) })
    }

    /// A plain publisher for the same ring, for timers and outputs; `None` as for
    /// [`IdempotentPublisher::try_clone`]. It looks at no id and notes none: publish by it only events that
    /// have none. The id of one that has is known from the next opening on.
    #[must_use]
    pub fn try_clone_plain(&self) -> Option<Publisher<E>> {
        self.publisher.try_clone()
    }

    /// Whether the engine takes events: it has not halted, and nobody shuts it down.
    pub fn is_open(&self) -> bool {
        self.publisher.is_open()
    }

    fn put(
        &mut self,
        time_ns: Option<u64>,
        event: E,
        mut on_full: impl FnMut(&mut Publisher<E>, u32) -> Result<(), PublishError<()>>,
    ) -> Result<Published, PublishError<E>> {
        let (id, called_ns) = (self.seen.id_of.id_of(&event), self.publisher.called_ns());
        let mut tries = 0u32;
        loop {
            match self.put_now((time_ns, called_ns), event, id, true) {
                Err(PublishError::Full(_)) => {}
                published => return published,
            }
            tries = tries.saturating_add(1);
            on_full(&mut self.publisher, tries).map_err(|error| error.map(|()| event))?;
        }
    }

    /// Publishes an event, with its time and the time of the call, now or not at all; a double not, if it
    /// `drops` them.
    fn put_now(
        &mut self,
        (time_ns, called_ns): (Option<u64>, Option<u64>),
        event: E,
        id: Option<u128>,
        drops: bool,
    ) -> Result<Published, PublishError<E>> {
        let IdempotentPublisher { publisher, seen } = self;
        let mut window = seen.window();
        // Under the lock: times come in the order of sequences.
        let time_ns = time_ns.unwrap_or_else(|| publisher.now_ns());
        if let Some(sequence) = id.filter(|_| drops).and_then(|id| window.find(id, time_ns)) {
            // Relaxed: a figure.
            publisher.outlet.counters.each(|line| line.doubles.fetch_add(1, Ordering::Relaxed));
            return Ok(Published::Double { sequence });
        }
        let sequence = publisher.put_now(time_ns, called_ns, event)?;
        window.note(sequence, id, time_ns);
        Ok(Published::New { sequence })
    }
}

impl<E: Event, I: IdOf<E>> sealed::Sealed for IdempotentPublisher<E, I> {}

impl<E: Event, I: IdOf<E>> Republish<E> for IdempotentPublisher<E, I> {
    /// It is meant to be there twice; its id counts from here on.
    fn try_again(&mut self, event: E) -> Result<u64, PublishError<E>> {
        let id = self.seen.id_of.id_of(&event);
        let called_ns = self.publisher.called_ns();
        self.put_now((None, called_ns), event, id, false).map(Published::sequence)
    }

    fn plain(&mut self) -> &mut Publisher<E> {
        &mut self.publisher
    }
}

impl<E: Event, I: IdOf<E>> std::fmt::Debug for IdempotentPublisher<E, I> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IdempotentPublisher").field("publisher", &self.publisher).finish_non_exhaustive()
    }
}
