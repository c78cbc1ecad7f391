//! The stream's last message: the leader is asked, for another copy may trail.

use async_nats::jetstream::message::StreamMessage;
use async_nats::jetstream::stream::{LastRawMessageErrorKind, Stream};
use slipring_bridge::history::StreamEnd;
use slipring_bridge::wire::{Head, Kind};

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
pub(super) async fn look(from: &Stream, name: &str, subject: &str) -> Result<Last, Failure> {
    let info = from.get_info().await.map_err(|error| Failure::of(name, &error))?;
    if info.state.messages == 0 {
        return Ok(match info.state.last_sequence {
            0 => Last::New,
            last => Last::Emptied(last),
        });
    }
    let message = match from.get_last_raw_message_by_subject(subject).await {
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
    let foreign = |sequence| {
        let stream = name.to_owned();
        move |fault| Failure::Final(OutError::Foreign { stream, sequence, fault })
    };
    let head = head_of(&message.headers).map_err(foreign(place))?;
    // A schema has the epoch of the record before, whoever sent it. If somebody was promoted and has sent no
    // more than that, the message of its epoch says so.
    let (mut before, mut at) = (head, place);
    while before.kind == Kind::Schema && at > 1 {
        at -= 1;
        before = match stream_message(from, name, at).await? {
            Some(message) => head_of(&message.headers).map_err(foreign(at))?,
            None => break,
        };
    }
    if head.kind == Kind::Schema && before.kind == Kind::Epoch {
        return Ok(Last::Message { place, head: Head { schema: Some(place), ..before } });
    }
    Ok(Last::Message { place, head })
}

/// The message at that place, if it is still there.
async fn stream_message(stream: &Stream, name: &str, at: u64) -> Result<Option<StreamMessage>, Failure> {
    match stream.get_raw_message(at).await {
        Ok(message) => Ok(Some(message)),
        Err(error) if error.kind() == LastRawMessageErrorKind::NoMessageFound => Ok(None),
        Err(error) => Err(Failure::of(name, &error)),
    }
}
