//! Who holds what: the leases of readers and the snapshots, and what is retired and not unlinked yet.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::error::{IoFault, JournalFault, ReadError};
use crate::format::segment_name;
use crate::storage::Storage;
use crate::tools::whole_calls::{Whole, WholeCalls};

/// What holders, syncer and sweeper share. Nobody on the append path locks it.
#[derive(Debug, Default)]
pub(crate) struct SharedRetention(Mutex<RetentionState>);

#[derive(Debug, Default)]
pub(super) struct RetentionState {
    /// The first sequence that is kept. Moved here first, then in the control file: a lease that is granted
    /// holds.
    pub(super) first: u64,
    /// A snapshot covers every record below it.
    pub(super) snapshot_end: u64,
    /// Where the oldest segment ends that is due and held for want of a snapshot.
    pub(super) due_end: Option<u64>,
    pub(super) leases: BTreeMap<u64, Grant>,
    pub(super) next_lease: u64,
    /// Bases of the segments below the first sequence on disk, to be unlinked, the oldest first.
    pub(super) retired: VecDeque<u64>,
    pub(super) fault: Option<JournalFault>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Grant {
    /// The next record that the reader needs.
    pub(super) position: u64,
    pub(super) evicted: bool,
    /// For how long it likes: the writer's own reader.
    pub(super) unbounded: bool,
}

impl SharedRetention {
    /// Of a journal whose first sequence is `first`: the one that it had, if who closed it opens it again.
    pub(super) fn begin(carried: Option<Arc<Self>>, first: u64) -> Arc<Self> {
        let shared = carried.unwrap_or_default();
        shared.lock().first = first;
        shared
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, RetentionState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Base of the segment that is to be unlinked next.
    pub(crate) fn oldest(&self) -> Option<u64> {
        self.lock().retired.front().copied()
    }

    /// How many are to be unlinked.
    pub(crate) fn count(&self) -> usize {
        self.lock().retired.len()
    }

    /// Unlinks the oldest retired file; whether there was one.
    pub(crate) fn remove_one<S: Storage>(&self, storage: &S, calls: &WholeCalls) -> bool {
        let Some(base) = self.lock().retired.pop_front() else { return false };
        let name = segment_name(base);
        let remove = || {
            storage.remove(&name).map_err(|error| IoFault::new("remove", storage.path(&name), error))?;
            storage.sync_folder().map_err(|error| IoFault::new("sync folder", storage.path(""), error))
        };
        let removed = calls.count(Whole::Unlink, remove);
        // No harm: the next opening reclaims it.
        if let Err(fault) = removed {
            self.lock().fault = Some(fault.into());
        }
        true
    }
}

/// Says what snapshots and readers of a journal being written need. Clones are the same.
///
/// ```
/// use slipring_journal::{ReadError, RetentionHandle};
///
/// fn copy_away(retention: &RetentionHandle, ends: &[u64]) -> Result<(), ReadError> {
///     let lease = retention.lease(retention.first_sequence())?;
///     for &end in ends {
///         println!("copied what lies before {end}");
///         lease.advance(end)?;
///     }
///     Ok(())
/// }
/// ```
///
/// More: [archive][page].
///
/// [page]: https://github.com/slipring/slipring/blob/main/docs/how-to/back-up-and-archive.md#archive-each-sealed-segment
#[derive(Clone, Debug)]
pub struct RetentionHandle(Arc<SharedRetention>);

impl RetentionHandle {
    pub(crate) fn new(shared: Arc<SharedRetention>) -> Self {
        RetentionHandle(shared)
    }

    pub(crate) fn shared(&self) -> Arc<SharedRetention> {
        Arc::clone(&self.0)
    }

    /// The first sequence that is kept.
    pub fn first_sequence(&self) -> u64 {
        self.0.lock().first
    }

    /// A durable snapshot covers every record below `end` for whoever would have to replay: they may go. It
    /// never moves back.
    pub fn snapshot(&self, end: u64) {
        let mut state = self.0.lock();
        state.snapshot_end = state.snapshot_end.max(end);
    }

    /// Whether a segment would go if [`RetentionHandle::snapshot`] were called with `end`: to learn that they
    /// are durable may cost something.
    pub fn waits_for(&self, end: u64) -> bool {
        let state = self.0.lock();
        state.due_end.is_some_and(|due| state.snapshot_end < due && due <= end)
    }

    /// Holds the records from `sequence` on for a reader, within the bounds of the
    /// [`Retention`](crate::Retention).
    ///
    /// # Errors
    /// [`ReadError::Evicted`] if they have gone.
    pub fn lease(&self, sequence: u64) -> Result<Lease, ReadError> {
        let mut state = self.0.lock();
        let first = state.first;
        if sequence < first {
            return Err(ReadError::Evicted { sequence, first });
        }
        Ok(self.grant(&mut state, Grant { position: sequence, evicted: false, unbounded: false }))
    }

    /// Holds all that there is, without bounds.
    pub(crate) fn hold(&self) -> Lease {
        let mut state = self.0.lock();
        let position = state.first;
        self.grant(&mut state, Grant { position, evicted: false, unbounded: true })
    }

    fn grant(&self, state: &mut RetentionState, held: Grant) -> Lease {
        let id = state.next_lease;
        state.next_lease += 1;
        state.leases.insert(id, held);
        Lease { shared: Arc::clone(&self.0), id }
    }

    /// What last kept retention from its work. A call that failed in unlinking a retired segment: the file is
    /// reclaimed on the next opening. Or the record by whose time a segment would go, or the segment's last,
    /// is damaged: then nothing goes that lies there or behind it, for what is damaged may be evidence.
    /// Verify the journal.
    pub fn fault(&self) -> Option<JournalFault> {
        self.0.lock().fault.clone()
    }
}

/// A reader's hold on the records that it has not read. Dropping it lets go.
///
/// See the example of [`RetentionHandle`].
#[derive(Debug)]
pub struct Lease {
    shared: Arc<SharedRetention>,
    id: u64,
}

impl Lease {
    /// The reader needs nothing before `sequence` any more. It never moves back.
    ///
    /// # Errors
    /// [`ReadError::Evicted`] if the lease went beyond its bounds: records that it held have gone. The reader
    /// has to start again from a snapshot, or from the first sequence.
    pub fn advance(&self, sequence: u64) -> Result<(), ReadError> {
        let mut state = self.shared.lock();
        let first = state.first;
        let Some(held) = state.leases.get_mut(&self.id) else { return Ok(()) };
        if held.evicted {
            return Err(ReadError::Evicted { sequence: held.position, first });
        }
        held.position = held.position.max(sequence);
        Ok(())
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.shared.lock().leases.remove(&self.id);
    }
}
