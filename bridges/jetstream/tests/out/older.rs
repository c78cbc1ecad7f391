//! Servers that are older than atomic batches: one message at a time, and nothing lost or doubled. Servers
//! that are too old are refused by name.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::Path;

use slipring_jetstream::error::ConnectError;
use slipring_jetstream::incoming::{InOptions, IntoReplica, Start};
use slipring_jetstream::out::Told;
use slipring_jetstream::standby::{self, PromoteOptions};
use slipring_journal::Journal;
use slipring_test_servers::nats::{Nats, OLDER, Options};

use crate::caught_up::caught_up;
use crate::common::{
    Running, Tick, Writing, append, count, journal, kill_and_start, options, send, to, written,
};

async fn followed(url: &str, folder: &Path, from: Start) -> IntoReplica {
    let client = to(url).connect().await.unwrap().client;
    caught_up(Journal::at(folder), client, InOptions::new("OLD", from)).await
}

async fn a_journal_goes_out_and_in(version: &'static str) {
    let Some(nats) = Nats::start(Options::of_version(version)) else { return };
    let (folder, url) = (tempfile::tempdir().unwrap(), nats.url());
    let (primary, copy) = (folder.path().join("primary"), folder.path().join("copy"));
    let (journal, options) = (written(&primary, 20_000), options("OLD"));
    let running = Running::start(&journal, &url, &options);
    running.reach(20_000).await;
    let told = running.told.lock().unwrap().clone();
    let found = told.iter().find_map(|told| match told {
        Told::Stream(found) => Some(found.clone()),
        _ => None,
    });
    let found = found.unwrap();
    assert!(
        !found.is_atomic && found.notes.iter().any(|note| note.contains("one message at a time")),
        "{found:?}"
    );
    assert_eq!(running.stop().await.unwrap().progress.acknowledged, 20_000);
    let counted = count(&url, "OLD").await;
    assert_eq!(
        (counted.records, counted.schemas),
        (20_000, 1),
        "one schema, and no batch of them: {counted:?}"
    );
    // Any start is found, as the search by halving needs what an older server may not know.
    for first in [0, 1, 7_777, 19_999] {
        let copy = folder.path().join(format!("from-{first}"));
        let replica = followed(&url, &copy, Start::Sequence(first)).await;
        assert_eq!(replica.close().unwrap(), Some(20_000));
        assert_eq!(Journal::at(&copy).raw_reader().unwrap().first_sequence(), first);
    }
    followed(&url, &copy, Start::Oldest).await.close().unwrap();
    let last = |folder: &Path| Journal::at(folder).raw_reader().unwrap().anchor(19_999).unwrap();
    assert_eq!(last(&copy), last(&primary));
}

/// Killed in mid-stream, promoted, and the old one refused: as with a newer one.
async fn nothing_is_lost_or_doubled(version: &'static str) {
    let Some(mut nats) = Nats::start(Options::of_version(version)) else { return };
    let (folder, url) = (tempfile::tempdir().unwrap(), nats.url());
    let (primary, copy) = (folder.path().join("primary"), folder.path().join("copy"));
    let (old, options) = (journal(&primary), options("OLD"));
    let writing = Writing::start(&old, 100);
    let running = Running::start(&old, &url, &options);
    for kill in 1..=2 {
        running.reach(kill * 5_000).await;
        nats = kill_and_start(nats, 0).await;
    }
    running.reach(15_000).await;
    let end = writing.end();
    running.reach(end).await;
    running.stop().await.unwrap();
    assert_eq!(count(&url, "OLD").await.records, end);
    let mut replica = followed(&url, &copy, Start::Oldest).await;
    let client = to(&url).connect().await.unwrap().client;
    let stream = InOptions::new("OLD", Start::Oldest);
    let promoted = standby::promote(&mut replica, &client, &stream, &PromoteOptions::default(), |_| {}).await;
    standby::become_primary(replica, &promoted.unwrap()).unwrap();
    let (mut writer, _) = old.open::<Tick>().unwrap();
    append(&mut writer, 10);
    writer.close().unwrap();
    let fenced = send(&old, &url, &options).await.unwrap_err();
    assert_eq!(fenced.fenced_by(), Some(1024), "{fenced}");
    let (mut writer, _) = Journal::at(&copy).open::<Tick>().unwrap();
    append(&mut writer, 10);
    writer.close().unwrap();
    send(&Journal::at(&copy), &url, &options).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn with_2_9_10_a_journal_goes_out_and_in() {
    a_journal_goes_out_and_in(OLDER[0]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_2_10_25_a_journal_goes_out_and_in() {
    a_journal_goes_out_and_in(OLDER[1]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_2_9_10_nothing_is_lost_or_doubled() {
    nothing_is_lost_or_doubled(OLDER[0]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_2_10_25_nothing_is_lost_or_doubled() {
    nothing_is_lost_or_doubled(OLDER[1]).await;
}

/// Says that it is of that version, as every server does first, and answers a ping.
fn a_server_that_says(version: &str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("nats://{}", listener.local_addr().unwrap());
    let info = format!(
        "INFO {{\"server_id\":\"A\",\"server_name\":\"a\",\"version\":\"{version}\",\"proto\":1,\"host\":\"127.0.0.1\",\
         \"port\":4222,\"headers\":true,\"max_payload\":1048576,\"jetstream\":true}}\r\n"
    );
    std::thread::spawn(move || {
        for line in listener.incoming() {
            let mut line = line.unwrap();
            line.write_all(info.as_bytes()).unwrap();
            let mut said = BufReader::new(line.try_clone().unwrap()).lines();
            while let Some(Ok(word)) = said.next() {
                if word.starts_with("PING") {
                    line.write_all(b"PONG\r\n").unwrap();
                }
            }
        }
    });
    url
}

#[tokio::test]
async fn one_that_is_too_old_is_refused_by_name() {
    let refused = to(&a_server_that_says("2.8.4")).connect().await.unwrap_err();
    assert!(matches!(&refused, ConnectError::TooOld { version, .. } if version == "2.8.4"), "{refused}");
    assert!(!refused.may_pass());
    assert!(refused.to_string().contains("2.9"), "{refused}");
    for fine in ["2.9.10", "2.15.1", "2.10.0-beta.1", "3.0.0", "v2.11"] {
        to(&a_server_that_says(fine)).connect().await.unwrap();
    }
}
