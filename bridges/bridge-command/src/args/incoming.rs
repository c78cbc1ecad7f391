//! What `slipring-bridge in` is told.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use slipring_cli::rows::printer::Format;
use slipring_schema::TimeArgument;

use super::connect::ConnectArgs;
use super::keep::KeepArgs;
use super::{exit_table, units};

/// What `slipring-bridge in` is told.
#[derive(Debug, Args)]
#[command(after_help = concat!(
    "Examples:\n",
    "  slipring bridge in --server nats://a:4222 --stream ORDERS --into orders\n",
    "  slipring bridge in --stream ORDERS --newest --where 'price >= 101.5'\n",
    "  slipring bridge in --stream ORDERS --from 2024-03-10T09:30 --once --json\n\n",
    exit_table!()
))]
pub struct InArgs {
    /// The stream
    #[arg(long)]
    pub stream: String,
    /// The subject that is the journal's; needed only where the stream has several
    #[arg(long, value_name = "SUBJECT")]
    pub subject: Option<String>,
    /// Take the records into a replica of the journal, in this folder
    ///
    /// A replica that is there goes on where it ends. Without this, records are printed.
    #[arg(long, value_name = "JOURNAL")]
    pub into: Option<PathBuf>,
    /// Start at the first record of this journal time or later
    ///
    /// TIME is a date, RFC 3339, or nanoseconds since 1970. A time without a zone is UTC.
    #[arg(long, value_name = "TIME", group = "start")]
    pub from: Option<TimeArgument>,
    /// Start at this sequence
    #[arg(long, value_name = "N", group = "start")]
    pub from_sequence: Option<u64>,
    /// Start at the next record that comes; without a start, it is the first that the stream has
    #[arg(long, group = "start")]
    pub newest: bool,
    /// End once all that the stream holds was taken
    #[arg(long)]
    pub once: bool,
    /// End if the server can't be had for so long: 30s [never]
    #[arg(long, value_name = "TIME", value_parser = units::span)]
    pub give_up: Option<Duration>,
    /// End after so many events
    #[arg(long, value_name = "N", conflicts_with = "into")]
    pub limit: Option<u64>,
    /// Only events of which this is true: 'price >= 100.5 and side == buy'
    #[arg(long = "where", value_name = "CONDITION", allow_hyphen_values = true, conflicts_with = "into")]
    pub condition: Option<String>,
    /// Only these columns, in this order: price,leg.px,_time
    #[arg(long, value_name = "NAMES", value_delimiter = ',', conflicts_with = "into")]
    pub fields: Option<Vec<String>>,
    /// How records are printed; a table on a terminal, CSV elsewhere, if not given
    #[arg(long, value_enum, conflicts_with = "into")]
    pub format: Option<Format>,
    /// Short for --format jsonl; with --into, say as lines of JSON how far it is and what was taken
    #[arg(long, conflicts_with = "format")]
    pub json: bool,
    /// What the replica keeps.
    #[command(flatten)]
    pub keep: KeepArgs,
    /// To whom to connect.
    #[command(flatten, next_help_heading = "Server")]
    pub connect: ConnectArgs,
}
