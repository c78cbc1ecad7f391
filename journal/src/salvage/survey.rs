//! What is there of a damaged journal: which segments, of which identity and layout, and from where on. Where files
//! contradict each other, the greater number decides, and a warning says so.

use std::collections::BTreeMap;

use crate::chain::{self, ChainSegment};
use crate::control;
use crate::error::{IoFault, JournalFault, SalvageError};
use crate::format::{HEADER_BYTES, JournalId, MAX_END, SegmentHeader};
use crate::reader::no_control;
use crate::storage::{NotOurs, Storage, StorageFile};

use super::control_note;

/// A segment to read from.
#[derive(Debug)]
pub(super) struct Found<F> {
    pub(super) segment: ChainSegment<F>,
    file_bytes: u64,
    /// Another file claims some of the same sequences.
    pub(super) overlapped: bool,
}

impl<F> Found<F> {
    /// How many whole slots the file has.
    pub(super) fn slots(&self) -> u64 {
        let header = &self.segment.header;
        let there = self.file_bytes.saturating_sub(HEADER_BYTES) / u64::from(header.record_bytes);
        there.min(header.capacity)
    }
}

/// The whole of it.
#[derive(Debug)]
pub(super) struct Survey<F> {
    pub(super) journal_id: JournalId,
    /// Layout and schema of the records; `None` if there is no segment, and so no record.
    pub(super) template: Option<SegmentHeader>,
    /// In the order of their bases.
    pub(super) segments: Vec<Found<F>>,
    /// The first sequence that is kept.
    pub(super) first: u64,
    /// D, if the control file could be read.
    pub(super) durable_end: Option<u64>,
    pub(super) warnings: Vec<String>,
}

/// A file named as a segment, before anybody knows whether it belongs.
struct Candidate<F> {
    base: u64,
    name: String,
    file: F,
    file_bytes: u64,
    header: Option<SegmentHeader>,
}

/// Identity and layout.
type Family = (JournalId, u32, u32, String);

fn family(header: &SegmentHeader) -> Family {
    (header.journal_id, header.record_bytes, header.event_bytes, header.schema.clone())
}

/// Looks at the folder; reads no record.
pub(super) fn survey<S: Storage>(storage: &S) -> Result<Survey<S::File>, SalvageError> {
    let mut warnings = Vec::new();
    let mut control = match control::load(storage) {
        Ok(Some(loaded)) => {
            if loaded.other_slot_bad {
                warnings.push(control_note(storage, "one slot is damaged; used the other"));
            }
            Some(loaded.state)
        }
        Ok(None) => {
            let missing = no_control(storage);
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
    };
    let mut candidates = candidates(storage, &mut warnings)?;
    let mut families: BTreeMap<Family, usize> = BTreeMap::new();
    for header in candidates.iter().filter_map(|candidate| candidate.header.as_ref()) {
        *families.entry(family(header)).or_default() += 1;
    }
    if let Some(state) = control
        && !families.is_empty()
    {
        if families.keys().any(|(id, ..)| *id == state.journal_id) {
            families.retain(|(id, ..), _| *id == state.journal_id);
        } else {
            warnings.push(control_note(storage, "it belongs to another journal than the segments"));
            control = None;
        }
    }
    // The largest family; of equals the one that starts first.
    let start_of = |wanted: &Family| {
        let own = |c: &&Candidate<S::File>| c.header.as_ref().is_some_and(|h| family(h) == *wanted);
        candidates.iter().find(own).map_or(u64::MAX, |candidate| candidate.base)
    };
    let best = families.iter().max_by_key(|(family, count)| (**count, std::cmp::Reverse(start_of(family))));
    let Some((wanted, _)) = best else {
        return match control {
            Some(state) if candidates.is_empty() => Ok(Survey {
                journal_id: state.journal_id,
                template: None,
                segments: Vec::new(),
                first: state.first,
                durable_end: Some(state.durable_end),
                warnings,
            }),
            _ => Err(SalvageError::NoHeader { path: storage.path("") }),
        };
    };
    let own = |candidate: &Candidate<S::File>| match &candidate.header {
        Some(header) => family(header) == *wanted,
        None => true,
    };
    let template = candidates.iter().filter(|candidate| own(candidate)).find_map(|c| c.header.clone());
    let template = template.expect("the family has a member");
    for stranger in candidates.iter().filter(|candidate| !own(candidate)) {
        let path = storage.path(&stranger.name);
        warnings.push(format!("{}: of another journal or event type; left out", path.display()));
    }
    candidates.retain(own);
    candidates.retain(|candidate| {
        let end = candidate.header.as_ref().map_or(candidate.base, SegmentHeader::end);
        if end >= MAX_END {
            let path = storage.path(&candidate.name);
            warnings.push(format!("{}: no journal gets to its sequences; left out", path.display()));
        }
        end < MAX_END
    });
    let first = match control {
        Some(state) => state.first,
        None => {
            let bases = candidates.iter().filter_map(|c| c.header.as_ref().map(|header| header.base));
            bases.min().unwrap_or(0)
        }
    };
    let segments = order(candidates, &template, first);
    let durable_end = control.map(|state| state.durable_end);
    let journal_id = template.journal_id;
    Ok(Survey { journal_id, template: Some(template), segments, first, durable_end, warnings })
}

/// Every file named as a segment, with its header if that can be read.
fn candidates<S: Storage>(
    storage: &S,
    warnings: &mut Vec<String>,
) -> Result<Vec<Candidate<S::File>>, SalvageError> {
    let mut candidates = Vec::new();
    for (base, name) in chain::segment_files(storage)? {
        let path = storage.path(&name);
        let file = match storage.open(&name, false) {
            Err(error) if NotOurs::of(&error).is_some() => {
                warnings.push(format!("{}: {error}; left out", path.display()));
                continue;
            }
            opened => opened.map_err(|e| IoFault::new("open", path.clone(), e))?,
        };
        let file_bytes = file.size().map_err(|e| IoFault::new("look at", path.clone(), e))?;
        let header = match chain::read_header(&file, &path) {
            Ok((header, warning)) => {
                warnings.extend(warning);
                if header.base != base {
                    let (path, base) = (path.display(), header.base);
                    warnings
                        .push(format!("{path}: its header says that it starts at {base}; took it at that"));
                }
                Some(header)
            }
            Err(JournalFault::BadHeader { .. }) => {
                let path = path.display();
                warnings.push(format!("{path}: both copies of its header are damaged; took it by its name"));
                None
            }
            Err(fault) => return Err(fault.into()),
        };
        candidates.push(Candidate { base, name, file, file_bytes, header });
    }
    Ok(candidates)
}

/// Puts the segments in order, and gives those without a header what their name, their length and the others tell.
fn order<F>(candidates: Vec<Candidate<F>>, template: &SegmentHeader, first: u64) -> Vec<Found<F>> {
    let mut found: Vec<_> = candidates
        .into_iter()
        .filter_map(|Candidate { base, name, file, file_bytes, header }| {
            let header = match header {
                Some(header) => header,
                None => {
                    // At most a block's worth of slots too many: they hold no record.
                    let there = file_bytes.saturating_sub(HEADER_BYTES) / u64::from(template.record_bytes);
                    let capacity = there.max(1);
                    SegmentHeader { base, capacity, ..template.clone() }
                }
            };
            // Whatever lies below the first sequence has been retired.
            let kept = header.end() > first;
            let segment = ChainSegment { name, header, file, short: false };
            kept.then_some(Found { segment, file_bytes, overlapped: false })
        })
        .collect();
    found.sort_by(|a, b| {
        let key = |found: &Found<F>| (found.segment.header.base, found.segment.name.clone());
        key(a).cmp(&key(b))
    });
    // The furthest end so far, and whose it is.
    let mut furthest: Option<(u64, usize)> = None;
    for index in 0..found.len() {
        let (base, end) = (found[index].segment.header.base, found[index].segment.header.end());
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
