//! A primary that another was promoted over becomes a replica of what both were.
//!
//! ```text
//!  stream:   0 1 2 3 4 5 | epoch | 6' 7' 8'
//!  journal:  0 1 2 3 4 5            6 7
//!                      ^            ^ set aside: in files beside the journal
//!                      fork: the greatest sequence at which both have the same record
//! ```

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_nats::{Client, jetstream};
use slipring_bridge::wire::Kind;
use slipring_journal::{Anchor, Journal, RawReader, ReadError, RejoinError, RejoinReport};

use crate::incoming::InError;
use crate::incoming::leader::{self, Leader};
use crate::incoming::message::Met;
use crate::incoming::stream::Subject;
use crate::standby::{IntentError, LastMessage, Patience, Told, forget};

/// Why a journal does not rejoin. Nothing was changed, unless it is [`RejoinFailure::Rejoin`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RejoinFailure {
    /// The stream can't be read.
    #[error(transparent)]
    Stream(#[from] InError),
    /// The journal can't be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The stream is empty.
    #[error("the stream holds no message: nothing there says what was agreed")]
    Empty,
    /// Nobody was promoted over this one.
    #[error(
        "the stream is in epoch {epoch}, and this journal in {own}: nobody was promoted over it, and what it has beyond \
         the stream is still to be sent (slipring-bridge out)"
    )]
    NotFenced {
        /// The stream's epoch.
        epoch: u32,
        /// The journal's.
        own: u32,
    },
    /// They have no record in common.
    #[error(
        "no record is the same in the stream and in this journal: what they have in common is gone from one of them, or \
         there was none; begin a new replica (slipring-bridge in --into)"
    )]
    NothingInCommon,
    /// The journal can't be cut there.
    #[error(transparent)]
    Rejoin(#[from] RejoinError),
    /// A note of an earlier promotion can't be removed.
    #[error(transparent)]
    Intent(#[from] IntentError),
}

/// What was done.
#[derive(Clone, Debug)]
pub struct Rejoined {
    /// The last record that both have.
    pub fork: Anchor,
    /// The stream's epoch.
    pub epoch: u32,
    /// What was set aside, and where.
    pub report: RejoinReport,
}

/// Makes a journal that another was promoted over a replica: what it has beyond the last record that the
/// stream has too is set aside, in files beside it, and cut off. The journal's program must not run. Then it
/// follows the stream as any replica.
///
/// It gives up once the stream could not be read for as long as `give_up` says, and tells meanwhile what is
/// wrong.
///
/// # Errors
/// [`RejoinFailure`].
pub async fn rejoin(
    journal: &Journal,
    client: &Client,
    stream: &str,
    subject: Option<&str>,
    give_up: Option<Duration>,
    tell: impl FnMut(Told),
) -> Result<Rejoined, RejoinFailure> {
    let context = jetstream::new(client.clone());
    let mut patience = Patience::new(give_up, tell);
    let subject = patience.ask(|| Subject::open(&context, stream, subject)).await?;
    let mut leader = Leader::default();
    let (fork, epoch) = loop {
        let found = look(journal, &subject, &mut patience).await;
        let info = patience.ask(|| subject.info()).await?;
        if leader.is_settled(info.cluster.as_ref(), Instant::now()) {
            break found?;
        }
        // Of a leader that does not know the stream's end yet, too much would be set aside.
        tokio::time::sleep(leader::LOOK).await;
    };
    let report = journal.rejoin(fork)?;
    forget(journal.path())?;
    Ok(Rejoined { fork, epoch, report })
}

/// The last record that both have, and the stream's epoch.
async fn look<T: FnMut(Told)>(
    journal: &Journal,
    subject: &Subject,
    patience: &mut Patience<T>,
) -> Result<(Anchor, u32), RejoinFailure> {
    let last = patience.ask(|| LastMessage::look(subject)).await?.ok_or(RejoinFailure::Empty)?;
    let reader = journal.raw_reader()?;
    let identity = reader.identity();
    if !last.head.is_of(identity.journal_id, identity.branch) {
        let (wanted, wanted_branch) = (identity.journal_id, identity.branch);
        let (at, found, found_branch) = (last.place, last.head.journal_id, last.head.branch);
        return Err(InError::OtherJournal { at, wanted, wanted_branch, found, found_branch }.into());
    }
    // A rejoin that was cut short has left a replica.
    if last.epoch <= identity.epoch && !reader.is_replica() {
        return Err(RejoinFailure::NotFenced { epoch: last.epoch, own: identity.epoch });
    }
    Ok((find_fork(subject, reader, patience).await?, last.epoch))
}

/// The greatest sequence at which both have the same record. Up to there they agree everywhere, and nowhere
/// behind it: each record's checksum binds it to its place, and its epoch to who wrote it.
async fn find_fork<T: FnMut(Told)>(
    subject: &Subject,
    reader: RawReader,
    patience: &mut Patience<T>,
) -> Result<Anchor, RejoinFailure> {
    let local = Mutex::new(Local { reader, fault: None });
    let lock = || local.lock().unwrap_or_else(PoisonError::into_inner);
    let around = patience.ask(|| subject.around(|met| !lock().agrees(met))).await?;
    let mut local = local.into_inner().unwrap_or_else(PoisonError::into_inner);
    if let Some(fault) = local.fault.take() {
        return Err(fault.into());
    }
    let below = around.below.as_ref().and_then(|met| met.head.end().checked_sub(1));
    let inside = around.found.as_ref().and_then(|met| local.last_common(met));
    let Some(fork) = below.max(inside) else { return Err(RejoinFailure::NothingInCommon) };
    match local.anchor(fork) {
        Some(anchor) => Ok(anchor),
        None => Err(local.fault.map_or(RejoinFailure::NothingInCommon, RejoinFailure::Read)),
    }
}

/// The journal that is here.
struct Local {
    reader: RawReader,
    /// What was met in reading it.
    fault: Option<ReadError>,
}

impl Local {
    fn anchor(&mut self, sequence: u64) -> Option<Anchor> {
        let is_here = (self.reader.first_sequence()..self.reader.end_sequence()).contains(&sequence);
        if !is_here {
            return None;
        }
        match self.reader.anchor(sequence) {
            Ok(anchor) => Some(anchor),
            Err(fault) => {
                self.fault.get_or_insert(fault);
                None
            }
        }
    }

    /// Whether the last record that a message tells of is here too. What retention has taken here is taken
    /// for the same.
    fn agrees(&mut self, met: &Met) -> bool {
        if met.head.end() <= self.reader.first_sequence() {
            return true;
        }
        match met.head.last() {
            Some(place) => self.anchor(place.sequence).is_some_and(|anchor| place.is_of(&anchor)),
            // A schema of whose record before nothing is known: those behind it say more.
            None => met.head.end() <= self.reader.end_sequence(),
        }
    }

    /// The last record in a message that is here too.
    fn last_common(&mut self, met: &Met) -> Option<u64> {
        if met.head.kind != Kind::Records {
            return None;
        }
        let record_bytes = met.payload.len().checked_div(met.head.count as usize)?;
        let records = (met.head.first..).zip(met.payload.chunks_exact(record_bytes.max(16)));
        let mut common = None;
        for (sequence, record) in records {
            let word =
                |at: usize| u32::from_le_bytes([record[at], record[at + 1], record[at + 2], record[at + 3]]);
            match self.anchor(sequence) {
                Some(here) if (here.epoch, here.crc) == (word(8) >> 4, word(12)) => common = Some(sequence),
                Some(_) | None if sequence < self.reader.first_sequence() => {}
                _ => break,
            }
        }
        common
    }
}

/// A file of records that a rejoin has set aside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetAsideFile {
    /// The file.
    pub path: PathBuf,
    /// The sequence of its first record.
    pub first: u64,
    /// The sequence behind its last.
    pub end: u64,
    /// The journal's epoch when it was cut.
    pub epoch: u32,
}

/// A record that was set aside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetAsideRecord {
    /// The sequence that it had.
    pub sequence: u64,
    /// Journal time, nanoseconds.
    pub time_ns: u64,
    /// The epoch of the writer that appended it.
    pub epoch: u32,
    /// Its checksum.
    pub crc: u32,
    /// The event, with what fills the record up behind it.
    pub event: Vec<u8>,
}

/// The files beside a journal that rejoins have set aside, the oldest first. They stay until somebody removes
/// them.
///
/// # Errors
/// The folder can't be listed.
pub fn set_aside(folder: &Path) -> io::Result<Vec<SetAsideFile>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let told = name.to_str().and_then(told_by_name);
        found.extend(told.map(|(first, end, epoch)| SetAsideFile { path: entry.path(), first, end, epoch }));
    }
    found.sort_by(|one, other| {
        (one.epoch, one.first, &one.path).cmp(&(other.epoch, other.first, &other.path))
    });
    Ok(found)
}

fn told_by_name(name: &str) -> Option<(u64, u64, u32)> {
    let (first, rest) = name.strip_prefix("discarded-")?.split_once("-to-")?;
    let (end, rest) = rest.split_once("-epoch-")?;
    let epoch = rest.strip_suffix(".bin")?.split('-').next()?;
    let (first, end) = (first.parse().ok()?, end.parse().ok()?);
    (first < end).then_some((first, end, epoch.parse().ok()?))
}

impl SetAsideFile {
    /// Its records, in order.
    ///
    /// # Errors
    /// It can't be read, or is not as long as its name says.
    pub fn records(&self) -> io::Result<Vec<SetAsideRecord>> {
        let bytes = fs::read(&self.path)?;
        let count = usize::try_from(self.end - self.first).unwrap_or(usize::MAX);
        let record_bytes = bytes.len() / count;
        if record_bytes < 16 || bytes.len() % count != 0 {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "it holds other than whole records"));
        }
        let word = |record: &[u8], at: usize| {
            u32::from_le_bytes([record[at], record[at + 1], record[at + 2], record[at + 3]])
        };
        let records = (self.first..).zip(bytes.chunks_exact(record_bytes)).map(|(sequence, record)| {
            let time_ns = u64::from(word(record, 0)) | u64::from(word(record, 4)) << 32;
            let (epoch, crc) = (word(record, 8) >> 4, word(record, 12));
            SetAsideRecord { sequence, time_ns, epoch, crc, event: record[16..].to_vec() }
        });
        Ok(records.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_says_by_its_name_what_it_holds_and_another_file_is_none() {
        let name = "discarded-00000000000000000007-to-00000000000000000009-epoch-3.bin";
        assert_eq!(told_by_name(name), Some((7, 9, 3)));
        assert_eq!(told_by_name(&name.replace(".bin", "-2.bin")), Some((7, 9, 3)));
        for other in
            ["discarded-00000000000000000007-epoch-12.bin", "control", "discarded-9-to-7-epoch-1.bin"]
        {
            assert_eq!(told_by_name(other), None, "{other}");
        }
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(name), [[1u8; 24], [2; 24]].concat()).unwrap();
        fs::write(folder.path().join("control"), "").unwrap();
        let files = set_aside(folder.path()).unwrap();
        assert_eq!((files.len(), files[0].first, files[0].end, files[0].epoch), (1, 7, 9, 3));
        let records = files[0].records().unwrap();
        assert_eq!((records.len(), records[1].sequence, records[1].event.len()), (2, 8, 8));
        fs::write(folder.path().join(name), [0; 23]).unwrap();
        assert!(files[0].records().is_err());
    }
}
