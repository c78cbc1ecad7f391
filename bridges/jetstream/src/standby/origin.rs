//! What a stream is of, for who makes a replica of it that is new.

use async_nats::{Client, jetstream};
use slipring_journal::{Journal, JournalFault, Origin, ReadError, Schema};

use super::error::StandbyFailure;
use crate::incoming::stream::Subject;

/// What the replica in that folder is of; if there is none, what the stream is of, from the first message on
/// whose schema it has. With it the schema of the next records. `None` if there is neither.
///
/// # Errors
/// [`StandbyFailure::Read`], [`StandbyFailure::Stream`].
pub async fn origin(
    journal: &Journal,
    client: &Client,
    stream: &str,
    subject: Option<&str>,
) -> Result<Option<(Origin, Schema)>, StandbyFailure> {
    match journal.raw_reader() {
        Ok(reader) => {
            let (journal_id, branch, first) = (reader.journal_id(), reader.branch(), reader.first_sequence());
            if let Some(schema) = reader.schema() {
                return Ok(Some((Origin { journal_id, branch, first, before: None }, schema)));
            }
        }
        Err(ReadError::Journal(JournalFault::NoJournal { .. })) => {}
        Err(other) => return Err(other.into()),
    }
    let subject = Subject::open(&jetstream::new(client.clone()), stream, subject).await?;
    let first = subject.state().await?.first_sequence;
    // As a follower begins at the oldest.
    let around = subject.around(|met| met.schema_at().is_some_and(|at| at >= first)).await?;
    let Some(found) = around.found else { return Ok(None) };
    let schema = match found.schema_at() {
        Some(at) if at != found.at => subject.schema(at, &found).await?,
        _ => found.schema()?,
    };
    let next = found.head.first;
    let told = [around.below.as_ref(), Some(&found).filter(|met| met.head.count == 0)];
    let before = told.into_iter().flatten().filter_map(|met| met.head.last());
    let mut before = before.filter(|place| place.sequence + 1 == next);
    let before = before.find_map(|place| Some((place.epoch?, place.crc)));
    let (journal_id, branch) = (found.head.journal_id, found.head.branch);
    Ok(Some((Origin { journal_id, branch, first: next, before }, schema.events)))
}
