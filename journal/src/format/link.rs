//! What ties a segment to its neighbours: the link to the record before it, and the seal that ends it early.

use super::block::{self, Block, BlockFault, CHECKSUM_AT, FIELDS};
use super::{BLOCK_BYTES, JournalId, RecordHeader, u32_at, u64_at};

const LINK_MAGIC: u64 = u64::from_le_bytes(*b"SLIPLNK\x01");
const SEAL_MAGIC: u64 = u64::from_le_bytes(*b"SLIPEND\x01");

const BASE: usize = FIELDS;
const LINK_BOND: usize = BASE + 8;
const SEAL_END: usize = BASE + 8;
const SEAL_BOND: usize = SEAL_END + 8;

const _: () = assert!(LINK_BOND == 40 && SEAL_BOND == 48 && SEAL_BOND + 8 <= CHECKSUM_AT);

/// Epoch and checksum of a record at a place that is known: enough to tell it from any other that ever lay
/// there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bond {
    pub(crate) epoch: u32,
    pub(crate) crc: u32,
}

impl Bond {
    /// No record, or nothing known of it: no record has the epoch 0.
    pub(crate) const UNKNOWN: Bond = Bond { epoch: 0, crc: 0 };

    pub(crate) fn of(header: RecordHeader) -> Self {
        Bond { epoch: header.epoch(), crc: header.crc }
    }

    pub(crate) fn is_known(self) -> bool {
        self != Bond::UNKNOWN
    }

    pub(super) fn to_bytes(self) -> [u8; 8] {
        let mut bytes = [0; 8];
        bytes[..4].copy_from_slice(&self.epoch.to_le_bytes());
        bytes[4..].copy_from_slice(&self.crc.to_le_bytes());
        bytes
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Self {
        Bond { epoch: u32_at(bytes, 0), crc: u32_at(bytes, 4) }
    }
}

/// The link of a segment: which record came before its first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Link {
    pub(crate) journal_id: JournalId,
    pub(crate) base: u64,
    /// The record of sequence `base - 1`; unknown at the journal's beginning.
    pub(crate) before: Bond,
}

impl Link {
    pub(crate) fn encode(&self) -> Box<[u8; BLOCK_BYTES]> {
        let mut block = Block::new(LINK_MAGIC, self.journal_id);
        block.put(BASE, &self.base.to_le_bytes());
        block.put(LINK_BOND, &self.before.to_bytes());
        block.finish()
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, BlockFault> {
        let (journal_id, _) = block::check(bytes, LINK_MAGIC)?;
        Ok(Link { journal_id, base: u64_at(bytes, BASE), before: Bond::from_bytes(&bytes[LINK_BOND..]) })
    }
}

/// Says that a segment ends before its capacity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seal {
    pub(crate) journal_id: JournalId,
    pub(crate) base: u64,
    /// The sequence behind the segment's last record: the base of the next segment.
    pub(crate) end: u64,
    /// The record of sequence `end - 1`.
    pub(crate) last: Bond,
}

impl Seal {
    pub(crate) fn encode(&self) -> Box<[u8; BLOCK_BYTES]> {
        let mut block = Block::new(SEAL_MAGIC, self.journal_id);
        block.put(BASE, &self.base.to_le_bytes());
        block.put(SEAL_END, &self.end.to_le_bytes());
        block.put(SEAL_BOND, &self.last.to_bytes());
        block.finish()
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, BlockFault> {
        let (journal_id, _) = block::check(bytes, SEAL_MAGIC)?;
        let last = Bond::from_bytes(&bytes[SEAL_BOND..]);
        Ok(Seal { journal_id, base: u64_at(bytes, BASE), end: u64_at(bytes, SEAL_END), last })
    }
}
