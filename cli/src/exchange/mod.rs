//! A matching engine that recovers: a price-time-priority book as a stage with snapshots, digests, effects
//! and dead letters. `examples/matching_engine.rs` runs it; the tests of the whole system kill it.
//!
//! | module | idea |
//! |---|---|
//! | [`command`] | the words that go in and come out |
//! | [`messages`] | an exchange's messages as the commands that made them |
//! | [`flow`] | commands made up |
//! | [`matching`] | the [book](crate::book) with the rules: who trades with whom |
//! | [`saved`] | the book as bytes |
//! | [`stage`] | the book as a stage |
//! | [`tape`] | where trades go |

pub mod command;
pub mod flow;
pub mod matching;
pub mod messages;
pub mod saved;
pub mod stage;
pub mod tape;
