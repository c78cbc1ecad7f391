//! Publishing: events into the ring, with a time, in claimed order.
//!
//! It knows the ring, the cursors, and how a publisher that waits runs the caller's lanes; not the engine
//! around it.

pub(crate) mod outlet;
pub(crate) mod publisher;
pub(crate) mod times;
mod trying;
