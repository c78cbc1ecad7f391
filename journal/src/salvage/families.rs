//! Which segments belong together: those of one journal, and of them those whose types follow each other,
//! each newer than the one before.

use crate::format::{JournalId, SegmentHeader};
use crate::judge::chain::Layout;

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
}

impl Family {
    fn new(header: SegmentHeader, named: u64) -> Self {
        Family { layout: Layout::of(&header), header, count: 1, start: named, last: named }
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
        match self.0.iter().rposition(|family| family.is_of(&header)) {
            Some(index) => {
                let family = &mut self.0[index];
                (family.count, family.last) = (family.count + 1, named);
                // What is said of the events last.
                family.header.schema = header.schema;
                index
            }
            None => {
                self.0.push(Family::new(header, named));
                self.0.len() - 1
            }
        }
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
