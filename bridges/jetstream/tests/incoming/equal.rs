//! A primary, published, and its replica are byte for byte the same.

use std::path::Path;

use slipring_jetstream::incoming::{Came, InOptions, Incoming, IntoReplica, Start};
use slipring_journal::{Journal, Schema};
use slipring_test_servers::nats::{Nats, Options};

use crate::journals::{append, assert_equal, take_until};
use crate::publisher::{Publisher, STREAM, connect};

const MILLION: u64 = 1_000_000;

/// A million records of three lives in two pieces; the replica is closed and opened in between.
async fn a_million(options: Options) {
    let Some(nats) = Nats::start(options) else { return };
    let (primary, standby) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let journal = Journal::at(primary.path()).segment_bytes(16 << 20);
    append(&journal, MILLION / 2);
    let mut publisher = Publisher::to(&nats, &journal, 1 << 10).await;
    assert_eq!(publisher.publish_all().await, MILLION / 2);

    let client = connect(&nats.url()).await;
    let replica_at = || Journal::at(standby.path()).segment_bytes(8 << 20);
    let mut replica = IntoReplica::open(replica_at()).unwrap();
    assert_eq!(replica.here(), None);
    let mut incoming = Incoming::new(client.clone(), InOptions::new(STREAM, Start::Oldest));
    assert_eq!(take_until(&mut incoming, &mut replica, MILLION / 2).await.unwrap(), 0);
    // A leader that is new is not believed yet.
    while !incoming.has_caught_up().await.unwrap() {
        assert!(matches!(incoming.next().await.unwrap(), Came::Nothing));
    }
    replica.close().unwrap();

    append(&journal, MILLION / 4);
    append(&journal, MILLION / 4);
    let mut replica = IntoReplica::open(replica_at()).unwrap();
    let here = replica.here().unwrap();
    assert_eq!(here.end, MILLION / 2);
    let mut incoming = Incoming::new(client, InOptions::new(STREAM, Start::Behind(here)));
    assert!(matches!(incoming.next().await.unwrap(), Came::Nothing), "it ends there by now");
    // From here on both go on at once.
    let publish = async {
        publisher.publish_all().await;
    };
    let (taken, ()) = tokio::join!(take_until(&mut incoming, &mut replica, MILLION), publish);
    assert_eq!(taken.unwrap(), 0);
    assert_eq!(replica.close().unwrap(), Some(MILLION));
    assert_equal(primary.path(), standby.path(), 0);
}

#[tokio::test]
async fn a_million_records_over_one_node() {
    a_million(Options::one_node()).await;
}

#[tokio::test]
async fn a_million_records_over_three_nodes() {
    a_million(Options::three_nodes()).await;
}

/// All records as they lie, behind the text of their schema.
fn as_they_lie(path: &Path) -> Vec<(String, Vec<u8>)> {
    let mut reader = Journal::at(path).stored_reader("compared").unwrap();
    let mut all: Vec<(String, Vec<u8>)> = Vec::new();
    while let Some(run) = reader.next_run_below(u64::MAX).unwrap() {
        match all.last_mut().filter(|(schema, _)| schema == run.schema) {
            Some((_, bytes)) => bytes.extend_from_slice(run.records.bytes()),
            None => all.push((run.schema.to_owned(), run.records.bytes().to_vec())),
        }
    }
    all
}

#[tokio::test]
async fn events_that_change() {
    let Some(nats) = Nats::start(Options::one_node()) else { return };
    let (primary, standby) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let journal = Journal::at(primary.path());
    let mut publisher = None;
    let client = connect(&nats.url()).await;
    for life in 0..3_u64 {
        let schema = [
            "Order 8\nprice i64 0 8\n",
            "Order 16\tversion=2\nprice i64 0 8\nsize u64 8 8\tsince=2\n",
            "Order 24\tversion=3\nprice i64 0 8\nsize u64 8 8\tsince=2\nid u64 16 8\tsince=3\n",
        ][life as usize];
        let schema = Schema::from_text(schema).unwrap();
        let (mut writer, _) = journal.open_raw(&schema).unwrap();
        for n in 0..20 {
            writer.append(100 * life + n, &vec![n as u8; schema.size]).unwrap();
        }
        writer.close().unwrap();
        if publisher.is_none() {
            publisher = Some(Publisher::to(&nats, &journal, 7).await);
        }
        publisher.as_mut().unwrap().publish_all().await;
        // The second type comes while the replica is open, the third to one that is opened.
        if life == 0 {
            continue;
        }
        let mut replica = IntoReplica::open(Journal::at(standby.path())).unwrap();
        let start = replica.here().map_or(Start::Oldest, Start::Behind);
        let mut incoming = Incoming::new(client.clone(), InOptions::new(STREAM, start));
        take_until(&mut incoming, &mut replica, 20 * (life + 1)).await.unwrap();
        replica.close().unwrap();
    }
    let lie = as_they_lie(standby.path());
    assert_eq!(lie.iter().map(|(_, bytes)| bytes.len()).collect::<Vec<_>>(), [20 * 24, 20 * 32, 20 * 40]);
    assert!(lie == as_they_lie(primary.path()));
}
