//! What the file of a named reader holds: its position, and what those that share its work have in hand.

use super::block::{self, Block, BlockFault, CHECKSUM_AT, FIELDS};
use super::{BLOCK_BYTES, Bond, JournalId, MAX_END, u32_at, u64_at};

const READER_MAGIC: u64 = u64::from_le_bytes(*b"SLIPRDR\x01");

const POSITION: usize = FIELDS;
const LAST: usize = POSITION + 8;
const LAST_NS: usize = LAST + 8;
const BRANCH: usize = LAST_NS + 8;
const COMMITTED_NS: usize = BRANCH + 16;
const MISSED: usize = COMMITTED_NS + 8;
const COUNT: usize = MISSED + 8;
const RANGES: usize = COUNT + 8;

// Within a range.
const START: usize = 0;
const END: usize = START + 8;
const RANGE_LAST: usize = END + 8;
const RANGE_LAST_NS: usize = RANGE_LAST + 8;
const MEMBER: usize = RANGE_LAST_NS + 8;
const RANGE_BYTES: usize = MEMBER + 8;

/// How many ranges a file has room for.
pub(crate) const MOST_RANGES: usize = (CHECKSUM_AT - RANGES) / RANGE_BYTES;

const _: () = {
    assert!(POSITION == 32 && COUNT == 88 && RANGES == 96 && RANGE_BYTES == 40, "the layout is frozen");
    assert!(MOST_RANGES == 99, "so the format says");
};

/// A place between two records, and what lies before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ReaderPlace {
    /// The sequence of the record behind it.
    pub(crate) end: u64,
    /// The record before it; unknown at the journal's beginning.
    pub(crate) last: Bond,
    /// Journal time of that record; 0 if it is unknown.
    pub(crate) last_ns: u64,
}

/// Some of the records at or behind the position: in somebody's hands, or done before those in front of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ReaderRange {
    pub(crate) start: u64,
    /// Where it ends; what lies before that is only known of a range that is done.
    pub(crate) end: ReaderPlace,
    /// Who has it in hand; `None` if it is done.
    pub(crate) member: Option<u32>,
}

/// The content of a named reader's file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ReaderState {
    pub(crate) journal_id: JournalId,
    /// Which copy of the journal it is of.
    pub(crate) branch: [u8; 16],
    /// All before it is done.
    pub(crate) position: ReaderPlace,
    /// When that was last said, by the clock; for people.
    pub(crate) committed_ns: u64,
    /// Records that retention took before they were read, and that the reader was told to pass over.
    pub(crate) missed: u64,
    /// Rising, none over another.
    pub(crate) ranges: Vec<ReaderRange>,
}

impl ReaderState {
    /// # Panics
    /// If there are more ranges than [`MOST_RANGES`].
    pub(crate) fn encode(&self) -> Box<[u8; BLOCK_BYTES]> {
        assert!(self.ranges.len() <= MOST_RANGES, "whoever adds a range looks whether there is room");
        let mut block = Block::new(READER_MAGIC, self.journal_id);
        block.put(POSITION, &self.position.end.to_le_bytes());
        block.put(LAST, &self.position.last.to_bytes());
        block.put(LAST_NS, &self.position.last_ns.to_le_bytes());
        block.put(BRANCH, &self.branch);
        block.put(COMMITTED_NS, &self.committed_ns.to_le_bytes());
        block.put(MISSED, &self.missed.to_le_bytes());
        block.put(COUNT, &(self.ranges.len() as u32).to_le_bytes());
        for (range, at) in self.ranges.iter().zip((RANGES..).step_by(RANGE_BYTES)) {
            block.put(at + START, &range.start.to_le_bytes());
            block.put(at + END, &range.end.end.to_le_bytes());
            block.put(at + RANGE_LAST, &range.end.last.to_bytes());
            block.put(at + RANGE_LAST_NS, &range.end.last_ns.to_le_bytes());
            block.put(at + MEMBER, &range.member.unwrap_or(0).to_le_bytes());
        }
        block.finish()
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, BlockFault> {
        let (journal_id, _) = block::check(bytes, READER_MAGIC)?;
        let count = u32_at(bytes, COUNT) as usize;
        if count > MOST_RANGES {
            return Err(BlockFault::Damaged);
        }
        let place = |end, last, last_ns| ReaderPlace {
            end: u64_at(bytes, end),
            last: Bond::from_bytes(&bytes[last..]),
            last_ns: u64_at(bytes, last_ns),
        };
        let ranges = (RANGES..).step_by(RANGE_BYTES).take(count).map(|at| ReaderRange {
            start: u64_at(bytes, at + START),
            end: place(at + END, at + RANGE_LAST, at + RANGE_LAST_NS),
            member: Some(u32_at(bytes, at + MEMBER)).filter(|member| *member != 0),
        });
        let state = ReaderState {
            journal_id,
            branch: bytes[BRANCH..BRANCH + 16].try_into().expect("sixteen bytes"),
            position: place(POSITION, LAST, LAST_NS),
            committed_ns: u64_at(bytes, COMMITTED_NS),
            missed: u64_at(bytes, MISSED),
            ranges: ranges.collect(),
        };
        if state.is_sane() { Ok(state) } else { Err(BlockFault::Damaged) }
    }

    fn is_sane(&self) -> bool {
        let mut behind = self.position.end;
        self.ranges.iter().all(|range| {
            let follows = behind <= range.start && range.start < range.end.end && range.end.end < MAX_END;
            behind = range.end.end;
            follows && (range.member.is_some() || range.end.last.is_known())
        }) && self.position.end < MAX_END
            && self.needed_room() <= MOST_RANGES
    }

    /// How many ranges there may come to be without one more being given out: one that is done in part is two
    /// then, unless what lies right before it is done too.
    pub(crate) fn needed_room(&self) -> usize {
        let mut done_end = None;
        let grows = |range: &&ReaderRange| {
            let grows = range.member.is_some() && done_end != Some(range.start);
            done_end = range.member.is_none().then_some(range.end.end);
            grows
        };
        self.ranges.len() + self.ranges.iter().filter(grows).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(end: u64) -> ReaderPlace {
        ReaderPlace { end, last: Bond { epoch: 3, crc: 0xabcd }, last_ns: end }
    }

    fn state(ranges: Vec<ReaderRange>) -> ReaderState {
        let (journal_id, branch) = (JournalId([7; 16]), [9; 16]);
        ReaderState { journal_id, branch, position: place(100), committed_ns: 5, missed: 6, ranges }
    }

    #[test]
    fn what_was_written_is_read_and_a_changed_bit_is_not() {
        let range = |start, end, member| ReaderRange { start, end: place(end), member };
        let ranges = vec![range(100, 120, Some(1)), range(120, 130, None), range(140, 141, Some(32))];
        let block = state(ranges.clone()).encode();
        assert_eq!(ReaderState::decode(&block[..]), Ok(state(ranges)));
        for at in [0, POSITION, BRANCH, MISSED, RANGES, CHECKSUM_AT] {
            let mut changed = block.clone();
            changed[at] ^= 1;
            assert_eq!(ReaderState::decode(&changed[..]), Err(BlockFault::Damaged), "byte {at}");
        }
        assert_eq!(ReaderState::decode(&block[..4000]), Err(BlockFault::Damaged));
    }

    #[test]
    fn ranges_that_contradict_each_other_are_damage() {
        let range = |start, end, member| ReaderRange { start, end: place(end), member };
        for ranges in [
            vec![range(99, 120, Some(1))],
            vec![range(110, 110, Some(1))],
            vec![range(100, 120, Some(1)), range(119, 130, Some(2))],
            vec![range(100, MAX_END, Some(1))],
            vec![ReaderRange {
                start: 100,
                end: ReaderPlace { last: Bond::UNKNOWN, ..place(110) },
                member: None,
            }],
        ] {
            let block = state(ranges.clone()).encode();
            assert_eq!(ReaderState::decode(&block[..]), Err(BlockFault::Damaged), "{ranges:?}");
        }
        let many =
            |member| (0..MOST_RANGES as u64).map(|n| range(100 + n, 101 + n, member)).collect::<Vec<_>>();
        assert_eq!(ReaderState::decode(&state(many(None)).encode()[..]), Ok(state(many(None))));
        assert_eq!(
            ReaderState::decode(&state(many(Some(1))).encode()[..]),
            Err(BlockFault::Damaged),
            "no room"
        );
    }
}
