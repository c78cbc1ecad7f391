//! Which answers pass by themselves, and which don't.

use std::error::Error;

use async_nats::jetstream::context::{PublishError, PublishErrorKind};
use async_nats::jetstream::{self, ErrorCode};

use crate::error::{OutError, StreamError};

/// Why something did not work.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The stream is not where it was thought to be: look.
    Moved,
    /// It may pass: try again.
    Passing(String),
    /// It does not pass, unless somebody who answered was behind.
    Doubtful(OutError),
    /// It does not pass.
    Final(OutError),
}

/// The stream's last sequence is another, as replicated streams say it.
const WRONG_LAST_SEQUENCE_CONSTANT: u64 = 10164;
/// It is sealed.
const SEALED: u64 = 10109;
/// The message is too long for it, or meant for another stream.
const UNFIT: [u64; 2] = [10054, 10060];

impl Failure {
    /// Of a publish.
    pub(crate) fn of_publish(stream: &str, error: &PublishError) -> Self {
        match error.kind() {
            PublishErrorKind::WrongLastSequence => Failure::Moved,
            PublishErrorKind::MaxPayloadExceeded | PublishErrorKind::WrongLastMessageId => {
                Failure::refused(stream, error.to_string())
            }
            PublishErrorKind::StreamNotFound => {
                Failure::Passing("nobody answers for the stream's subject".to_owned())
            }
            _ => Failure::of(stream, error),
        }
    }

    /// Of whatever was asked.
    pub(super) fn of(stream: &str, error: &(dyn Error + 'static)) -> Self {
        let mut cause = Some(error);
        while let Some(error) = cause {
            if let Some(said) = error.downcast_ref::<jetstream::Error>() {
                return Failure::of_server(stream, said);
            }
            cause = error.source();
        }
        Failure::Passing(error.to_string())
    }

    /// Of what the server says.
    pub(super) fn of_server(stream: &str, said: &jetstream::Error) -> Self {
        let ErrorCode(code) = said.error_code();
        match code {
            WRONG_LAST_SEQUENCE_CONSTANT => Failure::Moved,
            code if said.error_code() == ErrorCode::STREAM_WRONG_LAST_SEQUENCE => {
                debug_assert_eq!(code, 10071);
                Failure::Moved
            }
            SEALED => Failure::refused(stream, format!("it is sealed ({said})")),
            code if UNFIT.contains(&code) => Failure::refused(stream, said.to_string()),
            _ if said.error_code() == ErrorCode::STREAM_NOT_FOUND => {
                let (name, source) = (stream.to_owned(), said.clone());
                Failure::Doubtful(StreamError::Server { name, source }.into())
            }
            _ => Failure::Passing(said.to_string()),
        }
    }

    fn refused(stream: &str, why: String) -> Self {
        Failure::Final(OutError::Refused { stream: stream.to_owned(), why })
    }

    /// For people.
    pub(crate) fn text(&self) -> String {
        match self {
            Failure::Moved => "the stream's last sequence is another than expected".to_owned(),
            Failure::Passing(what) => what.clone(),
            Failure::Doubtful(error) | Failure::Final(error) => error.to_string(),
        }
    }
}
