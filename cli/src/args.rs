//! What may be said on the command line. In every command the journal's folder is the argument JOURNAL.

use std::path::PathBuf;
use std::str::FromStr;

use clap::builder::{OsStringValueParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::flow::input::Input;
use crate::time::{TimeArgument, parse_date};

/// An in-process disruptor engine with a journal that survives the process.
#[derive(Debug, Parser)]
#[command(name = "slipring", version, max_term_width = 100)]
#[command(after_help = "Without a command it runs the demo.")]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Record order flow, be killed, recover, replay, and prove that nothing was lost
    Demo(DemoArgs),
    /// Record messages into a journal
    Record(RecordArgs),
    /// Read a journal's messages again, all or from a time on
    Replay(ReplayArgs),
    /// Print a journal's messages as they come, like tail -f, until a signal says stop
    Follow(FollowArgs),
    /// Show what a journal's files say: segments, schema, watermarks, times
    Inspect(LookArgs),
    /// Read a whole journal and say whether every record is whole
    ///
    /// Exit status: 0 fine, 1 torn tail, 2 corrupt, 3 usage or I/O.
    Verify(LookArgs),
    /// Show how far a running engine is: cursors, lags, batches, stalls
    ///
    /// The counters are found by the journal that the engine writes, or given by their path. Exit status: 0
    /// shown, 1 the engine's process is gone without an end in good order (what it left is shown), 3 there
    /// are none, usage or I/O.
    Top(TopArgs),
    /// Show what stages keep beside a journal: snapshots, effects, digests, dead letters
    Stages(LookArgs),
    /// List the events that stages did not process, write them into a file, and settle those that have been
    /// dealt with
    ///
    /// To publish them again, let the program that has the engine call DeadLetters::reprocess. Exit status: 0
    /// fine, 1 some of those to be written have no event any more, 3 usage or I/O.
    DeadLetters(DeadLettersArgs),
    /// Copy what can be read of a damaged journal into a new one
    ///
    /// Keeps the longest prefix without damage, and says what lies behind. The damaged journal is only read;
    /// close its writer first. Exit status: 0 nothing was lost, 1 records were lost and the others kept, 2
    /// nothing can be kept, 3 usage or I/O.
    Salvage(SalvageArgs),
    /// Write shell completions to the standard output
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Write the manual page, or a command's, to the standard output
    Man {
        /// The command; the page of slipring itself if not given
        command: Option<String>,
    },
    /// The part of the demo that gets killed
    #[command(name = crate::demo::CHILD, hide = true)]
    Child(crate::demo::ChildArgs),
}

fn input() -> impl TypedValueParser<Value = Input> {
    OsStringValueParser::new().try_map(Input::from_argument)
}

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

/// `slipring record`
#[derive(Debug, Args)]
pub struct RecordArgs {
    /// The journal's folder; made if it is not there
    pub journal: PathBuf,
    /// LOBSTER messages: a CSV file (- for the standard input), or synthetic:N
    ///
    /// The whole input is read first: if a line is malformed, nothing is recorded.
    #[arg(long, value_name = "FILE|synthetic:N", value_parser = input())]
    pub input: Input,
    /// Seed of a synthetic flow
    #[arg(long, value_name = "S", default_value_t = 1)]
    pub seed: u64,
    /// The messages' day (UTC): their times are seconds after its midnight
    #[arg(long, value_name = "YYYY-MM-DD", default_value = "1970-01-01", value_parser = parse_date)]
    pub date: u64,
    /// The instrument, up to eight bytes; recorded with every message
    #[arg(long, value_name = "NAME", default_value = "")]
    pub symbol: Symbol,
    /// Records in each new segment
    #[arg(long, value_name = "N", default_value_t = 1 << 18)]
    pub segment_records: u64,
}

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

/// What a file of dead letters looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LetterFormat {
    /// A JSON object a line.
    Jsonl,
    /// A line of names, then one a letter.
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

/// An instrument's name, filled up with zeros.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Symbol(pub [u8; 8]);

/// Why a text is no symbol.
#[derive(Clone, Debug, thiserror::Error)]
#[error("a symbol has at most eight bytes, none of them zero")]
pub struct BadSymbol;

impl FromStr for Symbol {
    type Err = BadSymbol;

    fn from_str(text: &str) -> Result<Self, BadSymbol> {
        let mut bytes = [0; 8];
        let place = bytes.get_mut(..text.len()).ok_or(BadSymbol)?;
        place.copy_from_slice(text.as_bytes());
        if text.contains('\0') { Err(BadSymbol) } else { Ok(Symbol(bytes)) }
    }
}
