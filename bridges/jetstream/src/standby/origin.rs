//! What a stream is of, for who makes a replica of it that is new.

use async_nats::{Client, jetstream};
use slipring_journal::{Journal, JournalFault, Origin, ReadError};

use super::error::StandbyFailure;
use crate::incoming::stream::Subject;

/// What the replica in that folder is of; if there is none, what the stream is of, from its first message on.
/// `None` if both are empty.
///
/// # Errors
/// [`StandbyFailure::Read`], [`StandbyFailure::Stream`].
pub async fn origin(
    journal: &Journal,
    client: &Client,
    stream: &str,
    subject: Option<&str>,
) -> Result<Option<Origin>, StandbyFailure> {
    match journal.raw_reader() {
        Ok(reader) => {
            let (journal_id, branch, first) = (reader.journal_id(), reader.branch(), reader.first_sequence());
            return Ok(Some(Origin { journal_id, branch, first, before: None }));
        }
        Err(ReadError::Journal(JournalFault::NoJournal { .. })) => {}
        Err(other) => return Err(other.into()),
    }
    let subject = Subject::open(&jetstream::new(client.clone()), stream, subject).await?;
    let first = subject.state().await?.first_sequence;
    let Some(met) = subject.at_or_behind(first).await? else { return Ok(None) };
    let before = met.head.last().filter(|_| met.head.count == 0);
    let before = before.and_then(|place| Some((place.epoch?, place.crc)));
    let (journal_id, branch) = (met.head.journal_id, met.head.branch);
    Ok(Some(Origin { journal_id, branch, first: met.head.first, before }))
}
