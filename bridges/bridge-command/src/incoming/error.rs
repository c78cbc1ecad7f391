//! Why `slipring-bridge in` failed.

use std::io;
use std::time::Duration;

use slipring_cli::exit::Exit;
use slipring_cli::rows::columns::NoSuchField;
use slipring_cli::rows::printer::NotLobster;
use slipring_jetstream::error::ConnectError;
use slipring_jetstream::incoming::{InError, IntoError};
use slipring_journal::{JournalFault, NextTypeError, OpenError, ReadError};

/// A failure.
#[derive(Debug, thiserror::Error)]
pub enum InFailure {
    /// The stream can't be followed.
    #[error("stream {stream}: {source}")]
    Stream { stream: String, source: InError },
    /// The replica does not take the records.
    #[error(transparent)]
    Into(#[from] IntoError),
    /// There is no connection.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The server was away for too long.
    #[error("given up after {} s without the server: {last}", waited.as_secs())]
    GivenUp { waited: Duration, last: String },
    /// A time of day: the journal's first day is not known here.
    #[error(
        "--from takes a date with the time here, such as 2024-03-10T09:30: a stream does not say which day \
         is the journal's first"
    )]
    NoDay,
    /// A start, and a replica that has its own.
    #[error(
        "{path} is a replica already and goes on at {end}: leave out --from, --from-sequence and --newest"
    )]
    HasStart { path: String, end: u64 },
    /// What a replica keeps, and no replica.
    #[error(
        "--keep-bytes, --keep-age and --segment-records say what a replica keeps: say which one, --into JOURNAL"
    )]
    NothingToKeep,
    /// A column that the events do not have.
    #[error(transparent)]
    Field(#[from] NoSuchField),
    /// A condition that makes no sense of the events.
    #[error("{0}")]
    Condition(#[from] slipring_schema::PredicateError),
    /// A form that these events do not have.
    #[error(transparent)]
    Form(#[from] NotLobster),
    /// Events of another type begin, whose columns are others.
    #[error(
        "from sequence {sequence} on the events are of another type, and CSV can't change its columns in the \
         middle: all before is printed; go on with --from-sequence {sequence} into another file, or use --format jsonl"
    )]
    OtherColumns { sequence: u64 },
    /// The standard output can't be written.
    #[error("write to the standard output: {0}")]
    Output(#[from] io::Error),
}

impl InFailure {
    /// The exit status that it comes to.
    pub fn exit(&self) -> Exit {
        match self {
            InFailure::Stream { source: InError::NoStream { .. } | InError::WhichSubject { .. }, .. } => {
                Exit::CouldNot
            }
            // What is in the stream is not all, or not of this history.
            InFailure::Stream { .. } | InFailure::OtherColumns { .. } => Exit::Part,
            InFailure::Into(error) if is_damage(error) => Exit::Damaged,
            InFailure::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => Exit::Fine,
            _ => Exit::CouldNot,
        }
    }
}

fn is_damage(error: &IntoError) -> bool {
    match error {
        IntoError::Read(ReadError::Journal(fault))
        | IntoError::Open(OpenError::Journal(fault))
        | IntoError::NextType(NextTypeError::Open(OpenError::Journal(fault))) => {
            JournalFault::is_damage(fault)
        }
        _ => false,
    }
}
