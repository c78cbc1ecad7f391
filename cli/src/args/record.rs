//! What a recording is told.

use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;
use clap::builder::{OsStringValueParser, TypedValueParser};

use crate::feed::input::Input;
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
    /// What to record: a file, - for the standard input, the folder of a journal, or synthetic:N
    #[arg(long, value_name = "FILE|synthetic:N", value_parser = input())]
    pub input: Input,
    /// The input's format; if not given, what the file's name ends with says it
    ///
    /// csv, csv-noheader, jsonl, debezium, lobster, journal; and with slipring-columns installed parquet,
    /// arrow, avro, sqlite, dbn. A CSV file without a schema is one of LOBSTER messages.
    #[arg(long = "as", value_name = "FORMAT")]
    pub format: Option<String>,
    /// The events' schema, as a TOML file
    #[arg(long, value_name = "SCHEMA.toml", conflicts_with_all = ["like", "infer"])]
    pub schema: Option<PathBuf>,
    /// The events' schema is that of this journal
    #[arg(long, value_name = "JOURNAL", conflicts_with = "infer")]
    pub like: Option<PathBuf>,
    /// Look at the input's beginning, write what its events seem to be into a schema file, and use it
    ///
    /// The file is JOURNAL.toml if not given. Look at it: what is wrong there is wrong in the journal.
    #[arg(long, value_name = "SCHEMA.toml", num_args = 0..=1, require_equals = true)]
    pub infer: Option<Option<PathBuf>>,
    /// What parts the cells of a CSV line: one character, or tab
    #[arg(long, value_name = "CHARACTER", value_parser = delimiter)]
    pub delimiter: Option<u8>,
    /// The CSV file has no line of names; these are the names of its cells
    #[arg(long, value_name = "NAMES", value_delimiter = ',', conflicts_with = "no_header")]
    pub header: Option<Vec<String>>,
    /// The CSV file has no line of names; its cells are the schema's columns, in order
    #[arg(long)]
    pub no_header: bool,
    /// The table of an SQLite database
    #[arg(long, value_name = "NAME")]
    pub table: Option<String>,
    /// Write malformed lines into a new file and go on; what is wrong with them goes into FILE.why
    ///
    /// Mended, the file can be recorded with the same options if its name ends as the input's does, else with
    /// --as too. Exit status: 1 if there are any.
    #[arg(long, value_name = "FILE")]
    pub rejects: Option<PathBuf>,
    /// Record all of the input or nothing
    ///
    /// A new journal appears when it is complete; for one that is there the input is read twice, so it can be
    /// no pipe.
    #[arg(long, conflicts_with = "resume")]
    pub atomic: bool,
    /// Go on where a recording of the same file was stopped or killed, without loss or double
    #[arg(long)]
    pub resume: bool,
    /// Record so many events and no more
    #[arg(long, value_name = "N")]
    pub limit: Option<u64>,
    /// Cut text that is longer than its field; without it such a line is malformed
    #[arg(long)]
    pub truncate_text: bool,
    /// Round times that are finer than their field, to the nearest; without it such a line is malformed
    #[arg(long)]
    pub round_times: bool,
    /// Say at the end what was recorded as JSON
    #[arg(long)]
    pub json: bool,
    /// Records in each new segment; 64 MiB of them if not given
    #[arg(long, value_name = "N")]
    pub segment_records: Option<u64>,
    /// LOBSTER: the messages' day (UTC); their times are seconds after its midnight
    ///
    /// If not given, the date in the file's name, as in AAPL_2012-06-21_34200000_57600000_message_10.csv;
    /// else 1970-01-01.
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = parse_date)]
    pub date: Option<u64>,
    /// LOBSTER: the instrument, up to eight bytes; recorded with every message
    #[arg(long, value_name = "NAME")]
    pub symbol: Option<Symbol>,
    /// Seed of a synthetic flow; 1 if not given
    #[arg(long, value_name = "S")]
    pub seed: Option<u64>,
}

/// Why a text can't part cells.
#[derive(Clone, Debug, thiserror::Error)]
#[error("give one ASCII character that is no quote and no line's end, or the word tab")]
pub struct BadDelimiter;

fn delimiter(text: &str) -> Result<u8, BadDelimiter> {
    match text.as_bytes() {
        b"tab" | b"\\t" => Ok(b'\t'),
        [byte] if byte.is_ascii() && !matches!(byte, b'"' | b'\n' | b'\r' | 0) => Ok(*byte),
        _ => Err(BadDelimiter),
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
