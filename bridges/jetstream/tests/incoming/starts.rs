//! Where a follower begins: by sequence, by journal time, at an end, behind what it has.

use std::time::Duration;

use slipring_bridge::compose::Message;
use slipring_bridge::wire::Head;
use slipring_jetstream::incoming::{Came, Here, InError, InOptions, Incoming, IntoReplica, Start};
use slipring_journal::Journal;
use slipring_test_servers::nats::{Nats, Options};

use crate::journals::{append, assert_equal, take_until, tick, time_ns};
use crate::publisher::{Publisher, STREAM, connect};

/// Who follows may do so on any thread.
fn on_any_thread<F: Send>(future: F) -> F {
    future
}

/// The first record that comes, with its time and event.
async fn first(incoming: &mut Incoming) -> (u64, u64, Vec<u8>) {
    loop {
        match on_any_thread(incoming.next()).await.unwrap() {
            Came::Run(run) => {
                let record = run.records().next().unwrap();
                assert_eq!(record.sequence, run.first_sequence());
                return (record.sequence, record.time_ns, record.event.to_vec());
            }
            Came::Trouble(error) => eprintln!("{error}"),
            Came::Epoch(_) | Came::Nothing => {}
        }
    }
}

fn options(start: Start) -> InOptions {
    InOptions { patience: Duration::from_millis(20), ..InOptions::new(STREAM, start) }
}

#[tokio::test]
async fn any_sequence_and_any_time_is_found() {
    let Some(nats) = Nats::start(Options::one_node()) else { return };
    let primary = tempfile::tempdir().unwrap();
    let journal = Journal::at(primary.path());
    append(&journal, 1_000);
    let mut publisher = Publisher::to(&nats, &journal, 7).await;
    publisher.publish_all().await;
    let client = connect(&nats.url()).await;
    let mut reader = journal.raw_reader().unwrap();
    for sequence in (0..1_000).step_by(83).chain([1, 6, 7, 8, 999]) {
        let mut incoming = Incoming::new(client.clone(), options(Start::Sequence(sequence)));
        let wanted = (sequence, time_ns(sequence), bytemuck::bytes_of(&tick(sequence)).to_vec());
        assert_eq!(first(&mut incoming).await, wanted);
    }
    for time in (0..340).step_by(29).map(|n| time_ns(3 * n)).chain([0, 1, time_ns(999)]) {
        for time_ns in [time.saturating_sub(1), time] {
            let mut incoming = Incoming::new(client.clone(), options(Start::Time(time_ns)));
            assert_eq!(first(&mut incoming).await.0, reader.lower_bound(time_ns).unwrap(), "{time_ns}");
        }
    }
    // What is still to come is waited for.
    let starts =
        [Start::Newest, Start::Time(time_ns(999) + 1), Start::Sequence(1_000), Start::Sequence(1_004)];
    let mut waiting = starts.map(|start| Incoming::new(client.clone(), options(start)));
    for incoming in &mut waiting {
        assert!(matches!(incoming.next().await.unwrap(), Came::Nothing));
        assert!(incoming.has_caught_up().await.unwrap());
    }
    append(&journal, 20);
    publisher.publish_all().await;
    for (incoming, wanted) in waiting.iter_mut().zip([1_000, 1_000, 1_000, 1_004]) {
        assert_eq!(first(incoming).await.0, wanted);
    }
}

#[tokio::test]
async fn a_replica_begins_in_the_middle_and_goes_on_anywhere() {
    let Some(nats) = Nats::start(Options::one_node()) else { return };
    let (primary, standby) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let journal = Journal::at(primary.path());
    append(&journal, 300);
    let mut publisher = Publisher::to(&nats, &journal, 10).await;
    publisher.publish_all().await;
    let client = connect(&nats.url()).await;
    // In the middle of a message, so that the record before is known by its payload.
    let mut start = Start::Sequence(104);
    for end in [120, 205, 300, 310] {
        let mut replica = IntoReplica::open(Journal::at(standby.path())).unwrap();
        if let Some(here) = replica.here() {
            start = Start::Behind(here);
        }
        let mut incoming = Incoming::new(client.clone(), options(start));
        if end == 310 {
            append(&journal, 10);
            publisher.publish_all().await;
        }
        take_until(&mut incoming, &mut replica, end).await.unwrap();
        replica.close().unwrap();
    }
    assert_equal(primary.path(), standby.path(), 104);
    let verified = slipring_journal::verify(standby.path(), |_, _| {}).unwrap();
    assert_eq!(verified.end_sequence, 310, "{verified:?}");
}

/// A primary was fenced between the schema and the records that it was for: the new one's records are earlier
/// than those would have been.
#[tokio::test]
async fn the_time_of_records_that_never_came_holds_up_nobody() {
    let Some(nats) = Nats::start(Options::one_node()) else { return };
    let primary = tempfile::tempdir().unwrap();
    let journal = Journal::at(primary.path());
    append(&journal, 90);
    let mut publisher = Publisher::to(&nats, &journal, 10).await;
    publisher.publish_all().await;
    let schema = publisher.stream.get_raw_message(1).await.unwrap();
    let last = journal.raw_reader().unwrap().anchor(89).unwrap();
    let head = slipring_jetstream::message::head_of(&schema.headers).unwrap();
    let (epoch, crc) = (last.epoch, last.crc);
    let head = Head { first: 90, epoch, crc, time_ns: time_ns(90) + 3_600_000_000_000, ..head };
    let fenced = Message { head, payload: schema.payload.to_vec() };
    publisher.publish(&fenced).await;
    let client = connect(&nats.url()).await;
    let here = Here { journal_id: head.journal_id, branch: head.branch, end: 90, last: Some(last) };
    let mut waiting = [Start::Newest, Start::Behind(here), Start::Sequence(90)]
        .map(|start| Incoming::new(client.clone(), options(start)));
    for incoming in &mut waiting {
        assert!(matches!(incoming.next().await.unwrap(), Came::Nothing));
    }
    append(&journal, 60);
    publisher.publish_all().await;
    for incoming in &mut waiting {
        assert_eq!(first(incoming).await.0, 90);
    }
    for sequence in [0, 33, 87, 90, 96, 120, 147] {
        let mut incoming = Incoming::new(client.clone(), options(Start::Time(time_ns(sequence))));
        assert_eq!(first(&mut incoming).await.0, sequence);
    }
}

#[tokio::test]
async fn a_follower_of_a_stream_that_is_still_empty_waits() {
    let Some(nats) = Nats::start(Options::one_node()) else { return };
    let (primary, standby) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let journal = Journal::at(primary.path());
    append(&journal, 0);
    let mut publisher = Publisher::to(&nats, &journal, 10).await;
    let client = connect(&nats.url()).await;
    let mut replica = IntoReplica::open(Journal::at(standby.path())).unwrap();
    let mut incoming = Incoming::new(client, options(Start::Oldest));
    assert!(matches!(incoming.next().await.unwrap(), Came::Nothing));
    assert_eq!((incoming.next_sequence(), incoming.stream_end().await.unwrap()), (None, None));
    append(&journal, 25);
    publisher.publish_all().await;
    take_until(&mut incoming, &mut replica, 25).await.unwrap();
    assert_eq!(incoming.identity().unwrap().0, journal.raw_reader().unwrap().journal_id());
    replica.close().unwrap();
    assert_equal(primary.path(), standby.path(), 0);
}

#[tokio::test]
async fn what_the_stream_does_not_confirm_is_refused() {
    let Some(nats) = Nats::start(Options::one_node()) else { return };
    let primary = tempfile::tempdir().unwrap();
    let journal = Journal::at(primary.path());
    append(&journal, 100);
    Publisher::to(&nats, &journal, 10).await.publish_all().await;
    let client = connect(&nats.url()).await;
    let mut reader = journal.raw_reader().unwrap();
    let (journal_id, branch) = (reader.journal_id(), reader.branch());
    let here = |end: u64, last| Here { journal_id, branch, end, last };
    for end in [55, 60, 100] {
        let last = reader.anchor(end - 1).unwrap();
        let mut incoming = Incoming::new(client.clone(), options(Start::Behind(here(end, Some(last)))));
        assert!(matches!(incoming.next().await.unwrap(), Came::Run(_) | Came::Nothing));
        let mut differs = last;
        differs.crc ^= 1;
        let mut incoming = Incoming::new(client.clone(), options(Start::Behind(here(end, Some(differs)))));
        let refused = incoming.next().await.unwrap_err();
        assert!(matches!(refused, InError::HistoryDiffers { .. }), "{refused}");
    }
    let mut beyond = Incoming::new(client.clone(), options(Start::Behind(here(101, None))));
    // It is asked again, for a leader that is new may not know of all.
    let refused = loop {
        match beyond.next().await {
            Ok(came) => assert!(matches!(came, Came::Nothing), "{came:?}"),
            Err(error) => break error,
        }
    };
    assert!(matches!(refused, InError::Shorter { wanted: 101, end: 100 }), "{refused}");
    let another = Here { branch: [9; 16], ..here(50, None) };
    let mut another = Incoming::new(client.clone(), options(Start::Behind(another)));
    let refused = another.next().await.unwrap_err();
    assert!(matches!(refused, InError::OtherJournal { .. }), "{refused}");
    let mut none = Incoming::new(client, InOptions::new("another", Start::Oldest));
    let refused = none.next().await.unwrap_err();
    assert!(matches!(refused, InError::NoStream { .. }), "{refused}");
}
