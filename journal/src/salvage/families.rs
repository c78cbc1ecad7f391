//! Which segments belong together: those of one journal, and of them those whose types follow each other,
//! each newer than the one before.

use crate::format::{JournalId, SegmentHeader};
use crate::judge::layout::Layout;

/// Segments of one journal and one type, whatever they say of its events.
#[derive(Debug)]
pub(super) struct Family {
    /// The header of one of them.
    pub(super) header: SegmentHeader,
    layout: Layout,
    /// How many there are.
    count: usize,
    /// What the names of the first and the last of them say.
    start: u64,
    last: u64,
    /// A header of each that says other things of the events.
    words: Vec<SegmentHeader>,
    /// Where each segment starts, and which of these words it has.
    said: Vec<(u64, usize)>,
}

impl Family {
    fn new(header: SegmentHeader, named: u64) -> Self {
        let layout = Layout::of(&header);
        Family { header, layout, count: 0, start: named, last: named, words: Vec::new(), said: Vec::new() }
    }

    fn add(&mut self, header: SegmentHeader, named: u64) {
        (self.count, self.last) = (self.count + 1, named);
        let known = self.words.iter().rposition(|known| known.schema == header.schema);
        self.said.push((header.base, known.unwrap_or(self.words.len())));
        if known.is_none() {
            self.words.push(header);
        }
    }

    fn is_of(&self, header: &SegmentHeader) -> bool {
        self.header.journal_id == header.journal_id && self.layout.is_same_type(&Layout::of(header))
    }

    /// Whether all of it comes behind all of `before`.
    fn follows(&self, before: &Family) -> bool {
        self.start > before.last && self.layout.event_version > before.layout.event_version
    }
}

/// All families that were found.
#[derive(Debug, Default)]
pub(super) struct Families(pub(super) Vec<Family>);

impl Families {
    /// The family of a header, in the file that is named so; files come in the order of their names.
    pub(super) fn add(&mut self, header: SegmentHeader, named: u64) -> usize {
        // Neighbours are alike: the family found last first.
        let index = self.0.iter().rposition(|family| family.is_of(&header)).unwrap_or(self.0.len());
        if index == self.0.len() {
            self.0.push(Family::new(header.clone(), named));
        }
        self.0[index].add(header, named);
        index
    }

    pub(super) fn has(&self, journal_id: JournalId) -> bool {
        self.0.iter().any(|family| family.header.journal_id == journal_id)
    }

    /// The largest family, of that journal if one is given, and those of the same journal that may stand
    /// before and behind it: the oldest type first. Of equals the one that starts first counts.
    pub(super) fn chain(&self, journal_id: Option<JournalId>) -> Vec<usize> {
        let mut by_size: Vec<usize> = (0..self.0.len())
            .filter(|index| journal_id.is_none_or(|id| self.0[*index].header.journal_id == id))
            .collect();
        by_size.sort_by_key(|index| (std::cmp::Reverse(self.0[*index].count), self.0[*index].start));
        let mut chosen: Vec<usize> = Vec::new();
        for index in by_size {
            let family = &self.0[index];
            let fits = |other: &usize| {
                let other = &self.0[*other];
                other.header.journal_id == family.header.journal_id
                    && (family.follows(other) || other.follows(family))
            };
            if chosen.iter().all(fits) {
                chosen.push(index);
            }
        }
        chosen.sort_by_key(|index| self.0[*index].start);
        chosen
    }
}

/// The types of the new journal, the oldest first: what is said of the events is a part of them, for it says
/// what their numbers count.
#[derive(Debug)]
pub(super) struct Types {
    /// A header of each.
    pub(super) headers: Vec<SegmentHeader>,
    /// Of each family in it: its index, and where on each of the types begins, the first of which is that
    /// one.
    families: Vec<(usize, Vec<u64>, usize)>,
}

impl Types {
    /// Of these families, each behind the one before.
    pub(super) fn of(families: &Families, chain: &[usize]) -> Self {
        let mut types = Types { headers: Vec::new(), families: Vec::new() };
        for index in chain {
            let Family { words, said, .. } = &families.0[*index];
            let mut said = said.clone();
            said.sort_by_key(|(base, _)| *base);
            said.dedup_by_key(|(_, words)| *words);
            let (starts, first) = (said.iter().map(|(base, _)| *base).collect(), types.headers.len());
            types.headers.extend(said.iter().map(|(_, at)| words[*at].clone()));
            types.families.push((*index, starts, first));
        }
        types
    }

    /// The type of the segment of a family that starts at `base`; `None` if the family is not in it.
    pub(super) fn of_segment(&self, family: usize, base: u64) -> Option<usize> {
        let (_, starts, first) = self.families.iter().find(|(index, ..)| *index == family)?;
        Some(first + starts.partition_point(|start| *start <= base).saturating_sub(1))
    }
}
