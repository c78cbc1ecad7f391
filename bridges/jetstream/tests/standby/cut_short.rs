//! A promotion that is cut short at any point is gone on with.

use slipring_jetstream::incoming::{IntoReplica, Start};
use slipring_jetstream::standby::{self, PromoteError, PromoteOptions, Warm};
use slipring_journal::{OpenError, ReadError};
use slipring_test_servers::nats::{Nats, Options};

use super::program::{self, Order, journal, stored, write};

async fn last_place(client: &async_nats::Client) -> u64 {
    let context = async_nats::jetstream::new(client.clone());
    let stream = context.get_stream(program::STREAM).await.unwrap();
    stream.get_info().await.unwrap().state.last_sequence
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_is_promoted_and_its_program_opens_it() {
    let _alone = program::alone().await;
    let Some(nats) = Nats::start(Options::one_node()) else { return };
    let (place, client) = (tempfile::tempdir().unwrap(), program::client(&nats.url()).await);
    let (old, new) = (place.path().join("old"), place.path().join("new"));
    write(&old, 0, 3_000);
    program::send(&old, &nats.url()).await.unwrap();
    // It has nothing yet: to be promoted it reads on.
    let mut replica = IntoReplica::open(journal(&new)).unwrap();
    let options = PromoteOptions::default();
    let agreed = standby::promote(&mut replica, &client, &program::stream(), &options, |_| {}).await.unwrap();
    assert_eq!((agreed.epoch, agreed.first), (1024, 3_000));
    assert_eq!(agreed.stream_sequence, last_place(&client).await);
    standby::become_primary(replica, &agreed).unwrap();
    assert_eq!(standby::pending(&new).unwrap(), None);
    assert_eq!(stored(&new), stored(&old));
    // The program of the new one goes on, and so does its bridge; the old one's does not.
    write(&new, 3_000, 500);
    assert_eq!(program::send(&new, &nats.url()).await.unwrap().progress.acknowledged, 3_500);
    write(&old, 3_000, 10);
    let fenced = program::send(&old, &nats.url()).await.unwrap_err();
    assert!(fenced.fenced_by() >= Some(1024), "{fenced}");
    assert!(fenced.to_string().contains("rejoin"), "{fenced}");
}

#[tokio::test(flavor = "multi_thread")]
async fn cut_short_behind_the_message_it_opens_in_the_same_epoch() {
    let _alone = program::alone().await;
    let Some(nats) = Nats::start(Options::one_node()) else { return };
    let (place, client) = (tempfile::tempdir().unwrap(), program::client(&nats.url()).await);
    let (old, new) = (place.path().join("old"), place.path().join("new"));
    write(&old, 0, 500);
    program::send(&old, &nats.url()).await.unwrap();
    let mut replica = program::replica(&new, &client).await;
    let options = PromoteOptions::default();
    let agreed = standby::promote(&mut replica, &client, &program::stream(), &options, |_| {}).await.unwrap();
    // Its process dies here.
    drop(replica);
    assert_eq!(standby::pending(&new).unwrap().map(|intent| intent.epoch), Some(1024));
    let place = last_place(&client).await;
    let mut replica = IntoReplica::open(journal(&new)).unwrap();
    let again = standby::promote(&mut replica, &client, &program::stream(), &options, |_| {}).await.unwrap();
    assert_eq!((again, last_place(&client).await), (agreed, place), "nothing more was said");
    standby::become_primary(replica, &again).unwrap();
    assert_eq!(journal(&new).raw_reader().unwrap().identity().epoch, 1024);
    let refused = IntoReplica::open(journal(&new)).unwrap_err();
    assert!(refused.to_string().contains("replica"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn cut_short_before_the_message_it_asks_again_unless_another_was_promoted_meanwhile() {
    let _alone = program::alone().await;
    let Some(nats) = Nats::start(Options::one_node()) else { return };
    let (place, client) = (tempfile::tempdir().unwrap(), program::client(&nats.url()).await);
    let folder = |name: &str| place.path().join(name);
    write(&folder("old"), 0, 500);
    program::send(&folder("old"), &nats.url()).await.unwrap();
    // As it is noted behind a message that never left: that of a promotion from another folder.
    let asked = |name: &str| {
        let note = std::fs::read(folder("noted").join("promoting")).unwrap();
        std::fs::write(folder(name).join("promoting"), note).unwrap();
    };
    let mut noted = program::replica(&folder("noted"), &client).await;
    let mut one = program::replica(&folder("one"), &client).await;
    let mut other = program::replica(&folder("other"), &client).await;
    let options = PromoteOptions::default();
    let stream = program::stream();
    let agreed = standby::promote(&mut noted, &client, &stream, &options, |_| {}).await.unwrap();
    // The message is that of `noted`: another folder with another promoter stays a standby.
    let another = standby::promote(&mut one, &client, &stream, &options, |_| {}).await.unwrap_err();
    assert!(matches!(another, PromoteError::Another { epoch: 1024 }), "{another}");
    assert_eq!(standby::pending(&folder("one")).unwrap(), None, "it has not asked");
    // One that asked in the same name is the one that was agreed to.
    asked("other");
    assert_eq!(standby::promote(&mut other, &client, &stream, &options, |_| {}).await.unwrap(), agreed);
    // Told to replace that one, it does.
    let over = PromoteOptions { over: Some(1024), ..options };
    let replaced = standby::promote(&mut one, &client, &stream, &over, |_| {}).await.unwrap();
    assert_eq!((replaced.epoch, replaced.first), (2048, 500));
    // What asked before, and was outdone, knows it.
    let outdone = standby::promote(&mut other, &client, &stream, &options, |_| {}).await.unwrap_err();
    assert!(matches!(outdone, PromoteError::Another { epoch: 2048 }), "{outdone}");
    drop((noted, other));
    standby::become_primary(one, &replaced).unwrap();
    let (mut writer, _) = journal(&folder("one")).open::<Order>().unwrap();
    assert_eq!(writer.append(10_000, &Order { id: 500, quantity: 0 }).unwrap(), 500);
    writer.close().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_fit_the_stream_is_not_promoted() {
    let _alone = program::alone().await;
    let Some(nats) = Nats::start(Options::one_node()) else { return };
    let (place, client) = (tempfile::tempdir().unwrap(), program::client(&nats.url()).await);
    let folder = |name: &str| place.path().join(name);
    write(&folder("old"), 0, 100);
    program::send(&folder("old"), &nats.url()).await.unwrap();
    let options = PromoteOptions::default();
    // A primary.
    let refused = IntoReplica::open(journal(&folder("old"))).unwrap_err();
    assert!(
        matches!(&refused, slipring_jetstream::incoming::IntoError::Open(OpenError::NotReplica { .. })),
        "{refused}"
    );
    // A replica of another journal.
    write(&folder("other"), 0, 100);
    let origin = slipring_journal::Origin::of(journal(&folder("other")).raw_reader().unwrap().journal_id());
    let schema = <Order as slipring::Event>::schema();
    drop(journal(&folder("foreign")).replica(&schema, &origin).unwrap());
    let mut foreign = IntoReplica::open(journal(&folder("foreign"))).unwrap();
    let refused =
        standby::promote(&mut foreign, &client, &program::stream(), &options, |_| {}).await.unwrap_err();
    assert!(matches!(refused, PromoteError::Follow(_)), "{refused}");
    assert!(journal(&folder("foreign")).raw_reader().unwrap().is_replica());
    // Nothing at all.
    let mut stream = program::stream();
    stream.stream = "EMPTY".to_owned();
    stream.start = Start::Oldest;
    let context = async_nats::jetstream::new(client.clone());
    let config = async_nats::jetstream::stream::Config {
        name: "EMPTY".to_owned(),
        subjects: vec!["EMPTY".to_owned()],
        ..Default::default()
    };
    context.create_stream(config).await.unwrap();
    let mut new = IntoReplica::open(journal(&folder("new"))).unwrap();
    let nothing = standby::promote(&mut new, &client, &stream, &options, |_| {}).await.unwrap_err();
    assert!(matches!(nothing, PromoteError::Nothing), "{nothing}");
    assert!(Warm::here(&new).is_none());
    assert!(matches!(journal(&folder("new")).raw_reader(), Err(ReadError::Journal(_))));
}
