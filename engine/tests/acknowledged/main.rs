//! Acknowledgements: what waits for them sees what is acknowledged and no more, over restarts too; what the
//! journal does not confirm moves nothing; another process tells them over a socket.

mod gate;
mod late;
mod model;
mod refusals;
mod restarted;
mod socket;

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use slipring::{
    AcknowledgeError, Acknowledged, Anchor, BuildError, Context, Engine, EngineBuilder, Event, FollowFrom,
    Gate, Journal, JournalId, Lane, LateConsumer, LateContext, LateError, PublishError, Publisher, ReadError,
    Recovered, ReplayError, ReplayFrom, Retention, SyncMode, Unacknowledged, Wait, WaitError,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Event)]
#[repr(C)]
struct Trade {
    id: u64,
    quantity: u64,
}

fn trade(id: u64) -> Trade {
    Trade { id, quantity: id % 7 + 1 }
}

const CAPACITY: usize = 64;
const NAME: &str = "standby";

fn journal(folder: &Path) -> Journal {
    Journal::at(folder).segment_records(32).sync(SyncMode::EveryBatch)
}

/// The position of a record, as a bridge reads it off the files.
fn anchor(journal: &Journal, sequence: u64) -> Anchor {
    journal.raw_reader().unwrap().anchor(sequence).unwrap()
}

/// What a stage has seen.
type Seen = Arc<Mutex<Vec<u64>>>;

fn take_note(seen: &Seen) -> impl FnMut(&Trade, &Context) + Send + 'static + use<> {
    let seen = Arc::clone(seen);
    move |trade, context| {
        assert_eq!(trade.id, context.sequence());
        seen.lock().unwrap().push(trade.id);
    }
}

fn list(seen: &Seen) -> Vec<u64> {
    seen.lock().unwrap().clone()
}

fn held() -> Gate {
    Gate::acknowledged(NAME).may_hold_the_ring()
}

/// An engine with a stage `out` behind a gate, which notes what it sees.
fn with_out(journal: Journal, gate: Gate, seen: &Seen) -> EngineBuilder<Trade> {
    let lane = Lane::named("main").journal().stage("out", take_note(seen), gate);
    Engine::builder().ring_capacity(CAPACITY).journal(journal).lane(lane)
}

/// Publishes the trades of these sequences.
fn publish(publisher: &mut Publisher<Trade>, ids: std::ops::Range<u64>) {
    for id in ids {
        assert_eq!(publisher.publish(trade(id)).unwrap(), id);
    }
}

/// A life in which nobody waits for anything.
fn plain_life(journal: Journal, ids: std::ops::Range<u64>) {
    let builder = Engine::builder().ring_capacity(CAPACITY).journal(journal);
    let recovered = builder.lane(Lane::named("main").journal()).open().unwrap();
    let (engine, mut publisher) = recovered.go_live().unwrap();
    publish(&mut publisher, ids);
    engine.join().unwrap();
}

/// How far the one name is.
fn end(known: &[Acknowledged]) -> u64 {
    let [one] = known else { panic!("{known:?}") };
    assert_eq!(one.name, NAME);
    one.end
}
