//! Where the events of a journal change: the segment that would go on ends early, by its seal, and the next
//! one begins with the newer type. A segment of version 1 has no room for a seal: its header comes to say
//! that it has no more slots.
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

use std::io;
use std::ops::Range;

use crate::companions::hooks::SealedSegment;
use crate::error::{IoFault, JournalFault};
use crate::format::{BLOCK_BYTES, Bond, ControlState, JournalId, SEAL_COPIES, Seal, ended_header};
use crate::judge::chain::Chain;
use crate::judge::event_type::EventType;
use crate::storage::{Storage, StorageFile};
use crate::tools::protect;

/// The events are of another type from here on, or their numbers count otherwise.
pub(super) struct NewType {
    /// They are of another type.
    pub(super) is_newer: bool,
    /// The segment that was ended early for it.
    pub(super) sealed: Option<SealedSegment>,
}

/// Ends what the chain holds of another type than `event`; `None` if such events go on in its last segment.
pub(super) fn end_run<S: Storage>(
    storage: &S,
    chain: &mut Chain,
    control: &ControlState,
    event: &EventType,
) -> Result<Option<NewType>, JournalFault> {
    let end = control.durable_end;
    let Some(last) = chain.segments.last() else { return Ok(None) };
    let (is_other, goes_on) = (!event.goes_on_in(&last.layout), last.end > end);
    let is_newer = !event.is_of(&last.layout);
    let (base, path) = (last.base, storage.path(&last.name()));
    let is_due = if goes_on { is_other } else { last.half_ended };
    if is_due {
        let open = chain.open_there(storage, last, true)?;
        let ended = match open.slots.has_link {
            true => write_seal(&open.file, control.journal_id, base..end, control.last),
            false => shorten(&open.file, end - base),
        };
        ended.map_err(|error| IoFault::new("write the end of", path.clone(), error))?;
    }
    if !is_other {
        return Ok(None);
    }
    if let Some(last) = chain.segments.last_mut() {
        last.end_early(end);
    }
    Ok(Some(NewType { is_newer, sealed: goes_on.then_some(SealedSegment { path, base, end }) }))
}

fn write_seal<F: StorageFile>(
    file: &F,
    journal_id: JournalId,
    sequences: Range<u64>,
    last: Bond,
) -> io::Result<()> {
    let seal = Seal { journal_id, base: sequences.start, end: sequences.end, last };
    write_in_turn(file, &seal.encode()[..], SEAL_COPIES)
}

/// Has the header of a segment of version 1 say that there are so many slots.
fn shorten<F: StorageFile>(file: &F, capacity: u64) -> io::Result<()> {
    let mut head = vec![0; 2 * BLOCK_BYTES];
    let read = file.read_at(&mut head, 0)?;
    match ended_header(&head[..read], capacity) {
        Some(block) => write_in_turn(file, &block, [0, BLOCK_BYTES as u64]),
        // It was read a moment ago.
        None => Err(io::ErrorKind::InvalidData.into()),
    }
}

/// One copy behind the other: power loss spoils the one that is being written, never both.
fn write_in_turn<F: StorageFile>(file: &F, block: &[u8], copies: [u64; 2]) -> io::Result<()> {
    for (at, sync) in copies.into_iter().zip([protect::SEAL_IN_TURN, protect::SEAL_FIRST]) {
        file.write_at(block, at)?;
        if protect::on(sync) {
            file.sync()?;
        }
    }
    Ok(())
}
