//! Servers that are killed, leaders that change, lines that are cut, stalled, and lose what comes back.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use slipring_jetstream::incoming::{InOptions, Incoming, IntoReplica, Start};
use slipring_journal::Journal;
use slipring_test_servers::long::times;
use slipring_test_servers::nats::{Nats, Options};
use slipring_test_servers::proxy::Proxy;

use crate::journals::{append, assert_equal, take_until, take_while};
use crate::publisher::{Publisher, STREAM, connect};

const RECORDS: u64 = 200_000;
const KILLS: u64 = 20;

/// Kills a node again and again while records are published and followed.
fn kill_again_and_again(options: Options, which: impl Fn(&Nats) -> usize + Send + 'static) {
    let Some(nats) = Nats::start(options) else { return };
    let (primary, standby) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let journal = Journal::at(primary.path());
    append(&journal, RECORDS);
    let url = nats.url();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let mut publisher = runtime.block_on(Publisher::to(&nats, &journal, 64));
    // Both sides end behind the last kill, whatever is faster.
    let is_over = Arc::new(AtomicBool::new(false));
    let killer_is_over = Arc::clone(&is_over);
    // How far the replica is.
    let followed = Arc::new(AtomicU64::new(0));
    let killer_followed = Arc::clone(&followed);
    let killer = std::thread::spawn(move || {
        let mut nats = nats;
        let mut end = 0;
        for kill in 0..times(KILLS) {
            // In mid-stream: something has come since the last time.
            while killer_followed.load(Ordering::SeqCst) <= end {
                std::thread::sleep(Duration::from_millis(1));
            }
            std::thread::sleep(Duration::from_millis(kill * 37 % 100));
            end = killer_followed.load(Ordering::SeqCst);
            let node = which(&nats);
            nats.kill(node);
            nats.start_again(node);
            nats.wait_until_ready(node);
        }
        killer_is_over.store(true, Ordering::SeqCst);
        nats
    });
    // What is published in the end; 0 as long as there are kills to come.
    let last = AtomicU64::new(0);
    runtime.block_on(async {
        let publish = async {
            let mut end = publisher.publish_all().await;
            while !is_over.load(Ordering::SeqCst) {
                append(&journal, 1_000);
                end = publisher.publish_all().await;
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            last.store(end, Ordering::SeqCst);
        };
        let follow = async {
            let mut replica = IntoReplica::open(Journal::at(standby.path())).unwrap();
            let mut incoming = Incoming::new(connect(&url).await, InOptions::new(STREAM, Start::Oldest));
            let goes_on = |end: u64| {
                followed.store(end, Ordering::SeqCst);
                !(1..=end).contains(&last.load(Ordering::SeqCst))
            };
            let trouble = take_while(&mut incoming, &mut replica, goes_on).await.unwrap();
            eprintln!("{trouble} times in trouble");
            assert!(replica.close().unwrap() >= Some(RECORDS));
        };
        tokio::join!(publish, follow)
    });
    drop(killer.join().unwrap());
    assert_equal(primary.path(), standby.path(), 0);
}

#[test]
fn the_only_server_is_killed() {
    kill_again_and_again(Options::one_node(), |_| 0);
}

#[test]
fn the_leader_is_killed() {
    kill_again_and_again(Options::three_nodes(), |nats| nats.wait_for_stream_leader(STREAM));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_line_is_cut_stalled_and_loses_what_comes() {
    let Some(nats) = Nats::start(Options::one_node()) else { return };
    let (primary, standby) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let journal = Journal::at(primary.path());
    append(&journal, RECORDS);
    Publisher::to(&nats, &journal, 64).await.publish_all().await;
    let line = Proxy::to(&nats.address(0));
    let url = format!("nats://{}", line.address());
    let mut replica = IntoReplica::open(Journal::at(standby.path())).unwrap();
    // So little under way at once that it takes many pulls.
    let mut options = InOptions::new(STREAM, Start::Oldest);
    (options.pull_bytes, options.patience) = (64 << 10, Duration::from_millis(100));
    let mut incoming = Incoming::new(connect(&url).await, options);
    for step in 1..=20 {
        let end = RECORDS * step / 21;
        take_until(&mut incoming, &mut replica, end).await.unwrap();
        match step % 3 {
            0 => line.cut(),
            1 => {
                line.stall();
                tokio::time::sleep(Duration::from_millis(30)).await;
                line.pass();
            }
            // What the consumer has given out is lost with the connection.
            _ => {
                line.lose_replies();
                tokio::time::sleep(Duration::from_millis(30)).await;
                line.pass();
            }
        }
    }
    take_until(&mut incoming, &mut replica, RECORDS).await.unwrap();
    assert!(line.connection_count() > 6, "{}", line.connection_count());
    replica.close().unwrap();
    assert_equal(primary.path(), standby.path(), 0);
}
