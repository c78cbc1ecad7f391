//! The cut of a rejoin: all that lies at or behind D goes, below an earlier D too. Whoever rejoins has set it
//! aside and said so in the control file (`cutting`); from there on this can be killed anywhere and run
//! again, by whatever opening comes next.
//!
//! | killed | what lies there | what the next opening does |
//! |---|---|---|
//! | before the control file says so | the journal as it was, maybe files beside it | opens that |
//! | in between | D where the histories part, and some of what lies behind | all of it again |
//! | behind "it is done" | a replica that ends at D | goes on there |

use crate::error::{IoFault, JournalFault};
use crate::format::{BLOCK_BYTES, Bond, ControlState, RecordSlots, SEAL_COPIES};
use crate::judge::chain::{self, Chain};
use crate::judge::control::Control;
use crate::open::recovery::remove_behind;
use crate::storage::{Storage, StorageFile};
use crate::tools::protect;

/// Says in the control file that all behind `last`, whose end is `end`, is being cut. In both slots: should
/// the newer one rot, the older would miss what is gone.
pub(super) fn begin<S: Storage>(control: &mut Control<S>, end: u64, last: Bond) -> Result<(), IoFault> {
    let begin = |state: &mut ControlState| {
        (state.durable_end, state.last) = (end, last);
        (state.replica, state.cutting, state.closed) = (true, true, false);
    };
    control.update_with(protect::CUT_SAID, begin)?;
    if protect::on(protect::CUT_BOTH) { control.update_with(protect::CUT_SAID, begin) } else { Ok(()) }
}

/// Does the cut, or what is left of it, and says that it is done. The files that it removed.
pub(super) fn finish<S: Storage>(
    storage: &S,
    control: &mut Control<S>,
    chain: &mut Chain,
) -> Result<Vec<String>, JournalFault> {
    let end = control.state.durable_end;
    let mut removed = Vec::new();
    remove_behind(storage, chain, end, &mut removed)?;
    // For certain, before the last segment that is left may reach again to where the next one began. (Without
    // it the simulator found both: a seal gone, the segment behind it back.)
    if protect::on(protect::CUT_GONE) {
        storage.sync_folder().map_err(|error| IoFault::new("sync folder", storage.path(""), error))?;
    }
    if let Some(last) = chain.segments.last().filter(|last| last.end > end) {
        let open = chain.open_there(storage, last, true)?;
        let path = storage.path(&open.name);
        let (blocks, _) = chain::read_blocks(&open.file, &path)?;
        let slots = RecordSlots { end: blocks.header.base + blocks.header.capacity, ..open.slots };
        wipe(&open.file, slots, end).map_err(|error| IoFault::new("zero", path.clone(), error))?;
        if blocks.header.sealed_end.is_some() {
            unseal(&open.file).map_err(|error| IoFault::new("write the end of", path.clone(), error))?;
        }
        if protect::on(protect::CUT_BEFORE_DONE) {
            open.file.sync().map_err(|error| IoFault::new("sync", path, error))?;
        }
    }
    let boot_id = storage.boot_id();
    // The other slot still says that it is being cut. That does no harm: nothing comes to lie there before an
    // opening, which writes both.
    control.update(|state| (state.cutting, state.closed, state.boot_id) = (false, true, boot_id))?;
    Ok(removed)
}

/// Zeroes the slots from `end` on, but for what is a hole already. All of them, whatever they look like: what
/// the cache calls zero may not be so on disk after a sync that failed.
fn wipe<F: StorageFile>(file: &F, slots: RecordSlots, end: u64) -> std::io::Result<()> {
    static ZEROS: [u8; 64 << 10] = [0; 64 << 10];
    let file_end = slots.offset(slots.end).min(file.size()?);
    let mut at = slots.offset(end);
    while at < file_end {
        at = file.next_data(at)?.max(at);
        if at < file_end {
            let count = (file_end - at).min(ZEROS.len() as u64);
            file.write_at(&ZEROS[..count as usize], at)?;
            at += count;
        }
    }
    Ok(())
}

/// Takes the seal away, one copy behind the other: whole copies count, so there is a seal until the second is
/// touched, and where only a torn one and zeros are left there is none.
fn unseal<F: StorageFile>(file: &F) -> std::io::Result<()> {
    for at in SEAL_COPIES {
        file.write_at(&[0; BLOCK_BYTES], at)?;
        file.sync()?;
    }
    Ok(())
}
