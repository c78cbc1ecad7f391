//! Where a follower finds no record: whether that is the log's end, damage, or another history.

use super::{Followed, RawFollower};
use crate::error::{IoFault, JournalFault, ReadError};
use crate::format::{Anchor, MAX_EPOCH, SegmentHeader, segment_name, valid_record};
use crate::judge::chain;
use crate::judge::control;
use crate::judge::scan;
use crate::read::raw::RawReader;
use crate::storage::{Storage, StorageFile};

impl<S: Storage> RawFollower<S> {
    /// Tells the log's end from damage, where no record is: below D there must be one, and a file that was
    /// whole does not get shorter. Else a follower waits for ever at a flipped bit. First of all it must
    /// still be the same journal: nothing that another says is damage here.
    pub(super) fn check_end(&mut self, short: bool) -> Result<(), ReadError> {
        let now = control::load_same(&self.storage, self.journal_id)?.state;
        let (first, durable_end) = (now.first, now.durable_end);
        if self.next < first {
            return Err(ReadError::Evicted { sequence: self.next, first });
        }
        if let Some(Followed { header, file, is_whole, .. }) = &self.segment {
            if short && (*is_whole || durable_end > self.next) {
                return Err(self.truncated(header, file)?.into());
            }
            // Recovery makes empty segments anew: the one that is open may no longer be the one of that name.
            // And a later life may have ended it early, for events of another type: then the next one begins
            // here.
            let is_there = || {
                chain::open_if_there(&self.storage, &segment_name(self.next), false)
                    .map(|file| file.is_some())
            };
            // Lives of a replica have no epochs to tell them apart by.
            let may_be_later = header.epoch < now.epoch || now.replica;
            if header.base == self.next || may_be_later && is_there()? {
                self.segment = None;
            }
        }
        if durable_end <= self.next {
            return Ok(());
        }
        // It may have come since the look that found nothing: look again, now that D says that it is there,
        // and at all names. A later life may have cut the log and gone on in another segment.
        (self.ends_at, self.segment) = (None, None);
        self.open_segment()?;
        let Some(Followed { header, file, .. }) = &self.segment else {
            let (expected_base, path) = (self.next, self.storage.path(&segment_name(self.next)));
            return Err(JournalFault::MissingSegment { expected_base, path }.into());
        };
        let path = self.storage.path(&segment_name(header.base));
        let mut record = vec![0; header.record_bytes as usize];
        let read = file
            .read_at(&mut record, header.slots().offset(self.next))
            .map_err(|error| IoFault::new("read", path.clone(), error))?;
        if read < record.len() {
            return Err(self.truncated(header, file)?.into());
        }
        let what = match valid_record(&self.crc, self.next, &record) {
            Some(found) if self.order.clone().accept(found, MAX_EPOCH) => return Ok(()),
            Some(_) => "its epoch or time goes back",
            None => "its bytes are not what was written",
        };
        Err(scan::corrupt(path, &self.crc, header.slots(), self.next, &record, what).into())
    }

    fn truncated(&self, header: &SegmentHeader, file: &S::File) -> Result<JournalFault, IoFault> {
        let path = self.storage.path(&segment_name(header.base));
        let found_bytes = file.size().map_err(|error| IoFault::new("look at", path.clone(), error))?;
        Ok(JournalFault::SegmentTruncated { path, found_bytes, wanted_bytes: header.file_bytes() })
    }

    /// Checks that the log still holds what `anchor` says, or has held it until retention took it: what that
    /// takes is durable, and no recovery cuts it off.
    pub(super) fn check(&self, anchor: Anchor) -> Result<(), ReadError> {
        let mut reader = RawReader::open_to(self.storage.clone(), None)?;
        let first = reader.first_sequence();
        if anchor.sequence >= first || anchor.journal_id != reader.journal_id() {
            return reader.check_anchor(&anchor);
        }
        if self.next < first {
            return Err(ReadError::Evicted { sequence: self.next, first });
        }
        let before = reader.parts().1.before_first;
        if before.is_known() && before != anchor.bond() {
            return Err(ReadError::HistoryChanged { anchor, what: "another record lay there" });
        }
        Ok(())
    }
}
