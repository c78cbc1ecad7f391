//! Appending records that were made elsewhere, as they lie there: with their epochs, times and checksums.
//!
//! They were checked, so they are written as they are, as many in one call as have a place now. The call goes
//! by the file and not by its map: whole pages that are written need not be made present, and so not be
//! zeroed, before. What the process leaves when it dies in a call is a beginning of what was written.

use super::writer::Writer;
use crate::companions::preparer::DiskFull;
use crate::error::{AppendError, IoFault, Stall, SyncError, TakeError};
use crate::event::untyped::Untyped;
use crate::format::crc::RecordCrc;
use crate::format::{Bond, RECORD_HEADER_BYTES, RecordHeader};
use crate::judge::scan::Follow;
use crate::live::segments::Ready;
use crate::live::slot::NextSlot;
use crate::read::chunk::first_invalid;
use crate::storage::{Storage, StorageFile};
use crate::tools::protect;

/// What the next record has to follow.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Behind {
    pub(crate) order: Follow,
    /// The last record; unknown if there is none.
    pub(crate) last: Bond,
}

/// Checks that the records in `records`, of which the first is `first`, follow each other and `order`.
pub(crate) fn check(
    crc: &RecordCrc,
    first: u64,
    records: &[u8],
    record_bytes: usize,
    mut order: Follow,
) -> Result<(), TakeError> {
    if records.len() % record_bytes != 0 {
        return Err(TakeError::NotWhole { first, bytes: records.len(), record_bytes });
    }
    let invalid = first_invalid(crc, first, records, record_bytes);
    let count = invalid.map_or(records.len() / record_bytes, |(sequence, _)| (sequence - first) as usize);
    for (index, record) in (0..).zip(records.chunks_exact(record_bytes).take(count)) {
        let (sequence, found) = (first + index, RecordHeader::decode(record));
        if found.epoch() < order.epoch {
            return Err(TakeError::EpochBack { sequence, index, last: order.epoch, found: found.epoch() });
        }
        if found.time_ns < order.time_ns {
            let (last_ns, found_ns) = (order.time_ns, found.time_ns);
            return Err(TakeError::TimeBack { sequence, index, last_ns, found_ns });
        }
        order = Follow { epoch: found.epoch(), time_ns: found.time_ns };
    }
    let Some((sequence, record)) = invalid else { return Ok(()) };
    let (body, found) = (&record[RECORD_HEADER_BYTES..], RecordHeader::decode(record));
    let wanted = crc.record(sequence, found.time_ns, found.epoch_kind, body);
    Err(TakeError::Corrupt { sequence, index: sequence - first, wanted, found: found.crc })
}

impl<S: Storage> Writer<Untyped, S> {
    /// What records of this journal are checked by.
    pub(crate) fn crc(&self) -> &RecordCrc {
        &self.row.crc
    }

    /// Appends records that were checked, as far as there is room for them now and the control file knows
    /// their epochs; how many bytes of them.
    pub(crate) fn try_append_stored(
        &mut self,
        records: &[u8],
        record_bytes: usize,
    ) -> Result<usize, TakeError> {
        if let Some(writer) = self.companions.forked() {
            return Err(SyncError::Forked { writer }.into());
        }
        let known = self.of_known_epoch(records, record_bytes)?;
        if self.row.next >= self.row.limit || self.progress.has_failed() {
            self.make_room(RecordHeader::decode(known).time_ns).map_err(|error| self.not_taken(error))?;
        }
        let room = (self.row.limit - self.row.next) as usize * record_bytes;
        let now = &known[..known.len().min(room)];
        let end = self.row.next + (now.len() / record_bytes) as u64;
        let Ready { segment, map } = &self.active;
        if let Err(error) = segment.file.write_at(now, segment.bytes(self.row.next..end).start) {
            return Err(self.not_written(error));
        }
        self.row.next = end;
        self.row.last_time_ns = RecordHeader::decode(&now[now.len() - record_bytes..]).time_ns;
        if end < self.row.limit {
            self.row.slot = NextSlot::find(segment, map, end);
        }
        self.progress.set_journalled_end(end);
        Ok(now.len())
    }

    /// Those of the records, of which there are some, that the control file knows the epochs of. It is asked
    /// to know that of the first.
    fn of_known_epoch<'r>(&self, records: &'r [u8], record_bytes: usize) -> Result<&'r [u8], TakeError> {
        let known_epoch = self.progress.known_epoch();
        let is_known = |record: &[u8]| RecordHeader::decode(record).epoch() <= known_epoch;
        // Epochs never go back: mostly it is all of them.
        if is_known(&records[records.len() - record_bytes..]) {
            return Ok(records);
        }
        let count = records.chunks_exact(record_bytes).take_while(|record| is_known(record)).count();
        if count > 0 {
            return Ok(&records[..count * record_bytes]);
        }
        if let Some(failure) = self.progress.refusal() {
            return Err(failure.clone().into());
        }
        let epoch = RecordHeader::decode(records).epoch();
        self.progress.want_epoch(epoch);
        if protect::on(protect::EPOCH_BEFORE_RECORD) {
            return Err(TakeError::EpochDue { sequence: self.row.next, epoch });
        }
        Ok(records)
    }

    /// What it means that the file could not be written. Its blocks are allocated; but a copy may be sparse,
    /// and a file system may write each block anew.
    fn not_written(&mut self, error: std::io::Error) -> TakeError {
        let path = self.storage.path(&self.active.segment.name);
        let fault = IoFault::new("write", path, error);
        let error = match (fault.is_disk_full(), self.disk_full) {
            (true, DiskFull::Wait) => {
                let full = self.stall(Stall::DiskFull);
                return self.not_taken(full);
            }
            (true, DiskFull::Halt) => SyncError::DiskFull { fault },
            (false, _) => SyncError::PrepareFailed { fault },
        };
        self.progress.fail(error.clone());
        self.progress.refusal().cloned().unwrap_or(error).into()
    }

    fn not_taken(&self, error: AppendError) -> TakeError {
        match error {
            AppendError::Failed(failure) => failure.into(),
            AppendError::Full { sequence, why } => TakeError::Full { sequence, why },
            // It takes every time.
            AppendError::TimeTooFar { .. } => {
                TakeError::Full { sequence: self.row.next, why: Stall::Segment }
            }
        }
    }
}
