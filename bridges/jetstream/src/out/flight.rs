//! What is on its way, in order, and what of it has arrived.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;

use async_nats::jetstream::context::PublishError;
use async_nats::jetstream::publish::PublishAck;

use super::look::Last;
use crate::message::Outgoing;

/// An acknowledgement that is awaited.
pub(super) type Ack = Pin<Box<dyn Future<Output = Result<PublishAck, PublishError>> + Send>>;

/// A message on its way.
pub(super) struct Sent {
    pub(super) message: Outgoing,
    /// The stream sequence that it gets, or none.
    pub(super) place: u64,
    /// It and those behind it, so many, are taken at once; 0 of these others.
    pub(super) at_once: usize,
    pub(super) ack: Option<Ack>,
}

impl std::fmt::Debug for Sent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sent").field("head", &self.message.head).field("place", &self.place).finish()
    }
}

/// What is on its way behind a place that is known.
#[derive(Debug)]
pub(super) struct Flight {
    queue: VecDeque<Sent>,
    /// The stream's last message before them.
    place: u64,
    /// The sequence behind the last record before them.
    end: u64,
}

/// What a look at the stream's last message says of them.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Arrived {
    /// So many of them, the first ones.
    First(usize),
    /// The stream's last message is none of them, and not the one before them.
    Unknown,
}

impl Flight {
    /// Nothing yet, behind the stream's message `place`, and the record before `end`.
    pub(super) fn behind(place: u64, end: u64) -> Self {
        Flight { queue: VecDeque::new(), place, end }
    }

    /// The stream sequence of the last message that has arrived for sure.
    pub(super) fn place(&self) -> u64 {
        self.place
    }

    /// The sequence behind the last record that has.
    pub(super) fn end(&self) -> u64 {
        self.end
    }

    pub(super) fn len(&self) -> usize {
        self.queue.len()
    }

    /// The place that the next message gets.
    pub(super) fn next_place(&self) -> u64 {
        self.place + self.queue.len() as u64 + 1
    }

    /// Takes a message, with which so many are taken at once; it gets the next place.
    pub(super) fn push(&mut self, message: Outgoing, at_once: usize) {
        let place = self.next_place();
        self.queue.push_back(Sent { message, place, at_once, ack: None });
    }

    /// How many the first acknowledgement is of.
    pub(super) fn first_count(&self) -> usize {
        self.queue.front().map_or(1, |sent| sent.at_once.max(1))
    }

    /// The first one's acknowledgement; never, if there is none to wait for.
    pub(super) async fn first_ack(&mut self) -> Result<PublishAck, PublishError> {
        poll_fn(|context| match self.queue.front_mut().and_then(|sent| sent.ack.as_mut()) {
            Some(ack) => ack.as_mut().poll(context),
            None => Poll::Pending,
        })
        .await
    }

    /// Whether an acknowledgement is awaited.
    pub(super) fn is_awaited(&self) -> bool {
        self.queue.front().is_some_and(|sent| sent.ack.is_some())
    }

    /// The first one has arrived.
    pub(super) fn pop(&mut self) -> Option<Outgoing> {
        let Sent { message, place, .. } = self.queue.pop_front()?;
        (self.place, self.end) = (place, message.head.end());
        Some(message)
    }

    /// What of it has arrived, if the stream ends so.
    pub(super) fn arrived(&self, last: &Last) -> Arrived {
        if last.place() == self.place {
            return Arrived::First(0);
        }
        let is_it = |sent: &Sent| sent.place == last.place() && Some(&sent.message.head) == last.head();
        self.queue.iter().position(is_it).map_or(Arrived::Unknown, |at| Arrived::First(at + 1))
    }

    /// No acknowledgement is awaited any more.
    pub(super) fn forget_acks(&mut self) {
        self.queue.iter_mut().for_each(|sent| sent.ack = None);
    }

    /// Those that are to be sent next, as one; none before what is taken at once has arrived, and none beyond
    /// so many.
    pub(super) fn unsent(&mut self, most: usize) -> Option<&mut [Sent]> {
        let queue = self.queue.make_contiguous();
        let at = queue.iter().position(|sent| sent.ack.is_none() && sent.at_once > 0)?;
        let is_held = queue[..at].iter().any(|sent| sent.at_once != 1);
        let next = &mut queue[at..];
        let count = next[0].at_once.min(next.len());
        (!is_held && at < most && (count == 1 || at == 0)).then_some(&mut next[..count])
    }
}

#[cfg(test)]
mod tests {
    use slipring_bridge::compose::Message;
    use slipring_bridge::wire::{Head, Kind};
    use slipring_journal::JournalId;

    use super::*;

    fn head(first: u64) -> Head {
        let (kind, journal_id) = (Kind::Records, JournalId([1; 16]));
        Head {
            kind,
            journal_id,
            branch: [0; 16],
            epoch: 1,
            first,
            count: 10,
            crc: 7,
            time_ns: 0,
            schema: Some(1),
        }
    }

    fn flight() -> Flight {
        let mut flight = Flight::behind(5, 100);
        for first in [100, 110, 120] {
            flight.push(Message { head: head(first), payload: Vec::new() }.into(), 1);
        }
        flight
    }

    #[test]
    fn what_has_arrived_is_told_by_the_last_message() {
        let flight = flight();
        let arrived = |place, head| flight.arrived(&Last::Message { place, head });
        assert_eq!(arrived(5, head(90)), Arrived::First(0));
        assert_eq!(arrived(6, head(100)), Arrived::First(1));
        assert_eq!(arrived(8, head(120)), Arrived::First(3));
        // Of another sender: it lies at a place of ours, and is none of ours.
        assert_eq!(arrived(6, Head { count: 5, ..head(100) }), Arrived::Unknown);
        assert_eq!(arrived(6, Head { epoch: 2, ..head(100) }), Arrived::Unknown);
        assert_eq!(arrived(9, head(130)), Arrived::Unknown);
        assert_eq!(arrived(4, head(80)), Arrived::Unknown);
        // All of it got too old meanwhile.
        assert_eq!(flight.arrived(&Last::Emptied(5)), Arrived::First(0));
        assert_eq!(flight.arrived(&Last::Emptied(6)), Arrived::Unknown);
    }

    /// Where those lie that are sent next, and how many they are; they are awaited from now on.
    fn next(flight: &mut Flight, most: usize) -> Option<(u64, usize)> {
        let sent = flight.unsent(most)?;
        sent[0].ack = Some(Box::pin(std::future::pending()));
        Some((sent[0].place, sent.len()))
    }

    #[test]
    fn what_is_taken_at_once_goes_alone() {
        let mut flight = Flight::behind(5, 100);
        let message = || Message { head: Head { count: 0, ..head(100) }, payload: Vec::new() }.into();
        [3, 0, 0, 1, 1].into_iter().for_each(|at_once| flight.push(message(), at_once));
        assert_eq!((next(&mut flight, 64), flight.first_count()), (Some((6, 3)), 3));
        assert_eq!(next(&mut flight, 64), None);
        (0..3).for_each(|_| drop(flight.pop()));
        assert_eq!((next(&mut flight, 64), flight.first_count()), (Some((9, 1)), 1));
        assert_eq!(next(&mut flight, 1), None);
        assert_eq!((next(&mut flight, 2), next(&mut flight, 3)), (Some((10, 1)), None));
    }

    #[test]
    fn places_and_ends_follow_what_arrived() {
        let mut flight = flight();
        assert_eq!((flight.next_place(), next(&mut flight, 64)), (9, Some((6, 1))));
        assert_eq!(flight.pop().map(|message| message.head.first), Some(100));
        assert_eq!((flight.place(), flight.end(), flight.len(), flight.next_place()), (6, 110, 2, 9));
    }
}
