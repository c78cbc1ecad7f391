//! What the user says of an engine: lanes, stages, gates; and whether it makes sense.
//!
//! The folder knows the stages that a description puts together, and nothing of a running engine. `life`
//! starts what is described here.
//!
//! | file | idea |
//! |---|---|
//! | `builder` | an engine, and whether its description makes sense |
//! | `lane` | a lane: one thread with its stages |
//! | `stage` | a stage: a name, a handler, a gate, what it keeps |
//! | `gate` | what a stage waits for |
//! | `graph` | who waits for whom: names are known, and there is no circle |
//! | `columns` | who writes and reads which column |

pub(crate) mod builder;
pub(crate) mod columns;
pub(crate) mod gate;
pub(crate) mod graph;
pub(crate) mod lane;
pub(crate) mod stage;
