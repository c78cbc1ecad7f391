//! What the demo is told.

use std::path::PathBuf;

use clap::Args;

use super::record::input;
use crate::feed::input::Input;

/// `slipring demo`
#[derive(Clone, Debug, Args)]
pub struct DemoArgs {
    /// How many messages to make up
    #[arg(long, value_name = "N", default_value_t = 2_000_000, value_parser = clap::value_parser!(u64).range(100..=100_000_000))]
    pub events: u64,
    /// Seed of the made-up messages and of the places of the kills
    #[arg(long, value_name = "S", default_value_t = 1)]
    pub seed: u64,
    /// A LOBSTER message file, or synthetic:N, instead of --events
    #[arg(long, value_name = "FILE", conflicts_with = "events", value_parser = input())]
    pub input: Option<Input>,
    /// Folder to work in, which must be empty or not there; it is kept. A new one in the temporary folder if
    /// not given
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
    /// How often to kill it
    #[arg(long, value_name = "K", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub kills: u32,
    /// One JSON object a line instead of text and bars
    #[arg(long)]
    pub json: bool,
}

impl Default for DemoArgs {
    fn default() -> Self {
        DemoArgs { events: 2_000_000, seed: 1, input: None, dir: None, kills: 5, json: false }
    }
}

/// The name of the hidden command that the demo's child runs.
pub(crate) const DEMO_CHILD: &str = "demo-child";

/// The child's command line.
#[derive(Clone, Debug, Args)]
pub struct ChildArgs {
    /// The journal's folder
    pub journal: PathBuf,
    /// What to do, as JSON
    #[arg(long)]
    pub orders: String,
}
