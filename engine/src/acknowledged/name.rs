//! One name under which events are acknowledged: its cursor, what moves it and what does not.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use slipring_journal::__private::Confirmer;
use slipring_journal::__private::storage::{Files, Storage, StorageFile};
use slipring_journal::{Anchor, Cursors, JournalId, ReadError};

use super::error::AcknowledgeError;
use super::note::{self, Note, NotePlace};
use crate::counters::acknowledged::AcknowledgedPlace;
use crate::counters::board::Board;
use crate::cursors::cursor::Cursor;
use crate::cursors::park::Parking;
use crate::error::KeepError;

/// What is known of a name under which events are acknowledged.
///
/// ```
/// use slipring::{Event, Recovered};
///
/// fn show<E: Event>(recovered: &Recovered<E>) {
///     for name in recovered.acknowledged() {
///         println!("{}: all before {}", name.name, name.end);
///         if let Some(set_back) = &name.set_back {
///             println!("{} said more: {set_back}", name.name);
///         }
///     }
/// }
/// ```
///
/// More:
/// [guarantees](https://github.com/slipring/slipring/blob/main/docs/reference/guarantees.md#acknowledged).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Acknowledged {
    /// The name.
    pub name: String,
    /// The sequence behind the last event that is acknowledged.
    pub end: u64,
    /// What was noted on disk, if the journal did not confirm it at the opening.
    pub set_back: Option<SetBack>,
}

/// A note that the journal did not confirm: power loss took what was acknowledged, or the note is of another
/// copy of the journal.
///
/// See the example of [`Acknowledged`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SetBack {
    /// The sequence behind the last event that was noted as acknowledged.
    pub noted_end: u64,
    /// What counts instead: the sequence behind the last event whose acknowledgement the journal confirms.
    pub end: u64,
    /// What the journal said of the note.
    pub why: String,
}

impl std::fmt::Display for SetBack {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let SetBack { noted_end, end, why } = self;
        write!(f, "events below {noted_end} were noted as acknowledged, and {end} counts: {why}")
    }
}

/// How a name was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WaitedBy {
    /// A stage of the ring. Replay must find as much noted as the ring held up publishers for, or the ring
    /// would not hold the rest: each note is synced before the cursor moves.
    Stage,
    /// A late consumer, which holds nobody up.
    Late,
}

/// Where an engine is, once it runs: whom to wake, and where to show it.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) parking: Arc<Parking>,
    pub(crate) board: Arc<Board>,
}

/// A name that events are acknowledged under.
#[derive(Debug)]
pub(crate) struct AcknowledgedName {
    pub(crate) name: String,
    pub(crate) cursor: Cursor,
    set_back: Option<SetBack>,
    waited_by: WaitedBy,
    shown: OnceLock<Option<AcknowledgedPlace>>,
    /// `None` once the engine has ended: the file may be the next life's. Held while the disk is waited for,
    /// and taken before `state`.
    note: Mutex<Option<Note>>,
    /// Never held while the disk is written to.
    state: Mutex<State>,
}

/// What is known and not noted yet.
#[derive(Debug)]
struct State {
    confirmer: Confirmer,
    /// The newest that was said and confirmed, if it is still to be noted.
    said: Option<NotePlace>,
    /// Why the last one could not be noted, if it could not.
    fault: Option<Arc<KeepError>>,
    has_ended: bool,
}

impl AcknowledgedName {
    /// Finds what is noted of it, as far as a journal that ends at `log_end`, and is durable to
    /// `durable_end`, confirms that.
    pub(super) fn open(
        journal: &Files,
        journal_id: JournalId,
        (log_end, durable_end): (u64, u64),
        name: &str,
        waited_by: WaitedBy,
    ) -> Result<Self, KeepError> {
        let place = journal.folder_path().join(note::FOLDER);
        let mut note = Note::open(&note::folder(journal)?, &place, journal_id, name)?;
        let mut confirmer = Confirmer::new(journal.clone(), journal_id);
        let (end, set_back) = confirmed(&mut note, &mut confirmer, (log_end, durable_end))?;
        Ok(AcknowledgedName {
            name: name.to_owned(),
            cursor: Cursor::private(end),
            set_back,
            waited_by,
            shown: OnceLock::new(),
            note: Mutex::new(Some(note)),
            state: Mutex::new(State { confirmer, said: None, fault: None, has_ended: false }),
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn note(&self) -> MutexGuard<'_, Option<Note>> {
        self.note.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Shows it to other processes from here on. One caller at a time.
    pub(super) fn show(&self, running: &Running) {
        // While the lock is held nobody moves the cursor.
        let _state = self.state();
        self.shown.get_or_init(|| running.board.show_acknowledged(&self.name, self.cursor.end()));
    }

    /// What is known of it.
    pub(super) fn about(&self) -> Acknowledged {
        Acknowledged { name: self.name.clone(), end: self.cursor.end(), set_back: self.set_back.clone() }
    }

    /// Whether an acknowledgement waits for the disk.
    pub(super) fn is_synced(&self) -> bool {
        self.waited_by == WaitedBy::Stage
    }

    /// Takes note that all up to the anchor's event is acknowledged, if the journal confirms that; the
    /// sequence behind it.
    pub(super) fn acknowledge(
        &self,
        anchor: Anchor,
        journal: &Cursors,
        running: Option<&Running>,
    ) -> Result<u64, AcknowledgeError> {
        let end = self.say(anchor, journal)?;
        self.keep(journal.durable_end(), self.is_synced(), running);
        if self.cursor.end() >= end {
            return Ok(end);
        }
        self.not_kept(anchor)?;
        Err(AcknowledgeError::Ended { name: self.name.clone() })
    }

    /// The same, where another thread takes the note. An error of an earlier one is said, whatever becomes of
    /// this one.
    pub(super) fn hand_over(
        &self,
        anchor: Anchor,
        journal: &Cursors,
        wake: impl FnOnce(),
    ) -> Result<u64, AcknowledgeError> {
        let end = self.say(anchor, journal)?;
        wake();
        self.not_kept(anchor).map(|()| end)
    }

    fn not_kept(&self, anchor: Anchor) -> Result<(), AcknowledgeError> {
        let not_kept = |source| AcknowledgeError::NotKept { name: self.name.clone(), anchor, source };
        self.state().fault.clone().map_or(Ok(()), |fault| Err(not_kept(fault)))
    }

    /// Has all up to the anchor's event noted next, if the journal confirms that; the sequence behind it.
    fn say(&self, anchor: Anchor, journal: &Cursors) -> Result<u64, AcknowledgeError> {
        let name = || self.name.clone();
        let mut state = self.state();
        if state.has_ended {
            return Err(AcknowledgeError::Ended { name: name() });
        }
        if anchor.journal_id != state.confirmer.journal_id() {
            return Err(AcknowledgeError::AnotherJournal { name: name(), anchor });
        }
        let journalled_end = journal.journalled_end();
        let place = NotePlace::behind(&anchor).filter(|place| place.end <= journalled_end);
        let Some(place) = place else {
            return Err(AcknowledgeError::BeyondJournalled { name: name(), anchor, journalled_end });
        };
        let end = state.said.map_or(0, |said| said.end).max(self.cursor.end());
        if place.end < end {
            return Err(AcknowledgeError::GoesBack { name: name(), anchor, end });
        }
        if let Err(source) = state.confirmer.confirm(&anchor) {
            return Err(AcknowledgeError::NotConfirmed { name: name(), anchor, source: source.into() });
        }
        if place.end > end {
            state.said = Some(place);
        }
        Ok(place.end)
    }

    /// Notes the newest that was said, and moves the cursor behind it; whether there was one. Whatever is
    /// said while it waits for the disk is the next one, and all of that together.
    pub(super) fn keep(&self, durable_end: u64, sync: bool, running: Option<&Running>) -> bool {
        let mut note = self.note();
        let Some(said) = self.state().said else { return false };
        let Some(note) = note.as_mut() else { return false };
        let kept = note.write(said, durable_end, sync);
        let mut state = self.state();
        // It stays there until now, so that none is taken that goes back behind it.
        state.said = state.said.filter(|newer| *newer != said);
        match kept {
            Ok(()) => {
                state.fault = None;
                self.reach(said.end, running);
            }
            Err(fault) => state.fault = Some(Arc::new(fault)),
        }
        true
    }

    /// Moves the cursor, under the lock of the state.
    fn reach(&self, end: u64, running: Option<&Running>) {
        if self.cursor.end() >= end {
            return;
        }
        self.cursor.set(end);
        if let Some(running) = running {
            running.parking.wake(&self.cursor);
        }
        if let Some(Some(shown)) = self.shown.get() {
            shown.set_end(end);
        }
    }

    /// All below `end`, behind that record, counts as acknowledged from here on, whatever becomes of the note
    /// of it.
    pub(super) fn pass(
        &self,
        (end, last): (u64, Option<&Anchor>),
        durable_end: u64,
        sync: bool,
        running: Option<&Running>,
    ) -> Result<(), KeepError> {
        let mut note = self.note();
        {
            let _state = self.state();
            self.reach(end, running);
        }
        match (note.as_mut(), last.and_then(NotePlace::behind)) {
            (Some(note), Some(place)) if place.end == end => note.write(place, durable_end, sync),
            // What came before it nobody knows here, nor waits for it.
            _ => Ok(()),
        }
    }

    /// Notes what was said, syncs it and lets go of the file; nothing is acknowledged any more.
    pub(super) fn end(&self, durable_end: u64, running: Option<&Running>) -> Result<(), KeepError> {
        self.state().has_ended = true;
        self.keep(durable_end, self.is_synced(), running);
        self.note().take().map_or(Ok(()), |mut note| note.sync())
    }
}

/// Up to where all is acknowledged, of what is noted, as far as a journal that ends at `log_end`, and is
/// durable to `durable_end`, confirms that; and what it does not.
pub(super) fn confirmed<F: StorageFile, S: Storage>(
    note: &mut Note<F>,
    confirmer: &mut Confirmer<S>,
    (log_end, durable_end): (u64, u64),
) -> Result<(u64, Option<SetBack>), KeepError> {
    let noted = note.noted();
    let mut why = None;
    let mut end = 0;
    for place in noted {
        match confirm(confirmer, place, log_end)? {
            Ok(()) => {
                end = place.end;
                if end <= durable_end {
                    note.confirm(place);
                }
                break;
            }
            Err(said) => why = why.or(Some(said)),
        }
    }
    let noted_end = noted[0].end;
    Ok((end, why.map(|why| SetBack { noted_end, end, why })))
}

/// Whether a journal that ends at `log_end` confirms what was noted; why not.
fn confirm<S: Storage>(
    confirmer: &mut Confirmer<S>,
    place: NotePlace,
    log_end: u64,
) -> Result<Result<(), String>, KeepError> {
    let Some(anchor) = place.anchor(confirmer.journal_id()) else { return Ok(Ok(())) };
    if place.end > log_end {
        return Ok(Err(format!("the journal ends before {log_end}")));
    }
    match confirmer.confirm(&anchor) {
        // What retention has taken nobody waits for; what is left lies behind it.
        Ok(()) | Err(ReadError::Evicted { .. }) => Ok(Ok(())),
        Err(ReadError::HistoryChanged { what, .. }) => Ok(Err(what.to_owned())),
        Err(other) => Err(other.into()),
    }
}
