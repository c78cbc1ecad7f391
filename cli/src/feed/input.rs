//! What `--input` names: a file, or a number of made-up messages.

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use crate::feed::synthetic::{MOST_MESSAGES, Synthetic};
use crate::flow::lobster::{self, ParseError};
use crate::flow::message::OrderMessage;

/// Where events come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// A file; `-` is the standard input.
    File(PathBuf),
    /// So many made-up messages.
    Synthetic(u64),
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
    /// Reads a LOBSTER file, or makes messages by this seed: all of them, those of 1970-01-01.
    ///
    /// # Errors
    /// The file can't be read, or a line is malformed.
    pub fn load(&self, seed: u64) -> Result<Vec<OrderMessage>, InputError> {
        match self {
            Input::Synthetic(count) => Ok(Synthetic::new(seed, 0, [0; 8]).take(*count as usize).collect()),
            Input::File(path) => {
                let fault = |source| InputError::Read { path: path.clone(), source };
                let bytes = std::fs::read(path).map_err(fault)?;
                Ok(lobster::parse(&path.display().to_string(), &bytes, 0, [0; 8])?)
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
