//! The stream's last message: the leader is asked, for another copy may trail.

use async_nats::jetstream::stream::{LastRawMessageErrorKind, Stream};
use slipring_bridge::history::StreamEnd;
use slipring_bridge::wire::Head;

use super::failure::Failure;
use crate::error::OutError;
use crate::message::head_of;

/// What comes last in the stream.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Last {
    /// It never had a message.
    New,
    /// It has none any more; the sequence of the last that it had.
    Emptied(u64),
    /// This one.
    Message { place: u64, head: Head },
}

impl Last {
    pub(super) fn place(&self) -> u64 {
        match self {
            Last::New => 0,
            Last::Emptied(place) | Last::Message { place, .. } => *place,
        }
    }

    pub(super) fn head(&self) -> Option<&Head> {
        match self {
            Last::Message { head, .. } => Some(head),
            Last::New | Last::Emptied(_) => None,
        }
    }

    /// As the journal's side has it.
    pub(super) fn end(&self) -> StreamEnd {
        match self {
            Last::New => StreamEnd::New,
            Last::Emptied(_) => StreamEnd::Emptied,
            Last::Message { head, .. } => StreamEnd::Last(*head),
        }
    }
}

/// Looks.
pub(super) async fn look(stream: &Stream, name: &str, subject: &str) -> Result<Last, Failure> {
    let info = stream.get_info().await.map_err(|error| Failure::of(name, &error))?;
    if info.state.messages == 0 {
        return Ok(match info.state.last_sequence {
            0 => Last::New,
            last => Last::Emptied(last),
        });
    }
    let message = match stream.get_last_raw_message_by_subject(subject).await {
        Ok(message) => message,
        Err(error) => {
            return Err(match error.kind() {
                // It has gone since.
                LastRawMessageErrorKind::NoMessageFound => Failure::Passing(error.to_string()),
                LastRawMessageErrorKind::JetStream(error) => Failure::of_server(name, &error),
                _ => Failure::of(name, &error),
            });
        }
    };
    let (place, stream, last) = (message.sequence, name.to_owned(), info.state.last_sequence);
    if place < last {
        return Err(Failure::Doubtful(OutError::TakenOut { stream, last, found: place }));
    }
    match head_of(&message.headers) {
        Ok(head) => Ok(Last::Message { place, head }),
        Err(fault) => Err(Failure::Final(OutError::Foreign { stream, sequence: place, fault })),
    }
}
