//! Streams that are made for one round and removed behind it, and what they are filled with.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use async_nats::jetstream::Context;
use async_nats::jetstream::consumer::{AckPolicy, pull};
use async_nats::subject::Subject;
use futures_util::StreamExt;
use slipring_bridge::compose::Composer;
use slipring_bridge::source::{Source, SourceOptions};
use slipring_bridge::wire::MOST_IN_FLIGHT;
use slipring_jetstream::connect::{Connect, Link};
use slipring_jetstream::message::Outgoing;
use slipring_jetstream::out::OutOptions;
use slipring_jetstream::stream::StreamOptions;
use slipring_journal::Journal;
use slipring_test_servers::nats::Nats;

use crate::Failed;

/// Whom to connect to.
pub fn to(url: &str) -> Connect {
    Connect { servers: url.split(',').map(str::to_owned).collect(), ..Connect::default() }
}

/// The stream as the bridge makes it.
pub fn options(name: &str, replicas: usize) -> StreamOptions {
    let (name, replicas) = (name.to_owned(), Some(replicas));
    StreamOptions { name, subject: None, replicas, max_age: None, max_bytes: None, kept: None }
}

/// A bridge as the command starts it.
pub fn out_options(name: &str, replicas: usize, ahead_of_disk: bool) -> OutOptions {
    let (reader, max_delay) = (format!("jetstream-{name}"), Duration::from_millis(1));
    OutOptions {
        source: SourceOptions { reader, max_delay, ahead_of_disk },
        stream: options(name, replicas),
        most_in_flight: MOST_IN_FLIGHT,
        trust_position: false,
        until_caught_up: false,
        give_up: Some(Duration::from_secs(60)),
    }
}

/// Makes it, and waits until its servers have agreed on it.
pub async fn make(jetstream: &Context, nats: &Nats, name: &str, replicas: usize) -> Result<(), Failed> {
    options(name, replicas).make_or_check(jetstream).await?;
    nats.wait_for_stream_leader(name);
    Ok(())
}

/// Removes it.
pub async fn remove(link: &Link, name: &str) -> Result<(), Failed> {
    link.jetstream.delete_stream(name).await?;
    Ok(())
}

/// A journal's records in the messages that the bridge would make, for a stream that is empty.
pub fn composed(journal: &Journal, reader: &str) -> Result<Vec<Outgoing>, Failed> {
    let source = SourceOptions { reader: reader.to_owned(), max_delay: Duration::ZERO, ahead_of_disk: false };
    let mut source = Source::open(journal, &source)?;
    let mut composer = Composer::new(source.identity()?);
    let mut messages = Vec::new();
    while let Some(batch) = source.next_batch()? {
        let place = messages.len() as u64 + 1;
        messages.extend(composer.compose(batch, place).into_iter().map(Outgoing::from));
    }
    Ok(messages)
}

/// Publishes them as the bridge would, and does nothing else; until the last is acknowledged.
pub async fn publish(jetstream: &Context, name: &str, messages: &[Outgoing]) -> Result<Duration, Failed> {
    let subject = Subject::from(name);
    let mut flight = VecDeque::with_capacity(MOST_IN_FLIGHT);
    let begun = Instant::now();
    for (behind, message) in (0..).zip(messages) {
        if flight.len() == MOST_IN_FLIGHT
            && let Some(first) = flight.pop_front()
        {
            first.await?;
        }
        flight.push_back(jetstream.send_publish(subject.clone(), message.publish_behind(behind)).await?);
    }
    for ack in flight {
        ack.await?;
    }
    Ok(begun.elapsed())
}

/// Takes so many messages as the bridge would, and gives each one's payload; since when, and how long until
/// the last.
pub async fn consume(
    jetstream: &Context,
    name: &str,
    messages: usize,
    mut give: impl FnMut(&[u8]) -> Result<(), Failed>,
) -> Result<(Instant, Duration), Failed> {
    let stream = jetstream.get_stream(name).await?;
    let begun = Instant::now();
    let config = pull::Config {
        ack_policy: AckPolicy::None,
        filter_subject: name.to_owned(),
        num_replicas: 1,
        memory_storage: true,
        ..pull::Config::default()
    };
    let consumer = stream.create_consumer(config).await?;
    let pulled = consumer.stream().max_messages_per_batch(4096).max_bytes_per_batch(8 << 20);
    let mut pulled = pulled.expires(Duration::from_secs(30)).messages().await?;
    for _ in 0..messages {
        let message = pulled.next().await.ok_or("the consumer has ended")??;
        give(&message.payload)?;
    }
    Ok((begun, begun.elapsed()))
}
