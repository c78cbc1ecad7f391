//! Where a follower begins: by a record's sequence, by journal time, at an end, or behind what it has.
//!
//! The server knows places in the stream, and times of arrival. What is wanted is a record, so it is
//! searched: messages are fetched by their places, halving; then within the packed records.

use std::sync::Arc;

use slipring_bridge::wire::{Head, Kind, Place, Schema};
use slipring_journal::{Anchor, JournalId};

use super::error::InError;
use super::expected::Expected;
use super::message::Met;
use super::stream::{Around, Subject};

/// Where a follower of a stream begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// At the first record that the stream still has, and whose schema it has.
    Oldest,
    /// At the record of this sequence. One that is still to come is waited for.
    Sequence(u64),
    /// At the first record of this journal time (nanoseconds since 1970) or later; if there is none yet, at
    /// the next that comes.
    Time(u64),
    /// At the next record that comes.
    Newest,
    /// Behind the records that are here already.
    Behind(Here),
}

/// What is here already of a journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Here {
    /// The journal.
    pub journal_id: JournalId,
    /// Which copy of it; zeros for the one that was made first.
    pub branch: [u8; 16],
    /// The sequence behind the last record.
    pub end: u64,
    /// The last record; `None` if it is not known.
    pub last: Option<Anchor>,
}

/// Where it begins in the stream, and what comes there.
#[derive(Debug)]
pub(super) struct Begun {
    /// The place of the first message that is wanted, or of one before it.
    pub(super) at: u64,
    pub(super) expected: Expected,
    /// The place of the schema in force, and what it says.
    pub(super) schema: Option<(u64, Arc<Schema>)>,
    /// Records below it are passed over: it was still to come.
    pub(super) wanted: u64,
}

impl Begun {
    /// Whatever comes from a place on.
    fn anything(at: u64) -> Self {
        Begun { at, expected: Expected::default(), schema: None, wanted: 0 }
    }
}

pub(super) async fn begin(subject: &Subject, start: &Start) -> Result<Begun, InError> {
    match *start {
        Start::Oldest => oldest(subject).await,
        Start::Newest => newest(subject, 0).await,
        Start::Time(time_ns) => match at_time(subject, time_ns).await? {
            Some(sequence) => at_sequence(subject, sequence).await,
            None => newest(subject, 0).await,
        },
        Start::Sequence(sequence) => at_sequence(subject, sequence).await,
        Start::Behind(here) => behind(subject, &here).await,
    }
}

async fn oldest(subject: &Subject) -> Result<Begun, InError> {
    let first = subject.state().await?.first_sequence;
    // Where limits take messages, the schema of the first records is the first to go.
    let has_schema = |met: &Met| met.schema_at().is_some_and(|at| at >= first);
    let around = subject.around(has_schema).await?;
    match &around.found {
        Some(found) => from(subject, &around, found.head.first).await,
        None => Ok(Begun::anything(first)),
    }
}

/// What is to come; of that, what lies below `wanted` is not wanted.
async fn newest(subject: &Subject, wanted: u64) -> Result<Begun, InError> {
    let Some(last) = subject.last().await? else {
        let state = subject.state().await?;
        return Ok(Begun { wanted, ..Begun::anything(state.last_sequence + 1) });
    };
    let expected = behind_message(&last);
    let schema = schema_behind(subject, &last).await?;
    Ok(Begun { at: last.at + 1, expected, schema, wanted })
}

async fn at_sequence(subject: &Subject, wanted: u64) -> Result<Begun, InError> {
    let around = subject.around(|met| met.head.end() > wanted).await?;
    let Some(found) = &around.found else { return newest(subject, wanted).await };
    if found.head.first > wanted {
        return Err(missing(&around, found, wanted));
    }
    from(subject, &around, wanted).await
}

async fn behind(subject: &Subject, here: &Here) -> Result<Begun, InError> {
    let wanted = here.end;
    let around = subject.around(|met| met.head.end() > wanted).await?;
    for met in around.below.iter().chain(&around.found) {
        if !met.head.is_of(here.journal_id, here.branch) {
            let Head { journal_id: found, branch: found_branch, .. } = met.head;
            let (wanted, wanted_branch) = (here.journal_id, here.branch);
            return Err(InError::OtherJournal { at: met.at, wanted, wanted_branch, found, found_branch });
        }
    }
    let mut begun = match (&around.found, &around.below) {
        (Some(found), _) if found.head.first > wanted => return Err(missing(&around, found, wanted)),
        (Some(_), _) => from(subject, &around, wanted).await?,
        (None, Some(below)) if below.head.end() == wanted => {
            let schema = schema_behind(subject, below).await?;
            Begun { at: below.at + 1, expected: behind_message(below), schema, wanted }
        }
        (None, None) if wanted == 0 => Begun::anything(subject.state().await?.first_sequence),
        (None, below) => {
            let end = below.as_ref().map_or(0, |below| below.head.end());
            return Err(InError::Shorter { wanted, end });
        }
    };
    if let (Some(last), Some(place)) = (here.last, place_before(&around, wanted))
        && !place.is_of(&last)
    {
        return Err(InError::HistoryDiffers { here: last, stream: place });
    }
    begun.expected.identity = Some((here.journal_id, here.branch));
    begun.expected.next = Some(wanted);
    if let Some(last) = here.last {
        begun.expected.epoch = begun.expected.epoch.max(last.epoch);
        begun.expected.before = Some((last.epoch, last.crc));
    }
    Ok(begun)
}

/// From record `wanted` on, which lies in the message that was found.
async fn from(subject: &Subject, around: &Around, wanted: u64) -> Result<Begun, InError> {
    let Some(found) = &around.found else { return Ok(Begun::anything(1)) };
    let mut expected = around.below.as_ref().map(behind_message).unwrap_or_default();
    expected.identity = Some((found.head.journal_id, found.head.branch));
    expected.next = Some(wanted);
    expected.is_inside = true;
    // What lies between two messages of which one is missing is not known.
    expected.before = place_before(around, wanted).and_then(|place| Some((place.epoch?, place.crc)));
    let schema = match found.head.schema {
        Some(at) if found.head.kind == Kind::Records => {
            Some((at, Arc::new(subject.schema(at, found).await?)))
        }
        _ => None,
    };
    Ok(Begun { at: found.at, expected, schema, wanted })
}

/// What follows a message.
fn behind_message(met: &Met) -> Expected {
    let Head { journal_id, branch, epoch, .. } = met.head;
    Expected {
        identity: Some((journal_id, branch)),
        next: Some(met.head.end()),
        epoch,
        time_ns: match met.head.kind {
            // The last record's is not less than the first one's.
            Kind::Records | Kind::Epoch => met.head.time_ns,
            // That of the record to come: of a primary that was fenced before it could send it, it never
            // came.
            Kind::Schema => 0,
        },
        before: met.head.last().and_then(|place| Some((place.epoch?, place.crc))),
        is_inside: false,
    }
}

/// The schema that is in force behind a message. It may be gone: then it is missed once records come that are
/// of it.
async fn schema_behind(subject: &Subject, met: &Met) -> Result<Option<(u64, Arc<Schema>)>, InError> {
    let schema = match met.schema_at() {
        None => return Ok(None),
        Some(at) if at == met.at => met.schema(),
        Some(at) => subject.schema(at, met).await,
    };
    match schema {
        Ok(schema) => Ok(met.schema_at().map(|at| (at, Arc::new(schema)))),
        Err(InError::SchemaLost { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The record before `wanted`, as the stream has it; `None` if it does not say.
fn place_before(around: &Around, wanted: u64) -> Option<Place> {
    if let Some(found) = around.found.as_ref().filter(|found| found.head.first < wanted) {
        let index = (wanted - 1).checked_sub(found.head.first)? as usize;
        let record_bytes = found.payload.len().checked_div(found.head.count as usize)?;
        let record = found.payload.get(index * record_bytes..)?.get(8..16)?;
        let (epoch_kind, crc) = record.split_at(4);
        let word = |bytes: &[u8]| bytes.try_into().map(u32::from_le_bytes).ok();
        return Some(Place { sequence: wanted - 1, epoch: Some(word(epoch_kind)? >> 4), crc: word(crc)? });
    }
    let told = |met: &Met| met.head.last().filter(|place| place.sequence + 1 == wanted);
    let by_below = around.below.as_ref().and_then(told);
    // A schema says which record came before it.
    by_below.or_else(|| around.found.as_ref().filter(|found| found.head.count == 0).and_then(told))
}

fn missing(around: &Around, found: &Met, wanted: u64) -> InError {
    match around.below {
        None => InError::Purged { wanted, first: found.head.first },
        Some(_) => InError::Gap { at: found.at, wanted, found: found.head.first },
    }
}

/// The first record of that journal time or later; `None` if it is still to come.
async fn at_time(subject: &Subject, time_ns: u64) -> Result<Option<u64>, InError> {
    // A schema says the time of a record to come, which may never have come.
    let says = |met: &Met| met.head.kind != Kind::Schema;
    let is_late = |met: &Met| says(met).then_some(met.head.time_ns >= time_ns);
    let around = subject.around_those_that_say(is_late).await?;
    if let Some(below) = around.below.as_ref().filter(|below| below.head.kind == Kind::Records) {
        let record_bytes = below.payload.len() / below.head.count.max(1) as usize;
        let records = below.payload.chunks_exact(record_bytes.max(1));
        let is_late = |record: &[u8]| {
            let time = record.get(..8).and_then(|bytes| bytes.try_into().ok());
            time.is_some_and(|time| u64::from_le_bytes(time) >= time_ns)
        };
        let late = (below.head.first..below.head.end()).zip(records).find(|(_, record)| is_late(record));
        if let Some((sequence, _)) = late {
            return Ok(Some(sequence));
        }
    }
    Ok(around.found.map(|found| found.head.first))
}
