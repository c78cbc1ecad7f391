//! Late consumers: readers of recent history that never gate the ring.
//!
//! ```text
//! publisher --> ring --> journal --> segment files --follow--> late consumer   (its own thread)
//!                 |                       ^
//!                 +--> stages             +-- lease: retention waits for it, within bounds
//! ```
//!
//! A stage reads the ring, so a slow stage holds up the publishers. A late consumer reads what the journal
//! has stored already. It may start anywhere in the history, be as slow as it likes, fail or go, and nobody
//! upstream notices. All that it costs is a lease on the segments that it has not read. The lease holds
//! within the bounds of the journal's [`Retention`](slipring_journal::Retention); beyond them the late
//! consumer is evicted, and told so.
//!
//! The folder knows the journal's files, and the counters in which a late consumer has a place; nothing of
//! stages, nor of the engine.

mod consumer;
mod error;
mod handle;
mod run;

pub use consumer::{FollowFrom, LateConsumer, LateContext, LateHandler};
pub(crate) use consumer::{History, LateConsumers};
pub use error::LateError;
pub use handle::{LateEnd, LateHandle};
