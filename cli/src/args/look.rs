//! What the commands are told that look at a journal or at an engine.

use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;

/// `slipring inspect`, `slipring verify`
#[derive(Debug, Args)]
pub struct LookArgs {
    /// The journal's folder
    pub journal: PathBuf,
    /// JSON instead of text
    #[arg(long)]
    pub json: bool,
}

/// `slipring top`
#[derive(Debug, Args)]
pub struct TopArgs {
    /// The folder of the journal that the engine writes
    #[arg(required_unless_present = "counters")]
    pub journal: Option<PathBuf>,
    /// The counters file itself, where no journal names it: the engine has none, or its folder has another
    /// name by now
    #[arg(long, value_name = "FILE", conflicts_with = "journal")]
    pub counters: Option<PathBuf>,
    /// Show them again and again until the engine ends, every second or every SECONDS
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, require_equals = true, default_missing_value = "1")]
    pub watch: Option<Interval>,
    /// One JSON object a line instead of text
    #[arg(long)]
    pub json: bool,
}

/// A time between two looks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval(pub std::time::Duration);

/// Why a text is no interval.
#[derive(Clone, Debug, thiserror::Error)]
#[error("give seconds between 0.01 and 86400")]
pub struct BadInterval;

impl FromStr for Interval {
    type Err = BadInterval;

    fn from_str(text: &str) -> Result<Self, BadInterval> {
        let seconds: f64 = text.parse().map_err(|_| BadInterval)?;
        // Not a number is in no range.
        if !(0.01..=86_400.0).contains(&seconds) {
            return Err(BadInterval);
        }
        Ok(Interval(std::time::Duration::from_secs_f64(seconds)))
    }
}

/// `slipring salvage`
#[derive(Debug, Args)]
pub struct SalvageArgs {
    /// The damaged journal's folder
    pub journal: PathBuf,
    /// The new journal's folder, which must be empty or not there
    pub into: PathBuf,
    /// Go on behind damage: a void record stands for each one lost, so that all others keep their sequences
    #[arg(long)]
    pub skip_damaged: bool,
    /// Let the new journal take so many bytes on disk, instead of twice what the damaged one takes and 64 MiB
    ///
    /// A damaged header may claim any number of records, each of which a void record would stand for.
    #[arg(long, value_name = "N")]
    pub allow_bytes: Option<u64>,
    /// JSON instead of text
    #[arg(long)]
    pub json: bool,
}
