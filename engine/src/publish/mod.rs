//! Publishing: events into the ring, with a time, in claimed order.
//!
//! The folder knows the ring, the cursors, and how a publisher that waits runs the caller's lanes; not the
//! engine around a publisher.
//!
//! | file | idea |
//! |---|---|
//! | `publisher` | one event, with its time |
//! | `trying` | without waiting: at once, or not at all |
//! | `batches` | many events at once |
//! | `times` | which times are taken |
//! | `outlet` | what all publishers of an engine share |
//! | `idempotent` | a publisher that drops doubles |
//! | `doubles`, `window` | what a double is; which ids are known |
//! | `republish` | who can publish an event of the journal again |

mod batches;
pub(crate) mod doubles;
pub(crate) mod idempotent;
pub(crate) mod outlet;
pub(crate) mod publisher;
pub(crate) mod republish;
pub(crate) mod times;
mod trying;
mod window;
