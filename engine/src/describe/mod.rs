//! What the user says of an engine: lanes, stages, gates; and whether it makes sense.
//!
//! The folder knows the stages that a description puts together, and nothing of a running engine. `life`
//! starts what is described here.

pub(crate) mod builder;
pub(crate) mod columns;
pub(crate) mod gate;
pub(crate) mod graph;
pub(crate) mod lane;
pub(crate) mod stage;
