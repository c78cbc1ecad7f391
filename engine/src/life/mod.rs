//! An engine's life: it is opened, takes its history in, goes live, and ends.
//!
//! The folder knows all that an engine is made of, and puts an engine together. It does not know what uses a
//! running engine: outputs and timers.
//!
//! | file | idea |
//! |---|---|
//! | `open` | from a description to an engine whose journal is open |
//! | `recovered` | between opening and going live |
//! | `replay`, `replay_error` | what to replay, how fast, and what can go wrong |
//! | `standby`, `standby_about`, `standby_error` | an engine kept warm behind a replica, and its promotion |
//! | `feed` | a journal's records into the ring |
//! | `backtest` | history through other handlers |
//! | `start`, `wiring` | from a description to running lanes |
//! | `lane_cores` | the cores of pinned lanes, and who begins away from them |
//! | `held` | what holds the journal |
//! | `common` | what lanes, publishers and the engine share |
//! | `engine` | the running engine: waiting for events, watching |
//! | `follow` | late consumers of a running engine |
//! | `acknowledging` | acknowledgements, before and while an engine runs |
//! | `keeping` | the keeper of a running engine |
//! | `idempotent` | going live with a publisher that drops doubles |
//! | `reprocess` | dead letters published again |
//! | `ending` | how every engine ends |
//! | `shutdown` | the end in good order, and its report |

mod acknowledging;
pub(crate) mod backtest;
mod common;
pub(crate) mod ending;
pub(crate) mod engine;
mod feed;
mod follow;
mod held;
mod idempotent;
mod keeping;
mod lane_cores;
mod open;
pub(crate) mod recovered;
pub(crate) mod replay;
pub(crate) mod replay_error;
pub(crate) mod reprocess;
pub(crate) mod shutdown;
pub(crate) mod standby;
mod standby_about;
pub(crate) mod standby_error;
pub(crate) mod start;
mod wiring;
