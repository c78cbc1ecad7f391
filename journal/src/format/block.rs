//! What all blocks share: how they begin, the checksum that ends them, and how two copies of one are read.

use super::{BLOCK_BYTES, JournalId, VERSION, u32_at, u64_at};

pub(super) const CHECKSUM_AT: usize = BLOCK_BYTES - 4;
const BYTE_ORDER_MARK: u32 = 0x0102_0304;

pub(super) const MAGIC: usize = 0;
const FORMAT_VERSION: usize = MAGIC + 8;
const BYTE_ORDER: usize = FORMAT_VERSION + 4;
const JOURNAL_ID: usize = BYTE_ORDER + 4;
/// Where the fields of each kind of block begin.
pub(super) const FIELDS: usize = JOURNAL_ID + 16;

/// Why a block can't be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BlockFault {
    /// Nothing but zeros: never written.
    Absent,
    /// Wrong checksum, wrong magic, or fields that contradict each other.
    Damaged,
    /// Written by a machine of the other byte order.
    ForeignEndian,
    /// Written by a later slipring.
    Version(u32),
}

/// A block in the making.
pub(super) struct Block(Box<[u8; BLOCK_BYTES]>);

impl Block {
    pub(super) fn new(magic: u64, journal_id: JournalId) -> Self {
        let mut block = Block(Box::new([0; BLOCK_BYTES]));
        block.put(MAGIC, &magic.to_le_bytes());
        block.put(FORMAT_VERSION, &VERSION.to_le_bytes());
        block.put(BYTE_ORDER, &BYTE_ORDER_MARK.to_le_bytes());
        block.put(JOURNAL_ID, &journal_id.0);
        block
    }

    /// Makes it one of a version that older sliprings refuse.
    pub(super) fn put_version(&mut self, version: u32) {
        self.put(FORMAT_VERSION, &version.to_le_bytes());
    }

    pub(super) fn put(&mut self, at: usize, bytes: &[u8]) {
        self.0[at..at + bytes.len()].copy_from_slice(bytes);
    }

    pub(super) fn finish(mut self) -> Box<[u8; BLOCK_BYTES]> {
        let checksum = crc32c::crc32c(&self.0[..CHECKSUM_AT]);
        self.put(CHECKSUM_AT, &checksum.to_le_bytes());
        self.0
    }
}

/// As [`check_to`], of a kind that has the versions of the format.
pub(super) fn check(block: &[u8], magic: u64) -> Result<(JournalId, u32), BlockFault> {
    check_to(block, magic, VERSION)
}

/// Checks what all kinds of block share, and gives the journal's id and the version, `newest` at most.
///
/// The byte order and the version are looked at before the checksum: a later version may checksum otherwise.
/// A flipped bit in them would then be taken for a foreign file, so they count only if the rest bears it out:
/// a foreign byte order must show in magic and mark alike, another version needs the checksum to hold.
pub(super) fn check_to(block: &[u8], magic: u64, newest: u32) -> Result<(JournalId, u32), BlockFault> {
    if block.len() != BLOCK_BYTES {
        return Err(BlockFault::Damaged);
    }
    let (found, mark) = (u64_at(block, MAGIC), u32_at(block, BYTE_ORDER));
    if found == magic.swap_bytes() && mark == BYTE_ORDER_MARK.swap_bytes() {
        return Err(BlockFault::ForeignEndian);
    }
    let checksum_holds = u32_at(block, CHECKSUM_AT) == crc32c::crc32c(&block[..CHECKSUM_AT]);
    if found != magic || mark != BYTE_ORDER_MARK || !checksum_holds {
        let absent = block.iter().all(|byte| *byte == 0);
        return Err(if absent { BlockFault::Absent } else { BlockFault::Damaged });
    }
    let journal_id = JournalId(block[JOURNAL_ID..][..16].try_into().expect("sixteen bytes"));
    match u32_at(block, FORMAT_VERSION) {
        version if (1..=newest).contains(&version) => Ok((journal_id, version)),
        other => Err(BlockFault::Version(other)),
    }
}

/// The two copies of a block in `bytes` from `at` on, each decoded.
pub(super) fn copies<T>(
    bytes: &[u8],
    at: usize,
    decode: impl Fn(&[u8]) -> Result<T, BlockFault>,
) -> [Result<T, BlockFault>; 2] {
    [at, at + BLOCK_BYTES].map(|at| {
        match bytes.get(at..(at + BLOCK_BYTES).min(bytes.len())) {
            Some(block) if !block.is_empty() => decode(block),
            // The file ends before it.
            _ => Err(BlockFault::Absent),
        }
    })
}
