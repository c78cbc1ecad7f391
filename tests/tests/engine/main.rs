//! The engine as its users describe it: topologies, batches, fused lanes, outputs, timers and late consumers,
//! live and in replay.

mod batches;
mod complaints;
mod divergence;
mod fused;
mod fused_lives;
mod late_consumers;
mod memory_journal;
mod outputs;
mod timers;
mod topologies;
mod traps;
mod voids;
