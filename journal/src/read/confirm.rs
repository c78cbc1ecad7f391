//! Whether a position that somebody else says is one of this journal: one record is read, whatever the
//! journal's length.

use crate::error::{IoFault, JournalFault, ReadError};
use crate::format::crc::RecordCrc;
use crate::format::{Anchor, Bond, JournalId, SegmentHeader, segment_name, valid_record};
use crate::judge::chain;
use crate::judge::scan;
use crate::storage::{Files, Storage, StorageFile};

/// Confirms anchors of a journal that this process writes, one after the other: the segment of the last one
/// stays open. A writer that is open neither cuts the log nor ends a segment early, so what is once known of
/// a segment stays.
#[derive(Debug)]
pub struct Confirmer<S: Storage = Files> {
    storage: S,
    journal_id: JournalId,
    crc: RecordCrc,
    segment: Option<(SegmentHeader, S::File)>,
    record: Vec<u8>,
}

impl<S: Storage> Confirmer<S> {
    /// For a journal of this identity.
    pub fn new(storage: S, journal_id: JournalId) -> Self {
        let crc = RecordCrc::new(journal_id.0);
        Confirmer { storage, journal_id, crc, segment: None, record: Vec::new() }
    }

    /// The journal's identity.
    pub fn journal_id(&self) -> JournalId {
        self.journal_id
    }

    /// Checks that the record of the anchor's sequence, which must have been journalled, is the one that the
    /// anchor was made of.
    ///
    /// # Errors
    /// [`ReadError::HistoryChanged`] if it is not, [`ReadError::Evicted`] if retention has removed it; the
    /// fault of a segment or record that can't be read.
    pub fn confirm(&mut self, anchor: &Anchor) -> Result<(), ReadError> {
        if anchor.journal_id != self.journal_id {
            return Err(ReadError::HistoryChanged { anchor: *anchor, what: "it is another journal" });
        }
        if self.bond(anchor.sequence)? == anchor.bond() {
            return Ok(());
        }
        Err(ReadError::HistoryChanged { anchor: *anchor, what: "another record lies there" })
    }

    /// What the record of that sequence is known by.
    fn bond(&mut self, sequence: u64) -> Result<Bond, ReadError> {
        self.open(sequence)?;
        let Some((header, file)) = &self.segment else {
            return Err(chain::missing(&self.storage, sequence).into());
        };
        let slots = header.slots();
        let path = || self.storage.path(&segment_name(header.base));
        self.record.resize(slots.record_bytes as usize, 0);
        let read = file
            .read_at(&mut self.record, slots.offset(sequence))
            .map_err(|error| IoFault::new("read", path(), error))?;
        if read < self.record.len() {
            let (found_bytes, wanted_bytes) = (slots.offset(sequence) + read as u64, slots.file_bytes());
            let path = path();
            return Err(JournalFault::SegmentTruncated { path, found_bytes, wanted_bytes }.into());
        }
        match valid_record(&self.crc, sequence, &self.record) {
            Some(found) => Ok(Bond::of(found)),
            None => {
                let what = "its bytes are not what was written";
                Err(scan::corrupt(path(), &self.crc, slots, sequence, &self.record, what).into())
            }
        }
    }

    /// Opens the segment that holds a sequence.
    fn open(&mut self, sequence: u64) -> Result<(), ReadError> {
        if self.segment.as_ref().is_some_and(|(header, _)| header.slots().holds(sequence)) {
            return Ok(());
        }
        self.segment = None;
        let bases = chain::segment_bases(&self.storage)?;
        let Some(base) = bases.iter().rev().find(|base| **base <= sequence) else {
            let first = bases.first().copied().unwrap_or(u64::MAX);
            return Err(ReadError::Evicted { sequence, first });
        };
        let name = segment_name(*base);
        let Some(file) = chain::open_if_there(&self.storage, &name, false)? else {
            // Gone since the look at the names.
            return Err(ReadError::Evicted { sequence, first: base + 1 });
        };
        let path = self.storage.path(&name);
        let (header, _) = chain::read_header(&file, &path)?;
        chain::check_journal(&self.storage, &header, self.journal_id, &path)?;
        if header.slots().holds(sequence) {
            self.segment = Some((header, file));
        }
        Ok(())
    }
}
