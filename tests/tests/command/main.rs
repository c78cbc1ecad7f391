//! The command `slipring`, as a user runs it.

mod cli;
mod cli_follow;
mod kept;
mod record_full;
