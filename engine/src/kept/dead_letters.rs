//! Dead letters: events that a stage's handler refused and that its state never saw.
//!
//! A stage's log of them is appended to on its lane, at once: the death of the process right after it loses nothing,
//! and a later snapshot counts only when the log is synced. Replay skips exactly what the log says: it never tries
//! again, so that state comes out as it was.

use std::collections::HashSet;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use slipring_journal::{JournalId, RawReader};

use super::{KeepError, epochs, io, make_folder, stage_folder, stages};

/// What a stage does when its handler returns an error.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnError {
    /// The engine halts.
    #[default]
    Halt,
    /// The event becomes a dead letter and the stage goes on. The handler must have left its state as it was
    /// before the event; it is not called for that event again. A panic halts all the same, and so does an error that
    /// is [`Fatal`](crate::Fatal).
    DeadLetter,
}

/// An event that a stage did not process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// The stage that refused it.
    pub stage: String,
    /// Its sequence.
    pub sequence: u64,
    /// Its epoch; the log holds it only while the record there has the same.
    pub epoch: u32,
    /// Why.
    pub kind: DeadLetterKind,
    /// What the handler said, or who skipped it.
    pub cause: String,
}

/// How an event became a dead letter, or what became of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeadLetterKind {
    /// The handler returned an error.
    Refused,
    /// It was skipped by hand.
    Skipped,
    /// It was published again, or exported, and is settled.
    Settled,
}

impl std::fmt::Display for DeadLetterKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            DeadLetterKind::Refused => "refused",
            DeadLetterKind::Skipped => "skipped",
            DeadLetterKind::Settled => "settled",
        })
    }
}

impl std::fmt::Display for DeadLetter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let DeadLetter { stage, sequence, epoch, kind, cause } = self;
        write!(f, "{stage}: sequence {sequence} (epoch {epoch}) {kind}: {cause}")
    }
}

const NAME: &str = "dead-letters";
/// Length of the cause 2, its complement 2, checksum 4, journal id 16, sequence 8, epoch 4, kind 4; then the cause.
const HEAD_BYTES: usize = 40;
/// Longer causes are cut.
const MOST_CAUSE_BYTES: usize = 1000;

fn encode(journal_id: JournalId, sequence: u64, epoch: u32, kind: DeadLetterKind, cause: &str) -> Vec<u8> {
    let mut cut = cause.len().min(MOST_CAUSE_BYTES);
    while !cause.is_char_boundary(cut) {
        cut -= 1;
    }
    let mut entry = vec![0; 8];
    entry[..2].copy_from_slice(&(cut as u16).to_le_bytes());
    entry[2..4].copy_from_slice(&(!(cut as u16)).to_le_bytes());
    entry.extend_from_slice(&journal_id.0);
    entry.extend_from_slice(&sequence.to_le_bytes());
    entry.extend_from_slice(&epoch.to_le_bytes());
    entry.extend_from_slice(&(kind as u32).to_le_bytes());
    entry.extend_from_slice(&cause.as_bytes()[..cut]);
    let crc = crc32c::crc32c_append(crc32c::crc32c(&entry[..4]), &entry[8..]);
    entry[4..8].copy_from_slice(&crc.to_le_bytes());
    entry
}

/// The size of the entry that begins so; `None` if no entry begins so.
fn size(bytes: &[u8]) -> Option<usize> {
    let half = |at: usize| Some(u16::from_le_bytes(bytes.get(at..at + 2)?.try_into().ok()?));
    let cause_bytes = half(0)?;
    (cause_bytes == !half(2)? && usize::from(cause_bytes) <= MOST_CAUSE_BYTES)
        .then_some(HEAD_BYTES + usize::from(cause_bytes))
}

/// Whether `tail` is what a crash leaves of the last entry: the beginning of one, or zeros. Entries are written one
/// after the other, each by one call.
fn is_torn(tail: &[u8]) -> bool {
    tail.len() < 4 || tail.iter().all(|byte| *byte == 0) || size(tail).is_some_and(|size| tail.len() < size)
}

/// The first entry of `bytes`, with its journal and size.
fn decode(bytes: &[u8], stage: &str) -> Option<(DeadLetter, JournalId, usize)> {
    let word = |at: usize| Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
    let size = size(bytes)?;
    let entry = bytes.get(..size)?;
    if word(4)? != crc32c::crc32c_append(crc32c::crc32c(&entry[..4]), &entry[8..]) {
        return None;
    }
    let kind = match word(36)? {
        0 => DeadLetterKind::Refused,
        1 => DeadLetterKind::Skipped,
        2 => DeadLetterKind::Settled,
        _ => return None,
    };
    let sequence = u64::from_le_bytes(entry[24..32].try_into().ok()?);
    let cause = String::from_utf8_lossy(&entry[HEAD_BYTES..]).into_owned();
    let letter = DeadLetter { stage: stage.to_owned(), sequence, epoch: word(32)?, kind, cause };
    Some((letter, JournalId(entry[8..24].try_into().ok()?), size))
}

/// What a log holds.
struct Read {
    entries: Vec<(DeadLetter, JournalId)>,
    /// Where the last whole entry ends.
    whole: usize,
    /// Something lies behind it.
    has_tail: bool,
    /// What lies there is what a crash leaves.
    is_torn: bool,
}

fn read(path: &Path, stage: &str) -> Result<Read, KeepError> {
    let bytes = match std::fs::read(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        bytes => bytes.map_err(io("read", path))?,
    };
    let (mut entries, mut at) = (Vec::new(), 0);
    while let Some((letter, journal_id, size)) = decode(&bytes[at..], stage) {
        entries.push((letter, journal_id));
        at += size;
    }
    let tail = &bytes[at..];
    Ok(Read { entries, whole: at, has_tail: !tail.is_empty(), is_torn: is_torn(tail) })
}

fn damaged(path: PathBuf) -> KeepError {
    let advice = "restore it from a copy: without it replay would try again what was refused";
    KeepError::Damaged { path, what: "an entry does not validate", advice }
}

/// A stage's log, open for appending.
#[derive(Debug)]
pub(crate) struct Log {
    path: PathBuf,
    file: File,
    journal_id: JournalId,
    /// The sequences to skip that are not passed yet, the least last.
    skips: Vec<u64>,
}

impl Log {
    /// Opens or makes a stage's log. A torn last entry is cut off; entries for records that the log of events has
    /// lost are not skipped: other events lie there now.
    pub(crate) fn open(journal: &Path, stage: &str, reader: &mut RawReader) -> Result<Self, KeepError> {
        let folder = make_folder(journal, stage)?;
        let path = folder.join(NAME);
        let Read { entries, whole, has_tail, is_torn } = read(&path, stage)?;
        let mut options = OpenOptions::new();
        let file = options.create(true).append(true).open(&path).map_err(io("open", &path))?;
        if has_tail {
            if !is_torn {
                return Err(damaged(path));
            }
            file.set_len(whole as u64).map_err(io("cut", &path))?;
        }
        file.sync_all().map_err(io("sync", &path))?;
        super::sync_folder(&folder)?;
        let mut skips = Vec::new();
        for (letter, journal_id) in entries {
            if journal_id != reader.journal_id() {
                return Err(KeepError::Foreign { path });
            }
            if letter.kind != DeadLetterKind::Settled && epochs::is_of(reader, letter.sequence, letter.epoch)?
            {
                skips.push(letter.sequence);
            }
        }
        skips.sort_unstable_by(|a, b| b.cmp(a));
        skips.dedup();
        Ok(Log { path, file, journal_id: reader.journal_id(), skips })
    }

    /// The next sequence to skip at or behind `at`.
    pub(crate) fn next_skip(&mut self, at: u64) -> Option<u64> {
        while self.skips.last().is_some_and(|skip| *skip < at) {
            self.skips.pop();
        }
        self.skips.last().copied()
    }

    /// Appends an entry. It survives the death of the process from here on.
    pub(crate) fn append(
        &mut self,
        sequence: u64,
        epoch: u32,
        kind: DeadLetterKind,
        cause: &str,
    ) -> Result<(), KeepError> {
        let entry = encode(self.journal_id, sequence, epoch, kind, cause);
        self.file.write_all(&entry).map_err(io("append to", &self.path))
    }

    /// Has what was appended survive power loss too.
    pub(crate) fn sync(&self) -> Result<(), KeepError> {
        self.file.sync_data().map_err(io("sync", &self.path))
    }

    /// Skips an event by hand, durably.
    pub(crate) fn skip(&mut self, sequence: u64, epoch: u32) -> Result<(), KeepError> {
        if !self.skips.contains(&sequence) {
            self.append(sequence, epoch, DeadLetterKind::Skipped, "skipped by hand")?;
            self.skips.push(sequence);
            self.skips.sort_unstable_by(|a, b| b.cmp(a));
        }
        self.file.sync_all().map_err(io("sync", &self.path))
    }

    /// Another handle on the file, to sync it by.
    pub(crate) fn to_sync(&self) -> Result<File, KeepError> {
        self.file.try_clone().map_err(io("open", &self.path))
    }
}

/// The dead letters of a journal, as they are on disk.
///
/// The events themselves lie in the journal, at their sequences.
#[derive(Debug)]
pub struct DeadLetters {
    journal: PathBuf,
    letters: Vec<DeadLetter>,
}

impl DeadLetters {
    /// Reads the dead letters of every stage of the journal in this folder. A writer may go on meanwhile.
    ///
    /// # Errors
    /// [`KeepError`]: the folder or a log can't be read.
    pub fn of(journal: impl Into<PathBuf>) -> Result<Self, KeepError> {
        let journal = journal.into();
        let mut letters = Vec::new();
        for stage in stages(&journal)? {
            let path = stage_folder(&journal, &stage).join(NAME);
            let Read { entries, has_tail, is_torn, .. } = read(&path, &stage)?;
            if has_tail && !is_torn {
                return Err(damaged(path));
            }
            letters.extend(entries.into_iter().map(|(letter, _)| letter));
        }
        Ok(DeadLetters { journal, letters })
    }

    /// Every entry, by stage and in the order of writing.
    pub fn all(&self) -> &[DeadLetter] {
        &self.letters
    }

    /// Those that are not settled, by stage and sequence.
    pub fn open(&self) -> Vec<&DeadLetter> {
        let place = |letter: &DeadLetter| (letter.stage.clone(), letter.sequence, letter.epoch);
        let is_settled = |letter: &&DeadLetter| letter.kind == DeadLetterKind::Settled;
        let settled: HashSet<_> = self.letters.iter().filter(is_settled).map(place).collect();
        let mut open: Vec<&DeadLetter> = self
            .letters
            .iter()
            .filter(|letter| !is_settled(letter) && !settled.contains(&place(letter)))
            .collect();
        open.sort_by(|a, b| (&a.stage, a.sequence).cmp(&(&b.stage, b.sequence)));
        open
    }

    /// Notes, durably, that a dead letter is settled: it was published again as another event, or taken elsewhere.
    /// Replay goes on to skip it.
    ///
    /// The entry and what settles it are two steps: a crash between them leaves it open, so what settles it should
    /// stand being done twice.
    ///
    /// # Errors
    /// [`KeepError::Io`]; [`KeepError::Damaged`] if the log does not end with a whole entry, for nobody would read
    /// what lies behind such a one. Opening the engine cuts off what a crash left.
    pub fn settle(&mut self, letter: &DeadLetter, how: &str) -> Result<(), KeepError> {
        let path = stage_folder(&self.journal, &letter.stage).join(NAME);
        let Read { entries, has_tail, is_torn, .. } = read(&path, &letter.stage)?;
        if has_tail && is_torn {
            let advice = "open the engine once, which cuts it off, and settle then";
            return Err(KeepError::Damaged {
                path,
                what: "a crash left part of an entry at its end",
                advice,
            });
        }
        let journal_id = match entries.first() {
            Some((_, journal_id)) if !has_tail => *journal_id,
            _ => return Err(damaged(path)),
        };
        let mut file = OpenOptions::new().append(true).open(&path).map_err(io("open", &path))?;
        let entry = encode(journal_id, letter.sequence, letter.epoch, DeadLetterKind::Settled, how);
        file.write_all(&entry).and_then(|()| file.sync_all()).map_err(io("append to", &path))?;
        self.letters.push(DeadLetter {
            kind: DeadLetterKind::Settled,
            cause: how.to_owned(),
            ..letter.clone()
        });
        Ok(())
    }
}
