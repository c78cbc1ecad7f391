//! Publishing without waiting: at once, or not at all.

use std::sync::atomic::Ordering;

use slipring_journal::Event;

use super::publisher::Publisher;
use crate::error::PublishError;
use crate::ring::Slot;

impl<E: Event> Publisher<E> {
    /// Publishes an event if there is room for it now.
    ///
    /// # Errors
    /// As [`Publisher::publish`], and [`PublishError::Full`].
    #[inline]
    pub fn try_publish(&mut self, event: E) -> Result<u64, PublishError<E>> {
        let time_ns = self.now_ns();
        self.put(time_ns, Some(time_ns), event, |publisher, _| Err(publisher.full()))
    }

    /// As [`Publisher::try_publish`], with the event's own time.
    ///
    /// # Errors
    /// As [`Publisher::try_publish`].
    #[inline]
    pub fn try_publish_at(&mut self, time_ns: u64, event: E) -> Result<u64, PublishError<E>> {
        self.put(time_ns, self.called_ns(), event, |publisher, _| Err(publisher.full()))
    }

    /// As [`Publisher::try_publish`], an event made as by [`Publisher::publish_with`]; with `Full` comes the
    /// event.
    ///
    /// # Errors
    /// As [`Publisher::try_publish`].
    #[inline]
    pub fn try_publish_with(&mut self, fill: impl FnOnce(&mut E)) -> Result<u64, PublishError<E>> {
        let mut event = E::zeroed();
        fill(&mut event);
        self.try_publish(event)
    }

    /// Publishes all of `events` in a row if there is room for all of them now, with the clock's time, read
    /// once, and gives the sequence of the last; `None` if there are none. More than the ring holds never
    /// find room.
    ///
    /// # Errors
    /// As [`Publisher::try_publish`]; none was published, and the 0 with the error says so.
    pub fn try_publish_all(&mut self, events: &[E]) -> Result<Option<u64>, PublishError<usize>> {
        let time_ns = self.now_ns();
        self.check_time_of_all(time_ns)?;
        let fill = |index: usize, slot: &mut Slot<E>| slot.put(time_ns, &events[index]);
        let last = self.try_put_all(events.len(), Some(time_ns), fill)?;
        self.last_ns = self.last_ns.max(time_ns);
        Ok(last)
    }

    /// As [`Publisher::try_publish_all`], each event with its own time.
    ///
    /// # Errors
    /// As [`Publisher::try_publish_all`].
    pub fn try_publish_all_at(&mut self, events: &[(u64, E)]) -> Result<Option<u64>, PublishError<usize>> {
        let called_ns = self.called_ns();
        let latest_ns = self.check_times(events)?;
        let fill = |index: usize, slot: &mut Slot<E>| slot.put(events[index].0, &events[index].1);
        let last = self.try_put_all(events.len(), called_ns, fill)?;
        self.last_ns = self.last_ns.max(latest_ns);
        Ok(last)
    }

    fn try_put_all(
        &mut self,
        count: usize,
        called_ns: Option<u64>,
        fill: impl FnMut(usize, &mut Slot<E>),
    ) -> Result<Option<u64>, PublishError<usize>> {
        self.check().map_err(|error| error.map(|()| 0))?;
        if count == 0 {
            return Ok(None);
        }
        let fits = count <= self.outlet.capacity;
        let status = &*self.outlet.status;
        let try_now = || self.producer.try_publish_all(|| status.lets_publish(), count, called_ns, fill);
        match fits.then(try_now).flatten() {
            Some(sequence) => Ok(Some(self.note(sequence))),
            None => Err(self.full().map(|()| 0)),
        }
    }

    /// Publishes an event, called at `called_ns`, if there is room for it now, and counts nothing if there is
    /// none: for who comes again until there is.
    #[inline]
    pub(super) fn put_now(
        &mut self,
        time_ns: u64,
        called_ns: Option<u64>,
        event: E,
    ) -> Result<u64, PublishError<E>> {
        let full = |publisher: &mut Self, _| publisher.check().and(Err(PublishError::Full(())));
        self.put(time_ns, called_ns, event, full)
    }

    /// Why a publish that does not wait was refused: the ring is full, unless the engine has ended.
    #[cold]
    #[inline(never)]
    pub(super) fn full(&self) -> PublishError<()> {
        if let Err(ended) = self.check() {
            return ended;
        }
        // Relaxed: a figure.
        self.outlet.counters.each(|line| line.full_refusals.fetch_add(1, Ordering::Relaxed));
        self.tell();
        PublishError::Full(())
    }
}
