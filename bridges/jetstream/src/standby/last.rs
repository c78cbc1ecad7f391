//! The end of the stream, as a promotion needs to know it.

use async_nats::jetstream::message::StreamMessage;
use slipring_bridge::wire::{Head, Kind, PROMOTER};
use slipring_journal::JournalId;

use super::intent::parse_id;
use crate::incoming::InError;
use crate::incoming::stream::{Subject, found};
use crate::message::head_of;

/// The stream's last message.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LastMessage {
    pub(crate) place: u64,
    pub(crate) head: Head,
    /// Of a message of an epoch: who published it.
    pub(crate) promoter: Option<JournalId>,
    /// The greatest epoch that is known by it. A schema does not say that of whoever sent it: there it is
    /// that of the message before, if that is still there.
    pub(crate) epoch: u32,
    /// Journal time of the last record that it tells of, as far as it says: at least that much.
    pub(crate) time_ns: u64,
}

impl LastMessage {
    /// Looks; `None` if the stream is empty.
    pub(crate) async fn look(subject: &Subject) -> Result<Option<Self>, InError> {
        let asked = subject.stream.get_last_raw_message_by_subject(&subject.subject).await;
        let Some(message) = found(asked)? else { return Ok(None) };
        let mut last = Self::read(&message)?;
        let mut before = last;
        // A schema is sent at once before what it is for; so there are seldom two.
        while before.head.kind == Kind::Schema && before.place > 1 {
            let asked = subject.stream.get_raw_message(before.place - 1).await;
            let Some(message) = found(asked)? else { break };
            before = Self::read(&message)?;
            last.epoch = last.epoch.max(before.head.epoch);
        }
        Ok(Some(last))
    }

    fn read(message: &StreamMessage) -> Result<Self, InError> {
        let place = message.sequence;
        let head = head_of(&message.headers).map_err(|source| InError::NotOurs { at: place, source })?;
        let promoter = message.headers.get(PROMOTER).and_then(|id| parse_id(id.as_str()));
        let time_ns = match head.kind {
            Kind::Records => last_time_ns(&head, &message.payload).unwrap_or(head.time_ns),
            Kind::Epoch => head.time_ns,
            // That of the next record, which may never come.
            Kind::Schema => 0,
        };
        Ok(LastMessage { place, head, promoter, epoch: head.epoch, time_ns })
    }

    /// The place of the schema that is in force behind it.
    pub(crate) fn schema(&self) -> Option<u64> {
        if self.head.kind == Kind::Schema { Some(self.place) } else { self.head.schema }
    }
}

/// Journal time of the last record in a payload.
fn last_time_ns(head: &Head, payload: &[u8]) -> Option<u64> {
    let record_bytes = payload.len().checked_div(head.count as usize)?;
    let record = payload.get(payload.len().checked_sub(record_bytes)?..)?;
    Some(u64::from_le_bytes(record.get(..8)?.try_into().ok()?))
}
