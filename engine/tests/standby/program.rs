//! A program for primary and standby, what its primary's files hold, and what its stages have seen.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use slipring::{
    Column, Context, Effects, Engine, EngineBuilder, Event, EventKey, FirstTime, Gate, Handler, HandlerError,
    Journal, Lane, Origin, Publisher, ReplayFrom, Schema, Snapshot, Snapshots, Stage, Standby, SyncMode,
    Wait,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Event)]
#[repr(C)]
pub struct Trade {
    pub id: u64,
    pub quantity: u64,
}

pub fn trade(id: u64) -> Trade {
    Trade { id, quantity: id.wrapping_mul(0x9e37_79b9).rotate_left(7) }
}

/// What stages have seen, from outside.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Of all events with all that handlers may know of them.
    pub digest: u64,
    pub events: u64,
    /// Effects emitted.
    pub emitted: Vec<EventKey>,
    /// Where the handler was told that it is live.
    pub live_from: Vec<u64>,
    /// Events that were shown as live ones.
    pub live: u64,
}

pub type Shared = Arc<Mutex<Seen>>;

/// Folds what it sees into a state.
struct Book {
    state: (u64, u64),
    doubled: Column<u64>,
    seen: Shared,
    panics_at: Option<u64>,
}

impl Handler<Trade> for Book {
    fn event(&mut self, trade: &Trade, context: &Context) -> Result<(), HandlerError> {
        assert_ne!(self.panics_at, Some(trade.id), "poison");
        let key = context.key().ok_or("there is a journal")?;
        assert_eq!(context.read(&self.doubled), Some(trade.quantity.wrapping_mul(2)));
        let words = [trade.id, trade.quantity, context.sequence(), context.time_ns(), u64::from(key.epoch)];
        let fold = |state: u64, word: u64| (state ^ word).wrapping_mul(0x100_0000_01b3).rotate_left(23);
        self.state = (words.into_iter().fold(self.state.0, fold), self.state.1 + 1);
        let mut seen = self.seen.lock().unwrap();
        (seen.digest, seen.events) = self.state;
        seen.live += u64::from(!context.is_replay());
        Ok(())
    }

    fn live(&mut self, sequence: u64) {
        self.seen.lock().unwrap().live_from.push(sequence);
    }
}

impl Snapshot for Book {
    const VERSION: u32 = 1;

    fn save(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.state.0.to_le_bytes());
        out.extend_from_slice(&self.state.1.to_le_bytes());
    }

    fn restore(&mut self, _: u32, bytes: &[u8]) -> Result<(), HandlerError> {
        let (digest, events) = bytes.split_at_checked(8).ok_or("too short")?;
        self.state = (u64::from_le_bytes(digest.try_into()?), u64::from_le_bytes(events.try_into()?));
        let mut seen = self.seen.lock().unwrap();
        (seen.digest, seen.events) = self.state;
        Ok(())
    }
}

/// How the stages lie on lanes.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    pub capacity: usize,
    /// The journal and the book on one lane.
    pub fused: bool,
    pub wait: Wait,
    pub panics_at: Option<u64>,
}

impl Default for Shape {
    fn default() -> Self {
        Shape { capacity: 64, fused: true, wait: Wait::Park, panics_at: None }
    }
}

/// What it gets of a trade that is to be seen.
pub fn builder(folder: &Path, shape: Shape, seen: &Shared) -> EngineBuilder<Trade> {
    let Shape { capacity, fused, wait, panics_at } = shape;
    let doubled = Column::<u64>::named("doubled");
    let (write, read) = (doubled.clone(), doubled.clone());
    let pricer =
        move |trade: &Trade, context: &Context| context.write(&write, trade.quantity.wrapping_mul(2));
    let book = Book { state: (0, 0), doubled: read, seen: Arc::clone(seen), panics_at };
    let gate = Gate::JOURNALLED.after("pricer");
    let book = Stage::new("book", book, gate).reads(&doubled).snapshots(Snapshots::every(32));
    let emitted = Arc::clone(seen);
    let gateway = move |_: &Trade, context: &Context| {
        if !context.already_done() {
            emitted.lock().unwrap().emitted.push(context.key().expect("there is a journal"));
        }
    };
    let effects = Effects::new().first_time(FirstTime::EmitAll);
    let gateway = Stage::new("gateway", gateway, Gate::DURABLE.after("book")).effects(effects).stateless();
    // In a fused lane the journal's own neighbour sees what it appends at once.
    let near = move |_: &Trade, _: &Context| ();
    let mut main = Lane::named("main").wait(wait).journal();
    if fused {
        main = main.with(Stage::new("near", near, Gate::JOURNALLED).stateless());
    }
    let pricer = Stage::new("pricer", pricer, Gate::PUBLISHED).writes(&doubled).stateless();
    Engine::builder()
        .ring_capacity(capacity)
        .journal(journal(folder))
        .lane(main)
        .lane(Lane::named("work").wait(wait).with(pricer).with(book).with(gateway))
        .wait_timeout(Duration::from_secs(60))
}

pub fn journal(folder: &Path) -> Journal {
    Journal::at(folder).segment_records(50).window_records(64).sync(SyncMode::EveryBatch)
}

/// A primary's life.
pub fn open(folder: &Path, seen: &Shared) -> (Engine<Trade>, Publisher<Trade>) {
    let mut recovered = builder(folder, Shape::default(), seen).open().unwrap();
    recovered.replay(ReplayFrom::Snapshot).unwrap();
    recovered.go_live().unwrap()
}

/// A primary that lives so many lives, of so many events each.
pub fn primary(folder: &Path, lives: &[u64]) -> Shared {
    let seen = Shared::default();
    let mut id = 0;
    for events in lives {
        let (engine, mut publisher) = open(folder, &seen);
        for _ in 0..*events {
            publisher.publish_at(1_000 + id / 3, trade(id)).unwrap();
            id += 1;
        }
        engine.join().unwrap();
    }
    seen
}

/// A primary's state when it has seen the first `events` of its journal, by replaying a copy.
pub fn state_at(folder: &Path, events: u64) -> (u64, u64) {
    let seen = Shared::default();
    let journal = Journal::at(folder);
    let shape = Shape::default();
    let (place, shown) = (tempfile::tempdir().unwrap(), Arc::clone(&seen));
    let mut standby =
        builder(place.path(), shape, &shown).standby(&origin(folder), &Trade::schema()).unwrap();
    let all = stored(folder);
    for run in &all {
        if run.first < events {
            standby
                .take(run.first, run.before(run.first), run.part(run.first..run.end().min(events)))
                .unwrap();
        }
    }
    standby.settle().unwrap();
    drop(journal);
    let seen = seen.lock().unwrap();
    (seen.digest, seen.events)
}

/// Records of one schema that follow each other, as they lie in the segments.
#[derive(Clone, Debug)]
pub struct Run {
    pub schema: Schema,
    pub first: u64,
    pub record_bytes: usize,
    pub bytes: Vec<u8>,
    /// Of the record before, if there is one.
    pub before: Option<(u32, u32)>,
}

impl Run {
    pub fn end(&self) -> u64 {
        self.first + (self.bytes.len() / self.record_bytes) as u64
    }

    pub fn part(&self, sequences: Range<u64>) -> &[u8] {
        let at = |sequence: u64| (sequence - self.first) as usize * self.record_bytes;
        &self.bytes[at(sequences.start)..at(sequences.end)]
    }

    /// Epoch and checksum of the record before that one.
    pub fn before(&self, sequence: u64) -> Option<(u32, u32)> {
        if sequence == self.first { self.before } else { Some(bond(self.part(sequence - 1..sequence))) }
    }
}

/// What the files hold.
pub fn stored(folder: &Path) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for segment in slipring_journal::inspect(folder).unwrap().segments {
        let file = std::fs::read(folder.join(&segment.name)).unwrap();
        let word = |at: usize| u32::from_le_bytes(file[at..at + 4].try_into().unwrap()) as usize;
        let (record_bytes, text) = (word(48), &file[128..128 + word(60)]);
        let schema = Schema::from_text(std::str::from_utf8(text).unwrap()).unwrap();
        let bytes = &file[segment.records_at as usize..][..segment.records as usize * record_bytes];
        match runs.last_mut() {
            _ if bytes.is_empty() => {}
            Some(last) if last.schema == schema => last.bytes.extend_from_slice(bytes),
            last => {
                let before = last.and_then(|last| last.before(last.end()));
                let bytes = bytes.to_vec();
                runs.push(Run { schema, first: segment.base, record_bytes, bytes, before });
            }
        }
    }
    runs
}

/// Epoch and checksum of the record that lies so.
fn bond(record: &[u8]) -> (u32, u32) {
    let word = |at: usize| u32::from_le_bytes(record[at..at + 4].try_into().unwrap());
    (word(8) >> 4, word(12))
}

/// All records as bytes, whatever segments they lie in.
pub fn all_bytes(folder: &Path) -> Vec<u8> {
    stored(folder).into_iter().flat_map(|run| run.bytes).collect()
}

pub fn origin(folder: &Path) -> Origin {
    Origin::of(Journal::at(folder).raw_reader().unwrap().journal_id())
}

/// Takes all of the primary from where the standby is, so many records at once.
pub fn take_all(standby: &mut Standby<Trade>, primary: &Path, at_once: u64) {
    for run in stored(primary) {
        while standby.end_sequence() < run.end() {
            let first = standby.end_sequence();
            let end = run.end().min(first + at_once);
            assert_eq!(standby.take(first, run.before(first), run.part(first..end)).unwrap(), end);
        }
    }
}

/// A folder for each.
pub fn places() -> (tempfile::TempDir, PathBuf, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let (primary, standby) = (folder.path().join("primary"), folder.path().join("standby"));
    (folder, primary, standby)
}

pub fn state(seen: &Shared) -> (u64, u64) {
    let seen = seen.lock().unwrap();
    (seen.digest, seen.events)
}
