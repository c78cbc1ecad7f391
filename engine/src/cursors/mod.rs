//! The one mechanism: every stage moves a cursor, and a gate is the least of the cursors that a stage waits
//! for. Who waits long parks at a cursor; whether there is still something to wait for, the engine's status
//! says.
//!
//! It knows the lines that cursors lie in, and what a halt is; nothing of rings, stages or threads of an
//! engine.

pub(crate) mod barrier;
pub(crate) mod cursor;
pub(crate) mod park;
pub(crate) mod status;
pub(crate) mod watch;
