//! A journal's records into a stream, each once.
//!
//! ```text
//!  journal's files --> Follow (a thread) --> Composer --> flight --> server
//!        ^             reads, packs          messages     in order,   stream
//!        |                                                fenced      |
//!        +--- named reader's position <--- acknowledged <-------------+
//! ```
//!
//! Every message says behind which stream sequence it belongs, and the server takes it there or not at all
//! (expected last sequence). So a message may be sent again after whatever went wrong: of two copies one is
//! refused. Others may follow it before it is answered, as long as nobody else sends: behind a foreign
//! message in its place the next one would be taken, whose place is the right one. So whoever begins to send
//! begins with a batch that is taken at once, of as many messages as anybody may have on their way; what
//! another still has on its way then comes too late for its place. A stream that knows no such batches gets
//! one message at a time. After anything but a plain acknowledgement the stream's last message is looked at,
//! which says what has arrived; what has not is sent again in order. It is the same at the start: the stream
//! says where to go on, and the named reader's position only keeps retention from what is not out yet.
//!
//! | file | idea |
//! |---|---|
//! | `establish` | a connection, and the stream |
//! | `flight` | what is on its way, and what of it has arrived |
//! | `look` | the stream's last message |
//! | `failure` | which answers pass, and which don't |
//! | `patience` | how long to try again |
//! | `sides` | the journal, the messages on their way, the server |
//! | `volley` | messages onto the line |
//! | `work` | the loop |

mod establish;
pub(crate) mod failure;
mod flight;
mod look;
mod patience;
mod sides;
pub(crate) mod volley;
mod work;

use std::time::Duration;

use slipring_bridge::source::SourceOptions;
use slipring_journal::{Anchor, Journal};
use tokio::sync::watch;

use crate::connect::Connect;
use crate::error::OutError;
use crate::stream::{StreamFound, StreamOptions};

pub use volley::publish_at_once;

/// What goes out, and how.
#[derive(Clone, Debug)]
pub struct OutOptions {
    /// What is read of the journal.
    pub source: SourceOptions,
    /// Into which stream.
    pub stream: StreamOptions,
    /// So many messages at most are on their way at once, and at most
    /// [`MOST_IN_FLIGHT`](slipring_bridge::wire::MOST_IN_FLIGHT).
    pub most_in_flight: usize,
    /// Where the stream holds no message, go on at the named reader's position.
    pub trust_position: bool,
    /// End once all that may go has been acknowledged.
    pub until_caught_up: bool,
    /// End when the server could not be had for so long; never if not given.
    pub give_up: Option<Duration>,
}

/// How far it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// The sequence behind the last record that the stream has acknowledged.
    pub acknowledged: u64,
    /// That record, if the journal still has it.
    pub anchor: Option<Anchor>,
    /// The sequence behind the last record that may go.
    pub end: u64,
    /// The stream sequence of the last message that was acknowledged.
    pub stream_sequence: u64,
    /// Records acknowledged in this run.
    pub records: u64,
    /// Bytes of them.
    pub bytes: u64,
    /// Messages acknowledged in this run, schemas with them.
    pub messages: u64,
    /// Messages on their way.
    pub in_flight: usize,
    /// How often what was on its way had to be looked after.
    pub troubles: u64,
}

/// What happens meanwhile.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Told {
    /// The stream was made or found.
    Stream(StreamFound),
    /// It goes on in the journal there, behind this message of the stream.
    GoesOn {
        /// The sequence of the next record.
        sequence: u64,
        /// The stream's last sequence.
        stream_sequence: u64,
    },
    /// The stream has all up to this record, that one included: told at once.
    Acknowledged(Anchor),
    /// How far it is, some times a second.
    Progress(Progress),
    /// Something went wrong that may pass. It is tried again.
    Trouble(String),
    /// It has passed.
    Recovered,
}

/// How it ended, where it ended well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// How far it was.
    pub progress: Progress,
    /// All that might go was acknowledged.
    pub caught_up: bool,
}

/// Sends the journal's records until `stop` says true, or as [`OutOptions::until_caught_up`] has it; then the
/// named reader stands at what was acknowledged.
///
/// It only reads the journal's files, so that its writer feels nothing of it, whatever the server does.
///
/// # Errors
/// [`OutError`]: what does not pass by itself. What is on its way then may still arrive; the next run looks.
///
/// ```no_run
/// # use std::time::Duration;
/// # use slipring_journal::Journal;
/// # use slipring_bridge::source::SourceOptions;
/// use slipring_jetstream::{connect::Connect, error::OutError, out, stream::StreamOptions};
///
/// # async fn send() -> Result<(), OutError> {
/// let name = "TICKS".to_owned();
/// let options = out::OutOptions {
///     source: SourceOptions {
///         reader: "jetstream-TICKS".to_owned(),
///         max_delay: Duration::from_millis(1),
///         ahead_of_disk: false,
///     },
///     stream: StreamOptions {
///         name,
///         subject: None,
///         replicas: Some(3),
///         max_age: None,
///         max_bytes: None,
///         kept: None,
///     },
///     most_in_flight: 64,
///     trust_position: false,
///     until_caught_up: true,
///     give_up: None,
/// };
/// let connect = Connect { servers: vec!["nats://localhost:4222".to_owned()], ..Connect::default() };
/// let (_stop, is_stopped) = tokio::sync::watch::channel(false);
/// let journal = Journal::at("data/ticks");
/// let ended = out::run(&journal, &connect, &options, is_stopped, |told| println!("{told:?}")).await?;
/// println!("acknowledged up to {}", ended.progress.acknowledged);
/// # Ok(())
/// # }
/// ```
pub async fn run(
    journal: &Journal,
    connect: &Connect,
    options: &OutOptions,
    stop: watch::Receiver<bool>,
    tell: impl FnMut(Told),
) -> Result<Ended, OutError> {
    work::run(journal, connect, options, stop, tell).await
}
