//! Primaries are replaced while they write, again and again, and rejoin.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use slipring::{Engine, Publisher};
use slipring_jetstream::error::OutError;
use slipring_jetstream::out;
use slipring_jetstream::rejoin;
use slipring_jetstream::standby::{self, Order as Told, Warm};
use slipring_test_servers::long::times;
use slipring_test_servers::nats::{Nats, Options};
use tokio::sync::{mpsc, watch};

use super::program::{self, Bridge, Delivered, Order, State, stored};

/// A primary that takes orders, with its bridge.
struct Primary {
    folder: PathBuf,
    engine: Engine<Order>,
    orders: JoinHandle<()>,
    closed: Arc<AtomicBool>,
    bridge: Bridge,
    /// What is behind the gate; ended by the engine's end.
    late: Box<dyn std::any::Any + Send>,
}

impl Primary {
    /// Goes live: takes orders at once, and has them out behind the gate from `from` on.
    fn live(
        folder: &Path,
        url: &str,
        (engine, publisher): (Engine<Order>, Publisher<Order>),
        (ids, delivered): (&Arc<AtomicU64>, &Delivered),
    ) -> Self {
        let from = delivered.lock().unwrap().last().map_or(0, |(sequence, ..)| sequence + 1);
        let late = program::follow_out(&engine, from, delivered);
        let acknowledger = engine.acknowledger("stream").unwrap();
        let bridge = Bridge::start(folder, url, move |told| {
            if let out::Told::Acknowledged(anchor) = told {
                // The engine may have ended.
                drop(acknowledger.acknowledge(anchor));
            }
        });
        let closed = Arc::new(AtomicBool::new(false));
        let (is_closed, ids) = (Arc::clone(&closed), Arc::clone(ids));
        let orders = std::thread::spawn(move || take_orders(publisher, &ids, &is_closed));
        Primary { folder: folder.to_owned(), engine, orders, closed, bridge, late }
    }

    /// Until its bridge says why it is one no more; then it takes no more orders, and ends.
    async fn until_replaced(self) -> OutError {
        let why = self.bridge.task.await.unwrap().unwrap_err();
        self.closed.store(true, Ordering::Relaxed);
        self.orders.join().unwrap();
        let report = tokio::task::spawn_blocking(|| self.engine.join()).await.unwrap().unwrap();
        assert_eq!(report.undelivered.len(), 0);
        drop(self.late);
        why
    }
}

fn take_orders(mut publisher: Publisher<Order>, ids: &AtomicU64, is_closed: &AtomicBool) {
    while !is_closed.load(Ordering::Relaxed) {
        for _ in 0..20 {
            let id = ids.fetch_add(1, Ordering::Relaxed);
            publisher.publish_at(1_000 + id, Order { id, quantity: id % 7 }).unwrap();
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

async fn replaced_under_load(nats: &Nats, rounds: u64) {
    let url = nats.url();
    let client = program::client(&url).await;
    let place = tempfile::tempdir().unwrap();
    let folders = [place.path().join("a"), place.path().join("b")];
    let (ids, delivered) = (Arc::new(AtomicU64::new(0)), Delivered::default());
    let mut state = State::default();
    let live = program::builder(&folders[0], &state).go_live().unwrap();
    let mut primary = Primary::live(&folders[0], &url, live, (&ids, &delivered));
    let mut set_aside = HashMap::new();
    for round in 0..rounds {
        let folder = &folders[(round as usize + 1) % 2];
        // Of this primary: one that has written nothing yet is not replaced unasked.
        let before = delivered.lock().unwrap().len();
        while delivered.lock().unwrap().len() < before + 400 {
            assert!(!primary.bridge.task.is_finished(), "round {round}: its bridge has ended");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        let mirrored = State::default();
        let warm = program::warm(folder, &client, &mirrored).await;
        let (order, orders) = mpsc::channel(1);
        let (_stop, stopped) = watch::channel(false);
        let options = program::standby_options();
        let following = tokio::spawn({
            let client = client.clone();
            let tell = move |told| {
                if let standby::Told::NotPromoted(error) = told {
                    panic!("round {round}: {error}");
                }
            };
            async move { standby::follow(warm, &client, &options, orders, stopped, tell).await }
        });
        // At no moment in particular.
        tokio::time::sleep(Duration::from_millis(20 + 37 * round % 150)).await;
        order.send(Told::Promote).await.unwrap();
        let ended = following.await.unwrap().unwrap();
        let agreed = ended.agreed.expect("it was told to");
        assert_eq!(agreed.first, Warm::here(&ended.warm).unwrap().end);
        let recovered =
            tokio::task::spawn_blocking(move || ended.warm.promote(agreed.epoch)).await.unwrap().unwrap();
        standby::forget(folder).unwrap();

        let old = primary.folder.clone();
        let why = primary.until_replaced().await;
        assert_eq!(why.fenced_by(), Some(agreed.epoch), "{why}");
        state = mirrored;
        primary = Primary::live(folder, &url, recovered.go_live().unwrap(), (&ids, &delivered));

        // What the old one had beyond is set aside, listed, and nothing else.
        let before = stored(&old);
        let had = before.len() as u64;
        let rejoined = program::rejoin(&old, &client).await.unwrap();
        assert_eq!(rejoined.fork.sequence + 1, agreed.first, "it is where the histories part");
        assert_eq!(rejoined.report.records(), had - agreed.first);
        let mut listed = 0;
        for file in rejoin::set_aside(&old).unwrap().iter().filter(|file| file.first >= agreed.first) {
            for record in file.records().unwrap() {
                if before.get(record.sequence as usize).is_some_and(|had| had.2 == record.crc) {
                    let id = u64::from_le_bytes(record.event[..8].try_into().unwrap());
                    assert_eq!(set_aside.insert(id, round), None, "order {id} is set aside once");
                    listed += 1;
                }
            }
        }
        assert_eq!(listed, had - agreed.first);
        assert_eq!(stored(&old)[..], before[..agreed.first as usize]);
        assert_eq!(stored(folder)[..agreed.first as usize], before[..agreed.first as usize], "round {round}");
    }

    // No more orders; all gets out, and the last one that was replaced is as the primary.
    primary.closed.store(true, Ordering::Relaxed);
    primary.orders.join().unwrap();
    let end = ids.load(Ordering::Relaxed) - set_aside.len() as u64;
    while delivered.lock().unwrap().last().is_none_or(|last| last.0 + 1 < end) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    primary.bridge.stop.send_replace(true);
    primary.bridge.task.await.unwrap().unwrap();
    let engine = primary.engine;
    tokio::task::spawn_blocking(|| engine.join()).await.unwrap().unwrap();
    let rejoined = folders.iter().find(|folder| **folder != primary.folder).unwrap();
    let mirrored = State::default();
    let mut warm = program::warm(rejoined, &client, &mirrored).await;
    warm = read_all(warm, &client, end).await;
    warm.settle().unwrap();
    assert_eq!(*mirrored.lock().unwrap(), *state.lock().unwrap());
    warm.close().unwrap();
    let all = stored(&primary.folder);
    assert_eq!(stored(rejoined), all);
    check_delivered(&delivered.lock().unwrap(), &all, &set_aside);
}

async fn read_all(
    warm: slipring::Standby<Order>,
    client: &async_nats::Client,
    end: u64,
) -> slipring::Standby<Order> {
    let (stop, stopped) = watch::channel(false);
    let (_order, orders) = mpsc::channel(1);
    let mut options = program::standby_options();
    options.stream.patience = Duration::from_millis(20);
    let tell = move |told| {
        if let standby::Told::Progress { end: here, .. } = told
            && here >= end
        {
            stop.send_replace(true);
        }
    };
    standby::follow(warm, client, &options, orders, stopped, tell).await.unwrap().warm
}

/// Nothing that got out behind the gate is missing in the journal that is left, and all of that got out in
/// order.
fn check_delivered(delivered: &[(u64, u32, u64)], all: &[program::Stored], set_aside: &HashMap<u64, u64>) {
    let told: Vec<_> = delivered.iter().map(|(sequence, epoch, id)| (*sequence, *epoch, *id)).collect();
    let mut next = 0;
    for (sequence, epoch, id) in told {
        assert!(sequence <= next, "{sequence} where {next} comes next: something was left out");
        let (stored_epoch, _, _, event) = &all[sequence as usize];
        assert_eq!((*stored_epoch, u64::from_le_bytes(event[..8].try_into().unwrap())), (epoch, id));
        assert!(!set_aside.contains_key(&id), "order {id} got out and was set aside");
        next = next.max(sequence + 1);
    }
    assert_eq!(next, all.len() as u64, "all of it got out");
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_times_on_one_node() {
    let _alone = program::alone().await;
    let Some(nats) = Nats::start(Options::one_node()) else { return };
    replaced_under_load(&nats, times(20)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_three_nodes() {
    let _alone = program::alone().await;
    let Some(nats) = Nats::start(Options::three_nodes()) else { return };
    replaced_under_load(&nats, times(10)).await;
}
