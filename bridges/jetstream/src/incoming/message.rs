//! A message of the stream, with its place in it.

use async_nats::HeaderMap;
use async_nats::jetstream;
use async_nats::jetstream::message::StreamMessage;
use bytes::Bytes;
use slipring_bridge::wire::{Head, Kind, Schema};

use super::error::InError;
use crate::message::head_of;

/// A message whose headers were read; of its payload nothing is known yet.
#[derive(Clone, Debug)]
pub(crate) struct Met {
    /// Its place in the stream.
    pub(crate) at: u64,
    pub(crate) head: Head,
    pub(crate) payload: Bytes,
}

impl Met {
    fn read(at: u64, headers: Option<&HeaderMap>, payload: Bytes) -> Result<Self, InError> {
        let head = match headers {
            Some(headers) => head_of(headers),
            None => Head::parse([]),
        };
        let head = head.map_err(|source| InError::NotOurs { at, source })?;
        Ok(Met { at, head, payload })
    }

    /// As a consumer delivers it.
    pub(crate) fn delivered(at: u64, message: jetstream::Message) -> Result<Self, InError> {
        let message = message.message;
        Self::read(at, message.headers.as_ref(), message.payload)
    }

    /// As it is fetched by its place.
    pub(crate) fn fetched(message: StreamMessage) -> Result<Self, InError> {
        Self::read(message.sequence, Some(&message.headers), message.payload)
    }

    /// The place of the schema that is in force behind it.
    pub(crate) fn schema_at(&self) -> Option<u64> {
        if self.head.kind == Kind::Schema { Some(self.at) } else { self.head.schema }
    }

    pub(crate) fn schema(&self) -> Result<Schema, InError> {
        self.head.schema_of(&self.payload).map_err(|source| InError::Damaged { at: self.at, source })
    }
}
