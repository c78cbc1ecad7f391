//! An engine's life: it is opened, takes its history in, goes live, and ends.
//!
//! It knows all that an engine is made of, and puts it together; what uses a running engine, outputs and
//! timers, it does not.

pub(crate) mod backtest;
mod common;
pub(crate) mod ending;
pub(crate) mod engine;
mod feed;
mod follow;
mod keeping;
mod open;
pub(crate) mod recovered;
pub(crate) mod replay;
pub(crate) mod replay_error;
pub(crate) mod reprocess;
pub(crate) mod shutdown;
pub(crate) mod start;
mod wiring;
