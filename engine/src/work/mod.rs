//! Lanes at work: whose turn it is, how a lane waits, and what a stage does in its turn. What is done with a
//! row of events is a worker's (`append.rs`, `hand_over.rs`); a stage says when; the fused turn is made of
//! both workers.
//!
//! It knows ring, cursors, handlers and what stages keep; not who described the lanes, nor who starts and
//! ends them.

pub(crate) mod append;
pub(crate) mod described;
pub(crate) mod fused;
pub(crate) mod hand_over;
pub(crate) mod handler_stage;
pub(crate) mod inside;
pub(crate) mod invoked;
pub(crate) mod journal_stage;
pub(crate) mod lane;
pub(crate) mod news;
pub(crate) mod stage;
pub(crate) mod stage_cursor;
pub(crate) mod standby_journal;
pub(crate) mod wait;
