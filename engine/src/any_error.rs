//! The one error that all others convert into, for programs whose `main` only says what went wrong.

use std::error::Error as _;
use std::fmt;

use slipring_journal::{
    AppendError, CorruptRecord, NamedReaderError, NotAcknowledged, OpenError, ReadError, SalvageError,
    SyncError, UnknownTag,
};

use crate::acknowledged::error::{AcknowledgeError, ListenError};
use crate::counters::reader::CountersError;
use crate::error::{BuildError, CountersFileError, Halted, KeepError, OutputError, PublishError, WaitError};
use crate::handler::Fatal;
use crate::late::LateError;
use crate::life::replay_error::ReplayError;
use crate::life::reprocess::ReprocessError;
use crate::life::shutdown::ShutdownError;
use crate::timers::TimerError;

/// Whatever went wrong, in one type: every error that a call of slipring or of its journal returns converts
/// into it by `?`, and so does [`std::io::Error`]. A publish gives its event back only in [`PublishError`].
///
/// `main` may return it: its `Debug`, which is what `main` prints, shows the same words as its `Display`, and
/// then what they came from.
///
/// ```
/// use slipring::{Context, Engine, Event, Gate, Lane};
///
/// #[derive(Clone, Copy, Debug, Event)]
/// #[repr(C)]
/// struct Tick { price: u64 }
///
/// fn main() -> Result<(), slipring::Error> {
///     let lane = Lane::named("main").stage("print", |_: &Tick, _: &Context| (), Gate::PUBLISHED);
///     let (engine, mut publisher) = Engine::builder().lane(lane).go_live()?;
///     publisher.publish(Tick { price: 7 })?;
///     engine.join()?;
///     Ok(())
/// }
/// ```
///
/// ```
/// # use slipring::{BuildError, Error};
/// let error = Error::from(BuildError::NoStage);
/// assert_eq!(format!("{error:?}"), "the engine has no stage: add a lane with .stage(..) or .journal()");
/// ```
///
/// More: [handle errors](https://github.com/slipring/slipring/blob/main/docs/how-to/handle-errors.md).
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An engine could not be built or opened.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// Replay stopped.
    #[error(transparent)]
    Replay(#[from] ReplayError),
    /// An event was not published; it is not in here.
    #[error(transparent)]
    Publish(PublishError<()>),
    /// A wait ended without what was waited for.
    #[error(transparent)]
    Wait(#[from] WaitError),
    /// An engine did not end in good order.
    #[error(transparent)]
    Shutdown(#[from] ShutdownError),
    /// An engine halted.
    #[error(transparent)]
    Halted(#[from] Halted),
    /// A handler refused to go on.
    #[error(transparent)]
    Fatal(#[from] Fatal),
    /// A journal could not be opened for writing.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// A record could not be appended.
    #[error(transparent)]
    Append(#[from] AppendError),
    /// Records could not be made durable.
    #[error(transparent)]
    Sync(#[from] SyncError),
    /// A journal could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A named reader could not go on.
    #[error(transparent)]
    NamedReader(#[from] NamedReaderError),
    /// A record is damaged.
    #[error(transparent)]
    Corrupt(#[from] CorruptRecord),
    /// A journal could not be salvaged.
    #[error(transparent)]
    Salvage(#[from] SalvageError),
    /// What a stage keeps beside the journal could not be used.
    #[error(transparent)]
    Keep(#[from] KeepError),
    /// A dead letter could not be published again.
    #[error(transparent)]
    Reprocess(#[from] ReprocessError),
    /// Counters could not be read.
    #[error(transparent)]
    Counters(#[from] CountersError),
    /// Counters could not be put where they should be.
    #[error(transparent)]
    CountersFile(#[from] CountersFileError),
    /// A late consumer stopped.
    #[error(transparent)]
    Late(#[from] LateError),
    /// An acknowledgement was not taken.
    #[error(transparent)]
    Acknowledge(#[from] AcknowledgeError),
    /// An acknowledgement did not get to its program, or was not taken there.
    #[error(transparent)]
    NotAcknowledged(#[from] NotAcknowledged),
    /// A socket for acknowledgements could not be listened at.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// A timer could not be set.
    #[error(transparent)]
    Timer(#[from] TimerError),
    /// An output into another engine failed.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// An event has a tag that its type does not know.
    #[error(transparent)]
    UnknownTag(#[from] UnknownTag),
    /// The system said no.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

impl<E> From<PublishError<E>> for Error {
    fn from(error: PublishError<E>) -> Self {
        Error::Publish(error.map(drop))
    }
}

// What `main` prints.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut said = self.to_string();
        f.write_str(&said)?;
        let mut at = self.source();
        while let Some(source) = at {
            let words = source.to_string();
            // Many an error says what it came from in its own words.
            if !said.contains(&words) {
                write!(f, "\n  because: {words}")?;
                said = words;
            }
            at = source.source();
        }
        Ok(())
    }
}
