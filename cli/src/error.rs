//! Why a command failed: what, where, and what to do.

use std::io;
use std::path::PathBuf;

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
    /// What is followed becomes of a newer type, which can't be shown as was asked.
    #[error("from sequence {sequence} on the events are of a newer type: {source}")]
    NewerType {
        /// The first record that was not printed.
        sequence: u64,
        /// Why it can't be shown.
        source: Box<CliError>,
    },
    /// What is followed becomes of a newer type, with other columns than the CSV began with.
    #[error(
        "from sequence {sequence} on the events are of a newer type, and CSV can't change its columns in the middle: all before \
         is printed; go on with --from-sequence {sequence} or the same --reader into another file, or use --format jsonl"
    )]
    OtherColumns {
        /// The first record that was not printed.
        sequence: u64,
    },
    /// The range asked for is empty by its own words.
    #[error("--from {} does not lie before --to {}: nothing to replay; swap them?", crate::show::time(*from_ns), crate::show::time(*to_ns))]
    EmptyRange {
        /// The start.
        from_ns: u64,
        /// The end.
        to_ns: u64,
    },
    /// The same of sequences.
    #[error("--from-sequence {from} does not lie before --to-sequence {to}: nothing to replay; swap them?")]
    EmptySequences {
        /// The start.
        from: u64,
        /// The end.
        to: u64,
    },
    /// A field that the events do not have.
    #[error(transparent)]
    Field(#[from] crate::rows::columns::NoSuchField),
    /// A condition that makes no sense of these events.
    #[error("{0}")]
    Condition(#[from] slipring_schema::PredicateError),
    /// A form that these events do not have.
    #[error(transparent)]
    Form(#[from] crate::rows::printer::NotLobster),
    /// A file of rows could not be written.
    #[error("export to {}: {source}; nothing was written there", path.display())]
    Export {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: crate::export::SinkError,
    },
    /// A signal said stop.
    #[error("stopped by a signal: {}", if *to_stdout { "the output breaks off" } else { "nothing was written" })]
    ExportStopped {
        /// What was written before is gone out.
        to_stdout: bool,
    },
    /// Rows could not be written to the standard output.
    #[error("export to the standard output: {source}; what went before stands")]
    ExportToOutput {
        /// Why not.
        source: crate::export::SinkError,
    },
    /// No format of that name.
    #[error(transparent)]
    NoSuchFormat(#[from] crate::export::NoSuchFormat),
    /// A way to compress that a format does not have.
    #[error("{format} can't be compressed with {asked:?}: there are {known}")]
    NoSuchCompression {
        /// The format.
        format: &'static str,
        /// What was asked for.
        asked: String,
        /// What there is.
        known: String,
    },
    /// The command that has a format, or the one to other machines, is not there.
    #[error(
        "that takes {name}, which is neither beside slipring nor in the PATH: \
         install it with `cargo install --path {}` from slipring's sources",
        crate::elsewhere::sources(name)
    )]
    NotInstalled {
        /// The command.
        name: &'static str,
    },
    /// It is there and does not start.
    #[error("run {}: {source}", path.display())]
    Exec {
        /// The command.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// What stages keep can't be read or written.
    #[error(transparent)]
    Keep(#[from] slipring::KeepError),
    /// The sequence asked for has no letter.
    #[error(
        "there is no {}dead letter of sequence {sequence}: nothing was written or settled; slipring dead-letters without \
         --sequence lists those that there are",
        if *open { "open " } else { "" }
    )]
    NoLetter {
        /// The sequence.
        sequence: u64,
        /// Settled ones do not count.
        open: bool,
    },
    /// There is something at the place for a new file.
    #[error("{} is there already: nothing was written or settled; give the path of a new file", path.display())]
    IntoExists {
        /// The file.
        path: PathBuf,
    },
    /// A file can't be written.
    #[error("write {}: {source}; nothing was settled", path.display())]
    Into {
        /// The file.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// What is to be settled could not be listed.
    #[error("write to the standard output: {source}; nothing was settled")]
    NotListed {
        /// The system's answer.
        source: io::Error,
    },
    /// There are no counters to show.
    #[error(transparent)]
    Counters(#[from] slipring::CountersError),
    /// The standard output can't be written.
    #[error("write to the standard output: {0}")]
    Output(#[from] io::Error),
    /// No command of this name.
    #[error("there is no command {name}; there are: {known}")]
    NoSuchCommand {
        /// The name.
        name: String,
        /// The names that are.
        known: String,
    },
    /// A recording failed.
    #[error(transparent)]
    Record(#[from] crate::record::error::RecordError),
    /// A journal could not be migrated.
    #[error(transparent)]
    Migrate(#[from] crate::migrate::MigrateError),
    /// The demo failed.
    #[error(transparent)]
    Demo(#[from] crate::demo::DemoError),
}

impl CliError {
    /// The exit status that it comes to.
    pub fn exit(&self) -> Exit {
        use slipring::{KeepError, NamedReaderError};
        let damaged = |damaged| if damaged { Exit::Damaged } else { Exit::CouldNot };
        match self {
            CliError::Record(error) => error.exit(),
            CliError::Migrate(error) => error.exit(),
            CliError::NoLetter { .. } | CliError::ExportStopped { .. } | CliError::OtherColumns { .. } => {
                Exit::Part
            }
            CliError::NewerType { source, .. } if source.exit() == Exit::CouldNot => Exit::Part,
            CliError::NewerType { source, .. } => source.exit(),
            CliError::Counters(slipring::CountersError::Stale { .. }) => Exit::Part,
            CliError::Read(error)
            | CliError::Keep(KeepError::Read(error))
            | CliError::Reader(NamedReaderError::Read(error)) => damaged(is_damage(error)),
            CliError::Reader(NamedReaderError::Damaged { .. }) => Exit::Damaged,
            CliError::Keep(KeepError::Damaged { .. }) => Exit::Damaged,
            _ if self.is_broken_pipe() => Exit::Fine,
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
        let (CliError::Output(source)
        | CliError::ExportToOutput { source: crate::export::SinkError::Io(source) }
        | CliError::Demo(crate::demo::DemoError::Io(source))) = self
        else {
            return false;
        };
        source.kind() == io::ErrorKind::BrokenPipe
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
