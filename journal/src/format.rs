//! The bytes on disk: the one file that knows where each lies. `docs/format.md` says the same in prose.
//!
//! All integers are little-endian. A journal is a folder of
//! - `control`: two slots of one block each, holding how far the journal is durable;
//! - segments, named by their first sequence in twenty digits, `.seg`: two copies of a header block, then
//!   records of one size;
//! - `LOCK`, held by the one writer.

use crate::crc::RecordCrc;

#[cfg(target_endian = "big")]
compile_error!("slipring journals are little-endian, and records are written as they lie in memory");

/// Version of the format that this crate writes.
pub const VERSION: u32 = 1;
/// Unit of the header copies and control slots: no two share a disk sector or a page.
pub const BLOCK_BYTES: usize = 4096;
/// Where the records of a segment start: behind both header copies.
pub const HEADER_BYTES: u64 = 2 * BLOCK_BYTES as u64;
/// Size of the header before each event.
pub const RECORD_HEADER_BYTES: usize = 16;
/// The largest record, so that a damaged header makes nobody allocate more.
pub const MAX_RECORD_BYTES: usize = 1 << 20;
/// No journal gets to this sequence; a file that claims to is damaged.
pub(crate) const MAX_END: u64 = 1 << 62;
/// The largest epoch: 28 bits.
pub const MAX_EPOCH: u32 = (1 << 28) - 1;

const SEGMENT_MAGIC: u64 = u64::from_le_bytes(*b"SLIPSEG\x01");
const CONTROL_MAGIC: u64 = u64::from_le_bytes(*b"SLIPCTL\x01");
const BYTE_ORDER_MARK: u32 = 0x0102_0304;
const CHECKSUM_AT: usize = BLOCK_BYTES - 4;

/// Offsets that both kinds of block share, then those of each; every one derives from the field before it.
mod at {
    pub(super) const MAGIC: usize = 0;
    pub(super) const VERSION: usize = MAGIC + 8;
    pub(super) const BYTE_ORDER: usize = VERSION + 4;
    pub(super) const JOURNAL_ID: usize = BYTE_ORDER + 4;

    pub(super) const BASE: usize = JOURNAL_ID + 16;
    pub(super) const CAPACITY: usize = BASE + 8;
    pub(super) const RECORD_BYTES: usize = CAPACITY + 8;
    pub(super) const EVENT_BYTES: usize = RECORD_BYTES + 4;
    pub(super) const SEGMENT_EPOCH: usize = EVENT_BYTES + 4;
    pub(super) const SCHEMA_BYTES: usize = SEGMENT_EPOCH + 4;
    pub(super) const CREATED_NS: usize = SCHEMA_BYTES + 4;
    pub(super) const SCHEMA: usize = CREATED_NS + 8;

    pub(super) const GENERATION: usize = JOURNAL_ID + 16;
    pub(super) const DURABLE_END: usize = GENERATION + 8;
    pub(super) const WINDOW: usize = DURABLE_END + 8;
    pub(super) const FIRST: usize = WINDOW + 8;
    pub(super) const CONTROL_EPOCH: usize = FIRST + 8;
    pub(super) const FLAGS: usize = CONTROL_EPOCH + 4;
    pub(super) const BOOT_ID: usize = FLAGS + 4;
    pub(super) const CONTROL_END: usize = BOOT_ID + 16;
}

/// The longest schema text that fits into a header block.
pub const MAX_SCHEMA_BYTES: usize = CHECKSUM_AT - at::SCHEMA;

const _: () = {
    assert!(at::SCHEMA == 72 && at::CONTROL_END == 88, "the layout of version 1 is frozen");
    assert!(at::CREATED_NS % 8 == 0 && at::BASE % 8 == 0 && at::GENERATION % 8 == 0);
    assert!(at::CONTROL_END <= CHECKSUM_AT && MAX_SCHEMA_BYTES > 3000);
    assert!(HEADER_BYTES as usize % BLOCK_BYTES == 0);
    assert!(MAX_EPOCH == u32::MAX >> KIND_BITS);
};

/// Identity of a journal, drawn at random when it is created.
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

/// Why a block can't be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BlockFault {
    /// Wrong checksum, wrong magic, or fields that contradict each other.
    Damaged,
    /// Written by a machine of the other byte order.
    ForeignEndian,
    /// Written by a later slipring.
    Version(u32),
}

/// What a segment's header says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SegmentHeader {
    pub(crate) journal_id: JournalId,
    pub(crate) base: u64,
    pub(crate) capacity: u64,
    pub(crate) record_bytes: u32,
    pub(crate) event_bytes: u32,
    pub(crate) epoch: u32,
    pub(crate) created_ns: u64,
    pub(crate) schema: String,
}

impl SegmentHeader {
    /// One header block. The schema has been checked against [`MAX_SCHEMA_BYTES`] by the caller.
    pub(crate) fn encode(&self) -> Box<[u8; BLOCK_BYTES]> {
        let mut block = start_block(SEGMENT_MAGIC, self.journal_id);
        put(&mut block, at::BASE, &self.base.to_le_bytes());
        put(&mut block, at::CAPACITY, &self.capacity.to_le_bytes());
        put(&mut block, at::RECORD_BYTES, &self.record_bytes.to_le_bytes());
        put(&mut block, at::EVENT_BYTES, &self.event_bytes.to_le_bytes());
        put(&mut block, at::SEGMENT_EPOCH, &self.epoch.to_le_bytes());
        put(&mut block, at::CREATED_NS, &self.created_ns.to_le_bytes());
        put(&mut block, at::SCHEMA_BYTES, &(self.schema.len() as u32).to_le_bytes());
        put(&mut block, at::SCHEMA, self.schema.as_bytes());
        finish_block(block)
    }

    pub(crate) fn decode(block: &[u8]) -> Result<Self, BlockFault> {
        let journal_id = check_block(block, SEGMENT_MAGIC)?;
        let schema_bytes = u32_at(block, at::SCHEMA_BYTES) as usize;
        let schema = block[at::SCHEMA..CHECKSUM_AT].get(..schema_bytes).ok_or(BlockFault::Damaged)?;
        let header = SegmentHeader {
            journal_id,
            base: u64_at(block, at::BASE),
            capacity: u64_at(block, at::CAPACITY),
            record_bytes: u32_at(block, at::RECORD_BYTES),
            event_bytes: u32_at(block, at::EVENT_BYTES),
            epoch: u32_at(block, at::SEGMENT_EPOCH),
            created_ns: u64_at(block, at::CREATED_NS),
            schema: std::str::from_utf8(schema).map_err(|_| BlockFault::Damaged)?.to_owned(),
        };
        let whole_words = header.record_bytes % 8 == 0;
        let fits = header.record_bytes as usize >= RECORD_HEADER_BYTES + header.event_bytes as usize;
        let fits = fits && header.record_bytes as usize <= MAX_RECORD_BYTES;
        let counted = header.capacity > 0
            && header.capacity.checked_mul(u64::from(header.record_bytes)).is_some_and(|n| n < 1 << 62)
            && header.base.checked_add(header.capacity).is_some();
        if whole_words && fits && counted { Ok(header) } else { Err(BlockFault::Damaged) }
    }

    /// Where its slots lie.
    pub(crate) fn slots(&self) -> Slots {
        Slots { base: self.base, end: self.end(), record_bytes: self.record_bytes }
    }

    /// The sequence behind the segment's last slot.
    pub(crate) fn end(&self) -> u64 {
        self.base + self.capacity
    }

    /// The file's whole length.
    pub(crate) fn file_bytes(&self) -> u64 {
        self.slots().file_bytes()
    }
}

/// Where the slots of a segment lie: which sequences, and where in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Slots {
    pub(crate) base: u64,
    /// The sequence behind the last slot.
    pub(crate) end: u64,
    pub(crate) record_bytes: u32,
}

impl Slots {
    pub(crate) fn holds(&self, sequence: u64) -> bool {
        (self.base..self.end).contains(&sequence)
    }

    /// The file's whole length.
    pub(crate) fn file_bytes(&self) -> u64 {
        self.offset(self.end).next_multiple_of(BLOCK_BYTES as u64)
    }

    /// Where the record of `sequence` lies in the file.
    pub(crate) fn offset(&self, sequence: u64) -> u64 {
        debug_assert!((self.base..=self.end).contains(&sequence));
        HEADER_BYTES + (sequence - self.base) * u64::from(self.record_bytes)
    }
}

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
}

impl ControlState {
    pub(crate) fn encode(&self) -> Box<[u8; BLOCK_BYTES]> {
        let mut block = start_block(CONTROL_MAGIC, self.journal_id);
        put(&mut block, at::GENERATION, &self.generation.to_le_bytes());
        put(&mut block, at::DURABLE_END, &self.durable_end.to_le_bytes());
        put(&mut block, at::WINDOW, &self.window.to_le_bytes());
        put(&mut block, at::FIRST, &self.first.to_le_bytes());
        put(&mut block, at::CONTROL_EPOCH, &self.epoch.to_le_bytes());
        put(&mut block, at::FLAGS, &u32::from(self.closed).to_le_bytes());
        put(&mut block, at::BOOT_ID, &self.boot_id);
        finish_block(block)
    }

    pub(crate) fn decode(block: &[u8]) -> Result<Self, BlockFault> {
        let journal_id = check_block(block, CONTROL_MAGIC)?;
        let state = ControlState {
            journal_id,
            generation: u64_at(block, at::GENERATION),
            durable_end: u64_at(block, at::DURABLE_END),
            window: u64_at(block, at::WINDOW),
            first: u64_at(block, at::FIRST),
            epoch: u32_at(block, at::CONTROL_EPOCH),
            closed: u32_at(block, at::FLAGS) & 1 == 1,
            boot_id: block[at::BOOT_ID..at::CONTROL_END].try_into().expect("sixteen bytes"),
        };
        let sane = state.first <= state.durable_end
            && state.epoch <= MAX_EPOCH
            // Counted up by one a write: nobody gets there.
            && state.generation < 1 << 62
            && state.durable_end.checked_add(state.window).is_some_and(|end| end < MAX_END);
        if sane { Ok(state) } else { Err(BlockFault::Damaged) }
    }
}

fn start_block(magic: u64, journal_id: JournalId) -> Box<[u8; BLOCK_BYTES]> {
    let mut block = Box::new([0; BLOCK_BYTES]);
    put(&mut block, at::MAGIC, &magic.to_le_bytes());
    put(&mut block, at::VERSION, &VERSION.to_le_bytes());
    put(&mut block, at::BYTE_ORDER, &BYTE_ORDER_MARK.to_le_bytes());
    put(&mut block, at::JOURNAL_ID, &journal_id.0);
    block
}

fn finish_block(mut block: Box<[u8; BLOCK_BYTES]>) -> Box<[u8; BLOCK_BYTES]> {
    let checksum = crc32c::crc32c(&block[..CHECKSUM_AT]);
    put(&mut block, CHECKSUM_AT, &checksum.to_le_bytes());
    block
}

/// Checks what both kinds of block share, and gives the journal's id.
///
/// The byte order and the version are looked at before the checksum: a later version may checksum otherwise.
/// A flipped bit in them would then be taken for a foreign file, so they count only if the rest bears it out:
/// a foreign byte order must show in magic and mark alike, another version needs the checksum to hold.
fn check_block(block: &[u8], magic: u64) -> Result<JournalId, BlockFault> {
    if block.len() != BLOCK_BYTES {
        return Err(BlockFault::Damaged);
    }
    let (found, mark) = (u64_at(block, at::MAGIC), u32_at(block, at::BYTE_ORDER));
    if found == magic.swap_bytes() && mark == BYTE_ORDER_MARK.swap_bytes() {
        return Err(BlockFault::ForeignEndian);
    }
    let checksum_holds = u32_at(block, CHECKSUM_AT) == crc32c::crc32c(&block[..CHECKSUM_AT]);
    if found != magic || mark != BYTE_ORDER_MARK || !checksum_holds {
        return Err(BlockFault::Damaged);
    }
    match u32_at(block, at::VERSION) {
        VERSION => Ok(JournalId(block[at::JOURNAL_ID..][..16].try_into().expect("sixteen bytes"))),
        other => Err(BlockFault::Version(other)),
    }
}

fn put(block: &mut [u8; BLOCK_BYTES], at: usize, bytes: &[u8]) {
    block[at..at + bytes.len()].copy_from_slice(bytes);
}

fn u32_at(block: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(block[at..at + 4].try_into().expect("four bytes"))
}

fn u64_at(block: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(block[at..at + 8].try_into().expect("eight bytes"))
}

const KIND_BITS: u32 = 4;

/// What a record holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// An event.
    Event,
    /// No event: it stands for one that is lost (salvage writes such), and keeps position and sequence one.
    Void,
}

/// The word that commits a record: epoch and kind in the low half, the checksum in the high half.
pub(crate) const fn epoch_kind(epoch: u32, kind: Kind) -> u32 {
    let kind = match kind {
        Kind::Event => 1,
        Kind::Void => 2,
    };
    epoch << KIND_BITS | kind
}

/// The header before an event, as read from bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RecordHeader {
    pub(crate) time_ns: u64,
    pub(crate) epoch_kind: u32,
    pub(crate) crc: u32,
}

impl RecordHeader {
    pub(crate) fn decode(record: &[u8]) -> Self {
        RecordHeader { time_ns: u64_at(record, 0), epoch_kind: u32_at(record, 8), crc: u32_at(record, 12) }
    }

    pub(crate) fn epoch(self) -> u32 {
        self.epoch_kind >> KIND_BITS
    }

    pub(crate) fn kind(self) -> Option<Kind> {
        match self.epoch_kind & ((1 << KIND_BITS) - 1) {
            1 => Some(Kind::Event),
            2 => Some(Kind::Void),
            _ => None,
        }
    }
}

/// The header before an event, as bytes.
pub(crate) fn encode_record_header(header: RecordHeader) -> [u8; RECORD_HEADER_BYTES] {
    let mut bytes = [0; RECORD_HEADER_BYTES];
    bytes[..8].copy_from_slice(&header.time_ns.to_le_bytes());
    bytes[8..12].copy_from_slice(&header.epoch_kind.to_le_bytes());
    bytes[12..].copy_from_slice(&header.crc.to_le_bytes());
    bytes
}

/// Reads the record that should be `sequence`; `None` unless its checksum holds and its kind is known. An
/// epoch of 0 is never valid, so neither is a slot of zeros.
#[inline(always)]
pub(crate) fn valid_record(crc: &RecordCrc, sequence: u64, record: &[u8]) -> Option<RecordHeader> {
    let header = RecordHeader::decode(record);
    // First what is cheap: an empty slot needs no checksum.
    if header.epoch() == 0 || header.kind().is_none() {
        return None;
    }
    let wanted = crc.record(sequence, header.time_ns, header.epoch_kind, &record[RECORD_HEADER_BYTES..]);
    (wanted == header.crc).then_some(header)
}

/// As [`valid_record`], of records that follow each other and are equally long, whether all of them are valid. Without
/// branches: for whoever checks many and asks at the end.
#[inline(always)]
pub(crate) fn are_valid_records<const HARDWARE: bool, const N: usize>(
    crc: &RecordCrc,
    first_sequence: u64,
    records: [&[u8]; N],
) -> bool {
    let headers = records.map(RecordHeader::decode);
    let wanted = crc.records_with::<HARDWARE, N>(
        first_sequence,
        headers.map(|header| header.time_ns),
        headers.map(|header| header.epoch_kind),
        records.map(|record| &record[RECORD_HEADER_BYTES..]),
    );
    headers.iter().zip(wanted).fold(true, |valid, (header, wanted)| {
        valid & (wanted == header.crc) & (header.epoch() != 0) & header.kind().is_some()
    })
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
/// Ending of a file that is not yet what its name will say.
pub(crate) const TEMPORARY: &str = ".tmp";
