//! The chain of segments: which files there are, that each is what its name says, and that none is missing,
//! doubled or foreign.

use std::path::Path;
use std::sync::Arc;

use crate::error::{IoFault, JournalFault};
use crate::format::{
    BLOCK_BYTES, BlockFault, CONTROL_NAME, ControlState, JournalId, RecordSlots, SegmentBlocks,
    SegmentHeader, VERSION, segment_base, segment_name,
};
use crate::judge::bonds;
use crate::judge::control;
use crate::judge::layout::Layout;
use crate::storage::{Storage, StorageFile};
use crate::tools::protect;

/// One segment of the chain: no file is open for it, and it takes half a cache line, for there may be more
/// segments than handles.
#[derive(Clone, Debug)]
pub(crate) struct ChainSegment {
    pub(crate) base: u64,
    /// The sequence behind its last slot.
    pub(crate) end: u64,
    pub(crate) layout: Arc<Layout>,
    /// The epoch in which it was made.
    pub(crate) epoch: u32,
    /// Where its first slot lies in the file.
    records_at: u32,
    has_link: bool,
    /// Shorter than its records need; the missing part lies above D.
    pub(crate) short: bool,
    /// It was ended early, and of what says so one copy is damaged.
    pub(crate) half_ended: bool,
    /// Blocks of its file behind its end: it was ended early.
    unused_blocks: u32,
}

const _: () = assert!(size_of::<ChainSegment>() <= 40);

impl ChainSegment {
    pub(crate) fn slots(&self) -> RecordSlots {
        RecordSlots {
            base: self.base,
            end: self.end,
            record_bytes: self.layout.record_bytes,
            records_at: self.records_at,
            has_link: self.has_link,
        }
    }

    pub(crate) fn name(&self) -> String {
        segment_name(self.base)
    }

    pub(crate) fn record_bytes(&self) -> usize {
        self.layout.record_bytes as usize
    }

    /// The length of its whole file.
    pub(crate) fn file_bytes(&self) -> u64 {
        self.slots().file_bytes() + u64::from(self.unused_blocks) * BLOCK_BYTES as u64
    }

    /// Takes note that it ends at `end`.
    pub(crate) fn end_early(&mut self, end: u64) {
        let file_bytes = self.file_bytes();
        self.end = end;
        self.unused_blocks = blocks_between(self.slots().file_bytes(), file_bytes);
    }
}

fn blocks_between(start_bytes: u64, end_bytes: u64) -> u32 {
    u32::try_from(end_bytes.saturating_sub(start_bytes) / BLOCK_BYTES as u64).unwrap_or(u32::MAX)
}

/// A segment whose file is open.
#[derive(Debug)]
pub(crate) struct OpenSegment<F> {
    pub(crate) name: String,
    pub(crate) slots: RecordSlots,
    pub(crate) file: F,
}

/// The segments from the first sequence on, in order, without a gap.
#[derive(Debug)]
pub(crate) struct Chain {
    pub(crate) journal_id: JournalId,
    pub(crate) segments: Vec<ChainSegment>,
    /// Bases of segments that retention has given up: their removal did not get done.
    pub(crate) retired: Vec<u64>,
    pub(crate) warnings: Vec<String>,
}

impl Chain {
    pub(crate) fn new(journal_id: JournalId) -> Self {
        Chain { journal_id, segments: Vec::new(), retired: Vec::new(), warnings: Vec::new() }
    }

    /// The segment whose slots hold `sequence`.
    pub(crate) fn holding(&self, sequence: u64) -> Option<usize> {
        let index = self.segments.partition_point(|segment| segment.end <= sequence);
        (index < self.segments.len() && self.segments[index].base <= sequence).then_some(index)
    }

    /// What the segments hold, run by run, the oldest first.
    pub(crate) fn layouts(&self) -> Vec<Arc<Layout>> {
        let mut layouts: Vec<Arc<Layout>> = Vec::new();
        for segment in &self.segments {
            if layouts.last().is_none_or(|last| !Arc::ptr_eq(last, &segment.layout)) {
                layouts.push(Arc::clone(&segment.layout));
            }
        }
        layouts
    }

    /// The segments that have slots at or behind `sequence`.
    pub(crate) fn from(&self, sequence: u64) -> &[ChainSegment] {
        &self.segments[self.segments.partition_point(|segment| segment.end <= sequence)..]
    }

    /// Opens the file of a segment again; `None` if the one that the chain was made of is not there any more.
    /// (A writer that opens the journal removes empty segments and makes others by their names.)
    pub(crate) fn open<S: Storage>(
        &self,
        storage: &S,
        segment: &ChainSegment,
        write: bool,
    ) -> Result<Option<OpenSegment<S::File>>, JournalFault> {
        let name = segment.name();
        let path = storage.path(&name);
        let Some(file) = open_if_there(storage, &name, write)? else { return Ok(None) };
        let slots = segment.slots();
        let (header, _) = read_header(&file, &path)?;
        check_journal(storage, &header, self.journal_id, &path)?;
        // A writer may have ended it early since the look: what was seen of it is as it was.
        let same = RecordSlots { end: slots.end, ..header.slots() } == slots && header.epoch == segment.epoch;
        Ok(same.then_some(OpenSegment { name, slots, file }))
    }

    /// As [`Chain::open`], of a segment that must be there.
    pub(crate) fn open_there<S: Storage>(
        &self,
        storage: &S,
        segment: &ChainSegment,
        write: bool,
    ) -> Result<OpenSegment<S::File>, JournalFault> {
        self.open(storage, segment, write)?.ok_or_else(|| missing(storage, segment.base))
    }
}

/// Opens a file; `None` if it is not there.
pub(crate) fn open_if_there<S: Storage>(
    storage: &S,
    name: &str,
    write: bool,
) -> Result<Option<S::File>, IoFault> {
    match storage.open(name, write) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        opened => opened.map(Some).map_err(|error| IoFault::new("open", storage.path(name), error)),
    }
}

/// A file knows of a later epoch than the control file, which has every epoch before any record gets it.
pub(crate) fn outdated<S: Storage>(storage: &S, name: &str, epoch: u32, known: u32) -> JournalFault {
    let (control, file) = (storage.path(CONTROL_NAME), storage.path(name));
    JournalFault::OutdatedControl { control, file, epoch, known }
}

/// Nothing starts at a sequence at which something must.
pub(crate) fn missing<S: Storage>(storage: &S, expected_base: u64) -> JournalFault {
    JournalFault::MissingSegment { expected_base, path: storage.path(&segment_name(expected_base)) }
}

pub(crate) fn check_journal<S: Storage>(
    storage: &S,
    header: &SegmentHeader,
    journal_id: JournalId,
    path: &Path,
) -> Result<(), JournalFault> {
    if header.journal_id == journal_id {
        return Ok(());
    }
    let what = "they belong to different journals";
    Err(JournalFault::SegmentConflict { a: path.to_owned(), b: storage.path(CONTROL_NAME), what })
}

/// Checks the whole chain. Each file is opened for a look at its header and closed again. Each layout is put
/// before `accept` before any record under it is looked at.
pub(crate) fn load<S: Storage>(
    storage: &S,
    control: &ControlState,
    write: bool,
    accept: impl Fn(&ChainSegment) -> Result<(), JournalFault>,
) -> Result<Chain, JournalFault> {
    let mut chain = Chain::new(control.journal_id);
    let mut expected = control.first;
    let mut before = bonds::before_first(control);
    let bases = segment_bases(storage)?;
    chain.segments.reserve_exact(bases.len());
    for base in bases {
        if base < control.first {
            chain.retired.push(base);
            continue;
        }
        let name = segment_name(base);
        let path = storage.path(&name);
        let file = match storage.open(&name, write) {
            // A reader has no lock: a writer that closes or opens the journal removes empty spares, and the
            // sweeper what is retired. Whether it is missed, the next segment or D says.
            Err(error) if !write && error.kind() == std::io::ErrorKind::NotFound => continue,
            file => file.map_err(|e| IoFault::new("open", path.clone(), e))?,
        };
        let (blocks, warning) = read_blocks(&file, &path)?;
        chain.warnings.extend(warning);
        let found_bytes = file.size().map_err(|e| IoFault::new("look at", path.clone(), e))?;
        if blocks.header.journal_id == control.journal_id && blocks.header.epoch > control.epoch {
            return Err(outdated(storage, &name, blocks.header.epoch, control.epoch));
        }
        let segment = chain.check_next(storage, blocks.header, base, expected)?;
        let slots = segment.slots();
        let durable = control.durable_end.clamp(slots.base, slots.end);
        if found_bytes < slots.offset(durable) {
            let wanted_bytes = slots.file_bytes();
            return Err(JournalFault::SegmentTruncated { path, found_bytes, wanted_bytes });
        }
        if chain.segments.last().is_none_or(|last| !Arc::ptr_eq(&last.layout, &segment.layout)) {
            accept(&segment)?;
        }
        before = bonds::check(storage, control, &chain, (&segment, &file), blocks.link, before)?;
        expected = segment.end;
        let short = found_bytes < slots.file_bytes();
        let says_end = |name: &str| match name {
            "seal" | "end" => true,
            "header" => !slots.has_link,
            _ => false,
        };
        let half_ended = blocks.one_copy.iter().copied().any(says_end);
        let unused_blocks = blocks_between(slots.file_bytes(), found_bytes);
        chain.segments.push(ChainSegment { short, half_ended, unused_blocks, ..segment });
    }
    if expected < control.durable_end && protect::on(protect::CHAIN) {
        return Err(missing(storage, expected));
    }
    Ok(chain)
}

impl Chain {
    /// What `header`, in the file named by `base`, makes the next segment, if it is one.
    fn check_next<S: Storage>(
        &self,
        storage: &S,
        header: SegmentHeader,
        base: u64,
        expected: u64,
    ) -> Result<ChainSegment, JournalFault> {
        let path = storage.path(&segment_name(base));
        let conflict =
            |b: &str, what| JournalFault::SegmentConflict { a: path.clone(), b: storage.path(b), what };
        check_journal(storage, &header, self.journal_id, &path)?;
        if header.base != base {
            let named = segment_name(header.base);
            return Err(conflict(
                &named,
                "the first file's header names the second: it was renamed or copied",
            ));
        }
        let mut layout = None;
        if let Some(before) = self.segments.last() {
            if base < expected {
                return Err(conflict(&before.name(), "their sequences overlap"));
            }
            let own = Layout::of(&header);
            if *before.layout == own {
                layout = Some(Arc::clone(&before.layout));
            } else if !own.may_follow(&before.layout) {
                let what = "they hold different event types, and neither is the newer one";
                return Err(conflict(&before.name(), what));
            }
        }
        if base > expected && protect::on(protect::CHAIN) {
            return Err(missing(storage, expected));
        }
        let layout = layout.unwrap_or_else(|| Arc::new(Layout::of(&header)));
        let slots = header.slots();
        Ok(ChainSegment {
            base,
            end: slots.end,
            layout,
            epoch: header.epoch,
            records_at: slots.records_at,
            has_link: slots.has_link,
            short: false,
            half_ended: false,
            unused_blocks: 0,
        })
    }
}

/// What a reader starts from.
type Both = (control::Loaded, Chain);

/// How often a look begins again because a replica's control file has been written meanwhile.
const MOST_MOVES: u32 = 10;

/// Reads control file and chain for a reader, who takes no lock: while it looks, a writer's retention may
/// move the first sequence and unlink what lies before, or a new life begin. Then it looks again. So it does
/// once where a segment is missing: of two files that were made while the folder was being listed, the list
/// may have the later one alone.
pub(crate) fn load_both<S: Storage>(storage: &S) -> Result<Option<Both>, JournalFault> {
    let (mut missed, mut moves_left) = (None, MOST_MOVES);
    loop {
        let Some(loaded) = control::load(storage)? else { return Ok(None) };
        match load(storage, &loaded.state, false, |_| Ok(())) {
            Ok(chain) => return Ok(Some((loaded, chain))),
            Err(JournalFault::MissingSegment { expected_base, .. }) if missed != Some(expected_base) => {
                missed = Some(expected_base);
            }
            Err(fault) => {
                let before = loaded.state;
                // Lives of a replica have no epochs to tell them apart by, and a rejoin has none either.
                let counts =
                    |now: &ControlState| now.replica && now.generation > before.generation && moves_left > 0;
                let moved = |now: control::Loaded| {
                    now.state.first > before.first || now.state.epoch > before.epoch || counts(&now.state)
                };
                if !control::load(storage)?.is_some_and(moved) {
                    return Err(fault);
                }
                moves_left = moves_left.saturating_sub(1);
            }
        }
    }
}

/// The bases of all files named as segments, in order. The name follows from the base.
pub(crate) fn segment_bases<S: Storage>(storage: &S) -> Result<Vec<u64>, IoFault> {
    let mut bases = Vec::new();
    storage
        .for_each_name(|name| bases.extend(segment_base(name)))
        .map_err(|error| IoFault::new("list", storage.path(""), error))?;
    bases.sort_unstable();
    Ok(bases)
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
    path: &Path,
) -> Result<(SegmentHeader, Option<String>), JournalFault> {
    read_blocks(file, path).map(|(blocks, warning)| (blocks.header, warning))
}
