//! A journal takes its own records back from its stream, before its program opens it.
//!
//! Whoever sends ahead of the disk may find after power loss that the stream has records which the journal
//! has lost. They are the journal's own, each bound to it and to its place by its checksum: they are taken
//! back byte for byte, and the program goes on behind them. First all is looked at: whose the stream is, that
//! its epoch is none beyond the journal's, and that the journal's last record lies in the stream as it lies
//! here. Nothing is changed where one of these does not hold.

use slipring_bridge::history::HistoryError;
use slipring_bridge::wire::{Head, Kind, Schema};
use slipring_journal::{
    Anchor, Journal, NextTypeError, OpenError, Origin, RawChunk, RejoinError, Replica, SyncError, TakeError,
};

use crate::connect::Connect;
use crate::error::{ConnectError, StreamError};
use crate::incoming::InError;
use crate::incoming::leader::{self, Leader};
use crate::incoming::message::Met;
use crate::incoming::stream::Subject;
use crate::stream::StreamOptions;

/// Why a journal does not get its records back. It is as it was, or a replica that
/// [`recover`] goes on with when told so.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecoverError {
    /// There is no connection.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The stream can't be had, or not be read.
    #[error(transparent)]
    Stream(#[from] StreamError),
    /// The stream is not this journal's.
    #[error(transparent)]
    History(#[from] HistoryError),
    /// What the stream holds can't be read.
    #[error(transparent)]
    Read(#[from] InError),
    /// The stream does not have what is needed.
    #[error(
        "the stream has no {what} any more: its limits have taken it; the journal can't get its records back"
    )]
    Missing {
        /// What.
        what: String,
    },
    /// The journal holds no record by which it could be told.
    #[error(
        "the journal holds no record that the stream could confirm: put a copy of it back, or let a new one follow the \
         stream (slipring-bridge in --into)"
    )]
    Empty,
    /// It is a replica, and nobody said that this is what an earlier try left.
    #[error(
        "the journal is a replica: if an earlier recover was cut short, say so (--finish); a standby would be promoted \
         by it, and is not to be"
    )]
    Replica,
    /// The journal can't be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The journal can't be made one that takes records.
    #[error(transparent)]
    Rejoin(#[from] RejoinError),
    /// A record does not follow those that are here.
    #[error(transparent)]
    Take(#[from] TakeError),
    /// A newer type of events can't be gone on with.
    #[error(transparent)]
    NextType(#[from] NextTypeError),
    /// What was taken can't be made durable.
    #[error(transparent)]
    Sync(#[from] SyncError),
}

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recovered {
    /// Where the journal ended.
    pub from: u64,
    /// Where it ends now.
    pub end: u64,
    /// The epoch in which it was brought in order; none if there was nothing to do.
    pub epoch: Option<u32>,
}

/// Takes back what the stream has beyond the journal's end. The journal's program must not run. `finish` says
/// that a journal which is a replica is what an earlier try left.
///
/// # Errors
/// [`RecoverError`].
pub async fn recover(
    journal: &Journal,
    connect: &Connect,
    stream: &StreamOptions,
    finish: bool,
) -> Result<Recovered, RecoverError> {
    let link = connect.connect().await?;
    let (found, _) = stream.find(&link.jetstream).await?;
    let subject = Subject { stream: found, subject: stream.subject().to_owned() };
    let local = Local::look(journal)?;
    if local.is_replica && !finish {
        return Err(RecoverError::Replica);
    }
    let Some(last) = settled_last(&subject).await? else {
        return Ok(Recovered { from: local.end, end: local.end, epoch: None });
    };
    local.must_be_its(&last.head)?;
    if last.head.end() <= local.end && !local.is_replica {
        return Ok(Recovered { from: local.end, end: local.end, epoch: None });
    }
    let anchor = local.last.ok_or(RecoverError::Empty)?;
    let mut taking = None;
    if last.head.end() > local.end {
        let at = confirm(&subject, &anchor).await?;
        if !local.is_replica {
            journal.rejoin(anchor)?;
        }
        taking = Some(take(journal, &subject, &local, at..=last.at).await?);
    }
    let schema = match taking {
        Some(schema) => schema,
        None => journal.raw_reader().map_err(HistoryError::from)?.schema().ok_or(RecoverError::Empty)?,
    };
    let (writer, report) = journal.clone().write_on().open_raw(&schema)?;
    writer.close()?;
    Ok(Recovered { from: local.end, end: report.end_sequence, epoch: Some(report.epoch) })
}

/// The stream's last message, of a leader that knows it: of another too little would be taken back.
async fn settled_last(subject: &Subject) -> Result<Option<Met>, InError> {
    let mut leader = Leader::default();
    loop {
        let last = subject.last().await?;
        if subject.is_settled(&mut leader).await? {
            return Ok(last);
        }
        tokio::time::sleep(leader::LOOK).await;
    }
}

/// Refuses a stream in which another record lies in the anchor's place, or none; where the message lies that
/// holds it.
async fn confirm(subject: &Subject, anchor: &Anchor) -> Result<u64, RecoverError> {
    let gone = || RecoverError::Missing { what: format!("record {}", anchor.sequence) };
    let around = subject.around(|met| met.head.end() > anchor.sequence).await?;
    let holding = around.found.filter(|met| met.head.kind == Kind::Records).ok_or_else(gone)?;
    let schema = subject.schema(holding.head.schema.ok_or_else(gone)?, &holding).await?;
    let chunk = records(&holding, &schema)?;
    let record = chunk.records().find(|record| record.sequence == anchor.sequence).ok_or_else(gone)?;
    if (record.epoch, record.crc) != (anchor.epoch, anchor.crc) {
        let (sequence, stream, journal) = (anchor.sequence, record.crc, anchor.crc);
        return Err(HistoryError::Differs { sequence, stream, journal }.into());
    }
    Ok(holding.at)
}

fn records<'a>(met: &'a Met, schema: &Schema) -> Result<RawChunk<'a>, InError> {
    let damaged = |source| InError::Damaged { at: met.at, source };
    met.head.records(&met.payload, schema).map_err(damaged)
}

/// Takes what lies in these messages beyond the journal's end; the schema of the last.
async fn take(
    journal: &Journal,
    subject: &Subject,
    local: &Local,
    places: std::ops::RangeInclusive<u64>,
) -> Result<slipring_journal::Schema, RecoverError> {
    let origin = Origin { journal_id: local.journal_id, branch: local.branch, first: 0, before: None };
    let (mut replica, mut schema): (Option<Replica>, Option<(u64, Schema)>) = (None, None);
    let (mut at, mut before) = (*places.start(), local.last.map(|last| (last.epoch, last.crc)));
    // What is gone from in between is met as a gap.
    while let Some(met) = subject.at_or_behind(at).await?.filter(|met| met.at <= *places.end()) {
        at = met.at + 1;
        let Some(in_force) = met.head.schema.filter(|_| met.head.kind == Kind::Records) else { continue };
        let schema = match schema.take_if(|(known, _)| *known == in_force) {
            Some(known) => schema.insert(known),
            None => schema.insert((in_force, subject.schema(in_force, &met).await?)),
        };
        let chunk = records(&met, &schema.1)?;
        let record_bytes = chunk.record_bytes();
        let mut open = match replica.take() {
            None => journal.replica(&schema.1.events, &origin)?.0,
            Some(open) => open.next_type(&schema.1.events)?,
        };
        let next = open.end_sequence();
        let skip = next.saturating_sub(met.head.first).min(u64::from(met.head.count)) as usize;
        // In this message, or the last of the one before; of the first one that is confirmed here.
        if let Some(record) = skip.checked_sub(1).and_then(|last| chunk.records().nth(last)) {
            before = Some((record.epoch, record.crc));
        }
        open.take(met.head.first + skip as u64, before, &met.payload[skip * record_bytes..])?;
        before = met.head.last().and_then(|last| Some((last.epoch?, last.crc)));
        replica = Some(open);
    }
    let replica = replica.ok_or_else(|| RecoverError::Missing { what: "records".to_owned() })?;
    let events = replica.schema().clone();
    replica.close()?;
    Ok(events)
}

/// The journal as it is.
struct Local {
    journal_id: slipring_journal::JournalId,
    branch: [u8; 16],
    epoch: u32,
    end: u64,
    last: Option<Anchor>,
    is_replica: bool,
}

impl Local {
    fn look(journal: &Journal) -> Result<Self, HistoryError> {
        let mut reader = journal.raw_reader()?;
        let identity = reader.identity();
        let (first, end) = (reader.first_sequence(), reader.end_sequence());
        let last = (end > first).then(|| reader.anchor(end - 1)).transpose()?;
        let is_replica = reader.is_replica();
        let (journal_id, branch, epoch) = (identity.journal_id, identity.branch, identity.epoch);
        Ok(Local { journal_id, branch, epoch, end, last, is_replica })
    }

    /// Refuses a stream of another journal, or of a writer promoted since.
    fn must_be_its(&self, head: &Head) -> Result<(), HistoryError> {
        if head.journal_id != self.journal_id {
            Err(HistoryError::OtherJournal { found: head.journal_id, own: self.journal_id })
        } else if head.branch != self.branch {
            Err(HistoryError::OtherBranch { found: head.branch, own: self.branch })
        } else if head.epoch > self.epoch {
            Err(HistoryError::Fenced { epoch: head.epoch, own: self.epoch })
        } else {
            Ok(())
        }
    }
}
