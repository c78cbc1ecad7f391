//! Why not, and the exit status.

use std::io;

use slipring_bridge::history::HistoryError;
use slipring_cli::exit::Exit;
use slipring_jetstream::error::OutError;
use slipring_jetstream::recover::RecoverError;
use slipring_jetstream::rejoin::RejoinFailure;

use crate::incoming::InFailure;
use crate::rejoin;
use crate::standby::StandbyCommandError;

/// Why the command could not do what it was told.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// The system gives no threads.
    #[error("no threads to work with: {0}")]
    Runtime(io::Error),
    /// Signals can't be listened to.
    #[error("a signal's handler can't be set: {0}")]
    Signals(io::Error),
    /// Records don't go out.
    #[error(transparent)]
    Out(#[from] OutError),
    /// Records don't come in.
    #[error(transparent)]
    In(#[from] InFailure),
    /// Records don't come back.
    #[error(transparent)]
    Recover(#[from] RecoverError),
    /// It does not stand by, or is not promoted.
    #[error(transparent)]
    Standby(#[from] StandbyCommandError),
    /// It does not rejoin.
    #[error(transparent)]
    Rejoin(#[from] RejoinFailure),
    /// What lies there can't be read.
    #[error("read: {0}")]
    Input(io::Error),
    /// The standard output takes nothing.
    #[error("write: {0}")]
    Output(io::Error),
}

impl CommandError {
    /// The exit status.
    pub fn exit(&self) -> Exit {
        match self {
            CommandError::Out(error) if error.is_damage() => Exit::Damaged,
            CommandError::Out(error) if error.fenced_by().is_some() => Exit::Fenced,
            CommandError::Out(error) if error.is_other_history() => Exit::Part,
            CommandError::In(error) => error.exit(),
            CommandError::Standby(error) => error.exit(),
            CommandError::Rejoin(error) => rejoin::exit(error),
            CommandError::Recover(RecoverError::History(HistoryError::Fenced { .. })) => Exit::Fenced,
            CommandError::Recover(RecoverError::History(fault)) if fault.is_damage() => Exit::Damaged,
            CommandError::Recover(RecoverError::History(fault)) if fault.is_other_history() => Exit::Part,
            _ => Exit::CouldNot,
        }
    }

    /// Whoever read the output has seen enough: no failure.
    pub fn is_broken_pipe(&self) -> bool {
        matches!(self, CommandError::In(InFailure::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe)
    }
}
