//! Where the events of a journal change: the segment that would go on ends early, by its seal, and the next one
//! begins with the newer type.
//!
//! It follows recovery: D is the log's end and on disk. Killed anywhere it can be run again:
//!
//! | killed | what lies there | what the next opening does |
//! |---|---|---|
//! | in the seal's first copy | no seal, or a part of one, which counts for none | all of it |
//! | in its second copy | a seal | writes it again |
//! | behind it | a segment that has ended; maybe a part of the next one, which has no name | makes the next |
//! | behind the next one's name | an empty segment of the newer type | makes it anew |
//!
//! In the first three the journal is still one of the older type: a program of that may go on with it.

use crate::companions::hooks::SealedSegment;
use crate::error::{IoFault, JournalFault};
use crate::format::{Bond, ControlState, JournalId, SEAL_COPIES, Seal};
use crate::judge::chain::Chain;
use crate::judge::event_type::EventType;
use crate::storage::{Storage, StorageFile};
use crate::tools::protect;

/// The events are of another type from here on.
pub(super) struct NewType {
    /// The segment that was ended early for it.
    pub(super) sealed: Option<SealedSegment>,
}

/// Ends what the chain holds of another type than `event`; `None` if its last segment is of that type.
pub(super) fn end_run<S: Storage>(
    storage: &S,
    chain: &mut Chain,
    control: &ControlState,
    event: &EventType,
) -> Result<Option<NewType>, JournalFault> {
    let end = control.durable_end;
    let Some(last) = chain.segments.last() else { return Ok(None) };
    let (is_other, goes_on) = (!event.is_of(&last.layout), last.end > end);
    let (base, path) = (last.base, storage.path(&last.name()));
    let is_due = if goes_on { is_other } else { last.half_sealed };
    if is_due {
        let file = chain.open_there(storage, last, true)?.file;
        write_seal(&file, control.journal_id, base..end, control.last)
            .map_err(|error| IoFault::new("write the seal of", path.clone(), error))?;
    }
    if !is_other {
        return Ok(None);
    }
    if let Some(last) = chain.segments.last_mut() {
        last.end_early(end);
    }
    Ok(Some(NewType { sealed: goes_on.then_some(SealedSegment { path, base, end }) }))
}

/// One copy behind the other: power loss spoils the one that is being written, never both.
fn write_seal<F: StorageFile>(
    file: &F,
    journal_id: JournalId,
    sequences: std::ops::Range<u64>,
    last: Bond,
) -> std::io::Result<()> {
    let block = Seal { journal_id, base: sequences.start, end: sequences.end, last }.encode();
    for (at, sync) in SEAL_COPIES.into_iter().zip([protect::SEAL_IN_TURN, protect::SEAL_FIRST]) {
        file.write_at(&block[..], at)?;
        if protect::on(sync) {
            file.sync()?;
        }
    }
    Ok(())
}
