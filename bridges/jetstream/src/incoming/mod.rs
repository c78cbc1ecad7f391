//! In from a stream: a journal's records, each one checked, in order and without gaps.
//!
//! ```text
//!  stream ---> pulls ---> headers ---> what must follow ---> run of records
//!                ^                                               |
//!                +------- begins again behind the last ----------+
//! ```
//!
//! | module | idea |
//! |---|---|
//! | `message` | a message of the stream, with its place in it |
//! | `stream` | the stream by its places |
//! | `start` | where to begin |
//! | `expected` | what a message must be to follow those before it |
//! | `leader` | whether who leads the stream knows its end |
//! | `pulls` | messages in order, whatever becomes of connections and servers |
//! | `replica` | into a replica of the journal |

mod error;
mod expected;
pub(crate) mod leader;
pub(crate) mod message;
mod pulls;
mod replica;
mod start;
pub(crate) mod stream;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_nats::{Client, jetstream};
use slipring_bridge::retry::Backoff;
use slipring_bridge::wire::{Kind, Schema};
use slipring_journal::JournalId;

pub use error::InError;
pub use expected::Run;
pub use replica::{IntoError, IntoReplica};
pub use start::{Here, Start};

use expected::Expected;
use leader::Leader;
use message::Met;
use pulls::{Pulled, Pulls};
use start::Begun;
use stream::Subject;

/// Which stream is followed, and how.
#[derive(Clone, Debug)]
pub struct InOptions {
    /// The stream's name.
    pub stream: String,
    /// The subject that is the journal's; that of a stream with only one if not said.
    pub subject: Option<String>,
    /// Where to begin.
    pub start: Start,
    /// Bytes that may be under way from the server at once. A message that is longer never comes.
    pub pull_bytes: usize,
    /// How long nothing comes before [`Incoming::next`] says so.
    pub patience: Duration,
}

impl InOptions {
    /// Of that stream, from a place on.
    pub fn new(stream: impl Into<String>, start: Start) -> Self {
        let patience = Duration::from_secs(1);
        InOptions { stream: stream.into(), subject: None, start, pull_bytes: 8 << 20, patience }
    }
}

/// What came.
#[derive(Debug)]
pub enum Came {
    /// Records.
    Run(Run),
    /// A writer of this epoch goes on: a standby was promoted.
    Epoch(u32),
    /// Nothing, for as long as [`InOptions::patience`] says.
    Nothing,
    /// The server can't be reached, or can't answer. It was waited a while; the next call tries again.
    Trouble(InError),
}

/// Follows a stream: gives out its records in order, each one once, from where it was told to begin.
///
/// ```no_run
/// use slipring_jetstream::incoming::{Came, InError, InOptions, Incoming, Start};
///
/// # async fn follow() -> Result<(), Box<dyn std::error::Error>> {
/// let client = async_nats::connect("127.0.0.1:4222").await?;
/// let mut incoming = Incoming::new(client, InOptions::new("orders", Start::Oldest));
/// loop {
///     match incoming.next().await? {
///         Came::Run(run) => {
///             for record in run.records() {
///                 println!("{} at {} ns: {:02x?}", record.sequence, record.time_ns, record.event);
///             }
///         }
///         Came::Epoch(epoch) => println!("epoch {epoch} begins"),
///         Came::Nothing => {}
///         Came::Trouble(error) => eprintln!("{error}; trying again"),
///     }
/// }
/// # }
/// ```
pub struct Incoming {
    client: Client,
    options: InOptions,
    backoff: Backoff,
    subject: Option<Arc<Subject>>,
    expected: Expected,
    schema: Option<(u64, Arc<Schema>)>,
    pulls: Option<Pulls>,
    /// The place of the next message that is wanted; `None` as long as it is not searched.
    at: Option<u64>,
    /// Records below it are passed over.
    wanted: u64,
    /// Since when the stream seems to end before what came of it.
    shorter: Option<Instant>,
    leader: Leader,
}

impl fmt::Debug for Incoming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Incoming")
            .field("options", &self.options)
            .field("at", &self.at)
            .finish_non_exhaustive()
    }
}

impl Incoming {
    /// Follows a stream by this client. Nothing is asked of the server yet.
    pub fn new(client: Client, options: InOptions) -> Self {
        Incoming {
            client,
            options,
            backoff: Backoff::new(Duration::from_millis(20), Duration::from_secs(2)),
            subject: None,
            expected: Expected::default(),
            schema: None,
            pulls: None,
            at: None,
            wanted: 0,
            shorter: None,
            leader: Leader::default(),
        }
    }

    /// What comes next.
    ///
    /// It must be awaited to its end: a call that is dropped may have taken a message along.
    ///
    /// # Errors
    /// [`InError`] of those that stay; the others are given as [`Came::Trouble`]. After one it is over.
    pub async fn next(&mut self) -> Result<Came, InError> {
        match self.try_next().await {
            Err(error) if error.is_passing() => {
                self.pulls = None;
                tokio::time::sleep(self.backoff.pause()).await;
                Ok(Came::Trouble(error))
            }
            Err(error @ InError::Shorter { .. }) => {
                // A leader that is new does not know better.
                if self.shorter.get_or_insert_with(Instant::now).elapsed() >= leader::NEW_FOR {
                    return Err(error);
                }
                tokio::time::sleep(self.backoff.pause()).await;
                Ok(Came::Nothing)
            }
            came => {
                self.backoff.reset();
                self.shorter = None;
                came
            }
        }
    }

    /// The sequence of the next record, if it is known.
    pub fn next_sequence(&self) -> Option<u64> {
        self.expected.next
    }

    /// The journal, and which copy of it, once it is known.
    pub fn identity(&self) -> Option<(JournalId, [u8; 16])> {
        self.expected.identity
    }

    /// The sequence behind the last record that the stream holds by now; `None` if it holds none.
    ///
    /// # Errors
    /// [`InError`].
    pub async fn stream_end(&mut self) -> Result<Option<u64>, InError> {
        let last = self.subject().await?.last().await?;
        Ok(last.map(|last| last.head.end()))
    }

    /// The same, where it is sure; `Ok(None)` while it is not: a leader of the stream's servers that is new
    /// tells of less than there is, for some seconds. Of an empty stream it is 0.
    ///
    /// # Errors
    /// [`InError`].
    pub async fn settled_end(&mut self) -> Result<Option<u64>, InError> {
        let subject = self.subject().await?;
        let end = subject.last().await?.map_or(0, |last| last.head.end());
        // Behind the answer: who leads now has given it.
        Ok(subject.is_settled(&mut self.leader).await?.then_some(end))
    }

    /// Whether all that the stream holds by now was given out. False while that is not
    /// [sure](Incoming::settled_end).
    ///
    /// # Errors
    /// [`InError`].
    pub async fn has_caught_up(&mut self) -> Result<bool, InError> {
        let end = self.settled_end().await?;
        let is_there = |end| end == 0 || self.expected.next.is_some_and(|next| next >= end);
        Ok(self.at.is_some() && end.is_some_and(is_there))
    }

    async fn subject(&mut self) -> Result<Arc<Subject>, InError> {
        if let Some(subject) = &self.subject {
            return Ok(Arc::clone(subject));
        }
        let context = jetstream::new(self.client.clone());
        let InOptions { stream, subject, .. } = &self.options;
        let subject = Arc::new(Subject::open(&context, stream, subject.as_deref()).await?);
        Ok(Arc::clone(self.subject.insert(subject)))
    }

    async fn try_next(&mut self) -> Result<Came, InError> {
        let subject = self.subject().await?;
        let mut at = match self.at {
            Some(at) => at,
            None => {
                let Begun { at, expected, schema, wanted } =
                    start::begin(&subject, &self.options.start).await?;
                (self.expected, self.schema, self.wanted) = (expected, schema, wanted);
                *self.at.insert(at)
            }
        };
        let mut is_lost = false;
        loop {
            let mut pulls = match self.pulls.take() {
                Some(pulls) => pulls,
                None => Pulls::begin(&self.client, &subject, at, self.options.pull_bytes).await?,
            };
            match pulls.next(self.options.patience).await? {
                // What was lost once more, with nothing in between, is not asked for at once again.
                Pulled::Lost if is_lost => tokio::time::sleep(self.backoff.pause()).await,
                Pulled::Lost => is_lost = true,
                Pulled::Nothing => {
                    self.pulls = Some(pulls);
                    self.must_not_be_shorter(&subject).await?;
                    return Ok(Came::Nothing);
                }
                Pulled::Message(place, message) => {
                    self.pulls = Some(pulls);
                    let message = Met::delivered(place, *message)?;
                    let came = self.take(&subject, message).await?;
                    (at, is_lost) = (*self.at.insert(place + 1), false);
                    if let Some(came) = came {
                        return Ok(came);
                    }
                }
            }
        }
    }

    /// Takes a message; `None` if it holds nothing to give out.
    async fn take(&mut self, subject: &Subject, message: Met) -> Result<Option<Came>, InError> {
        match message.head.kind {
            Kind::Schema => {
                self.meet(subject, |expected| expected.meet(&message)).await?;
                self.schema = Some((message.at, Arc::new(message.schema()?)));
                Ok(None)
            }
            Kind::Epoch => {
                let epoch = self.meet(subject, |expected| expected.epoch(&message)).await?;
                Ok(epoch.map(Came::Epoch))
            }
            Kind::Records => {
                let schema = self.schema_of(subject, &message).await?;
                let run = self.meet(subject, |expected| expected.records(message.clone(), schema)).await?;
                // What was wanted was still to come when it was asked for.
                Ok((run.end() > self.wanted).then(|| Came::Run(run.from(self.wanted))))
            }
        }
    }

    async fn schema_of(&mut self, subject: &Subject, message: &Met) -> Result<Arc<Schema>, InError> {
        let lost = || InError::SchemaLost { at: message.at, schema: message.head.schema.unwrap_or(0) };
        let at = message.head.schema.ok_or_else(lost)?;
        if let Some((known, schema)) = &self.schema
            && *known == at
        {
            return Ok(Arc::clone(schema));
        }
        let schema = Arc::new(subject.schema(at, message).await?);
        self.schema = Some((at, Arc::clone(&schema)));
        Ok(schema)
    }

    /// What is expected of a message. If records are missing, it is asked why.
    async fn meet<T>(
        &mut self,
        subject: &Subject,
        take: impl FnOnce(&mut Expected) -> Result<T, InError>,
    ) -> Result<T, InError> {
        let met = take(&mut self.expected);
        if let Err(InError::Gap { wanted, found, .. }) = met {
            let first = subject.state().await?.first_sequence;
            if self.at.is_some_and(|at| first > at) {
                return Err(InError::Purged { wanted, first: found });
            }
        }
        met
    }

    /// Where nothing comes: whether the stream still holds what came.
    async fn must_not_be_shorter(&self, subject: &Subject) -> Result<(), InError> {
        let state = subject.state().await?;
        let (Some(at), Some(wanted)) = (self.at, self.expected.next) else { return Ok(()) };
        if state.last_sequence + 1 >= at {
            return Ok(());
        }
        let end = subject.last().await?.map_or(0, |last| last.head.end());
        Err(InError::Shorter { wanted, end })
    }
}
