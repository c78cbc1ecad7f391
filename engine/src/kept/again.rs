//! Events of dead letters that are published again in this life, and the tries made before: the count goes on
//! with the new event.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// A new event, and the tries that a stage made of the old one.
#[derive(Clone, Copy, Debug)]
struct Entry {
    stage: usize,
    sequence: u64,
    tries: u32,
}

/// What all stages and whoever publishes again share.
///
/// A stage may meet the new event before its publisher knows the sequence. So it is published under the lock that
/// a stage takes when a try has failed, by a call that does not wait for room: the lane never waits for itself.
#[derive(Debug, Default)]
pub(crate) struct PublishedAgain(Mutex<Vec<Entry>>);

impl PublishedAgain {
    fn entries(&self) -> MutexGuard<'_, Vec<Entry>> {
        // Whole at each moment: an entry is pushed or it is not.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The tries that a stage made before the event was published again; 0 if it was not, in this life.
    pub(super) fn tries_before(&self, stage: usize, sequence: u64) -> u32 {
        let entries = self.entries();
        let found = entries.iter().find(|entry| entry.stage == stage && entry.sequence == sequence);
        found.map_or(0, |entry| entry.tries)
    }

    /// Publishes the event of these letters, each of a stage with the tries that it has seen. `publish` does not
    /// wait; `ends` are the stages' cursors.
    pub(crate) fn publish<X>(
        &self,
        letters: &[(usize, u32)],
        ends: impl Fn(usize) -> u64,
        publish: impl FnOnce() -> Result<u64, X>,
    ) -> Result<u64, X> {
        let mut entries = self.entries();
        // What a stage is done with it never asks for.
        entries.retain(|entry| entry.sequence >= ends(entry.stage));
        let sequence = publish()?;
        entries.extend(letters.iter().map(|(stage, tries)| Entry { stage: *stage, sequence, tries: *tries }));
        Ok(sequence)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tries_are_known_until_the_stage_is_done_with_the_event() {
        let again = PublishedAgain::default();
        assert_eq!(again.publish(&[(0, 3), (2, 5)], |_| 0, || Ok::<_, ()>(7)), Ok(7));
        assert_eq!([0, 1, 2].map(|stage| again.tries_before(stage, 7)), [3, 0, 5]);
        assert_eq!(again.publish(&[(0, 1)], |stage| [8, 0, 7][stage], || Err("full")), Err("full"));
        assert_eq!([0, 2].map(|stage| again.tries_before(stage, 7)), [0, 5]);
    }
}
