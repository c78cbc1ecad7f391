//! What the syncer asks as D moves: which segments are due, held by nobody, and go.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use crate::error::{IoFault, JournalFault};
use crate::format::crc::RecordCrc;
use crate::format::{Bond, JournalId, RecordHeader, RecordSlots, segment_name, valid_record};
use crate::judge::chain;
use crate::judge::scan;
use crate::storage::{Storage, StorageFile};

use super::holders::{Grant, RetentionState, SharedRetention};
use super::options::{Retention, SnapshotRule};
use super::readers::NamedReaders;

/// A segment that holds records, as the retainer knows it.
#[derive(Debug)]
pub(crate) struct Kept {
    pub(crate) base: u64,
    pub(crate) end: u64,
    /// What its file takes, also behind its last record.
    file_bytes: u64,
    /// Journal time of its last record, once somebody has looked.
    last_ns: Option<u64>,
    /// Epoch and checksum of its last record, once it goes.
    pub(crate) last: Bond,
}

/// The syncer's part: decides what goes.
#[derive(Debug)]
pub(crate) struct Retainer {
    pub(crate) options: Retention,
    pub(crate) shared: Arc<SharedRetention>,
    /// Oldest first; the last may be the active one.
    kept: VecDeque<Kept>,
    /// What they take together.
    kept_bytes: u64,
    readers: NamedReaders,
    /// From which sequence on records take how many bytes, in order.
    record_bytes: Vec<(u64, u64)>,
    journal_id: JournalId,
    /// Journal time of the record before `newest_end`, the last durable one when somebody last looked.
    newest_ns: u64,
    newest_end: u64,
}

impl Retainer {
    pub(crate) fn new(
        options: Retention,
        (journal_id, branch): (JournalId, [u8; 16]),
        first: u64,
        newest_ns: u64,
        carried: Option<Arc<SharedRetention>>,
    ) -> Self {
        let shared = SharedRetention::begin(carried, first);
        Retainer {
            options,
            shared,
            kept: VecDeque::new(),
            kept_bytes: 0,
            readers: NamedReaders::new(journal_id, branch),
            record_bytes: Vec::new(),
            journal_id,
            newest_ns,
            newest_end: 0,
        }
    }

    /// Takes note of a segment that holds records; told again, it does nothing.
    pub(crate) fn learn(&mut self, sequences: std::ops::Range<u64>, record_bytes: u32, file_bytes: u64) {
        let std::ops::Range { start: base, end } = sequences;
        if self.kept.back().is_some_and(|last| base <= last.base) {
            return;
        }
        self.kept.push_back(Kept { base, end, file_bytes, last_ns: None, last: Bond::UNKNOWN });
        self.kept_bytes = self.kept_bytes.saturating_add(file_bytes);
        let record_bytes = u64::from(record_bytes);
        if self.record_bytes.last().is_none_or(|(_, before)| *before != record_bytes) {
            self.record_bytes.push((base, record_bytes));
        }
    }

    /// What the records of these sequences take.
    fn bytes(&self, sequences: std::ops::Range<u64>) -> u64 {
        taken_by(&self.record_bytes, sequences)
    }

    /// Takes out the segments that go now that everything below `durable_end` is durable. The caller writes
    /// the end of the last one into the control file, then calls [`Retainer::hand_over`].
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
            if !self.is_due(durable_end)
                || self.is_held(durable_end)
                || self.is_held_by_readers(storage, durable_end)?
            {
                break;
            }
            // What is to go is what it was said to be, also if that was read long ago, or never.
            let last = self.read(storage, &self.kept[0], self.kept[0].end - 1)?;
            if !self.let_go(durable_end) {
                break;
            }
            if let Some(oldest) = self.kept.pop_front() {
                self.kept_bytes = self.kept_bytes.saturating_sub(oldest.file_bytes);
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

    fn holds(&self, state: &mut RetentionState, durable_end: u64) -> bool {
        let oldest = &self.kept[0];
        let too_old = self.options.lease_age.is_some_and(|age| self.is_older(oldest, age));
        let snapshots = matches!(self.options.snapshots, SnapshotRule::Held | SnapshotRule::Rule);
        if snapshots && oldest.end > state.snapshot_end {
            state.due_end = Some(oldest.end);
            return true;
        }
        let within = |held: &Grant| {
            let bytes = self.bytes(held.position..durable_end);
            held.unbounded || bytes <= self.options.lease_bytes && !too_old
        };
        let mut holders = state.leases.values().filter(|held| held.position < oldest.end && !held.evicted);
        holders.any(within)
    }

    /// Whether a named reader holds the oldest segment. Asked last: it costs calls of the system.
    fn is_held_by_readers<S: Storage>(&mut self, storage: &S, durable_end: u64) -> Result<bool, IoFault> {
        let (oldest, options) = (&self.kept[0], &self.options);
        if options.reader_age.is_some_and(|age| self.is_older(oldest, age)) {
            return Ok(false);
        }
        let (end, most) = (oldest.end, options.reader_bytes);
        let runs = &self.record_bytes;
        self.readers.hold(storage, end, |position| taken_by(runs, position..durable_end) <= most)
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
        let slots = RecordSlots { base: kept.base, end: kept.end, ..header.slots() };
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

/// What the records of these sequences take, where each run says from which sequence on records take how many
/// bytes.
fn taken_by(runs: &[(u64, u64)], sequences: std::ops::Range<u64>) -> u64 {
    let ends = runs.iter().skip(1).map(|(base, _)| *base).chain([u64::MAX]);
    runs.iter().zip(ends).fold(0_u64, |sum, ((base, bytes), end)| {
        let count = sequences.end.min(end).saturating_sub(sequences.start.max(*base));
        sum.saturating_add(count.saturating_mul(*bytes))
    })
}
