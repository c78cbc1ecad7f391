//! What `slipring-bridge in` is told.

use std::path::PathBuf;

use clap::Args;
use slipring_cli::rows::printer::Format;
use slipring_schema::TimeArgument;

/// `slipring-bridge in`
#[derive(Debug, Args)]
pub(crate) struct InArgs {
    #[command(flatten)]
    pub(crate) connect: ConnectArgs,
    /// The stream's name
    #[arg(long, value_name = "NAME")]
    pub(crate) stream: String,
    /// The subject that is the journal's; needed only where the stream has several
    #[arg(long, value_name = "SUBJECT")]
    pub(crate) subject: Option<String>,
    /// Take the records into a replica of the journal, in this folder
    ///
    /// A replica that is there goes on where it ends. Without this, records are printed.
    #[arg(long, value_name = "JOURNAL")]
    pub(crate) into: Option<PathBuf>,
    /// Start at the first record of this journal time or later
    ///
    /// TIME is a date, RFC 3339, or nanoseconds since 1970. A time without a zone is UTC.
    #[arg(long, value_name = "TIME", group = "start")]
    pub(crate) from: Option<TimeArgument>,
    /// Start at this sequence
    #[arg(long, value_name = "N", group = "start")]
    pub(crate) from_sequence: Option<u64>,
    /// Start at the next record that comes; without a start, it is the first that the stream has
    #[arg(long, group = "start")]
    pub(crate) newest: bool,
    /// End once all that the stream holds was taken
    #[arg(long)]
    pub(crate) once: bool,
    /// End after so long without the server; without this, it is tried for ever
    #[arg(long, value_name = "SECONDS")]
    pub(crate) give_up_after: Option<u64>,
    /// End after so many records
    #[arg(long, value_name = "N", conflicts_with = "into")]
    pub(crate) limit: Option<u64>,
    /// Only events of which this is true: 'price >= 100.5 and side == buy'
    #[arg(long = "where", value_name = "CONDITION", allow_hyphen_values = true, conflicts_with = "into")]
    pub(crate) condition: Option<String>,
    /// Only these columns, in this order: price,leg.px,_time
    #[arg(long, value_name = "NAMES", value_delimiter = ',', conflicts_with = "into")]
    pub(crate) fields: Option<Vec<String>>,
    /// How records are printed; a table on a terminal, CSV elsewhere, if not given
    #[arg(long, value_enum, conflicts_with = "into")]
    pub(crate) format: Option<Format>,
    /// Short for --format jsonl; with --into, say as JSON what was taken
    #[arg(long, conflicts_with = "format")]
    pub(crate) json: bool,
}
