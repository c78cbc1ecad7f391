//! Why not.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use async_nats::jetstream;
use slipring_bridge::history::HistoryError;
use slipring_bridge::wire::HeadError;
use slipring_journal::NamedReaderError;

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// Nobody said to whom.
    #[error("no server's address was given (--server nats://HOST:4222)")]
    NoAddress,
    /// It is no server's address.
    #[error("{address:?} is no server's address: {source}; one is nats://HOST:4222")]
    Address {
        /// What was given.
        address: String,
        /// What is wrong with it.
        source: io::Error,
    },
    /// A file of credentials or certificates can't be read.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The server is older than what the bridge speaks.
    #[error(
        "the server {server} is nats-server {version}, and the bridge needs {least} at least (2.12 to have many \
         messages on their way at once)"
    )]
    TooOld {
        /// The server's name.
        server: String,
        /// Its version.
        version: String,
        /// The least that it may be.
        least: &'static str,
    },
    /// The server can't be reached, or says no.
    #[error("no connection to {servers}: {source}")]
    Server {
        /// The addresses that were tried.
        servers: String,
        /// What was met.
        source: Box<async_nats::ConnectError>,
    },
}

/// Why a stream can't be had, or not be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StreamError {
    /// It can be no stream's name, or no subject.
    #[error("{name:?} can be no {what}: {why}")]
    Name {
        /// What was given.
        name: String,
        /// What it should be.
        what: &'static str,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The server says no.
    #[error("stream {name}: the server says: {source}")]
    Server {
        /// The stream.
        name: String,
        /// What it says.
        source: jetstream::Error,
    },
    /// No answer came.
    #[error("stream {name}: no answer from the server: {what}")]
    NoAnswer {
        /// The stream.
        name: String,
        /// What was met instead.
        what: String,
    },
    /// It is there, and was asked for otherwise.
    #[error(
        "stream {name} has {what} {found}, and {wanted} was asked for; change the stream (nats stream edit), or ask for \
         what it has"
    )]
    Differs {
        /// The stream.
        name: String,
        /// In what.
        what: &'static str,
        /// What it has.
        found: String,
        /// What was asked for.
        wanted: String,
    },
    /// It is there, and no journal can be kept in such a stream.
    #[error("stream {name} can't hold a journal: {why}; take another stream")]
    Unfit {
        /// The stream.
        name: String,
        /// Why not.
        why: String,
    },
}

/// Why a journal's records don't go out any more.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OutError {
    /// There is no connection, and waiting would not help; or nobody wanted to wait longer.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The stream can't be had.
    #[error(transparent)]
    Stream(#[from] StreamError),
    /// What lies in the stream is not this journal's.
    #[error("stream {stream}: {fault}")]
    History {
        /// The stream.
        stream: String,
        /// How it differs.
        fault: HistoryError,
    },
    /// The stream's last message is none of slipring.
    #[error(
        "stream {stream}, message {sequence}: {fault}; somebody else publishes into it: give the journal a stream of \
         its own"
    )]
    Foreign {
        /// The stream.
        stream: String,
        /// The message's stream sequence.
        sequence: u64,
        /// What is wrong with it.
        fault: HeadError,
    },
    /// The stream's last message was taken out.
    #[error(
        "stream {stream} got to {last}, and its last message is {found}: messages were taken out at its end, and \
         nothing there says what they were; begin a new stream"
    )]
    TakenOut {
        /// The stream.
        stream: String,
        /// Its last stream sequence.
        last: u64,
        /// That of its last message.
        found: u64,
    },
    /// The journal can't be read, or its reader not be used.
    #[error(transparent)]
    Journal(#[from] NamedReaderError),
    /// The server takes no message for a reason that does not pass.
    #[error("stream {stream} takes no message: {why}")]
    Refused {
        /// The stream.
        stream: String,
        /// What the server says.
        why: String,
    },
    /// A message is longer than the server takes.
    #[error(
        "a message of {bytes} bytes, and the server takes {most} at most: raise max_payload in its configuration"
    )]
    TooLong {
        /// The message's bytes.
        bytes: usize,
        /// How many the server takes.
        most: usize,
    },
    /// It was told to give up.
    #[error("given up after {} s without the server: {last}", waited.as_secs())]
    GivenUp {
        /// For how long it tried.
        waited: Duration,
        /// What was met last.
        last: String,
    },
    /// There is no thread to be had.
    #[error("no thread for the journal: {0}")]
    Thread(io::Error),
}

impl OutError {
    /// Whether another writer's records are in the stream: a promoted one, or one that went apart.
    pub fn is_other_history(&self) -> bool {
        match self {
            OutError::History { fault, .. } => fault.is_other_history(),
            OutError::Foreign { .. } | OutError::TakenOut { .. } => true,
            _ => false,
        }
    }

    /// The epoch of another that was promoted in this journal's place. Nothing more of this one gets into the
    /// stream: the program should take no more orders, end, and rejoin.
    pub fn fenced_by(&self) -> Option<u32> {
        match self {
            OutError::History { fault: HistoryError::Fenced { epoch, .. }, .. } => Some(*epoch),
            _ => None,
        }
    }

    /// Whether it is the journal that is damaged, or what is kept beside it.
    pub fn is_damage(&self) -> bool {
        match self {
            OutError::History { fault, .. } => fault.is_damage(),
            OutError::Journal(fault) => slipring_bridge::source::is_damage(fault),
            _ => false,
        }
    }
}
