//! The control file: D, W and the epoch, in two slots that are written in turn, so that a write cut short by
//! power loss leaves the other.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::error::{IoFault, JournalFault, ReadError};
use crate::format::{BLOCK_BYTES, BlockFault, CONTROL_NAME, ControlState, JournalId, TEMPORARY, VERSION};
use crate::judge::chain;
use crate::storage::{Storage, StorageFile};
use crate::tools::protect;

/// What both slots said.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Loaded {
    pub(crate) state: ControlState,
    /// The other slot can't be used: power failed while it was written, it rotted, or it was put back from a
    /// copy.
    pub(crate) other_slot_bad: bool,
}

/// The open control file of a writer.
#[derive(Debug)]
pub(crate) struct Control<S: Storage> {
    storage: S,
    file: S::File,
    pub(crate) state: ControlState,
}

impl<S: Storage> Control<S> {
    /// Makes the control file of a new journal. It comes into being whole or not at all.
    pub(crate) fn create(storage: &S, state: ControlState) -> Result<Self, IoFault> {
        let temporary = format!("{CONTROL_NAME}{TEMPORARY}");
        let fault = |operation| {
            let path = storage.path(&temporary);
            move |error| IoFault::new(operation, path, error)
        };
        let file = storage.create(&temporary).map_err(fault("create"))?;
        let fill = || -> Result<(), IoFault> {
            for generation in [state.generation, state.generation + 1] {
                let slot = ControlState { generation, ..state };
                file.write_at(&slot.encode()[..], slot_offset(generation)).map_err(fault("write"))?;
            }
            file.sync().map_err(fault("sync"))?;
            storage.rename(&temporary, CONTROL_NAME).map_err(fault("rename"))
        };
        if let Err(error) = fill() {
            // Nothing half made stays behind.
            let _ = storage.remove(&temporary);
            return Err(error);
        }
        storage.sync_folder().map_err(fault("sync the folder of"))?;
        let state = ControlState { generation: state.generation + 1, ..state };
        Ok(Control { storage: storage.clone(), file, state })
    }

    /// Opens the control file for writing, after [`load`].
    ///
    /// The newest slot is written again first, as it is. After a sync that failed the cache may hold it and
    /// the disk not, and the next update overwrites the other slot, perhaps the only good one on disk. (Found
    /// by the simulator: a torn slot, mended by an update whose sync failed, then power loss in the next
    /// update.)
    pub(crate) fn open(storage: &S, state: ControlState) -> Result<Self, IoFault> {
        let file = storage
            .open(CONTROL_NAME, true)
            .map_err(|error| IoFault::new("open", storage.path(CONTROL_NAME), error))?;
        let control = Control { storage: storage.clone(), file, state };
        if protect::on(protect::CONTROL_REWRITE) {
            control.rewrite()?;
        }
        Ok(control)
    }

    /// Byte for byte: a slot of version 1 that was written as one of version 2 might be torn into neither.
    fn rewrite(&self) -> Result<(), IoFault> {
        let fault = |operation| {
            let path = self.storage.path(CONTROL_NAME);
            move |error| IoFault::new(operation, path, error)
        };
        let (mut block, at) = (vec![0; BLOCK_BYTES], slot_offset(self.state.generation));
        self.file.read_at(&mut block, at).map_err(fault("read"))?;
        self.file.write_at(&block, at).map_err(fault("write"))?;
        self.file.sync().map_err(fault("sync"))
    }

    /// Writes what `change` makes of the state into the older slot, and syncs it.
    pub(crate) fn update(&mut self, change: impl FnOnce(&mut ControlState)) -> Result<(), IoFault> {
        self.update_with(0, change)
    }

    /// The same, where `sync` is the protection that its sync is.
    pub(crate) fn update_with(
        &mut self,
        sync: u64,
        change: impl FnOnce(&mut ControlState),
    ) -> Result<(), IoFault> {
        let mut next = self.state;
        change(&mut next);
        next.generation += 1;
        self.write(&next, sync)?;
        self.state = next;
        Ok(())
    }

    fn write(&self, state: &ControlState, sync: u64) -> Result<(), IoFault> {
        let fault = |operation| {
            let path = self.storage.path(CONTROL_NAME);
            move |error| IoFault::new(operation, path, error)
        };
        self.file.write_at(&state.encode()[..], slot_offset(state.generation)).map_err(fault("write"))?;
        if protect::on(sync) {
            self.file.sync().map_err(fault("sync"))?;
        }
        Ok(())
    }
}

/// Reads the control file; `None` if there is none.
pub(crate) fn load<S: Storage>(storage: &S) -> Result<Option<Loaded>, JournalFault> {
    let path = storage.path(CONTROL_NAME);
    let io = |operation| {
        let path = path.clone();
        move |error| IoFault::new(operation, path, error)
    };
    let file = match storage.open(CONTROL_NAME, false) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        opened => opened.map_err(io("open"))?,
    };
    // A reader takes no lock: it may meet a slot in the middle of a write, and looks again.
    let mut slots = read_slots(&file).map_err(io("read"))?;
    for _ in 0..LOOKS {
        if slots.iter().all(Result::is_ok) && follow_each_other(&slots) {
            break;
        }
        slots = read_slots(&file).map_err(io("read"))?;
    }
    // A block of another version or byte order is whole, so its writer was here after whoever wrote the
    // other: neither may be used, for the older slot says nothing of the journal as it is now.
    for slot in slots {
        match slot {
            Err(BlockFault::ForeignEndian) => return Err(JournalFault::ForeignEndian { path }),
            Err(BlockFault::Version(found)) => {
                return Err(JournalFault::UnsupportedVersion { path, found, known: VERSION });
            }
            Ok(_) | Err(BlockFault::Absent | BlockFault::Damaged) => {}
        }
    }
    // One that does not follow the other was put there by another hand: it says nothing of the journal as it
    // is now.
    let other_slot_bad = slots.iter().any(Result::is_err) || !follow_each_other(&slots);
    let newest = slots.iter().filter_map(|slot| slot.ok()).max_by_key(|state| state.generation);
    if let [Ok(a), Ok(b)] = slots
        && a.journal_id != b.journal_id
    {
        return Err(JournalFault::BadControl { path, what: "its two slots are of different journals" });
    }
    match newest {
        Some(state) => Ok(Some(Loaded { state, other_slot_bad })),
        None => Err(JournalFault::BadControl { path, what: "both of its slots are damaged" }),
    }
}

/// Reads the control file of a journal that has been opened: of that one, for bytes of another say nothing of
/// it.
pub(crate) fn load_same<S: Storage>(storage: &S, wanted: JournalId) -> Result<Loaded, ReadError> {
    let loaded = load(storage)?;
    let found = loaded.map(|loaded| loaded.state.journal_id);
    match loaded {
        Some(loaded) if found == Some(wanted) => Ok(loaded),
        _ => Err(ReadError::AnotherJournal { path: storage.path(""), wanted, found }),
    }
}

/// Whether the slots were written one after the other.
fn follow_each_other(slots: &[Result<ControlState, BlockFault>; 2]) -> bool {
    match slots {
        [Ok(a), Ok(b)] => a.generation.abs_diff(b.generation) == 1,
        _ => true,
    }
}

/// How often a damaged slot is looked at again.
const LOOKS: u32 = 3;

fn read_slots<F: StorageFile>(file: &F) -> std::io::Result<[Result<ControlState, BlockFault>; 2]> {
    let mut slots = [const { Err(BlockFault::Damaged) }; 2];
    for (index, slot) in slots.iter_mut().enumerate() {
        let mut block = vec![0; BLOCK_BYTES];
        let read = file.read_at(&mut block, (index * BLOCK_BYTES) as u64)?;
        *slot = ControlState::decode(&block[..read]);
        // The slot is the generation's lowest bit; anything else was put there by another hand.
        if slot.is_ok_and(|state| state.generation % 2 != index as u64) {
            *slot = Err(BlockFault::Damaged);
        }
    }
    Ok(slots)
}

fn slot_offset(generation: u64) -> u64 {
    generation % 2 * BLOCK_BYTES as u64
}

/// What it means that there is no control file.
pub(crate) fn no_control<S: Storage>(storage: &S) -> JournalFault {
    match chain::segment_bases(storage) {
        Ok(files) if files.is_empty() => JournalFault::NoJournal { path: storage.path("") },
        Ok(_) => {
            let path = storage.path(CONTROL_NAME);
            JournalFault::BadControl { path, what: "it is missing beside segments" }
        }
        Err(fault) if fault.source.kind() == std::io::ErrorKind::NotFound => {
            JournalFault::NoJournal { path: storage.path("") }
        }
        Err(fault) => fault.into(),
    }
}

/// Draws a journal's identity: the random keys of the standard hasher, the clock and the process.
pub(crate) fn draw_id() -> JournalId {
    use std::hash::{BuildHasher, Hasher, RandomState};
    let half = || {
        let mut hasher = RandomState::new().build_hasher();
        hasher.write_u32(std::process::id());
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        hasher.write_u128(since.as_nanos());
        hasher.finish().to_le_bytes()
    };
    let mut id = [0; 16];
    id[..8].copy_from_slice(&half());
    id[8..].copy_from_slice(&half());
    JournalId(id)
}
