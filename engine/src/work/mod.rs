//! Lanes at work: whose turn it is, how a lane waits, and what a stage does in its turn. What is done with a
//! row of events is a worker's (`append.rs`, `hand_over.rs`); a stage says when; the fused turn is made of
//! both workers.
//!
//! The folder knows ring, cursors, counters, handlers and what stages keep; not who described the lanes, nor
//! who starts and ends them.
//!
//! | file | idea |
//! |---|---|
//! | `lane` | a lane's stages take turns, on its thread or the caller's |
//! | `invoked` | lanes without a thread: whoever calls runs them |
//! | `inside` | in which engines' handlers a thread is |
//! | `wait` | what a lane does when there is nothing to do |
//! | `stage` | what a lane knows of a stage |
//! | `described` | a handler's stage before the engine starts |
//! | `handler_stage`, `journal_stage` | a stage at work: a handler's, and the journal's |
//! | `append`, `hand_over` | the workers: a row of slots into the journal, to the handler |
//! | `fused` | the turn of the journal and the stage behind it, made of both workers |
//! | `stage_cursor` | a stage's cursor: moved, and whoever is parked there woken |
//! | `standby_journal`, `news` | the journal's stage of a standby; what its stages are told while they run |

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
