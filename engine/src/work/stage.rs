//! What a lane knows of a stage: it is opened and wired, then called once a turn.

use std::any::Any;
use std::fs::File;
use std::sync::Arc;

use slipring_journal::__private::storage::Files;
use slipring_journal::{Event, JournalId};

use super::fused::Fuse;
use super::news::News;
use super::stage_cursor::StageCursor;
use crate::clock::Clock;
use crate::cursors::cursor::Cursor;
use crate::cursors::status::EngineStatus;
use crate::cursors::watch::Watch;
use crate::error::KeepError;
use crate::kept::epochs::Epochs;
use crate::kept::findings::Findings;
use crate::kept::keeper::KeptStage;
use crate::kept::opening::{OpenedStage, StageOpening};
use crate::kept::refusals::RefusalWiring;
use crate::ring::{Poller, Stamps};

/// Most events handled between two moves of a stage's cursor: a slow batch must not look like a full ring.
pub(crate) const STRIDE: u64 = 128;

/// What a turn came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// So many events were finished.
    Worked(u64),
    /// Nothing to do, or nothing could be done just now.
    Idle,
    /// There are events, and the journal has no room for them: the disk is waited for.
    NoRoom,
    /// There are events, and they are not durable yet: a sync is under way.
    Unsynced,
    /// Everything that was ever published is finished.
    Ended,
    /// The stage has failed and halted the engine; it must not be called again.
    Failed,
}

/// What a stage needs to run, given to it when the engine starts.
pub(crate) struct Wiring<E> {
    pub(crate) poller: Poller<E>,
    pub(crate) watch: Watch,
    /// The publishers' cursor: of one publisher how far it is, of several a place to park.
    pub(crate) published: Cursor,
    /// The stage's own.
    pub(crate) cursor: StageCursor,
    pub(crate) status: Arc<EngineStatus>,
    /// Its place among the stages.
    pub(crate) index: usize,
    /// Most events in one turn.
    pub(crate) batch_cap: u64,
}

/// What a handler's stage needs to know of the life that begins.
pub(crate) struct Life {
    /// What columns know the stage by.
    pub(crate) seat: u64,
    /// The sequence of the ring's first event.
    pub(crate) base: u64,
    /// The first live sequence.
    pub(crate) live_from: u64,
    /// Journal time before `base`.
    pub(crate) time_ns: u64,
    pub(crate) journal_id: Option<JournalId>,
    /// All effects are known to have been emitted: a backtest. Or they are another's: a standby.
    pub(crate) all_done: bool,
    pub(crate) epochs: Epochs,
    /// Of a standby: what its stages are told.
    pub(crate) news: Option<Arc<News>>,
    pub(crate) findings: Arc<Findings>,
    pub(crate) refusals: RefusalWiring,
    /// For a stage that is measured.
    pub(crate) clock: Arc<dyn Clock>,
    /// If one is measured from publish.
    pub(crate) stamps: Option<Arc<Stamps>>,
}

/// A stage before the engine starts.
pub(crate) trait DescribedStage<E: Event>: Send {
    /// Takes what it kept from disk.
    fn open(&mut self, opening: &mut StageOpening<'_>) -> Result<OpenedStage, KeepError>;
    /// What the keeper needs to write for it, if it has to; `place` is the stage's among all.
    fn keep_by(&mut self, journal: &Files, place: usize) -> Result<Option<KeptStage>, KeepError>;
    /// The files that say what it needs no history for any more: to be synced before retention hears of it.
    fn notes(&self) -> Result<Vec<File>, KeepError>;
    /// The stage, ready to run.
    fn wire(self: Box<Self>, wiring: Wiring<E>, life: Life) -> Box<dyn RunStage<E>>;
}

/// A stage at work, called once a turn; what it does to each event is monomorphised inside.
pub(crate) trait RunStage<E: Event>: Fuse<E> + Send {
    fn start(&mut self) {}
    fn turn(&mut self) -> Turn;
    /// Called at its end, unless it failed.
    fn end(&mut self) {}
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
    /// Gives the handler (or the journal's writer) back.
    fn into_any(self: Box<Self>) -> Box<dyn Any + Send>;
}
