//! What readers a journal has; set and remove, for whoever is none of them.

use std::ops::Range;

use super::check;
use super::name::{self, HeldName};
use super::start::ReaderStart;
use crate::error::{IoFault, NamedReaderError, ReadError};
use crate::format::{READERS_NAME, ReaderState};
use crate::positions::files;
use crate::read::raw::RawReader;
use crate::storage::{Files, Folder, HeldBy, NameLock, Storage};

/// A named reader, as its file says it.
///
/// ```no_run
/// for reader in slipring_journal::Journal::at("data/ticks").readers()? {
///     println!("{}: at {:?}, {} behind, {:?}", reader.name, reader.position, reader.lag, reader.status);
/// }
/// # Ok::<(), slipring_journal::NamedReaderError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct ReaderInfo {
    /// Its name.
    pub name: String,
    /// Whether it can go on.
    #[serde(flatten)]
    pub status: ReaderStatus,
    /// All before this sequence is committed; `None` if that can't be read.
    pub position: Option<u64>,
    /// Records from there to the end that are not committed.
    pub lag: u64,
    /// Journal time between the first of them and the last record, nanoseconds; `None` if that is not known.
    pub lag_ns: Option<u64>,
    /// Journal time of the record before the position, nanoseconds.
    pub position_ns: Option<u64>,
    /// When the position was last written, by the clock of that machine, nanoseconds since 1970.
    pub committed_ns: Option<u64>,
    /// Records that retention took, and that the reader was told to pass over, in all its life.
    pub missed: u64,
    /// Who has the name now.
    pub held: HeldBy,
    /// The ranges behind the position that are in somebody's hands, or were when that one died.
    pub claimed: Vec<Range<u64>>,
    /// The ranges behind the position that are committed.
    pub done: Vec<Range<u64>>,
}

/// Whether a named reader can go on, as far as those can tell who only look.
///
/// See the example of [`ReaderInfo`].
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case", tag = "status")]
#[non_exhaustive]
pub enum ReaderStatus {
    /// It can.
    Fine,
    /// Retention has removed what it was to read next.
    Evicted {
        /// The first sequence kept.
        first: u64,
    },
    /// The log is not the one that it has read.
    HistoryChanged {
        /// How they differ.
        what: String,
    },
    /// Its file is of another journal, or of another copy of it.
    OtherJournal {
        /// What it is of.
        what: String,
    },
    /// Its file can't be used.
    Damaged {
        /// What is wrong with it.
        what: String,
    },
}

impl std::fmt::Display for ReaderStatus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            ReaderStatus::Fine => f.write_str("fine"),
            ReaderStatus::Evicted { first } => write!(f, "evicted: the journal begins at {first}"),
            ReaderStatus::HistoryChanged { what } => write!(f, "history changed: {what}"),
            ReaderStatus::OtherJournal { what } => write!(f, "of {what}"),
            ReaderStatus::Damaged { what } => write!(f, "damaged: it {what}"),
        }
    }
}

/// The readers of a journal, by name.
pub(crate) fn list(journal: &Files) -> Result<Vec<ReaderInfo>, NamedReaderError> {
    let mut reader = RawReader::open_to(journal.clone(), None)?;
    let fault = |error| IoFault::new("list", journal.path(READERS_NAME), error);
    let Some(folder) = journal.subfolder(READERS_NAME).map_err(fault)? else { return Ok(Vec::new()) };
    let mut names = files::names(&folder).map_err(fault)?.0;
    names.sort_unstable();
    let all = names.into_iter().map(|name| info(&folder, name, &mut reader));
    all.filter_map(Result::transpose).collect()
}

/// What a file says; `None` if it has gone.
fn info(
    folder: &Folder,
    name: String,
    reader: &mut RawReader,
) -> Result<Option<ReaderInfo>, NamedReaderError> {
    let held = NameLock::holder(folder, &files::lock_name(&name)).unwrap_or(HeldBy::Unknown);
    let state = match name::load(folder, &name) {
        Ok(Some(state)) => state,
        Ok(None) => return Ok(None),
        Err(NamedReaderError::Damaged { what, .. }) => {
            return Ok(Some(without_position(name, ReaderStatus::Damaged { what }, held)));
        }
        Err(NamedReaderError::Read(ReadError::Journal(crate::error::JournalFault::Io(fault))))
            if fault.not_ours().is_some() =>
        {
            let what = fault.source.to_string();
            return Ok(Some(without_position(name, ReaderStatus::Damaged { what }, held)));
        }
        Err(error) => return Err(error),
    };
    let mut checked = check::check_log(&name, &state, reader);
    if let Err(NamedReaderError::HistoryChanged { .. }) = checked {
        // Or both have gone on since the log was looked at.
        reader.refresh()?;
        checked = check::check_log(&name, &state, reader);
    }
    let status = match checked {
        Ok(()) => ReaderStatus::Fine,
        Err(NamedReaderError::Evicted { first, .. }) => ReaderStatus::Evicted { first },
        Err(NamedReaderError::HistoryChanged { what, .. }) => {
            ReaderStatus::HistoryChanged { what: what.to_owned() }
        }
        Err(NamedReaderError::OtherJournal { what, .. }) => {
            return Ok(Some(without_position(name, ReaderStatus::OtherJournal { what }, held)));
        }
        Err(error) => return Err(error),
    };
    Ok(Some(with_position(name, status, held, &state, reader)))
}

fn without_position(name: String, status: ReaderStatus, held: HeldBy) -> ReaderInfo {
    ReaderInfo {
        name,
        status,
        position: None,
        lag: 0,
        lag_ns: None,
        position_ns: None,
        committed_ns: None,
        missed: 0,
        held,
        claimed: Vec::new(),
        done: Vec::new(),
    }
}

fn with_position(
    name: String,
    status: ReaderStatus,
    held: HeldBy,
    state: &ReaderState,
    reader: &mut RawReader,
) -> ReaderInfo {
    let (position, end) = (state.position, reader.end_sequence());
    let done: Vec<_> = state.done_ahead().map(|range| range.start..range.end.end).collect();
    let ahead: u64 = done.iter().map(|range| range.end - range.start).sum();
    let claimed = state.ranges.iter().filter(|range| range.member.is_some());
    let mut time = |sequence| reader.time_at(sequence).ok();
    let lag_ns = match position.end < end {
        true => time(position.end).and_then(|from| Some(time(end - 1)?.saturating_sub(from))),
        false => Some(0),
    };
    ReaderInfo {
        position: Some(position.end),
        lag: end.saturating_sub(position.end).saturating_sub(ahead),
        lag_ns,
        position_ns: position.last.is_known().then_some(position.last_ns).filter(|ns| *ns > 0),
        committed_ns: Some(state.committed_ns),
        missed: state.missed,
        claimed: claimed.map(|range| range.start..range.end.end).collect(),
        done,
        ..without_position(name, status, held)
    }
}

/// Sets a reader that nobody holds; where it starts then. One that is not there is made.
pub(crate) fn set(journal: Files, name: &str, start: ReaderStart) -> Result<u64, NamedReaderError> {
    let name = HeldName::hold(journal, name, true)?;
    let missed = name.load().ok().flatten().map_or(0, |state| state.missed);
    Ok(name.begin(start, missed)?.position.end)
}

/// Removes a reader that nobody holds.
pub(crate) fn remove(journal: Files, name: &str) -> Result<(), NamedReaderError> {
    name::check_name(name)?;
    name::control_of(&journal)?;
    let fault = |error| IoFault::new("look at", journal.path(READERS_NAME), error);
    let folder = journal.subfolder(READERS_NAME).map_err(fault)?;
    let there = folder.map(|folder| folder.kind(name)).transpose().map_err(fault)?.flatten();
    if there.is_none() {
        return Err(name::no_reader(name, &journal));
    }
    HeldName::hold(journal, name, true)?.remove()
}
