//! Graphs of stages that check themselves: each stage asserts, with every event, that the stages and the
//! level that it is gated on are past it. A stage that finds otherwise panics, which halts the engine, which
//! the test sees.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use slipring::{
    Context, Engine, EngineBuilder, Gate, Journal, Lane, Publisher, Publishers, ShutdownReport, Wait,
};

use crate::journals::{Note, note};

/// The level of safety that a node is gated on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// In the ring.
    Published,
    /// In the journal.
    Journalled,
    /// Synced.
    Durable,
}

/// A stage of the graph, called by its place among the nodes.
#[derive(Clone, Debug)]
pub struct Node {
    /// The nodes that it is gated after.
    pub after: Vec<usize>,
    /// The level that it is gated on.
    pub level: Level,
    /// The lane that it runs on.
    pub lane: usize,
}

impl Node {
    /// A node gated on published and on other nodes.
    pub fn after(lane: usize, after: &[usize]) -> Node {
        Node { after: after.to_vec(), level: Level::Published, lane }
    }
}

/// A graph to be built, perhaps several times over the same journal.
#[derive(Clone, Debug)]
pub struct Graph {
    /// The stages.
    pub nodes: Vec<Node>,
    /// Events that the ring holds.
    pub capacity: usize,
    /// Most events in a turn.
    pub batch: Option<u64>,
    /// One publisher or more.
    pub publishers: Publishers,
    /// How each lane waits; the first again if there are more lanes.
    pub waits: Vec<Wait>,
    /// The journal, and the lane that runs it.
    pub journal: Option<(Journal, usize)>,
}

/// Sequence, id and time of an event, as a stage saw it.
pub type Seen = (u64, u64, u64);

/// What one stage has seen.
#[derive(Debug, Default)]
struct Track {
    count: AtomicU64,
    events: Mutex<Vec<Seen>>,
}

/// What all stages of a built graph have seen.
#[derive(Clone, Debug)]
pub struct Trace {
    tracks: Vec<Arc<Track>>,
    /// The engine, for the stages to look at its cursors.
    engine: Arc<RwLock<Option<Engine<Note>>>>,
}

/// The clock of graphs: publishes that do not name a time have this one.
pub const CLOCK_NS: u64 = 5_000;

/// A node's name.
pub fn name(node: usize) -> String {
    format!("stage-{node}")
}

impl Graph {
    /// A graph without a journal, a ring of 256 and one publisher.
    pub fn of(nodes: Vec<Node>) -> Graph {
        Graph {
            nodes,
            capacity: 256,
            batch: None,
            publishers: Publishers::Single,
            waits: vec![Wait::Auto],
            journal: None,
        }
    }

    /// Describes the engine, and where its stages will note what they see.
    pub fn build(&self) -> (EngineBuilder<Note>, Trace) {
        let tracks: Vec<Arc<Track>> = self.nodes.iter().map(|_| Arc::default()).collect();
        let trace = Trace { tracks, engine: Arc::default() };
        let mut builder = Engine::builder()
            .ring_capacity(self.capacity)
            .publishers(self.publishers)
            .clock(|| CLOCK_NS)
            .wait_timeout(Duration::from_secs(120));
        if let Some(batch) = self.batch {
            builder = builder.batch_cap(batch);
        }
        let journal_lane = self.journal.as_ref().map(|(_, lane)| *lane);
        let lanes =
            self.nodes.iter().map(|node| node.lane).chain(journal_lane).max().map_or(0, |most| most + 1);
        for at in 0..lanes {
            let mut lane = Lane::named(format!("lane-{at}")).wait(self.waits[at % self.waits.len()]);
            let empty = journal_lane != Some(at) && self.nodes.iter().all(|node| node.lane != at);
            if empty {
                continue;
            }
            if journal_lane == Some(at) {
                lane = lane.journal();
            }
            for (index, node) in self.nodes.iter().enumerate().filter(|(_, node)| node.lane == at) {
                let names: Vec<String> = node.after.iter().map(|after| name(*after)).collect();
                let names: Vec<&str> = names.iter().map(String::as_str).collect();
                let gate = match node.level {
                    Level::Published => Gate::PUBLISHED,
                    Level::Journalled => Gate::JOURNALLED,
                    Level::Durable => Gate::DURABLE,
                };
                lane = lane.stage(name(index), trace.handler(index, node), gate.after(names.as_slice()));
            }
            builder = builder.lane(lane);
        }
        if let Some((journal, _)) = &self.journal {
            builder = builder.journal(journal.clone());
        }
        (builder, trace)
    }

    /// Builds the engine and goes live at once.
    ///
    /// # Panics
    /// If it can't.
    pub fn live(&self) -> (Trace, Publisher<Note>) {
        let (builder, trace) = self.build();
        let (engine, publisher) = builder.open().expect("a right description").go_live().expect("threads");
        trace.watch(engine);
        (trace, publisher)
    }
}

impl Trace {
    /// Lets the stages look at the engine's cursors from now on.
    pub fn watch(&self, engine: Engine<Note>) {
        *self.engine.write().unwrap_or_else(PoisonError::into_inner) = Some(engine);
    }

    /// Ends the engine in good order.
    ///
    /// # Panics
    /// If there is none, or a stage found fault: with what it found.
    pub fn join(&self) -> ShutdownReport {
        let engine = self.engine.write().unwrap_or_else(PoisonError::into_inner).take();
        let engine = engine.expect("a live engine");
        engine.join().unwrap_or_else(|error| panic!("{error}"))
    }

    /// What a stage has seen so far.
    ///
    /// # Panics
    /// If the stage panicked.
    pub fn seen(&self, node: usize) -> Vec<Seen> {
        self.tracks[node].events.lock().expect("a stage that did not panic").clone()
    }

    /// What every stage has seen, which must be the same.
    ///
    /// # Panics
    /// If it is not, or is not every sequence from 0 once, in order.
    pub fn agreed(&self) -> Vec<Seen> {
        let first = self.seen(0);
        for node in 1..self.tracks.len() {
            assert!(self.seen(node) == first, "{} saw other events than {}", name(node), name(0));
        }
        assert!(first.iter().map(|(sequence, ..)| *sequence).eq(0..first.len() as u64));
        first
    }

    fn handler(&self, index: usize, node: &Node) -> impl FnMut(&Note, &Context) + Send + use<> {
        let own = Arc::clone(&self.tracks[index]);
        let needs: Vec<(usize, Arc<Track>)> =
            node.after.iter().map(|after| (*after, Arc::clone(&self.tracks[*after]))).collect();
        let (engine, level) = (Arc::clone(&self.engine), node.level);
        move |event, context| {
            let sequence = context.sequence();
            assert_eq!(*event, note(event.id), "a whole event");
            // Relaxed throughout: the gate alone must make what the other stage did visible here.
            assert_eq!(own.count.load(Ordering::Relaxed), sequence, "once and in order");
            for (after, need) in &needs {
                let count = need.count.load(Ordering::Relaxed);
                assert!(count > sequence, "{sequence} before {} finished it", name(*after));
            }
            if level != Level::Published && sequence % 16 == 0 {
                let engine = engine.read().unwrap_or_else(PoisonError::into_inner);
                if let Some(engine) = &*engine {
                    let counters = engine.counters();
                    let ends = [counters.journalled_end, counters.durable_end];
                    let wanted = if level == Level::Durable { 2 } else { 1 };
                    for end in &ends[..wanted] {
                        assert!(end.is_some_and(|end| end > sequence), "{sequence} before {level:?}");
                    }
                }
            }
            own.events.lock().expect("no panic here").push((sequence, event.id, context.time_ns()));
            own.count.store(sequence + 1, Ordering::Relaxed);
        }
    }
}
