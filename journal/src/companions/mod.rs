//! The threads beside a writer. Nobody waits for them on the append path.
//!
//! - `Preparer` (`slipring-prepare`): maps the next segment and keeps the pages ahead present.
//! - `Maker` (`slipring-make`): makes the file of the segment after the next, for a quick writer with its
//!   zeros in the page cache.
//! - `Syncer` (`slipring-sync`): syncs, moves D, retires, calls the hooks.
//! - `Sweeper` (`slipring-sweep`): gives memory back and unlinks what retention has retired.
//!
//! The companions know what they share with the writer (`live`), and retention; never the writer itself.

pub(crate) mod hooks;
pub(crate) mod maker;
pub(crate) mod pace;
pub(crate) mod pieces;
pub(crate) mod preparer;
pub(crate) mod sweeper;
pub(crate) mod syncer;
pub(crate) mod threads;
pub(crate) mod zeros;
