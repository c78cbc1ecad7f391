//! The matching engine of the example, for the tests that kill it: what drives it here.

use std::path::{Path, PathBuf};

use slipring::Event;
use slipring_cli::exchange::command::{Command, CommandEvent};
use slipring_cli::exchange::flow::Flow;
use slipring_cli::exchange::messages;

/// A command with its time, as tests hand it to a child.
#[derive(Clone, Copy, Debug, Event)]
#[repr(C)]
pub struct Timed {
    pub time_ns: u64,
    pub command: CommandEvent,
}

/// Where the public sample of real messages is: `SLIPRING_LOBSTER`, or beside the project, of which it is no
/// part.
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
            let bytes = std::fs::read(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
            let mut commands =
                messages::commands(&file.to_string_lossy(), &bytes).expect("a file of messages");
            commands.truncate(count);
            commands
        }
        None => Flow::new(1).take(count).collect(),
    }
}
