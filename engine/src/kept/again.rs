//! Events of dead letters that are published again in this life, and the tries made before: the count goes on
//! with the new event.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// A new event, and the tries that the old one has seen.
#[derive(Clone, Copy, Debug)]
struct Entry {
    sequence: u64,
    tries: u32,
}

/// What all stages and whoever publishes again share. The tries are the event's: what one stage has seen of
/// them counts for all, or two that refuse it in turn would have it come again for ever.
///
/// A stage may meet the new event before its publisher knows the sequence. So it is published under the lock
/// that a stage takes when a try has failed, by a call that does not wait for room: the lane never waits for
/// itself.
#[derive(Debug, Default)]
pub(crate) struct PublishedAgain {
    entries: Mutex<Vec<Entry>>,
    /// Whose turn it is to publish again. No lane takes it.
    turn: Mutex<()>,
}

impl PublishedAgain {
    fn entries(&self) -> MutexGuard<'_, Vec<Entry>> {
        // Whole at each moment: an entry is pushed or it is not.
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for one's turn: of two that find the same letter open, both would publish it. Not for a handler,
    /// which whoever has the turn may wait for.
    pub(crate) fn turn(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The tries that were made before the event was published again; 0 if it was not, in this life.
    pub(super) fn tries_before(&self, sequence: u64) -> u32 {
        let entries = self.entries();
        let found = entries.iter().find(|entry| entry.sequence == sequence);
        found.map_or(0, |entry| entry.tries)
    }

    /// Publishes an event that has seen so many tries. `publish` does not wait. Of events below `done` no
    /// stage asks any more.
    pub(crate) fn publish<X>(
        &self,
        tries: u32,
        done: u64,
        publish: impl FnOnce() -> Result<u64, X>,
    ) -> Result<u64, X> {
        let mut entries = self.entries();
        entries.retain(|entry| entry.sequence >= done);
        let sequence = publish()?;
        entries.push(Entry { sequence, tries });
        Ok(sequence)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tries_are_known_until_all_stages_are_done_with_the_event() {
        let again = PublishedAgain::default();
        assert_eq!(again.publish(3, 0, || Ok::<_, ()>(7)), Ok(7));
        assert_eq!(again.publish(5, 7, || Ok::<_, ()>(9)), Ok(9));
        assert_eq!([7, 8, 9].map(|sequence| again.tries_before(sequence)), [3, 0, 5]);
        assert_eq!(again.publish(1, 8, || Err("full")), Err("full"));
        assert_eq!([7, 9].map(|sequence| again.tries_before(sequence)), [0, 5]);
    }
}
