//! Publishes a journal as a bridge does, in few words: one message of a few records after the other, each
//! fenced by the place that it must get.

use std::time::Duration;

use async_nats::jetstream::{self, stream};
use async_nats::{Client, HeaderMap};
use slipring_bridge::compose::{Composer, Message};
use slipring_bridge::pack::Batch;
use slipring_bridge::source::{Source, SourceOptions};
use slipring_bridge::wire::Head;
use slipring_journal::{Journal, RECORD_HEADER_BYTES};
use slipring_test_servers::nats::Nats;

pub(crate) const STREAM: &str = "S";

/// Connects to all nodes, or to whatever is named.
pub(crate) async fn connect(url: &str) -> Client {
    let addresses: Vec<async_nats::ServerAddr> = url.split(',').map(|url| url.parse().unwrap()).collect();
    let options = async_nats::ConnectOptions::new().retry_on_initial_connect();
    let options = options.reconnect_delay_callback(|_| Duration::from_millis(50));
    options.request_timeout(Some(Duration::from_secs(2))).connect(addresses).await.unwrap()
}

pub(crate) struct Publisher {
    context: jetstream::Context,
    pub(crate) stream: stream::Stream,
    source: Source,
    composer: Composer,
    /// Records that a message has at most.
    most: usize,
    /// The place that the next message gets.
    at: u64,
}

impl Publisher {
    /// To a new stream on all nodes of the server.
    pub(crate) async fn to(nats: &Nats, journal: &Journal, most: usize) -> Self {
        let config = stream::Config {
            name: STREAM.to_owned(),
            subjects: vec!["s".to_owned()],
            num_replicas: nats.node_count(),
            ..stream::Config::default()
        };
        Self::with(nats, journal, most, config).await
    }

    pub(crate) async fn with(nats: &Nats, journal: &Journal, most: usize, config: stream::Config) -> Self {
        let mut context = jetstream::new(connect(&nats.url()).await);
        context.set_timeout(Duration::from_millis(500));
        let stream = context.get_or_create_stream(config).await.unwrap();
        let options =
            SourceOptions { reader: "out".to_owned(), max_delay: Duration::ZERO, ahead_of_disk: false };
        let source = Source::open(journal, &options).unwrap();
        let composer = Composer::new(source.identity().unwrap());
        Publisher { context, stream, source, composer, most, at: 1 }
    }

    /// Sends the schema again before the next records.
    pub(crate) fn forget_schema(&mut self) {
        self.composer = Composer::new(self.source.identity().unwrap());
    }

    /// Publishes what is durable; the sequence behind the last record.
    pub(crate) async fn publish_all(&mut self) -> u64 {
        while let Some(batch) = self.source.next_batch().unwrap() {
            for batch in pieces(batch, self.most) {
                for message in self.composer.compose(batch, self.at) {
                    self.publish(&message).await;
                }
            }
        }
        self.source.next_sequence()
    }

    /// Publishes a message at its place, once, whatever becomes of servers.
    pub(crate) async fn publish(&mut self, message: &Message) {
        loop {
            let headers = headers(&message.head, self.at - 1);
            let asked = self.context.publish_with_headers("s", headers, message.payload.clone().into()).await;
            let said = match asked {
                Ok(said) => said.await.map(|said| said.sequence).map_err(|error| error.to_string()),
                Err(error) => Err(error.to_string()),
            };
            match said {
                Ok(sequence) => assert_eq!(sequence, self.at),
                // It may be there, and what said so was lost.
                Err(error) => {
                    if !self.last_is(message).await {
                        eprintln!("publish at {}: {error}", self.at);
                        tokio::time::sleep(Duration::from_millis(20)).await;
                        continue;
                    }
                }
            }
            self.at += 1;
            return;
        }
    }

    async fn last_is(&self, message: &Message) -> bool {
        let Ok(last) = self.stream.get_last_raw_message_by_subject("s").await else { return false };
        last.sequence == self.at && last.payload == message.payload
    }
}

/// The headers of a message that must get the place behind `last`.
pub(crate) fn headers(head: &Head, last: u64) -> HeaderMap {
    let mut headers = HeaderMap::new();
    head.headers().into_iter().for_each(|(name, value)| headers.insert(name, value));
    headers.insert("Nats-Expected-Last-Sequence", last.to_string());
    headers
}

/// A batch as batches of fewer records.
pub(crate) fn pieces(batch: Batch, most: usize) -> Vec<Batch> {
    let record_bytes = batch.payload.len() / batch.count as usize;
    let word = |record: &[u8], at: usize| u32::from_le_bytes(record[at..at + 4].try_into().unwrap());
    assert!(record_bytes >= RECORD_HEADER_BYTES);
    let mut before = batch.before;
    let mut first = batch.first;
    let mut all = Vec::new();
    for payload in batch.payload.chunks(record_bytes * most) {
        let (begin, last) = (&payload[..record_bytes], &payload[payload.len() - record_bytes..]);
        let count = (payload.len() / record_bytes) as u32;
        let (epoch, crc) = (word(last, 8) >> 4, word(last, 12));
        let time_ns = u64::from_le_bytes(begin[..8].try_into().unwrap());
        let schema = batch.schema.clone();
        all.push(Batch { schema, first, count, epoch, crc, time_ns, before, payload: payload.to_vec() });
        (before, first) = ((epoch, crc), first + u64::from(count));
    }
    all
}
