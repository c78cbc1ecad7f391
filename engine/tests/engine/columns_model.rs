//! Columns against a plain model: stages in any graph, over lanes of any kind, that write or not, twice, and
//! refuse what they have written; rings that wrap after a few events; void records, dead letters, replay.

use std::path::Path;
use std::sync::{Arc, Mutex};

use proptest::prelude::*;
use slipring::{
    Column, Context, Engine, Event, Gate, Journal, Lane, OnError, Publisher, Publishers, ReplayFrom, Stage,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Event)]
#[repr(C)]
struct Tick {
    id: u64,
}

type Value = [u64; 2];
/// What a stage read of each event that it did not refuse.
type Seen = Vec<(u64, Vec<Option<Value>>)>;

#[derive(Clone, Debug)]
struct Node {
    /// Those before it that it is gated after.
    after: Vec<usize>,
    /// Those behind which it stands, of which it reads the columns.
    reads: Vec<usize>,
    writes: bool,
    journalled: bool,
    only_order: bool,
    lane: usize,
}

/// What a stage does with an event.
#[derive(Clone, Copy, PartialEq)]
enum Act {
    Nothing,
    Once,
    Twice,
    /// Written, and then the event is refused.
    Refused,
    Released,
}

fn mix(words: impl IntoIterator<Item = u64>) -> u64 {
    let word = |mixed: u64, word: u64| (mixed ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29);
    words.into_iter().fold(7, word)
}

fn act(node: usize, at: u64) -> Act {
    match mix([node as u64, at]) % 11 {
        0..3 => Act::Nothing,
        3 => Act::Refused,
        4 => Act::Twice,
        5 => Act::Released,
        _ => Act::Once,
    }
}

fn value(node: usize, at: u64, read: &[Option<Value>]) -> Value {
    let words = read.iter().flat_map(|value| value.unwrap_or([1, 2]));
    [at, mix([node as u64, at].into_iter().chain(words))]
}

/// What each stage reads of the events from `from` on, by the plainest way there is.
fn model(nodes: &[Node], voids: &[bool], from: u64, end: u64) -> Vec<Seen> {
    let mut seen: Vec<Seen> = vec![Vec::new(); nodes.len()];
    for at in (from..end).filter(|at| voids.get(*at as usize) != Some(&true)) {
        let mut made: Vec<Option<Value>> = Vec::new();
        for (number, node) in nodes.iter().enumerate() {
            let read: Vec<_> = node.reads.iter().map(|read| made[*read]).collect();
            let act = act(number, at);
            let writes = node.writes && !matches!(act, Act::Nothing | Act::Refused);
            made.push(writes.then(|| value(number, at, &read)));
            if act != Act::Refused {
                seen[number].push((at, read));
            }
        }
    }
    seen
}

fn stage(
    number: usize,
    node: &Node,
    columns: &[Column<Value>],
    seen: &Arc<Mutex<Vec<Seen>>>,
) -> Stage<impl FnMut(&Tick, &Context) -> Result<(), &'static str> + Send + 'static> {
    let own = node.writes.then(|| columns[number].clone());
    let reads: Vec<_> = node.reads.iter().map(|read| columns[*read].clone()).collect();
    let seen = Arc::clone(seen);
    let handler = move |_: &Tick, context: &Context| {
        let (at, act) = (context.sequence(), act(number, context.sequence()));
        let read: Vec<_> = reads.iter().map(|column| context.read(column)).collect();
        if let Some(own) = own.as_ref().filter(|_| act != Act::Nothing) {
            if act == Act::Twice {
                context.write(own, [u64::MAX; 2]);
            }
            context.write(own, value(number, at, &read));
        }
        if act == Act::Refused {
            return Err("not this one");
        }
        if act == Act::Released {
            context.release();
        }
        seen.lock().unwrap()[number].push((at, read));
        Ok(())
    };
    let level = if node.journalled { Gate::JOURNALLED } else { Gate::PUBLISHED };
    let names = node.after.iter().map(|after| format!("stage-{after}"));
    let gate = if node.only_order { level.after_only(names) } else { level.after(names) };
    let mut stage = Stage::new(format!("stage-{number}"), handler, gate).on_error(OnError::DeadLetter);
    if node.writes {
        stage = stage.writes(&columns[number]);
    }
    node.reads.iter().fold(stage, |stage, read| stage.reads(&columns[*read]))
}

#[derive(Clone, Debug)]
struct World {
    nodes: Vec<Node>,
    invoked: [bool; 3],
    /// The lane that the journal is first on; of its own behind the last.
    journal_lane: usize,
    capacity: usize,
    batch: Option<u64>,
    publishers: Publishers,
}

impl World {
    /// A life: replay from there, then so many live; what each stage saw, and where it ended.
    fn live(&self, place: &Path, from: ReplayFrom, count: u64) -> (Vec<Seen>, u64, u64) {
        let columns: Vec<_> = (0..self.nodes.len()).map(|n| Column::named(format!("of {n}"))).collect();
        let seen = Arc::new(Mutex::new(vec![Vec::new(); self.nodes.len()]));
        let mut builder = Engine::builder()
            .ring_capacity(self.capacity)
            .publishers(self.publishers)
            .journal(Journal::at(place).segment_records(1 << 10));
        if let Some(batch) = self.batch {
            builder = builder.batch_cap(batch);
        }
        for lane in 0..4 {
            let on_it = || self.nodes.iter().enumerate().filter(|(_, node)| node.lane == lane);
            if on_it().next().is_none() && lane != self.journal_lane {
                continue;
            }
            let mut described = Lane::named(format!("lane-{lane}"));
            if self.invoked.get(lane) == Some(&true) {
                described = described.invoked();
            }
            if lane == self.journal_lane {
                described = described.journal();
            }
            builder = builder.lane(on_it().fold(described, |described, (number, node)| {
                described.with(stage(number, node, &columns, &seen))
            }));
        }
        let mut recovered = builder.open().unwrap();
        let report = recovered.replay(from).unwrap();
        let (engine, publisher) = recovered.go_live().unwrap();
        self.publish(publisher, count);
        engine.join().unwrap();
        let seen = std::mem::take(&mut *seen.lock().unwrap());
        (seen, report.first_sequence, report.end_sequence + count)
    }

    /// One by one, and some at once; of several publishers each its half.
    fn publish(&self, mut publisher: Publisher<Tick>, count: u64) {
        let put = |publisher: &mut Publisher<Tick>, count: u64| {
            let mut left = count;
            while left > 0 {
                let part = if left % 7 == 0 { left.min(5) } else { 1 };
                let ticks: Vec<Tick> = (0..part).map(|id| Tick { id }).collect();
                publisher.publish_all(&ticks).unwrap();
                left -= part;
            }
        };
        match publisher.try_clone() {
            None => put(&mut publisher, count),
            Some(mut other) => std::thread::scope(|scope| {
                scope.spawn(move || put(&mut other, count / 2));
                put(&mut publisher, count - count / 2);
            }),
        }
    }
}

/// Most stages.
const MOST: usize = 5;

fn nodes() -> impl Strategy<Value = Vec<Node>> {
    let after = prop::collection::vec(any::<bool>(), MOST);
    let node = (after, any::<u8>(), prop::bool::weighted(0.8), any::<bool>(), any::<bool>(), 0usize..3);
    prop::collection::vec(node, 2..=MOST).prop_map(|rows| {
        let mut nodes: Vec<Node> = Vec::new();
        let mut before: Vec<Vec<bool>> = Vec::new();
        for (number, (row, reads, writes, journalled, only_order, lane)) in rows.into_iter().enumerate() {
            let after: Vec<usize> = (0..number).filter(|other| row[*other]).collect();
            // Behind which it stands, over others too.
            let mut behind = vec![false; MOST];
            for other in &after {
                behind[*other] = true;
                (0..MOST).for_each(|at| behind[at] |= before[*other][at]);
            }
            let is_read = |other: &usize| behind[*other] && nodes[*other].writes && reads >> other & 1 == 1;
            let reads = (0..number).filter(is_read).collect();
            nodes.push(Node { after, reads, writes, journalled, only_order, lane });
            before.push(behind);
        }
        nodes
    })
}

fn worlds() -> impl Strategy<Value = World> {
    let ring = (0u32..6, proptest::option::of(1u64..20), any::<bool>());
    (nodes(), any::<[bool; 3]>(), 0usize..4, ring).prop_map(
        |(nodes, invoked, journal_lane, (capacity, batch, several))| {
            let publishers = if several { Publishers::Multi } else { Publishers::Single };
            let capacity = if several { 64 } else { 2 << capacity };
            World { nodes, invoked, journal_lane, capacity, batch, publishers }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn each_stage_reads_what_those_before_it_made_of_the_event(
        world in worlds(),
        voids in prop::collection::vec(prop::bool::weighted(0.1), 0..150),
        count in 0u64..200,
        later in 0u64..150,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("ticks");
        let (mut writer, _) = Journal::at(&place).segment_records(1 << 10).open::<Tick>().unwrap();
        for (id, is_void) in (0..).zip(&voids) {
            match is_void {
                true => writer.append_void(id).unwrap(),
                false => writer.append(id, &Tick { id }).unwrap(),
            };
        }
        writer.close().unwrap();
        let (seen, first, end) = world.live(&place, ReplayFrom::Start, count);
        prop_assert_eq!(seen, model(&world.nodes, &voids, first, end));
        // The next life makes the same again, from wherever it is told to; what was refused it skips.
        let from = later.min(end);
        let (seen, first, end) = world.live(&place, ReplayFrom::Sequence(from), count / 2);
        prop_assert_eq!(first, from);
        prop_assert_eq!(seen, model(&world.nodes, &voids, first, end));
    }
}
