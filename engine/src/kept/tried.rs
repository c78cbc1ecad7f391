//! What a log of dead letters says of tries: which events come with tries that failed, and which are events
//! of letters that were published again.
//!
//! A try that failed is noted before the next one begins. So a handler that is given the event again, in
//! replay or after a death, is told the try behind the last that is noted: the one that came out well, if any
//! did.

use std::collections::BTreeMap;

use slipring_journal::RawReader;

use super::dead_letter_format::{Again, LetterPlace};
use super::epochs;
use crate::error::KeepError;

/// Tries by event, the events behind each other.
#[derive(Debug, Default)]
pub(super) struct Tried {
    /// Sequences and tries that are noted at them, the least last.
    noted: Vec<(u64, u32)>,
    /// Sequences of events that were published again, and tries before that, rising.
    before: Vec<(u64, u32)>,
}

impl Tried {
    /// Of what a log holds. `is_over` says of which events nothing is to come. What the log of events has
    /// lost, or retention has taken, is nobody's any more.
    pub(super) fn of(
        tries: &[LetterPlace],
        again: &[Again],
        is_over: impl Fn(u64) -> bool,
        reader: &mut RawReader,
    ) -> Result<Self, KeepError> {
        let mut tried = Tried::default();
        let mut counts: BTreeMap<LetterPlace, u32> = BTreeMap::new();
        for place in tries {
            *counts.entry(*place).or_default() += 1;
        }
        let first = reader.first_sequence();
        for (LetterPlace { sequence, epoch }, count) in counts.into_iter().rev() {
            if sequence >= first && !is_over(sequence) && epochs::is_of(reader, sequence, epoch)? {
                tried.noted.push((sequence, count));
            }
        }
        for Again { sequence, epoch, tries } in again {
            if *sequence >= first && !is_over(*sequence) && epochs::is_of(reader, *sequence, *epoch)? {
                tried.before.push((*sequence, *tries));
            }
        }
        tried.before.sort_unstable();
        Ok(tried)
    }

    /// The next event at or behind `at` with tries that failed, and how many.
    pub(super) fn next(&mut self, at: u64) -> Option<(u64, u32)> {
        while self.noted.last().is_some_and(|(sequence, _)| *sequence < at) {
            self.noted.pop();
        }
        self.noted.last().copied()
    }

    /// The tries that were made before the event was published again; 0 if it was not.
    pub(super) fn before(&self, sequence: u64) -> u32 {
        let found = self.before.binary_search_by_key(&sequence, |(at, _)| *at);
        found.map_or(0, |at| self.before[at].1)
    }
}
