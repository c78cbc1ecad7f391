//! The bytes of the counters file, all of them; in words in docs/counters.md.
//!
//! ```text
//!  0            static bytes                             + 1024               + 3200           + 256 a stage
//!  | header, stage names, CRC | published | durable | journal  | late consumers, | stage 0        | stage 1 ..
//!  |   never changes          | publishers | lanes | fate      | 16 places       | cursor, batches
//! ```
//!
//! What changes is 8-byte words, each stored and loaded whole. Words of different writers never share 128 bytes: that
//! is what the two promised processors fetch at a time.

use std::sync::atomic::AtomicU64;
use std::time::{SystemTime, UNIX_EPOCH};

use super::memory::Words;

/// "SLIPCNT" and a one, as a little-endian integer.
pub(crate) const MAGIC: u64 = u64::from_le_bytes(*b"SLIPCNT\x01");
/// 2: places for late consumers before the stages.
pub(crate) const VERSION: u32 = 2;
pub(crate) const BYTE_ORDER_MARK: u32 = 0x0102_0304;
pub(crate) const BLOCK_BYTES: usize = 4096;
/// Bytes that a writer has to itself.
pub(crate) const LINE_BYTES: usize = 128;

const HEADER_BYTES: usize = 128;
const STAGE_ENTRY_BYTES: usize = 128;
const CRC_BYTES: usize = 4;
/// Longest name that the file holds; a longer one is cut.
pub(crate) const NAME_BYTES: usize = 64;
/// Longest lane name that the file holds.
pub(crate) const LANE_BYTES: usize = STAGE_ENTRY_BYTES - NAME_BYTES;
/// Longest cause of a halt that the file holds.
pub(crate) const CAUSE_BYTES: usize = 256;
/// More stages than any ring has: a greater number is damage.
const MOST_STAGES: usize = 1 << 16;

/// Places for late consumers. They come and go while the engine runs, so their number can't be known when the file is
/// made; one that finds no place is only counted.
pub(crate) const LATE_PLACES: usize = 16;

/// In the header's flags: the engine has a journal.
const HAS_JOURNAL: u32 = 1;

/// In the fate's word: halted; publishing is closed; the engine's handle is gone and the file with it.
pub(crate) const HALTED: u64 = 1;
pub(crate) const CLOSED: u64 = 2;
pub(crate) const ENDED: u64 = 4;

/// In the state of a late consumer's place: somebody has it; it has failed; because retention removed what it was to
/// read. How often the place was given away is counted above them, in steps of `LATE_GENERATION`.
pub(crate) const LATE_TAKEN: u64 = 1;
pub(crate) const LATE_FAILED: u64 = 2;
pub(crate) const LATE_EVICTED: u64 = 4;
pub(crate) const LATE_GENERATION: u64 = 256;

/// A cursor: the sequence behind the last one finished, and the lanes that are parked until it moves.
#[derive(Debug)]
#[repr(C, align(128))]
pub(crate) struct CursorLine {
    pub(crate) end: AtomicU64,
    pub(crate) parked: AtomicU64,
}

/// The journal lane's own.
#[derive(Debug)]
#[repr(C, align(128))]
pub(crate) struct JournalLine {
    pub(crate) journalled_end: AtomicU64,
    pub(crate) segment_stalls: AtomicU64,
    pub(crate) window_stalls: AtomicU64,
    pub(crate) disk_full_stalls: AtomicU64,
}

/// Of publishers that found the ring full.
#[derive(Debug)]
#[repr(C, align(128))]
pub(crate) struct PublishersLine {
    pub(crate) full_waits: AtomicU64,
    pub(crate) full_refusals: AtomicU64,
}

/// Of all lanes.
#[derive(Debug)]
#[repr(C, align(128))]
pub(crate) struct LanesLine {
    pub(crate) missed_wakeups: AtomicU64,
}

/// Whether the engine runs, and if not, why.
#[derive(Debug)]
#[repr(C, align(128))]
pub(crate) struct FateLine {
    /// Stored last: what follows is there once `HALTED` is set.
    pub(crate) word: AtomicU64,
    pub(crate) stage: AtomicU64,
    pub(crate) sequence: AtomicU64,
    pub(crate) cause_bytes: AtomicU64,
}

/// The text of a cause, UTF-8, eight bytes a word.
#[derive(Debug)]
#[repr(C, align(128))]
pub(crate) struct CauseLine {
    pub(crate) text: [AtomicU64; CAUSE_BYTES / 8],
}

/// A stage's batches; its lane's own.
#[derive(Debug)]
#[repr(C, align(128))]
pub(crate) struct BatchLine {
    pub(crate) batches: AtomicU64,
    pub(crate) last_batch: AtomicU64,
    pub(crate) max_batch: AtomicU64,
}

/// Late consumers that found no place.
#[derive(Debug)]
#[repr(C, align(128))]
pub(crate) struct LateHeadLine {
    pub(crate) not_shown: AtomicU64,
}

/// A late consumer's place. Its thread alone stores here while it runs: `late.rs` says how places change hands.
#[derive(Debug)]
#[repr(C, align(128))]
pub(crate) struct LateLine {
    pub(crate) state: AtomicU64,
    pub(crate) end: AtomicU64,
    /// UTF-8, eight bytes a word, zero padded.
    pub(crate) name: [AtomicU64; NAME_BYTES / 8],
}

// SAFETY: each is `repr(C)` and of `AtomicU64` alone, and what lies behind them up to the alignment is padding of no
// meaning: any bytes are a value, and all access is atomic.
unsafe impl Words for CursorLine {}
// SAFETY: as above.
unsafe impl Words for JournalLine {}
// SAFETY: as above.
unsafe impl Words for PublishersLine {}
// SAFETY: as above.
unsafe impl Words for LanesLine {}
// SAFETY: as above.
unsafe impl Words for FateLine {}
// SAFETY: as above.
unsafe impl Words for CauseLine {}
// SAFETY: as above.
unsafe impl Words for BatchLine {}
// SAFETY: as above.
unsafe impl Words for LateHeadLine {}
// SAFETY: as above.
unsafe impl Words for LateLine {}

const PUBLISHED_AT: usize = 0;
const DURABLE_AT: usize = PUBLISHED_AT + size_of::<CursorLine>();
const JOURNAL_AT: usize = DURABLE_AT + size_of::<CursorLine>();
const PUBLISHERS_AT: usize = JOURNAL_AT + size_of::<JournalLine>();
const LANES_AT: usize = PUBLISHERS_AT + size_of::<PublishersLine>();
const FATE_AT: usize = LANES_AT + size_of::<LanesLine>();
const CAUSE_AT: usize = FATE_AT + size_of::<FateLine>();
const LATE_HEAD_AT: usize = CAUSE_AT + size_of::<CauseLine>();
const LATE_AT: usize = LATE_HEAD_AT + size_of::<LateHeadLine>();
const STAGES_AT: usize = LATE_AT + LATE_PLACES * size_of::<LateLine>();
const STAGE_BYTES: usize = size_of::<CursorLine>() + size_of::<BatchLine>();

const _: () = {
    assert!(size_of::<CursorLine>() == LINE_BYTES && align_of::<CursorLine>() == LINE_BYTES);
    assert!(size_of::<BatchLine>() == LINE_BYTES && size_of::<FateLine>() == LINE_BYTES);
    assert!(size_of::<JournalLine>() == LINE_BYTES && size_of::<PublishersLine>() == LINE_BYTES);
    assert!(size_of::<LanesLine>() == LINE_BYTES && size_of::<CauseLine>() == CAUSE_BYTES);
    assert!(JOURNAL_AT == 256 && PUBLISHERS_AT == 384 && LANES_AT == 512 && FATE_AT == 640);
    assert!(size_of::<LateHeadLine>() == LINE_BYTES && size_of::<LateLine>() == LINE_BYTES);
    assert!(CAUSE_AT == 768 && LATE_AT == 1152 && STAGES_AT == 3200 && STAGE_BYTES == 256);
    assert!(BLOCK_BYTES % LINE_BYTES == 0 && NAME_BYTES < STAGE_ENTRY_BYTES);
};

/// Where everything lies, which follows from the number of stages.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Layout {
    pub(crate) stages: usize,
}

impl Layout {
    /// The part that never changes: header, names, CRC, in whole blocks.
    pub(crate) fn static_bytes(self) -> usize {
        (HEADER_BYTES + self.stages * STAGE_ENTRY_BYTES + CRC_BYTES).next_multiple_of(BLOCK_BYTES)
    }

    pub(crate) fn file_bytes(self) -> usize {
        self.stage(self.stages).next_multiple_of(BLOCK_BYTES)
    }

    pub(crate) fn published(self) -> usize {
        self.static_bytes() + PUBLISHED_AT
    }

    pub(crate) fn durable(self) -> usize {
        self.static_bytes() + DURABLE_AT
    }

    pub(crate) fn journal(self) -> usize {
        self.static_bytes() + JOURNAL_AT
    }

    pub(crate) fn publishers(self) -> usize {
        self.static_bytes() + PUBLISHERS_AT
    }

    pub(crate) fn lanes(self) -> usize {
        self.static_bytes() + LANES_AT
    }

    pub(crate) fn fate(self) -> usize {
        self.static_bytes() + FATE_AT
    }

    pub(crate) fn cause(self) -> usize {
        self.static_bytes() + CAUSE_AT
    }

    pub(crate) fn late_head(self) -> usize {
        self.static_bytes() + LATE_HEAD_AT
    }

    /// A place for a late consumer.
    pub(crate) fn late(self, index: usize) -> usize {
        debug_assert!(index < LATE_PLACES);
        self.static_bytes() + LATE_AT + index * size_of::<LateLine>()
    }

    /// A stage's cursor.
    pub(crate) fn stage(self, index: usize) -> usize {
        self.static_bytes() + STAGES_AT + index * STAGE_BYTES
    }

    /// A stage's batches.
    pub(crate) fn batches(self, index: usize) -> usize {
        self.stage(index) + size_of::<CursorLine>()
    }
}

/// The part that never changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Static {
    pub(crate) process: Process,
    /// Zeros without a journal.
    pub(crate) journal_id: [u8; 16],
    pub(crate) has_journal: bool,
    /// For people, nanoseconds since 1970.
    pub(crate) made_ns: u64,
    pub(crate) capacity: u64,
    pub(crate) live_from: u64,
    /// Each stage's name and its lane's.
    pub(crate) stages: Vec<(String, String)>,
}

/// A process that can't be taken for another: numbers are used again, a number with a start time is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Process {
    pub(crate) id: u64,
    /// Clock ticks after the boot, field 22 of /proc/PID/stat.
    pub(crate) start_ticks: u64,
    /// Inode of its process namespace: numbers mean something within it only.
    pub(crate) namespace: u64,
    pub(crate) boot_id: [u8; 16],
}

/// Why bytes are no counters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CountersFault {
    /// Something else, or nothing yet.
    #[error("it does not begin as a counters file does")]
    Foreign,
    /// Written by another version of slipring.
    #[error(
        "its version is {found}, this reads version {}: use the slipring that the engine was built with",
        VERSION
    )]
    Version {
        /// The version found.
        found: u32,
    },
    /// Written by a machine of the other byte order.
    #[error("it is of another byte order")]
    ForeignEndian,
    /// Shorter or longer than it says.
    #[error("it has {found} bytes and must have {wanted}")]
    Truncated {
        /// Its length.
        found: u64,
        /// The length that it should have.
        wanted: u64,
    },
    /// Damaged.
    #[error("its checksum does not hold")]
    Checksum,
}

impl Static {
    /// Of an engine that this process is about to start.
    pub(crate) fn of_engine(
        journal: Option<slipring_journal::JournalId>,
        capacity: usize,
        live_from: u64,
        stages: Vec<(String, String)>,
    ) -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Static {
            process: Process::this(),
            journal_id: journal.map_or([0; 16], |id| id.0),
            has_journal: journal.is_some(),
            made_ns: now.as_nanos() as u64,
            capacity: capacity as u64,
            live_from,
            stages,
        }
    }

    pub(crate) fn layout(&self) -> Layout {
        Layout { stages: self.stages.len() }
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let layout = self.layout();
        let mut bytes = vec![0; layout.static_bytes()];
        let mut put = |at: usize, from: &[u8]| bytes[at..at + from.len()].copy_from_slice(from);
        put(0, &MAGIC.to_le_bytes());
        put(8, &VERSION.to_le_bytes());
        put(12, &BYTE_ORDER_MARK.to_le_bytes());
        put(16, &(layout.file_bytes() as u64).to_le_bytes());
        put(24, &self.process.id.to_le_bytes());
        put(32, &self.process.start_ticks.to_le_bytes());
        put(40, &self.process.namespace.to_le_bytes());
        put(48, &self.process.boot_id);
        put(64, &self.journal_id);
        put(80, &self.made_ns.to_le_bytes());
        put(88, &self.capacity.to_le_bytes());
        put(96, &self.live_from.to_le_bytes());
        put(104, &(self.stages.len() as u32).to_le_bytes());
        put(108, &(if self.has_journal { HAS_JOURNAL } else { 0 }).to_le_bytes());
        for (index, (name, lane)) in self.stages.iter().enumerate() {
            let at = HEADER_BYTES + index * STAGE_ENTRY_BYTES;
            put(at, cut(name, NAME_BYTES).as_bytes());
            put(at + NAME_BYTES, cut(lane, LANE_BYTES).as_bytes());
        }
        let end = bytes.len() - CRC_BYTES;
        let crc = crc32c::crc32c(&bytes[..end]);
        bytes[end..].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    /// How many bytes the static part has, from its first block and the file's length.
    pub(crate) fn length(first: &[u8], file_bytes: u64) -> Result<usize, CountersFault> {
        if first.len() < HEADER_BYTES || u64_at(first, 0) != MAGIC {
            return Err(CountersFault::Foreign);
        }
        if u32_at(first, 12) == BYTE_ORDER_MARK.swap_bytes() {
            return Err(CountersFault::ForeignEndian);
        }
        let found = u32_at(first, 8);
        if found != VERSION {
            return Err(CountersFault::Version { found });
        }
        let stages = u32_at(first, 104) as usize;
        if stages > MOST_STAGES {
            return Err(CountersFault::Checksum);
        }
        let layout = Layout { stages };
        let wanted = layout.file_bytes() as u64;
        if file_bytes != wanted {
            return Err(CountersFault::Truncated { found: file_bytes, wanted });
        }
        Ok(layout.static_bytes())
    }

    /// From the whole static part, as long as [`Static::length`] says.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, CountersFault> {
        let (body, crc) = bytes.split_at(bytes.len() - CRC_BYTES);
        if crc32c::crc32c(body).to_le_bytes() != *crc || u32_at(bytes, 12) != BYTE_ORDER_MARK {
            return Err(CountersFault::Checksum);
        }
        let stage = |index: usize| {
            let at = HEADER_BYTES + index * STAGE_ENTRY_BYTES;
            let (name, lane) = bytes[at..at + STAGE_ENTRY_BYTES].split_at(NAME_BYTES);
            (text(name), text(lane))
        };
        Ok(Static {
            process: Process {
                id: u64_at(bytes, 24),
                start_ticks: u64_at(bytes, 32),
                namespace: u64_at(bytes, 40),
                boot_id: array_at(bytes, 48),
            },
            journal_id: array_at(bytes, 64),
            made_ns: u64_at(bytes, 80),
            capacity: u64_at(bytes, 88),
            live_from: u64_at(bytes, 96),
            has_journal: u32_at(bytes, 108) & HAS_JOURNAL != 0,
            stages: (0..u32_at(bytes, 104) as usize).map(stage).collect(),
        })
    }
}

/// As much of a text as fits into so many bytes.
pub(crate) fn cut(text: &str, bytes: usize) -> &str {
    let mut end = text.len().min(bytes);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// A text that zeros follow.
pub(crate) fn text(padded: &[u8]) -> String {
    let end = padded.iter().position(|byte| *byte == 0).unwrap_or(padded.len());
    String::from_utf8_lossy(&padded[..end]).into_owned()
}

fn array_at<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    let mut array = [0; N];
    array.copy_from_slice(&bytes[at..at + N]);
    array
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(array_at(bytes, at))
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(array_at(bytes, at))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(stages: usize) -> Static {
        Static {
            process: Process { id: 7, start_ticks: 8, namespace: 9, boot_id: [3; 16] },
            journal_id: [4; 16],
            has_journal: true,
            made_ns: 5,
            capacity: 64,
            live_from: 6,
            stages: (0..stages).map(|n| (format!("stage {n}"), format!("lane {n}"))).collect(),
        }
    }

    fn read(bytes: &[u8], file_bytes: usize) -> Result<Static, CountersFault> {
        let length = Static::length(&bytes[..bytes.len().min(BLOCK_BYTES)], file_bytes as u64)?;
        Static::decode(&bytes[..length])
    }

    #[test]
    fn what_is_written_is_read() {
        for stages in [0, 1, 30, 31, 32, 100] {
            let sample = sample(stages);
            assert_eq!(read(&sample.encode(), sample.layout().file_bytes()), Ok(sample));
        }
    }

    #[test]
    fn names_are_cut_between_characters() {
        let mut long = sample(1);
        long.stages[0] = ("é".repeat(40), "x".repeat(200));
        let found = read(&long.encode(), long.layout().file_bytes()).unwrap();
        assert_eq!(found.stages, [("é".repeat(32), "x".repeat(LANE_BYTES))]);
    }

    #[test]
    fn every_flipped_bit_and_every_other_length_is_refused() {
        let sample = sample(2);
        let (bytes, length) = (sample.encode(), sample.layout().file_bytes());
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(read(&flipped, length).is_err(), "bit {bit}");
        }
        for other in [0, 1, length - 1, length + 1, usize::MAX] {
            let wanted = length as u64;
            assert_eq!(read(&bytes, other), Err(CountersFault::Truncated { found: other as u64, wanted }));
        }
        assert_eq!(read(&bytes[..HEADER_BYTES - 1], length), Err(CountersFault::Foreign));
    }
}
