//! Random graphs and random snapshots against a model of where each stage starts.

use proptest::prelude::*;

use super::*;

const NAMES: [&str; 5] = ["a", "b", "c", "d", "e"];
/// The longest that a test's journal gets.
const END: u64 = 105;

/// Stages, each of which reads some of those before it: with snapshots at tens, or none, or without state.
fn graphs() -> impl Strategy<Value = Vec<Node>> {
    let stage = (prop::collection::vec(any::<bool>(), NAMES.len()), 0u8..8);
    prop::collection::vec(stage, 2..=NAMES.len()).prop_map(|stages| {
        let node_of = |(at, (reads, keeps)): (usize, &(Vec<bool>, u8))| {
            let reads: Vec<&str> = (0..at).filter(|read| reads[*read]).map(|read| NAMES[read]).collect();
            let keeps = match keeps {
                0 => Keeps::Nothing,
                1 => Keeps::Effects,
                _ => every(10, 99),
            };
            node(NAMES[at], reads.leak(), keeps)
        };
        stages.iter().enumerate().map(node_of).collect()
    })
}

/// Where each stage starts by the rule as it is written down: the latest of what is left, and no later than a
/// reader.
fn starts(nodes: &[Node], left: &BTreeMap<&str, Vec<u64>>, end: u64) -> BTreeMap<&'static str, u64> {
    let mut starts: BTreeMap<&str, u64> = BTreeMap::new();
    for node in nodes.iter().rev() {
        let readers = nodes.iter().filter(|reader| reader.reads.contains(&node.name));
        let limit = readers.map(|reader| starts[reader.name]).min().unwrap_or(end);
        let start = match node.keeps {
            Keeps::Nothing => 0,
            Keeps::Stateless | Keeps::Effects => limit,
            Keeps::Snapshots(_) => {
                left[node.name].iter().copied().filter(|end| *end <= limit).max().unwrap_or(0)
            }
        };
        starts.insert(node.name, start);
    }
    starts
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn whatever_reads_whatever_and_whichever_snapshots_are_left_all_that_is_read_is_there(
        nodes in graphs(),
        columns in any::<bool>(),
        losses in prop::collection::vec(any::<bool>(), NAMES.len() * 10),
    ) {
        let nodes: Vec<Node> = match columns {
            true => nodes.iter().map(|node| by_columns(node.name, node.reads, node.keeps)).collect(),
            false => nodes,
        };
        let world = World::new();
        world.live(&nodes, END);
        let mut left = BTreeMap::new();
        for (at, node) in nodes.iter().enumerate() {
            if let Keeps::Snapshots(_) = node.keeps {
                let ends = (1..=10).filter(|nth| losses[at * 10 + nth - 1]).map(|nth| nth as u64 * 10);
                let ends: Vec<u64> = ends.collect();
                world.leave(node.name, &ends);
                left.insert(node.name, ends);
            }
        }
        let recovered = world.replayed(&nodes);
        let starts = starts(&nodes, &left, END);
        for restored in recovered.restored() {
            prop_assert_eq!(restored.end.unwrap_or(0), starts[&*restored.stage], "stage {}", restored.stage);
        }
        let is_stateless = |node: &Node| node.keeps == Keeps::Effects;
        // (What one without state makes depends on all before, in these tests.)
        if !nodes.iter().any(is_stateless) {
            world.go_to(recovered, &nodes, END + 15);
        }
    }
}
