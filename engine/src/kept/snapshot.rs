//! Snapshots: a stage's state at a sequence, so that recovery need not replay what lies before it.
//!
//! A snapshot is a file of its own, written whole or not at all, checksummed over every byte, and anchored:
//! it names the record that it was taken behind, and is refused when the log holds another there. It is
//! written only once that record is durable, so that power loss can't leave a snapshot of events that the log
//! has lost.

use std::io::Write;
use std::ops::RangeInclusive;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use slipring_journal::__private::storage::{Access, Files, Folder, believed_bytes};
use slipring_journal::{Anchor, Journal, JournalId, RawReader, ReadError};

use super::folders::{stage_folder, write_whole};
use super::restored::RefusedSnapshot;
use crate::error::{KeepError, io};
use crate::handler::HandlerError;

/// A handler whose state can be saved and restored.
///
/// ```
/// use slipring::{HandlerError, Snapshot};
///
/// #[derive(Default)]
/// struct Volume { total: u64 }
///
/// impl Snapshot for Volume {
///     fn save(&self, out: &mut Vec<u8>) {
///         out.extend(self.total.to_le_bytes());
///     }
///
///     fn restore(&mut self, _version: u32, bytes: &[u8]) -> Result<(), HandlerError> {
///         self.total = u64::from_le_bytes(bytes.try_into()?);
///         Ok(())
///     }
/// }
/// ```
///
/// More: [snapshots][page].
///
/// [page]: https://github.com/slipring/slipring/blob/main/docs/how-to/write-a-recovering-stage.md#snapshots
pub trait Snapshot {
    /// Version of the bytes that `save` writes. It is kept with them and given to `restore`.
    const VERSION: u32 = 1;

    /// Appends the whole state to `out`. Called on the lane, between two events: the stage stands still while
    /// it runs, so it should only copy.
    fn save(&self, out: &mut Vec<u8>);

    /// Takes the state from bytes that `save` once wrote, in version `version`. Called on a handler as it was
    /// given to the stage.
    ///
    /// # Errors
    /// If the bytes or their version can't be used; recovery then tries the snapshot before. The state must
    /// be as if nothing had been called.
    fn restore(&mut self, version: u32, bytes: &[u8]) -> Result<(), HandlerError>;
}

/// When a stage's snapshots are taken and how many are kept.
///
/// See the example of [`Stage`](crate::Stage).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Snapshots {
    pub(crate) every: u64,
    pub(crate) keep: usize,
    pub(crate) at_shutdown: bool,
}

impl Snapshots {
    /// One at every sequence that is a multiple of `events` (at least 1), and one at shutdown; three are
    /// kept.
    ///
    /// The one before is still being written, or waits for its record to become durable: then one is left
    /// out.
    pub fn every(events: u64) -> Self {
        Snapshots { every: events.max(1), keep: 3, at_shutdown: true }
    }

    /// How many are kept, at least 1: if the newest is damaged, recovery takes the one before. Retention
    /// removes nothing until there are so many that can be used. Of a stage that others read they are counted
    /// in cuts: besides its newest it keeps those that fit the snapshots which its readers keep.
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

const MAGIC: &[u8; 8] = b"slipsnap";
const FORMAT: u32 = 1;
/// magic 8, format 4, the handler's version 4, journal id 16, sequence 8, epoch 4, record crc 4, state bytes
/// 8, crc 4, zeros 4.
const HEADER_BYTES: usize = 64;
const SUFFIX: &str = ".snapshot";

/// A snapshot's content.
#[derive(Debug)]
pub(crate) struct SnapshotContent {
    pub(crate) anchor: Anchor,
    pub(crate) version: u32,
    bytes: Vec<u8>,
}

impl SnapshotContent {
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

/// A stage's files. Those count that this life was restored from or has written, and those before it that
/// hold: each of these is read once a life. What recovery refused, or nobody looked at, counts for nothing:
/// counted in, it would have a good one removed, or retention remove what only seems to be covered.
#[derive(Debug, Default)]
pub(crate) struct StageSnapshots {
    restored_end: u64,
    written: Vec<u64>,
    /// Those before the one restored, and whether each holds.
    read: Vec<(u64, bool)>,
    /// Those that count, the oldest first, when last looked at.
    counting: Vec<(u64, String)>,
    others: Vec<(u64, String)>,
    has_looked: bool,
}

impl StageSnapshots {
    /// As a life begins; `restored_end` is 0 if no snapshot was restored.
    pub(crate) fn new(restored_end: u64) -> Self {
        StageSnapshots { restored_end, ..StageSnapshots::default() }
    }

    /// Whether it was ever looked what is there.
    pub(crate) fn has_looked(&self) -> bool {
        self.has_looked
    }

    /// Looks what is there.
    pub(crate) fn look(&mut self, folder: &Folder, journal: &Journal) -> Result<(), KeepError> {
        let files = list(folder)?;
        let is_unread = |end: u64| end < self.restored_end && self.read.iter().all(|(read, _)| *read != end);
        let unread: Vec<_> = files.iter().filter(|(end, _)| is_unread(*end)).collect();
        if !unread.is_empty() {
            let mut reader = journal.raw_reader()?;
            let holds = |(end, name): &(u64, String)| (*end, load(folder, name, &mut reader).is_ok());
            self.read.extend(unread.into_iter().map(holds).collect::<Vec<_>>());
        }
        let (restored_end, written, read) = (self.restored_end, &self.written, &self.read);
        let counts = |(end, _): &(u64, String)| {
            *end == restored_end || written.contains(end) || read.contains(&(*end, true))
        };
        (self.counting, self.others) = files.into_iter().partition(counts);
        self.has_looked = true;
        Ok(())
    }

    /// Where those end that count, rising.
    pub(crate) fn ends(&self) -> Vec<u64> {
        self.counting.iter().map(|(end, _)| *end).collect()
    }

    /// Writes a snapshot, which counts from here on.
    pub(crate) fn write(
        &mut self,
        folder: &Folder,
        anchor: &Anchor,
        version: u32,
        state: &[u8],
    ) -> Result<(), KeepError> {
        let end = anchor.sequence + 1;
        let name = format!("{end:020}{SUFFIX}");
        write_whole(folder, &name, |file| {
            file.write_all(&header(anchor, version, state))?;
            file.write_all(state)
        })?;
        self.written.push(end);
        Ok(())
    }

    /// Removes those that count and are not to be kept; of the others those that are older than these, or too
    /// many. Those ahead are left alone: they are of a history that the log has lost, or of another journal.
    pub(crate) fn remove_all_but(
        &mut self,
        folder: &Folder,
        keep: &[u64],
        most_others: usize,
    ) -> Result<(), KeepError> {
        let Some(newest) = self.counting.last().map(|(end, _)| *end) else { return Ok(()) };
        let oldest = self.counting.iter().map(|(end, _)| *end).find(|end| keep.contains(end));
        let is_too_old = |end: u64| keep.len() < self.counting.len() && Some(end) < oldest;
        let others = self.others.partition_point(|(end, _)| *end < newest);
        let too_many = others.saturating_sub(most_others);
        let gone = self.counting.iter().filter(|(end, _)| !keep.contains(end));
        let others = self.others[..others].iter().enumerate();
        let others = others.filter(|(at, (end, _))| *at < too_many || is_too_old(*end));
        for (end, name) in gone.chain(others.map(|(_, file)| file)) {
            folder.remove(name).map_err(io("remove", &folder.path().join(name)))?;
            self.written.retain(|written| written != end);
        }
        Ok(())
    }
}

/// The snapshots of a folder, the oldest first, by the sequence in their names.
pub(crate) fn list(folder: &Folder) -> Result<Vec<(u64, String)>, KeepError> {
    let mut files = Vec::new();
    for name in folder.list().map_err(io("list", folder.path()))? {
        if let Some(end) = end_by_name(&name) {
            files.push((end, name));
        }
    }
    files.sort();
    Ok(files)
}

fn end_by_name(name: &str) -> Option<u64> {
    name.strip_suffix(SUFFIX)?.parse().ok()
}

/// The newest snapshot of a stage that ends in this range and holds against the log, if there is one.
pub(crate) fn newest_in(
    journal: &Files,
    stage: &str,
    reader: &mut RawReader,
    ends: RangeInclusive<u64>,
) -> Result<Option<(u64, PathBuf)>, KeepError> {
    let Some(folder) = stage_folder(journal, stage)? else { return Ok(None) };
    let files = list(&folder)?.into_iter().rev();
    let mut within = files.filter(|(end, _)| ends.contains(end));
    let found = within.find(|(_, name)| load(&folder, name, reader).is_ok());
    Ok(found.map(|(end, name)| (end, folder.path().join(name))))
}

/// Reads a snapshot whose header says what its length is. Looked at first, so that nobody takes memory for
/// what a file only claims.
fn read(folder: &Folder, name: &str) -> Result<Vec<u8>, String> {
    let fault = |error: std::io::Error| error.to_string();
    let file = folder.open_file(name, Access::Read).map_err(fault)?;
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
pub(crate) fn load(folder: &Folder, name: &str, reader: &mut RawReader) -> Result<SnapshotContent, String> {
    let bytes = read(folder, name)?;
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
    if end_by_name(name).is_some_and(|end| end != anchor.sequence.wrapping_add(1)) {
        return Err(format!("it was taken behind sequence {}, not where its name says", anchor.sequence));
    }
    match reader.check_anchor(&anchor) {
        Ok(()) => Ok(SnapshotContent { anchor, version, bytes }),
        // All that came before has gone, and what it covers with it: it says all that there is to know.
        Err(ReadError::HistoryChanged { .. }) if is_at_start(reader, &anchor) => {
            Ok(SnapshotContent { anchor, version, bytes })
        }
        Err(error) => Err(error.to_string()),
    }
}

/// Retention may remove the record that the snapshot was taken behind, but none that comes after it.
fn is_at_start(reader: &RawReader, anchor: &Anchor) -> bool {
    anchor.journal_id == reader.journal_id()
        && anchor.sequence.checked_add(1) == Some(reader.first_sequence())
}

/// The newest snapshot that can be used and does not end behind `most`, by `restore`; and those that can't.
pub(crate) fn restore(
    journal: &Files,
    stage: &str,
    reader: &mut RawReader,
    most: u64,
    mut restore: impl FnMut(u32, &[u8]) -> Result<(), HandlerError>,
) -> Result<(Option<u64>, Vec<RefusedSnapshot>), KeepError> {
    let mut refused = Vec::new();
    let Some(folder) = stage_folder(journal, stage)? else { return Ok((None, refused)) };
    for (_, name) in list(&folder)?.into_iter().rev().filter(|(end, _)| *end <= most) {
        let restored = load(&folder, &name, reader).and_then(|content| {
            restore(content.version, content.state()).map_err(|error| error.to_string())?;
            Ok(content.end())
        });
        match restored {
            Ok(end) => return Ok((Some(end), refused)),
            Err(why) => refused.push(RefusedSnapshot { path: folder.path().join(name), why }),
        }
    }
    Ok((None, refused))
}

/// Where the snapshots of a stage end that end behind `most`, by their names, rising.
pub(crate) fn ends_behind(journal: &Files, stage: &str, most: u64) -> Result<Vec<u64>, KeepError> {
    let Some(folder) = stage_folder(journal, stage)? else { return Ok(Vec::new()) };
    let files = list(&folder)?;
    Ok(files.into_iter().map(|(end, _)| end).filter(|end| *end > most).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use slipring_journal::Event;

    #[derive(Clone, Copy, Debug, Event)]
    #[repr(C)]
    struct Tick {
        price: u64,
    }

    /// Damaged in one life, passed over in the next, it must not pass for good in the one behind that.
    #[test]
    fn a_damaged_one_before_the_one_restored_counts_for_nothing() {
        let place = tempfile::tempdir().unwrap();
        let journal = Journal::at(place.path().join("journal")).segment_records(64);
        let (mut writer, _) = journal.open::<Tick>().unwrap();
        (0..10).try_for_each(|n| writer.append(n, &Tick { price: n }).map(|_| ())).unwrap();
        writer.close().unwrap();
        let folder = Folder::open(place.path()).unwrap();
        let mut reader = journal.raw_reader().unwrap();
        let mut before = StageSnapshots::new(0);
        for end in [4, 6, 8] {
            before.write(&folder, &reader.anchor(end - 1).unwrap(), 1, &[end as u8; 9]).unwrap();
        }
        before.look(&folder, &journal).unwrap();
        assert_eq!(before.ends(), [4, 6, 8]);
        let damaged = place.path().join(format!("{:020}{SUFFIX}", 6));
        let mut bytes = std::fs::read(&damaged).unwrap();
        bytes[HEADER_BYTES] ^= 1;
        std::fs::write(&damaged, bytes).unwrap();

        let mut files = StageSnapshots::new(8);
        assert!(!files.has_looked() && files.ends().is_empty());
        files.look(&folder, &journal).unwrap();
        assert_eq!(files.ends(), [4, 8]);
        files.remove_all_but(&folder, &[4, 8], 0).unwrap();
        assert!(!damaged.exists() && list(&folder).unwrap().len() == 2);
    }
}
