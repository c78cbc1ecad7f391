//! The one mechanism: every stage moves a cursor, and a gate is the least of the cursors that a stage waits
//! for. A lane that waits long parks at a cursor: it sleeps until the cursor moves. The engine's status says
//! whether there is still something to wait for.
//!
//! The folder knows the lines of memory that cursors lie in, and what a halt is; nothing of rings, stages or
//! an engine's threads.

pub(crate) mod barrier;
pub(crate) mod cursor;
pub(crate) mod park;
pub(crate) mod status;
pub(crate) mod watch;
