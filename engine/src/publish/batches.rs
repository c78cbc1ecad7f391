//! Publishing many events at once, in parts where the ring is smaller than they are.

use slipring_journal::Event;

use super::publisher::Publisher;
use crate::error::PublishError;
use crate::ring::{Fill, Slot};

/// Most events of a part that is checked: the stages are at work on it while the next is filled.
const MOST_CHECKED: usize = 1024;

impl<E: Event> Publisher<E> {
    /// Publishes events with the clock's time, read once, and gives the sequence of the last; `None` if there
    /// are none. Waits while the ring is full.
    ///
    /// More events than half the ring go in several parts, between which other publishers may come.
    ///
    /// # Errors
    /// As [`Publisher::publish`]; with the error comes how many were published.
    pub fn publish_all(&mut self, events: &[E]) -> Result<Option<u64>, PublishError<usize>> {
        let time_ns = self.now_ns();
        self.check_time_of_all(time_ns)?;
        let fill = |index: usize, slot: &mut Slot<E>| slot.put(time_ns, &events[index]);
        let last = self.put_all(events.len(), Some(time_ns), fill)?;
        self.last_ns = self.last_ns.max(time_ns);
        Ok(last)
    }

    /// As [`Publisher::publish_all`], each event with its own time.
    ///
    /// # Errors
    /// As [`Publisher::publish_all`]; none was published if it is [`PublishError::TimeTooFar`].
    pub fn publish_all_at(&mut self, events: &[(u64, E)]) -> Result<Option<u64>, PublishError<usize>> {
        let called_ns = self.called_ns();
        let latest_ns = self.check_times(events)?;
        let fill = |index: usize, slot: &mut Slot<E>| slot.put(events[index].0, &events[index].1);
        let last = self.put_all(events.len(), called_ns, fill)?;
        self.last_ns = self.last_ns.max(latest_ns);
        Ok(last)
    }

    /// Publishes `count` slots in parts of at most half the ring, and says for stamps when it was called.
    /// `fill` only copies from the caller's slice and does not panic: claimed slots that are never filled
    /// would stall a ring with several publishers.
    #[inline]
    pub(crate) fn put_all(
        &mut self,
        count: usize,
        called_ns: Option<u64>,
        fill: impl Fn(usize, &mut Slot<E>),
    ) -> Result<Option<u64>, PublishError<usize>> {
        let most = (self.outlet.capacity / 2).max(1);
        let (mut done, mut last) = (0, None);
        let mut full = 0u32;
        while done < count {
            let part = (count - done).min(most);
            let status = &*self.outlet.status;
            let fill = |index: usize, slot: &mut Slot<E>| fill(done + index, slot);
            match self.producer.try_publish_all(|| status.lets_publish(), part, called_ns, fill) {
                Some(sequence) => {
                    done += part;
                    last = Some(self.note(sequence));
                    self.outlet.published.show();
                    full = 0;
                }
                None => {
                    full = full.saturating_add(1);
                    self.wait_for_room(full, None).map_err(|error| error.map(|()| done))?;
                }
            }
        }
        Ok(last)
    }

    /// Whether [`Publisher::put_checked`] may be called.
    pub(crate) fn can_refuse(&self) -> bool {
        self.producer.can_refuse()
    }

    /// As [`Publisher::put_all`], but each part is published only if `fill` says so when it has been filled;
    /// the first that is not ends it. How many were published.
    #[inline(always)]
    pub(crate) fn put_checked(
        &mut self,
        count: usize,
        mut fill: impl Fill<E>,
    ) -> Result<usize, PublishError<()>> {
        let most = (self.outlet.capacity / 2).clamp(1, MOST_CHECKED);
        let (mut done, mut full) = (0, 0u32);
        while done < count {
            let part = (count - done).min(most);
            let status = &*self.outlet.status;
            match self.producer.try_publish_checked(|| status.lets_publish(), part, &mut fill, done) {
                Some(Some(sequence)) => {
                    done += part;
                    self.note(sequence);
                    full = 0;
                }
                Some(None) => break,
                None => {
                    full = full.saturating_add(1);
                    self.wait_for_room(full, None)?;
                }
            }
        }
        Ok(done)
    }
}
