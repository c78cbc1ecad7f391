//! The chain of segments: which files there are, that each is what its name says, and that none is missing,
//! doubled or foreign.

use crate::control;
use crate::error::{IoFault, JournalFault};
use crate::event::Schema;
use crate::format::{
    BlockFault, CONTROL_NAME, ControlState, SegmentBlocks, SegmentHeader, VERSION, segment_base, segment_name,
};
use crate::storage::{Storage, StorageFile};

/// One segment of the chain.
#[derive(Debug)]
pub(crate) struct ChainSegment<F> {
    pub(crate) name: String,
    pub(crate) header: SegmentHeader,
    pub(crate) file: F,
    /// Shorter than its records need; the missing part lies above D.
    pub(crate) short: bool,
}

/// The segments from the first sequence on, in order, without a gap.
#[derive(Debug)]
pub(crate) struct Chain<F> {
    pub(crate) segments: Vec<ChainSegment<F>>,
    /// Segments that retention has given up: their removal did not get done.
    pub(crate) retired: Vec<String>,
    pub(crate) warnings: Vec<String>,
}

impl<F> Chain<F> {
    /// The segment whose slots hold `sequence`.
    pub(crate) fn holding(&self, sequence: u64) -> Option<usize> {
        let index = self.segments.partition_point(|segment| segment.header.end() <= sequence);
        (index < self.segments.len() && self.segments[index].header.base <= sequence).then_some(index)
    }
}

/// Opens and checks the whole chain.
pub(crate) fn load<S: Storage>(
    storage: &S,
    control: &ControlState,
    write: bool,
) -> Result<Chain<S::File>, JournalFault> {
    let mut chain = Chain { segments: Vec::new(), retired: Vec::new(), warnings: Vec::new() };
    let mut expected = control.first;
    for (base, name) in segment_files(storage)? {
        if base < control.first {
            chain.retired.push(name);
            continue;
        }
        let path = storage.path(&name);
        let file = match storage.open(&name, write) {
            // A reader has no lock: a writer that closes or opens the journal removes empty spares, and the sweeper what
            // is retired. Whether it is missed, the next segment or D says.
            Err(error) if !write && error.kind() == std::io::ErrorKind::NotFound => continue,
            file => file.map_err(|e| IoFault::new("open", path.clone(), e))?,
        };
        let (header, warning) = read_header(&file, &path)?;
        chain.warnings.extend(warning);
        let conflict =
            |b: &str, what| JournalFault::SegmentConflict { a: path.clone(), b: storage.path(b), what };
        if header.journal_id != control.journal_id {
            return Err(conflict(CONTROL_NAME, "they belong to different journals"));
        }
        if header.base != base {
            let named = segment_name(header.base);
            return Err(conflict(
                &named,
                "the first file's header names the second: it was renamed or copied",
            ));
        }
        if let Some(before) = chain.segments.last() {
            if base < expected {
                return Err(conflict(&before.name, "their sequences overlap"));
            }
            let same = before.header.record_bytes == header.record_bytes
                && before.header.event_bytes == header.event_bytes
                && before.header.schema == header.schema;
            if !same {
                return Err(conflict(&before.name, "they hold different event types"));
            }
        }
        if base > expected {
            return Err(JournalFault::MissingSegment {
                expected_base: expected,
                path: storage.path(&segment_name(expected)),
            });
        }
        let found_bytes = file.size().map_err(|e| IoFault::new("look at", path.clone(), e))?;
        let wanted_bytes = header.file_bytes();
        let durable = control.durable_end.clamp(header.base, header.end());
        if found_bytes < header.offset(durable) {
            return Err(JournalFault::SegmentTruncated { path, found_bytes, wanted_bytes });
        }
        expected = header.end();
        chain.segments.push(ChainSegment { name, header, file, short: found_bytes < wanted_bytes });
    }
    if expected < control.durable_end {
        return Err(JournalFault::MissingSegment {
            expected_base: expected,
            path: storage.path(&segment_name(expected)),
        });
    }
    Ok(chain)
}

/// What a reader starts from.
type Both<F> = (control::Loaded, Chain<F>);

/// Reads control file and chain for a reader, who takes no lock: while it looks, a writer's retention may move the
/// first sequence and unlink what lies before. Then it looks again.
pub(crate) fn load_both<S: Storage>(storage: &S) -> Result<Option<Both<S::File>>, JournalFault> {
    loop {
        let Some(loaded) = control::load(storage)? else { return Ok(None) };
        match load(storage, &loaded.state, false) {
            Ok(chain) => return Ok(Some((loaded, chain))),
            Err(fault) => {
                let moved = |now: control::Loaded| now.state.first > loaded.state.first;
                if !control::load(storage)?.is_some_and(moved) {
                    return Err(fault);
                }
            }
        }
    }
}

/// All files named as segments, by base.
pub(crate) fn segment_files<S: Storage>(storage: &S) -> Result<Vec<(u64, String)>, IoFault> {
    let names = storage.list().map_err(|error| IoFault::new("list", storage.path(""), error))?;
    let mut files: Vec<_> =
        names.into_iter().filter_map(|name| segment_base(&name).map(|base| (base, name))).collect();
    files.sort_unstable();
    Ok(files)
}

/// Reads the blocks in front of a segment's records, each from whichever copy is whole; and what to warn of.
pub(crate) fn read_blocks<F: StorageFile>(
    file: &F,
    path: &std::path::Path,
) -> Result<(SegmentBlocks, Option<String>), JournalFault> {
    let path = path.to_owned();
    let read = SegmentBlocks::read(|buffer, offset| file.read_at(buffer, offset))
        .map_err(|error| IoFault::new("read", path.clone(), error))?;
    match read {
        Ok(blocks) => {
            let warning = (!blocks.one_copy.is_empty()).then(|| {
                let names = blocks.one_copy.join(" and of its ");
                format!("{}: one copy of its {names} is damaged; used the other", path.display())
            });
            Ok((blocks, warning))
        }
        Err(BlockFault::ForeignEndian) => Err(JournalFault::ForeignEndian { path }),
        Err(BlockFault::Version(found)) => {
            Err(JournalFault::UnsupportedVersion { path, found, known: VERSION })
        }
        Err(BlockFault::Absent | BlockFault::Damaged) => Err(JournalFault::BadHeader { path }),
    }
}

/// As [`read_blocks`], of the header alone.
pub(crate) fn read_header<F: StorageFile>(
    file: &F,
    path: &std::path::Path,
) -> Result<(SegmentHeader, Option<String>), JournalFault> {
    read_blocks(file, path).map(|(blocks, warning)| (blocks.header, warning))
}

/// Refuses a journal of another event type, before any record is read.
pub(crate) fn check_schema<S: Storage>(
    storage: &S,
    chain: &Chain<S::File>,
    wanted: &Schema,
    record_bytes: usize,
) -> Result<(), JournalFault> {
    let Some(segment) = chain.segments.first() else { return Ok(()) };
    let header = &segment.header;
    let path = storage.path(&segment.name);
    let Some(found) = Schema::from_text(&header.schema) else {
        return Err(JournalFault::BadHeader { path });
    };
    if found == *wanted
        && header.record_bytes as usize == record_bytes
        && header.event_bytes as usize == wanted.size
    {
        return Ok(());
    }
    Err(JournalFault::SchemaMismatch { path, wanted: Box::new(wanted.clone()), found: Box::new(found) })
}
