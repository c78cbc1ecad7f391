//! Why a recording failed, and what is in all the same.

use std::fmt;
use std::io;
use std::path::PathBuf;

use slipring_journal::{AppendError, OpenError, ReadError, SyncError};
use slipring_schema::file::SchemaFileError;

use super::note::NoteError;
use crate::error::{Failure, is_damage};
use crate::exit::Exit;
use crate::formats::source::{Place, SourceError};
use crate::show;

/// A recording's failure.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RecordError {
    /// No format of that name.
    #[error("there is no format {name}; there are: {}", known.join(", "))]
    UnknownFormat {
        /// The name.
        name: String,
        /// Those that are.
        known: Vec<&'static str>,
    },
    /// Nothing says what the input is.
    #[error("nothing says what {} is: give --as one of {}", path.display(), known.join(", "))]
    NoFormat {
        /// The input.
        path: PathBuf,
        /// The formats.
        known: Vec<&'static str>,
    },
    /// Nothing says what the events are.
    #[error(
        "nothing says what the events of {} are: give --schema SCHEMA.toml, --like JOURNAL, or --infer to have a \
         schema written", path.display()
    )]
    NoSchema {
        /// The input.
        path: PathBuf,
    },
    /// A format whose inputs do not say what their events are.
    #[error("{format} does not say what its events are: give --schema SCHEMA.toml or --like JOURNAL")]
    NotInferred {
        /// The format.
        format: &'static str,
    },
    /// A schema file that says nothing sensible.
    #[error("{}:{}:{}: {}", path.display(), fault.line, fault.column, fault.problem)]
    Schema {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        fault: Box<SchemaFileError>,
    },
    /// A journal of which only the schema is wanted has none.
    #[error("{} holds no record yet, so nothing says what its events are", path.display())]
    NoRecordYet {
        /// The journal.
        path: PathBuf,
    },
    /// A journal can't be read.
    #[error("{0}")]
    Journal(#[from] ReadError),
    /// A file can't be read.
    #[error("read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// A file can't be written.
    #[error("write {}: {source}\n{so_far}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
        /// What is in.
        so_far: SoFar,
    },
    /// Malformed events have no place to go.
    #[error(
        "malformed lines can't go into {}: {source}; make its folder, or give --rejects another FILE\nnothing was \
         recorded", path.display()
    )]
    Rejects {
        /// The file that would take them.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// A journal as the input of itself.
    #[error(
        "{} is the journal itself, which would hold its records twice: give another input, or record into a new \
         folder\nnothing was recorded", path.display()
    )]
    Itself {
        /// The input.
        path: PathBuf,
    },
    /// There is something at the place of a new file.
    #[error("{} is there already: {what}", path.display())]
    IsThere {
        /// The place.
        path: PathBuf,
        /// What to do.
        what: &'static str,
    },
    /// An option that the format has no use for.
    #[error("{what} has no use for {option}: leave it out")]
    NoUse {
        /// The option.
        option: &'static str,
        /// The format, or the input.
        what: &'static str,
    },
    /// The input can't be read, or not any further.
    #[error("{}: {fault}\n{so_far}", path.display())]
    Source {
        /// The input.
        path: PathBuf,
        /// What is wrong.
        fault: SourceError,
        /// What is in.
        so_far: SoFar,
    },
    /// An event is malformed.
    #[error(
        "{}:{place}: {fault}\nmend it, or set what is malformed aside with --rejects FILE\n{so_far}", path.display()
    )]
    Malformed {
        /// The input.
        path: PathBuf,
        /// Where.
        place: Place,
        /// What is wrong.
        fault: Box<dyn std::error::Error + Send + Sync>,
        /// What is in.
        so_far: SoFar,
    },
    /// The journal can't be opened.
    #[error("{0}\nnothing was recorded")]
    Open(#[from] OpenError),
    /// The schema says something else of the same bytes than the journal does.
    #[error(
        "the schema means another thing by {field} than the journal {} does: record with --like {}, or into a new \
         journal\nnothing was recorded", path.display(), path.display()
    )]
    OtherMeaning {
        /// The journal.
        path: PathBuf,
        /// The first field that differs.
        field: String,
    },
    /// The journal took no more.
    #[error("{fault}\n{so_far}")]
    Append {
        /// The journal's answer.
        fault: AppendError,
        /// What is in.
        so_far: SoFar,
    },
    /// The journal could not be closed in good order.
    #[error("{fault}\n{so_far}")]
    Close {
        /// The journal's answer.
        fault: SyncError,
        /// What is in.
        so_far: SoFar,
    },
    /// A recording can't be gone on with.
    #[error("{0}\nnothing more was recorded")]
    Note(#[from] NoteError),
    /// A signal said stop.
    #[error("stopped by a signal\n{so_far}")]
    Stopped {
        /// What is in.
        so_far: SoFar,
    },
}

/// What a recording that failed has brought into the journal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SoFar {
    /// Events that are in.
    pub recorded: u64,
    /// Of them, those that power loss does not take.
    pub durable: u64,
    /// Whether it can be gone on with.
    pub resumable: bool,
}

impl fmt::Display for SoFar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.recorded == 0 {
            return f.write_str("nothing was recorded");
        }
        let durable = match self.recorded == self.durable {
            true => "all".to_owned(),
            false => show::count(self.durable),
        };
        let events = if self.recorded == 1 { "event" } else { "events" };
        write!(f, "recorded {} {events}, {durable} of them durable", show::count(self.recorded))?;
        if self.resumable { f.write_str("; go on with --resume") } else { Ok(()) }
    }
}

impl Failure for RecordError {
    fn exit(&self) -> Exit {
        match self {
            // Whatever was recorded before it: that is what is to be looked after.
            RecordError::Source { fault: SourceError::Format(fault), .. }
                if fault.downcast_ref().is_some_and(is_damage) =>
            {
                Exit::Damaged
            }
            RecordError::Note(NoteError::History(fault) | NoteError::InputHistory { source: fault, .. })
                if is_damage(fault) =>
            {
                Exit::Damaged
            }
            RecordError::Write { so_far, .. }
            | RecordError::Source { so_far, .. }
            | RecordError::Malformed { so_far, .. }
            | RecordError::Append { so_far, .. }
            | RecordError::Close { so_far, .. }
                if so_far.recorded > 0 =>
            {
                Exit::Part
            }
            RecordError::Stopped { .. } => Exit::Part,
            RecordError::Journal(fault) if is_damage(fault) => Exit::Damaged,
            RecordError::Open(OpenError::Journal(fault)) if fault.is_damage() => Exit::Damaged,
            _ => Exit::CouldNot,
        }
    }
}
