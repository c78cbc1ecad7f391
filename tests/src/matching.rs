//! The matching engine of the example, for the tests that kill it: the example's own files, not a copy.

#[path = "../../engine/examples/matching_engine/book.rs"]
pub mod book;
#[path = "../../engine/examples/matching_engine/command.rs"]
pub mod command;
#[path = "../../engine/examples/matching_engine/flow.rs"]
pub mod flow;
#[path = "../../engine/examples/matching_engine/ladder.rs"]
pub mod ladder;
#[path = "../../engine/examples/matching_engine/lobster.rs"]
pub mod lobster;
#[path = "../../engine/examples/matching_engine/orders.rs"]
pub mod orders;
#[path = "../../engine/examples/matching_engine/saved.rs"]
pub mod saved;
#[path = "../../engine/examples/matching_engine/stage.rs"]
pub mod stage;
#[path = "../../engine/examples/matching_engine/tape.rs"]
pub mod tape;

use std::path::{Path, PathBuf};

use command::{Command, CommandEvent};
use slipring::Event;

/// A command with its time, as tests hand it to a child.
#[derive(Clone, Copy, Debug, Event)]
#[event(pod)]
#[repr(C)]
pub struct Timed {
    pub time_ns: u64,
    pub command: CommandEvent,
}

/// Where the public sample of real messages is: `SLIPRING_LOBSTER`, or beside the project, of which it is no part.
pub fn real_file() -> Option<PathBuf> {
    let beside =
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/aapl_2012-06-21_messages.csv");
    let path = std::env::var_os("SLIPRING_LOBSTER").map_or_else(beside, PathBuf::from);
    path.exists().then_some(path)
}

/// The commands, with their times, that the tests run: of a file of messages, or made up.
///
/// # Panics
/// If the file can't be read.
pub fn commands(file: Option<&Path>, count: usize) -> Vec<(u64, Command)> {
    match file {
        Some(file) => {
            let text =
                std::fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
            let messages = lobster::read(&text).expect("a file of messages");
            messages.iter().take(count).map(|message| (message.time_ns, message.command)).collect()
        }
        None => flow::Flow::new(1).take(count).collect(),
    }
}
