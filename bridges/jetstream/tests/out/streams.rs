//! Streams that are there already, or are full.

use std::time::Duration;

use async_nats::jetstream;
use async_nats::jetstream::stream::{Config, DiscardPolicy, RetentionPolicy};
use slipring_jetstream::error::{OutError, StreamError};
use slipring_jetstream::out::Told;
use slipring_test_servers::nats::{Nats, Options};

use crate::common::{self, Running, Writing, count, options, send};

async fn context(nats: &Nats) -> jetstream::Context {
    jetstream::new(async_nats::connect(nats.url()).await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_is_there_is_looked_at() {
    let Some(nats) = Nats::start(Options::one_node()) else { return };
    let folder = tempfile::tempdir().unwrap();
    let journal = common::written(folder.path(), 100);
    let context = context(&nats).await;
    let config =
        |name: &str| Config { name: name.to_owned(), subjects: vec![name.to_owned()], ..Config::default() };
    context.create_stream(Config { retention: RetentionPolicy::WorkQueue, ..config("QUEUE") }).await.unwrap();
    let unfit = send(&journal, &nats.url(), &options("QUEUE")).await.unwrap_err();
    assert!(matches!(unfit, OutError::Stream(StreamError::Unfit { .. })), "{unfit}");
    context.create_stream(Config { max_messages: 3, ..config("FEW") }).await.unwrap();
    let running = Running::start(&journal, &nats.url(), &options("FEW"));
    running.reach(100).await;
    let told = running.told.lock().unwrap().clone();
    assert!(matches!(&told[0], Told::Stream(found) if !found.is_new
        && found.notes.iter().any(|note| note.contains("drops the oldest messages, read or not"))));
    running.stop().await.unwrap();
    let mut three = options("FEW");
    three.stream.replicas = Some(3);
    let differs = send(&journal, &nats.url(), &three).await.unwrap_err();
    assert!(matches!(differs, OutError::Stream(StreamError::Differs { what: "replicas:", .. })), "{differs}");
    // A single server makes no three copies.
    three.stream.name = "THREE".to_owned();
    let refused = send(&journal, &nats.url(), &three).await.unwrap_err();
    assert!(matches!(refused, OutError::Stream(StreamError::Server { .. })), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_without_atomic_batches_gets_one_message_at_a_time() {
    let Some(nats) = Nats::start(Options::one_node()) else { return };
    let folder = tempfile::tempdir().unwrap();
    let journal = common::written(folder.path(), 20_000);
    let (name, subjects) = ("TICKS".to_owned(), vec!["TICKS".to_owned()]);
    context(&nats).await.create_stream(Config { name, subjects, ..Config::default() }).await.unwrap();
    let running = Running::start(&journal, &nats.url(), &options("TICKS"));
    running.reach(20_000).await;
    let told = running.told.lock().unwrap().clone();
    assert!(matches!(&told[0], Told::Stream(found) if !found.is_atomic
        && found.notes.iter().any(|note| note.contains("one message at a time"))));
    assert_eq!(running.stop().await.unwrap().progress.acknowledged, 20_000);
    let counted = count(&nats.url(), "TICKS").await;
    assert_eq!((counted.records, counted.schemas), (20_000, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_stream_keeps_records_back_and_loses_none() {
    let Some(nats) = Nats::start(Options::one_node()) else { return };
    let folder = tempfile::tempdir().unwrap();
    let (journal, mut options) = (common::written(folder.path(), 20_000), options("TICKS"));
    options.stream.max_bytes = Some(400 << 10);
    let running = Running::start(&journal, &nats.url(), &options);
    let is_full = |told: &Told| matches!(told, Told::Trouble(what) if what.contains("maximum bytes"));
    while !running.told.lock().unwrap().iter().any(is_full) {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let context = context(&nats).await;
    let mut config = context.get_stream("TICKS").await.unwrap().cached_info().config.clone();
    assert_eq!(config.discard, DiscardPolicy::New);
    config.max_bytes = -1;
    context.update_stream(config).await.unwrap();
    running.reach(20_000).await;
    assert_eq!(running.stop().await.unwrap().progress.acknowledged, 20_000);
    assert_eq!(count(&nats.url(), "TICKS").await.records, 20_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sealed_stream_takes_nothing() {
    let Some(nats) = Nats::start(Options::one_node()) else { return };
    let folder = tempfile::tempdir().unwrap();
    let (journal, options) = (common::journal(folder.path()), options("TICKS"));
    let writing = Writing::start(&journal, 20);
    let running = Running::start(&journal, &nats.url(), &options);
    running.reach(100).await;
    let context = context(&nats).await;
    let config = context.get_stream("TICKS").await.unwrap().cached_info().config.clone();
    context.update_stream(Config { sealed: true, ..config }).await.unwrap();
    let refused = running.end().await.unwrap_err();
    assert!(matches!(refused, OutError::Refused { .. }), "{refused}");
    writing.end();
}
