//! Digests: a stage's state as a number, logged every so many events, so that replay can tell whether it came
//! to the same state, and if not, between which two events it went another way.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use slipring_journal::__private::storage::size_limit::as_an_error;
use slipring_journal::__private::storage::{Access, Files, Folder, believed_bytes};
use slipring_journal::{JournalId, RawReader};

use super::epochs;
use super::folders::{make_folder, sync_folder, write_whole};
use crate::error::{KeepError, io};

/// A handler that can tell its state, or what it has put out, by a number.
///
/// See the example of [`Stage`](crate::Stage).
///
/// More: [digests].
///
/// [digests]: https://github.com/slipring/slipring/blob/main/docs/how-to/write-a-recovering-stage.md#digests
pub trait Digest {
    /// The digest. Equal states have equal digests; different ones should differ. It must not depend on what
    /// differs from one life to the next (addresses, the order of a `HashMap`).
    fn digest(&self) -> u64;
}

/// When a stage's digests are logged, and what to do when replay finds another.
///
/// See the example of [`Stage`](crate::Stage).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digests {
    pub(crate) every: u64,
    pub(crate) report_only: bool,
}

impl Digests {
    /// One behind every sequence that divides by `events`, at least 1: then the event itself is found where
    /// replay went another way.
    pub fn every(events: u64) -> Self {
        Digests { every: events.max(1), report_only: false }
    }

    /// Replay goes on after the first difference, which
    /// [`Recovered::divergences`](crate::Recovered::divergences) tells. Without it the engine halts there.
    #[must_use]
    pub fn report_only(mut self) -> Self {
        self.report_only = true;
        self
    }
}

/// One line of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DigestEntry {
    /// The sequence behind the last event in the digest.
    pub(crate) end: u64,
    pub(crate) digest: u64,
    /// Of the last event.
    pub(crate) epoch: u32,
}

const NAME: &str = "digests";
const ENTRY_BYTES: usize = 24;
/// The log starts with an entry's worth of header: magic, journal's id.
const MAGIC: &[u8; 8] = b"slipdig1";

impl DigestEntry {
    fn encode(&self, journal_id: JournalId) -> [u8; ENTRY_BYTES] {
        let mut bytes = [0; ENTRY_BYTES];
        bytes[..8].copy_from_slice(&self.end.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.digest.to_le_bytes());
        bytes[16..20].copy_from_slice(&self.epoch.to_le_bytes());
        let crc = crc32c::crc32c_append(crc32c::crc32c(&journal_id.0), &bytes[..20]);
        bytes[20..].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    fn decode(bytes: &[u8; ENTRY_BYTES], journal_id: JournalId) -> Option<Self> {
        let long = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap_or_default());
        let epoch = u32::from_le_bytes(bytes[16..20].try_into().ok()?);
        let entry = DigestEntry { end: long(0), digest: long(8), epoch };
        (entry.encode(journal_id) == *bytes).then_some(entry)
    }
}

fn header(journal_id: JournalId) -> [u8; ENTRY_BYTES] {
    let mut header = [0; ENTRY_BYTES];
    header[..8].copy_from_slice(MAGIC);
    header[8..].copy_from_slice(&journal_id.0);
    header
}

/// A stage's log, open for comparing and appending.
#[derive(Debug)]
pub(crate) struct DigestLog {
    path: PathBuf,
    file: File,
    journal_id: JournalId,
    count: u64,
    /// The next entry to compare.
    next: u64,
    buffer: Vec<u8>,
}

impl DigestLog {
    /// Opens or makes a stage's log. Entries for records that the log of events has lost are cut off, and
    /// those for records that retention took are removed when they are most of it.
    pub(crate) fn open(journal: &Files, stage: &str, reader: &mut RawReader) -> Result<Self, KeepError> {
        let folder = make_folder(journal, stage)?;
        let path = folder.path().join(NAME);
        let (file, _) = folder.open_or_create(NAME, Access::Write).map_err(io("open", &path))?;
        let journal_id = reader.journal_id();
        let header = header(journal_id);
        let length = believed_bytes(&file).map_err(io("read", &path))?;
        let mut found = [0; ENTRY_BYTES];
        if length < ENTRY_BYTES as u64 {
            let write = || file.set_len(0).and_then(|()| file.write_all_at(&header, 0));
            as_an_error(write).map_err(io("write", &path))?;
            sync_folder(&folder)?;
        } else {
            file.read_exact_at(&mut found, 0).map_err(io("read", &path))?;
            if &found[..8] != MAGIC {
                let advice = "remove it: replay then compares nothing";
                return Err(KeepError::Damaged { path, what: "its header does not validate", advice });
            }
            if found != header {
                return Err(KeepError::Foreign { path });
            }
        }
        let count = (length / ENTRY_BYTES as u64).saturating_sub(1);
        let mut log = DigestLog { path, file, journal_id, count, next: 0, buffer: Vec::new() };
        // What the log of events has lost is at the end, for at each opening it is cut before more comes.
        let (mut low, mut high) = (0, count);
        while low < high {
            let middle = low + (high - low) / 2;
            let holds = match log.entry(middle)? {
                Some(entry) => epochs::is_of(reader, entry.end.wrapping_sub(1), entry.epoch)?,
                // Torn by a crash, or damaged: passed over when it comes to comparing.
                None => true,
            };
            if holds { low = middle + 1 } else { high = middle }
        }
        log.count = low;
        let length = (low + 1) * ENTRY_BYTES as u64;
        as_an_error(|| log.file.set_len(length)).map_err(io("cut", &log.path))?;
        log.forget(&folder, reader.first_sequence())?;
        Ok(log)
    }

    /// Removes the entries up to `first`, which no replay comes to, if they are most of the log.
    fn forget(&mut self, folder: &Folder, first: u64) -> Result<(), KeepError> {
        self.seek(first)?;
        if self.next <= self.count / 2 {
            return Ok(());
        }
        let mut kept = &self.file;
        kept.seek(SeekFrom::Start((self.next + 1) * ENTRY_BYTES as u64)).map_err(io("read", &self.path))?;
        write_whole(folder, NAME, |file| {
            file.write_all(&header(self.journal_id))?;
            std::io::copy(&mut kept.take((self.count - self.next) * ENTRY_BYTES as u64), file)?;
            Ok(())
        })?;
        self.file = folder.open_file(NAME, Access::Write).map_err(io("open", &self.path))?;
        self.count -= self.next;
        self.next = 0;
        Ok(())
    }

    /// How many digests the stage of this folder has logged, and the sequence behind the last; `None` if it
    /// logs none.
    pub(crate) fn peek(folder: &Folder, journal_id: JournalId) -> Result<Option<(u64, u64)>, KeepError> {
        let path = folder.path().join(NAME);
        let file = match folder.open_file(NAME, Access::Read) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            file => file.map_err(io("open", &path))?,
        };
        let length = believed_bytes(&file).map_err(io("read", &path))?;
        let count = (length / ENTRY_BYTES as u64).saturating_sub(1);
        let log = DigestLog { path, file, journal_id, count, next: 0, buffer: Vec::new() };
        Ok(Some((count, log.end()?)))
    }

    fn entry(&self, index: u64) -> Result<Option<DigestEntry>, KeepError> {
        let mut bytes = [0; ENTRY_BYTES];
        let at = (index + 1) * ENTRY_BYTES as u64;
        self.file.read_exact_at(&mut bytes, at).map_err(io("read", &self.path))?;
        Ok(DigestEntry::decode(&bytes, self.journal_id))
    }

    /// Makes ready to compare what lies behind `start`.
    pub(crate) fn seek(&mut self, start: u64) -> Result<(), KeepError> {
        let (mut low, mut high) = (0, self.count);
        while low < high {
            let middle = low + (high - low) / 2;
            match self.entry(middle)? {
                Some(entry) if entry.end <= start => low = middle + 1,
                _ => high = middle,
            }
        }
        self.next = low;
        Ok(())
    }

    /// The digest that was logged behind the last event before `end`, if one was. Called with rising ends.
    pub(crate) fn logged(&mut self, end: u64) -> Result<Option<u64>, KeepError> {
        while self.next < self.count {
            let Some(entry) = self.entry(self.next)? else {
                self.next += 1;
                continue;
            };
            if entry.end > end {
                break;
            }
            self.next += 1;
            if entry.end == end {
                return Ok(Some(entry.digest));
            }
        }
        Ok(None)
    }

    /// The sequence behind the last logged event.
    pub(crate) fn end(&self) -> Result<u64, KeepError> {
        for index in (0..self.count).rev() {
            if let Some(entry) = self.entry(index)? {
                return Ok(entry.end);
            }
        }
        Ok(0)
    }

    /// Appends entries.
    pub(crate) fn append(&mut self, entries: impl Iterator<Item = DigestEntry>) -> Result<(), KeepError> {
        self.buffer.clear();
        let mut count = 0;
        for entry in entries {
            self.buffer.extend_from_slice(&entry.encode(self.journal_id));
            count += 1;
        }
        let at = (self.count + 1) * ENTRY_BYTES as u64;
        as_an_error(|| self.file.write_all_at(&self.buffer, at)).map_err(io("write to", &self.path))?;
        self.count += count;
        Ok(())
    }

    /// The same log for the keeper, to be appended to.
    pub(crate) fn try_clone(&self) -> Result<Self, KeepError> {
        let file = self.file.try_clone().map_err(io("open", &self.path))?;
        let (path, journal_id, count) = (self.path.clone(), self.journal_id, self.count);
        Ok(DigestLog { path, file, journal_id, count, next: count, buffer: Vec::new() })
    }
}
