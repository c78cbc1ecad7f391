//! What a recording is told.

use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;
use clap::builder::{OsStringValueParser, TypedValueParser};

use crate::flow::input::Input;
use slipring_schema::parse_date;

/// A file, or `synthetic:N`; a path may be of any bytes.
pub(super) fn input() -> impl TypedValueParser<Value = Input> {
    OsStringValueParser::new().try_map(Input::from_argument)
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
    /// Take times with more than nine decimals, rounded to the nearest nanosecond and counted; without it they
    /// are refused
    #[arg(long)]
    pub round_times: bool,
    /// The instrument, up to eight bytes; recorded with every message
    #[arg(long, value_name = "NAME", default_value = "")]
    pub symbol: Symbol,
    /// Records in each new segment
    #[arg(long, value_name = "N", default_value_t = 1 << 18)]
    pub segment_records: u64,
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
