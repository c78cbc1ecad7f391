//! What a message must be to follow those before it. It knows no server.

use std::sync::Arc;

use slipring_bridge::wire::{Head, Kind, Place, Schema};
use slipring_journal::{JournalId, Kind as RecordKind, RECORD_HEADER_BYTES, RawRecord};

use super::error::InError;
use super::message::Met;

/// What comes next.
#[derive(Clone, Debug, Default)]
pub(super) struct Expected {
    /// The journal, and which copy of it.
    pub(super) identity: Option<(JournalId, [u8; 16])>,
    /// The next record; `None` where the first one that comes will do.
    pub(super) next: Option<u64>,
    /// The least epoch that it may have.
    pub(super) epoch: u32,
    /// The least journal time that it may have.
    pub(super) time_ns: u64,
    /// The record before, if it is known.
    pub(super) before: Option<(u32, u32)>,
    /// Whether the next message may begin before the next record: it is the first one.
    pub(super) is_inside: bool,
}

/// Records of a stream that follow each other, each one checked.
#[derive(Clone, Debug)]
pub struct Run {
    message: Met,
    schema: Arc<Schema>,
    record_bytes: usize,
    /// Records at the beginning that are not wanted.
    passed: usize,
    before: Option<(u32, u32)>,
}

impl Run {
    /// The sequence of the first record.
    pub fn first_sequence(&self) -> u64 {
        self.message.head.first + self.passed as u64
    }

    /// The sequence behind the last record.
    pub fn end(&self) -> u64 {
        self.message.head.end()
    }

    /// The records, back to back, as they lie in the journal's segment.
    pub fn bytes(&self) -> &[u8] {
        &self.message.payload[self.passed * self.record_bytes..]
    }

    /// Bytes from one record to the next.
    pub fn record_bytes(&self) -> usize {
        self.record_bytes
    }

    /// What the journal's segment says of them.
    pub fn schema(&self) -> &Arc<Schema> {
        &self.schema
    }

    /// The journal.
    pub fn journal_id(&self) -> JournalId {
        self.message.head.journal_id
    }

    /// Which copy of it; zeros for the one that was made first.
    pub fn branch(&self) -> [u8; 16] {
        self.message.head.branch
    }

    /// Epoch and checksum of the record before the first, if the stream says them.
    pub fn before(&self) -> Option<(u32, u32)> {
        self.before
    }

    /// Where the message lies in the stream.
    pub fn stream_sequence(&self) -> u64 {
        self.message.at
    }

    /// Without the records before `wanted`, of which it must hold some.
    pub(super) fn from(mut self, wanted: u64) -> Self {
        let more = wanted.saturating_sub(self.first_sequence()) as usize;
        if more > 0 {
            self.passed += more;
            let record = self.passed.checked_sub(1).map(|last| last * self.record_bytes);
            let record = record.and_then(|at| self.message.payload.get(at..at + self.record_bytes));
            self.before = record.map(|record| {
                let record = raw_record(wanted - 1, record, 0);
                (record.epoch, record.crc)
            });
        }
        self
    }

    /// The records, in order.
    pub fn records(&self) -> impl Iterator<Item = RawRecord<'_>> {
        let event_bytes = self.schema.events.size;
        (self.first_sequence()..)
            .zip(self.bytes().chunks_exact(self.record_bytes))
            .map(move |(sequence, record)| raw_record(sequence, record, event_bytes))
    }
}

/// A record that was checked.
fn raw_record(sequence: u64, record: &[u8], event_bytes: usize) -> RawRecord<'_> {
    let word = |at: usize| u32::from_le_bytes([record[at], record[at + 1], record[at + 2], record[at + 3]]);
    RawRecord {
        sequence,
        time_ns: u64::from(word(0)) | u64::from(word(4)) << 32,
        epoch: word(8) >> 4,
        kind: if word(8) & 15 == 1 { RecordKind::Event } else { RecordKind::Void },
        crc: word(12),
        event: &record[RECORD_HEADER_BYTES..][..event_bytes],
    }
}

impl Expected {
    /// Of a message: that it is of the journal, and begins where the last one ended. The first one says what
    /// is expected of the others.
    pub(super) fn meet(&mut self, message: &Met) -> Result<(), InError> {
        let Head { journal_id, branch, first, .. } = message.head;
        let at = message.at;
        match self.identity {
            None => self.identity = Some((journal_id, branch)),
            Some((wanted, wanted_branch)) if !message.head.is_of(wanted, wanted_branch) => {
                let (found, found_branch) = (journal_id, branch);
                return Err(InError::OtherJournal { at, wanted, wanted_branch, found, found_branch });
            }
            Some(_) => {}
        }
        let wanted = *self.next.get_or_insert(first);
        if first > wanted {
            return Err(InError::Gap { at, wanted, found: first });
        }
        // The first message may hold what is not wanted of it, and what comes next.
        let is_inside = std::mem::take(&mut self.is_inside) && message.head.kind == Kind::Records;
        if first < wanted && !(is_inside && wanted < message.head.end()) {
            return Err(InError::Doubled { at, wanted, found: first });
        }
        if self.before.is_none() && first == wanted {
            let known = |place: Place| place.epoch.map(|epoch| (epoch, place.crc));
            self.before =
                Some(message).filter(|met| met.head.count == 0).and_then(|met| known(met.head.last()?));
        }
        Ok(())
    }

    /// A message of an epoch: a writer of that epoch goes on.
    /// Whoever was promoted says so some times at once: `None` of all but the first.
    pub(super) fn epoch(&mut self, message: &Met) -> Result<Option<u32>, InError> {
        self.meet(message)?;
        let (at, epoch) = (message.at, message.head.epoch);
        message.head.nothing_in(&message.payload).map_err(|source| InError::Damaged { at, source })?;
        if epoch < self.epoch {
            return Err(InError::Back { at, what: "the epoch", sequence: message.head.first });
        }
        let is_new = std::mem::replace(&mut self.epoch, epoch) < epoch;
        Ok(is_new.then_some(epoch))
    }

    /// Records: each one by its checksum, and that epochs and times go on.
    pub(super) fn records(&mut self, message: Met, schema: Arc<Schema>) -> Result<Run, InError> {
        self.meet(&message)?;
        let wanted = self.next.unwrap_or(message.head.first);
        let passed = (wanted - message.head.first) as usize;
        let (record_bytes, before) = self.check(&message, &schema, passed)?;
        self.next = Some(message.head.end());
        Ok(Run { message, schema, record_bytes, passed, before })
    }

    /// Checks the records behind the first `passed`; how long one is, and what came before them.
    fn check(
        &mut self,
        message: &Met,
        schema: &Schema,
        passed: usize,
    ) -> Result<(usize, Option<(u32, u32)>), InError> {
        let at = message.at;
        let chunk = message.head.records(&message.payload, schema);
        let chunk = chunk.map_err(|source| InError::Damaged { at, source })?;
        let before = match passed.checked_sub(1).and_then(|before| chunk.get(before)) {
            Some(before) => Some((before.epoch, before.crc)),
            None => self.before,
        };
        if let Some(first) = chunk.get(passed) {
            let sequence = first.sequence;
            if first.epoch < self.epoch {
                return Err(InError::Back { at, what: "the epoch", sequence });
            }
            if first.time_ns < self.time_ns {
                return Err(InError::Back { at, what: "the journal's time", sequence });
            }
            let last = chunk.get(chunk.len() - 1).unwrap_or(first);
            (self.epoch, self.time_ns) = (last.epoch, last.time_ns);
            self.before = Some((last.epoch, last.crc));
        }
        Ok((chunk.record_bytes(), before))
    }
}
