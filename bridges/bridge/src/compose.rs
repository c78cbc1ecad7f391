//! Batches into messages: heads, and the schema where a reader of the stream needs it.

use std::sync::Arc;

use slipring_journal::JournalIdentity;

use crate::pack::Batch;
use crate::wire::{Head, Kind};

/// After so many messages the schema comes again, so that a stream whose beginning has gone explains itself.
pub const SCHEMA_EVERY: u64 = 4096;

/// What goes over the wire as one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// What its headers say.
    pub head: Head,
    /// What it carries.
    pub payload: Vec<u8>,
}

/// Makes messages of batches, for a stream whose every message has a known place.
///
/// The same batches at the same places make the same messages.
#[derive(Debug)]
pub struct Composer {
    identity: JournalIdentity,
    /// The schema in force in the stream, and its place there.
    schema: Option<(Arc<str>, u64)>,
    /// With how many messages at once it begins.
    begin_with: usize,
}

impl Composer {
    /// For the records of this journal, behind a place of which nothing is known: the schema comes first.
    pub fn new(identity: JournalIdentity) -> Self {
        Composer { identity, schema: None, begin_with: 1 }
    }

    /// Has the schema come so many times at first: to be taken at once, as [`wire`](crate::wire) says.
    pub fn begin_with(mut self, count: usize) -> Self {
        self.begin_with = count.max(1);
        self
    }

    /// What `batch` becomes where its first message gets the stream sequence `at`: the records, which come
    /// last, and the schema before them if there is need.
    pub fn compose(&mut self, batch: Batch, at: u64) -> Vec<Message> {
        let JournalIdentity { journal_id, branch, .. } = self.identity;
        let Batch { schema, first, count, epoch, crc, time_ns, before, payload } = batch;
        let kind = Kind::Records;
        let mut head = Head { kind, journal_id, branch, epoch, first, count, crc, time_ns, schema: None };
        let mut messages = Vec::with_capacity(2);
        let in_force = self.schema.as_ref().filter(|(text, place)| {
            (Arc::ptr_eq(text, &schema) || **text == *schema) && at - place < SCHEMA_EVERY
        });
        let place = match in_force {
            Some((_, place)) => *place,
            None => {
                let (epoch, crc) = before;
                let head = Head { kind: Kind::Schema, epoch, crc, count: 0, ..head };
                let count = std::mem::replace(&mut self.begin_with, 1);
                messages = vec![Message { head, payload: schema.as_bytes().to_vec() }; count];
                let last = at + count as u64 - 1;
                self.schema = Some((schema, last));
                last
            }
        };
        head.schema = Some(place);
        messages.push(Message { head, payload });
        messages
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use slipring_journal::JournalId;

    fn batch(schema: &str, first: u64) -> Batch {
        let (before, payload) = ((1, 5), vec![0; 24]);
        Batch { schema: schema.into(), first, count: 1, epoch: 1, crc: 9, time_ns: 3, before, payload }
    }

    fn composer(count: usize) -> Composer {
        let journal_id = JournalId([1; 16]);
        Composer::new(JournalIdentity { journal_id, branch: [2; 16], epoch: 4, durable_end: 0 })
            .begin_with(count)
    }

    #[test]
    fn the_schema_comes_first_again_and_where_it_changes() {
        let mut composer = composer(1);
        let mut at = 8;
        let mut schemas = Vec::new();
        for first in 0..2 * SCHEMA_EVERY {
            let schema = if first < 10 { "A 8\n" } else { "B 8\n" };
            for message in composer.compose(batch(schema, first), at) {
                if message.head.kind == Kind::Schema {
                    assert_eq!((message.head.first, message.head.epoch, message.head.crc), (first, 1, 5));
                    assert_eq!(message.payload, schema.as_bytes());
                    schemas.push(at);
                } else {
                    assert_eq!(message.head.schema.as_ref(), schemas.last());
                }
                at += 1;
            }
        }
        assert_eq!(schemas, [8, 19, 19 + SCHEMA_EVERY]);
    }

    #[test]
    fn who_begins_has_the_schema_taken_so_often_at_once() {
        let mut composer = composer(64);
        let messages = composer.compose(batch("A 8\n", 7), 11);
        assert_eq!(messages.len(), 65);
        let (begin, records) = messages.split_at(64);
        assert!(begin.iter().all(|one| *one == begin[0] && one.head.kind == Kind::Schema));
        assert_eq!((records[0].head.kind, records[0].head.schema), (Kind::Records, Some(74)));
        let messages = composer.compose(batch("A 8\n", 8), 76);
        assert_eq!((messages.len(), messages[0].head.schema), (1, Some(74)));
        // Another type alone begins nothing.
        assert_eq!(composer.compose(batch("B 8\n", 9), 77).len(), 2);
    }

    #[test]
    fn the_journals_start_is_told_as_it_is() {
        let mut first = batch("A 8\n", 0);
        first.before = (0, 0);
        let messages = composer(1).compose(first, 1);
        for Message { head, .. } in &messages {
            let headers = head.headers();
            let parsed = Head::parse(headers.iter().map(|(name, value)| (*name, value.as_str())));
            assert_eq!(parsed.unwrap(), *head);
        }
        assert_eq!((messages.len(), messages[0].head.last()), (2, None));
    }
}
