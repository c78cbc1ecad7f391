//! LMAX's topologies, each on dedicated lanes (one a stage) and, where it has several stages, on one fused
//! lane; raw `disruptor` wired alike beside slipring.
//!
//! ```text
//!  unicast      publisher -> a
//!  pipeline3    publisher -> a -> b -> c
//!  multicast3   publisher -> a, b, c
//!  diamond      publisher -> a, b -> c
//!  publishers3  three publishers -> a
//!  pingpong     one event to and fro between two rings
//!  drain        a full ring behind a stage that was stalled
//! ```
//!
//! Where there are fewer cores than threads that spin, nothing is pinned, both sides yield while they wait,
//! and the topology says so: the scheduler is measured too.

mod drain;
mod ours;
mod pingpong;
mod publishers;
mod raw;

use slipring::Gate;

use crate::harness::{Contender, Output};
use crate::host::Cores;

/// The stages of one publisher's topology.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    Unicast,
    Pipeline,
    Multicast,
    Diamond,
}

impl Shape {
    fn name(self) -> &'static str {
        match self {
            Shape::Unicast => "unicast",
            Shape::Pipeline => "pipeline3",
            Shape::Multicast => "multicast3",
            Shape::Diamond => "diamond",
        }
    }

    /// Each stage and its gate, in an order in which one thread can run them.
    fn stages(self) -> Vec<(&'static str, Gate)> {
        let at_once = || Gate::PUBLISHED;
        match self {
            Shape::Unicast => vec![("a", at_once())],
            Shape::Pipeline => {
                vec![("a", at_once()), ("b", at_once().after("a")), ("c", at_once().after("b"))]
            }
            Shape::Multicast => vec![("a", at_once()), ("b", at_once()), ("c", at_once())],
            Shape::Diamond => vec![("a", at_once()), ("b", at_once()), ("c", at_once().after(["a", "b"]))],
        }
    }

    /// The stages that nobody waits for.
    fn last(self) -> &'static [&'static str] {
        match self {
            Shape::Unicast => &["a"],
            Shape::Pipeline | Shape::Diamond => &["c"],
            Shape::Multicast => &["a", "b", "c"],
        }
    }
}

/// Where stages run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lanes {
    /// A thread each.
    Dedicated,
    /// All on one.
    Fused,
}

impl Lanes {
    fn name(self) -> &'static str {
        match self {
            Lanes::Dedicated => "dedicated",
            Lanes::Fused => "fused",
        }
    }
}

/// The mark of a topology with more threads that spin than cores.
pub const CROWDED: &str = "NEEDS";

/// The cores of a topology whose threads spin: as they are if there are enough, else none to pin to.
fn fit(cores: Cores, needed: usize) -> Cores {
    if needed <= cores.count { cores } else { cores.without_pins() }
}

/// Says where its threads run, and whether there are too few cores.
fn describe(cores: Cores, needed: usize) -> String {
    match needed <= cores.count {
        true => fit(cores, needed).describe(),
        false => format!("{CROWDED} {needed} CORES, HERE ARE {}: the scheduler is measured too", cores.count),
    }
}

/// `topology/<shape>/<lanes>`, `topology/publishers3`, `topology/pingpong`, `drain/<how>`.
pub fn bench(output: &mut Output, cores: Cores, quick: bool, slow: bool) {
    let rounds = if quick { 5 } else { 15 };
    for shape in [Shape::Unicast, Shape::Pipeline, Shape::Multicast, Shape::Diamond] {
        for lanes in [Lanes::Dedicated, Lanes::Fused] {
            let stages = shape.stages().len();
            if stages == 1 && lanes == Lanes::Fused {
                continue;
            }
            let needed = if lanes == Lanes::Dedicated { stages + 1 } else { 2 };
            let crowded = needed > cores.count;
            let events = if quick { 1 << 20 } else { 1 << 22 };
            let fitted = fit(cores, needed);
            let lane =
                if lanes == Lanes::Dedicated { "a thread for each stage" } else { "all stages on a thread" };
            let topology = format!("one publisher, events one by one, {lane}; {}", describe(cores, needed));
            output.bench(
                &format!("topology/{}/{}", shape.name(), lanes.name()),
                &topology,
                rounds,
                &mut [
                    Contender::new("slipring", || ours::run(shape, lanes, events, fitted, slow)),
                    Contender::new("disruptor", || raw::run(shape, lanes, events, fitted, crowded)),
                ],
            );
        }
    }
    publishers::bench(output, cores, quick, slow);
    pingpong::bench(output, cores, quick, slow);
    drain::bench(output, cores, quick, slow);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Both sides deliver everything, or the bench would not end; that they say so counts.
    #[test]
    fn every_topology_runs_to_its_end_on_both_sides() {
        let cores = Cores::find().without_pins();
        for shape in [Shape::Unicast, Shape::Pipeline, Shape::Multicast, Shape::Diamond] {
            for lanes in [Lanes::Dedicated, Lanes::Fused] {
                assert!(ours::run(shape, lanes, 5_000, cores, false)[0].value > 0.0);
                assert!(raw::run(shape, lanes, 5_000, cores, true)[0].value > 0.0);
            }
        }
    }

    #[test]
    fn a_topology_without_enough_cores_is_marked() {
        let cores = Cores { count: 2, ..Cores::find() };
        assert!(describe(cores, 4).contains("NEEDS 4 CORES, HERE ARE 2"));
        assert!(!describe(cores, 2).contains("NEEDS"));
        assert_eq!(fit(cores, 4).publisher, None);
    }
}
