//! The new journal of a salvage: segments filled by plain writes, the control file last, so that it is a
//! journal once it is whole and not before.

use std::ops::Range;
use std::sync::Arc;

use crate::error::IoFault;
use crate::format::crc::RecordCrc;
use crate::format::{
    BLOCK_BYTES, Bond, ControlState, JournalId, Kind, MAX_EPOCH, RECORD_HEADER_BYTES, RecordHeader,
    SegmentHeader, VERSION, encode_record_header, epoch_kind,
};
use crate::judge::control::Control;
use crate::live::segments::LiveSegment;
use crate::storage::{LockFault, Storage, StorageFile};

use super::error::SalvageError;

/// Bytes written at a time.
const CHUNK_BYTES: usize = 256 << 10;

/// The greatest epoch in a new journal, which so can be opened as often again.
const MOST_EPOCH: u32 = MAX_EPOCH / 2;

/// Epochs of the old journal as those of the new one: the same, up to half of what a record can hold. From
/// there on each counts on from the one before, so that lives stay apart, in order, and a journal that has
/// used its epochs up comes out with room for more. (It once came out as one that could not be opened.)
#[derive(Debug, Default)]
struct RenewedEpochs {
    old: u32,
    new: u32,
}

impl RenewedEpochs {
    fn renew(&mut self, old: u32) -> u32 {
        if old != self.old {
            self.new = if old <= MOST_EPOCH { old } else { (self.new + 1).min(MOST_EPOCH) };
            self.old = old;
        }
        self.new
    }
}

/// Records of one type that follow each other in the new journal.
#[derive(Debug)]
pub(super) struct CopyRun {
    /// The header of one of the old segments.
    template: SegmentHeader,
    start: u64,
    /// The sequence behind its last record, or behind the void records that follow.
    end: u64,
}

impl CopyRun {
    pub(super) fn new(template: &SegmentHeader, journal_id: JournalId, sequences: Range<u64>) -> Self {
        let template = SegmentHeader {
            version: VERSION,
            journal_id,
            epoch: 1,
            // Of that one segment, and of the old journal.
            sealed_end: None,
            previous_base: None,
            branch: [0; 16],
            ..template.clone()
        };
        CopyRun { template, start: sequences.start, end: sequences.end }
    }

    /// Slots of the segment that starts at `base`: as many as in the old one, but no more than there are
    /// records left, for the old one's header may claim any number.
    fn capacity_at(&self, base: u64) -> u64 {
        self.template.capacity.min(self.end.saturating_sub(base)).max(1)
    }

    fn bytes_on_disk(&self) -> u64 {
        let bytes = |capacity| SegmentHeader { base: 0, capacity, ..self.template.clone() }.file_bytes();
        let (count, capacity) = (self.end.saturating_sub(self.start), self.template.capacity);
        let whole = match count / capacity {
            0 => 0,
            segments => segments.saturating_mul(bytes(capacity)),
        };
        let last = if count % capacity == 0 { 0 } else { bytes(count % capacity) };
        whole.saturating_add(last)
    }
}

/// The bytes of a journal that holds these runs.
pub(super) fn bytes_on_disk(runs: &[CopyRun]) -> u64 {
    // And the LOCK file.
    let control = 3 * BLOCK_BYTES as u64;
    runs.iter().map(CopyRun::bytes_on_disk).fold(control, u64::saturating_add)
}

/// The journal in the making. Nothing is made before the first record.
pub(super) struct JournalCopy<'a, T: Storage> {
    storage: &'a T,
    lock: Option<T::Lock>,
    journal_id: JournalId,
    crc: RecordCrc,
    /// What there will be.
    runs: Vec<CopyRun>,
    segment: Option<Arc<LiveSegment<T>>>,
    /// Records that are not written yet, the first of them that of `start`.
    buffer: Vec<u8>,
    start: u64,
    /// The sequence behind the last record.
    end: u64,
    last: RecordHeader,
    epochs: RenewedEpochs,
}

impl<'a, T: Storage> JournalCopy<'a, T> {
    pub(super) fn new(storage: &'a T, journal_id: JournalId, runs: Vec<CopyRun>) -> Self {
        JournalCopy {
            storage,
            lock: None,
            journal_id,
            crc: RecordCrc::new(journal_id.0),
            runs,
            segment: None,
            buffer: Vec::new(),
            start: 0,
            end: 0,
            last: RecordHeader { time_ns: 0, epoch_kind: 0, crc: 0 },
            epochs: RenewedEpochs::default(),
        }
    }

    /// The run that the record of `sequence` belongs to.
    fn run_of(&self, sequence: u64) -> Option<&CopyRun> {
        self.runs.iter().find(|run| sequence < run.end).or(self.runs.last())
    }

    fn event_bytes(&self, sequence: u64) -> usize {
        self.run_of(sequence).map_or(0, |run| run.template.record_bytes as usize - RECORD_HEADER_BYTES)
    }

    /// Adds a record of the old journal.
    pub(super) fn record(
        &mut self,
        sequence: u64,
        header: RecordHeader,
        record: &[u8],
    ) -> Result<(), SalvageError> {
        let epoch = self.epochs.renew(header.epoch());
        // A record without a known kind is not whole.
        let kind = header.kind().unwrap_or(Kind::Void);
        let (header, event) =
            (RecordHeader { epoch_kind: epoch_kind(epoch, kind), ..header }, &record[RECORD_HEADER_BYTES..]);
        if event.len() != self.event_bytes(sequence) {
            return Err(SalvageError::Changed { sequence });
        }
        self.put(sequence, header, event)
    }

    /// Adds void records that follow the last one.
    pub(super) fn voids(&mut self, sequences: Range<u64>) -> Result<(), SalvageError> {
        let event = vec![0; self.event_bytes(sequences.start)];
        let void = RecordHeader { epoch_kind: epoch_kind(self.last.epoch(), Kind::Void), ..self.last };
        sequences.into_iter().try_for_each(|sequence| self.put(sequence, void, &event))
    }

    fn put(&mut self, sequence: u64, header: RecordHeader, event: &[u8]) -> Result<(), SalvageError> {
        let full = self.segment.as_ref().is_none_or(|segment| segment.end == sequence);
        if full {
            self.roll(sequence, header.epoch())?;
        } else if self.buffer.len() >= CHUNK_BYTES {
            self.flush()?;
        }
        debug_assert_eq!(sequence, self.end, "records are dense");
        let crc = self.crc.record(sequence, header.time_ns, header.epoch_kind, event);
        self.last = RecordHeader { crc, ..header };
        self.buffer.extend(encode_record_header(self.last));
        self.buffer.extend(event);
        self.end = sequence + 1;
        Ok(())
    }

    /// Finishes the segment and starts the next at `base`.
    fn roll(&mut self, base: u64, epoch: u32) -> Result<(), SalvageError> {
        self.lock()?;
        self.seal()?;
        let run = self.run_of(base).ok_or(SalvageError::Changed { sequence: base })?;
        let template = SegmentHeader { epoch, capacity: run.capacity_at(base), ..run.template.clone() };
        let segment = LiveSegment::create(self.storage, &template, base)?.segment;
        segment
            .write_link(self.journal_id, Bond::of(self.last))
            .map_err(|error| IoFault::new("write the link of", self.storage.path(&segment.name), error))?;
        self.segment = Some(segment);
        (self.start, self.end) = (base, base);
        Ok(())
    }

    fn lock(&mut self) -> Result<(), SalvageError> {
        if self.lock.is_some() {
            return Ok(());
        }
        let path = self.storage.path("");
        self.storage.create_folder().map_err(|error| IoFault::new("create folder", path.clone(), error))?;
        self.lock = Some(self.storage.lock().map_err(|fault| match fault {
            LockFault::Held(_) | LockFault::Foreign { .. } => SalvageError::IntoNotEmpty { path },
            LockFault::Io(error) => IoFault::new("lock", path, error).into(),
        })?);
        Ok(())
    }

    fn flush(&mut self) -> Result<(), IoFault> {
        if let Some(segment) = &self.segment {
            segment
                .file
                .write_at(&self.buffer, segment.bytes(self.start..self.end).start)
                .map_err(|error| IoFault::new("write", self.storage.path(&segment.name), error))?;
        }
        self.buffer.clear();
        self.start = self.end;
        Ok(())
    }

    fn seal(&mut self) -> Result<(), IoFault> {
        self.flush()?;
        let Some(segment) = self.segment.take() else { return Ok(()) };
        segment.file.sync().map_err(|error| IoFault::new("sync", self.storage.path(&segment.name), error))
    }

    /// Makes everything durable, then the control file, and with it the journal.
    pub(super) fn finish(mut self, first: u64, end: u64) -> Result<(), SalvageError> {
        self.lock()?;
        self.seal()?;
        let state = ControlState {
            journal_id: self.journal_id,
            generation: 0,
            durable_end: end,
            window: 0,
            first,
            epoch: self.last.epoch().max(1),
            closed: true,
            boot_id: self.storage.boot_id(),
            last: Bond::of(self.last),
            before_first: Bond::UNKNOWN,
            branch: [0; 16],
            replica: false,
            cutting: false,
        };
        Control::create(self.storage, state)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn epochs_stay_until_half_are_used_and_never_go_back() {
        let mut epochs = RenewedEpochs::default();
        let old = [3, 3, 7, MOST_EPOCH, MOST_EPOCH + 1, MAX_EPOCH - 1, MAX_EPOCH];
        assert_eq!(
            old.map(|old| epochs.renew(old)),
            [3, 3, 7, MOST_EPOCH, MOST_EPOCH, MOST_EPOCH, MOST_EPOCH]
        );
        let mut epochs = RenewedEpochs::default();
        let old = [5, MOST_EPOCH + 1, MOST_EPOCH + 1, MAX_EPOCH - 1, MAX_EPOCH];
        assert_eq!(old.map(|old| epochs.renew(old)), [5, 6, 6, 7, 8]);
        assert_eq!(RenewedEpochs::default().renew(MAX_EPOCH), 1);
    }
}
