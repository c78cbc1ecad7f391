//! What the commands are told about what stages keep.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// `slipring dead-letters`
#[derive(Debug, Args)]
pub struct DeadLettersArgs {
    /// The journal's folder
    pub journal: PathBuf,
    /// Only those of this stage
    #[arg(long, value_name = "NAME")]
    pub stage: Option<String>,
    /// Those that are settled too
    #[arg(long)]
    pub all: bool,
    /// Note, durably, that the open ones of --stage (those of --sequence, if given) have been dealt with, and
    /// how
    ///
    /// With --into once they are in the file and it is synced; one without an event is not settled then.
    #[arg(long, value_name = "HOW", requires = "stage")]
    pub settle: Option<String>,
    /// Write the open ones into this new file instead of listing them, each with its sequence, time, cause
    /// and event
    #[arg(long, value_name = "FILE", conflicts_with_all = ["all", "json"])]
    pub into: Option<PathBuf>,
    /// What to write there: a JSON object a line, or CSV with a line of names
    #[arg(long, value_enum, default_value_t = LetterFormat::Jsonl, requires = "into")]
    pub format: LetterFormat,
    /// Only that of this sequence
    #[arg(long, value_name = "N")]
    pub sequence: Option<u64>,
    /// A JSON object a line instead of text, the event's fields included
    #[arg(long)]
    pub json: bool,
}

/// What a file of dead letters looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LetterFormat {
    /// A JSON object a line.
    Jsonl,
    /// A line of names, then one a letter.
    Csv,
}
