//! Retention: which segments go, and who may hold them.
//!
//! A sealed segment is retired when the rules of [`Retention`] say that it is due and nobody holds it. Who holds it,
//! in this order:
//!
//! 1. the durable floor: it goes only once D lies behind it, and the last durable record always stays;
//! 2. the snapshot: with [`Retention::only_behind_snapshots`], or if an engine's stages need it, nothing that no
//!    snapshot covers;
//! 3. a reader's [`Lease`], within its bounds; beyond them the reader is evicted;
//! 4. age, size and count.
//!
//! The syncer decides and writes the new first sequence into the control file, in the slot that raises D, then into the
//! other; only when both are synced does the sweeper unlink the files, the oldest first. Power may fail anywhere: what lies below the
//! first sequence is reclaimed on the next opening. The append path has no part in it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::error::{IoFault, JournalFault, ReadError};
use crate::format::crc::RecordCrc;
use crate::format::{Bond, HEADER_BYTES, JournalId, RecordHeader, Slots, segment_name, valid_record};
use crate::judge::chain;
use crate::judge::scan;
use crate::storage::{Storage, StorageFile};

/// What to keep of a journal. Whole segments go, the oldest first, as soon as any of the rules says so; without a
/// rule of age, size or count, as soon as a snapshot covers them.
///
/// Time is journal time: ages are counted from the last durable record, not from the clock, so that a journal that
/// nobody writes to keeps what it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    pub(crate) age: Option<Duration>,
    pub(crate) bytes: Option<u64>,
    pub(crate) records: Option<u64>,
    pub(crate) snapshots: Snapshots,
    pub(crate) lease_bytes: u64,
    pub(crate) lease_age: Option<Duration>,
}

/// What snapshots have to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Snapshots {
    /// Nothing was said: they hold nothing, unless the writer's stages need it.
    Unsaid,
    /// Nothing was said, and the writer's stages need it.
    Held,
    /// A rule of its own: nothing goes before them, and all goes behind them.
    Rule,
    /// They hold nothing, whatever needs it.
    Regardless,
}

impl Default for Retention {
    fn default() -> Self {
        Self::new()
    }
}

impl Retention {
    /// No rule yet. A reader's lease holds 1 GiB at most.
    pub fn new() -> Self {
        Retention {
            age: None,
            bytes: None,
            records: None,
            snapshots: Snapshots::Unsaid,
            lease_bytes: 1 << 30,
            lease_age: None,
        }
    }

    /// Segments go whose last record is older than the last durable one by more than `age`.
    pub fn keep_age(mut self, age: Duration) -> Self {
        self.age = Some(age);
        self
    }

    /// Segments go while those that hold records take more than `count` bytes.
    pub fn keep_bytes(mut self, count: u64) -> Self {
        self.bytes = Some(count);
        self
    }

    /// Segments go behind which there are `count` durable records or more.
    pub fn keep_records(mut self, count: u64) -> Self {
        self.records = Some(count);
        self
    }

    /// Nothing goes that no snapshot covers: see [`RetentionHandle::snapshot`].
    pub fn only_behind_snapshots(mut self) -> Self {
        self.snapshots = Snapshots::Rule;
        self
    }

    /// Age, size and count alone decide: what the snapshots and effects of an engine's stages still need goes too. An
    /// engine without this holds it, so that it can recover; with it, its disk is bounded even if no snapshot can be
    /// written, and recovery may then refuse to start.
    pub fn regardless_of_snapshots(mut self) -> Self {
        self.snapshots = Snapshots::Regardless;
        self
    }

    /// As if [`Retention::only_behind_snapshots`] held what the other rules would have go, if nothing was said of
    /// snapshots. It is no rule by itself.
    pub(crate) fn held(mut self) -> Self {
        if self.snapshots == Snapshots::Unsaid {
            self.snapshots = Snapshots::Held;
        }
        self
    }

    /// How many bytes of records a lease may hold, from its position to the last durable record; 1 GiB if not set.
    pub fn lease_bytes(mut self, count: u64) -> Self {
        self.lease_bytes = count;
        self
    }

    /// How old a segment may get for the sake of a lease; without bound if not set (but see
    /// [`Retention::lease_bytes`]).
    pub fn lease_age(mut self, age: Duration) -> Self {
        self.lease_age = Some(age);
        self
    }

    /// Whether any rule could ever make a segment due.
    pub(crate) fn has_rule(&self) -> bool {
        self.age.is_some()
            || self.bytes.is_some()
            || self.records.is_some()
            || self.snapshots == Snapshots::Rule
    }

    fn needs_times(&self) -> bool {
        self.age.is_some() || self.lease_age.is_some()
    }
}

/// What holders, syncer and sweeper share. Nobody on the append path locks it.
#[derive(Debug, Default)]
pub(crate) struct Shared(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// The first sequence that is kept. Moved here first, then in the control file: a lease that is granted holds.
    first: u64,
    /// A snapshot covers every record below it.
    snapshot_end: u64,
    /// Where the oldest segment ends that is due and held for want of a snapshot.
    due_end: Option<u64>,
    leases: BTreeMap<u64, Held>,
    next_lease: u64,
    /// Bases of the segments below the first sequence on disk, to be unlinked, the oldest first.
    retired: VecDeque<u64>,
    fault: Option<JournalFault>,
}

#[derive(Clone, Copy, Debug)]
struct Held {
    /// The next record that the reader needs.
    position: u64,
    evicted: bool,
    /// For how long it likes: the writer's own reader.
    unbounded: bool,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Unlinks the oldest retired file; whether there was one.
    pub(crate) fn remove_one<S: Storage>(&self, storage: &S) -> bool {
        let Some(base) = self.lock().retired.pop_front() else { return false };
        let name = segment_name(base);
        let removed = storage
            .remove(&name)
            .map_err(|error| IoFault::new("remove", storage.path(&name), error))
            .and_then(|()| {
                storage.sync_folder().map_err(|error| IoFault::new("sync folder", storage.path(""), error))
            });
        // No harm: the next opening reclaims it.
        if let Err(fault) = removed {
            self.lock().fault = Some(fault.into());
        }
        true
    }
}

/// Says what snapshots and readers of a journal being written need. Clones are the same.
#[derive(Clone, Debug)]
pub struct RetentionHandle(Arc<Shared>);

impl RetentionHandle {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        RetentionHandle(shared)
    }

    /// The first sequence that is kept.
    pub fn first_sequence(&self) -> u64 {
        self.0.lock().first
    }

    /// A durable snapshot covers every record below `end` for whoever would have to replay: they may go. It never
    /// moves back.
    pub fn snapshot(&self, end: u64) {
        let mut state = self.0.lock();
        state.snapshot_end = state.snapshot_end.max(end);
    }

    /// Whether a segment would go if [`RetentionHandle::snapshot`] were called with `end`: to learn that they are
    /// durable may cost something.
    pub fn waits_for(&self, end: u64) -> bool {
        let state = self.0.lock();
        state.due_end.is_some_and(|due| state.snapshot_end < due && due <= end)
    }

    /// Holds the records from `sequence` on for a reader, within the bounds of the [`Retention`].
    ///
    /// # Errors
    /// [`ReadError::Evicted`] if they have gone.
    pub fn lease(&self, sequence: u64) -> Result<Lease, ReadError> {
        let mut state = self.0.lock();
        let first = state.first;
        if sequence < first {
            return Err(ReadError::Evicted { sequence, first });
        }
        Ok(self.grant(&mut state, Held { position: sequence, evicted: false, unbounded: false }))
    }

    /// Holds all that there is, without bounds.
    pub(crate) fn hold(&self) -> Lease {
        let mut state = self.0.lock();
        let position = state.first;
        self.grant(&mut state, Held { position, evicted: false, unbounded: true })
    }

    fn grant(&self, state: &mut State, held: Held) -> Lease {
        let id = state.next_lease;
        state.next_lease += 1;
        state.leases.insert(id, held);
        Lease { shared: Arc::clone(&self.0), id }
    }

    /// What last kept retention from its work. A call that failed in unlinking a retired segment: the file is reclaimed on
    /// the next opening. Or the record by whose time a segment would go, or the segment's last, is damaged: then nothing
    /// goes that lies there or behind it, for what is damaged may be evidence. Verify the journal.
    pub fn fault(&self) -> Option<JournalFault> {
        self.0.lock().fault.clone()
    }
}

/// A reader's hold on the records that it has not read. Dropping it lets go.
#[derive(Debug)]
pub struct Lease {
    shared: Arc<Shared>,
    id: u64,
}

impl Lease {
    /// The reader needs nothing before `sequence` any more. It never moves back.
    ///
    /// # Errors
    /// [`ReadError::Evicted`] if the lease went beyond its bounds: records that it held have gone. The reader has
    /// to start again from a snapshot, or from the first sequence.
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

/// A segment that holds records, as the retainer knows it.
#[derive(Debug)]
pub(crate) struct Kept {
    pub(crate) base: u64,
    pub(crate) end: u64,
    /// Journal time of its last record, once somebody has looked.
    last_ns: Option<u64>,
    /// Epoch and checksum of its last record, once it goes.
    pub(crate) last: Bond,
}

/// The syncer's part: decides what goes.
#[derive(Debug)]
pub(crate) struct Retainer {
    pub(crate) options: Retention,
    pub(crate) shared: Arc<Shared>,
    /// Oldest first; the last may be the active one.
    kept: VecDeque<Kept>,
    /// What they take together.
    kept_bytes: u64,
    journal_id: JournalId,
    record_bytes: u64,
    /// Journal time of the record before `newest_end`, the last durable one when somebody last looked.
    newest_ns: u64,
    newest_end: u64,
}

impl Retainer {
    pub(crate) fn new(
        options: Retention,
        journal_id: JournalId,
        first: u64,
        record_bytes: u64,
        newest_ns: u64,
    ) -> Self {
        let shared = Arc::new(Shared(Mutex::new(State { first, ..State::default() })));
        Retainer {
            options,
            shared,
            kept: VecDeque::new(),
            kept_bytes: 0,
            journal_id,
            record_bytes,
            newest_ns,
            newest_end: 0,
        }
    }

    /// Takes note of a segment that holds records; told again, it does nothing.
    pub(crate) fn learn(&mut self, base: u64, end: u64) {
        if self.kept.back().is_none_or(|last| last.base < base) {
            self.kept.push_back(Kept { base, end, last_ns: None, last: Bond::UNKNOWN });
            self.kept_bytes += self.bytes(base..end);
        }
    }

    /// What a segment with these sequences takes.
    fn bytes(&self, sequences: std::ops::Range<u64>) -> u64 {
        HEADER_BYTES + (sequences.end - sequences.start) * self.record_bytes
    }

    /// Takes out the segments that go now that everything below `durable_end` is durable. The caller writes the
    /// end of the last one into the control file, then calls [`Retainer::hand_over`].
    pub(crate) fn retire<S: Storage>(&mut self, storage: &S, durable_end: u64) -> Vec<Kept> {
        let mut retired = Vec::new();
        if let Err(fault) = self.try_retire(storage, durable_end, &mut retired) {
            self.shared.lock().fault = Some(fault);
        }
        retired
    }

    fn try_retire<S: Storage>(
        &mut self,
        storage: &S,
        durable_end: u64,
        retired: &mut Vec<Kept>,
    ) -> Result<(), JournalFault> {
        if self.options.needs_times()
            && self.newest_end != durable_end
            && let Some(last) = self.kept.iter().rev().find(|s| s.base < durable_end && durable_end <= s.end)
        {
            self.newest_ns = self.read(storage, last, durable_end - 1)?.time_ns;
            self.newest_end = durable_end;
        }
        // Not the segment of the last durable record: recovery takes epoch and time from there.
        while let Some(oldest) = self.kept.front().filter(|oldest| oldest.end < durable_end) {
            if self.options.needs_times() && oldest.last_ns.is_none() {
                let last_ns = self.read(storage, oldest, oldest.end - 1)?.time_ns;
                self.kept[0].last_ns = Some(last_ns);
            }
            if !self.is_due(durable_end) || self.is_held(durable_end) {
                break;
            }
            // What is to go is what it was said to be, also if that was read long ago, or never.
            let last = self.read(storage, &self.kept[0], self.kept[0].end - 1)?;
            if !self.let_go(durable_end) {
                break;
            }
            if let Some(oldest) = self.kept.pop_front() {
                self.kept_bytes -= self.bytes(oldest.base..oldest.end);
                retired.push(Kept { last: Bond::of(last), ..oldest });
            }
        }
        Ok(())
    }

    /// Whether the rules would have the oldest segment go.
    fn is_due(&self, durable_end: u64) -> bool {
        let (rules, oldest) = (&self.options, &self.kept[0]);
        let any = rules.age.is_some() || rules.bytes.is_some() || rules.records.is_some();
        !any || rules.age.is_some_and(|age| self.is_older(oldest, age))
            || rules.bytes.is_some_and(|most| self.kept_bytes > most)
            || rules.records.is_some_and(|count| durable_end - oldest.end >= count)
    }

    fn is_older(&self, kept: &Kept, age: Duration) -> bool {
        let age_ns = u64::try_from(age.as_nanos()).unwrap_or(u64::MAX);
        kept.last_ns.is_some_and(|last_ns| self.newest_ns.saturating_sub(last_ns) > age_ns)
    }

    /// Whether somebody holds the oldest segment.
    fn is_held(&self, durable_end: u64) -> bool {
        self.holds(&mut self.shared.lock(), durable_end)
    }

    fn holds(&self, state: &mut State, durable_end: u64) -> bool {
        let oldest = &self.kept[0];
        let too_old = self.options.lease_age.is_some_and(|age| self.is_older(oldest, age));
        let snapshots = matches!(self.options.snapshots, Snapshots::Held | Snapshots::Rule);
        if snapshots && oldest.end > state.snapshot_end {
            state.due_end = Some(oldest.end);
            return true;
        }
        let within = |held: &Held| {
            let bytes = durable_end.saturating_sub(held.position).saturating_mul(self.record_bytes);
            held.unbounded || bytes <= self.options.lease_bytes && !too_old
        };
        let mut holders = state.leases.values().filter(|held| held.position < oldest.end && !held.evicted);
        holders.any(within)
    }

    /// Gives the oldest segment up if nobody holds it, and evicts who is beyond the bounds.
    fn let_go(&self, durable_end: u64) -> bool {
        let mut state = self.shared.lock();
        if self.holds(&mut state, durable_end) {
            return false;
        }
        let end = self.kept[0].end;
        state.leases.values_mut().filter(|held| held.position < end).for_each(|held| held.evicted = true);
        state.first = end;
        true
    }

    /// The header of a record, which must be whole, in a segment that is this journal's.
    fn read<S: Storage>(
        &self,
        storage: &S,
        kept: &Kept,
        sequence: u64,
    ) -> Result<RecordHeader, JournalFault> {
        let name = segment_name(kept.base);
        let path = storage.path(&name);
        let fault = |operation, error| IoFault::new(operation, path.clone(), error);
        let file = storage.open(&name, false).map_err(|error| fault("open", error))?;
        let (header, _) = chain::read_header(&file, &path)?;
        chain::check_journal(storage, &header, self.journal_id, &path)?;
        let slots = Slots { base: kept.base, end: kept.end, ..header.slots() };
        let mut record = vec![0; slots.record_bytes as usize];
        file.read_at(&mut record, slots.offset(sequence)).map_err(|error| fault("read", error))?;
        let crc = RecordCrc::new(self.journal_id.0);
        match valid_record(&crc, sequence, &record) {
            Some(header) => Ok(header),
            None => {
                let what = "retention would have gone by it: nothing is removed";
                Err(scan::corrupt(path, &crc, slots, sequence, &record, what).into())
            }
        }
    }

    /// Gives what the control file no longer counts to whoever unlinks it.
    pub(crate) fn hand_over(&self, retired: Vec<Kept>) {
        self.shared.lock().retired.extend(retired.into_iter().map(|kept| kept.base));
    }
}
