//! Journals whose events have changed: read, written, followed, salvaged, killed, and replayed into an
//! engine.

mod damage;
mod engine;
mod following;
mod golden;
mod killed;
mod opening;
mod outputs;
mod reading;
