//! The stream by its places: any message of the subject, and which is the first of which something is true.

use std::time::Instant;

use async_nats::jetstream;
use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::context::GetStreamErrorKind;
use async_nats::jetstream::message::StreamMessage;
use async_nats::jetstream::stream::{Info, LastRawMessageErrorKind, RawMessageError, State};
use slipring_bridge::wire::{Kind, Schema};

use super::error::InError;
use super::leader::Leader;
use super::message::Met;

/// A stream, and the subject of it that is one journal's.
#[derive(Clone, Debug)]
pub(crate) struct Subject {
    pub(crate) stream: jetstream::stream::Stream,
    pub(crate) subject: String,
}

/// Two messages that follow each other on the subject: of the first something is not true, of the second and
/// all behind it, it is.
#[derive(Debug, Default)]
pub(crate) struct Around {
    pub(crate) below: Option<Met>,
    pub(crate) found: Option<Met>,
}

impl Subject {
    /// That subject of a stream; of a stream with one subject, that.
    pub(crate) async fn open(
        context: &jetstream::Context,
        stream: &str,
        subject: Option<&str>,
    ) -> Result<Self, InError> {
        let found = context.get_stream(stream).await;
        let found = found.map_err(|error| match error.kind() {
            GetStreamErrorKind::JetStream(said) if said.error_code() == ErrorCode::STREAM_NOT_FOUND => {
                InError::NoStream { stream: stream.to_owned() }
            }
            _ => InError::server("look up the stream")(error.into()),
        })?;
        let subject = match (subject, found.cached_info().config.subjects.as_slice()) {
            (Some(subject), _) => subject.to_owned(),
            (None, [only]) if !only.contains(['*', '>']) => only.clone(),
            (None, subjects) => return Err(InError::WhichSubject { subjects: subjects.to_vec() }),
        };
        Ok(Subject { stream: found, subject })
    }

    /// What the servers say of it by now.
    pub(crate) async fn info(&self) -> Result<Info, InError> {
        let info = self.stream.get_info().await;
        info.map_err(|error| InError::server("look at the stream")(error.into()))
    }

    /// What the stream holds by now.
    pub(crate) async fn state(&self) -> Result<State, InError> {
        Ok(self.info().await?.state)
    }

    /// Whether who leads the stream is not [new](super::leader), and so what it has said of the stream's end
    /// before this was asked.
    pub(crate) async fn is_settled(&self, leader: &mut Leader) -> Result<bool, InError> {
        Ok(leader.is_settled(self.info().await?.cluster.as_ref(), Instant::now()))
    }

    /// The first message of the subject at that place or behind it.
    pub(crate) async fn at_or_behind(&self, at: u64) -> Result<Option<Met>, InError> {
        let asked = self.stream.get_first_raw_message_by_subject(&self.subject, at.max(1)).await;
        fetched(asked)
    }

    /// The last message of the subject.
    pub(crate) async fn last(&self) -> Result<Option<Met>, InError> {
        fetched(self.stream.get_last_raw_message_by_subject(&self.subject).await)
    }

    /// The schema in the message at that place, for the records in the one at `of`.
    pub(crate) async fn schema(&self, at: u64, of: &Met) -> Result<Schema, InError> {
        let lost = || InError::SchemaLost { at: of.at, schema: at };
        let message = fetched(self.stream.get_raw_message(at).await)?.ok_or_else(lost)?;
        let (journal_id, branch) = (of.head.journal_id, of.head.branch);
        if at >= of.at || message.head.kind != Kind::Schema || !message.head.is_of(journal_id, branch) {
            return Err(lost());
        }
        message.schema()
    }

    /// Around the first message of which `is_so` is true, by halving: it must be true of all behind it.
    pub(crate) async fn around(&self, is_so: impl Fn(&Met) -> bool) -> Result<Around, InError> {
        self.around_those_that_say(|met| Some(is_so(met))).await
    }

    /// The same among the messages that say whether it is so; the others, of which it is `None`, are passed
    /// over.
    pub(crate) async fn around_those_that_say(
        &self,
        is_so: impl Fn(&Met) -> Option<bool>,
    ) -> Result<Around, InError> {
        let state = self.state().await?;
        let (mut low, mut high) = (state.first_sequence, state.last_sequence.saturating_add(1));
        let mut around = Around::default();
        while low < high {
            let middle = low.midpoint(high);
            let mut met = self.at_or_behind(middle).await?;
            while let Some(one) = met.as_ref().filter(|met| met.at < high && is_so(met).is_none()) {
                met = self.at_or_behind(one.at + 1).await?;
            }
            match met {
                Some(met) if met.at < high && is_so(&met) == Some(false) => {
                    low = met.at + 1;
                    around.below = Some(met);
                }
                met => {
                    high = middle;
                    around.found = met.filter(|met| is_so(met) == Some(true)).or(around.found);
                }
            }
        }
        Ok(around)
    }
}

/// A message that was asked for; `None` if there is none.
pub(crate) fn found(asked: Result<StreamMessage, RawMessageError>) -> Result<Option<StreamMessage>, InError> {
    match asked {
        Ok(message) => Ok(Some(message)),
        Err(error) if error.kind() == LastRawMessageErrorKind::NoMessageFound => Ok(None),
        Err(error) => Err(InError::server("fetch a message of the stream")(error.into())),
    }
}

fn fetched(asked: Result<StreamMessage, RawMessageError>) -> Result<Option<Met>, InError> {
    found(asked)?.map(Met::fetched).transpose()
}
