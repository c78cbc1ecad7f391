//! Messages pulled from a place on, in order and without gaps, whatever becomes of connections and servers.
//!
//! A consumer counts what it delivers. It is told of no loss: what went into a connection that broke, or into
//! a server that died, is gone. So a number that is missing, and one that it has given out and that does not
//! come, both mean the same: begin again, with another consumer, behind the last message that came.

use std::sync::atomic::Ordering;
use std::time::Duration;

use async_nats::jetstream::consumer::{AckPolicy, Consumer, DeliverPolicy, pull};
use async_nats::{Client, jetstream};
use futures_util::StreamExt;

use super::error::InError;
use super::stream::Subject;

/// A pull asks for at most so many messages.
const PULL_MESSAGES: usize = 4096;
/// A pull that nothing comes for ends after so long, and the next one begins.
const PULL_EXPIRES: Duration = Duration::from_secs(30);
/// A server that lives says so as often as that.
const HEARTBEAT: Duration = Duration::from_secs(5);
/// A consumer that nobody pulls from is forgotten by the server after so long.
const FORGOTTEN: Duration = Duration::from_secs(60);

/// What came of waiting for a message.
#[derive(Debug)]
pub(super) enum Pulled {
    /// The next message, and its place in the stream.
    Message(u64, Box<jetstream::Message>),
    /// Nothing came for as long as was waited.
    Nothing,
    /// What comes next was lost on its way: begin again.
    Lost,
}

/// A consumer that is pulled from.
pub(super) struct Pulls {
    client: Client,
    consumer: Consumer<pull::Config>,
    messages: pull::Stream,
    /// How often the client had connected when it began.
    connects: u64,
    /// How many messages came of it.
    came: u64,
    /// How many it had given out when nothing came.
    given: u64,
    /// How often nothing came in a row though there is something.
    held_back: u32,
}

/// So often it may be that a message is just on its way.
const HELD_BACK: u32 = 5;

impl Pulls {
    /// From that place on.
    pub(super) async fn begin(
        client: &Client,
        subject: &Subject,
        at: u64,
        pull_bytes: usize,
    ) -> Result<Self, InError> {
        let connects = connects(client);
        let config = pull::Config {
            description: Some("slipring-bridge in".to_owned()),
            deliver_policy: DeliverPolicy::ByStartSequence { start_sequence: at.max(1) },
            ack_policy: AckPolicy::None,
            filter_subject: subject.subject.clone(),
            inactive_threshold: FORGOTTEN,
            // It is made anew where it is lost: no disk and no second node need know of it.
            num_replicas: 1,
            memory_storage: true,
            ..pull::Config::default()
        };
        let made = subject.stream.create_consumer(config).await;
        let consumer = made.map_err(|error| InError::server("make a consumer")(error.into()))?;
        let pulled = consumer.stream().max_messages_per_batch(PULL_MESSAGES).max_bytes_per_batch(pull_bytes);
        let messages = pulled.expires(PULL_EXPIRES).heartbeat(HEARTBEAT).messages().await;
        let messages = messages.map_err(|error| InError::server("pull from the stream")(error.into()))?;
        Ok(Pulls { client: client.clone(), consumer, messages, connects, came: 0, given: 0, held_back: 0 })
    }

    /// The next message, if one comes within `patience`.
    pub(super) async fn next(&mut self, patience: Duration) -> Result<Pulled, InError> {
        let message = match tokio::time::timeout(patience, self.messages.next()).await {
            Err(_) => return self.nothing_came().await,
            Ok(None) => return Ok(Pulled::Lost),
            Ok(Some(Err(error))) => return Err(InError::server("pull from the stream")(error.into())),
            Ok(Some(Ok(message))) => message,
        };
        let told = message.info().map(|info| (info.stream_sequence, info.consumer_sequence));
        let (at, number) = told.map_err(InError::server("read where a message lies"))?;
        if number != self.came + 1 {
            return Ok(Pulled::Lost);
        }
        (self.came, self.held_back) = (number, 0);
        Ok(Pulled::Message(at, Box::new(message)))
    }

    /// Whether there was nothing, or it was lost on its way.
    async fn nothing_came(&mut self) -> Result<Pulled, InError> {
        if connects(&self.client) != self.connects {
            return Ok(Pulled::Lost);
        }
        let info = self.consumer.get_info().await;
        let info = info.map_err(|error| InError::server("look at the consumer")(error.into()))?;
        let given = info.delivered.consumer_sequence;
        // What was given out the last time already has had its time to come.
        if self.given > self.came {
            return Ok(Pulled::Lost);
        }
        self.given = given;
        let is_held_back = info.num_pending > 0 && given == self.came;
        self.held_back = if is_held_back { self.held_back + 1 } else { 0 };
        if self.held_back < HELD_BACK {
            return Ok(Pulled::Nothing);
        }
        let what =
            "it has messages and gives out none; is the next one longer than may be under way at once?";
        Err(InError::server("pull from the stream")(what.into()))
    }
}

/// How often the client has connected.
fn connects(client: &Client) -> u64 {
    // Relaxed: it counts, and nothing is handed over with it.
    client.statistics().connects.load(Ordering::Relaxed)
}
