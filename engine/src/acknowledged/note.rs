//! What lies on disk of a name: up to where its events are acknowledged.
//!
//! A file of two blocks, each with a slot that says all and is checksummed. The one that is on the disk for
//! certain is never written over, so that one is whole whenever the process or the machine dies. Two anchors
//! lie in a slot: the newest, and the newest of those whose event was durable by then. Power loss may take
//! the first one's event out of the journal, and never the second's.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use slipring_journal::__private::protect;
use slipring_journal::__private::storage::{Files, Folder, MappedFile, StorageFile, Subfolder};
use slipring_journal::{Anchor, JournalId};

use crate::error::{KeepError, io};
use crate::kept::folders::unfinished;
use crate::kept::trust::Trust;

/// Name of the folder of all notes, in the journal's.
pub(super) const FOLDER: &str = "acknowledged";
/// "slipring acknowledged", as an integer in memory order.
const MAGIC: u64 = u64::from_le_bytes(*b"slipracn");
const VERSION: u64 = 1;
const BLOCK_BYTES: usize = 4096;
const FILE_BYTES: usize = 2 * BLOCK_BYTES;
const ADVICE: &str = "remove it: then nothing counts as acknowledged until it is acknowledged again";

// Within a slot.
const JOURNAL_AT: usize = 16;
const TURN_AT: usize = JOURNAL_AT + 16;
const NEWEST_AT: usize = TURN_AT + 8;
const DURABLE_AT: usize = NEWEST_AT + PLACE_BYTES;
const CRC_AT: usize = DURABLE_AT + PLACE_BYTES;
const SLOT_BYTES: usize = CRC_AT + 4;
const PLACE_BYTES: usize = 16;

const _: () = assert!(NEWEST_AT == 40 && DURABLE_AT == 56 && CRC_AT == 72, "the layout is frozen");

/// Up to where events are acknowledged: the sequence behind, and what record lies before. All zero: nothing
/// is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct NotePlace {
    pub(super) end: u64,
    epoch: u32,
    crc: u32,
}

impl NotePlace {
    /// Behind the anchor's event; `None` if there is nothing behind it.
    pub(super) fn behind(anchor: &Anchor) -> Option<Self> {
        let Anchor { sequence, epoch, crc, .. } = *anchor;
        Some(NotePlace { end: sequence.checked_add(1)?, epoch, crc })
    }

    /// The anchor of the last event; `None` if there is none.
    pub(super) fn anchor(&self, journal_id: JournalId) -> Option<Anchor> {
        let (epoch, crc) = (self.epoch, self.crc);
        Some(Anchor { journal_id, sequence: self.end.checked_sub(1)?, epoch, crc })
    }

    fn to_bytes(self) -> [u8; PLACE_BYTES] {
        let mut bytes = [0; PLACE_BYTES];
        bytes[..8].copy_from_slice(&self.end.to_le_bytes());
        bytes[8..12].copy_from_slice(&self.epoch.to_le_bytes());
        bytes[12..].copy_from_slice(&self.crc.to_le_bytes());
        bytes
    }

    fn from_bytes(bytes: &[u8]) -> Self {
        NotePlace { end: u64_at(bytes, 0), epoch: u32_at(bytes, 8), crc: u32_at(bytes, 12) }
    }
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

/// What a slot says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct NoteSlot {
    journal_id: JournalId,
    /// Grows by one with each that is written; the greater of two is the later.
    turn: u64,
    newest: NotePlace,
    durable: NotePlace,
}

impl NoteSlot {
    fn encode(&self) -> [u8; SLOT_BYTES] {
        let mut bytes = [0; SLOT_BYTES];
        let mut put = |at: usize, from: &[u8]| bytes[at..at + from.len()].copy_from_slice(from);
        put(0, &MAGIC.to_le_bytes());
        put(8, &VERSION.to_le_bytes());
        put(JOURNAL_AT, &self.journal_id.0);
        put(TURN_AT, &self.turn.to_le_bytes());
        put(NEWEST_AT, &self.newest.to_bytes());
        put(DURABLE_AT, &self.durable.to_bytes());
        let crc = crc32c::crc32c(&bytes[..CRC_AT]);
        bytes[CRC_AT..].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    /// `None` if it was not written whole, or by a version that this one does not know.
    fn decode(bytes: &[u8]) -> Option<Self> {
        let is_whole = u32_at(bytes, CRC_AT) == crc32c::crc32c(&bytes[..CRC_AT]);
        if !is_whole || u64_at(bytes, 0) != MAGIC || u64_at(bytes, 8) != VERSION {
            return None;
        }
        let slot = NoteSlot {
            journal_id: JournalId(bytes[JOURNAL_AT..TURN_AT].try_into().expect("sixteen bytes")),
            turn: u64_at(bytes, TURN_AT),
            newest: NotePlace::from_bytes(&bytes[NEWEST_AT..]),
            durable: NotePlace::from_bytes(&bytes[DURABLE_AT..]),
        };
        // Counted up by one a write: nobody gets there.
        (slot.durable.end <= slot.newest.end && slot.turn < 1 << 62).then_some(slot)
    }
}

/// The folder of a journal's notes, which is made if there is none.
pub(super) fn folder(journal: &Files) -> Result<Folder, KeepError> {
    let folder = journal.folder().and_then(|folder| folder.make_subfolder(FOLDER));
    folder.map_err(io("create folder", &journal.folder_path().join(FOLDER)))
}

/// A name's file.
#[derive(Debug)]
pub(super) struct Note<F: StorageFile = MappedFile> {
    file: F,
    path: PathBuf,
    slot: NoteSlot,
    /// Whether that is on the disk for certain.
    is_synced: bool,
    /// The newest of the slot that was there before, when it was opened.
    before: NotePlace,
    /// One that was acknowledged and was not durable then: the next of those that become durable.
    waits: Option<NotePlace>,
    trust: Trust,
}

impl<F: StorageFile> Note<F> {
    /// Opens or makes the file of a name in the folder at `place`. The caller holds the journal's lock.
    pub(super) fn open(
        folder: &impl Subfolder<File = F>,
        place: &Path,
        journal_id: JournalId,
        name: &str,
    ) -> Result<Self, KeepError> {
        let path = place.join(name);
        let file = match folder.open_to_write(name) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let slot = NoteSlot {
                    journal_id,
                    turn: 0,
                    newest: NotePlace::default(),
                    durable: NotePlace::default(),
                };
                let mut bytes = [0; FILE_BYTES];
                bytes[..SLOT_BYTES].copy_from_slice(&slot.encode());
                make(folder, name, &bytes).map_err(io("write", &path))?;
                folder.open_to_write(name)
            }
            opened => opened,
        };
        let file = file.map_err(io("open", &path))?;
        let found = read(&file).map_err(io("read", &path))?;
        let damaged = |what| KeepError::Damaged { path: path.clone(), what, advice: ADVICE };
        let (slot, before) = found.ok_or_else(|| damaged("neither of its two slots is whole"))?;
        if slot.journal_id != journal_id {
            return Err(KeepError::Foreign { path });
        }
        let before = before.filter(|before| before.journal_id == journal_id);
        let before = before.map_or(NotePlace::default(), |before| before.newest);
        let trust = Trust::default();
        let mut note = Note { file, path, slot, is_synced: false, before, waits: None, trust };
        // A life that died in a sync may have left what only the system's cache has; gates are about to open.
        note.sync()?;
        Ok(note)
    }

    /// What it says, the newest first: what is acknowledged, unless power loss has taken that record from the
    /// journal; what was acknowledged before; and what was durable when it was.
    pub(super) fn noted(&self) -> [NotePlace; 3] {
        let NoteSlot { newest, durable, .. } = self.slot;
        // A later one is of a history that the journal has lost.
        let before = if self.before.end <= newest.end { self.before } else { NotePlace::default() };
        if before.end > durable.end { [newest, before, durable] } else { [newest, durable, before] }
    }

    /// The journal has confirmed one of these, and it is durable by now.
    pub(super) fn confirm(&mut self, durable: NotePlace) {
        self.slot.durable = durable;
    }

    /// The newest that it says.
    #[cfg(test)]
    pub(super) fn newest(&self) -> NotePlace {
        self.slot.newest
    }

    /// The newest whose event was durable when it was written.
    #[cfg(test)]
    pub(super) fn durable(&self) -> NotePlace {
        self.slot.durable
    }

    /// Notes that all before `newest` is acknowledged, where all before `durable_end` is durable; if `sync`,
    /// so that it survives power loss. The death of the process takes nothing of it, synced or not.
    pub(super) fn write(&mut self, newest: NotePlace, durable_end: u64, sync: bool) -> Result<(), KeepError> {
        // In the other block, or over the last one.
        let is_synced = self.is_synced || !protect::on(protect::NOTE_OVER);
        let turn = self.slot.turn + if is_synced { 1 } else { 2 };
        let mut slot = NoteSlot { turn, newest, ..self.slot };
        let mut waits = self.waits;
        // Of a control: all of them count as durable.
        let durable_end = if protect::on(protect::NOTE_DURABLE) { durable_end } else { u64::MAX };
        if let Some(now) = waits.take_if(|waits| waits.end <= durable_end) {
            slot.durable = now;
        }
        if newest.end <= durable_end {
            (slot.durable, waits) = (newest, None);
        } else if waits.is_none() {
            waits = Some(newest);
        }
        let offset = (slot.turn % 2) * BLOCK_BYTES as u64;
        self.file.write_at(&slot.encode(), offset).map_err(io("write", &self.path))?;
        (self.slot, self.waits, self.is_synced) = (slot, waits, false);
        if sync { self.sync() } else { Ok(()) }
    }

    /// Has what was written survive power loss.
    pub(super) fn sync(&mut self) -> Result<(), KeepError> {
        if protect::on(protect::NOTE_SYNC) {
            self.trust.sync(|| self.file.sync_data()).map_err(io("sync", &self.path))?;
        }
        self.is_synced = true;
        Ok(())
    }
}

#[cfg(test)]
impl Note {
    /// Has nothing written any more, as by a disk that refuses, until the file that comes back is put back.
    pub(super) fn swap_file(&mut self, file: Option<MappedFile>) -> MappedFile {
        let folder = Folder::open(self.path.parent().unwrap()).unwrap();
        let name = self.path.file_name().unwrap().to_str().unwrap();
        std::mem::replace(&mut self.file, file.unwrap_or_else(|| folder.open(name).unwrap()))
    }
}

/// Makes a file, so that after a crash at any moment it is there whole or not at all.
fn make(folder: &impl Subfolder, name: &str, bytes: &[u8]) -> io::Result<()> {
    let made = unfinished(name);
    let file = match folder.create(&made) {
        // Left by a life that died there.
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            folder.remove(&made)?;
            folder.create(&made)?
        }
        created => created?,
    };
    let written =
        file.write_at(bytes, 0).and_then(|()| file.sync()).and_then(|()| folder.replace(&made, name));
    written.inspect_err(|_| drop(folder.remove(&made)))?;
    folder.sync()
}

/// The later of the slots that are whole, and the other one, if that is too.
fn read(file: &impl StorageFile) -> io::Result<Option<(NoteSlot, Option<NoteSlot>)>> {
    let mut found: Option<(NoteSlot, Option<NoteSlot>)> = None;
    for block in 0..2 {
        let mut bytes = [0; SLOT_BYTES];
        // Shorter: somebody has cut it.
        if file.read_at(&mut bytes, block * BLOCK_BYTES as u64)? < SLOT_BYTES {
            continue;
        }
        // In its own block, or the next one would be written over it.
        let Some(slot) = NoteSlot::decode(&bytes).filter(|slot| slot.turn % 2 == block) else { continue };
        found = match found {
            Some((first, _)) if first.turn > slot.turn => Some((first, Some(slot))),
            first => Some((slot, first.map(|(first, _)| first))),
        };
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use slipring_journal::FileKind;

    use super::*;

    const ID: JournalId = JournalId([7; 16]);

    fn place(end: u64) -> NotePlace {
        NotePlace { end, epoch: 3, crc: end as u32 ^ 0xabcd }
    }

    fn open(journal: &Path, journal_id: JournalId, name: &str) -> Result<Note, KeepError> {
        Note::open(&folder(&Files::new(journal))?, &journal.join(FOLDER), journal_id, name)
    }

    fn noted(note: &Note) -> (u64, u64) {
        (note.newest().end, note.durable().end)
    }

    #[test]
    fn what_is_noted_is_there_and_the_one_before_if_the_last_is_torn() {
        let folder = tempfile::tempdir().unwrap();
        let open = || self::open(folder.path(), ID, "standby");
        assert_eq!(noted(&open().unwrap()), (0, 0));
        let mut note = open().unwrap();
        for (end, durable_end) in [(10, 0), (20, 5), (30, 12), (40, 35), (50, 50)] {
            note.write(place(end), durable_end, end % 20 == 0).unwrap();
            let again = open().unwrap();
            assert_eq!((noted(&again), again.newest()), (noted(&note), place(end)));
        }
        // 10 once 12 were durable, then 30, then all.
        assert_eq!(noted(&note), (50, 50));
        let path = folder.path().join(FOLDER).join("standby");
        let whole = std::fs::read(&path).unwrap();
        assert_eq!(whole.len(), FILE_BYTES);
        for bit in 0..SLOT_BYTES * 8 {
            // Of the slot written last.
            let mut torn = whole.clone();
            torn[BLOCK_BYTES + bit / 8] ^= 1 << (bit % 8);
            std::fs::write(&path, torn).unwrap();
            assert_eq!(noted(&open().unwrap()), (40, 30), "bit {bit}");
        }
    }

    #[test]
    fn an_anchor_counts_as_durable_only_once_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let mut note = open(folder.path(), ID, "a").unwrap();
        let mut durable = |end, durable_end| {
            note.write(place(end), durable_end, false).unwrap();
            note.durable().end
        };
        let steps = [(10, 9, 0), (20, 9, 0), (30, 10, 10), (40, 29, 10), (50, 30, 30), (60, 60, 60)];
        for (end, durable_end, wanted) in steps {
            assert_eq!(durable(end, durable_end), wanted, "{end} with {durable_end} durable");
        }
    }

    #[test]
    fn what_can_not_be_written_is_not_noted_and_the_next_is() {
        let folder = tempfile::tempdir().unwrap();
        let mut note = open(folder.path(), ID, "a").unwrap();
        note.write(place(10), 10, true).unwrap();
        let good = note.swap_file(None);
        let error = note.write(place(20), 20, true).unwrap_err();
        assert!(matches!(&error, KeepError::Io { what: "write", .. }), "{error}");
        assert_eq!(noted(&note), (10, 10));
        note.swap_file(Some(good));
        note.write(place(30), 20, true).unwrap();
        assert_eq!(noted(&open(folder.path(), ID, "a").unwrap()), (30, 10));
    }

    #[test]
    fn what_is_not_whole_or_not_ours_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let open = |id| self::open(folder.path(), id, "a").map(|note| noted(&note));
        open(ID).unwrap();
        assert!(matches!(open(JournalId([8; 16])), Err(KeepError::Foreign { .. })));
        let path = folder.path().join(FOLDER).join("a");
        let mut backwards = vec![0; FILE_BYTES];
        let (newest, durable) = (place(1), place(2));
        let slot = NoteSlot { journal_id: ID, turn: 0, newest, durable };
        backwards[..SLOT_BYTES].copy_from_slice(&slot.encode());
        for bytes in [Vec::new(), b"junk".to_vec(), vec![0; FILE_BYTES], vec![0xff; 100_000], backwards] {
            std::fs::write(&path, bytes).unwrap();
            assert!(matches!(open(ID), Err(KeepError::Damaged { .. })));
        }
        std::fs::remove_file(&path).unwrap();
        std::os::unix::fs::symlink("/dev/null", &path).unwrap();
        let error = open(ID).unwrap_err();
        assert!(error.to_string().contains(&FileKind::Link.to_string()), "{error}");
    }
}
