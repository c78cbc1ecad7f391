//! Why a named reader does not read, or its position does not move.

use std::ops::Range;
use std::path::PathBuf;

use super::{IoFault, JournalFault, ReadError};

/// Why a named reader could not go on. Its position is where it was.
///
/// ```
/// use slipring_journal::{NamedReader, NamedReaderError, ReaderStart, Event};
///
/// /// What to do about an error; whether to go on.
/// fn mend<E: Event>(reader: &mut NamedReader<E>, error: NamedReaderError) -> Result<(), NamedReaderError> {
///     match error {
///         NamedReaderError::Evicted { missed, .. } => {
///             println!("records {} to {} were not read", missed.start, missed.end);
///             reader.resume_at_first().map(drop)
///         }
///         // Power loss took records that were read: say where to go on.
///         NamedReaderError::HistoryChanged { .. } => reader.seek(ReaderStart::End),
///         other => Err(other),
///     }
/// }
/// ```
///
/// More: [read with a name](https://github.com/slipring/slipring/blob/main/docs/how-to/read-with-a-name.md).
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum NamedReaderError {
    /// The journal can't be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// It can be no file's name.
    #[error(
        "{name:?} can be no reader's name: give 1 to 100 of the letters a to z and A to Z, digits, -, _ and ., and no . \
         at the beginning"
    )]
    BadName {
        /// The name.
        name: String,
    },
    /// No reader has this name.
    #[error("no reader of {} is called {name:?}; slipring readers lists those that there are", path.display())]
    NoReader {
        /// The name.
        name: String,
        /// The journal.
        path: PathBuf,
    },
    /// There are too many.
    #[error("{} has {most} named readers, and takes no more: remove those that nobody needs (slipring readers JOURNAL remove NAME)", path.display())]
    TooManyReaders {
        /// The journal.
        path: PathBuf,
        /// How many there may be.
        most: usize,
    },
    /// Somebody else holds the name.
    #[error(
        "reader {name:?} of {} is held by another: close that one, or share the work of the name by ranges \
         (shared_reader) in both", path.display()
    )]
    Held {
        /// The name.
        name: String,
        /// The journal.
        path: PathBuf,
    },
    /// So many share it that there is no place for another.
    #[error("reader {name:?} is shared by {most} already, and takes no more")]
    TooManyMembers {
        /// The name.
        name: String,
        /// How many may share it.
        most: u32,
    },
    /// The file of its position can't be used.
    #[error(
        "the position of reader {name:?} can't be used: {} {what}; put the file back, or set the reader anew (slipring \
         readers JOURNAL set {name})", path.display()
    )]
    Damaged {
        /// The name.
        name: String,
        /// Its file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// The file of its position is of another journal, or of another copy of this one.
    #[error(
        "the position of reader {name:?} is of {what}, and not of the journal beside it; set the reader anew (slipring \
         readers JOURNAL set {name})"
    )]
    OtherJournal {
        /// The name.
        name: String,
        /// What it is of.
        what: String,
    },
    /// Retention has removed what the reader was to read next: it was too slow for the bounds of the
    /// [`Retention`](crate::Retention).
    #[error(
        "reader {name:?} was too slow: retention has removed the records {} to {}, the latter excluded{}; the journal \
         begins at {first}: go on there (resume_at_first), or at another place (seek; slipring readers JOURNAL set \
         {name}), and raise Retention::reader_bytes or reader_age", missed.start, missed.end, between(*after_ns, *before_ns)
    )]
    Evicted {
        /// The name.
        name: String,
        /// The records that it did not read and that have gone.
        missed: Range<u64>,
        /// The first sequence kept.
        first: u64,
        /// Journal time of the record before them, nanoseconds: none of them is earlier. `None` if that is
        /// not known.
        after_ns: Option<u64>,
        /// Journal time of the first record kept: none of them is later. `None` if that is not known.
        before_ns: Option<u64>,
    },
    /// The log no longer holds the record before the position: power loss took what the reader had read, or a
    /// file was put back.
    #[error(
        "the journal's history is not the one that reader {name:?} has read up to {position}: {what}; look what it did \
         with the last records, and say where it goes on (seek; slipring readers JOURNAL set {name})"
    )]
    HistoryChanged {
        /// The name.
        name: String,
        /// The sequence behind the last record that it had done.
        position: u64,
        /// How they differ.
        what: &'static str,
    },
    /// A commit of what the reader has not handed out.
    #[error(
        "reader {name:?} has handed out records up to {next}, and can't have done those up to {end}: commit what was read"
    )]
    NotHandedOut {
        /// The name.
        name: String,
        /// The end that was given.
        end: u64,
        /// The sequence of the next record that it will hand out.
        next: u64,
    },
    /// The range before is not done.
    #[error(
        "this reader of {name:?} has the records {} to {} in hand, the latter excluded: commit or release them first",
        range.start, range.end
    )]
    StillClaimed {
        /// The name.
        name: String,
        /// What is left of its range.
        range: Range<u64>,
    },
    /// What is to be read or committed is not in this reader's hands: it has claimed nothing, or has lost it
    /// when the name was set elsewhere or went on behind what retention took.
    #[error("this reader of {name:?} has no such range in hand: claim one")]
    NotClaimed {
        /// The name.
        name: String,
    },
    /// There is no room to note one more range.
    #[error("those who share reader {name:?} have too many ranges in hand: commit some first")]
    TooManyRanges {
        /// The name.
        name: String,
    },
    /// The position could not be written. On the disk it is as it was; unless the folder's sync failed,
    /// behind which it may be the one or the other.
    #[error("the position of reader {name:?} stays at {position}: {fault}; commit again")]
    NotCommitted {
        /// The name.
        name: String,
        /// The sequence behind the last record that it has done, for all that is known.
        position: u64,
        /// The call that failed.
        fault: IoFault,
    },
    /// A process that was forked has no readers: the names are its parent's.
    #[error(
        "reader {name:?} belongs to process {owner}, and this is a fork of it: open one of another name here"
    )]
    Forked {
        /// The name.
        name: String,
        /// The process that opened it.
        owner: u32,
    },
}

fn between(after_ns: Option<u64>, before_ns: Option<u64>) -> String {
    match (after_ns, before_ns) {
        (Some(after), Some(before)) => format!(", of the times {after} to {before} ns"),
        (Some(after), None) => format!(", none earlier than {after} ns"),
        (None, Some(before)) => format!(", none later than {before} ns"),
        (None, None) => String::new(),
    }
}

impl From<JournalFault> for NamedReaderError {
    fn from(fault: JournalFault) -> Self {
        NamedReaderError::Read(fault.into())
    }
}

impl From<IoFault> for NamedReaderError {
    fn from(fault: IoFault) -> Self {
        NamedReaderError::Read(fault.into())
    }
}
