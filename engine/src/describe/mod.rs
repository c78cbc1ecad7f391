//! What the user says of an engine: lanes, stages, gates; and whether it makes sense.
//!
//! It knows the stages that it puts together, and nothing of a running engine: what is said here `life`
//! starts.

pub(crate) mod builder;
pub(crate) mod columns;
pub(crate) mod gate;
pub(crate) mod graph;
pub(crate) mod lane;
pub(crate) mod stage;
