//! Writes journals that use what the format has room for and no writer makes yet, for the golden files.
//! Hidden: for tests alone.

use std::io;
use std::path::Path;

use super::{
    Bond, CONTROL_NAME, ControlState, JournalId, Kind, LINK_COPIES, Link, RECORD_HEADER_BYTES, RecordHeader,
    SEAL_COPIES, Seal, SegmentHeader, VERSION, encode_record_header, epoch_kind, segment_name,
};
use crate::format::crc::RecordCrc;

/// One segment of a golden journal.
#[derive(Clone, Debug)]
pub struct GoldenSegment {
    /// How many records it has room for.
    pub capacity: u64,
    /// The schema's text.
    pub schema: String,
    /// The version of the event type.
    pub event_version: u32,
    /// The base that its file had before.
    pub previous_base: Option<u64>,
    /// Bytes of a record.
    pub record_bytes: u32,
    /// The events, all equally long.
    pub events: Vec<Vec<u8>>,
    /// Records of the base before that still lie behind the events.
    pub stale_events: Vec<Vec<u8>>,
}

/// A golden journal: its segments, one behind the other. Record `n` has the time `1000 + n`.
#[derive(Clone, Debug)]
pub struct GoldenJournal {
    /// Its identity.
    pub journal_id: [u8; 16],
    /// Which copy of the journal it is.
    pub branch: [u8; 16],
    /// Whether it is a replica, and from where on a rejoin was cutting it when that was cut short.
    pub replica: Option<Option<u64>>,
    /// Its segments; one that is not full and not the last is sealed early.
    pub segments: Vec<GoldenSegment>,
}

impl GoldenJournal {
    /// Writes it into `folder`, closed in good order unless it was being cut.
    ///
    /// # Errors
    /// Whatever the file system says.
    pub fn write(&self, folder: &Path) -> io::Result<()> {
        std::fs::create_dir_all(folder)?;
        let journal_id = JournalId(self.journal_id);
        let (mut base, mut before) = (0, Bond::UNKNOWN);
        let cut_at = self.replica.flatten();
        let mut cut = (0, Bond::UNKNOWN);
        for (index, segment) in self.segments.iter().enumerate() {
            let last = index + 1 == self.segments.len();
            let (bytes, end, bond) = segment.encode(journal_id, self.branch, base, before, last);
            if let Some(at) = cut_at.filter(|at| (base + 1..=end).contains(at)) {
                let record = &bytes[segment.offset(at - base - 1)..];
                cut = (at, Bond::of(RecordHeader::decode(record)));
            }
            std::fs::write(folder.join(segment_name(base)), bytes)?;
            (base, before) = (end, bond);
        }
        let (durable_end, last) = if cut_at.is_some() { cut } else { (base, before) };
        let state = ControlState {
            journal_id,
            generation: 8,
            durable_end,
            window: 16,
            first: 0,
            epoch: 1,
            closed: cut_at.is_none(),
            boot_id: [7; 16],
            last,
            before_first: Bond::UNKNOWN,
            branch: self.branch,
            replica: self.replica.is_some(),
            cutting: cut_at.is_some(),
        };
        let next = ControlState { generation: 9, ..state };
        std::fs::write(
            folder.join(CONTROL_NAME),
            [state.encode()[..].to_vec(), next.encode()[..].to_vec()].concat(),
        )
    }
}

impl GoldenSegment {
    fn header(&self, journal_id: JournalId, branch: [u8; 16], base: u64) -> SegmentHeader {
        SegmentHeader {
            version: VERSION,
            journal_id,
            base,
            capacity: self.capacity,
            record_bytes: self.record_bytes,
            event_bytes: self.events.first().map_or(0, Vec::len) as u32,
            epoch: 1,
            created_ns: 0,
            event_version: self.event_version,
            previous_base: self.previous_base,
            branch,
            schema: self.schema.clone(),
            sealed_end: None,
        }
    }

    /// Where the record of a slot lies.
    fn offset(&self, slot: u64) -> usize {
        self.header(JournalId([0; 16]), [0; 16], 0).slots().offset(slot) as usize
    }

    fn encode(
        &self,
        journal_id: JournalId,
        branch: [u8; 16],
        base: u64,
        before: Bond,
        last: bool,
    ) -> (Vec<u8>, u64, Bond) {
        let header = self.header(journal_id, branch, base);
        let mut file = vec![0; header.file_bytes() as usize];
        let mut put = |at: u64, bytes: &[u8]| file[at as usize..][..bytes.len()].copy_from_slice(bytes);
        header.encode().iter().for_each(|(at, bytes)| put(*at, bytes));
        let link = Link { journal_id, base, before }.encode();
        LINK_COPIES.iter().for_each(|at| put(*at, &link[..]));
        let crc = RecordCrc::new(journal_id.0);
        let mut record = |slot: u64, sequence: u64, event: &[u8]| {
            let mut body = event.to_vec();
            body.resize(self.record_bytes as usize - RECORD_HEADER_BYTES, 0);
            let (time_ns, kind) = (1_000 + sequence, epoch_kind(1, Kind::Event));
            let crc = crc.record(sequence, time_ns, kind, &body);
            let header_bytes = RecordHeader { time_ns, epoch_kind: kind, crc };
            put(
                header.slots().offset(base + slot),
                &[&encode_record_header(header_bytes)[..], &body].concat(),
            );
            Bond { epoch: 1, crc }
        };
        let (mut bond, mut slot) = (before, 0);
        for event in &self.events {
            bond = record(slot, base + slot, event);
            slot += 1;
        }
        for (more, event) in (slot..).zip(&self.stale_events) {
            record(more, self.previous_base.unwrap_or(0) + more, event);
        }
        let end = base + slot;
        if !last && slot < self.capacity {
            let seal = Seal { journal_id, base, end, last: bond }.encode();
            SEAL_COPIES.iter().for_each(|at| put(*at, &seal[..]));
        }
        (file, end, bond)
    }
}
