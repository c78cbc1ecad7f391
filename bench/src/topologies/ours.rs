//! slipring's side of the topologies with one publisher.

use slipring::{Engine, Lane};

use crate::event::Order;
use crate::host::Cores;
use crate::ring::{self, add_summing};
use crate::stats::Sample;
use crate::topologies::{Lanes, Shape};

/// The time from the first publish until every stage has finished the last event.
pub fn run(shape: Shape, lanes: Lanes, events: u64, cores: Cores, slow: bool) -> Vec<Sample> {
    let places = [cores.consumer, cores.more[0], cores.more[1]];
    let pinned = |name: &str, core: Option<usize>| {
        let lane = Lane::<Order>::named(name);
        if let Some(core) = core { lane.core(core) } else { lane }
    };
    let mut builder = Engine::builder();
    if lanes == Lanes::Fused {
        let lane = shape
            .stages()
            .into_iter()
            .fold(pinned("all", cores.consumer), |lane, (name, gate)| add_summing(lane, name, gate, slow));
        builder = builder.lane(lane);
    } else {
        for ((name, gate), core) in shape.stages().into_iter().zip(places) {
            builder = builder.lane(add_summing(pinned(name, core), name, gate, slow));
        }
    }
    ring::engine(builder, shape.last(), events, 1, cores)
}
