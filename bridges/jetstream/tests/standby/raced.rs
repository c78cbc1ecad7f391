//! Who writes to the stream between a look and a message, and what a schema hides.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use slipring_jetstream::out::Told;
use slipring_jetstream::standby::{self, PromoteError, PromoteOptions, Warm};
use slipring_test_servers::nats::{Nats, Options};

use super::program::{self, Bridge, Order, State, journal, write};

#[tokio::test(flavor = "multi_thread")]
async fn of_two_that_are_told_at_once_one_is_promoted() {
    let _alone = program::alone().await;
    let Some(nats) = Nats::start(Options::one_node()) else { return };
    let (place, client) = (tempfile::tempdir().unwrap(), program::client(&nats.url()).await);
    let folder = |name: &str| place.path().join(name);
    write(&folder("old"), 0, 2_000);
    program::send(&folder("old"), &nats.url()).await.unwrap();
    let (one, other) = (State::default(), State::default());
    let mut warm = [
        program::warm(&folder("one"), &client, &one).await,
        program::warm(&folder("other"), &client, &other).await,
    ];
    let [first, second] = &mut warm;
    let (stream, options) = (program::stream(), PromoteOptions::default());
    let (first, second) = tokio::join!(
        standby::promote(first, &client, &stream, &options, |_| {}),
        standby::promote(second, &client, &stream, &options, |_| {})
    );
    let (agreed, refused, winner) = match (first, second) {
        (Ok(agreed), Err(refused)) => (agreed, refused, 0),
        (Err(refused), Ok(agreed)) => (agreed, refused, 1),
        other => panic!("{other:?}"),
    };
    assert!(matches!(refused, PromoteError::Another { epoch: 1024 }), "{refused}");
    let [one, other] = warm;
    let (won, lost) = if winner == 0 { (one, other) } else { (other, one) };
    let (engine, mut publisher) = won.promote(agreed.epoch).unwrap().go_live().unwrap();
    assert_eq!(publisher.publish(Order { id: 2_000, quantity: 1 }).unwrap(), 2_000);
    engine.join().unwrap();
    assert_eq!(lost.end_sequence(), 2_000, "it stays a standby");
    lost.close().unwrap();
}

/// The new primary's bridge has sent the schema and nothing else: that message has the epoch of the record
/// before, which is the old primary's.
#[tokio::test(flavor = "multi_thread")]
async fn a_schema_behind_a_promotion_does_not_hide_it() {
    let _alone = program::alone().await;
    let Some(nats) = Nats::start(Options::one_node()) else { return };
    let (place, client) = (tempfile::tempdir().unwrap(), program::client(&nats.url()).await);
    let folder = |name: &str| place.path().join(name);
    write(&folder("old"), 0, 100);
    program::send(&folder("old"), &nats.url()).await.unwrap();
    let mut new = program::replica(&folder("new"), &client).await;
    let (stream, options) = (program::stream(), PromoteOptions::default());
    let agreed = standby::promote(&mut new, &client, &stream, &options, |_| {}).await.unwrap();
    standby::become_primary(new, &agreed).unwrap();
    let context = async_nats::jetstream::new(client.clone());
    let server = context.get_stream(program::STREAM).await.unwrap();
    let schema = server.get_raw_message(1).await.unwrap();
    let last = server.get_raw_message(agreed.stream_sequence - 1).await.unwrap();
    let head = |headers| slipring_jetstream::message::head_of(headers).unwrap();
    let (of_schema, of_last) = (head(&schema.headers), head(&last.headers));
    let hidden = slipring_bridge::wire::Head {
        kind: slipring_bridge::wire::Kind::Schema,
        epoch: 1,
        crc: of_last.crc,
        first: 100,
        ..of_schema
    };
    let message = slipring_bridge::compose::Message { head: hidden, payload: schema.payload.to_vec() };
    let message = slipring_jetstream::message::Outgoing::from(message).publish_behind(agreed.stream_sequence);
    context.send_publish(program::STREAM, message).await.unwrap().await.unwrap();
    // The old one, which has more in its old epoch still, does not go on behind it.
    let old = journal(&folder("old"));
    let epoch = old.raw_reader().unwrap().identity().epoch;
    assert_eq!(epoch, 1);
    let fenced = program::send(&folder("old"), &nats.url()).await.unwrap_err();
    assert_eq!(fenced.fenced_by(), Some(1024), "{fenced}");
    // Another standby asks for an epoch beyond it.
    let mut third = program::replica(&folder("third"), &client).await;
    let agreed = standby::promote(&mut third, &client, &stream, &options, |_| {}).await;
    assert_eq!(agreed.unwrap().epoch, 2048);
    assert_eq!(Warm::here(&third).unwrap().end, 100);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_primary_that_goes_on_is_overtaken_all_the_same() {
    let _alone = program::alone().await;
    let Some(nats) = Nats::start(Options::one_node()) else { return };
    let (place, client) = (tempfile::tempdir().unwrap(), program::client(&nats.url()).await);
    let folder = |name: &str| place.path().join(name);
    let (mut writer, _) = journal(&folder("old")).open::<Order>().unwrap();
    writer.append(1, &Order { id: 0, quantity: 0 }).unwrap();
    let told = Arc::new(Mutex::new(Vec::new()));
    let bridge = Bridge::start(&folder("old"), &nats.url(), {
        let told = Arc::clone(&told);
        move |what| told.lock().unwrap().push(what)
    });
    let writing = std::thread::spawn(move || {
        for id in 1..40_000 {
            writer.append(1_000 + id, &Order { id, quantity: 0 }).unwrap();
            if id % 20 == 0 {
                std::thread::sleep(Duration::from_micros(500));
            }
        }
        writer.close().unwrap();
    });
    let mut new = loop {
        // The stream is made by the bridge.
        let context = async_nats::jetstream::new(client.clone());
        if let Ok(mut stream) = context.get_stream(program::STREAM).await
            && stream.info().await.unwrap().state.messages > 3
        {
            break program::replica(&folder("new"), &client).await;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    };
    let agreed = standby::promote(&mut new, &client, &program::stream(), &PromoteOptions::default(), |_| {})
        .await
        .unwrap();
    let fenced = bridge.task.await.unwrap().unwrap_err();
    assert_eq!(fenced.fenced_by(), Some(agreed.epoch), "{fenced}");
    // It says what is so, and not that it tries again.
    let tries_again = |told: &Told| matches!(told, Told::Trouble(what) if what.contains("last sequence"));
    assert!(!told.lock().unwrap().iter().any(tries_again));
    standby::become_primary(new, &agreed).unwrap();
    writing.join().unwrap();
}
