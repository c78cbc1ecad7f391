//! The blocks in front of a segment's records: header, link and seal, two copies of each.

use super::block::{self, Block, BlockFault, CHECKSUM_AT, FIELDS};
use super::{
    BLOCK_BYTES, HEADER_BYTES, JournalId, Link, MAX_END, MAX_RECORD_BYTES, MAX_SCHEMA_BYTES,
    RECORD_HEADER_BYTES, Seal, VERSION, u32_at, u64_at,
};

const SEGMENT_MAGIC: u64 = u64::from_le_bytes(*b"SLIPSEG\x01");

const BASE: usize = FIELDS;
const CAPACITY: usize = BASE + 8;
const RECORD_BYTES: usize = CAPACITY + 8;
const EVENT_BYTES: usize = RECORD_BYTES + 4;
const EPOCH: usize = EVENT_BYTES + 4;
const SCHEMA_LENGTH: usize = EPOCH + 4;
const CREATED_NS: usize = SCHEMA_LENGTH + 4;
const SCHEMA_1: usize = CREATED_NS + 8;
// From here on since version 2.
const RECORDS_AT: usize = CREATED_NS + 8;
const FEATURES: usize = RECORDS_AT + 4;
const EVENT_VERSION: usize = FEATURES + 4;
const SCHEMA_CRC: usize = EVENT_VERSION + 4;
const PREVIOUS_BASE: usize = SCHEMA_CRC + 4;
const BRANCH: usize = PREVIOUS_BASE + 8;
const SCHEMA: usize = 128;

/// Where the two copies of each block lie, those of the header first.
const LINK_AT: usize = 2 * BLOCK_BYTES;
const SEAL_AT: usize = 4 * BLOCK_BYTES;
const SCHEMA_AT: usize = 6 * BLOCK_BYTES;
/// Where the records of a segment of version 1 start.
const HEADER_BYTES_1: u64 = 2 * BLOCK_BYTES as u64;
/// The longest schema that lies in the header block itself.
const INNER_SCHEMA_BYTES: usize = CHECKSUM_AT - SCHEMA;

const _: () = {
    assert!(SCHEMA_1 == 72 && BRANCH == 96 && BRANCH + 16 <= SCHEMA, "both layouts are frozen");
    assert!(BASE % 8 == 0 && CREATED_NS % 8 == 0 && PREVIOUS_BASE % 8 == 0);
    assert!(SCHEMA_AT as u64 == HEADER_BYTES && INNER_SCHEMA_BYTES > 3900);
};

/// What a segment's header says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SegmentHeader {
    /// The format's version.
    pub(crate) version: u32,
    pub(crate) journal_id: JournalId,
    pub(crate) base: u64,
    pub(crate) capacity: u64,
    pub(crate) record_bytes: u32,
    pub(crate) event_bytes: u32,
    pub(crate) epoch: u32,
    pub(crate) created_ns: u64,
    /// The version of the event type; 0 where nobody counts them.
    pub(crate) event_version: u32,
    /// The base that the file had before it was written again; `None` for a file made new.
    pub(crate) previous_base: Option<u64>,
    /// Which copy of the journal it was made in; zeros for the one that was made first.
    pub(crate) branch: [u8; 16],
    pub(crate) schema: String,
    /// Where its seal says that it ends, if that is before its capacity. Not in the header block itself.
    pub(crate) sealed_end: Option<u64>,
}

/// A header block whose schema may lie in blocks of its own.
struct Decoded {
    header: SegmentHeader,
    /// Length and checksum of the schema that follows the seal, where there is one.
    outer_schema: Option<(usize, u32)>,
}

impl SegmentHeader {
    /// What lies in front of the records of a new file, as offset and bytes: the copies of the header, then
    /// those of a long schema. The schema has been checked against [`MAX_SCHEMA_BYTES`] by the caller.
    pub(crate) fn encode(&self) -> Vec<(u64, Vec<u8>)> {
        debug_assert_eq!(self.version, VERSION, "older headers are only read");
        let mut block = Block::new(SEGMENT_MAGIC, self.journal_id);
        block.put(BASE, &self.base.to_le_bytes());
        block.put(CAPACITY, &self.capacity.to_le_bytes());
        block.put(RECORD_BYTES, &self.record_bytes.to_le_bytes());
        block.put(EVENT_BYTES, &self.event_bytes.to_le_bytes());
        block.put(EPOCH, &self.epoch.to_le_bytes());
        block.put(CREATED_NS, &self.created_ns.to_le_bytes());
        block.put(SCHEMA_LENGTH, &(self.schema.len() as u32).to_le_bytes());
        block.put(RECORDS_AT, &(self.records_at() as u32).to_le_bytes());
        block.put(EVENT_VERSION, &self.event_version.to_le_bytes());
        block.put(SCHEMA_CRC, &crc32c::crc32c(self.schema.as_bytes()).to_le_bytes());
        block.put(PREVIOUS_BASE, &self.previous_base.unwrap_or(u64::MAX).to_le_bytes());
        block.put(BRANCH, &self.branch);
        let outer = self.schema.len() > INNER_SCHEMA_BYTES;
        if !outer {
            block.put(SCHEMA, self.schema.as_bytes());
        }
        let block = block.finish();
        let mut parts = vec![(0, block.to_vec()), (BLOCK_BYTES as u64, block.to_vec())];
        if outer {
            let copy = schema_area_bytes(self.schema.len());
            parts.extend([0, copy].map(|at| ((SCHEMA_AT + at) as u64, self.schema.as_bytes().to_vec())));
        }
        parts
    }

    fn decode(bytes: &[u8]) -> Result<Decoded, BlockFault> {
        let (journal_id, version) = block::check(bytes, SEGMENT_MAGIC)?;
        let schema_bytes = u32_at(bytes, SCHEMA_LENGTH) as usize;
        let outer = version > 1 && schema_bytes > INNER_SCHEMA_BYTES;
        let schema_at = if version == 1 { SCHEMA_1 } else { SCHEMA };
        let schema = match outer {
            true if schema_bytes > MAX_SCHEMA_BYTES => return Err(BlockFault::Damaged),
            true => &[][..],
            false => bytes[schema_at..CHECKSUM_AT].get(..schema_bytes).ok_or(BlockFault::Damaged)?,
        };
        let mut header = SegmentHeader {
            version,
            journal_id,
            base: u64_at(bytes, BASE),
            capacity: u64_at(bytes, CAPACITY),
            record_bytes: u32_at(bytes, RECORD_BYTES),
            event_bytes: u32_at(bytes, EVENT_BYTES),
            epoch: u32_at(bytes, EPOCH),
            created_ns: u64_at(bytes, CREATED_NS),
            event_version: 0,
            previous_base: None,
            branch: [0; 16],
            schema: std::str::from_utf8(schema).map_err(|_| BlockFault::Damaged)?.to_owned(),
            sealed_end: None,
        };
        if version > 1 {
            if u32_at(bytes, FEATURES) != 0 {
                // A later slipring of the same version needs something that this one does not know.
                return Err(BlockFault::Version(version + 1));
            }
            header.event_version = u32_at(bytes, EVENT_VERSION);
            header.previous_base = Some(u64_at(bytes, PREVIOUS_BASE)).filter(|base| *base != u64::MAX);
            header.branch = bytes[BRANCH..BRANCH + 16].try_into().expect("sixteen bytes");
            let records_at =
                HEADER_BYTES + if outer { 2 * schema_area_bytes(schema_bytes) as u64 } else { 0 };
            if u64::from(u32_at(bytes, RECORDS_AT)) != records_at {
                return Err(BlockFault::Damaged);
            }
        }
        if !header.is_sane() {
            return Err(BlockFault::Damaged);
        }
        let outer_schema = outer.then(|| (schema_bytes, u32_at(bytes, SCHEMA_CRC)));
        Ok(Decoded { header, outer_schema })
    }

    /// Whether two copies are of one segment of version 1 while a writer ends it early: by its capacity, for
    /// there is no room for a seal.
    fn is_being_ended(&self, other: &SegmentHeader) -> bool {
        self.version == 1
            && self.capacity != other.capacity
            && SegmentHeader { capacity: other.capacity, ..self.clone() } == *other
    }

    fn is_sane(&self) -> bool {
        let whole_words = self.record_bytes % 8 == 0;
        let fits = self.record_bytes as usize >= RECORD_HEADER_BYTES + self.event_bytes as usize
            && self.record_bytes as usize <= MAX_RECORD_BYTES;
        let counted = self.capacity > 0
            && self.capacity.checked_mul(u64::from(self.record_bytes)).is_some_and(|n| n < 1 << 62)
            && self.base.checked_add(self.capacity).is_some();
        whole_words && fits && counted
    }

    /// The sequence behind the segment's last slot that counts.
    pub(crate) fn end(&self) -> u64 {
        self.sealed_end.unwrap_or(self.base + self.capacity)
    }

    /// Where slot 0 lies in the file.
    pub(crate) fn records_at(&self) -> u64 {
        let outer = match self.schema.len() {
            inner if inner <= INNER_SCHEMA_BYTES => 0,
            outer => 2 * schema_area_bytes(outer) as u64,
        };
        if self.version == 1 { HEADER_BYTES_1 } else { HEADER_BYTES + outer }
    }

    /// Where its slots lie.
    pub(crate) fn slots(&self) -> RecordSlots {
        RecordSlots {
            base: self.base,
            end: self.end(),
            record_bytes: self.record_bytes,
            records_at: self.records_at() as u32,
            has_link: self.version > 1,
        }
    }

    /// The length of the whole file.
    pub(crate) fn file_bytes(&self) -> u64 {
        RecordSlots { end: self.base + self.capacity, ..self.slots() }.file_bytes()
    }
}

/// Where the slots of a segment lie: which sequences, and where in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RecordSlots {
    pub(crate) base: u64,
    /// The sequence behind the last slot.
    pub(crate) end: u64,
    pub(crate) record_bytes: u32,
    /// Where the first slot lies.
    pub(crate) records_at: u32,
    /// The file has a place for a link, as all have since version 2.
    pub(crate) has_link: bool,
}

impl RecordSlots {
    pub(crate) fn holds(&self, sequence: u64) -> bool {
        (self.base..self.end).contains(&sequence)
    }

    /// How long the file must be for all its slots.
    pub(crate) fn file_bytes(&self) -> u64 {
        self.offset(self.end).next_multiple_of(BLOCK_BYTES as u64)
    }

    /// Where the record of `sequence` lies in the file.
    pub(crate) fn offset(&self, sequence: u64) -> u64 {
        debug_assert!((self.base..=self.end).contains(&sequence));
        u64::from(self.records_at) + (sequence - self.base) * u64::from(self.record_bytes)
    }
}

/// The header block of a segment of version 1 that is to have so many slots and no more, by what its copies
/// say in `head`; `None` if neither is whole.
pub(crate) fn ended_header(head: &[u8], capacity: u64) -> Option<Vec<u8>> {
    let copies = block::copies(head, 0, SegmentHeader::decode);
    let whole = copies.iter().position(Result::is_ok)?;
    let mut block = head[whole * BLOCK_BYTES..][..BLOCK_BYTES].to_vec();
    block[CAPACITY..CAPACITY + 8].copy_from_slice(&capacity.to_le_bytes());
    let checksum = crc32c::crc32c(&block[..CHECKSUM_AT]);
    block[CHECKSUM_AT..].copy_from_slice(&checksum.to_le_bytes());
    Some(block)
}

/// Where the link's copies lie in a segment of this version.
pub(crate) const LINK_COPIES: [u64; 2] = [LINK_AT as u64, (LINK_AT + BLOCK_BYTES) as u64];

/// Where the seal's copies lie in a segment of this version.
pub(crate) const SEAL_COPIES: [u64; 2] = [SEAL_AT as u64, (SEAL_AT + BLOCK_BYTES) as u64];

fn schema_area_bytes(schema_bytes: usize) -> usize {
    schema_bytes.next_multiple_of(BLOCK_BYTES)
}

/// What the blocks in front of a segment's records say.
#[derive(Clone, Debug)]
pub(crate) struct SegmentBlocks {
    pub(crate) header: SegmentHeader,
    /// `None` where it was not written, or power failed while it was.
    pub(crate) link: Option<Link>,
    /// What one of two copies had to stand in for: the name of the block.
    pub(crate) one_copy: Vec<&'static str>,
}

impl SegmentBlocks {
    /// Reads them by `read(buffer, offset)`, which gives how many bytes there were.
    pub(crate) fn read<E>(
        mut read: impl FnMut(&mut [u8], u64) -> Result<usize, E>,
    ) -> Result<Result<Self, BlockFault>, E> {
        let mut head = vec![0; SCHEMA_AT];
        let there = read(&mut head, 0)?;
        head.truncate(there);
        let mut one_copy = Vec::new();
        let mut copies = block::copies(&head, 0, SegmentHeader::decode);
        if let [Ok(a), Ok(b)] = &mut copies
            && a.header.is_being_ended(&b.header)
        {
            let capacity = a.header.capacity.min(b.header.capacity);
            (a.header.capacity, b.header.capacity) = (capacity, capacity);
            one_copy.push("end");
        }
        let mut decoded = match choose(copies, |a, b| a.header == b.header) {
            Ok((decoded, single)) => {
                one_copy.extend(single.map(|_| "header"));
                decoded
            }
            Err(fault) => return Ok(Err(fault)),
        };
        if let Some((bytes, crc)) = decoded.outer_schema {
            let mut found = None;
            for copy in 0..2 {
                let mut text = vec![0; bytes];
                let at = SCHEMA_AT + copy * schema_area_bytes(bytes);
                let whole = read(&mut text, at as u64)? == bytes && crc32c::crc32c(&text) == crc;
                found = found.or(whole.then_some(text));
                one_copy.extend((!whole).then_some("schema"));
            }
            match found.map(String::from_utf8) {
                Some(Ok(schema)) => decoded.header.schema = schema,
                _ => return Ok(Err(BlockFault::Damaged)),
            }
        }
        let mut header = decoded.header;
        let (mut link, mut seal) = (None, None);
        if header.version > 1 {
            match choose(block::copies(&head, LINK_AT, Link::decode), |a, b| a == b) {
                Ok((found, other)) => {
                    // A process may die between the two writes: what was never written is no damage.
                    one_copy.extend(other.filter(|fault| *fault == BlockFault::Damaged).map(|_| "link"));
                    link = Some(found);
                }
                Err(fault @ (BlockFault::Version(_) | BlockFault::ForeignEndian)) => return Ok(Err(fault)),
                Err(BlockFault::Absent | BlockFault::Damaged) => {}
            }
            let copies = block::copies(&head, SEAL_AT, Seal::decode);
            match choose(copies, |a, b| a == b) {
                Ok((found, other)) => {
                    one_copy.extend(other.map(|_| "seal"));
                    seal = Some(found);
                }
                // The second is written once the first is on disk: of a seal that counts one is whole.
                Err(BlockFault::Absent | BlockFault::Damaged)
                    if copies.contains(&Err(BlockFault::Absent)) => {}
                Err(fault) => return Ok(Err(fault)),
            }
        }
        let own = |id: JournalId, base: u64| id == header.journal_id && base == header.base;
        let fits = link.is_none_or(|link| own(link.journal_id, link.base))
            && seal.is_none_or(|seal| {
                own(seal.journal_id, seal.base)
                    && seal.end > header.base
                    && seal.end <= header.end().min(MAX_END)
            });
        header.sealed_end = seal.map(|seal| seal.end);
        Ok(if fits { Ok(SegmentBlocks { header, link, one_copy }) } else { Err(BlockFault::Damaged) })
    }
}

impl SegmentBlocks {
    /// Where the records of a segment start whose header is lost, if a link in it tells.
    pub(crate) fn records_at_without_header<E>(
        mut read: impl FnMut(&mut [u8], u64) -> Result<usize, E>,
    ) -> Result<Option<u32>, E> {
        let mut head = vec![0; SCHEMA_AT];
        let there = read(&mut head, 0)?;
        head.truncate(there);
        let linked = block::copies(&head, LINK_AT, Link::decode).iter().any(Result::is_ok);
        Ok(linked.then_some(HEADER_BYTES as u32))
    }
}

/// Takes a block from its two copies; and what is wrong with the other one, if only one can be used.
///
/// A block of another version or byte order is whole, not damaged: whoever wrote it knows better than the
/// other copy.
fn choose<T>(
    [a, b]: [Result<T, BlockFault>; 2],
    same: impl Fn(&T, &T) -> bool,
) -> Result<(T, Option<BlockFault>), BlockFault> {
    use BlockFault as F;
    match (a, b) {
        (Err(F::ForeignEndian), _) | (_, Err(F::ForeignEndian)) => Err(F::ForeignEndian),
        (Err(F::Version(found)), _) | (_, Err(F::Version(found))) => Err(F::Version(found)),
        (Ok(a), Ok(b)) => {
            if same(&a, &b) {
                Ok((a, None))
            } else {
                Err(F::Damaged)
            }
        }
        (Ok(one), Err(fault)) | (Err(fault), Ok(one)) => Ok((one, Some(fault))),
        (Err(F::Absent), Err(F::Absent)) => Err(F::Absent),
        _ => Err(F::Damaged),
    }
}
