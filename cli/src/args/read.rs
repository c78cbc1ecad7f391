//! What the commands are told that give records out.

use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, ValueEnum};

use crate::time::TimeArgument;

/// `slipring replay`
#[derive(Debug, Args)]
pub struct ReplayArgs {
    /// The journal's folder
    pub journal: PathBuf,
    /// Start at the first record at this time or later
    ///
    /// TIME is nanoseconds since 1970, RFC 3339, or HH:MM:SS[.fraction] of the journal's first day (UTC).
    #[arg(long, value_name = "TIME")]
    pub from: Option<TimeArgument>,
    /// End before the first record at this time or later
    #[arg(long, value_name = "TIME")]
    pub to: Option<TimeArgument>,
    /// As fast as possible, or at a multiple of the recorded pace: max, 1x, 10x, 0.5x
    #[arg(long, value_name = "SPEED", default_value = "max")]
    pub speed: Speed,
    /// What to print of each record: nothing (a summary at the end), JSON lines, or the CSV that was recorded
    #[arg(long, value_enum, default_value_t = Format::None)]
    pub format: Format,
}

/// `slipring follow`
#[derive(Debug, Args)]
pub struct FollowArgs {
    /// The journal's folder
    pub journal: PathBuf,
    /// Start at the first record at this time or later, which need not be there yet
    ///
    /// TIME is nanoseconds since 1970, RFC 3339, or HH:MM:SS[.fraction] of the journal's first day (UTC).
    #[arg(long, value_name = "TIME", conflicts_with = "from_sequence")]
    pub from: Option<TimeArgument>,
    /// Start at this sequence, which need not be there yet
    #[arg(long, value_name = "N")]
    pub from_sequence: Option<u64>,
    /// Without a start, so many of the records that are there
    #[arg(long, value_name = "N", default_value_t = 10, conflicts_with_all = ["from", "from_sequence"])]
    pub last: u64,
    /// A JSON object a line instead of the CSV that was recorded
    #[arg(long)]
    pub json: bool,
}

/// What replay prints of each record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Nothing.
    None,
    /// A JSON object a line.
    Jsonl,
    /// The line that was recorded.
    Csv,
}

/// The pace of a replay.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Speed {
    /// As fast as possible.
    Max,
    /// So many times the recorded pace.
    Times(f64),
}

/// Why a text is no speed.
#[derive(Clone, Debug, thiserror::Error)]
#[error("give max, or a multiple of the recorded pace such as 1x, 10x or 0.5x")]
pub struct BadSpeed;

impl FromStr for Speed {
    type Err = BadSpeed;

    fn from_str(text: &str) -> Result<Self, BadSpeed> {
        if text == "max" {
            return Ok(Speed::Max);
        }
        let times: f64 = text.strip_suffix('x').ok_or(BadSpeed)?.parse().map_err(|_| BadSpeed)?;
        if times.is_finite() && (1e-6..=1e9).contains(&times) {
            Ok(Speed::Times(times))
        } else {
            Err(BadSpeed)
        }
    }
}
