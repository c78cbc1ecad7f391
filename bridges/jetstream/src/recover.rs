//! A journal takes its own records back from its stream, before its program opens it.
//!
//! Whoever sends ahead of the disk may find after power loss that the stream has records which the journal has
//! lost. They are the journal's own, each bound to it and to its place by its checksum: they are taken back
//! byte for byte, and the program goes on behind them. First all is looked at: whose the stream is, that its
//! epoch is none beyond the journal's, and that the journal's last record lies in the stream as it lies here.
//! Nothing is changed where one of these does not hold.

use async_nats::jetstream::stream::{LastRawMessageErrorKind, Stream};
use bytes::Bytes;
use slipring_bridge::history::HistoryError;
use slipring_bridge::wire::{Head, HeadError, Kind, PayloadError, Schema};
use slipring_journal::{
    Anchor, Journal, NextTypeError, OpenError, Origin, RejoinError, Replica, SyncError, TakeError,
};

use crate::connect::Connect;
use crate::error::{ConnectError, StreamError};
use crate::message::head_of;
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
    /// A message is none of slipring.
    #[error("message {place} of the stream: {fault}")]
    Head {
        /// Its stream sequence.
        place: u64,
        /// What is wrong with it.
        fault: HeadError,
    },
    /// A message's payload is not what its headers say.
    #[error("message {place} of the stream: {fault}")]
    Payload {
        /// Its stream sequence.
        place: u64,
        /// What is wrong with it.
        fault: PayloadError,
    },
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

/// A message of the stream.
struct Met {
    head: Head,
    payload: Bytes,
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
    let lookup = Lookup { stream: found, options: stream };
    let local = Local::look(journal)?;
    if local.is_replica && !finish {
        return Err(RecoverError::Replica);
    }
    let Some((last_place, last)) = lookup.last().await? else {
        return Ok(Recovered { from: local.end, end: local.end, epoch: None });
    };
    local.must_be_its(&last)?;
    if last.end() <= local.end && !local.is_replica {
        return Ok(Recovered { from: local.end, end: local.end, epoch: None });
    }
    let anchor = local.last.ok_or(RecoverError::Empty)?;
    let mut taking = None;
    if last.end() > local.end {
        let place = lookup.holding(anchor.sequence, last_place).await?;
        let at = lookup.confirm(place, &anchor).await?;
        if !local.is_replica {
            journal.rejoin(anchor)?;
        }
        taking = Some(take(journal, &lookup, &local, at..=last_place).await?);
    }
    let epoch = local.epoch + 1;
    let schema = match taking {
        Some(schema) => schema,
        None => journal.raw_reader().map_err(HistoryError::from)?.schema().ok_or(RecoverError::Empty)?,
    };
    let (writer, report) = journal.clone().promote(epoch).open_raw(&schema)?;
    writer.close()?;
    Ok(Recovered { from: local.end, end: report.end_sequence, epoch: Some(epoch) })
}

/// Takes what lies in these messages beyond the journal's end; the schema of the last.
async fn take(
    journal: &Journal,
    lookup: &Lookup<'_>,
    local: &Local,
    places: std::ops::RangeInclusive<u64>,
) -> Result<slipring_journal::Schema, RecoverError> {
    let origin = Origin { journal_id: local.journal_id, branch: local.branch, first: 0, before: None };
    let (mut replica, mut schema): (Option<Replica>, Option<(u64, Schema)>) = (None, None);
    for place in places {
        let Some(Met { head, payload }) = lookup.message(place).await? else {
            return Err(RecoverError::Missing { what: format!("message {place}") });
        };
        let Some(in_force) = head.schema.filter(|_| head.kind == Kind::Records) else { continue };
        if schema.as_ref().is_none_or(|(known, _)| *known != in_force) {
            schema = Some((in_force, lookup.schema(in_force).await?));
        }
        let Some((_, schema)) = &schema else { continue };
        let chunk = head.records(&payload, schema).map_err(|fault| RecoverError::Payload { place, fault })?;
        let mut open = match replica.take() {
            None => journal.replica(&schema.events, &origin)?.0,
            Some(open) => open.next_type(&schema.events)?,
        };
        let next = open.end_sequence();
        let skip = next.saturating_sub(head.first).min(u64::from(head.count)) as usize;
        open.take(head.first + skip as u64, &payload[skip * chunk.record_bytes()..])?;
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

/// The stream, by its places.
struct Lookup<'a> {
    stream: Stream,
    options: &'a StreamOptions,
}

impl Lookup<'_> {
    /// The stream's last message; `None` if it has none.
    async fn last(&self) -> Result<Option<(u64, Head)>, RecoverError> {
        let asked = self.stream.get_last_raw_message_by_subject(self.options.subject()).await;
        let Some(message) = self.answer(asked)? else { return Ok(None) };
        let place = message.sequence;
        let head = head_of(&message.headers).map_err(|fault| RecoverError::Head { place, fault })?;
        Ok(Some((place, head)))
    }

    async fn message(&self, place: u64) -> Result<Option<Met>, RecoverError> {
        let Some(message) = self.answer(self.stream.get_raw_message(place).await)? else { return Ok(None) };
        let head = head_of(&message.headers).map_err(|fault| RecoverError::Head { place, fault })?;
        Ok(Some(Met { head, payload: message.payload }))
    }

    async fn schema(&self, place: u64) -> Result<Schema, RecoverError> {
        let Some(met) = self.message(place).await? else {
            return Err(RecoverError::Missing { what: format!("schema (message {place})") });
        };
        met.head.schema_of(&met.payload).map_err(|fault| RecoverError::Payload { place, fault })
    }

    /// The place of the message that tells of a record: the first that ends behind it.
    async fn holding(&self, sequence: u64, last_place: u64) -> Result<u64, RecoverError> {
        let info = self.stream.get_info().await.map_err(|error| self.options.no_answer(&error))?;
        let (mut low, mut high) = (info.state.first_sequence.max(1), last_place);
        while low < high {
            let middle = low.midpoint(high);
            let Some(met) = self.message(middle).await? else {
                return Err(RecoverError::Missing { what: format!("message {middle}") });
            };
            if met.head.end() <= sequence { low = middle + 1 } else { high = middle }
        }
        Ok(low)
    }

    /// Refuses a stream in which another record lies there, or none; the place itself.
    async fn confirm(&self, place: u64, anchor: &Anchor) -> Result<u64, RecoverError> {
        let gone = || RecoverError::Missing { what: format!("record {}", anchor.sequence) };
        let Met { head, payload } = self.message(place).await?.ok_or_else(gone)?;
        let Some(in_force) = head.schema.filter(|_| head.kind == Kind::Records) else { return Err(gone()) };
        let schema = self.schema(in_force).await?;
        let chunk =
            head.records(&payload, &schema).map_err(|fault| RecoverError::Payload { place, fault })?;
        let record = chunk.records().find(|record| record.sequence == anchor.sequence).ok_or_else(gone)?;
        if (record.epoch, record.crc) != (anchor.epoch, anchor.crc) {
            let (sequence, stream, journal) = (anchor.sequence, record.crc, anchor.crc);
            return Err(HistoryError::Differs { sequence, stream, journal }.into());
        }
        Ok(place)
    }

    fn answer<T>(
        &self,
        asked: Result<T, async_nats::jetstream::stream::RawMessageError>,
    ) -> Result<Option<T>, RecoverError> {
        match asked {
            Ok(message) => Ok(Some(message)),
            Err(error) => match error.kind() {
                LastRawMessageErrorKind::NoMessageFound => Ok(None),
                LastRawMessageErrorKind::JetStream(said) => Err(self.options.server(said).into()),
                _ => Err(self.options.no_answer(&error).into()),
            },
        }
    }
}
