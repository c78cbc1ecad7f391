//! What lies on disk of a name: up to where its events are acknowledged.
//!
//! A file of two blocks, each with a slot that says all and is checksummed; they are written in turn, so that
//! one is whole whenever the process or the machine dies. Two anchors lie in a slot: the newest, and the
//! newest of those whose event was durable by then. Power loss may take the first one's event out of the
//! journal, and never the second's.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use slipring_journal::__private::storage::size_limit::as_an_error;
use slipring_journal::__private::storage::{Access, Files};
use slipring_journal::{Anchor, JournalId};

use crate::error::{KeepError, io};
use crate::kept::folders::write_whole;
use crate::kept::trust::Trust;

/// Name of the folder of all notes, in the journal's.
const FOLDER: &str = "acknowledged";
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
pub(super) struct Place {
    pub(super) end: u64,
    epoch: u32,
    crc: u32,
}

impl Place {
    /// Behind the anchor's event; `None` if there is nothing behind it.
    pub(super) fn behind(anchor: &Anchor) -> Option<Self> {
        let Anchor { sequence, epoch, crc, .. } = *anchor;
        Some(Place { end: sequence.checked_add(1)?, epoch, crc })
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
        Place { end: u64_at(bytes, 0), epoch: u32_at(bytes, 8), crc: u32_at(bytes, 12) }
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
struct Slot {
    journal_id: JournalId,
    /// Grows by one with each that is written; the greater of two is the later.
    turn: u64,
    newest: Place,
    durable: Place,
}

impl Slot {
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
        let slot = Slot {
            journal_id: JournalId(bytes[JOURNAL_AT..TURN_AT].try_into().expect("sixteen bytes")),
            turn: u64_at(bytes, TURN_AT),
            newest: Place::from_bytes(&bytes[NEWEST_AT..]),
            durable: Place::from_bytes(&bytes[DURABLE_AT..]),
        };
        (slot.durable.end <= slot.newest.end).then_some(slot)
    }
}

/// A name's file.
#[derive(Debug)]
pub(super) struct Note {
    file: File,
    path: PathBuf,
    slot: Slot,
    /// One that was acknowledged and was not durable then: the next of those that become durable.
    waits: Option<Place>,
    trust: Trust,
}

impl Note {
    /// Opens or makes the file of a name. The caller holds the journal's lock.
    pub(super) fn open(journal: &Files, journal_id: JournalId, name: &str) -> Result<Self, KeepError> {
        let folder_path = journal.folder_path().join(FOLDER);
        let path = folder_path.join(name);
        let folder = journal.folder().and_then(|folder| folder.make_subfolder(FOLDER));
        let folder = folder.map_err(io("create folder", &folder_path))?;
        let there = folder.kind(name).map_err(io("look at", &path))?;
        if there.is_none() {
            let slot = Slot { journal_id, turn: 0, newest: Place::default(), durable: Place::default() };
            let mut bytes = [0; FILE_BYTES];
            bytes[..SLOT_BYTES].copy_from_slice(&slot.encode());
            write_whole(&folder, name, |file| file.write_all(&bytes))?;
        }
        let file = folder.open_file(name, Access::Write).map_err(io("open", &path))?;
        let slot = read(&file).map_err(io("read", &path))?;
        let damaged = |what| KeepError::Damaged { path: path.clone(), what, advice: ADVICE };
        let slot = slot.ok_or_else(|| damaged("neither of its two slots is whole"))?;
        if slot.journal_id != journal_id {
            return Err(KeepError::Foreign { path });
        }
        Ok(Note { file, path, slot, waits: None, trust: Trust::default() })
    }

    /// The newest that it says.
    pub(super) fn newest(&self) -> Place {
        self.slot.newest
    }

    /// The newest whose event was durable when it was written.
    pub(super) fn durable(&self) -> Place {
        self.slot.durable
    }

    /// Notes that all before `newest` is acknowledged, where all before `durable_end` is durable; if `sync`,
    /// so that it survives power loss. The death of the process takes nothing of it, synced or not.
    pub(super) fn write(&mut self, newest: Place, durable_end: u64, sync: bool) -> Result<(), KeepError> {
        let mut slot = Slot { turn: self.slot.turn.wrapping_add(1), newest, ..self.slot };
        let mut waits = self.waits;
        if let Some(now) = waits.take_if(|waits| waits.end <= durable_end) {
            slot.durable = now;
        }
        if newest.end <= durable_end {
            (slot.durable, waits) = (newest, None);
        } else if waits.is_none() {
            waits = Some(newest);
        }
        let offset = (slot.turn % 2) * BLOCK_BYTES as u64;
        let written = as_an_error(|| self.file.write_all_at(&slot.encode(), offset));
        written.map_err(io("write", &self.path))?;
        (self.slot, self.waits) = (slot, waits);
        if sync { self.sync() } else { Ok(()) }
    }

    /// Has what was written survive power loss.
    pub(super) fn sync(&mut self) -> Result<(), KeepError> {
        self.trust.sync(|| self.file.sync_data()).map_err(io("sync", &self.path))
    }
}

#[cfg(test)]
impl Note {
    /// Has nothing written any more, as by a disk that refuses, until the file that comes back is put back.
    pub(super) fn swap_file(&mut self, file: Option<File>) -> File {
        std::mem::replace(&mut self.file, file.unwrap_or_else(|| File::open(&self.path).unwrap()))
    }
}

/// The later of the slots that are whole.
fn read(file: &File) -> io::Result<Option<Slot>> {
    let mut found: Option<Slot> = None;
    for block in 0..2 {
        let mut bytes = [0; SLOT_BYTES];
        match file.read_exact_at(&mut bytes, block * BLOCK_BYTES as u64) {
            // Shorter: somebody has cut it.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => continue,
            done => done?,
        }
        let slot = Slot::decode(&bytes).filter(|slot| found.is_none_or(|before| slot.turn > before.turn));
        found = slot.or(found);
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use slipring_journal::FileKind;

    use super::*;

    const ID: JournalId = JournalId([7; 16]);

    fn place(end: u64) -> Place {
        Place { end, epoch: 3, crc: end as u32 ^ 0xabcd }
    }

    fn noted(note: &Note) -> (u64, u64) {
        (note.newest().end, note.durable().end)
    }

    #[test]
    fn what_is_noted_is_there_and_the_one_before_if_the_last_is_torn() {
        let folder = tempfile::tempdir().unwrap();
        let files = Files::new(folder.path());
        let open = || Note::open(&files, ID, "standby");
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
        let mut note = Note::open(&Files::new(folder.path()), ID, "a").unwrap();
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
        let mut note = Note::open(&Files::new(folder.path()), ID, "a").unwrap();
        note.write(place(10), 10, true).unwrap();
        let good = note.swap_file(None);
        let error = note.write(place(20), 20, true).unwrap_err();
        assert!(matches!(&error, KeepError::Io { what: "write", .. }), "{error}");
        assert_eq!(noted(&note), (10, 10));
        note.swap_file(Some(good));
        note.write(place(30), 20, true).unwrap();
        assert_eq!(noted(&Note::open(&Files::new(folder.path()), ID, "a").unwrap()), (30, 10));
    }

    #[test]
    fn what_is_not_whole_or_not_ours_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let files = Files::new(folder.path());
        let open = |id| Note::open(&files, id, "a").map(|note| noted(&note));
        open(ID).unwrap();
        assert!(matches!(open(JournalId([8; 16])), Err(KeepError::Foreign { .. })));
        let path = folder.path().join(FOLDER).join("a");
        let mut backwards = vec![0; FILE_BYTES];
        let (newest, durable) = (place(1), place(2));
        let slot = Slot { journal_id: ID, turn: 0, newest, durable };
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
