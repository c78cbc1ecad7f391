//! What stages keep beside the journal: snapshots, digests, effects, dead letters; and what recovery makes of
//! it.

mod cuts;
mod dead_letters;
mod divergence;
mod effects;
mod reprocessing;
mod retention;
mod retry_model;
mod retrying;
mod snapshots;

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use slipring::{
    Cause, Column, Context, DeadLetters, Digest, Digests, Effects, Engine, EngineBuilder, Event, EventKey,
    Fatal, FirstTime, Gate, Handler, HandlerError, Journal, KeepError, Lane, OnError, Recovered, ReplayError,
    ReplayFrom, Retention, Snapshot, Snapshots, Stage, StageKey, SyncMode,
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

/// Sums what it sees; counts its calls; refuses or panics at given ids.
#[derive(Default)]
struct Sum {
    total: u64,
    seen: u64,
    calls: Arc<AtomicU64>,
    refuses: Vec<u64>,
    panics_at: Option<u64>,
    /// Not part of the state: makes it non-deterministic.
    noise: Vec<u64>,
}

impl Handler<Trade> for Sum {
    fn event(&mut self, trade: &Trade, _: &Context) -> Result<(), HandlerError> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        if self.panics_at == Some(trade.id) {
            panic!("poison");
        }
        if self.refuses.contains(&trade.id) {
            return Err(format!("no trade {}", trade.id).into());
        }
        self.total = self.total.wrapping_mul(31).wrapping_add(trade.quantity);
        if self.noise.contains(&trade.id) {
            self.total += 1;
        }
        self.seen += 1;
        Ok(())
    }
}

impl Snapshot for Sum {
    const VERSION: u32 = 7;

    fn save(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.total.to_le_bytes());
        out.extend_from_slice(&self.seen.to_le_bytes());
    }

    fn restore(&mut self, version: u32, bytes: &[u8]) -> Result<(), HandlerError> {
        assert_eq!(version, 7);
        let (total, seen) = bytes.split_at_checked(8).ok_or("too short")?;
        (self.total, self.seen) =
            (u64::from_le_bytes(total.try_into()?), u64::from_le_bytes(seen.try_into()?));
        Ok(())
    }
}

impl Digest for Sum {
    fn digest(&self) -> u64 {
        self.total
    }
}

fn builder(journal: &Path) -> EngineBuilder<Trade> {
    let journal = Journal::at(journal).segment_records(64).sync(SyncMode::every(Duration::from_millis(1)));
    Engine::builder().ring_capacity(64).journal(journal)
}

fn with_stage<H: Handler<Trade>>(journal: &Path, stage: Stage<H>) -> Recovered<Trade> {
    builder(journal).lane(Lane::named("main").journal().with(stage)).open().unwrap()
}

/// One life: replay, `count` more trades, shutdown; the handler, and how many events were replayed.
fn live<H: Handler<Trade>>(journal: &Path, stage: Stage<H>, from: ReplayFrom, count: u64) -> (H, u64) {
    let mut recovered = with_stage(journal, stage);
    let replayed = recovered.replay(from).unwrap().events();
    let end = recovered.end_sequence();
    let (engine, mut publisher) = recovered.go_live().unwrap();
    for id in end..end + count {
        publisher.publish(trade(id)).unwrap();
    }
    let mut report = engine.join().unwrap();
    assert_eq!(report.keep_faults, Vec::<String>::new());
    (report.take(&StageKey::named("sum")).unwrap(), replayed)
}

/// The total of the trades in `[0, end)`.
fn total(end: u64) -> u64 {
    (0..end).fold(0, |total: u64, id| total.wrapping_mul(31).wrapping_add(trade(id).quantity))
}

fn sum() -> Stage<Sum> {
    Stage::new("sum", Sum::default(), Gate::JOURNALLED)
}

fn snapshot_files(journal: &Path) -> Vec<std::path::PathBuf> {
    let folder = journal.join("stages/sum");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .map(|entries| entries.map(|entry| entry.unwrap().path()).collect())
        .unwrap_or_default();
    files.retain(|path| path.extension().is_some_and(|suffix| suffix == "snapshot"));
    files.sort();
    files
}
