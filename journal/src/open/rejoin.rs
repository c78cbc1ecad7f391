//! Rejoining: a journal whose writer was overtaken by a promoted replica gives up what it has beyond the
//! record at which their histories part, and is a replica from there on.

use std::fmt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::cut;
use super::journal::Journal;
use super::opening::Opening;
use super::recovery::{self, RecoveredJournal};
use super::set_aside::{self, SetAside};
use crate::error::{ReadError, RejoinError};
use crate::event::Schema;
use crate::format::{Anchor, ControlState, JournalId};
use crate::judge::chain::{self, Chain};
use crate::judge::control::{self, Control, Loaded};
use crate::judge::event_type::EventType;
use crate::judge::verdict;
use crate::read::raw::RawReader;
use crate::storage::Storage;
use crate::tools::text::counted;

/// What a rejoin cut off and where it is kept.
///
/// The report's `Display` is for people, its `Serialize` for machines.
///
/// See the example of [`Journal::rejoin`](crate::Journal::rejoin).
#[derive(Clone, Debug, serde::Serialize)]
#[non_exhaustive]
pub struct RejoinReport {
    /// The journal's folder. (In JSON: bytes of a path that are no UTF-8 become U+FFFD.)
    #[serde(serialize_with = "crate::tools::text::as_text")]
    pub path: PathBuf,
    /// The journal's identity.
    pub journal_id: JournalId,
    /// The sequence behind the last record that is left: the replica takes it next.
    pub end_sequence: u64,
    /// What was cut off, the oldest first; empty if nothing lay there.
    pub set_aside: Vec<SetAside>,
    /// An earlier rejoin had been cut short, and was finished.
    pub resumed: bool,
    /// Segments removed.
    pub removed: Vec<String>,
    /// How long it took.
    #[serde(rename = "elapsed_ns", serialize_with = "crate::tools::text::as_nanos")]
    pub elapsed: Duration,
}

impl RejoinReport {
    /// How many records were cut off.
    pub fn records(&self) -> u64 {
        self.set_aside.iter().map(SetAside::records).sum()
    }
}

impl fmt::Display for RejoinReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let RejoinReport { path, journal_id, end_sequence, .. } = self;
        write!(f, "journal {} is a replica of {journal_id} from {end_sequence} on", path.display())?;
        if self.resumed {
            write!(f, " (a rejoin that had been cut short was finished)")?;
        }
        write!(f, "; {} set aside", counted(self.records(), "record", "records"))?;
        for part in &self.set_aside {
            write!(f, "; {} to {} in {}", part.first, part.end, part.path.display())?;
        }
        Ok(())
    }
}

impl Journal {
    /// Makes a replica of a journal whose writer was overtaken: a replica of it was promoted, and their
    /// histories part behind the record that `fork` names. What lies beyond that record is saved in files
    /// beside the journal and cut off, also what was durable: this is the one place where that happens, and
    /// only because it is asked for. Then [`Journal::replica`] goes on behind `fork`.
    ///
    /// Killed anywhere it can be called again; so can it where nothing is left to cut.
    ///
    /// ```
    /// # use slipring_journal::{Event, Journal};
    /// # #[derive(Clone, Copy, Debug, Event)] #[repr(C)] struct Tick { price: u64 }
    /// # let folder = tempfile::tempdir()?;
    /// # let journal = Journal::at(folder.path()).segment_records(4);
    /// # let (mut writer, _) = journal.open::<Tick>()?;
    /// # (0..9).try_for_each(|price| writer.append(price, &Tick { price }).map(drop))?;
    /// # writer.close()?;
    /// // The last record that both have; the other side says which.
    /// let fork = journal.raw_reader()?.anchor(5)?;
    /// let report = journal.rejoin(fork)?;
    /// assert_eq!((report.end_sequence, report.records()), (6, 3));
    /// for part in &report.set_aside {
    ///     println!("records {} to {}: {}", part.first, part.end, part.path.display());
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`RejoinError::NotConfirmed`] if the journal does not hold that record; [`RejoinError::Unfinished`];
    /// [`RejoinError::Open`] as [`Journal::open`].
    pub fn rejoin(&self, fork: Anchor) -> Result<RejoinReport, RejoinError> {
        rejoin(&self.files(), fork)
    }

    /// The same on another storage.
    #[doc(hidden)]
    pub fn rejoin_on<S: Storage>(&self, storage: &S, fork: Anchor) -> Result<RejoinReport, RejoinError> {
        rejoin(storage, fork)
    }
}

fn rejoin<S: Storage>(storage: &S, fork: Anchor) -> Result<RejoinReport, RejoinError> {
    let started = Instant::now();
    let there = || control::load(storage)?.ok_or_else(|| control::no_control(storage));
    // Before the lock, which would make the folder.
    there()?;
    let lock = recovery::lock(storage)?;
    let loaded = there()?;
    let found = loaded.state;
    let mut report = RejoinReport {
        path: storage.path(""),
        journal_id: found.journal_id,
        end_sequence: 0,
        set_aside: Vec::new(),
        resumed: found.cutting,
        removed: Vec::new(),
        elapsed: Duration::ZERO,
    };
    let refused = |what| RejoinError::NotConfirmed { path: storage.path(""), fork, what };
    let end = fork.sequence.checked_add(1).ok_or_else(|| refused("no journal gets there"))?;
    report.end_sequence = end;
    let Cut { lock: _lock, mut control, mut chain, set_aside } = match found.cutting {
        true => go_on(storage, lock, &found, fork, end, refused)?,
        false => begin(storage, lock, &loaded, fork, end, refused)?,
    };
    report.set_aside = set_aside;
    report.removed = cut::finish(storage, &mut control, &mut chain)?;
    report.elapsed = started.elapsed();
    Ok(report)
}

/// A journal of which the control file says that it is being cut.
struct Cut<S: Storage> {
    lock: S::Lock,
    control: Control<S>,
    chain: Chain,
    set_aside: Vec<SetAside>,
}

/// Brings the journal in order as any opening does, saves what is to be cut, and says that it is.
fn begin<S: Storage>(
    storage: &S,
    lock: S::Lock,
    loaded: &Loaded,
    fork: Anchor,
    end: u64,
    refused: impl Fn(&'static str) -> RejoinError,
) -> Result<Cut<S>, RejoinError> {
    let event = confirm(storage, loaded, &fork, refused)?;
    let window = loaded.state.window;
    let recovered = recovery::recover_locked(storage, lock, &event, Opening::Rejoin, window, 0)?;
    let RecoveredJournal { lock, mut control, chain, .. } = recovered;
    let set_aside = set_aside::save(storage, &chain, end..control.state.durable_end, control.state.epoch)?;
    cut::begin(&mut control, end, fork.bond())?;
    Ok(Cut { lock, control, chain, set_aside })
}

/// Goes on with a rejoin that was cut short, if it is the same.
fn go_on<S: Storage>(
    storage: &S,
    lock: S::Lock,
    found: &ControlState,
    fork: Anchor,
    end: u64,
    refused: impl Fn(&'static str) -> RejoinError,
) -> Result<Cut<S>, RejoinError> {
    if end != found.durable_end {
        let (path, cut_at) = (storage.path(""), found.durable_end);
        return Err(RejoinError::Unfinished { path, cut_at, asked: end });
    }
    if (found.journal_id, found.last) != (fork.journal_id, fork.bond()) {
        return Err(refused("another record lies there"));
    }
    let control = Control::open(storage, *found)?;
    let chain = chain::load(storage, found, true, |_| Ok(()))?;
    let set_aside = set_aside::find(storage, end, found.epoch)?;
    Ok(Cut { lock, control, chain, set_aside })
}

/// Refuses a record that the log as an opening would have it does not hold; else the type of its newest
/// events. Changes nothing.
fn confirm<S: Storage>(
    storage: &S,
    loaded: &Loaded,
    fork: &Anchor,
    refused: impl Fn(&'static str) -> RejoinError,
) -> Result<EventType, RejoinError> {
    let found = &loaded.state;
    if fork.journal_id != found.journal_id {
        return Err(refused("it is another journal"));
    }
    let chain = chain::load(storage, found, false, |_| Ok(()))?;
    let tail = verdict::judge(storage, loaded, &chain, true)?;
    if fork.sequence + 1 == found.first && found.before_first.is_known() {
        let same = found.before_first == fork.bond();
        return if same { Ok(newest(&chain)) } else { Err(refused("another record lay there")) };
    }
    let mut reader = RawReader::open_to(storage.clone(), Some(tail.end)).map_err(not_read(&refused))?;
    reader.check_anchor(fork).map_err(not_read(&refused))?;
    Ok(newest(&chain))
}

fn not_read(refused: &impl Fn(&'static str) -> RejoinError) -> impl Fn(ReadError) -> RejoinError {
    |error| match error {
        ReadError::HistoryChanged { what, .. } => refused(what),
        ReadError::Journal(fault) => fault.into(),
        _ => refused("it can't be read"),
    }
}

/// What a journal's newest events are; nothing is going to be appended.
fn newest(chain: &Chain) -> EventType {
    let layout = chain.segments.last().map(|last| &last.layout);
    let schema = layout.and_then(|layout| layout.events());
    let none = || Schema { name: "None".to_owned(), size: 0, fields: Vec::new(), attributes: Vec::new() };
    EventType::as_taken(schema.unwrap_or_else(none), layout.map_or(0, |layout| layout.record_bytes as usize))
}
