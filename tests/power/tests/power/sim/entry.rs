//! A record of which all else follows: how it lies in a segment, and what is known of it.

use slipring_journal::{Anchor, JournalId};

use super::lives::{LongNote, Note, Noted};

/// The event as one of the older type, or of the newer.
pub(super) fn bytes_of(unique: u64, is_newer: bool) -> Vec<u8> {
    match is_newer {
        true => bytemuck::bytes_of(&LongNote::of(unique)).to_vec(),
        false => bytemuck::bytes_of(&Note::of(unique)).to_vec(),
    }
}

pub(super) const ID: JournalId = JournalId(*b"sixteen letters!");

/// A record, of which all else follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) time_ns: u64,
    pub(super) epoch: u32,
    pub(super) unique: u64,
}

impl Entry {
    /// As it lies at its place, of the older type or the newer.
    pub(super) fn stored(self, sequence: u64, is_newer: bool) -> Vec<u8> {
        let Entry { time_ns, epoch, unique } = self;
        let (kind, event) = (epoch << 4 | 1, bytes_of(unique, is_newer));
        let mut summed = [&ID.0[..], &sequence.to_le_bytes(), &time_ns.to_le_bytes()].concat();
        summed.extend(u64::from(kind).to_le_bytes());
        summed.extend(&event);
        let mut record = vec![0; 16 + event.len()];
        record[..8].copy_from_slice(&time_ns.to_le_bytes());
        record[8..12].copy_from_slice(&kind.to_le_bytes());
        record[12..16].copy_from_slice(&crc32c::crc32c(&summed).to_le_bytes());
        record[16..].copy_from_slice(&event);
        record
    }

    pub(super) fn anchor(self, sequence: u64, is_newer: bool) -> Anchor {
        let crc = u32::from_le_bytes(self.stored(sequence, is_newer)[12..16].try_into().expect("four bytes"));
        Anchor { journal_id: ID, sequence, epoch: self.epoch, crc }
    }
}
