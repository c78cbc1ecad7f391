//! What is there of a damaged journal: which segments, of which identity and types, and from where on. Where
//! files contradict each other, the greater number decides, and a warning says so.

use std::ops::ControlFlow;

use crate::error::{IoFault, JournalFault};
use crate::format::crc::RecordCrc;
use crate::format::{
    ControlState, JournalId, MAX_END, RecordSlots, SegmentBlocks, SegmentHeader, segment_name, valid_record,
};
use crate::judge::chain::{self, OpenSegment};
use crate::judge::control;
use crate::judge::scan;
use crate::storage::{NotOurs, Storage, StorageFile};

use super::control_note;
use super::error::SalvageError;
use super::families::{Families, Types};

/// A segment to read from. Its file is opened when it is read.
#[derive(Debug)]
pub(super) struct FoundSegment {
    /// What its file's name says.
    named: u64,
    pub(super) base: u64,
    /// The sequence behind the last slot that its header, or its length, says it has.
    pub(super) end: u64,
    /// Where its first slot lies in the file.
    records_at: u32,
    file_bytes: u64,
    /// Which of the survey's types its records are of.
    pub(super) kind: usize,
    /// Another file claims some of the same sequences.
    pub(super) overlapped: bool,
}

impl FoundSegment {
    pub(super) fn name(&self) -> String {
        segment_name(self.named)
    }
}

/// The whole of it.
#[derive(Debug)]
pub(super) struct Survey {
    pub(super) journal_id: JournalId,
    /// A header of each type, and of each that counts numbers otherwise, the oldest first; none if there is
    /// no segment, and so no record.
    pub(super) types: Vec<SegmentHeader>,
    /// In the order of their bases.
    pub(super) segments: Vec<FoundSegment>,
    /// The first sequence that is kept.
    pub(super) first: u64,
    /// D, if the control file could be read.
    pub(super) durable_end: Option<u64>,
    /// Bytes of all segments on disk.
    pub(super) allocated_bytes: u64,
    pub(super) warnings: Vec<String>,
}

impl Survey {
    fn slots(&self, found: &FoundSegment) -> RecordSlots {
        let record_bytes = self.types[found.kind].record_bytes;
        let FoundSegment { base, end, records_at, .. } = *found;
        RecordSlots { base, end, record_bytes, records_at, has_link: false }
    }

    /// The sequence behind the last whole slot that the file has.
    pub(super) fn there(&self, found: &FoundSegment) -> u64 {
        let record_bytes = u64::from(self.slots(found).record_bytes);
        let there = found.file_bytes.saturating_sub(u64::from(found.records_at)) / record_bytes;
        found.base + there.min(found.end - found.base)
    }

    /// The first of these sequences, in a hole of one segment, that another segment may hold.
    pub(super) fn first_elsewhere<S: Storage>(
        &self,
        storage: &S,
        index: usize,
        hole: std::ops::Range<u64>,
    ) -> Result<u64, IoFault> {
        let mut first = hole.end;
        if !self.segments[index].overlapped {
            return Ok(first);
        }
        for (other, found) in self.segments.iter().enumerate() {
            let start = found.base.max(hole.start);
            if other != index && found.overlapped && start < self.there(found).min(first) {
                first = first.min(scan::next_data(storage, &self.open(storage, found)?, start)?);
            }
        }
        Ok(first)
    }

    pub(super) fn open<S: Storage>(
        &self,
        storage: &S,
        found: &FoundSegment,
    ) -> Result<OpenSegment<S::File>, IoFault> {
        let name = found.name();
        let file =
            storage.open(&name, false).map_err(|error| IoFault::new("open", storage.path(&name), error))?;
        Ok(OpenSegment { name, slots: self.slots(found), file })
    }
}

/// A file named as a segment, before anybody knows whether it belongs.
struct Candidate {
    named: u64,
    file_bytes: u64,
    /// Bytes of it on disk.
    allocated_bytes: u64,
    /// Where its records start; `None` if nothing in it says so.
    records_at: Option<u32>,
    header: Option<HeaderClaim>,
    /// Which type its records are of, once that is known.
    kind: usize,
}

/// What the header of a candidate says.
struct HeaderClaim {
    base: u64,
    end: u64,
    /// Which of the families that were found is its own.
    family: usize,
}

/// Looks at the folder; reads no record but of files without a header.
pub(super) fn survey<S: Storage>(storage: &S) -> Result<Survey, SalvageError> {
    let mut warnings = Vec::new();
    let mut control = control_of(storage, &mut warnings)?;
    let cut = control.filter(|state| state.cutting);
    let (mut candidates, families) = candidates(storage, cut, &mut warnings)?;
    if let Some(state) = control
        && !families.0.is_empty()
        && !families.has(state.journal_id)
    {
        warnings.push(control_note(storage, "it belongs to another journal than the segments"));
        control = None;
    }
    let cut_at = control.filter(|state| state.cutting).map(|state| state.durable_end);
    if let Some(at) = cut_at {
        warnings.push(format!("a rejoin was cut short: what lies at {at} and behind is set aside; left out"));
    }
    let wanted = families.chain(control.map(|state| state.journal_id));
    let Some(largest) = wanted.first() else {
        return match control {
            Some(state) if candidates.is_empty() => Ok(Survey {
                journal_id: state.journal_id,
                types: Vec::new(),
                segments: Vec::new(),
                first: state.first,
                durable_end: Some(state.durable_end),
                allocated_bytes: 0,
                warnings,
            }),
            _ => Err(SalvageError::NoHeader { path: storage.path("") }),
        };
    };
    let journal_id = families.0[*largest].header.journal_id;
    let types = Types::of(&families, &wanted);
    let allocated_bytes =
        candidates.iter().map(|candidate| candidate.allocated_bytes).fold(0, u64::saturating_add);
    leave_out_strangers(storage, &mut candidates, &types, &mut warnings);
    let types = types.headers;
    guess_types(storage, &mut candidates, &types)?;
    let first = match control {
        Some(state) => state.first,
        None => first_of(storage, &candidates, &types)?,
    };
    let segments = order(candidates, &types, first..cut_at.unwrap_or(MAX_END));
    let durable_end = control.map(|state| state.durable_end);
    Ok(Survey { journal_id, types, segments, first, durable_end, allocated_bytes, warnings })
}

/// What the type of each file without a header is: that of a neighbour, the one before if nothing speaks
/// against it.
fn guess_types<S: Storage>(
    storage: &S,
    candidates: &mut [Candidate],
    types: &[SegmentHeader],
) -> Result<(), SalvageError> {
    for index in 0..candidates.len() {
        if candidates[index].header.is_some() {
            continue;
        }
        let is_known = |candidate: &&Candidate| candidate.header.is_some();
        let before = candidates[..index].iter().rev().find(is_known).map(|candidate| candidate.kind);
        let after = candidates[index..].iter().find(is_known).map(|candidate| candidate.kind);
        let (before, after) = (before.or(after).unwrap_or(0), after.or(before).unwrap_or(0));
        let mut kind = before;
        for other in before + 1..=after {
            if holds_a_record(storage, &candidates[index], &types[kind])? {
                break;
            }
            if holds_a_record(storage, &candidates[index], &types[other])? {
                kind = other;
                break;
            }
        }
        candidates[index].kind = kind;
    }
    Ok(())
}

/// What the control file says, if it can be used; if not, why is a warning.
fn control_of<S: Storage>(
    storage: &S,
    warnings: &mut Vec<String>,
) -> Result<Option<ControlState>, SalvageError> {
    Ok(match control::load(storage) {
        Ok(Some(loaded)) => {
            if loaded.other_slot_bad {
                warnings.push(control_note(storage, "one slot is damaged; used the other"));
            }
            Some(loaded.state)
        }
        Ok(None) => {
            let missing = control::no_control(storage);
            if !matches!(missing, JournalFault::BadControl { .. }) {
                return Err(missing.into());
            }
            warnings.push(control_note(storage, "it is missing"));
            None
        }
        Err(JournalFault::BadControl { what, .. }) => {
            warnings.push(control_note(storage, what));
            None
        }
        Err(JournalFault::Io(fault)) if fault.not_ours().is_some() => {
            warnings.push(fault.to_string());
            None
        }
        Err(fault) => return Err(fault.into()),
    })
}

/// Leaves out the files of other families than the wanted ones, and those that claim sequences that no
/// journal gets to.
fn leave_out_strangers<S: Storage>(
    storage: &S,
    candidates: &mut Vec<Candidate>,
    types: &Types,
    warnings: &mut Vec<String>,
) {
    candidates.retain_mut(|candidate| {
        let kind = match &candidate.header {
            Some(claim) => types.of_segment(claim.family, claim.base),
            None => Some(0),
        };
        candidate.kind = kind.unwrap_or(0);
        let own = kind.is_some();
        if !own {
            let path = storage.path(&segment_name(candidate.named));
            warnings.push(format!("{}: of another journal or event type; left out", path.display()));
        }
        own
    });
    candidates.retain(|candidate| {
        let end = candidate.header.as_ref().map_or(candidate.named, |header| header.end);
        if end >= MAX_END {
            let path = storage.path(&segment_name(candidate.named));
            warnings.push(format!("{}: no journal gets to its sequences; left out", path.display()));
        }
        end < MAX_END
    });
}

/// Where the records begin, if no control file says so. A file whose header is lost counts by its name if
/// there is a whole record in it.
fn first_of<S: Storage>(
    storage: &S,
    candidates: &[Candidate],
    types: &[SegmentHeader],
) -> Result<u64, SalvageError> {
    let bases = candidates.iter().filter_map(|c| c.header.as_ref().map(|header| header.base));
    let mut first = bases.min().unwrap_or(0);
    for candidate in candidates.iter().filter(|candidate| candidate.header.is_none()) {
        if candidate.named < first && holds_a_record(storage, candidate, &types[candidate.kind])? {
            first = candidate.named;
        }
    }
    Ok(first)
}

fn holds_a_record<S: Storage>(
    storage: &S,
    candidate: &Candidate,
    template: &SegmentHeader,
) -> Result<bool, SalvageError> {
    let (base, name) = (candidate.named, segment_name(candidate.named));
    let records_at = candidate.records_at.unwrap_or(template.slots().records_at);
    let slots = RecordSlots { base, end: MAX_END, records_at, ..template.slots() };
    let file = storage.open(&name, false).map_err(|e| IoFault::new("open", storage.path(&name), e))?;
    let (crc, mut found) = (RecordCrc::new(template.journal_id.0), false);
    scan::for_each_slot(storage, &OpenSegment { name, slots, file }, base..MAX_END, |sequence, record| {
        found = valid_record(&crc, sequence, record).is_some();
        if found { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    Ok(found)
}

/// Every file named as a segment, with its header if that can be read, and the families that there are. Of a
/// journal that a rejoin was cutting those that are left of what it cuts off are none.
fn candidates<S: Storage>(
    storage: &S,
    cut: Option<ControlState>,
    warnings: &mut Vec<String>,
) -> Result<(Vec<Candidate>, Families), SalvageError> {
    let (mut candidates, mut families) = (Vec::new(), Families::default());
    for named in chain::segment_bases(storage)? {
        let name = segment_name(named);
        let path = storage.path(&name);
        let file = match storage.open(&name, false) {
            Err(error) if NotOurs::of(&error).is_some() => {
                warnings.push(format!("{}: {error}; left out", path.display()));
                continue;
            }
            opened => opened.map_err(|e| IoFault::new("open", path.clone(), e))?,
        };
        let file_bytes = file.size().map_err(|e| IoFault::new("look at", path.clone(), e))?;
        let allocated_bytes = file.allocated_bytes().map_err(|e| IoFault::new("look at", path.clone(), e))?;
        let records_at;
        let header = match chain::read_header(&file, &path) {
            Ok((header, warning)) => {
                records_at = Some(header.slots().records_at);
                warnings.extend(warning);
                if header.base != named {
                    let (path, base) = (path.display(), header.base);
                    warnings
                        .push(format!("{path}: its header says that it starts at {base}; took it at that"));
                }
                let (base, end) = (header.base, header.end());
                if cut.is_some_and(|cut| cut.journal_id == header.journal_id && base >= cut.durable_end) {
                    continue;
                }
                let family = families.add(header, named);
                Some(HeaderClaim { base, end, family })
            }
            Err(JournalFault::BadHeader { .. }) => {
                let path = path.display();
                warnings.push(format!("{path}: both copies of its header are damaged; took it by its name"));
                records_at = SegmentBlocks::records_at_without_header(|bytes, at| file.read_at(bytes, at))
                    .map_err(|error| IoFault::new("read", storage.path(&name), error))?;
                None
            }
            Err(fault) => return Err(fault.into()),
        };
        candidates.push(Candidate { named, file_bytes, allocated_bytes, records_at, header, kind: 0 });
    }
    Ok((candidates, families))
}

/// Puts the segments in order, and gives those without a header what their name, their length and the others
/// tell. Only what they have of `kept` counts.
fn order(
    candidates: Vec<Candidate>,
    types: &[SegmentHeader],
    kept: std::ops::Range<u64>,
) -> Vec<FoundSegment> {
    let mut found: Vec<_> = candidates
        .into_iter()
        .filter_map(|Candidate { named, file_bytes, records_at, header, kind, .. }| {
            let template = types[kind].slots();
            let records_at = records_at.unwrap_or(template.records_at);
            let (base, end) = match header {
                Some(header) => (header.base, header.end),
                None => {
                    // At most a block's worth of slots too many: they hold no record.
                    let there =
                        file_bytes.saturating_sub(u64::from(records_at)) / u64::from(template.record_bytes);
                    (named, named + there.max(1))
                }
            };
            let end = end.min(kept.end);
            // Whatever lies below the first sequence has been retired.
            (end > kept.start && base < end).then_some(FoundSegment {
                named,
                base,
                end,
                records_at,
                file_bytes,
                kind,
                overlapped: false,
            })
        })
        .collect();
    found.sort_unstable_by_key(|found| (found.base, found.named));
    // The furthest end so far, and whose it is.
    let mut furthest: Option<(u64, usize)> = None;
    for index in 0..found.len() {
        let (base, end) = (found[index].base, found[index].end);
        if let Some((before, whose)) = furthest
            && before > base
        {
            found[index].overlapped = true;
            found[whose].overlapped = true;
        }
        if furthest.is_none_or(|(before, _)| end > before) {
            furthest = Some((end, index));
        }
    }
    found
}
