//! What `slipring migrate` is told.

use std::path::PathBuf;

use clap::Args;

/// `slipring migrate`
#[derive(Debug, Args)]
pub struct MigrateArgs {
    /// The journal's folder
    pub journal: PathBuf,
    /// The new journal's folder, where there must be nothing
    pub into: PathBuf,
    /// The new type: a schema file
    ///
    /// It says what was before: was = "px" of a field, a variant or the event that had another name; default
    /// = 1 of a field that older events have not, or since = 2 for zero.
    #[arg(long, value_name = "SCHEMA.toml")]
    pub schema: PathBuf,
    /// Records in each new segment
    #[arg(long, value_name = "N")]
    pub segment_records: Option<u64>,
    /// Only say what would become of the fields
    #[arg(long)]
    pub dry_run: bool,
    /// JSON instead of text
    #[arg(long)]
    pub json: bool,
}
