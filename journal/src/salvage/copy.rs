//! The new journal of a salvage: segments filled by plain writes, the control file last, so that it is a journal
//! once it is whole and not before.

use std::ops::Range;
use std::sync::Arc;

use crate::control::Control;
use crate::crc::RecordCrc;
use crate::error::{IoFault, SalvageError};
use crate::format::{
    ControlState, JournalId, Kind, RECORD_HEADER_BYTES, RecordHeader, SegmentHeader, encode_record_header,
    epoch_kind,
};
use crate::segments::LiveSegment;
use crate::storage::{LockFault, Storage, StorageFile};

/// Bytes written at a time.
const CHUNK_BYTES: usize = 256 << 10;

/// The journal in the making. Nothing is made before the first record.
pub(super) struct Copy<'a, T: Storage> {
    storage: &'a T,
    lock: Option<T::Lock>,
    journal_id: JournalId,
    crc: RecordCrc,
    template: Option<SegmentHeader>,
    segment: Option<Arc<LiveSegment<T>>>,
    /// Records that are not written yet, the first of them that of `start`.
    buffer: Vec<u8>,
    start: u64,
    /// The sequence behind the last record.
    end: u64,
    last: RecordHeader,
}

impl<'a, T: Storage> Copy<'a, T> {
    /// `template` is the header of one of the old segments.
    pub(super) fn new(storage: &'a T, journal_id: JournalId, template: Option<SegmentHeader>) -> Self {
        let template = template.map(|header| SegmentHeader { journal_id, epoch: 1, ..header });
        Copy {
            storage,
            lock: None,
            journal_id,
            crc: RecordCrc::new(journal_id.0),
            template,
            segment: None,
            buffer: Vec::new(),
            start: 0,
            end: 0,
            last: RecordHeader { time_ns: 0, epoch_kind: 0, crc: 0 },
        }
    }

    /// Adds a record of the old journal.
    pub(super) fn record(
        &mut self,
        sequence: u64,
        header: RecordHeader,
        record: &[u8],
    ) -> Result<(), SalvageError> {
        self.put(sequence, header, &record[RECORD_HEADER_BYTES..])
    }

    /// Adds void records that follow the last one.
    pub(super) fn voids(&mut self, sequences: Range<u64>) -> Result<(), SalvageError> {
        let bytes =
            self.template.as_ref().map_or(0, |header| header.record_bytes as usize - RECORD_HEADER_BYTES);
        let event = vec![0; bytes];
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
        let template = self.template.as_ref().expect("records come with a layout");
        let template = SegmentHeader { epoch, ..template.clone() };
        self.segment = Some(LiveSegment::create(self.storage, &template, base)?.segment);
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
            LockFault::Held(_) => SalvageError::IntoNotEmpty { path },
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
        };
        Control::create(self.storage, state)?;
        Ok(())
    }
}
