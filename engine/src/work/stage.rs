//! What a lane knows of a stage: it is given its wiring, then called once a turn.

use std::any::Any;
use std::fs::File;
use std::sync::Arc;

use slipring_journal::__private::storage::Files;
use slipring_journal::{Event, JournalId};

use super::journal_stage::JournalStage;
use crate::clock::Clock;
use crate::counters::meter::BatchMeter;
use crate::cursors::cursor::Cursor;
use crate::cursors::park::Parking;
use crate::cursors::status::EngineStatus;
use crate::cursors::watch::Watch;
use crate::error::KeepError;
use crate::kept::epochs::Epochs;
use crate::kept::findings::Findings;
use crate::kept::keeper::KeptStage;
use crate::kept::opening::{OpenedStage, Opening};
use crate::lines::format::JournalLine;
use crate::lines::told::Told;
use crate::ring::{Poller, Stamps};

/// What a turn came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// So many events were finished.
    Worked(u64),
    /// Nothing to do, or nothing could be done just now.
    Idle,
    /// Everything that was ever published is finished.
    Ended,
    /// The stage has failed and halted the engine; it must not be called again.
    Failed,
}

/// What a stage needs to run, given to it when the engine starts.
pub(crate) struct Wiring<E> {
    pub(crate) poller: Poller<E>,
    pub(crate) watch: Watch,
    pub(crate) cursor: Cursor,
    /// The publishers' cursor: of one publisher how far it is, of several a place to park.
    pub(crate) published: Cursor,
    pub(crate) parking: Arc<Parking>,
    pub(crate) status: Arc<EngineStatus>,
    /// Its place among the stages.
    pub(crate) index: usize,
    /// What columns know it by.
    pub(crate) seat: u64,
    /// The sequence of the ring's first event.
    pub(crate) base: u64,
    /// The first live sequence.
    pub(crate) live_from: u64,
    /// Journal time before `base`.
    pub(crate) time_ns: u64,
    /// Most events in one turn.
    pub(crate) batch_cap: u64,
    pub(crate) journal_id: Option<JournalId>,
    /// All effects are known to have been emitted: a backtest.
    pub(crate) all_done: bool,
    pub(crate) epochs: Epochs,
    pub(crate) findings: Arc<Findings>,
    pub(crate) batches: BatchMeter,
    /// For a stage that is measured.
    pub(crate) clock: Arc<dyn Clock>,
    /// If one is measured from publish.
    pub(crate) stamps: Option<Arc<Stamps>>,
    /// For the journal's stage.
    pub(crate) journal: Told<JournalLine>,
}

/// A stage, boxed once and called once a turn; what it does to each event is monomorphised inside.
pub(crate) trait RunStage<E: Event>: Send {
    fn wire(&mut self, wiring: Wiring<E>);
    fn start(&mut self);
    fn turn(&mut self) -> Turn;
    /// A turn together with the journal's, of a stage gated on nothing but journalled: each event is handed
    /// over as soon as it is appended. Idle if that can't be done just now: then each has a turn of its own.
    fn turn_behind(&mut self, _journal: &mut JournalStage<E>) -> Turn {
        Turn::Idle
    }
    /// The journal's stage, if it is that.
    fn as_journal(&mut self) -> Option<&mut JournalStage<E>> {
        None
    }
    /// The stage's last call, unless it failed.
    fn end(&mut self);
    /// The engine ends: turns are to be short from now on.
    fn hurry(&mut self) {}
    /// Its place among the stages.
    fn index(&self) -> usize;
    /// The cursor whose next move gives the stage something to do; `None` if there may be something already,
    /// or it waits for what no cursor tells.
    fn parks_at(&self) -> Option<&Cursor>;
    /// Whether its last turn found nothing in the ring, though there may be something.
    fn is_unsure(&self) -> bool;
    /// The sequence behind the last event that it finished.
    fn done(&self) -> u64;
    /// Takes what it kept from disk.
    fn open(&mut self, _opening: &mut Opening<'_>) -> Result<Option<OpenedStage>, KeepError> {
        Ok(None)
    }
    /// What the keeper needs to write for it, if it has to; `place` is the stage's among all.
    fn keep_by(&mut self, _journal: &Files, _place: usize) -> Result<Option<KeptStage>, KeepError> {
        Ok(None)
    }
    /// The files that say what it needs no history for any more: to be synced before retention hears of it.
    fn notes(&self) -> Result<Vec<File>, KeepError> {
        Ok(Vec::new())
    }
    /// Gives the handler (or the journal's writer) back.
    fn into_any(self: Box<Self>) -> Box<dyn Any + Send>;
}
