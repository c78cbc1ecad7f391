//! From a folder to a writer: the options, recovery in its one order, and the wiring.
//!
//! The top of the crate: it may know every other folder.

#[cfg(debug_assertions)]
pub mod built_here;
pub(crate) mod discarded;
pub(crate) mod journal;
pub(crate) mod recovery;
pub(crate) mod report;
pub(crate) mod room;
pub(crate) mod wiring;
