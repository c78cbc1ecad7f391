//! What an export is told.

use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;

use crate::rows::choice::ChoiceArgs;

/// `slipring export`
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// The journal's folder
    pub journal: PathBuf,
    /// The file to write; it is there once it is whole. - is the standard output
    #[arg(long, short, value_name = "PATH")]
    pub output: PathBuf,
    /// csv, jsonl, parquet, arrow, avro, sqlite or dbn; by the file's name, if not given
    #[arg(long, value_name = "FORMAT")]
    pub format: Option<String>,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub choice: ChoiceArgs,
    /// Of what is chosen, only the last so many events
    #[arg(long, value_name = "N")]
    pub last: Option<u64>,
    /// A folder with a file for each hour or day of journal time (UTC), or for each value of a field
    #[arg(long, value_name = "hour|day|FIELD")]
    pub partition: Option<Partition>,
    /// How to compress: none or gzip for text; none, zstd, snappy or lz4 as the format has it. gzip:9 says a
    /// level
    #[arg(long, value_name = "HOW")]
    pub compress: Option<String>,
    /// Replace what is at the path
    #[arg(long)]
    pub overwrite: bool,
    /// The summary as JSON
    #[arg(long)]
    pub json: bool,
}

/// By what a file is divided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Partition {
    /// A part an hour of journal time (UTC).
    Hour,
    /// A part a day of journal time (UTC).
    Day,
    /// A part for each value of a field.
    Field(String),
}

impl FromStr for Partition {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text {
            "hour" => Partition::Hour,
            "day" => Partition::Day,
            field => Partition::Field(field.to_owned()),
        })
    }
}
