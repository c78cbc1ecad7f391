//! A program of some version of an event, killed at any moment: while it opens the journal of an older
//! version too.

use std::time::Duration;

use slipring_journal::{Journal, SyncMode};
use slipring_tests::lives::Message;
use slipring_tests::types::{Quote1, Quote2, Quote3, Version, facts, is_void, time};

use super::send;

/// Appends until it is killed, and acknowledges what it sees journalled and, now and then, durable.
pub(super) fn grow(folder: &str, version: u32, segment_records: u64) {
    let journal = Journal::at(folder).segment_records(segment_records).sync(SyncMode::EveryBatch);
    match version {
        1 => append::<Quote1>(&journal),
        2 => append::<Quote2>(&journal),
        _ => append::<Quote3>(&journal),
    }
}

fn append<E: Version>(journal: &Journal) {
    let (mut writer, _) = journal.open::<E>().unwrap_or_else(|error| panic!("{error}"));
    let cursors = writer.cursors();
    send(Message::Opened(writer.end_sequence()));
    for count in 1..200_u64 {
        let id = writer.end_sequence();
        match is_void(id) {
            true => writer.append_void(time(id)).unwrap(),
            false => writer.append(time(id), &E::of(facts(E::BY, id))).unwrap(),
        };
        send(Message::Journalled(id + 1));
        if count % 20 == 0 {
            writer.end_batch();
            cursors.wait_durable(id, Duration::from_secs(60)).unwrap();
            send(Message::Durable(id + 1));
        }
    }
    std::thread::sleep(Duration::from_secs(60));
}
