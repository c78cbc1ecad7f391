//! Whether the files of a journal belong together. Each segment names the record before its first. The
//! control file names two records: the last durable one, and the one before the first kept. So a segment of
//! another copy of the journal, or an older copy of a segment, is found out although all its records are
//! whole.
//!
//! Damage is left to whoever reads the records: it is told more exactly there.

use crate::error::{IoFault, JournalFault};
use crate::format::crc::RecordCrc;
use crate::format::{
    Bond, CONTROL_NAME, ControlState, JournalId, LINK_COPIES, Link, RECORD_HEADER_BYTES, RecordHeader,
    RecordSlots, valid_record,
};
use crate::judge::chain::{self, Chain, ChainSegment};
use crate::judge::scan::is_zero;
use crate::storage::{Storage, StorageFile};

const NOT_BEHIND: &str =
    "the first does not follow the second: one of them is older, or of another copy of the journal";

/// What a segment has to follow: the bond of the record before its first, if that is known.
pub(crate) type Before = Option<Bond>;

/// What the first segment has to follow.
pub(crate) fn before_first(control: &ControlState) -> Before {
    Some(control.before_first).filter(|bond| bond.is_known())
}

/// Checks the next segment of the chain against what came before it and what the control file says of it, and
/// gives what the one behind it has to follow.
pub(crate) fn check<S: Storage>(
    storage: &S,
    control: &ControlState,
    chain: &Chain,
    (segment, file): (&ChainSegment, &S::File),
    link: Option<Link>,
    before: Before,
) -> Result<Before, JournalFault> {
    let slots = segment.slots();
    let path = storage.path(&segment.name());
    let fault = |error| IoFault::new("read", path.clone(), error);
    let conflict =
        |b: &str, what| JournalFault::SegmentConflict { a: path.clone(), b: storage.path(b), what };
    let durable_end = control.durable_end;
    if slots.has_link && link.is_none() && slots.base < durable_end {
        let what = "the first holds durable records and no link to what came before them";
        return Err(conflict(CONTROL_NAME, what));
    }
    if let (Some(link), Some(before)) = (link, before)
        && link.before != before
        && !is_damaged_before(storage, control, chain)?
    {
        let other = chain.segments.last().map_or(CONTROL_NAME.to_owned(), ChainSegment::name);
        return Err(conflict(&other, NOT_BEHIND));
    }
    if durable_end.checked_sub(1).is_some_and(|last| slots.holds(last))
        && control.last.is_known()
        && read_bond(file, slots, durable_end - 1).map_err(fault)? != control.last
        && !is_damaged(file, slots, control, durable_end - 1).map_err(fault)?
    {
        let what = "the first does not hold the last durable record that the second names: one of them is older than \
                    the other, or of another copy of the journal";
        return Err(conflict(CONTROL_NAME, what));
    }
    match slots.end <= durable_end {
        true => Ok(Some(read_bond(file, slots, slots.end - 1).map_err(fault)?)),
        false => Ok(None),
    }
}

/// Checks the links of segments above D in which the log goes on: whoever wrote one there had made the record
/// before it durable, so it can't be cut off.
pub(crate) fn check_tail<S: Storage>(
    storage: &S,
    chain: &Chain,
    durable_end: u64,
    tail_end: u64,
) -> Result<(), JournalFault> {
    let above =
        chain.from(durable_end).iter().filter(|segment| (durable_end + 1..tail_end).contains(&segment.base));
    for segment in above {
        let path = storage.path(&segment.name());
        // A reader's look: a writer that opens the journal removes segments behind the tail.
        let Some(open) = chain.open(storage, segment, false)? else { break };
        let (blocks, _) = chain::read_blocks(&open.file, &path)?;
        let before = bond_before(storage, chain, segment.base)?;
        if blocks.link.is_some_and(|link| Some(link.before) != before) {
            let other =
                chain.holding(segment.base - 1).map_or(CONTROL_NAME.to_owned(), |i| chain.segments[i].name());
            let b = storage.path(&other);
            return Err(JournalFault::SegmentConflict { a: path, b, what: NOT_BEHIND });
        }
    }
    Ok(())
}

/// Epoch and checksum of the record below `end`; `None` if no segment of the chain holds it.
pub(crate) fn bond_before<S: Storage>(storage: &S, chain: &Chain, end: u64) -> Result<Before, JournalFault> {
    let Some(index) = end.checked_sub(1).and_then(|last| chain.holding(last)) else { return Ok(None) };
    let open = chain.open_there(storage, &chain.segments[index], false)?;
    let bond = read_bond(&open.file, open.slots, end - 1)
        .map_err(|error| IoFault::new("read", storage.path(&open.name), error))?;
    Ok(Some(bond))
}

/// Whether the last record of the chain so far is neither whole nor empty.
fn is_damaged_before<S: Storage>(
    storage: &S,
    control: &ControlState,
    chain: &Chain,
) -> Result<bool, JournalFault> {
    let Some(segment) = chain.segments.last() else { return Ok(false) };
    let open = chain.open_there(storage, segment, false)?;
    is_damaged(&open.file, open.slots, control, open.slots.end - 1)
        .map_err(|error| IoFault::new("read", storage.path(&open.name), error).into())
}

/// Ties a segment to the record before its first. The next sync of the file's beginning takes it along.
pub(crate) fn write_link<F: StorageFile>(
    file: &F,
    slots: RecordSlots,
    journal_id: JournalId,
    before: Bond,
) -> std::io::Result<()> {
    if !slots.has_link {
        return Ok(());
    }
    let block = Link { journal_id, base: slots.base, before }.encode();
    LINK_COPIES.iter().try_for_each(|at| file.write_at(&block[..], *at))
}

/// Epoch and checksum as they are in the file, unchecked.
pub(crate) fn read_bond<F: StorageFile>(
    file: &F,
    slots: RecordSlots,
    sequence: u64,
) -> std::io::Result<Bond> {
    let mut header = [0; RECORD_HEADER_BYTES];
    file.read_at(&mut header, slots.offset(sequence))?;
    Ok(Bond::of(RecordHeader::decode(&header)))
}

fn is_damaged<F: StorageFile>(
    file: &F,
    slots: RecordSlots,
    control: &ControlState,
    sequence: u64,
) -> std::io::Result<bool> {
    let mut record = vec![0; slots.record_bytes as usize];
    file.read_at(&mut record, slots.offset(sequence))?;
    let crc = RecordCrc::new(control.journal_id.0);
    Ok(valid_record(&crc, sequence, &record).is_none() && !is_zero(&record))
}
