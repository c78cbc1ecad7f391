//! A slot of the control file.

use super::block::{self, Block, BlockFault, CHECKSUM_AT, FIELDS};
use super::{BLOCK_BYTES, Bond, JournalId, MAX_END, MAX_EPOCH, VERSION, u32_at, u64_at};

const CONTROL_MAGIC: u64 = u64::from_le_bytes(*b"SLIPCTL\x01");

const GENERATION: usize = FIELDS;
const DURABLE_END: usize = GENERATION + 8;
const WINDOW: usize = DURABLE_END + 8;
const FIRST: usize = WINDOW + 8;
const EPOCH: usize = FIRST + 8;
const FLAGS: usize = EPOCH + 4;
const BOOT_ID: usize = FLAGS + 4;
// From here on since version 2.
const LAST: usize = BOOT_ID + 16;
const BEFORE_FIRST: usize = LAST + 8;
const BRANCH: usize = BEFORE_FIRST + 8;
const END: usize = BRANCH + 16;

/// The version of a replica's slots: a slipring that does not know of replicas would append to one, and take
/// back what a rejoin cuts.
const REPLICA_VERSION: u32 = VERSION + 1;

const CLOSED: u32 = 1 << 0;
const REPLICA: u32 = 1 << 1;
const CUTTING: u32 = 1 << 2;

const _: () = {
    assert!(GENERATION == 32 && LAST == 88, "the layout of version 1 is frozen");
    assert!(END == 120 && END <= CHECKSUM_AT, "the layout of version 2 is frozen");
};

/// What the control file holds; the newer of two slots counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ControlState {
    pub(crate) journal_id: JournalId,
    /// Counts the writes of the control file; the slot is its lowest bit.
    pub(crate) generation: u64,
    /// D: every sequence below it is on disk.
    pub(crate) durable_end: u64,
    /// W: no record at or beyond `durable_end + window` was ever written.
    pub(crate) window: u64,
    /// The first sequence that is kept.
    pub(crate) first: u64,
    /// The newest epoch that any record may have.
    pub(crate) epoch: u32,
    /// The writer closed the journal in good order.
    pub(crate) closed: bool,
    /// The boot of the machine in which the last writer lived.
    pub(crate) boot_id: [u8; 16],
    /// The record just below `durable_end`.
    pub(crate) last: Bond,
    /// The record just before `first`.
    pub(crate) before_first: Bond,
    /// Which copy of the journal this is; zeros for the one that was made first.
    pub(crate) branch: [u8; 16],
    /// The journal takes records that were made elsewhere, and makes none.
    pub(crate) replica: bool,
    /// All that lies at or behind `durable_end` has been set aside and is to be removed: no record there
    /// counts.
    pub(crate) cutting: bool,
}

impl ControlState {
    pub(crate) fn encode(&self) -> Box<[u8; BLOCK_BYTES]> {
        let mut block = Block::new(CONTROL_MAGIC, self.journal_id);
        if self.replica {
            block.put_version(REPLICA_VERSION);
        }
        block.put(GENERATION, &self.generation.to_le_bytes());
        block.put(DURABLE_END, &self.durable_end.to_le_bytes());
        block.put(WINDOW, &self.window.to_le_bytes());
        block.put(FIRST, &self.first.to_le_bytes());
        block.put(EPOCH, &self.epoch.to_le_bytes());
        debug_assert!(self.replica || !self.cutting, "a rejoin makes a replica");
        let flags = [(self.closed, CLOSED), (self.replica, REPLICA), (self.cutting, CUTTING)];
        let flags = flags.iter().filter(|(is_set, _)| *is_set).fold(0, |all, (_, flag)| all | flag);
        block.put(FLAGS, &flags.to_le_bytes());
        block.put(BOOT_ID, &self.boot_id);
        block.put(LAST, &self.last.to_bytes());
        block.put(BEFORE_FIRST, &self.before_first.to_bytes());
        block.put(BRANCH, &self.branch);
        block.finish()
    }

    pub(crate) fn decode(slot: &[u8]) -> Result<Self, BlockFault> {
        let (journal_id, version) = block::check_to(slot, CONTROL_MAGIC, REPLICA_VERSION)?;
        let sixteen = |at: usize| slot[at..at + 16].try_into().expect("sixteen bytes");
        let flags = u32_at(slot, FLAGS);
        let known = if version == REPLICA_VERSION { CLOSED | REPLICA | CUTTING } else { CLOSED };
        if version > 1 && flags & !known != 0 {
            // A later slipring of the same version needs something that this one does not know.
            return Err(BlockFault::Version(REPLICA_VERSION + 1));
        }
        let mut state = ControlState {
            journal_id,
            generation: u64_at(slot, GENERATION),
            durable_end: u64_at(slot, DURABLE_END),
            window: u64_at(slot, WINDOW),
            first: u64_at(slot, FIRST),
            epoch: u32_at(slot, EPOCH),
            closed: flags & CLOSED != 0,
            boot_id: sixteen(BOOT_ID),
            last: Bond::UNKNOWN,
            before_first: Bond::UNKNOWN,
            branch: [0; 16],
            replica: version == REPLICA_VERSION,
            cutting: version == REPLICA_VERSION && flags & CUTTING != 0,
        };
        if version > 1 {
            state.last = Bond::from_bytes(&slot[LAST..]);
            state.before_first = Bond::from_bytes(&slot[BEFORE_FIRST..]);
            state.branch = sixteen(BRANCH);
        }
        let sane = state.first <= state.durable_end
            && state.epoch <= MAX_EPOCH
            // Counted up by one a write: nobody gets there.
            && state.generation < 1 << 62
            && state.durable_end.checked_add(state.window).is_some_and(|end| end < MAX_END);
        if sane { Ok(state) } else { Err(BlockFault::Damaged) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(replica: bool, cutting: bool) -> ControlState {
        ControlState {
            journal_id: JournalId([7; 16]),
            generation: 5,
            durable_end: 20,
            window: 64,
            first: 10,
            epoch: 3,
            closed: false,
            boot_id: [9; 16],
            last: Bond { epoch: 3, crc: 1 },
            before_first: Bond { epoch: 2, crc: 8 },
            branch: [0; 16],
            replica,
            cutting,
        }
    }

    #[test]
    fn a_slipring_that_knows_of_no_replicas_refuses_one() {
        for (replica, cutting, version) in [(false, false, VERSION), (true, false, 3), (true, true, 3)] {
            let slot = state(replica, cutting).encode();
            assert_eq!(ControlState::decode(&slot[..]), Ok(state(replica, cutting)));
            // All that one knew.
            let older = block::check(&slot[..], CONTROL_MAGIC);
            let wanted =
                if replica { Err(BlockFault::Version(version)) } else { Ok((JournalId([7; 16]), version)) };
            assert_eq!(older, wanted);
        }
    }

    #[test]
    fn a_flag_that_nobody_knows_is_a_later_sliprings() {
        for (replica, flag) in [(false, REPLICA), (false, CUTTING), (false, 1 << 3), (true, 1 << 31)] {
            let mut block = state(replica, false).encode();
            let flags = u32_at(&block[..], FLAGS) | flag;
            block[FLAGS..FLAGS + 4].copy_from_slice(&flags.to_le_bytes());
            let checksum = crc32c::crc32c(&block[..CHECKSUM_AT]);
            block[CHECKSUM_AT..].copy_from_slice(&checksum.to_le_bytes());
            assert_eq!(ControlState::decode(&block[..]), Err(BlockFault::Version(4)), "{flag:#x}");
        }
    }
}
