//! Nothing goes wrong.

use std::time::Duration;

use slipring_jetstream::out::{OutOptions, Told};
use slipring_journal::{Event, NamedReaderError, SyncMode};
use slipring_test_servers::nats::{Nats, Options};
use slipring_test_servers::proxy::Proxy;

use crate::common::{self, Running, Tick, Writing, count, options, send};

#[tokio::test(flavor = "multi_thread")]
async fn a_million_records_are_in_the_stream_each_once() {
    let Some(nats) = Nats::start(Options::one_node()) else { return };
    let folder = tempfile::tempdir().unwrap();
    let journal = common::written(folder.path(), 1_000_000);
    let options = options("TICKS");
    let ended = send(&journal, &nats.url(), &options).await.unwrap();
    assert!(ended.caught_up);
    assert_eq!((ended.progress.acknowledged, ended.progress.records), (1_000_000, 1_000_000));
    assert_eq!(common::position(&journal, &options), 1_000_000);
    let counted = count(&nats.url(), "TICKS").await;
    // It begins with as many messages as another could still have on their way.
    assert_eq!((counted.records, counted.schemas, counted.most_records), (1_000_000, 64, 1365));
    // Another run has nothing to do, and does nothing.
    let ended = send(&journal, &nats.url(), &options).await.unwrap();
    assert_eq!((ended.progress.records, ended.progress.acknowledged), (0, 1_000_000));
    assert_eq!(count(&nats.url(), "TICKS").await, counted);
    // Nor has one of another name, which knows nothing but the stream.
    let mut other = options;
    other.source.reader = "another".to_owned();
    assert_eq!(send(&journal, &nats.url(), &other).await.unwrap().progress.records, 0);
    assert_eq!(common::position(&journal, &other), 1_000_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn records_follow_as_they_come_and_a_stop_is_at_an_acknowledged_point() {
    let Some(nats) = Nats::start(Options::one_node()) else { return };
    let folder = tempfile::tempdir().unwrap();
    let (journal, options) = (common::journal(folder.path()), options("TICKS"));
    let mut at = 0;
    for _ in 0..3 {
        let writing = Writing::start(&journal, 20);
        let running = Running::start(&journal, &nats.url(), &options);
        running.reach(at + 2_000).await;
        let ended = running.stop().await.unwrap();
        assert_eq!(common::position(&journal, &options), ended.progress.acknowledged);
        assert!(ended.progress.acknowledged >= at + 2_000);
        at = writing.end();
        assert!(send(&journal, &nats.url(), &options).await.unwrap().caught_up);
        assert_eq!(count(&nats.url(), "TICKS").await.records, at);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_durable_records_go_unless_it_is_told_otherwise() {
    let Some(nats) = Nats::start(Options::one_node()) else { return };
    let folder = tempfile::tempdir().unwrap();
    let journal = common::journal(folder.path()).sync(SyncMode::None);
    let (mut writer, _) = journal.open::<Tick>().unwrap();
    common::append(&mut writer, 1_000);
    writer.cursors().wait_durable(999, std::time::Duration::from_secs(10)).unwrap();
    common::append(&mut writer, 500);
    let mut options = options("TICKS");
    // The watermark on the disk trails that in memory.
    while send(&journal, &nats.url(), &options).await.unwrap().progress.acknowledged < 1_000 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(count(&nats.url(), "TICKS").await.records, 1_000);
    options.source.ahead_of_disk = true;
    assert_eq!(send(&journal, &nats.url(), &options).await.unwrap().progress.acknowledged, 1_500);
    assert_eq!(count(&nats.url(), "TICKS").await.records, 1_500);
    writer.close().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn two_bridges_of_one_journal_do_no_harm() {
    let Some(nats) = Nats::start(Options::one_node()) else { return };
    let folder = tempfile::tempdir().unwrap();
    let (journal, one) = (common::journal(folder.path()), options("TICKS"));
    let mut other = one.clone();
    other.source.reader = "another".to_owned();
    let writing = Writing::start(&journal, 40);
    let runs = [Running::start(&journal, &nats.url(), &one), Running::start(&journal, &nats.url(), &other)];
    runs[0].reach(10_000).await;
    // The same name is refused.
    let again = send(&journal, &nats.url(), &one).await;
    assert!(again.unwrap_err().to_string().contains("is held by another"));
    assert!(matches!(journal.stored_reader("another"), Err(NamedReaderError::Held { .. })));
    let end = writing.end();
    for run in runs {
        run.reach(end).await;
        assert_eq!(run.stop().await.unwrap().progress.acknowledged, end);
    }
    assert_eq!(count(&nats.url(), "TICKS").await.records, end);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_header_that_wedges_a_stream_is_never_sent() {
    let Some(nats) = Nats::start(Options::one_node()) else { return };
    let folder = tempfile::tempdir().unwrap();
    let journal = common::written(folder.path(), 100_000);
    let line = Proxy::recording(&nats.address(0));
    let url = format!("nats://{}", line.address());
    let running = Running::start(&journal, &url, &options("TICKS"));
    running.reach(20_000).await;
    line.cut();
    running.reach(100_000).await;
    running.stop().await.unwrap();
    let sent = line.sent().concat().to_ascii_lowercase();
    let has = |word: &str| sent.windows(word.len()).any(|found| found == word.as_bytes());
    // That it would be seen.
    assert!(has("nats-expected-last-sequence:") && has("slipring-crc:"));
    assert!(!has("nats-expected-last-msg-id") && !has("nats-msg-id"));
    assert_eq!(count(&nats.url(), "TICKS").await.records, 100_000);
}

mod newer {
    use slipring_journal::Event;

    #[derive(Clone, Copy, Debug, Event)]
    #[event(version = 2)]
    #[repr(C)]
    pub struct Tick {
        pub own: u64,
        pub price: u64,
        pub size: u64,
        pub side: u64,
        #[event(since = 2)]
        pub flags: u64,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_type_of_event_goes_as_it_lies_behind_its_schema() {
    let Some(nats) = Nats::start(Options::one_node()) else { return };
    let folder = tempfile::tempdir().unwrap();
    let journal = common::written(folder.path(), 3_000);
    let (mut writer, _) = journal.open::<newer::Tick>().unwrap();
    for own in 3_000..5_000 {
        let tick = newer::Tick { own, price: 1, size: 2, side: 3, flags: 4 };
        writer.append(own + 1_000, &tick).unwrap();
    }
    writer.close().unwrap();
    assert!(send(&journal, &nats.url(), &options("TICKS")).await.unwrap().caught_up);
    let client = async_nats::connect(nats.url()).await.unwrap();
    let stream = async_nats::jetstream::new(client).get_stream("TICKS").await.unwrap();
    let messages = stream.cached_info().state.messages;
    let (mut kinds, mut next) = (Vec::new(), 0);
    for at in 1..=messages {
        let message = stream.get_raw_message(at).await.unwrap();
        let head = slipring_jetstream::message::head_of(&message.headers).unwrap();
        assert_eq!(head.first, next);
        if head.schema.is_none() {
            let schema = head.schema_of(&message.payload).unwrap();
            kinds.retain(|(_, first, _)| *first != head.first);
            kinds.push((at, head.first, schema));
        } else {
            let (place, _, schema) = kinds.last().unwrap();
            assert_eq!(head.schema, Some(*place));
            head.records(&message.payload, schema).unwrap();
            next = head.end();
        }
    }
    assert_eq!(next, 5_000);
    let schemas: Vec<_> = kinds.into_iter().map(|(_, first, schema)| (first, schema.events)).collect();
    assert_eq!(schemas, [(0, Tick::schema()), (3_000, newer::Tick::schema())]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_it_says_of_its_way_is_how_it_is() {
    let Some(nats) = Nats::start(Options::one_node()) else { return };
    let folder = tempfile::tempdir().unwrap();
    let (journal, options) = (common::written(folder.path(), 10_000), options("TICKS"));
    let running = Running::start(&journal, &nats.url(), &OutOptions { most_in_flight: 2, ..options });
    running.reach(10_000).await;
    let told = std::sync::Arc::clone(&running.told);
    let ended = running.stop().await.unwrap();
    let told = told.lock().unwrap();
    assert!(matches!(&told[0], Told::Stream(found) if found.is_new && found.replicas == 1));
    assert_eq!(told[1], Told::GoesOn { sequence: 0, stream_sequence: 0 });
    let Some(Told::Progress(last)) = told.last() else { panic!("{told:?}") };
    assert_eq!((last.acknowledged, last.end, last.in_flight, last.troubles), (10_000, 10_000, 0, 0));
    assert_eq!((last.records, last.bytes), (10_000, 480_000));
    assert_eq!(ended.progress, *last);
    assert_eq!(last.anchor, Some(journal.raw_reader().unwrap().anchor(9_999).unwrap()));
}
