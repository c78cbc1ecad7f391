//! Whatever comes, no record is taken that the journal does not hold there.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;
use slipring_bridge::compose::{Composer, Message};
use slipring_bridge::source::{Source, SourceOptions};
use slipring_bridge::wire::{Head, Kind, Schema};
use slipring_journal::{Journal, JournalId};

use super::expected::Expected;
use super::message::Met;

const SCHEMA: &str = "Tick 12\nprice u64 0 8\nsize u32 8 4\n";
const RECORD_BYTES: usize = 32;

/// A message of records, as a bridge makes it of two lives of a journal.
fn message() -> (Message, Arc<Schema>) {
    static MADE: OnceLock<(Message, Arc<Schema>)> = OnceLock::new();
    MADE.get_or_init(made).clone()
}

fn made() -> (Message, Arc<Schema>) {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::at(folder.path());
    for life in 0..2_u64 {
        let schema = slipring_journal::Schema::from_text(SCHEMA).unwrap();
        let (mut writer, _) = journal.open_raw(&schema).unwrap();
        for n in 0..4 {
            writer.append(100 * life + n, &[n as u8; 12]).unwrap();
        }
        writer.close().unwrap();
    }
    // Long enough that both lives are in one.
    let max_delay = Duration::from_millis(200);
    let options = SourceOptions { reader: "out".to_owned(), max_delay, ahead_of_disk: false };
    let mut source = Source::open(&journal, &options).unwrap();
    let mut composer = Composer::new(source.identity().unwrap());
    let batch = loop {
        match source.next_batch().unwrap() {
            Some(batch) => break batch,
            None => std::thread::sleep(Duration::from_millis(1)),
        }
    };
    let [schema, records] = <[Message; 2]>::try_from(composer.compose(batch, 1)).unwrap();
    let schema = schema.head.schema_of(&schema.payload).unwrap();
    assert_eq!(records.payload.len(), 8 * RECORD_BYTES);
    (records, Arc::new(schema))
}

fn met(head: Head, payload: &[u8]) -> Met {
    Met { at: 2, head, payload: Bytes::copy_from_slice(payload) }
}

#[test]
fn a_message_is_taken_as_it_is_and_once() {
    let (Message { head, payload }, schema) = message();
    let mut expected = Expected { next: Some(3), is_inside: true, ..Expected::default() };
    let run = expected.records(met(head, &payload), Arc::clone(&schema)).unwrap();
    assert_eq!((run.first_sequence(), run.end(), run.bytes()), (3, 8, &payload[3 * RECORD_BYTES..]));
    let crc = u32::from_le_bytes(payload[2 * RECORD_BYTES + 12..][..4].try_into().unwrap());
    assert_eq!(run.before(), Some((1, crc)));
    let told: Vec<_> = run.records().map(|record| (record.sequence, record.epoch, record.time_ns)).collect();
    assert_eq!(told, [(3, 1, 3), (4, 2, 100), (5, 2, 101), (6, 2, 102), (7, 2, 103)]);
    assert_eq!((expected.next, expected.epoch, expected.time_ns), (Some(8), 2, 103));
    let again = expected.records(met(head, &payload), schema).unwrap_err();
    assert!(matches!(again, super::InError::Doubled { wanted: 8, found: 0, .. }), "{again}");
}

#[test]
fn records_that_were_to_come_are_passed_over() {
    let (Message { head, payload }, schema) = message();
    let run = Expected::default().records(met(head, &payload), schema).unwrap();
    let rest = run.clone().from(6);
    assert_eq!((rest.first_sequence(), rest.end(), rest.bytes()), (6, 8, &payload[6 * RECORD_BYTES..]));
    assert_eq!(rest.before().map(|(epoch, _)| epoch), Some(2));
    assert_eq!(run.clone().from(0).bytes(), run.bytes());
}

proptest! {
    #[test]
    fn what_was_changed_is_refused(
        next in prop::option::of(0_u64..12),
        is_inside: bool,
        epoch in 0_u32..4,
        first in prop_oneof![4 => Just(0_u64), 1 => any::<u64>().prop_map(|first| first >> 2), 1 => 0_u64..12],
        count in prop_oneof![4 => Just(8_u32), 1 => 1_u32..20],
        id in prop_oneof![4 => Just(None), 1 => any::<u8>().prop_map(Some)],
        flips in prop::collection::vec((0_usize..8 * RECORD_BYTES, 1_u8..), 0..2),
        length in prop_oneof![4 => Just(8 * RECORD_BYTES), 1 => 0..8 * RECORD_BYTES],
        size in prop_oneof![4 => Just(12_usize), 1 => 0_usize..40],
    ) {
        let (Message { head, payload }, schema) = message();
        let mut changed = payload.clone();
        flips.iter().for_each(|(at, flip)| changed[*at] ^= flip);
        changed.truncate(length);
        let journal_id = id.map_or(head.journal_id, |byte| JournalId([byte; 16]));
        let mut events = schema.events.clone();
        events.size = size;
        let schema = Arc::new(Schema { events, ..schema.as_ref().clone() });
        let mut expected = Expected { next, is_inside, epoch, ..Expected::default() };
        if let Ok(run) = expected.records(met(Head { journal_id, first, count, ..head }, &changed), schema) {
            prop_assert_eq!(run.journal_id(), head.journal_id);
            prop_assert!(next.is_none_or(|next| next == run.first_sequence()));
            let at = run.first_sequence() as usize * RECORD_BYTES;
            prop_assert_eq!(run.bytes(), &payload[at..]);
            run.records().for_each(drop);
        }
    }

    #[test]
    fn no_epoch_goes_back(known in 0_u32..10, told in 1_u32..10, first in 0_u64..3, byte: Option<u8>) {
        let (Message { head, .. }, _) = message();
        let payload: Vec<u8> = byte.into_iter().collect();
        let met = met(Head { kind: Kind::Epoch, epoch: told, first, count: 0, ..head }, &payload);
        let mut expected = Expected { next: Some(1), epoch: known, ..Expected::default() };
        let is_taken = expected.epoch(&met).is_ok();
        prop_assert_eq!(is_taken, first == 1 && payload.is_empty() && told >= known);
    }
}
