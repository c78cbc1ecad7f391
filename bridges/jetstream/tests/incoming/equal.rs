//! A primary, published, and its replica are byte for byte the same.

use slipring_jetstream::incoming::{Came, InOptions, Incoming, IntoReplica, Start};
use slipring_journal::Journal;
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
    assert!(incoming.has_caught_up().await.unwrap());
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
