//! What the loop stands between: the journal, the messages on their way, the server.

use async_nats::jetstream::stream::Stream;
use async_nats::subject::Subject;
use slipring_bridge::compose::Composer;
use slipring_bridge::follow::{Follow, Followed};
use slipring_bridge::history::Judge;
use slipring_bridge::source::Source;
use slipring_bridge::wire::{Kind, MOST_IN_FLIGHT};
use slipring_journal::{Anchor, Journal, JournalIdentity, RawFollower};
use tokio::sync::mpsc;

use super::flight::Flight;
use super::{OutOptions, Progress};
use crate::connect::Link;
use crate::error::OutError;
use crate::stream::StreamFound;

/// Batches that wait between the journal's thread and the loop.
const WAITING: usize = 8;

/// The server, and the stream there.
pub(super) struct Server {
    pub(super) link: Link,
    pub(super) stream: Stream,
    pub(super) subject: Subject,
    /// So many messages at most are awaited at once.
    pub(super) most_in_flight: usize,
    /// With how many at once it begins behind a place of which it knows nothing.
    pub(super) begin_with: usize,
}

impl Server {
    pub(super) fn new(link: Link, stream: Stream, found: &StreamFound, options: &OutOptions) -> Self {
        // Without atomic batches nothing may be on its way behind what may be refused.
        let (most_in_flight, begin_with) = match found.is_atomic {
            true => (options.most_in_flight.clamp(1, MOST_IN_FLIGHT), MOST_IN_FLIGHT),
            false => (1, 1),
        };
        let subject = options.stream.subject().into();
        Server { link, stream, subject, most_in_flight, begin_with }
    }
}

/// The journal, which a thread reads.
pub(super) struct Local {
    pub(super) identity: JournalIdentity,
    pub(super) judge: Judge,
    pub(super) follow: Follow,
    pub(super) followed: mpsc::Receiver<Followed>,
    /// Asks how far the journal is durable.
    pub(super) looker: RawFollower,
}

impl Local {
    pub(super) fn new(journal: &Journal, source: Source) -> Result<Self, OutError> {
        let (identity, judge) = (source.identity()?, source.judge());
        let looker = journal.follow_raw(u64::MAX >> 2).map_err(|fault| OutError::Journal(fault.into()))?;
        let (give, followed) = mpsc::channel(WAITING);
        let follow = Follow::start(source, move |told| give.blocking_send(told).is_ok());
        Ok(Local { identity, judge, follow: follow.map_err(OutError::Thread)?, followed, looker })
    }
}

/// The messages, and how far they are.
pub(super) struct Line {
    pub(super) composer: Composer,
    pub(super) flight: Flight,
    pub(super) progress: Progress,
    /// All before it was handed out, and there was no more.
    pub(super) caught_up: Option<u64>,
    /// The record of which was told last that it was acknowledged.
    pub(super) told: Option<Anchor>,
}

impl Line {
    /// Nothing on its way yet.
    pub(super) fn new(identity: JournalIdentity, position: u64) -> Self {
        let progress = Progress { acknowledged: position, ..Progress::default() };
        let (composer, flight) = (Composer::new(identity), Flight::behind(0, position));
        Line { composer, flight, progress, caught_up: None, told: None }
    }

    /// The first messages on their way have arrived; the last record of them, if that was not told yet.
    pub(super) fn arrive(&mut self, count: usize) -> Option<Anchor> {
        for _ in 0..count {
            let Some(message) = self.flight.pop() else { break };
            let (progress, head) = (&mut self.progress, message.head);
            progress.messages += 1;
            if head.kind == Kind::Records {
                let (journal_id, sequence, epoch, crc) =
                    (head.journal_id, head.end() - 1, head.epoch, head.crc);
                progress.anchor = Some(Anchor { journal_id, sequence, epoch, crc });
                progress.records += u64::from(head.count);
                progress.bytes += message.payload_bytes() as u64;
            }
        }
        let Line { flight, progress, told, .. } = self;
        (progress.acknowledged, progress.stream_sequence) = (flight.end(), flight.place());
        progress.end = progress.end.max(progress.acknowledged);
        progress.anchor.filter(|anchor| told.replace(*anchor) != Some(*anchor))
    }
}
