//! Stages that read each other start at one cut: whatever a stage reads was made before it, in this life.

use std::collections::BTreeMap;

use super::*;

mod kept;
mod model;
mod starting;

type Results = Arc<Mutex<BTreeMap<u64, u64>>>;

/// The same by columns.
struct Columns {
    inputs: Vec<Column<u64>>,
    own: Column<u64>,
}

/// Makes of each event, and of what its inputs made of it, a new state, which is its result.
struct Step {
    state: u64,
    inputs: Vec<Results>,
    results: Results,
    columns: Option<Columns>,
    /// Events whose inputs were not there.
    missing: Arc<AtomicU64>,
    fails_at: Option<u64>,
    emitted: Arc<Mutex<Vec<(u64, u64)>>>,
}

fn step(state: u64, id: u64, inputs: impl Iterator<Item = u64>) -> u64 {
    let mixed = (state ^ id).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    inputs.fold(mixed, |mixed, input| mixed.rotate_left(7).wrapping_add(input))
}

impl Handler<Trade> for Step {
    fn event(&mut self, trade: &Trade, context: &Context) -> Result<(), HandlerError> {
        let at = context.sequence();
        if self.fails_at == Some(at) {
            return Err("as planned".into());
        }
        let read: Vec<Option<u64>> =
            self.inputs.iter().map(|input| input.lock().unwrap().get(&at).copied()).collect();
        if let Some(columns) = &self.columns {
            let by_column: Vec<_> = columns.inputs.iter().map(|input| context.read(input)).collect();
            assert_eq!(by_column, read, "{at}");
        }
        self.missing.fetch_add(u64::from(read.contains(&None)), Ordering::Relaxed);
        self.state = step(self.state, trade.id, read.iter().map(|read| read.unwrap_or(0)));
        self.results.lock().unwrap().insert(at, self.state);
        if let Some(columns) = &self.columns {
            context.write(&columns.own, self.state);
        }
        if !context.already_done() {
            self.emitted.lock().unwrap().push((at, self.state));
        }
        Ok(())
    }
}

impl Snapshot for Step {
    fn save(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.state.to_le_bytes());
    }

    fn restore(&mut self, _: u32, bytes: &[u8]) -> Result<(), HandlerError> {
        self.state = u64::from_le_bytes(bytes.try_into()?);
        Ok(())
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Keeps {
    Nothing,
    Stateless,
    Effects,
    Snapshots(Snapshots),
}

/// A stage, and what it reads.
#[derive(Clone, Copy, Debug)]
struct Node {
    name: &'static str,
    reads: &'static [&'static str],
    keeps: Keeps,
    /// It is only behind them, and does not say that it reads them.
    after_only: bool,
    /// What it is only behind it reads by columns, and it writes one.
    columns: bool,
    fails_at: Option<u64>,
}

fn node(name: &'static str, reads: &'static [&'static str], keeps: Keeps) -> Node {
    Node { name, reads, keeps, after_only: false, columns: false, fails_at: None }
}

/// As [`node`], gated by order alone, and what it reads are columns.
fn by_columns(name: &'static str, reads: &'static [&'static str], keeps: Keeps) -> Node {
    Node { after_only: true, columns: true, ..node(name, reads, keeps) }
}

fn every(events: u64, keep: usize) -> Keeps {
    Keeps::Snapshots(Snapshots::every(events).keep(keep).at_shutdown(false))
}

/// What is common to all lives of a test.
struct World {
    folder: tempfile::TempDir,
    retention: Option<Retention>,
    emitted: Arc<Mutex<Vec<(u64, u64)>>>,
    missing: Arc<AtomicU64>,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        World { folder, retention: None, emitted: Arc::default(), missing: Arc::default() }
    }

    fn retiring(retention: Retention) -> Self {
        World { retention: Some(retention), ..World::new() }
    }

    fn open(&self, nodes: &[Node]) -> Recovered<Trade> {
        let journal = Journal::at(self.folder.path()).segment_records(64);
        let mut journal = journal.sync(SyncMode::every(Duration::from_millis(1)));
        if let Some(retention) = self.retention {
            journal = journal.retention(retention);
        }
        let results: Vec<Results> = nodes.iter().map(|_| Results::default()).collect();
        let at = |name: &str| nodes.iter().position(|node| node.name == name).unwrap();
        let of = |name: &str| Arc::clone(&results[at(name)]);
        let columns: Vec<Column<u64>> = nodes.iter().map(|node| Column::named(node.name)).collect();
        let column_of = |name: &&str| columns[at(name)].clone();
        let mut builder = Engine::builder().ring_capacity(1024).journal(journal);
        builder = builder.lane(Lane::named("journal").journal());
        for (index, node) in nodes.iter().enumerate() {
            let step = Step {
                state: 0,
                inputs: node.reads.iter().map(|name| of(name)).collect(),
                results: Arc::clone(&results[index]),
                columns: node.columns.then(|| Columns {
                    inputs: node.reads.iter().map(column_of).collect(),
                    own: columns[index].clone(),
                }),
                missing: Arc::clone(&self.missing),
                fails_at: node.fails_at,
                emitted: Arc::clone(&self.emitted),
            };
            let gate = match node.after_only {
                true => Gate::DURABLE.after_only(node.reads),
                false => Gate::DURABLE.after(node.reads),
            };
            let stage = Stage::new(node.name, step, gate);
            let stage = match node.keeps {
                Keeps::Nothing => stage,
                Keeps::Stateless => stage.stateless(),
                Keeps::Effects => stage.stateless().effects(Effects::new()),
                Keeps::Snapshots(options) => stage.snapshots(options),
            };
            let stage = if node.columns { stage.writes(&columns[index]) } else { stage };
            let read = node.reads.iter().filter(|_| node.columns).map(column_of);
            let stage = read.fold(stage, |stage, column| stage.reads(&column));
            builder = builder.lane(Lane::named(node.name).with(stage));
        }
        builder.open().unwrap()
    }

    fn replayed(&self, nodes: &[Node]) -> Recovered<Trade> {
        let mut recovered = self.open(nodes);
        recovered.replay(ReplayFrom::Snapshot).unwrap();
        assert_eq!(self.missing.swap(0, Ordering::Relaxed), 0, "results that were read and not there");
        recovered
    }

    /// A life: replay from the snapshot, then trades up to `end`, each snapshot written before the next is
    /// due. Ends in the states that a run from the start comes to. The first sequence that retention has
    /// left.
    fn live(&self, nodes: &[Node], end: u64) -> u64 {
        self.go_to(self.replayed(nodes), nodes, end)
    }

    fn go_to(&self, recovered: Recovered<Trade>, nodes: &[Node], end: u64) -> u64 {
        let from = recovered.end_sequence();
        let restored = recovered.restored().to_vec();
        let (engine, mut publisher) = recovered.go_live().unwrap();
        for node in nodes {
            // The one of the replay.
            if let Keeps::Snapshots(options) = node.keeps {
                let of_replay = from / every_of(options) * every_of(options);
                let restored = restored.iter().find(|restored| restored.stage == node.name).unwrap();
                if restored.end.unwrap_or(0) < of_replay {
                    wait_for(|| has_settled(&engine, node.name, of_replay));
                }
            }
        }
        for id in from..end {
            publisher.publish(trade(id)).unwrap();
            for node in nodes {
                if let Keeps::Snapshots(options) = node.keeps
                    && (id + 1) % every_of(options) == 0
                {
                    wait_for(|| has_settled(&engine, node.name, id + 1));
                }
            }
        }
        if let Some(last) = end.checked_sub(1) {
            engine.wait_durable(last).unwrap();
        }
        std::thread::sleep(Duration::from_millis(50));
        let first = engine.retention().map_or(0, |retention| retention.first_sequence());
        let mut report = engine.join().unwrap();
        let states = states(nodes, end);
        for node in nodes {
            let stage: Step = report.take(&StageKey::named(node.name)).unwrap();
            if node.keeps != Keeps::Stateless && node.keeps != Keeps::Effects {
                assert_eq!(Some(&stage.state), states[node.name].last(), "stage {}", node.name);
            }
        }
        assert_eq!(self.missing.swap(0, Ordering::Relaxed), 0);
        first
    }

    fn file(&self, stage: &str, end: u64) -> std::path::PathBuf {
        self.folder.path().join(format!("stages/{stage}/{end:020}.snapshot"))
    }

    /// Leaves a stage with these of its snapshots, as if the others had failed.
    fn leave(&self, stage: &str, ends: &[u64]) {
        let found = self.ends(stage);
        assert!(ends.iter().all(|end| found.contains(end)), "{stage}: {found:?}");
        for end in found.iter().filter(|end| !ends.contains(end)) {
            std::fs::remove_file(self.file(stage, *end)).unwrap();
        }
    }

    fn ends(&self, stage: &str) -> Vec<u64> {
        let entries = std::fs::read_dir(self.folder.path().join("stages").join(stage)).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut ends: Vec<u64> =
            names.filter_map(|name| name.strip_suffix(".snapshot")?.parse().ok()).collect();
        ends.sort_unstable();
        ends
    }
}

fn every_of(options: Snapshots) -> u64 {
    // It is not to be had otherwise.
    let text = format!("{options:?}");
    let digits = text.split("every: ").nth(1).unwrap().split(',').next().unwrap();
    digits.parse().unwrap()
}

/// Whether a stage's snapshot at `end` is written, or has failed.
fn has_settled(engine: &Engine<Trade>, stage: &str, end: u64) -> bool {
    let name = format!("{end:020}.snapshot");
    let is_written = engine.kept().iter().any(|kept| kept.stage == stage && kept.snapshot_end >= end);
    let failed = |fault: &String| fault.starts_with(&format!("{stage}:")) && fault.contains(&name);
    is_written || engine.keep_faults().iter().any(failed)
}

fn wait_for(is: impl Fn() -> bool) {
    let deadline = std::time::Instant::now() + Duration::from_secs(120);
    while !is() {
        assert!(std::time::Instant::now() < deadline, "it never came");
        std::thread::sleep(Duration::from_micros(200));
    }
}

/// Of each stage its state behind each event, by the plainest way there is.
fn states(nodes: &[Node], end: u64) -> BTreeMap<&'static str, Vec<u64>> {
    let mut all: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
    // In the tests a stage comes behind those that it reads.
    for node in nodes {
        let mut state = 0;
        let of_node = (0..end).map(|id| {
            state = step(state, id, node.reads.iter().map(|name| all[name][id as usize]));
            state
        });
        let of_node = of_node.collect();
        all.insert(node.name, of_node);
    }
    all
}

fn ends(recovered: &Recovered<Trade>) -> Vec<(String, Option<u64>)> {
    recovered.restored().iter().map(|restored| (restored.stage.clone(), restored.end)).collect()
}

fn cut(ends: &[(&str, u64)]) -> Vec<(String, Option<u64>)> {
    ends.iter().map(|(stage, end)| ((*stage).to_owned(), (*end > 0).then_some(*end))).collect()
}
