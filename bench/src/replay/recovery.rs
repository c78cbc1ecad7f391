//! Getting the state back: from a snapshot and what came after it, against all of history.

use std::path::Path;
use std::time::{Duration, Instant};

use slipring::{
    Context, Engine, Gate, Handler, HandlerError, Journal, Recovered, ReplayFrom, Snapshot, Snapshots, Stage,
    StageKey, SyncMode,
};
use tempfile::TempDir;

use crate::event::{CAPACITY, Order};
use crate::harness::{Contender, Output};
use crate::host::{Cores, settle};
use crate::replay::STEP_NS;
use crate::ring;
use crate::stats::Sample;

/// Events published live: one snapshot falls among them.
const LIVE: u64 = 150_000;
/// Events between two snapshots.
const EVERY: u64 = 100_000;
/// Events behind the last one.
const TAIL: u64 = EVERY / 2;
/// Prices that the state holds a quantity for: a snapshot of 1 MiB.
const LEVELS: usize = 1 << 17;

/// Quantity by price level: a state of the size of a large book.
struct Levels {
    quantities: Vec<u64>,
}

impl Levels {
    fn new() -> Self {
        Levels { quantities: vec![0; LEVELS] }
    }

    fn sum(&self) -> u64 {
        self.quantities.iter().fold(0, |sum, quantity| sum.wrapping_mul(31).wrapping_add(*quantity))
    }
}

impl Handler<Order> for Levels {
    #[inline(always)]
    fn event(&mut self, order: &Order, _: &Context) -> Result<(), HandlerError> {
        let level = order.id.wrapping_mul(0x9e37_79b9_7f4a_7c15) as usize % LEVELS;
        self.quantities[level] += u64::from(order.quantity) ^ order.id;
        Ok(())
    }
}

impl Snapshot for Levels {
    fn save(&self, out: &mut Vec<u8>) {
        out.extend(self.quantities.iter().flat_map(|quantity| quantity.to_le_bytes()));
    }

    fn restore(&mut self, _: u32, bytes: &[u8]) -> Result<(), HandlerError> {
        let (words, rest) = bytes.as_chunks::<8>();
        if words.len() != LEVELS || !rest.is_empty() {
            return Err("another number of levels".into());
        }
        self.quantities = words.iter().map(|word| u64::from_le_bytes(*word)).collect();
        Ok(())
    }
}

/// A journal whose engine stopped `TAIL` events behind its last snapshot.
struct Stopped {
    journal: Journal,
    cores: Cores,
    state: u64,
    _folder: TempDir,
}

impl Stopped {
    /// `events` is a multiple of `EVERY`; the tail comes on top.
    fn new(folder: &Path, events: u64, cores: Cores) -> Self {
        let events = events + TAIL;
        let place = tempfile::tempdir_in(folder).expect("a folder for the journal");
        let journal = Journal::at(place.path()).sync(SyncMode::None);
        let (mut writer, _) = journal.open::<Order>().expect("a new journal");
        for n in 0..events - LIVE {
            writer.append(n * STEP_NS, &Order::nth(n)).expect("room on the disk");
        }
        writer.close().expect("a disk that syncs");
        let mut stopped = Stopped { journal, cores, state: 0, _folder: place };
        let mut recovered = stopped.open();
        recovered.replay(ReplayFrom::Start).expect("whole records");
        let (engine, mut publisher) = recovered.go_live().expect("lanes that start");
        // A snapshot is left out while the one before is on its way, and replay has just taken one.
        let written = |count| {
            let deadline = Instant::now() + Duration::from_secs(60);
            while engine.kept()[0].snapshots < count {
                assert!(
                    Instant::now() < deadline,
                    "no snapshot: {:?} {:?}",
                    engine.kept(),
                    engine.keep_faults()
                );
                std::thread::sleep(Duration::from_millis(1));
            }
        };
        written(1);
        for n in events - LIVE..events {
            publisher.publish_at(n * STEP_NS, Order::nth(n)).expect("a running engine");
        }
        written(2);
        stopped.state = state(engine.join().expect("a clean shutdown"));
        stopped
    }

    fn open(&self) -> Recovered<Order> {
        self.cores.unpin();
        let stage = Stage::new("levels", Levels::new(), Gate::JOURNALLED)
            .snapshots(Snapshots::every(EVERY).at_shutdown(false));
        Engine::builder()
            .ring_capacity(CAPACITY)
            .journal(self.journal.clone())
            .lane(ring::lane("main", self.cores).journal().with(stage))
            .open()
            .expect("a journal in order")
    }

    /// From opening to going live; the state is checked.
    fn recover(&self, from: ReplayFrom) -> Vec<Sample> {
        let started = Instant::now();
        let mut recovered = self.open();
        self.cores.pin_publisher();
        let report = recovered.replay(from).expect("whole records");
        let elapsed = started.elapsed();
        let (engine, _) = recovered.go_live().expect("replayed");
        self.cores.unpin();
        let found = state(engine.join().expect("a clean shutdown"));
        assert_eq!(found, self.state, "recovery came to another state");
        settle();
        vec![
            Sample { metric: "recovery", unit: "ms", value: elapsed.as_secs_f64() * 1e3 },
            Sample { metric: "replayed", unit: "records", value: report.events() as f64 },
        ]
    }
}

fn state(mut report: slipring::ShutdownReport) -> u64 {
    report.take(&StageKey::<Levels>::named("levels")).expect("the stage").sum()
}

/// `recovery/<records>`: from a snapshot, and from the start.
pub fn bench(output: &mut Output, folder: &Path, cores: Cores, quick: bool) {
    let counts: &[u64] = if quick { &[1_000_000] } else { &[1_000_000, 10_000_000, 100_000_000] };
    for events in counts.iter().copied() {
        output.note(&format!("writing {events} records to recover"));
        let stopped = Stopped::new(folder, events, cores);
        let topology = format!(
            "{events} records and {TAIL} more, a state of 1 MiB; from opening until everything is replayed: from the last snapshot, \
             which those {TAIL} are behind, and from the start; {}",
            cores.describe()
        );
        output.bench_on_disk(
            folder,
            &format!("recovery/{events}"),
            &topology,
            3,
            &mut [
                Contender::new("slipring", || stopped.recover(ReplayFrom::Snapshot)),
                Contender::new("slipring-full-replay", || stopped.recover(ReplayFrom::Start)),
            ],
        );
    }
}
