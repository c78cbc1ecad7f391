//! What the commands are told that give records out.

use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;

use crate::rows::choice::ChoiceArgs;
use crate::rows::printer::Format;

/// `slipring replay`
#[derive(Debug, Args)]
pub struct ReplayArgs {
    /// The journal's folder
    pub journal: PathBuf,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub choice: ChoiceArgs,
    /// Of what is chosen, only the last so many events
    #[arg(long, value_name = "N")]
    pub last: Option<u64>,
    /// As fast as possible, or at a multiple of the recorded pace: max, 1x, 10x, 0.5x
    #[arg(long, value_name = "SPEED", default_value = "max")]
    pub speed: Speed,
    /// How records are printed; a table on a terminal, CSV elsewhere, if not given
    #[arg(long, value_enum)]
    pub format: Option<Format>,
    /// Short for --format jsonl
    #[arg(long, conflicts_with = "format")]
    pub json: bool,
}

/// `slipring follow`
#[derive(Debug, Args)]
pub struct FollowArgs {
    /// The journal's folder
    pub journal: PathBuf,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub choice: ChoiceArgs,
    /// Without a start, so many of the records that are there
    #[arg(long, value_name = "N", default_value_t = 10, conflicts_with_all = ["from", "from_sequence"])]
    pub last: u64,
    /// Start where the reader of this name was when it ended, and note what was written out
    ///
    /// A new one starts at the first record. What a kill leaves unnoted is printed again: at least once.
    #[arg(long, value_name = "NAME", conflicts_with_all = ["from", "from_sequence", "last"])]
    pub reader: Option<String>,
    /// How records are printed; a table on a terminal, CSV elsewhere, if not given
    #[arg(long, value_enum)]
    pub format: Option<Format>,
    /// Short for --format jsonl
    #[arg(long, conflicts_with = "format")]
    pub json: bool,
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
