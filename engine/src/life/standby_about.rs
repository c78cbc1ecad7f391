//! What a standby says of itself.

use std::path::Path;

use slipring_journal::{Anchor, Cursors, Event, JournalId, RawReader, RecoveryReport, Replica, Schema};

use super::standby::Standby;
use super::standby_error::StandbyError;
use crate::counters::figures::Counters;
use crate::error::{Divergence, Halted};
use crate::kept::restored::Restored;

impl<E: Event> Standby<E> {
    /// What opening the replica found, discarded and mended.
    pub fn recovery(&self) -> Option<&RecoveryReport> {
        self.recovered.recovery()
    }

    /// What became of each stage's snapshots.
    pub fn restored(&self) -> &[Restored] {
        self.recovered.restored()
    }

    /// The sequence of the record that it takes next.
    pub fn end_sequence(&self) -> u64 {
        self.replica.as_ref().map_or(self.publisher.end(), Replica::end_sequence)
    }

    /// The last record taken; see [`Replica::last`].
    pub fn last(&self) -> Option<Anchor> {
        self.replica.as_ref().and_then(Replica::last)
    }

    /// The greatest epoch of its records; see [`Replica::epoch`].
    pub fn epoch(&self) -> u32 {
        self.replica.as_ref().map_or(self.epoch, Replica::epoch)
    }

    /// The greatest epoch that its replica knows; see [`Replica::known_epoch`].
    pub fn known_epoch(&self) -> u32 {
        self.replica.as_ref().map_or(self.epoch, Replica::known_epoch)
    }

    /// The journal that it is a replica of.
    pub fn journal_id(&self) -> Option<JournalId> {
        self.replica.as_ref().map(Replica::journal_id)
    }

    /// Which copy of that journal it is a replica of; zeros for the one that was made first.
    pub fn branch(&self) -> Option<[u8; 16]> {
        self.replica.as_ref().map(Replica::branch)
    }

    /// Journal time of the last record, in nanoseconds.
    pub fn last_time_ns(&self) -> Option<u64> {
        self.replica.as_ref().and_then(Replica::last_time_ns)
    }

    /// The replica's folder.
    pub fn path(&self) -> &Path {
        self.journal.path()
    }

    /// What the records are that it takes next.
    pub fn schema(&self) -> Option<&Schema> {
        self.replica.as_ref().map(Replica::schema)
    }

    /// The journal's cursors, to watch or to wait for. They go on through promotion.
    pub fn cursors(&self) -> Option<Cursors> {
        self.engine.shared.journal.clone()
    }

    /// A reader of everything taken so far.
    ///
    /// # Errors
    /// [`StandbyError::Closed`] behind an error that closed it; as
    /// [`Journal::raw_reader`](slipring_journal::Journal::raw_reader).
    pub fn reader(&self) -> Result<RawReader, StandbyError> {
        Ok(self.replica.as_ref().ok_or(StandbyError::Closed)?.reader()?)
    }

    /// How far everything is; see [`Engine::counters`](crate::Engine::counters).
    pub fn counters(&self) -> Counters {
        self.engine.counters()
    }

    /// Why a stage has failed, if one has.
    pub fn halted(&self) -> Option<Halted> {
        self.engine.halted()
    }

    /// Where a stage came to another state than it had logged.
    pub fn divergences(&self) -> Vec<Divergence> {
        self.engine.divergences()
    }

    /// Runs the lanes that have no thread; see [`Engine::invoke`](crate::Engine::invoke).
    pub fn invoke(&self) -> u64 {
        self.engine.invoke()
    }
}
