//! Which records: a range, a filter, the last or the first so many.

use clap::Args;

use slipring_schema::TimeArgument;

/// What all commands are told that give records out.
#[derive(Clone, Debug, Default, Args)]
pub struct ChoiceArgs {
    /// Start at the first record at this time or later
    ///
    /// TIME is 09:30[:SS[.fraction]] of the journal's first day, a date, RFC 3339, or nanoseconds since 1970.
    /// A time without a zone is UTC.
    #[arg(long, value_name = "TIME")]
    pub from: Option<TimeArgument>,
    /// End before the first record at this time or later
    #[arg(long, value_name = "TIME")]
    pub to: Option<TimeArgument>,
    /// Start at this sequence
    #[arg(long, value_name = "N")]
    pub from_sequence: Option<u64>,
    /// End before this sequence
    #[arg(long, value_name = "N")]
    pub to_sequence: Option<u64>,
    /// End after so many events
    #[arg(long, value_name = "N")]
    pub limit: Option<u64>,
    /// Only events of which this is true: 'price >= 100.5 and side == buy'
    ///
    /// Fields are named as the table's head names them; text and times stand in single quotes. Numbers,
    /// decimals and times compare exactly.
    #[arg(long = "where", value_name = "CONDITION", allow_hyphen_values = true)]
    pub condition: Option<String>,
    /// Only these columns, in this order: price,leg.px,_time
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub fields: Option<Vec<String>>,
}
