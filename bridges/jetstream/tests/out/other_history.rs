//! The stream is not this journal's, or not any more.

use std::path::Path;

use async_nats::jetstream;
use async_nats::jetstream::stream::Stream;
use slipring_bridge::history::HistoryError;
use slipring_bridge::wire::{Head, Kind, MOST_IN_FLIGHT};
use slipring_jetstream::error::OutError;
use slipring_journal::Journal;
use slipring_test_servers::nats::{Nats, Options};

use crate::common::{self, Running, Tick, Writing, count, options, send};

pub fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &target),
            // A writer may have renamed it meanwhile.
            false => match std::fs::copy(entry.path(), target) {
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                copied => drop(copied.unwrap()),
            },
        }
    }
}

fn more(journal: &Journal, count: u64) {
    let (mut writer, _) = journal.open::<Tick>().unwrap();
    common::append(&mut writer, count);
    writer.close().unwrap();
}

fn fault(error: OutError) -> HistoryError {
    match error {
        OutError::History { fault, .. } => fault,
        other => panic!("{other}"),
    }
}

async fn stream(nats: &Nats) -> (jetstream::Context, Stream) {
    let client = async_nats::connect(nats.url()).await.unwrap();
    let context = jetstream::new(client);
    let stream = context.get_stream("TICKS").await.unwrap();
    (context, stream)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_went_on_otherwise_is_refused() {
    let Some(nats) = Nats::start(Options::one_node()) else { return };
    let folder = tempfile::tempdir().unwrap();
    let (here, there) = (folder.path().join("here"), folder.path().join("there"));
    let journal = common::written(&here, 1_000);
    let options = options("TICKS");
    send(&journal, &nats.url(), &options).await.unwrap();
    copy(&here, &there);
    let other = common::journal(&there);
    // The copy alone is the same journal still.
    assert_eq!(send(&other, &nats.url(), &options).await.unwrap().progress.records, 0);
    more(&journal, 500);
    send(&journal, &nats.url(), &options).await.unwrap();
    let (mut writer, _) = other.open::<Tick>().unwrap();
    for n in 0..700 {
        writer.append(5_000 + n, &common::tick(7)).unwrap();
    }
    writer.close().unwrap();
    let refused = send(&other, &nats.url(), &options).await.unwrap_err();
    assert!(refused.is_other_history());
    assert!(matches!(fault(refused), HistoryError::Differs { sequence: 1_499, .. }));
    // Its reader has not moved, and the stream is as it was.
    assert_eq!(common::position(&other, &options), 1_000);
    assert_eq!(count(&nats.url(), "TICKS").await.records, 1_500);
    more(&journal, 10);
    assert_eq!(send(&journal, &nats.url(), &options).await.unwrap().progress.acknowledged, 1_510);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_copy_is_behind_the_stream() {
    let Some(nats) = Nats::start(Options::one_node()) else { return };
    let folder = tempfile::tempdir().unwrap();
    let (here, there) = (folder.path().join("here"), folder.path().join("there"));
    let journal = common::written(&here, 1_000);
    copy(&here, &there);
    let other = common::journal(&there);
    // In the same epoch, as after power loss.
    let (mut writer, _) = journal.open::<Tick>().unwrap();
    common::append(&mut writer, 500);
    writer.close().unwrap();
    more(&other, 1);
    send(&journal, &nats.url(), &options("TICKS")).await.unwrap();
    let shorter = fault(send(&other, &nats.url(), &options("TICKS")).await.unwrap_err());
    assert!(matches!(shorter, HistoryError::JournalShorter { stream_end: 1_500, journal_end: 1_001 }));
    more(&journal, 1);
    send(&journal, &nats.url(), &options("TICKS")).await.unwrap();
    let fenced = fault(send(&other, &nats.url(), &options("TICKS")).await.unwrap_err());
    assert!(matches!(fenced, HistoryError::Fenced { epoch: 3, own: 2 }), "{fenced}");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_journal_is_refused() {
    let Some(nats) = Nats::start(Options::one_node()) else { return };
    let folder = tempfile::tempdir().unwrap();
    let one = common::written(&folder.path().join("one"), 100);
    let other = common::written(&folder.path().join("other"), 100);
    send(&one, &nats.url(), &options("TICKS")).await.unwrap();
    let refused = fault(send(&other, &nats.url(), &options("TICKS")).await.unwrap_err());
    assert!(matches!(refused, HistoryError::OtherJournal { .. }), "{refused}");
    assert_eq!(count(&nats.url(), "TICKS").await.records, 100);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_promotion_in_mid_stream_fences_it() {
    let Some(nats) = Nats::start(Options::one_node()) else { return };
    let folder = tempfile::tempdir().unwrap();
    let (journal, options) = (common::journal(folder.path()), options("TICKS"));
    let writing = Writing::start(&journal, 20);
    let running = Running::start(&journal, &nats.url(), &options);
    running.reach(1_000).await;
    let (context, stream) = stream(&nats).await;
    // By compare-and-set against a stream that goes on: it takes some tries.
    let client = context.client();
    let place = loop {
        let last = stream.get_last_raw_message_by_subject("TICKS").await.unwrap();
        let before = slipring_jetstream::message::head_of(&last.headers).unwrap();
        let schema = before.schema.or(Some(last.sequence));
        let head = Head { kind: Kind::Epoch, epoch: 1024, first: before.end(), count: 0, schema, ..before };
        let message = slipring_bridge::compose::Message { head, payload: Vec::new() };
        let message = slipring_jetstream::message::Outgoing::from(message);
        let batch = format!("promotion-{}", last.sequence);
        let part = |n| message.part(&batch, n, MOST_IN_FLIGHT, last.sequence);
        for n in 1..MOST_IN_FLIGHT {
            let (headers, payload) = part(n);
            client.publish_with_headers("TICKS", headers, payload).await.unwrap();
        }
        let (headers, payload) = part(MOST_IN_FLIGHT);
        if let Ok(ack) = context.publish_with_headers("TICKS", headers, payload).await.unwrap().await {
            break (ack.sequence, head.first);
        }
    };
    let ended = running.end().await.unwrap_err();
    assert!(matches!(fault(ended), HistoryError::Fenced { epoch: 1024, own: 1 }));
    writing.end();
    assert!(common::position(&journal, &options) <= place.1);
    // Nothing of it got behind, nor does later.
    assert!(matches!(
        fault(send(&journal, &nats.url(), &options).await.unwrap_err()),
        HistoryError::Fenced { epoch: 1024, own: 1 }
    ));
    assert_eq!(stream.get_info().await.unwrap().state.last_sequence, place.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_lost_its_end_or_all_is_not_gone_on_with_unasked() {
    let Some(nats) = Nats::start(Options::one_node()) else { return };
    let folder = tempfile::tempdir().unwrap();
    let (journal, mut options) = (common::written(folder.path(), 10_000), options("TICKS"));
    send(&journal, &nats.url(), &options).await.unwrap();
    let (context, stream) = stream(&nats).await;
    let last = stream.get_info().await.unwrap().state.last_sequence;
    stream.delete_message(last).await.unwrap();
    let taken_out = send(&journal, &nats.url(), &options).await.unwrap_err();
    assert!(matches!(taken_out, OutError::TakenOut { .. }), "{taken_out}");
    stream.purge().await.unwrap();
    let nothing = fault(send(&journal, &nats.url(), &options).await.unwrap_err());
    assert!(matches!(nothing, HistoryError::NothingToGoBy { position: 10_000 }), "{nothing}");
    options.trust_position = true;
    more(&journal, 5);
    let ended = send(&journal, &nats.url(), &options).await.unwrap();
    assert_eq!((ended.progress.records, ended.progress.acknowledged), (5, 10_005));
    // Another stream in its place, which knows less than was acknowledged.
    options.trust_position = false;
    context.delete_stream("TICKS").await.unwrap();
    let nothing = fault(send(&journal, &nats.url(), &options).await.unwrap_err());
    assert!(matches!(nothing, HistoryError::NothingToGoBy { position: 10_005 }), "{nothing}");
    let mut fresh = options.clone();
    fresh.source.reader = "fresh".to_owned();
    let half = common::written(&folder.path().join("half"), 1);
    drop(half);
    send(&journal, &nats.url(), &fresh).await.unwrap();
    assert_eq!(send(&journal, &nats.url(), &options).await.unwrap().progress.records, 0);
    assert_eq!(count(&nats.url(), "TICKS").await.records, 10_005);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_publish_is_not_gone_on_behind() {
    let Some(nats) = Nats::start(Options::one_node()) else { return };
    let folder = tempfile::tempdir().unwrap();
    let (journal, options) = (common::written(folder.path(), 100), options("TICKS"));
    send(&journal, &nats.url(), &options).await.unwrap();
    let (context, _) = stream(&nats).await;
    context.publish("TICKS", "hello".into()).await.unwrap().await.unwrap();
    more(&journal, 1);
    let foreign = send(&journal, &nats.url(), &options).await.unwrap_err();
    assert!(matches!(foreign, OutError::Foreign { .. }), "{foreign}");
    assert_eq!(common::position(&journal, &options), 100);
}
