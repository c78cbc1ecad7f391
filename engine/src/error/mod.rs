//! What can go wrong, one small enum per operation. Every message says what, where, and what to do.
//!
//! The folder knows what the counters file may hold, and nothing else of the engine: every folder above may
//! fail with what is here.

mod build;
mod counters;
mod halted;
mod keep;
mod output;
mod publish;
mod wait;

pub use build::BuildError;
pub use counters::CountersFileError;
pub use halted::{Cause, Divergence, Halted};
pub use keep::KeepError;
pub(crate) use keep::io;
pub use output::OutputError;
pub use publish::PublishError;
pub use wait::WaitError;
