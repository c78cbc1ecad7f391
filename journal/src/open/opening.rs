//! What a journal is opened as: a writer that begins an epoch of its own, one that is promoted with a stated
//! epoch, or a replica, which has none.

use std::path::PathBuf;

use crate::error::{JournalFault, OpenError};
use crate::format::{Bond, CONTROL_NAME, ControlState, JournalId, MAX_END, MAX_EPOCH};
use crate::judge::{chain, control};
use crate::open::replica::Origin;
use crate::storage::Storage;

/// What a journal is opened as.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Opening<'a> {
    /// A writer, whose epoch is the next one.
    Writer,
    /// A writer that was a replica until now, with this epoch.
    Promoted(u32),
    /// A writer that was made a replica to take back its own records; its epoch is the next one.
    WritesOn,
    /// A replica of that journal.
    Replica(&'a Origin),
    /// What a rejoin cuts: it only has to be in order.
    Rejoin,
}

impl Opening<'_> {
    /// Refuses what is there, if it is not to be opened so; the epoch that the control file gets.
    pub(super) fn admit<S: Storage>(&self, storage: &S, found: &ControlState) -> Result<u32, OpenError> {
        let (path, epoch) = (storage.path(""), found.epoch);
        match *self {
            Opening::Writer if found.replica => Err(OpenError::Replica { path, epoch }),
            Opening::Promoted(_) | Opening::WritesOn | Opening::Replica(_) if !found.replica => {
                Err(OpenError::NotReplica { path, epoch })
            }
            Opening::Writer | Opening::WritesOn => Ok(epoch + 1),
            Opening::Promoted(asked) => check_promotion(path, asked, epoch),
            Opening::Replica(origin) => {
                origin.check_same(&path, found)?;
                Ok(epoch)
            }
            Opening::Rejoin => Ok(epoch),
        }
    }

    /// Whether a journal is made where there is none.
    pub(super) fn may_make(&self) -> bool {
        matches!(self, Opening::Writer | Opening::Replica(_))
    }

    /// Whether the journal is a replica once it is open, which it was or was not.
    pub(super) fn is_replica(&self, was: bool) -> bool {
        match self {
            Opening::Writer | Opening::Promoted(_) | Opening::WritesOn => false,
            Opening::Replica(_) => true,
            Opening::Rejoin => was,
        }
    }

    /// The control file of a journal that is made new.
    pub(super) fn new_state<S: Storage>(&self, storage: &S, window: u64) -> Result<ControlState, OpenError> {
        if !chain::segment_bases(storage)?.is_empty() {
            let path = storage.path(CONTROL_NAME);
            return Err(JournalFault::BadControl { path, what: "it is missing beside segments" }.into());
        }
        let mut state = ControlState {
            journal_id: JournalId([0; 16]),
            generation: 0,
            durable_end: 0,
            window,
            first: 0,
            epoch: 1,
            closed: false,
            boot_id: storage.boot_id(),
            last: Bond::UNKNOWN,
            before_first: Bond::UNKNOWN,
            branch: [0; 16],
            replica: false,
            cutting: false,
        };
        match *self {
            Opening::Writer => state.journal_id = control::draw_id(),
            Opening::Replica(origin) => origin.begin(&mut state)?,
            Opening::Promoted(_) | Opening::WritesOn | Opening::Rejoin => {
                return Err(JournalFault::NoJournal { path: storage.path("") }.into());
            }
        }
        Ok(state)
    }
}

impl Origin {
    /// Makes `state` that of a replica without records.
    fn begin(&self, state: &mut ControlState) -> Result<(), OpenError> {
        // A control file whose D + W reaches MAX_END can't be read again: leave room that nobody uses up.
        if self.first > MAX_END / 2 {
            let rule = "no journal gets to sequence 2^61";
            return Err(OpenError::BadOption { option: "first", value: self.first.to_string(), rule });
        }
        let before = self.before.map_or(Bond::UNKNOWN, |(epoch, crc)| Bond { epoch, crc });
        if before.is_known() {
            check_epoch(before.epoch)?;
        }
        if before.is_known() && self.first == 0 {
            let rule = "before sequence 0 there is no record";
            return Err(OpenError::BadOption { option: "before", value: before.epoch.to_string(), rule });
        }
        (state.journal_id, state.branch) = (self.journal_id, self.branch);
        (state.durable_end, state.first) = (self.first, self.first);
        (state.last, state.before_first) = (before, before);
        state.epoch = before.epoch.max(1);
        state.replica = true;
        Ok(())
    }

    /// Refuses a replica of another journal.
    fn check_same(&self, path: &std::path::Path, found: &ControlState) -> Result<(), OpenError> {
        if (found.journal_id, found.branch) == (self.journal_id, self.branch) {
            return Ok(());
        }
        let path = path.to_owned();
        let wanted = named(self.journal_id, self.branch);
        Err(OpenError::OtherOrigin { path, wanted, found: named(found.journal_id, found.branch) })
    }
}

/// How often an old writer may be opened before it has the epoch of whoever was promoted in its place; and
/// how often at least the one that was promoted may be opened.
const PROMOTION_ROOM: u32 = 1_000;
/// Epochs of promotions are multiples of it, to be told from those that are counted.
const PROMOTION_STEP: u32 = 1_024;
const MOST_PROMOTED: u32 = MAX_EPOCH - PROMOTION_ROOM;

/// An epoch for the [promotion](crate::Journal::promote) of a replica, where all that is known of the
/// journal's epochs is `known`, by the replica ([`Replica::known_epoch`](crate::Replica::known_epoch)) and by
/// whoever else has its records: a multiple of 1,024, at least 1,000 above. `None` if none is left.
///
/// ```
/// use slipring_journal::{MAX_EPOCH, promotion_epoch};
///
/// assert_eq!(promotion_epoch(3), Some(1_024));
/// // The old writer could be opened 1,000 times more without getting there.
/// assert_eq!(promotion_epoch(1_020), Some(2_048));
/// assert_eq!(promotion_epoch(MAX_EPOCH - 1_500), None);
/// ```
pub fn promotion_epoch(known: u32) -> Option<u32> {
    let epoch = known.checked_add(PROMOTION_ROOM)?.checked_next_multiple_of(PROMOTION_STEP)?;
    (epoch <= MOST_PROMOTED).then_some(epoch)
}

/// Refuses an epoch for a promotion that another writer may have, or come to, or that leaves none for later.
fn check_promotion(path: PathBuf, asked: u32, known: u32) -> Result<u32, OpenError> {
    let least = known.saturating_add(PROMOTION_ROOM);
    if asked <= known {
        return Err(OpenError::EpochTaken { path, epoch: asked, known });
    }
    if asked > MOST_PROMOTED {
        return Err(OpenError::EpochTooGreat { path, epoch: asked, most: MOST_PROMOTED });
    }
    if asked < least {
        return Err(OpenError::EpochTooNear { path, epoch: asked, known, least });
    }
    Ok(asked)
}

fn check_epoch(epoch: u32) -> Result<(), OpenError> {
    if (1..=MAX_EPOCH).contains(&epoch) {
        return Ok(());
    }
    let rule = "an epoch is 1 to 2^28 - 1";
    Err(OpenError::BadOption { option: "epoch", value: epoch.to_string(), rule })
}

fn named(journal_id: JournalId, branch: [u8; 16]) -> String {
    match branch {
        [0, ..] if branch == [0; 16] => journal_id.to_string(),
        branch => format!("{journal_id}, branch {}", JournalId(branch)),
    }
}
