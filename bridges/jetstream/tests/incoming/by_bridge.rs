//! Both halves: out of the primary by its bridge, in by the other, at once.

use std::time::Duration;

use slipring_bridge::source::SourceOptions;
use slipring_jetstream::connect::Connect;
use slipring_jetstream::incoming::{InOptions, Incoming, IntoReplica, Start};
use slipring_jetstream::out::{self, OutOptions};
use slipring_jetstream::stream::StreamOptions;
use slipring_journal::Journal;
use slipring_test_servers::nats::{Nats, Options};
use tokio::sync::watch;

use crate::journals::{append, assert_equal, take_until};
use crate::publisher::STREAM;

fn out_options(replicas: usize) -> OutOptions {
    OutOptions {
        source: SourceOptions {
            reader: "out".to_owned(),
            max_delay: Duration::from_millis(1),
            ahead_of_disk: false,
        },
        stream: StreamOptions {
            name: STREAM.to_owned(),
            subject: Some("s".to_owned()),
            replicas: Some(replicas),
            max_age: None,
            max_bytes: None,
            kept: None,
        },
        most_in_flight: 256,
        trust_position: false,
        until_caught_up: false,
        give_up: None,
    }
}

/// A million records, appended in lives of ten thousand and more while both bridges run.
async fn a_million(options: Options) {
    let Some(nats) = Nats::start(options) else { return };
    let (primary, standby) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let journal = Journal::at(primary.path()).segment_bytes(16 << 20);
    append(&journal, 500_000);
    let connect =
        Connect { servers: nats.url().split(',').map(str::to_owned).collect(), ..Connect::default() };
    let (say_stop, stop) = watch::channel(false);
    let outgoing = std::thread::spawn({
        let (journal, connect, options) = (journal.clone(), connect.clone(), out_options(nats.node_count()));
        move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(out::run(&journal, &connect, &options, stop, |_| ()))
        }
    });
    let appending = tokio::task::spawn_blocking(move || {
        [10_000, 90_000, 200_000, 200_000].into_iter().for_each(|count| append(&journal, count));
    });
    let link = connect.connect().await.unwrap();
    let mut replica = IntoReplica::open(Journal::at(standby.path()).segment_bytes(8 << 20)).unwrap();
    let mut incoming = Incoming::new(link.client, InOptions::new(STREAM, Start::Oldest));
    // The stream is made by the other half.
    let taken = loop {
        match take_until(&mut incoming, &mut replica, 1_000_000).await {
            Err(slipring_jetstream::incoming::InError::NoStream { .. }) => {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            taken => break taken,
        }
    };
    taken.unwrap();
    appending.await.unwrap();
    assert_eq!(replica.close().unwrap(), Some(1_000_000));
    say_stop.send(true).unwrap();
    assert_eq!(outgoing.join().unwrap().unwrap().progress.acknowledged, 1_000_000);
    assert_equal(primary.path(), standby.path(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_million_records_over_one_node() {
    a_million(Options::one_node()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_million_records_over_three_nodes() {
    a_million(Options::three_nodes()).await;
}
