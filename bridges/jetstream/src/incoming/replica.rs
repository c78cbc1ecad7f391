//! Into a replica of the journal that the stream is of.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use slipring_bridge::wire::Schema;
use slipring_journal::{
    Journal, JournalFault, NextTypeError, OpenError, Origin, ReadError, RecoveryReport, Replica, SyncError,
    TakeError,
};

use super::expected::Run;
use super::start::Here;

/// Why records did not get into a replica.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IntoError {
    /// What is there can't be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// It can't be opened as a replica.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// It can't go on with events of another type.
    #[error(transparent)]
    NextType(#[from] NextTypeError),
    /// It does not take the records.
    #[error(transparent)]
    Take(#[from] TakeError),
    /// It could not be made durable.
    #[error(transparent)]
    Close(#[from] SyncError),
    /// It was closed for another type of event, and could not be opened again.
    #[error("{} was closed when events of another type began, and could not be opened again", path.display())]
    Closed {
        /// The folder.
        path: PathBuf,
    },
}

/// Takes the records of a stream into a replica of their journal: byte for byte, with their sequences,
/// epochs, times and checksums.
///
/// A replica that is there goes on where it ends: [`IntoReplica::here`] says where that is.
///
/// ```no_run
/// use slipring_jetstream::incoming::{Came, InOptions, Incoming, IntoReplica, Start};
/// use slipring_journal::Journal;
///
/// # async fn stand_by() -> Result<(), Box<dyn std::error::Error>> {
/// let mut replica = IntoReplica::open(Journal::at("standby"))?;
/// let start = replica.here().map_or(Start::Oldest, Start::Behind);
/// let client = async_nats::connect("127.0.0.1:4222").await?;
/// let mut incoming = Incoming::new(client, InOptions::new("orders", start));
/// while !incoming.has_caught_up().await? {
///     if let Came::Run(run) = incoming.next().await? {
///         replica.take(&run)?;
///     }
/// }
/// replica.close()?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct IntoReplica {
    journal: Journal,
    replica: Option<Replica>,
    here: Option<Here>,
    report: Option<RecoveryReport>,
    schema: Option<Arc<Schema>>,
}

impl IntoReplica {
    /// Opens the replica at the journal's folder, if there is one; a new one is made once records come.
    ///
    /// # Errors
    /// [`IntoError::Read`], [`IntoError::Open`]: what is there is no replica, or can't be read.
    pub fn open(journal: Journal) -> Result<Self, IntoError> {
        let mut opened = IntoReplica { journal, replica: None, here: None, report: None, schema: None };
        let reader = match opened.journal.raw_reader() {
            Err(ReadError::Journal(JournalFault::NoJournal { .. })) => return Ok(opened),
            reader => reader?,
        };
        let (journal_id, branch, first) = (reader.journal_id(), reader.branch(), reader.first_sequence());
        if let Some(events) = reader.schema() {
            let origin = Origin { journal_id, branch, first, before: None };
            let (replica, report) = opened.journal.replica(&events, &origin)?;
            opened.here =
                Some(Here { journal_id, branch, end: replica.end_sequence(), last: replica.last() });
            (opened.replica, opened.report) = (Some(replica), Some(report));
        }
        Ok(opened)
    }

    /// What it holds already; `None` if it is new.
    pub fn here(&self) -> Option<Here> {
        let replica = self.replica.as_ref();
        let now = |here: Here| {
            replica.map_or(here, |now| Here { end: now.end_sequence(), last: now.last(), ..here })
        };
        self.here.map(now)
    }

    /// The replica's folder.
    pub fn path(&self) -> &Path {
        self.journal.path()
    }

    /// The replica as a journal, to be opened once this is closed.
    pub fn journal(&self) -> &Journal {
        &self.journal
    }

    /// What was found when it was opened; `None` as long as it is not made.
    pub fn report(&self) -> Option<&RecoveryReport> {
        self.report.as_ref()
    }

    /// The replica, once there is one: to watch its cursors, to read it.
    pub fn replica(&self) -> Option<&Replica> {
        self.replica.as_ref()
    }

    /// Takes records that come next; the sequence behind the last. Waits while there is no room. They are
    /// durable a little later: [`Replica::cursors`] say when.
    ///
    /// # Errors
    /// [`IntoError`]; [`TakeError::OutOfPlace`] if it ends elsewhere than the records begin,
    /// [`TakeError::OtherHistory`] with another record than they follow.
    pub fn take(&mut self, run: &Run) -> Result<u64, IntoError> {
        let is_known = self.schema.as_ref().is_some_and(|known| Arc::ptr_eq(known, run.schema()));
        let replica = match self.replica.take() {
            Some(replica) if is_known => replica,
            // Of the type that it has nothing happens.
            Some(replica) => replica.next_type(&run.schema().events)?,
            None if self.here.is_some() => {
                return Err(IntoError::Closed { path: self.journal.path().to_owned() });
            }
            None => self.made_for(run)?,
        };
        self.schema = Some(Arc::clone(run.schema()));
        let replica = self.replica.insert(replica);
        Ok(replica.take(run.first_sequence(), run.before(), run.bytes())?)
    }

    /// Makes all durable, and ends; the sequence behind the last record.
    ///
    /// # Errors
    /// [`IntoError::Close`].
    pub fn close(self) -> Result<Option<u64>, IntoError> {
        Ok(self.replica.map(Replica::close).transpose()?)
    }

    /// A new one, from these records on.
    fn made_for(&mut self, run: &Run) -> Result<Replica, IntoError> {
        let (journal_id, branch) = (run.journal_id(), run.branch());
        let origin = Origin { journal_id, branch, first: run.first_sequence(), before: run.before() };
        let (replica, report) = self.journal.replica(&run.schema().events, &origin)?;
        self.here = Some(Here { journal_id, branch, end: replica.end_sequence(), last: replica.last() });
        self.report = Some(report);
        Ok(replica)
    }
}
