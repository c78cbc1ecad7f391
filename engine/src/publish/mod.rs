//! Publishing: events into the ring, with a time, in claimed order.
//!
//! The folder knows the ring, the cursors, and how a publisher that waits runs the caller's lanes; not the
//! engine around a publisher.

mod batches;
pub(crate) mod doubles;
pub(crate) mod idempotent;
pub(crate) mod outlet;
pub(crate) mod publisher;
pub(crate) mod republish;
pub(crate) mod times;
mod trying;
mod window;
