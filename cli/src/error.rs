//! Why a command failed: what, where, and what to do.

use std::io;

use slipring_journal::ReadError;

use crate::exit::Exit;

/// A command's failure.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CliError {
    /// The journal can't be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A named reader can't go on, be set or be removed.
    #[error("{fault}{times}", fault = .0, times = missed_times(.0))]
    Reader(#[from] slipring_journal::NamedReaderError),
    /// What stages keep can't be read or written.
    #[error(transparent)]
    Keep(#[from] slipring::KeepError),
    /// There are no counters to show.
    #[error(transparent)]
    Counters(#[from] slipring::CountersError),
    /// The standard output can't be written.
    #[error("write to the standard output: {0}")]
    Output(#[from] io::Error),
    /// A failure that a module above says itself.
    #[error("{0}")]
    Command(Box<dyn Failure>),
}

/// A failure that a module above says itself; this one knows none of them.
pub trait Failure: std::error::Error + Send + Sync + 'static {
    /// The exit status that it comes to.
    fn exit(&self) -> Exit {
        Exit::CouldNot
    }

    /// Whoever read the output has seen enough: no failure.
    fn is_broken_pipe(&self) -> bool {
        false
    }
}

impl<F: Failure> From<F> for CliError {
    fn from(failure: F) -> Self {
        CliError::Command(Box::new(failure))
    }
}

impl CliError {
    /// The exit status that it comes to.
    pub fn exit(&self) -> Exit {
        use slipring::{KeepError, NamedReaderError};
        let damaged = |damaged| if damaged { Exit::Damaged } else { Exit::CouldNot };
        match self {
            _ if self.is_broken_pipe() => Exit::Fine,
            CliError::Command(failure) => failure.exit(),
            CliError::Counters(slipring::CountersError::Stale { .. }) => Exit::Part,
            CliError::Read(error)
            | CliError::Keep(KeepError::Read(error))
            | CliError::Reader(NamedReaderError::Read(error)) => damaged(is_damage(error)),
            CliError::Reader(NamedReaderError::Damaged { .. }) => Exit::Damaged,
            CliError::Keep(KeepError::Damaged { .. }) => Exit::Damaged,
            _ => Exit::CouldNot,
        }
    }

    /// Whether records can't be shown because of their type.
    pub(crate) fn is_another_type(&self) -> bool {
        use slipring::NamedReaderError;
        use slipring_journal::JournalFault;
        let (CliError::Read(error) | CliError::Reader(NamedReaderError::Read(error))) = self else {
            return false;
        };
        matches!(error, ReadError::Journal(JournalFault::SchemaMismatch { .. }))
    }

    /// Whoever read the output has seen enough: no failure.
    pub fn is_broken_pipe(&self) -> bool {
        match self {
            CliError::Output(source) => source.kind() == io::ErrorKind::BrokenPipe,
            CliError::Command(failure) => failure.is_broken_pipe(),
            _ => false,
        }
    }
}

/// The answer of a command that judges: it stands whether or not whoever reads the output has seen enough of
/// it.
pub(crate) fn verdict(code: Exit, written: io::Result<()>) -> Result<Exit, CliError> {
    match written {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(code),
    }
}

/// Between which times the records lie that a reader missed, if that is why it can't go on.
fn missed_times(error: &slipring_journal::NamedReaderError) -> String {
    match error {
        slipring_journal::NamedReaderError::Evicted {
            after_ns: Some(after),
            before_ns: Some(before),
            ..
        } => {
            format!(
                "\nwhat it missed came between {} and {}",
                crate::show::time(*after),
                crate::show::time(*before)
            )
        }
        _ => String::new(),
    }
}

/// Whether the journal's files are damaged, rather than missing, unreadable, or of another kind.
pub fn is_damage(error: &ReadError) -> bool {
    matches!(error, ReadError::Journal(fault) if fault.is_damage())
}
