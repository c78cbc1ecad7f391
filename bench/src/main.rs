//! `slipring-bench`: what slipring costs, beside what its parts cost alone and what the machine allows.

// A module knows those below it: `engine/tests/house/layers.rs` has their order.

mod append;
mod bounds;
mod clock;
mod command;
mod compare;
mod distance;
mod event;
mod harness;
mod host;
mod jitter;
mod kept;
mod latency;
mod machine;
mod neighbour;
mod opening;
#[cfg(feature = "peers")]
mod peers;
mod queues;
mod random;
mod replay;
mod report;
mod ring;
mod stalls;
mod stats;
mod sustained;
mod syncing;
mod topologies;
mod turns;

use std::process::ExitCode;

fn main() -> ExitCode {
    command::main()
}
