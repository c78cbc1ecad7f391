//! What never changes while an engine runs: whose counters these are, and what their stages are called.

use std::time::{SystemTime, UNIX_EPOCH};

use slipring_journal::__private::storage::Identity;

use super::{CRC_BYTES, HEADER_BYTES, LineLayout, NAME_BYTES, STAGE_ENTRY_BYTES, cut, text};

/// "SLIPCNT" and a one, as a little-endian integer.
const MAGIC: u64 = u64::from_le_bytes(*b"SLIPCNT\x01");
/// 4: places for names of acknowledgements before the stages.
const VERSION: u32 = 4;
const BYTE_ORDER_MARK: u32 = 0x0102_0304;
/// Longest lane name that the file holds.
const LANE_BYTES: usize = STAGE_ENTRY_BYTES - NAME_BYTES;
/// More stages than any ring has: a greater number is damage.
const MOST_STAGES: usize = 1 << 16;
/// In the header's flags: the engine has a journal.
const HAS_JOURNAL: u32 = 1;

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
    /// Which folder the journal lies in, and which file this is, as [`place`] says; 0 if that is not known. A
    /// copy of either lies elsewhere.
    pub(crate) folder: u64,
    pub(crate) own: u64,
    /// Each stage's name and its lane's.
    pub(crate) stages: Vec<(String, String)>,
}

/// Device and inode in one number, never 0.
pub(crate) fn place((device, inode): (u64, u64)) -> u64 {
    (device.rotate_left(40) ^ inode).max(1)
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

/// What is wrong with a file that should hold counters.
///
/// See the example of [`CountersError`](crate::CountersError).
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
        /// The file's length.
        found: u64,
        /// The length that it should have.
        wanted: u64,
    },
    /// Damaged.
    #[error("its checksum does not hold")]
    Checksum,
    /// No plain file lies there. It was left alone.
    #[error("{found} lies there")]
    Odd {
        /// What lies there.
        found: slipring_journal::FileKind,
    },
    /// The file is a copy of one that an engine made: no engine writes it.
    #[error("it is a copy of a counters file, which no engine writes")]
    Copy,
}

impl Static {
    /// Of an engine that this process is about to start.
    pub(crate) fn of_engine(
        journal: Option<(slipring_journal::JournalId, Identity)>,
        capacity: usize,
        live_from: u64,
        stages: Vec<(String, String)>,
    ) -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Static {
            process: Process::this(),
            journal_id: journal.map_or([0; 16], |(id, _)| id.0),
            has_journal: journal.is_some(),
            made_ns: now.as_nanos() as u64,
            capacity: capacity as u64,
            live_from,
            folder: journal.map_or(0, |(_, folder)| place(folder)),
            own: 0,
            stages,
        }
    }

    pub(crate) fn layout(&self) -> LineLayout {
        LineLayout { stages: self.stages.len() }
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
        put(112, &self.folder.to_le_bytes());
        put(120, &self.own.to_le_bytes());
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
        let layout = LineLayout { stages };
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
            folder: u64_at(bytes, 112),
            own: u64_at(bytes, 120),
            has_journal: u32_at(bytes, 108) & HAS_JOURNAL != 0,
            stages: (0..u32_at(bytes, 104) as usize).map(stage).collect(),
        })
    }
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
    use super::super::BLOCK_BYTES;
    use super::*;

    fn sample(stages: usize) -> Static {
        Static {
            process: Process { id: 7, start_ticks: 8, namespace: 9, boot_id: [3; 16] },
            journal_id: [4; 16],
            has_journal: true,
            made_ns: 5,
            capacity: 64,
            live_from: 6,
            folder: 10,
            own: 11,
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
