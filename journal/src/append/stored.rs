//! Appending records that were made elsewhere, as they lie there: with their epochs, times and checksums.
//!
//! The append is the ordinary one. It computes the checksum anew, of what was checked against it before: so
//! what is stored is bit for bit what was taken.

use super::writer::Writer;
use crate::error::{AppendError, Stall, TakeError};
use crate::event::untyped::Untyped;
use crate::format::crc::RecordCrc;
use crate::format::{Bond, RECORD_HEADER_BYTES, RecordHeader, valid_record};
use crate::judge::scan::Follow;
use crate::storage::Storage;
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
    for (index, record) in (0..).zip(records.chunks_exact(record_bytes)) {
        let (sequence, found) = (first + index, RecordHeader::decode(record));
        if valid_record(crc, sequence, record).is_none() {
            let body = &record[RECORD_HEADER_BYTES..];
            let wanted = crc.record(sequence, found.time_ns, found.epoch_kind, body);
            return Err(TakeError::Corrupt { sequence, index, wanted, found: found.crc });
        }
        if found.epoch() < order.epoch {
            return Err(TakeError::EpochBack { sequence, index, last: order.epoch, found: found.epoch() });
        }
        if found.time_ns < order.time_ns {
            let (last_ns, found_ns) = (order.time_ns, found.time_ns);
            return Err(TakeError::TimeBack { sequence, index, last_ns, found_ns });
        }
        order = Follow { epoch: found.epoch(), time_ns: found.time_ns };
    }
    Ok(())
}

impl<S: Storage> Writer<Untyped, S> {
    /// What records of this journal are checked by.
    pub(crate) fn crc(&self) -> &RecordCrc {
        &self.row.crc
    }

    /// Appends a record that was checked, if there is room for it now and the control file has its epoch.
    pub(crate) fn try_append_stored(&mut self, record: &[u8]) -> Result<RecordHeader, TakeError> {
        let (header, body) = (RecordHeader::decode(record), &record[RECORD_HEADER_BYTES..]);
        if header.epoch() > self.progress.known_epoch() {
            if let Some(failure) = self.progress.refusal() {
                return Err(failure.clone().into());
            }
            self.progress.want_epoch(header.epoch());
            if protect::on(protect::EPOCH_BEFORE_RECORD) {
                return Err(TakeError::EpochDue { sequence: self.row.next, epoch: header.epoch() });
            }
        }
        if !self.put_stored(header, body) {
            self.make_room(header.time_ns).map_err(|error| self.not_taken(error))?;
            if !self.put_stored(header, body) {
                // Only a failure of the journal can come between.
                return Err(TakeError::Full { sequence: self.row.next, why: Stall::Segment });
            }
        }
        Ok(header)
    }

    fn put_stored(&mut self, header: RecordHeader, body: &[u8]) -> bool {
        let sequence = self.row.next;
        if sequence >= self.row.limit || self.progress.has_failed() {
            return false;
        }
        // SAFETY: as in `put`: `make_room` found the slot of `next` in the active segment, which `active`
        // keeps mapped, and set `limit` no further than its end; `next` is below it. Nobody else has the
        // writer.
        unsafe {
            if self.row.crc.hardware() {
                self.row.store_as::<true, 1>(header.epoch_kind, [header.time_ns], [body]);
            } else {
                self.row.store_as::<false, 1>(header.epoch_kind, [header.time_ns], [body]);
            }
        }
        self.progress.set_journalled_end(sequence + 1);
        true
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
