//! Journal folders made up from arbitrary bytes, for the fuzz targets and for `arbitrary_bytes.rs`.
//!
//! Random bytes as a file end at its checksum. So an image starts from a small real journal, is edited by
//! what the bytes say, and may then get the checksums that its new content calls for: what is damaged gets
//! past the checks that look at bytes and must be stopped by those that look at sense.

use std::sync::OnceLock;

use arbitrary::{Arbitrary, Result, Unstructured};
use slipring_journal::__private::storage::Memory;

use crate::faulty::Faulty;
use crate::journals::{
    BLOCK_BYTES, BOOT, FileSet, HEADER_BYTES, NEXT_BOOT, RECORD_BYTES, append_to, died, mend_checksum, note,
    open, options, segment, time,
};

/// Records of each segment.
pub const CAPACITY: u64 = 6;
/// No file of an image may be made longer: the disk is full then.
const ROOM_BYTES: u64 = 1 << 20;
const CONTROL: &str = "control";
/// Fields of a control slot, as offset and size.
const CONTROL_FIELDS: [(usize, usize); 10] =
    [(0, 8), (8, 4), (12, 4), (16, 8), (32, 8), (40, 8), (48, 8), (56, 8), (64, 4), (68, 4)];
/// Fields of a segment's header.
const SEGMENT_FIELDS: [(usize, usize); 11] =
    [(0, 8), (8, 4), (12, 4), (16, 8), (32, 8), (40, 8), (48, 4), (52, 4), (56, 4), (60, 4), (72, 8)];

/// One change of a folder. Numbers that choose are taken modulo what there is.
#[derive(Debug, Arbitrary)]
enum Edit {
    /// Another value for a field of a control slot or header copy; of both, if `both`.
    Field {
        file: u8,
        copy: bool,
        both: bool,
        field: u8,
        value: Number,
    },
    /// Other bytes anywhere.
    Bytes {
        file: u8,
        at: u16,
        bytes: [u8; 4],
    },
    /// Another time, epoch and kind for a record.
    Record {
        file: u8,
        slot: u8,
        time_ns: Number,
        epoch_kind: u32,
    },
    /// One slot over another.
    Slot {
        file: u8,
        from: u8,
        to: u8,
    },
    /// Zeros from somewhere on.
    Zeros {
        file: u8,
        from: u16,
        count: u16,
    },
    Cut {
        file: u8,
        bytes: u16,
    },
    Remove {
        file: u8,
    },
    Rename {
        file: u8,
        base: Number,
    },
    Copy {
        file: u8,
        base: Number,
    },
}

/// Numbers that mean something somewhere more often than not.
#[derive(Debug, Arbitrary)]
enum Number {
    Small(u8),
    Middle(u32),
    Any(u64),
    /// So much below 2 to the power.
    Below {
        power: u8,
        less: u8,
    },
}

impl Number {
    fn value(&self) -> u64 {
        match *self {
            Number::Small(value) => u64::from(value),
            Number::Middle(value) => u64::from(value),
            Number::Any(value) => value,
            Number::Below { power, less } => 1u64
                .checked_shl(u32::from(power % 65))
                .map_or(u64::MAX, |top| top.wrapping_sub(1))
                .wrapping_sub(u64::from(less)),
        }
    }
}

/// What to do with a folder before it is looked at.
#[derive(Debug, Arbitrary)]
struct Plan {
    start: u8,
    same_boot: bool,
    edits: Vec<Edit>,
    mend_blocks: bool,
    mend_records: bool,
}

/// The folder that `bytes` describe.
///
/// # Errors
/// If there are too few bytes to say.
pub fn image(bytes: &mut Unstructured<'_>) -> Result<Faulty> {
    let plan = Plan::arbitrary(bytes)?;
    let starts = starts();
    let mut files = starts[usize::from(plan.start) % starts.len()].clone();
    for edit in plan.edits.iter().take(24) {
        apply(edit, &mut files);
    }
    if plan.mend_blocks {
        mend_blocks(&mut files);
    }
    if plan.mend_records {
        mend_records(&mut files);
    }
    Ok(folder(files, plan.same_boot))
}

/// A machine with these files and little room for more.
pub fn folder(files: FileSet, same_boot: bool) -> Faulty {
    let storage = Faulty::new(Memory::from_files(files, if same_boot { BOOT } else { NEXT_BOOT }));
    storage.limit_files(ROOM_BYTES);
    storage
}

/// A small journal with nothing wrong: three segments, two epochs.
pub fn whole() -> FileSet {
    starts()[0].clone()
}

/// The journals that images start from: whole ones, one whose writer died, an empty one.
fn starts() -> &'static [FileSet; 4] {
    static STARTS: OnceLock<[FileSet; 4]> = OnceLock::new();
    STARTS.get_or_init(|| {
        let lives = |ends: &[u64]| {
            let memory = Memory::new(BOOT);
            for end in ends {
                let (mut writer, _) = open(&options(CAPACITY), &memory).expect("nothing is wrong with it");
                append_to(&mut writer, *end);
                if *end % 5 == 3 {
                    // Equal times, a time that goes back, a void record.
                    writer.append(time(*end - 1), &note(*end)).expect("there is room");
                    writer.append(5, &note(*end + 1)).expect("there is room");
                    writer.append_void(time(*end + 2)).expect("there is room");
                }
                writer.close().expect("memory does not fail");
            }
            memory.to_files()
        };
        [lives(&[8, 15]), lives(&[3]), died(CAPACITY, 10, 5).to_files(), lives(&[0])]
    })
}

fn apply(edit: &Edit, files: &mut FileSet) {
    let choose = |file: u8| files.keys().nth(usize::from(file) % files.len().max(1)).cloned();
    let name = match edit {
        Edit::Field { file, .. }
        | Edit::Bytes { file, .. }
        | Edit::Record { file, .. }
        | Edit::Slot { file, .. }
        | Edit::Zeros { file, .. }
        | Edit::Cut { file, .. }
        | Edit::Remove { file }
        | Edit::Rename { file, .. }
        | Edit::Copy { file, .. } => choose(*file),
    };
    let Some(name) = name else { return };
    let bytes = files.get_mut(&name).expect("chosen among them");
    match edit {
        Edit::Field { copy, both, field, value, .. } => {
            let fields: &[(usize, usize)] = if name == CONTROL { &CONTROL_FIELDS } else { &SEGMENT_FIELDS };
            let (offset, size) = fields[usize::from(*field) % fields.len()];
            for block in 0..2 {
                let place =
                    bytes.get_mut(block * BLOCK_BYTES + offset..).and_then(|rest| rest.get_mut(..size));
                if let Some(place) = place.filter(|_| *both || block == usize::from(*copy)) {
                    place.copy_from_slice(&value.value().to_le_bytes()[..size]);
                }
            }
        }
        Edit::Bytes { at, bytes: new, .. } => {
            if let Some(place) = bytes.get_mut(usize::from(*at)..).and_then(|rest| rest.get_mut(..4)) {
                place.copy_from_slice(new);
            }
        }
        Edit::Record { slot, time_ns, epoch_kind, .. } => {
            if let Some(record) = slot_mut(bytes, *slot) {
                record[..8].copy_from_slice(&time_ns.value().to_le_bytes());
                record[8..12].copy_from_slice(&epoch_kind.to_le_bytes());
            }
        }
        Edit::Slot { from, to, .. } => {
            let copy = slot_mut(bytes, *from).map(|record| record.to_vec());
            if let (Some(copy), Some(record)) = (copy, slot_mut(bytes, *to)) {
                record.copy_from_slice(&copy);
            }
        }
        Edit::Zeros { from, count, .. } => {
            let from = usize::from(*from).min(bytes.len());
            let end = (from + usize::from(*count)).min(bytes.len());
            bytes[from..end].fill(0);
        }
        Edit::Cut { bytes: length, .. } => bytes.truncate(usize::from(*length)),
        Edit::Remove { .. } => {
            files.remove(&name);
        }
        Edit::Rename { base, .. } => {
            if let Some(bytes) = files.remove(&name) {
                files.insert(segment(base.value()), bytes);
            }
        }
        Edit::Copy { base, .. } => {
            let bytes = bytes.clone();
            files.insert(segment(base.value()), bytes);
        }
    }
}

fn slot_mut(bytes: &mut [u8], slot: u8) -> Option<&mut [u8]> {
    let offset = HEADER_BYTES + usize::from(slot) % CAPACITY as usize * RECORD_BYTES;
    bytes.get_mut(offset..)?.get_mut(..RECORD_BYTES)
}

/// Gives every control slot and header copy the checksum that its bytes call for.
fn mend_blocks(files: &mut FileSet) {
    for (name, bytes) in files {
        if name == CONTROL || name.ends_with(".seg") {
            let length = bytes.len().min(2 * BLOCK_BYTES);
            bytes[..length].chunks_exact_mut(BLOCK_BYTES).for_each(mend_checksum);
        }
    }
}

/// Gives every record that is not all zero the checksum of its place and journal.
fn mend_records(files: &mut FileSet) {
    for (name, bytes) in files {
        if !name.ends_with(".seg") || bytes.len() < HEADER_BYTES {
            continue;
        }
        let id: [u8; 16] = bytes[16..32].try_into().expect("sixteen bytes");
        let base = u64::from_le_bytes(bytes[32..40].try_into().expect("eight bytes"));
        for (slot, record) in bytes[HEADER_BYTES..].chunks_exact_mut(RECORD_BYTES).enumerate() {
            if record.iter().any(|byte| *byte != 0) {
                mend_record(record, &id, base.wrapping_add(slot as u64));
            }
        }
    }
}

/// Gives the record of `sequence` its checksum, as docs/reference/format.md says.
pub fn mend_record(record: &mut [u8], journal_id: &[u8; 16], sequence: u64) {
    let mut covered = journal_id.to_vec();
    covered.extend(sequence.to_le_bytes());
    covered.extend(&record[..12]);
    covered.extend([0; 4]);
    covered.extend(&record[16..]);
    record[12..16].copy_from_slice(&crc32c::crc32c(&covered).to_le_bytes());
}
