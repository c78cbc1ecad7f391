//! Servers are killed, lines cut, answers lost: nothing is lost, nothing doubled.

use std::time::Duration;

use async_nats::jetstream;
use async_nats::jetstream::stream::Config;
use slipring_jetstream::out::Told;
use slipring_test_servers::long::{elections, times};
use slipring_test_servers::nats::{Nats, Options};
use slipring_test_servers::proxy::Proxy;

use crate::common::{self, Running, Writing, count, options};

/// Pauses that are no multiple of anything.
fn pause(n: u64) -> Duration {
    Duration::from_millis(40 + n * 7919 % 173)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_is_killed_in_mid_stream() {
    let Some(mut nats) = Nats::start(Options::one_node()) else { return };
    let folder = tempfile::tempdir().unwrap();
    let (journal, options) = (common::journal(folder.path()), options("TICKS"));
    let writing = Writing::start(&journal, 20);
    let running = Running::start(&journal, &nats.url(), &options);
    for n in 0..times(20) {
        running.reach(running.acknowledged() + 500).await;
        tokio::time::sleep(pause(n)).await;
        nats = common::kill_and_start(nats, 0).await;
    }
    let end = writing.end();
    running.reach(end).await;
    let ended = running.stop().await.unwrap();
    assert!(ended.progress.troubles >= times(20) && ended.progress.acknowledged == end, "{ended:?}");
    assert_eq!(count(&nats.url(), "TICKS").await.records, end);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_leader_of_three_is_killed_in_mid_stream() {
    let Some(mut nats) = Nats::start(Options::three_nodes()) else { return };
    let folder = tempfile::tempdir().unwrap();
    let (journal, mut options) = (common::journal(folder.path()), options("TICKS"));
    options.stream.replicas = Some(3);
    let writing = Writing::start(&journal, 10);
    let running = Running::start(&journal, &nats.url(), &options);
    for n in 0..elections(20) {
        running.reach(running.acknowledged() + 500).await;
        tokio::time::sleep(pause(n)).await;
        let leader = tokio::task::block_in_place(|| nats.wait_for_stream_leader("TICKS"));
        nats = common::kill_and_start(nats, leader).await;
        tokio::task::block_in_place(|| nats.wait_until_healthy(leader));
    }
    let end = writing.end();
    running.reach(end).await;
    assert_eq!(running.stop().await.unwrap().progress.acknowledged, end);
    assert_eq!(count(&nats.url(), "TICKS").await.records, end);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_line_is_cut_and_answers_are_lost() {
    let Some(nats) = Nats::start(Options::one_node()) else { return };
    let folder = tempfile::tempdir().unwrap();
    let (journal, options) = (common::journal(folder.path()), options("TICKS"));
    // The server forgets which messages came long before the line passes again.
    let context = jetstream::new(async_nats::connect(nats.url()).await.unwrap());
    let (name, subjects) = ("TICKS".to_owned(), vec!["TICKS".to_owned()]);
    let duplicate_window = Duration::from_millis(100);
    let config = Config { name, subjects, duplicate_window, allow_atomic_publish: true, ..Config::default() };
    context.create_stream(config).await.unwrap();
    let line = Proxy::to(&nats.address(0));
    let writing = Writing::start(&journal, 50);
    let running = Running::start(&journal, &format!("nats://{}", line.address()), &options);
    for n in 0..times(30) {
        running.reach(running.acknowledged() + 500).await;
        tokio::time::sleep(pause(n)).await;
        match n % 3 {
            0 => line.cut(),
            1 => {
                line.refuse();
                tokio::time::sleep(pause(n)).await;
                line.pass();
            }
            _ => {
                line.lose_replies();
                tokio::time::sleep(pause(n)).await;
                line.pass();
            }
        }
    }
    // For longer than an acknowledgement is awaited: what waited is sent twice, and arrives twice.
    line.stall();
    tokio::time::sleep(Duration::from_secs(7)).await;
    line.pass();
    let end = writing.end();
    running.reach(end).await;
    let told = std::sync::Arc::clone(&running.told);
    let ended = running.stop().await.unwrap();
    assert!(ended.progress.troubles >= times(20) && ended.progress.acknowledged == end, "{ended:?}");
    assert!(told.lock().unwrap().contains(&Told::Recovered));
    assert_eq!(count(&nats.url(), "TICKS").await.records, end);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_waits_for_a_server_that_is_not_there_yet_and_gives_up_when_told() {
    let Some(mut nats) = Nats::start(Options::one_node()) else { return };
    let folder = tempfile::tempdir().unwrap();
    let (journal, mut options) = (common::written(folder.path(), 1_000), options("TICKS"));
    let url = nats.url();
    nats.kill(0);
    let running = Running::start(&journal, &url, &options);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(running.told.lock().unwrap().iter().any(|told| matches!(told, Told::Trouble(_))));
    tokio::task::block_in_place(|| nats.start_again(0));
    running.reach(1_000).await;
    assert_eq!(running.stop().await.unwrap().progress.acknowledged, 1_000);
    nats.kill(0);
    options.give_up = Some(Duration::from_millis(200));
    let given_up = common::send(&journal, &url, &options).await.unwrap_err();
    assert!(given_up.to_string().contains("given up after"), "{given_up}");
}
