//! Where a log ends: a reader looks for it behind D.

use std::ops::ControlFlow;

use super::raw::RawReader;
use crate::error::{JournalFault, ReadError};
use crate::format::valid_record;
use crate::judge::scan::{self, Follow};
use crate::judge::{chain, control, verdict};
use crate::storage::Storage;

impl<S: Storage> RawReader<S> {
    /// The first slot at or behind D that holds no record ends the log.
    pub(super) fn find_end(&mut self) -> Result<u64, ReadError> {
        let mut last = Follow::default();
        if let Some(before) = self.control.durable_end.checked_sub(1)
            && before >= self.control.first
        {
            let header = self.header_at(before)?;
            last = Follow { epoch: header.epoch(), time_ns: header.time_ns };
        }
        let mut end = self.control.durable_end;
        if self.control.cutting {
            return Ok(end);
        }
        // The writer may have moved on to a newer epoch since the control file was read.
        let newest = crate::format::MAX_EPOCH;
        for segment in self.chain.from(end) {
            let Some(segment) = self.chain.open(&self.storage, segment, false)? else {
                // A writer that opened the journal has removed it: no record was there.
                if segment.base >= self.control.durable_end {
                    break;
                }
                return Err(self.gone(segment, end));
            };
            let mut ended = false;
            scan::for_each_slot(
                &self.storage,
                &segment,
                end..u64::MAX,
                |sequence, record| match valid_record(&self.crc, sequence, record) {
                    Some(header) if last.accept(header, newest) => {
                        end = sequence + 1;
                        ControlFlow::Continue(())
                    }
                    _ => {
                        ended = true;
                        ControlFlow::Break(())
                    }
                },
            )
            .map_err(JournalFault::from)?;
            if ended {
                break;
            }
        }
        self.check_window(end, last)?;
        Ok(end)
    }

    /// Refuses a log that goes on behind D + W, or in an epoch that the control file does not know. A writer
    /// may have moved on since that was read: it is read again first.
    fn check_window(&mut self, end: u64, last: Follow) -> Result<(), ReadError> {
        let window_end = self.control.durable_end + self.control.window;
        let is_known = end <= window_end || self.other_slot_bad;
        if is_known && last.epoch <= self.control.epoch {
            return Ok(());
        }
        let Some(now) = control::load(&self.storage)?.map(|now| now.state) else { return Ok(()) };
        if last.epoch > now.epoch {
            let index = end.checked_sub(1).and_then(|last| self.chain.holding(last));
            let name = index.map_or_else(String::new, |index| self.chain.segments[index].name());
            return Err(chain::outdated(&self.storage, &name, last.epoch, now.epoch).into());
        }
        let window_end = window_end.max(now.durable_end + now.window);
        if is_known || end <= window_end {
            return Ok(());
        }
        let Some(index) = self.chain.holding(window_end) else { return Ok(()) };
        let segment = self.chain.open_there(&self.storage, &self.chain.segments[index], false)?;
        let mut refused = None;
        scan::for_each_slot(&self.storage, &segment, window_end..window_end + 1, |sequence, record| {
            let path = self.storage.path(&segment.name);
            let header = valid_record(&self.crc, sequence, record);
            let is_own = |epoch| epoch == self.control.epoch || self.control.replica;
            if header.is_some_and(|header| is_own(header.epoch())) {
                let what = verdict::BEYOND_WINDOW;
                refused = Some(scan::corrupt(path, &self.crc, segment.slots, sequence, record, what));
            }
            ControlFlow::Break(())
        })
        .map_err(JournalFault::from)?;
        refused.map_or(Ok(()), |corrupt| Err(corrupt.into()))
    }
}
