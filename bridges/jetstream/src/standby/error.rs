//! Why a standby does not stand by, or is not promoted.

use std::io;
use std::path::PathBuf;

use slipring::StandbyError;
use slipring_journal::{NextTypeError, OpenError, ReadError, SyncError};

use crate::incoming::{InError, IntoError};

/// Why records were not taken, or are not safe.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WarmError {
    /// A replica does not take them.
    #[error(transparent)]
    Replica(#[from] IntoError),
    /// An engine's standby does not take them.
    #[error(transparent)]
    Engine(#[from] StandbyError),
    /// They could not be made durable.
    #[error(transparent)]
    Sync(#[from] SyncError),
}

/// Why a promotion can't be noted in the replica's folder.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IntentError {
    /// A call of the system fails.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// What is noted there is not whole.
    #[error(
        "{} is damaged: it says who asked to be promoted; look whether the stream's last message is of an epoch that \
         this machine asked for, then remove the file",
        path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
    },
}

/// Why following a stream ended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StandbyFailure {
    /// The stream can't be followed.
    #[error(transparent)]
    Stream(#[from] InError),
    /// What is here can't be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// Records are not taken.
    #[error(transparent)]
    Warm(#[from] WarmError),
}

/// Why a standby is not the primary. Unless it says otherwise, it is a standby still.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PromoteError {
    /// The stream can't be read to its end, or what it holds is not taken.
    #[error(transparent)]
    Follow(#[from] StandbyFailure),
    /// It can't be noted.
    #[error(transparent)]
    Intent(#[from] IntentError),
    /// There is nothing that could be promoted.
    #[error("neither replica nor stream holds any record: there is nothing to promote")]
    Nothing,
    /// Another was promoted.
    #[error(
        "another was promoted: the stream goes on in epoch {epoch}; this one stays a standby. To replace that one too, \
         when it is gone, say its epoch (--over {epoch})"
    )]
    Another {
        /// The stream's epoch.
        epoch: u32,
    },
    /// The stream went on each time.
    #[error(
        "tried {tries} times, and the stream went on each time before this one could be promoted: the primary is alive \
         and faster than this machine; stop it, or try again"
    )]
    Outrun {
        /// How many times.
        tries: u32,
    },
    /// The server does not take the message.
    #[error("the stream does not take the message that promotes: {what}")]
    Refused {
        /// What it says.
        what: String,
    },
    /// Epochs are used up.
    #[error("there is no epoch beyond {epoch}")]
    NoEpoch {
        /// The last one.
        epoch: u32,
    },
    /// The stream has agreed, and the replica could not be opened as the primary in that epoch. To promote it
    /// again goes on from there.
    #[error(
        "the stream has agreed to epoch {epoch}, and the replica could not be opened in it: {source}; promote again"
    )]
    Open {
        /// The epoch.
        epoch: u32,
        /// Why not.
        source: Box<OpenFailure>,
    },
}

/// Why a replica could not be opened as the primary.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenFailure {
    /// It was not closed in good order.
    #[error(transparent)]
    Close(#[from] IntoError),
    /// It can't be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// It can't be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// It can't be opened again.
    #[error(transparent)]
    Turn(#[from] NextTypeError),
    /// It could not be made durable.
    #[error(transparent)]
    Sync(#[from] SyncError),
}
