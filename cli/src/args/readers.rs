//! What the commands are told about named readers.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use slipring_schema::TimeArgument;

/// `slipring readers`
#[derive(Debug, Args)]
pub struct ReadersArgs {
    /// The journal's folder
    pub journal: PathBuf,
    /// What to do; without it they are listed
    #[command(subcommand)]
    pub action: Option<ReadersAction>,
    /// JSON instead of text
    #[arg(long, global = true)]
    pub json: bool,
}

/// What can be done with a reader that nobody holds.
#[derive(Debug, Subcommand)]
pub enum ReadersAction {
    /// Have it go on elsewhere; one that is not there is made
    Set {
        /// The reader's name
        name: String,
        #[command(flatten)]
        #[allow(missing_docs)]
        place: PlaceArgs,
    },
    /// Forget it and its position
    Remove {
        /// The reader's name
        name: String,
    },
}

/// Where a reader goes on.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct PlaceArgs {
    /// At the first record at this time or later
    ///
    /// TIME is 09:30[:SS[.fraction]] of the journal's first day, a date, RFC 3339, or nanoseconds since 1970.
    /// A time without a zone is UTC.
    #[arg(long, value_name = "TIME")]
    pub to: Option<TimeArgument>,
    /// At this sequence
    #[arg(long, value_name = "N")]
    pub to_sequence: Option<u64>,
    /// At the first record that is kept
    #[arg(long)]
    pub to_start: bool,
    /// Behind the last record
    #[arg(long)]
    pub to_end: bool,
}
