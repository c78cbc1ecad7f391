//! What `--input` names: a file of messages, or a number of made-up ones. It is read whole before anything is
//! recorded, so that a bad line at the end leaves nothing half done.

use std::ffi::OsString;
use std::fmt;
use std::io::Read;
use std::path::PathBuf;
use std::str::FromStr;

use crate::flow::lobster::{self, ParseError, ParseOptions, Parsed};
use crate::flow::synthetic::{MOST_MESSAGES, Synthetic};

/// Where messages come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// A LOBSTER message file; `-` is the standard input.
    File(PathBuf),
    /// So many made-up messages.
    Synthetic(u64),
}

/// How the messages are to be read.
#[derive(Clone, Copy, Debug, Default)]
pub struct InputOptions {
    /// Of the made-up flow.
    pub seed: u64,
    /// Midnight of the messages' day, nanoseconds since 1970.
    pub date_ns: u64,
    /// The instrument.
    pub symbol: [u8; 8],
    /// Round times that are finer than a nanosecond, instead of refusing them.
    pub round_times: bool,
}

/// Why an input could not be read.
#[derive(Debug, thiserror::Error)]
pub enum InputError {
    /// The file can't be read.
    #[error("read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's answer.
        source: std::io::Error,
    },
    /// A line is malformed.
    #[error(transparent)]
    Parse(#[from] ParseError),
}

impl Input {
    /// Reads or makes all messages.
    ///
    /// # Errors
    /// The file can't be read, or a line is malformed.
    pub fn load(&self, options: &InputOptions) -> Result<Parsed, InputError> {
        match self {
            Input::Synthetic(count) => {
                let InputOptions { seed, date_ns, symbol, .. } = *options;
                let messages = Synthetic::new(seed, date_ns, symbol).take(*count as usize).collect();
                Ok(Parsed { messages, rounded: 0 })
            }
            Input::File(path) => {
                let fault = |source| InputError::Read { path: path.clone(), source };
                let bytes = if path.as_os_str() == "-" {
                    let mut bytes = Vec::new();
                    std::io::stdin().lock().read_to_end(&mut bytes).map_err(fault)?;
                    bytes
                } else {
                    std::fs::read(path).map_err(fault)?
                };
                let file = path.display().to_string();
                let InputOptions { date_ns, symbol, round_times, .. } = *options;
                Ok(lobster::parse_with(&file, &bytes, &ParseOptions { date_ns, symbol, round_times })?)
            }
        }
    }
}

impl fmt::Display for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Input::File(path) => write!(f, "{}", path.display()),
            Input::Synthetic(count) => write!(f, "synthetic:{count}"),
        }
    }
}

/// Why the text of `--input` can't be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("synthetic:N takes a number of messages from 1 to {MOST_MESSAGES}, e.g. synthetic:1000000")]
pub struct BadInput;

impl Input {
    /// The argument of `--input`. A path may be of any bytes.
    ///
    /// # Errors
    /// As reading it from text.
    pub fn from_argument(argument: OsString) -> Result<Self, BadInput> {
        match argument.to_str() {
            Some(text) => text.parse(),
            None => Ok(Input::File(argument.into())),
        }
    }
}

impl FromStr for Input {
    type Err = BadInput;

    fn from_str(text: &str) -> Result<Self, BadInput> {
        let Some(count) = text.strip_prefix("synthetic:") else { return Ok(Input::File(text.into())) };
        match count.replace('_', "").parse() {
            Ok(count) if (1..=MOST_MESSAGES).contains(&count) => Ok(Input::Synthetic(count)),
            _ => Err(BadInput),
        }
    }
}
