//! Batches into messages: heads, and the schema where a reader of the stream needs it.

use std::sync::Arc;

use slipring_journal::JournalIdentity;

use crate::pack::Batch;
use crate::wire::{Head, Kind};

/// After so many messages the schema comes again, so that a stream whose beginning has gone explains itself.
pub const SCHEMA_EVERY: u64 = 4096;

/// Messages that follow each other in the stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Messages {
    /// So many of the first must be taken at once or not at all; 1 if each may be taken alone.
    pub at_once: usize,
    /// The messages.
    pub messages: Vec<Message>,
}

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
    /// For the records of this journal, behind a place of which nothing is known: the schema comes first, so
    /// many times at once.
    pub fn new(identity: JournalIdentity, begin_with: usize) -> Self {
        Composer { identity, schema: None, begin_with: begin_with.max(1) }
    }

    /// What `batch` becomes where its first message gets the stream sequence `at`: the records, and the
    /// schema before them if there is need.
    pub fn compose(&mut self, batch: Batch, at: u64) -> Messages {
        let JournalIdentity { journal_id, branch, .. } = self.identity;
        let Batch { schema, first, count, epoch, crc, time_ns, before, payload } = batch;
        let kind = Kind::Records;
        let mut head = Head { kind, journal_id, branch, epoch, first, count, crc, time_ns, schema: None };
        let (mut messages, mut at_once) = (Vec::with_capacity(2), 1);
        let in_force = self.schema.as_ref().filter(|(text, place)| {
            (Arc::ptr_eq(text, &schema) || **text == *schema) && at - place < SCHEMA_EVERY
        });
        let place = match in_force {
            Some((_, place)) => *place,
            None => {
                let (epoch, crc) = before;
                let head = Head { kind: Kind::Schema, epoch, crc, count: 0, ..head };
                at_once = std::mem::replace(&mut self.begin_with, 1);
                messages = vec![Message { head, payload: schema.as_bytes().to_vec() }; at_once];
                let last = at + at_once as u64 - 1;
                self.schema = Some((schema, last));
                last
            }
        };
        head.schema = Some(place);
        messages.push(Message { head, payload });
        Messages { at_once, messages }
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

    fn composer(begin_with: usize) -> Composer {
        let journal_id = JournalId([1; 16]);
        Composer::new(JournalIdentity { journal_id, branch: [2; 16], epoch: 4, durable_end: 0 }, begin_with)
    }

    #[test]
    fn the_schema_comes_first_again_and_where_it_changes() {
        let mut composer = composer(1);
        let mut at = 8;
        let mut schemas = Vec::new();
        for first in 0..2 * SCHEMA_EVERY {
            let schema = if first < 10 { "A 8\n" } else { "B 8\n" };
            for message in composer.compose(batch(schema, first), at).messages {
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
        let Messages { at_once, messages } = composer.compose(batch("A 8\n", 7), 11);
        assert_eq!((at_once, messages.len()), (64, 65));
        let (begin, records) = messages.split_at(64);
        assert!(begin.iter().all(|one| *one == begin[0] && one.head.kind == Kind::Schema));
        assert_eq!((records[0].head.kind, records[0].head.schema), (Kind::Records, Some(74)));
        let Messages { at_once, messages } = composer.compose(batch("A 8\n", 8), 76);
        assert_eq!((at_once, messages.len(), messages[0].head.schema), (1, 1, Some(74)));
        // Another type alone begins nothing.
        assert_eq!(composer.compose(batch("B 8\n", 9), 77).messages.len(), 2);
    }

    #[test]
    fn the_journals_start_is_told_as_it_is() {
        let mut first = batch("A 8\n", 0);
        first.before = (0, 0);
        let Messages { messages, .. } = composer(1).compose(first, 1);
        for Message { head, .. } in &messages {
            let headers = head.headers();
            let parsed = Head::parse(headers.iter().map(|(name, value)| (*name, value.as_str())));
            assert_eq!(parsed.unwrap(), *head);
        }
        assert_eq!((messages.len(), messages[0].head.last()), (2, None));
    }
}
