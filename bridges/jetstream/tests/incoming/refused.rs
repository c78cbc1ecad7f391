//! What can be in a stream, or not be there any more, and is refused by name.

use std::time::Duration;

use async_nats::jetstream::stream;
use slipring_bridge::compose::Message;
use slipring_bridge::wire::{Head, Kind};
use slipring_jetstream::incoming::{Came, InError, InOptions, Incoming, Start};
use slipring_journal::{Journal, JournalId};
use slipring_test_servers::nats::{Nats, Options};

use crate::journals::append;
use crate::publisher::{Publisher, STREAM, connect};

/// A stream of a hundred records in ten messages behind one with their schema.
struct Published {
    nats: Nats,
    publisher: Publisher,
    journal: Journal,
    _folder: tempfile::TempDir,
}

impl Published {
    async fn begin(config: stream::Config) -> Option<Self> {
        let nats = Nats::start(Options::one_node())?;
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::at(folder.path());
        append(&journal, 100);
        let subjects = vec!["s".to_owned()];
        let config = stream::Config { name: STREAM.to_owned(), subjects, ..config };
        let mut publisher = Publisher::with(&nats, &journal, 10, config).await;
        publisher.publish_all().await;
        Some(Published { nats, publisher, journal, _folder: folder })
    }

    /// The message at that place.
    async fn message(&self, at: u64) -> Message {
        let message = self.publisher.stream.get_raw_message(at).await.unwrap();
        let headers = message.headers.iter();
        let headers = headers.flat_map(|(name, values)| values.iter().map(move |value| (name, value)));
        let head = Head::parse(headers.map(|(name, value)| (name.as_ref(), value.as_str()))).unwrap();
        Message { head, payload: message.payload.to_vec() }
    }

    /// Why the stream is not followed to its end.
    async fn refusal(&self, start: Start) -> InError {
        let options = InOptions { patience: Duration::from_millis(20), ..InOptions::new(STREAM, start) };
        let mut incoming = Incoming::new(connect(&self.nats.url()).await, options);
        loop {
            match incoming.next().await {
                Ok(Came::Nothing) => panic!("all was taken, up to {:?}", incoming.next_sequence()),
                Ok(_) => {}
                Err(error) => return error,
            }
        }
    }
}

/// What follows the last message of the stream, which is the eleventh, is refused.
macro_rules! refused_behind {
    ($($name:ident: $like:expr, |$message:ident| $change:expr => $error:pat,)*) => {
        $(#[tokio::test]
        async fn $name() {
            let Some(mut published) = Published::begin(stream::Config::default()).await else { return };
            let mut $message = published.message($like).await;
            $change;
            published.publisher.publish(&$message).await;
            let refused = published.refusal(Start::Oldest).await;
            assert!(matches!(refused, $error), "{refused:?}");
        })*
    };
}

refused_behind! {
    records_that_came_already: 11, |message| message.head.count = 10 => InError::Doubled { at: 12, wanted: 100, found: 90 },
    records_that_overlap: 11, |message| {
        // One more record than the ten, so that it ends behind what is expected.
        let Message { head, .. } = &mut message;
        (head.first, head.count) = (95, 10);
    } => InError::Doubled { at: 12, wanted: 100, found: 95 },
    records_behind_a_gap: 11, |message| message.head.first = 110 =>
        InError::Gap { at: 12, wanted: 100, found: 110 },
    another_journal: 11, |message| message.head.journal_id = JournalId([7; 16]) =>
        InError::OtherJournal { at: 12, .. },
    another_copy_of_it: 11, |message| message.head.branch = [7; 16] => InError::OtherJournal { at: 12, .. },
    a_record_of_another_place: 11, |message| message.head.first = 100 => InError::Damaged { at: 12, .. },
    a_schema_of_another_place: 1, |message| message.head.first = 101 => InError::Gap { at: 12, .. },
    a_schema_that_is_none: 11, |message| message.head.schema = Some(3) => InError::SchemaLost { at: 12, schema: 3 },
    a_schema_that_is_still_to_come: 11, |message| message.head.schema = Some(12) => InError::SchemaLost { at: 12, .. },
}

#[tokio::test]
async fn what_is_no_message_of_ours() {
    let Some(published) = Published::begin(stream::Config::default()).await else { return };
    let client = connect(&published.nats.url()).await;
    async_nats::jetstream::new(client).publish("s", "hello".into()).await.unwrap().await.unwrap();
    let refused = published.refusal(Start::Oldest).await;
    assert!(matches!(refused, InError::NotOurs { at: 12, .. }), "{refused:?}");
}

#[tokio::test]
async fn an_epoch_that_was_is_refused_and_one_said_again_is_not_told_again() {
    let Some(mut published) = Published::begin(stream::Config::default()).await else { return };
    let like = published.message(11).await.head;
    for epoch in [1_024, 1_024, 1_023] {
        let head = Head { kind: Kind::Epoch, first: 100, count: 0, epoch, ..like };
        published.publisher.publish(&Message { head, payload: Vec::new() }).await;
    }
    let options = InOptions::new(STREAM, Start::Sequence(99));
    let mut incoming = Incoming::new(connect(&published.nats.url()).await, options);
    assert!(matches!(incoming.next().await.unwrap(), Came::Run(run) if run.end() == 100));
    assert!(matches!(incoming.next().await.unwrap(), Came::Epoch(1_024)));
    let refused = incoming.next().await.map(drop).unwrap_err();
    assert!(matches!(refused, InError::Back { at: 14, what: "the epoch", sequence: 100 }), "{refused:?}");
}

#[tokio::test]
async fn an_epoch_is_told_and_its_writer_followed() {
    let Some(mut published) = Published::begin(stream::Config::default()).await else { return };
    let like = published.message(11).await.head;
    let head = Head { kind: Kind::Epoch, first: 100, count: 0, epoch: 1_024, ..like };
    published.publisher.publish(&Message { head, payload: Vec::new() }).await;
    let options = InOptions::new(STREAM, Start::Sequence(95));
    let mut incoming = Incoming::new(connect(&published.nats.url()).await, options);
    assert!(matches!(incoming.next().await.unwrap(), Came::Run(run) if run.first_sequence() == 95));
    assert!(matches!(incoming.next().await.unwrap(), Came::Epoch(1_024)));
    // The old writer, which has not heard of it.
    append(&published.journal, 5);
    published.publisher.publish_all().await;
    let refused = incoming.next().await.unwrap_err();
    assert!(matches!(refused, InError::Back { what: "the epoch", sequence: 100, .. }), "{refused:?}");
}

#[tokio::test]
async fn a_message_that_was_deleted() {
    let Some(published) = Published::begin(stream::Config::default()).await else { return };
    published.publisher.stream.delete_message(6).await.unwrap();
    let refused = published.refusal(Start::Oldest).await;
    assert!(matches!(refused, InError::Gap { at: 7, wanted: 40, found: 50 }), "{refused:?}");
    // Searched by one of its records.
    let refused = published.refusal(Start::Sequence(45)).await;
    assert!(matches!(refused, InError::Gap { at: 7, wanted: 45, found: 50 }), "{refused:?}");
}

#[tokio::test]
async fn what_limits_have_taken() {
    let limits = stream::Config { max_messages: 4, ..stream::Config::default() };
    let Some(mut published) = Published::begin(limits).await else { return };
    // Four messages are left, and their schema is gone.
    let refused = published.refusal(Start::Sequence(10)).await;
    assert!(matches!(refused, InError::Purged { wanted: 10, first: 60 }), "{refused:?}");
    let refused = published.refusal(Start::Sequence(65)).await;
    assert!(matches!(refused, InError::SchemaLost { at: 8, schema: 1 }), "{refused:?}");
    // The schema comes again, as it does now and then, and with it a first record that can be read.
    published.publisher.forget_schema();
    append(&published.journal, 20);
    published.publisher.publish_all().await;
    let options = InOptions::new(STREAM, Start::Oldest);
    let mut incoming = Incoming::new(connect(&published.nats.url()).await, options);
    assert!(matches!(incoming.next().await.unwrap(), Came::Run(run) if run.first_sequence() == 100));
}

#[tokio::test]
async fn a_purge_while_it_follows() {
    let Some(mut published) = Published::begin(stream::Config::default()).await else { return };
    let options =
        InOptions { patience: Duration::from_millis(20), ..InOptions::new(STREAM, Start::Sequence(90)) };
    let mut incoming = Incoming::new(connect(&published.nats.url()).await, options);
    assert!(matches!(incoming.next().await.unwrap(), Came::Run(_)));
    assert!(matches!(incoming.next().await.unwrap(), Came::Nothing));
    // Published and taken away, before the follower asks.
    append(&published.journal, 20);
    published.publisher.publish_all().await;
    published.publisher.stream.purge().await.unwrap();
    append(&published.journal, 10);
    published.publisher.publish_all().await;
    let refused = loop {
        match incoming.next().await {
            // It may have pulled what was purged before it was.
            Ok(Came::Run(run)) if run.end() == 130 => return,
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    assert!(matches!(refused, InError::Purged { wanted: 100 | 110, first: 120 }), "{refused:?}");
}

#[tokio::test]
async fn a_stream_that_was_made_anew() {
    let Some(published) = Published::begin(stream::Config::default()).await else { return };
    let options =
        InOptions { patience: Duration::from_millis(20), ..InOptions::new(STREAM, Start::Sequence(90)) };
    let client = connect(&published.nats.url()).await;
    let mut incoming = Incoming::new(client.clone(), options);
    assert!(matches!(incoming.next().await.unwrap(), Came::Run(_)));
    let context = async_nats::jetstream::new(client);
    context.delete_stream(STREAM).await.unwrap();
    let subjects = vec!["s".to_owned()];
    context
        .create_stream(stream::Config { name: STREAM.to_owned(), subjects, ..Default::default() })
        .await
        .unwrap();
    let refused = loop {
        match incoming.next().await {
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    assert!(matches!(refused, InError::Shorter { wanted: 100, end: 0 }), "{refused:?}");
}

#[tokio::test]
async fn a_message_that_is_longer_than_may_be_under_way() {
    let Some(published) = Published::begin(stream::Config::default()).await else { return };
    let mut options = InOptions::new(STREAM, Start::Oldest);
    (options.patience, options.pull_bytes) = (Duration::from_millis(20), 256);
    let mut incoming = Incoming::new(connect(&published.nats.url()).await, options);
    let told = loop {
        match incoming.next().await.unwrap() {
            Came::Trouble(error) => break error.to_string(),
            came => assert!(matches!(came, Came::Nothing), "{came:?}"),
        }
    };
    assert!(told.contains("gives out none"), "{told}");
}
