//! What stages keep, after a real power loss: the file system is shut down under the engine, so that
//! everything that was not synced is gone, mapped pages too. Skipped, with the reason printed, where nothing
//! can be mounted.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use slipring::{
    Context, DeadLetters, Effects, Engine, Event, Gate, Handler, HandlerError, Journal, Lane, OnError,
    Publisher, Recovered, ReplayFrom, Retention, Snapshot, Snapshots, Stage, StageKey, SyncMode,
};
use slipring_tests::children::{Mount, is_root, skipped};

#[derive(Clone, Copy, Debug, Event)]
#[repr(C)]
struct Order {
    id: u64,
}

/// Counts its orders.
#[derive(Default)]
struct Count(u64);

impl Handler<Order> for Count {
    fn event(&mut self, _: &Order, _: &Context) -> Result<(), HandlerError> {
        self.0 += 1;
        Ok(())
    }
}

impl Snapshot for Count {
    fn save(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.0.to_le_bytes());
    }

    fn restore(&mut self, _version: u32, bytes: &[u8]) -> Result<(), HandlerError> {
        self.0 = u64::from_le_bytes(bytes.try_into()?);
        Ok(())
    }
}

fn mount(test: &str) -> Option<Mount> {
    if !is_root() {
        skipped(test, "it mounts a file system, which needs root");
        return None;
    }
    Mount::image("ext4", 64 << 20).map_err(|reason| skipped(test, &reason)).ok()
}

/// A gateway that refuses order 20 and counts what it emits, beside a stage that takes snapshots.
fn open(place: &Path, emitted: &Arc<AtomicU64>) -> Recovered<Order> {
    let journal = Journal::at(place.join("orders"))
        .segment_records(64)
        .sync(SyncMode::every(Duration::from_millis(1)))
        .retention(Retention::new().only_behind_snapshots());
    let emitted = Arc::clone(emitted);
    let emit = move |order: &Order, context: &Context| {
        if order.id == 20 {
            return Err("no order 20");
        }
        if !context.already_done() {
            emitted.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    };
    let gateway = Stage::new("gateway", emit, Gate::DURABLE).effects(Effects::new()).stateless();
    let gateway = gateway.on_error(OnError::DeadLetter);
    let count =
        Stage::new("count", Count::default(), Gate::JOURNALLED).snapshots(Snapshots::every(100).keep(1));
    let lane = Lane::named("main").journal().with(count).with(gateway);
    Engine::builder().ring_capacity(64).journal(journal).lane(lane).open().unwrap()
}

/// Power fails under a live engine.
fn lose_power(mount: &Mount, live: (Engine<Order>, Publisher<Order>)) {
    mount.shut_down();
    let (engine, publisher) = live;
    drop(publisher);
    drop(engine);
    mount.start_again();
}

#[test]
fn retention_removes_no_event_whose_note_power_loss_may_take() {
    let Some(mount) = mount("retention_removes_no_event_whose_note_power_loss_may_take") else { return };
    let emitted = Arc::new(AtomicU64::new(0));
    let (engine, mut publisher) = open(mount.path(), &emitted).go_live().unwrap();
    let mut end = 0;
    while engine.retention().unwrap().first_sequence() == 0 {
        for id in end..end + 100 {
            publisher.publish(Order { id }).unwrap();
        }
        end += 100;
        engine.wait_stage("gateway", end - 1).unwrap();
        std::thread::sleep(Duration::from_millis(10));
    }
    lose_power(&mount, (engine, publisher));
    // Without the note it would want the effects of events that are gone.
    let mut recovered = open(mount.path(), &emitted);
    recovered.replay(ReplayFrom::Snapshot).unwrap();
    assert!(emitted.load(Ordering::Relaxed) >= end - 1);
    assert_eq!(DeadLetters::of(mount.path().join("orders")).unwrap().open().len(), 1);
    drop(recovered);
}

#[test]
fn a_note_of_progress_never_outlives_the_dead_letter_before_it() {
    let Some(mount) = mount("a_note_of_progress_never_outlives_the_dead_letter_before_it") else { return };
    let emitted = Arc::new(AtomicU64::new(0));
    let (engine, mut publisher) = open(mount.path(), &emitted).go_live().unwrap();
    for id in 0..50 {
        publisher.publish(Order { id }).unwrap();
    }
    engine.wait_stage("gateway", 49).unwrap();
    // As the system may at any time.
    File::open(mount.path().join("orders/stages/gateway/effects")).unwrap().sync_data().unwrap();
    lose_power(&mount, (engine, publisher));
    let mut recovered = open(mount.path(), &emitted);
    recovered.replay(ReplayFrom::Snapshot).unwrap();
    assert_eq!(emitted.load(Ordering::Relaxed), 49, "the note was on the disk");
    let letters = DeadLetters::of(mount.path().join("orders")).unwrap();
    assert_eq!(letters.open().iter().map(|letter| letter.sequence).collect::<Vec<_>>(), [20]);
    drop(recovered);
}

/// Counts its orders, and refuses order 20 unless it is told to take every one.
#[derive(Default)]
struct Picky {
    count: Count,
    takes_all: bool,
}

impl Handler<Order> for Picky {
    fn event(&mut self, order: &Order, context: &Context) -> Result<(), HandlerError> {
        if order.id == 20 && !self.takes_all {
            return Err("no order 20".into());
        }
        self.count.event(order, context)
    }
}

impl Snapshot for Picky {
    fn save(&self, out: &mut Vec<u8>) {
        self.count.save(out);
    }

    fn restore(&mut self, version: u32, bytes: &[u8]) -> Result<(), HandlerError> {
        self.count.restore(version, bytes)
    }
}

/// Were the letter not there, replay from the start would come to another state than from the snapshot.
#[test]
fn no_snapshot_outlives_the_dead_letters_before_it() {
    let Some(mount) = mount("no_snapshot_outlives_the_dead_letters_before_it") else { return };
    let place = mount.path().join("orders");
    let open = |takes_all| {
        let handler = Picky { takes_all, ..Picky::default() };
        let stage = Stage::new("picky", handler, Gate::JOURNALLED).on_error(OnError::DeadLetter);
        let lane =
            Lane::named("main").journal().with(stage.snapshots(Snapshots::every(100).at_shutdown(false)));
        // Nothing syncs the letters but the keeper before a snapshot: there are no effects, and nothing is
        // retired.
        let journal =
            Journal::at(&place).segment_bytes(1 << 20).sync(SyncMode::every(Duration::from_millis(1)));
        Engine::builder().ring_capacity(64).journal(journal).lane(lane).open().unwrap()
    };
    let (engine, mut publisher) = open(false).go_live().unwrap();
    for id in 0..150 {
        publisher.publish(Order { id }).unwrap();
    }
    while engine.kept()[0].snapshots == 0 {
        std::thread::sleep(Duration::from_millis(1));
    }
    lose_power(&mount, (engine, publisher));
    let letters = DeadLetters::of(&place).unwrap();
    assert_eq!(letters.open().iter().map(|letter| letter.sequence).collect::<Vec<_>>(), [20]);
    for from in [ReplayFrom::Snapshot, ReplayFrom::Start] {
        let mut recovered = open(true);
        recovered.replay(from).unwrap();
        let restored = recovered.restored().first().and_then(|restored| restored.end);
        assert_eq!(restored, (from == ReplayFrom::Snapshot).then_some(100));
        let end = recovered.end_sequence();
        let (engine, _) = recovered.go_live().unwrap();
        let state: Picky = engine.join().unwrap().take(&StageKey::named("picky")).unwrap();
        assert_eq!(state.count.0, end - 1, "{from:?}");
    }
}
