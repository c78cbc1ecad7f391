//! The demo: proof before your eyes that what is journalled survives `kill -9`.
//!
//! ```text
//!   parent                                   child (the same program)
//!     reference book from the input            journal --> replay --> book --> publish on
//!     starts it, reads its reports  <--------- "journalled 125000", "rolling", "replaying", ..
//!     SIGKILL ------------------------------->  (dead)
//!     reads what lies on the disk
//!     starts the next one           <--------- "recovered to 125123", "digest 0123.."
//!     compares with the reference's digest
//! ```
//!
//! | module | idea |
//! |---|---|
//! | `plan` | where the kills fall |
//! | `life` | one life of the child, from outside |
//! | `child` | the same from inside |
//! | `pipeline` | the engine that both use |
//! | `protocol` | what they say to each other |
//! | `proof` | what must hold |
//! | `parent` | all of it in order |
//! | `after` | the journal that is left: whole, and sought in |
//! | `tell` | text or JSON |

mod after;
mod child;
mod life;
mod parent;
mod pipeline;
mod plan;
mod proof;
mod protocol;
mod tell;

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitStatus;

use slipring_journal::ReadError;

use crate::args::{ChildArgs, DemoArgs};
use crate::error::{CliError, Failure};
use crate::exit::Exit;
use crate::feed::input::InputError;
use crate::flow::message::OrderMessage;

/// Why the demo could not go on. Proofs that fail are no such error: they are told, and the demo ends with 1.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DemoError {
    /// The input can't be read.
    #[error(transparent)]
    Input(#[from] InputError),
    /// Too short for so many kills.
    #[error(
        "{input} has {messages} messages, too few for {kills} kills: give --kills {most} or less, or a longer input"
    )]
    TooShort {
        /// The input.
        input: String,
        /// Its length.
        messages: u64,
        /// Kills asked for.
        kills: u32,
        /// Kills possible.
        most: u64,
    },
    /// The standard input can be read only once, and each child reads the input.
    #[error("the demo reads its input once in every life, so it can't be the standard input: give a file")]
    StandardInput,
    /// The folder is in use.
    #[error("{} is not empty: give --dir a new or an empty folder", path.display())]
    NotEmpty {
        /// The folder.
        path: PathBuf,
    },
    /// The folder can't be made or looked at.
    #[error("folder {}: {source}; give another --dir", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// The child can't read its orders.
    #[error("the child was started with orders that it can't read; it is started by `slipring demo` only")]
    Orders,
    /// The child ended otherwise than it should.
    #[error(
        "the child ended with {status} before it had done what it was told ({orders}); its own message is above"
    )]
    Child {
        /// How it ended.
        status: ExitStatus,
        /// What it was told.
        orders: String,
    },
    /// The book's stage did not answer.
    #[error("the book did not come to the journal's end within ten minutes")]
    NotLive,
    /// Pipe, process or output.
    #[error("demo: {0}")]
    Io(#[from] io::Error),
    /// The engine can't be built or opened.
    #[error(transparent)]
    Build(#[from] slipring::BuildError),
    /// Replay failed.
    #[error(transparent)]
    Replay(#[from] slipring::ReplayError),
    /// Publishing failed.
    #[error("publish: {0}")]
    Publish(String),
    /// Waiting failed.
    #[error(transparent)]
    Wait(#[from] slipring::WaitError),
    /// Shutdown failed.
    #[error(transparent)]
    Shutdown(#[from] slipring::ShutdownError),
    /// The journal can't be read.
    #[error(transparent)]
    Read(#[from] ReadError),
}

impl Failure for DemoError {
    fn is_broken_pipe(&self) -> bool {
        matches!(self, DemoError::Io(source) if source.kind() == io::ErrorKind::BrokenPipe)
    }
}

impl From<slipring::PublishError<usize>> for DemoError {
    fn from(error: slipring::PublishError<usize>) -> Self {
        DemoError::Publish(error.to_string())
    }
}

impl From<slipring::PublishError<OrderMessage>> for DemoError {
    fn from(error: slipring::PublishError<OrderMessage>) -> Self {
        DemoError::Publish(error.to_string())
    }
}

pub(crate) fn run(args: &DemoArgs, out: &mut dyn Write) -> Result<Exit, CliError> {
    let held = parent::run(args, out)?;
    Ok(if held { Exit::Fine } else { Exit::Part })
}

pub(crate) fn child(args: &ChildArgs, out: &mut dyn Write) -> Result<Exit, CliError> {
    let orders = serde_json::from_str(&args.orders).map_err(|_| DemoError::Orders)?;
    child::run(&args.journal, &orders, out)?;
    Ok(Exit::Fine)
}
