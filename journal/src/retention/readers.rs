//! What named readers hold: the folder of their positions is looked at when a segment would go.

use std::time::{Duration, Instant};

use crate::error::IoFault;
use crate::format::{JournalId, READERS_NAME};
use crate::positions::files;
use crate::storage::{NotOurs, Storage};
use crate::tools::protect;

/// As long as a segment is held by a reader, what the last look found counts for so long. What goes, goes
/// right behind a look.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// The readers of one journal.
#[derive(Debug)]
pub(super) struct NamedReaders {
    journal_id: JournalId,
    branch: [u8; 16],
    looked: Option<Instant>,
    /// Where they were then.
    positions: Vec<u64>,
}

impl NamedReaders {
    pub(super) fn new(journal_id: JournalId, branch: [u8; 16]) -> Self {
        NamedReaders { journal_id, branch, looked: None, positions: Vec::new() }
    }

    /// Whether one of them holds the records before `end`, where `is_within` says of a position whether it is
    /// within the bounds.
    pub(super) fn hold<S: Storage>(
        &mut self,
        storage: &S,
        end: u64,
        is_within: impl Fn(u64) -> bool,
    ) -> Result<bool, IoFault> {
        let holds = |position: &u64| *position < end && is_within(*position);
        let is_fresh = self.looked.is_some_and(|at| at.elapsed() < LOOK_EVERY);
        if is_fresh && protect::on(protect::READER_LOOKS) && self.positions.iter().any(holds) {
            return Ok(true);
        }
        let fault = |error| IoFault::new("look at", storage.path(READERS_NAME), error);
        let states = match files::states(storage) {
            // No folder is there, so no reader either: nobody makes one where something else lies.
            Err(error) if NotOurs::of(&error).is_some() => Vec::new(),
            states => states.map_err(fault)?,
        };
        let ours = (self.journal_id, self.branch);
        let ours = states.iter().filter(|state| (state.journal_id, state.branch) == ours);
        self.positions = ours.map(|state| state.position.end).collect();
        self.looked = Some(Instant::now());
        if self.positions.iter().any(holds) {
            return Ok(true);
        }
        // A commit that was seen may not have returned yet: power loss would take it, and not bring back what
        // went for it.
        if !self.positions.is_empty() && protect::on(protect::READER_SEEN_SYNC) {
            files::sync(storage).map_err(fault)?;
        }
        Ok(false)
    }
}
