//! A stage's log of dead letters: its bytes, and what a crash may leave of them.
//!
//! It is appended to on the stage's lane, at once: the death of the process right after it loses nothing, and
//! a later snapshot counts only when the log is synced.
//!
//! Power loss may leave of what was not synced any pages, in any order, each as it was at any time, and zeros
//! or nothing for the others: a hole, and whole entries behind it. Of what was synced it takes nothing, so a
//! hole there is damage, and passing over it would have replay try again what was refused. So whoever has
//! synced the log appends a *mark* behind it, which says up to where. A hole that a mark behind it covers is
//! damage; any other is the torn end of the log, and is cut off with all that follows. (A mark that is lost
//! with the power costs nothing: the next opening syncs the log and marks it.)

use std::fs::File;
use std::io::{Read as _, Write};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use slipring_journal::__private::storage::size_limit::as_an_error;
use slipring_journal::__private::storage::{Access, Files, Folder, believed_bytes};
use slipring_journal::{JournalId, RawReader};

use super::dead_letter_format::{
    Again, HEAD_BYTES, LetterEntry, LetterPlace, Tries, decode, encode, encode_mark, encode_tried, encode_try,
};
use super::dead_letters::{DeadLetter, DeadLetterKind};
use super::epochs;
use super::folders::{make_folder, sync_folder};
use super::tried::Tried;
use crate::error::{KeepError, io};

pub(crate) const NAME: &str = "dead-letters";

/// What a log ends with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogTail {
    /// A whole entry.
    Whole,
    /// So many bytes that a crash has left.
    Torn(u64),
}

/// What a log holds.
#[derive(Debug)]
pub(crate) struct Read {
    pub(crate) letters: Vec<DeadLetter>,
    /// Of tries that failed.
    tries: Vec<LetterPlace>,
    /// What was published again.
    again: Vec<Again>,
    /// Whose the first entry is.
    pub(crate) journal_id: Option<JournalId>,
    /// They are not all of one journal.
    is_mixed: bool,
    /// Where the last whole entry ends.
    whole: usize,
    pub(crate) tail: LogTail,
}

/// Reads the log in a stage's folder; one that is not there holds nothing.
pub(crate) fn read(folder: &Folder, stage: &str) -> Result<Read, KeepError> {
    let path = folder.path().join(NAME);
    let bytes = match folder.open_file(NAME, Access::Read) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        file => file.and_then(|file| read_whole(&file)).map_err(io("read", &path))?,
    };
    parse(&bytes, stage).ok_or_else(|| damaged(path))
}

fn read_whole(mut file: &File) -> std::io::Result<Vec<u8>> {
    // Appended to meanwhile: the rest is for the next look.
    let mut bytes = vec![0; believed_bytes(file)? as usize];
    let mut length = 0;
    while length < bytes.len() {
        match file.read(&mut bytes[length..]) {
            Ok(0) => break,
            Ok(count) => length += count,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    bytes.truncate(length);
    Ok(bytes)
}

/// `None` if it is damaged.
fn parse(bytes: &[u8], stage: &str) -> Option<Read> {
    let mut read = Read {
        letters: Vec::new(),
        tries: Vec::new(),
        again: Vec::new(),
        journal_id: None,
        is_mixed: false,
        whole: 0,
        tail: LogTail::Whole,
    };
    while let Some((entry, journal_id, size)) = decode(&bytes[read.whole..], stage) {
        match entry {
            LetterEntry::Letter(letter) => read.letters.push(letter),
            LetterEntry::Try(place) => read.tries.push(place),
            LetterEntry::Again(letter, again) => {
                read.letters.push(letter);
                read.again.push(again);
            }
            LetterEntry::Mark(_) => {}
            LetterEntry::Unknown => return None,
        }
        read.is_mixed |= *read.journal_id.get_or_insert(journal_id) != journal_id;
        read.whole += size;
    }
    let whole = read.whole;
    if whole < bytes.len() {
        // Marks may begin anywhere: nobody knows how long what is not whole was.
        let synced = (whole + 1..bytes.len()).filter_map(|at| match decode(&bytes[at..], stage) {
            // What lies before a mark was there when it was written, even if it was cut off meanwhile.
            Some((LetterEntry::Mark(synced), ..)) => Some(synced.min(at as u64)),
            _ => None,
        });
        if synced.max() > Some(whole as u64) {
            return None;
        }
        read.tail = LogTail::Torn((bytes.len() - whole) as u64);
    }
    Some(read)
}

pub(crate) fn damaged(path: PathBuf) -> KeepError {
    let advice = "restore it from a copy: without it replay would try again what was refused";
    KeepError::Damaged { path, what: "an entry does not validate", advice }
}

/// Syncs a log that is open for reading and appending, and marks it as far as it was there before.
pub(crate) fn sync_and_mark(file: &File, journal_id: JournalId) -> std::io::Result<()> {
    let end = file.metadata()?.len();
    file.sync_all()?;
    let mut last = [0; HEAD_BYTES];
    let Some(last_at) = end.checked_sub(HEAD_BYTES as u64) else { return Ok(()) };
    file.read_exact_at(&mut last, last_at)?;
    if let Some((LetterEntry::Mark(_), ..)) = decode(&last, "") {
        return Ok(());
    }
    as_an_error(|| (&*file).write_all(&encode_mark(journal_id, end)))
}

/// A stage's log, open for appending.
#[derive(Debug)]
pub(crate) struct DeadLetterLog {
    path: PathBuf,
    file: File,
    journal_id: JournalId,
    /// The sequences to skip that are not passed yet, the least last.
    skips: Vec<u64>,
    tried: Tried,
    torn_bytes: u64,
}

impl DeadLetterLog {
    /// Opens or makes a stage's log. A torn end is cut off; entries for records that the log of events has
    /// lost are not skipped: other events lie there now.
    pub(crate) fn open(journal: &Files, stage: &str, reader: &mut RawReader) -> Result<Self, KeepError> {
        let folder = make_folder(journal, stage)?;
        let path = folder.path().join(NAME);
        let read = read(&folder, stage)?;
        let journal_id = reader.journal_id();
        if read.is_mixed || read.journal_id.is_some_and(|found| found != journal_id) {
            return Err(KeepError::Foreign { path });
        }
        let (file, _) = folder.open_or_create(NAME, Access::Append).map_err(io("open", &path))?;
        let torn_bytes = match read.tail {
            LogTail::Whole => 0,
            LogTail::Torn(bytes) => {
                file.set_len(read.whole as u64).map_err(io("cut", &path))?;
                bytes
            }
        };
        sync_and_mark(&file, journal_id).map_err(io("sync", &path))?;
        sync_folder(&folder)?;
        let mut skips = Vec::new();
        for letter in read.letters {
            if letter.kind != DeadLetterKind::Settled && epochs::is_of(reader, letter.sequence, letter.epoch)?
            {
                skips.push(letter.sequence);
            }
        }
        skips.sort_unstable_by(|a, b| b.cmp(a));
        skips.dedup();
        let is_skipped = |sequence: u64| skips.binary_search_by(|skip| sequence.cmp(skip)).is_ok();
        let tried = Tried::of(&read.tries, &read.again, is_skipped, reader)?;
        Ok(DeadLetterLog { path, file, journal_id, skips, tried, torn_bytes })
    }

    /// How much a crash had left at its end, which was cut off.
    pub(crate) fn torn_bytes(&self) -> u64 {
        self.torn_bytes
    }

    /// Whether this sequence is skipped, and not passed yet.
    pub(crate) fn skips(&self, sequence: u64) -> bool {
        self.skips.contains(&sequence)
    }

    /// The next sequence to skip at or behind `at`.
    pub(crate) fn next_skip(&mut self, at: u64) -> Option<u64> {
        while self.skips.last().is_some_and(|skip| *skip < at) {
            self.skips.pop();
        }
        self.skips.last().copied()
    }

    /// The next event at or behind `at` that was tried before, and how many tries of it failed.
    pub(crate) fn next_tried(&mut self, at: u64) -> Option<(u64, u32)> {
        self.tried.next(at)
    }

    /// The tries that an earlier life saw of this event before it was published again.
    pub(crate) fn tries_before(&self, sequence: u64) -> u32 {
        self.tried.before(sequence)
    }

    /// Notes that a try of an event failed, and that another comes.
    pub(crate) fn note_try(&mut self, place: LetterPlace, cause: &str) -> Result<(), KeepError> {
        self.append(&encode_try(self.journal_id, place, cause))
    }

    /// Notes that a handler refused an event for good, or that the event is due again.
    pub(crate) fn refuse(&mut self, place: LetterPlace, tries: Tries, cause: &str) -> Result<(), KeepError> {
        self.append(&match tries {
            Tries { made: ..=1, due_ns: None } => {
                encode(self.journal_id, place, DeadLetterKind::Refused, cause)
            }
            _ => encode_tried(self.journal_id, place, tries, cause),
        })
    }

    /// Appends an entry. It survives the death of the process from here on.
    fn append(&mut self, entry: &[u8]) -> Result<(), KeepError> {
        let before = self.file.metadata().map_err(io("look at", &self.path))?.len();
        as_an_error(|| self.file.write_all(entry)).map_err(|error| {
            // On a full disk the first half may have gone in, and nothing may follow that. (The keeper's mark
            // may; it says no more than is true.)
            let _ = self.file.set_len(before);
            io("append to", &self.path)(error)
        })
    }

    /// Has what was appended survive power loss too.
    pub(crate) fn sync(&self) -> Result<(), KeepError> {
        self.file.sync_data().map_err(io("sync", &self.path))
    }

    /// Skips an event by hand, durably.
    pub(crate) fn skip(&mut self, sequence: u64, epoch: u32) -> Result<(), KeepError> {
        if !self.skips(sequence) {
            let place = LetterPlace { sequence, epoch };
            self.append(&encode(self.journal_id, place, DeadLetterKind::Skipped, "skipped by hand"))?;
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

impl Drop for DeadLetterLog {
    fn drop(&mut self) {
        // If it can't be, damage to its end may be taken for a crash's; the next opening marks it.
        let _ = sync_and_mark(&self.file, self.journal_id);
    }
}

#[cfg(test)]
mod tests {
    use super::super::dead_letter_format::encode_entry;
    use super::*;

    const JOURNAL: JournalId = JournalId([7; 16]);

    fn letter(sequence: u64) -> Vec<u8> {
        let place = LetterPlace { sequence, epoch: 1 };
        encode(JOURNAL, place, DeadLetterKind::Refused, &format!("no trade {sequence}"))
    }

    fn sequences(read: &Read) -> Vec<u64> {
        read.letters.iter().map(|letter| letter.sequence).collect()
    }

    /// What the disk may hold of a sector: what was there at the last sync, or behind any append since.
    fn image(versions: &[Vec<u8>], choice: &[usize], sector_bytes: usize, length: usize) -> Vec<u8> {
        let sectors = choice.iter().enumerate().flat_map(|(sector, version)| {
            let byte = move |at| versions[*version].get(at).copied().unwrap_or(0);
            (sector * sector_bytes..(sector + 1) * sector_bytes).map(byte)
        });
        sectors.take(length).collect()
    }

    /// Three letters are synced and marked, three more are not: any sectors of what came since are on the
    /// disk or not, and the file is of any length. What is synced is read; what else is read is the beginning
    /// of the rest.
    #[test]
    fn power_loss_takes_nothing_that_is_synced_and_leaves_nothing_that_is_refused() {
        const SECTOR_BYTES: usize = 32;
        let mut synced: Vec<u8> = [1, 2, 3].into_iter().flat_map(letter).collect();
        let synced_bytes = synced.len();
        let mut versions = vec![synced.clone()];
        for entry in [encode_mark(JOURNAL, synced_bytes as u64), letter(4), letter(5), letter(6)] {
            synced.extend(entry);
            versions.push(synced.clone());
        }
        let longest = versions.last().unwrap().len();
        let (first, count) = (synced_bytes / SECTOR_BYTES, longest.div_ceil(SECTOR_BYTES));
        let (mut torn, mut whole, mut holes) = (0, 0, 0);
        // Old, behind the first letter since, and new.
        let kinds = [0, 2, 4];
        for pattern in 0..kinds.len().pow((count - first) as u32) {
            let mut choice = vec![4; count];
            let mut rest = pattern;
            for version in &mut choice[first..] {
                *version = kinds[rest % kinds.len()];
                rest /= kinds.len();
            }
            for length in (synced_bytes..=longest).rev().step_by(9) {
                let bytes = image(&versions, &choice, SECTOR_BYTES, length);
                let read = parse(&bytes, "sum").unwrap_or_else(|| panic!("{choice:?}, {length}"));
                let found = sequences(&read);
                assert_eq!(found, [1, 2, 3, 4, 5, 6][..found.len()], "{choice:?}, {length}");
                assert!(found.len() >= 3);
                match read.tail {
                    LogTail::Whole => whole += 1,
                    LogTail::Torn(bytes) => {
                        assert_eq!(read.whole + bytes as usize, length);
                        torn += 1;
                    }
                }
                let last = letter(6);
                holes += usize::from(found.len() < 6 && bytes.ends_with(&last));
            }
        }
        assert!(torn > 1000 && whole > 1 && holes > 10, "{torn} torn, {whole} whole, {holes} holes");
    }

    #[test]
    fn every_flipped_bit_of_what_is_synced_is_damage() {
        let mut bytes: Vec<u8> = [1, 2, 3].into_iter().flat_map(letter).collect();
        let synced = bytes.len();
        bytes.extend(encode_mark(JOURNAL, synced as u64));
        let marked = bytes.len();
        bytes.extend(letter(4));
        for bit in 0..synced * 8 {
            // With more behind the mark, and with nothing.
            for length in [marked, bytes.len()] {
                let mut flipped = bytes[..length].to_vec();
                flipped[bit / 8] ^= 1 << (bit % 8);
                assert!(parse(&flipped, "sum").is_none(), "bit {bit}");
            }
        }
        // Of the mark, and of what came since, no more is lost than that.
        for bit in synced * 8..marked * 8 {
            let mut flipped = bytes[..marked].to_vec();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(sequences(&parse(&flipped, "sum").unwrap()), [1, 2, 3], "bit {bit}");
        }
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        assert_eq!(sequences(&parse(&bytes, "sum").unwrap()), [1, 2, 3]);
    }

    #[test]
    fn a_mark_covers_no_more_than_lies_before_it_and_a_later_kind_is_not_passed_over() {
        // It was written while a letter was cut off that had gone in by half.
        let mut bytes = letter(1);
        bytes.extend(encode_mark(JOURNAL, 1000));
        let whole = bytes.len();
        bytes.extend(&letter(2)[..20]);
        let read = parse(&bytes, "sum").unwrap();
        assert_eq!((sequences(&read), read.whole, read.tail), (vec![1], whole, LogTail::Torn(20)));
        bytes.truncate(whole);
        bytes.extend(encode_entry(JOURNAL, (2, 1), u32::MAX, b"?"));
        assert!(parse(&bytes, "sum").is_none());
    }

    #[test]
    fn a_log_is_marked_once_and_only_as_far_as_it_is_synced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(NAME);
        let file = std::fs::OpenOptions::new().create(true).read(true).append(true).open(&path).unwrap();
        sync_and_mark(&file, JOURNAL).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"", "there is nothing to cover");
        (&file).write_all(&letter(1)).unwrap();
        let end = letter(1).len() as u64;
        for _ in 0..2 {
            sync_and_mark(&file, JOURNAL).unwrap();
            assert_eq!(std::fs::read(&path).unwrap(), [letter(1), encode_mark(JOURNAL, end)].concat());
        }
    }
}
