//! What the wire says, as JetStream has it.

use async_nats::header::{HeaderMap, HeaderName};
use async_nats::jetstream::message::PublishMessage;
use bytes::Bytes;
use slipring_bridge::compose::Message;
use slipring_bridge::wire::{Head, HeadError};

/// A message that is ready to go, as often as need be.
#[derive(Clone, Debug)]
pub struct Outgoing {
    /// What its headers say.
    pub head: Head,
    headers: HeaderMap,
    payload: Bytes,
}

impl From<Message> for Outgoing {
    fn from(Message { head, payload }: Message) -> Self {
        let mut headers = HeaderMap::new();
        for (name, value) in head.headers() {
            headers.insert(HeaderName::from_static(name), value);
        }
        Outgoing { head, headers, payload: payload.into() }
    }
}

impl Outgoing {
    /// With a header more, which is none of those that say what the message is.
    #[must_use]
    pub fn with_header(mut self, name: &'static str, value: String) -> Self {
        self.headers.insert(HeaderName::from_static(name), value);
        self
    }

    /// Bytes of its payload.
    pub fn payload_bytes(&self) -> usize {
        self.payload.len()
    }

    /// To be published behind the stream sequence `behind`, and nowhere else.
    ///
    /// That is all that fences it: no message id, whose window ends, and never the expected last message id,
    /// one wrong one of which has wedged a replicated stream for good.
    pub fn publish_behind(&self, behind: u64) -> PublishMessage {
        PublishMessage::build()
            .payload(self.payload.clone())
            .headers(self.headers.clone())
            .expected_last_sequence(behind)
    }

    /// The headers of one of so many messages that are taken at once behind the stream sequence `behind`, or
    /// not at all, and its payload. `batch` is no other batch's.
    pub fn part(&self, batch: &str, number: usize, of: usize, behind: u64) -> (HeaderMap, Bytes) {
        let mut headers = self.headers.clone();
        headers.insert("Nats-Batch-Id", batch);
        headers.insert("Nats-Batch-Sequence", number.to_string());
        if number == 1 {
            headers.insert("Nats-Expected-Last-Sequence", behind.to_string());
        }
        if number == of {
            headers.insert("Nats-Batch-Commit", "1");
        }
        (headers, self.payload.clone())
    }
}

/// What the headers of a message say.
///
/// # Errors
/// [`HeadError`]: whatever they are.
pub fn head_of(headers: &HeaderMap) -> Result<Head, HeadError> {
    Head::parse(headers.iter().flat_map(|(name, values)| {
        let name: &str = name.as_ref();
        values.iter().map(move |value| (name, value.as_ref()))
    }))
}
