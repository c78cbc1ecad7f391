//! Snapshots: a stage's state at a sequence, so that recovery need not replay what lies before it.
//!
//! A snapshot is a file of its own, written whole or not at all, checksummed over every byte, and anchored: it names
//! the record that it was taken behind, and is refused when the log holds another there. It is written only once
//! that record is durable, so that power loss can't leave a snapshot of events that the log has lost.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use slipring_journal::storage::{believed_bytes, open_regular};
use slipring_journal::{Anchor, JournalId, RawReader, ReadError};

use super::{KeepError, io, stage_folder, write_whole};
use crate::handler::HandlerError;

/// A handler whose state can be saved and restored.
pub trait Snapshot {
    /// Version of the bytes that `save` writes. It is kept with them and given to `restore`.
    const VERSION: u32 = 1;

    /// Appends the whole state to `out`. Called on the lane, between two events: the stage stands still while it
    /// runs, so it should only copy.
    fn save(&self, out: &mut Vec<u8>);

    /// Takes the state from bytes that `save` once wrote, in version `version`. Called on a handler as it was given
    /// to the stage.
    ///
    /// # Errors
    /// If the bytes or their version can't be used; recovery then tries the snapshot before. The state must be as if
    /// nothing had been called.
    fn restore(&mut self, version: u32, bytes: &[u8]) -> Result<(), HandlerError>;
}

/// When a stage's snapshots are taken and how many are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Snapshots {
    pub(crate) every: u64,
    pub(crate) keep: usize,
    pub(crate) at_shutdown: bool,
}

impl Snapshots {
    /// One behind every sequence that divides by `events` (at least 1), and one at shutdown; three are kept.
    ///
    /// The one before is still being written, or waits for its record to become durable: then one is left out.
    pub fn every(events: u64) -> Self {
        Snapshots { every: events.max(1), keep: 3, at_shutdown: true }
    }

    /// How many are kept, at least 1: if the newest is damaged, recovery takes the one before. Retention removes
    /// nothing until there are so many that can be used.
    #[must_use]
    pub fn keep(mut self, count: usize) -> Self {
        self.keep = count.max(1);
        self
    }

    /// Whether one is taken at shutdown, so that the next start replays nothing.
    #[must_use]
    pub fn at_shutdown(mut self, whether: bool) -> Self {
        self.at_shutdown = whether;
        self
    }
}

/// What became of one stage's state in [`From::Snapshot`](crate::From::Snapshot).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    /// The stage.
    pub stage: String,
    /// The stage starts with the state behind the event before this sequence; `None` if it starts without any.
    pub end: Option<u64>,
    /// Snapshots that were not taken, the newest first, and why.
    pub refused: Vec<RefusedSnapshot>,
}

/// A snapshot that could not be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedSnapshot {
    /// The file. It is left where it is.
    pub path: PathBuf,
    /// Why it was refused.
    pub why: String,
}

impl std::fmt::Display for Restored {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.end {
            Some(end) => write!(f, "{}: restored from the snapshot at {end}", self.stage)?,
            None => write!(f, "{}: no snapshot", self.stage)?,
        }
        self.refused
            .iter()
            .try_for_each(|refused| write!(f, "; {} refused: {}", refused.path.display(), refused.why))
    }
}

const MAGIC: &[u8; 8] = b"slipsnap";
const FORMAT: u32 = 1;
/// magic 8, format 4, the handler's version 4, journal id 16, sequence 8, epoch 4, record crc 4, state bytes 8, crc 4,
/// zeros 4.
const HEADER_BYTES: usize = 64;
const SUFFIX: &str = ".snapshot";

/// A snapshot's content.
#[derive(Debug)]
pub(crate) struct Content {
    pub(crate) anchor: Anchor,
    pub(crate) version: u32,
    bytes: Vec<u8>,
}

impl Content {
    pub(crate) fn state(&self) -> &[u8] {
        &self.bytes[HEADER_BYTES..]
    }

    /// The sequence behind the last event in it.
    pub(crate) fn end(&self) -> u64 {
        self.anchor.sequence + 1
    }
}

fn header(anchor: &Anchor, version: u32, state: &[u8]) -> [u8; HEADER_BYTES] {
    let mut header = [0; HEADER_BYTES];
    header[..8].copy_from_slice(MAGIC);
    header[8..12].copy_from_slice(&FORMAT.to_le_bytes());
    header[12..16].copy_from_slice(&version.to_le_bytes());
    header[16..32].copy_from_slice(&anchor.journal_id.0);
    header[32..40].copy_from_slice(&anchor.sequence.to_le_bytes());
    header[40..44].copy_from_slice(&anchor.epoch.to_le_bytes());
    header[44..48].copy_from_slice(&anchor.crc.to_le_bytes());
    header[48..56].copy_from_slice(&(state.len() as u64).to_le_bytes());
    let crc = crc32c::crc32c_append(crc32c::crc32c(&header[..56]), state);
    header[56..60].copy_from_slice(&crc.to_le_bytes());
    header
}

/// Which of a stage's files count: the one that this life was restored from and those before it, which nobody had to
/// look at, and those written since. What recovery refused, or nobody looked at, counts for nothing: counted in, it
/// would have a good one removed, or retention remove what only seems to be covered.
#[derive(Debug)]
pub(crate) struct Usable {
    restored_end: u64,
    written: Vec<u64>,
}

impl Usable {
    /// As a life begins; `restored_end` is 0 if no snapshot was restored.
    pub(crate) fn new(restored_end: u64) -> Self {
        Usable { restored_end, written: Vec::new() }
    }

    fn counts(&self, end: u64) -> bool {
        end <= self.restored_end || self.written.contains(&end)
    }

    /// What they cover, so that recovery can fall back to any of them: all below the oldest once there are `keep`, and
    /// nothing before.
    pub(crate) fn covers(&self, folder: &Path, keep: usize) -> Result<u64, KeepError> {
        let files: Vec<_> = list(folder)?.into_iter().filter(|(end, _)| self.counts(*end)).collect();
        Ok(covered(&files, keep))
    }

    /// Writes a snapshot, then removes those before it that are too many: of those that count, and as many again of
    /// the others. Those ahead of it are left alone: they are of a history that the log has lost, or of another
    /// journal. What those that count cover now.
    pub(crate) fn write(
        &mut self,
        folder: &Path,
        anchor: &Anchor,
        version: u32,
        state: &[u8],
        keep: usize,
    ) -> Result<u64, KeepError> {
        let new_end = anchor.sequence + 1;
        let name = format!("{new_end:020}{SUFFIX}");
        write_whole(folder, &name, |file| {
            file.write_all(&header(anchor, version, state))?;
            file.write_all(state)
        })?;
        self.written.push(new_end);
        let files = list(folder)?.into_iter().filter(|(end, _)| *end <= new_end);
        let (count, others): (Vec<_>, Vec<_>) = files.partition(|(end, _)| self.counts(*end));
        let too_many = count.len().saturating_sub(keep);
        let oldest = count.get(too_many).map_or(0, |(end, _)| *end);
        let most_others = if too_many > 0 { others.partition_point(|(end, _)| *end < oldest) } else { 0 };
        let too_many_others = most_others.max(others.len().saturating_sub(keep));
        for (end, path) in count[..too_many].iter().chain(&others[..too_many_others]) {
            std::fs::remove_file(path).map_err(io("remove", path))?;
            self.written.retain(|written| written != end);
        }
        Ok(covered(&count[too_many..], keep))
    }
}

/// What these files, the oldest first, cover if `keep` of them are wanted.
fn covered(files: &[(u64, PathBuf)], keep: usize) -> u64 {
    files.first().filter(|_| files.len() >= keep).map_or(0, |(end, _)| *end)
}

/// The snapshots of a folder, the oldest first, by the sequence in their names.
pub(crate) fn list(folder: &Path) -> Result<Vec<(u64, PathBuf)>, KeepError> {
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(io("list", folder))?,
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.map_err(io("list", folder))?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if let Some(end) = name.strip_suffix(SUFFIX).and_then(|digits| digits.parse().ok()) {
            files.push((end, path));
        }
    }
    files.sort();
    Ok(files)
}

/// The newest snapshot of a stage that has the event `sequence` in it and holds against the log, if there is one.
pub(crate) fn newest_above(
    journal: &Path,
    stage: &str,
    reader: &mut RawReader,
    sequence: u64,
) -> Result<Option<PathBuf>, KeepError> {
    let files = list(&stage_folder(journal, stage))?.into_iter().rev();
    let mut above = files.take_while(|(end, _)| *end > sequence);
    Ok(above.find(|(_, path)| load(path, reader).is_ok()).map(|(_, path)| path))
}

/// Reads a snapshot whose header says what its length is. Looked at first, so that nobody takes memory for what a file
/// only claims.
fn read(path: &Path) -> Result<Vec<u8>, String> {
    let fault = |error: std::io::Error| error.to_string();
    let file = open_regular(path, OpenOptions::new().read(true)).map_err(fault)?;
    let length = believed_bytes(&file).map_err(fault)?;
    let mut header = [0; HEADER_BYTES];
    if length < HEADER_BYTES as u64 || file.read_exact_at(&mut header, 0).is_err() || &header[..8] != MAGIC {
        return Err("it is no snapshot".to_owned());
    }
    let state_bytes = u64::from_le_bytes(header[48..56].try_into().unwrap_or_default());
    if state_bytes != length - HEADER_BYTES as u64 {
        return Err(format!("it has {length} bytes, and its header says {state_bytes} behind itself"));
    }
    let mut bytes = vec![0; length as usize];
    file.read_exact_at(&mut bytes, 0).map_err(fault)?;
    Ok(bytes)
}

/// Reads a snapshot and checks it against itself and the log.
pub(crate) fn load(path: &Path, reader: &mut RawReader) -> Result<Content, String> {
    let bytes = read(path)?;
    let field = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap_or_default());
    let long = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap_or_default());
    if field(8) != FORMAT {
        return Err(format!("its format is {}, and this version reads {FORMAT}", field(8)));
    }
    let journal_id = JournalId(bytes[16..32].try_into().unwrap_or_default());
    let anchor = Anchor { journal_id, sequence: long(32), epoch: field(40), crc: field(44) };
    let version = field(12);
    if bytes[..HEADER_BYTES] != header(&anchor, version, &bytes[HEADER_BYTES..]) {
        return Err("its checksum does not hold".to_owned());
    }
    match reader.check_anchor(&anchor) {
        Ok(()) => Ok(Content { anchor, version, bytes }),
        // All that came before has gone, and what it covers with it: it says all that there is to know.
        Err(ReadError::HistoryChanged { .. }) if is_at_start(reader, &anchor) => {
            Ok(Content { anchor, version, bytes })
        }
        Err(error) => Err(error.to_string()),
    }
}

/// Retention may remove the record that the snapshot was taken behind, but none that comes after it.
fn is_at_start(reader: &RawReader, anchor: &Anchor) -> bool {
    anchor.journal_id == reader.journal_id()
        && anchor.sequence.checked_add(1) == Some(reader.first_sequence())
}

/// The newest snapshot that can be used, by `restore`, and those that can't.
pub(crate) fn restore(
    journal: &Path,
    stage: &str,
    reader: &mut RawReader,
    mut restore: impl FnMut(u32, &[u8]) -> Result<(), HandlerError>,
) -> Result<Restored, KeepError> {
    let mut refused = Vec::new();
    for (_, path) in list(&stage_folder(journal, stage))?.into_iter().rev() {
        let restored = load(&path, reader).and_then(|content| {
            restore(content.version, content.state()).map_err(|error| error.to_string())?;
            Ok(content.end())
        });
        match restored {
            Ok(end) => return Ok(Restored { stage: stage.to_owned(), end: Some(end), refused }),
            Err(why) => refused.push(RefusedSnapshot { path, why }),
        }
    }
    Ok(Restored { stage: stage.to_owned(), end: None, refused })
}
