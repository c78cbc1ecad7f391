//! The bytes on disk: the one folder that knows where each lies. `docs/reference/format.md` says the same in
//! prose.
//!
//! All integers are little-endian. A journal is a folder of
//! - `control`: two slots of one block each, holding how far the journal is durable;
//! - segments, named by their first sequence in twenty digits, `.seg`: blocks that say what the segment is,
//!   two copies of each, then records of one size;
//! - `LOCK`, held by the one writer;
//! - `readers`, a folder with a block for each named reader.
//!
//! The folder knows no file: whoever reads or writes a file brings the bytes.

mod anchor;
mod block;
mod control;
pub mod crc;
#[cfg(feature = "negative-controls")]
#[doc(hidden)]
pub mod golden;
mod link;
mod reader;
mod record;
mod segment;

pub use anchor::Anchor;
pub(crate) use block::BlockFault;
pub(crate) use control::ControlState;
pub(crate) use link::{Bond, Link, Seal};
pub(crate) use reader::{MOST_RANGES, ReaderPlace, ReaderRange, ReaderState};
pub use record::Kind;
pub(crate) use record::{RecordHeader, are_valid_records, encode_record_header, epoch_kind, valid_record};
pub(crate) use segment::{LINK_COPIES, RecordSlots, SEAL_COPIES, SegmentBlocks, SegmentHeader, ended_header};

#[cfg(target_endian = "big")]
compile_error!("slipring journals are little-endian, and records are written as they lie in memory");

/// Version of the format that this crate writes. It reads this one and those before it.
pub const VERSION: u32 = 2;
/// Unit of header copies and control slots: no two share a disk sector or a page.
pub const BLOCK_BYTES: usize = 4096;
/// Where the records of a segment of this version start, unless its schema is too long for the header block:
/// behind the copies of header, link and seal.
pub const HEADER_BYTES: u64 = 6 * BLOCK_BYTES as u64;
/// Size of the header before each event.
pub const RECORD_HEADER_BYTES: usize = 16;
/// The largest record, so that a damaged header makes nobody allocate more.
pub const MAX_RECORD_BYTES: usize = 1 << 20;
/// The longest schema text, so that a damaged header makes nobody allocate more.
pub const MAX_SCHEMA_BYTES: usize = 256 << 10;
/// No journal gets to this sequence; a file that claims to is damaged.
pub(crate) const MAX_END: u64 = 1 << 62;
/// The largest epoch: 28 bits.
pub const MAX_EPOCH: u32 = (1 << 28) - 1;

/// Identity of a journal, drawn at random when it is created.
///
/// ```
/// use slipring_journal::JournalId;
///
/// let id = JournalId([0xb9; 16]);
/// assert_eq!(id.to_string(), "b9".repeat(16));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct JournalId(pub [u8; 16]);

impl std::fmt::Display for JournalId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl serde::Serialize for JournalId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

pub(crate) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

pub(crate) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}

/// Name of the segment that starts at `base`.
pub(crate) fn segment_name(base: u64) -> String {
    format!("{base:020}.seg")
}

/// The base that a segment's name says; `None` for other files.
pub(crate) fn segment_base(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(".seg")?;
    (digits.len() == 20 && digits.bytes().all(|b| b.is_ascii_digit())).then(|| digits.parse().ok())?
}

/// Name of the control file.
pub(crate) const CONTROL_NAME: &str = "control";
/// Name of the file that the writer locks.
pub(crate) const LOCK_NAME: &str = "LOCK";
/// Name of the folder of named readers.
pub(crate) const READERS_NAME: &str = "readers";
/// Ending of a file that is not yet what its name will say.
pub(crate) const TEMPORARY: &str = ".tmp";
