//! A line on the standard error that says how far it is, and is written over again and again.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use serde_json::Value;
use slipring_cli::plain;

/// How often progress is said.
const EVERY: Duration = Duration::from_secs(1);

/// Progress once a second: for people a line that is written over, where the standard error is a terminal; as
/// JSON a line each on the standard output.
#[derive(Debug)]
pub struct ProgressLine {
    json: bool,
    is_terminal: bool,
    /// When it was said last, or made.
    said: Instant,
    /// A line stands there that is to be written over.
    is_open: bool,
}

impl ProgressLine {
    pub fn new(json: bool) -> Self {
        ProgressLine {
            json,
            is_terminal: !json && io::stderr().is_terminal(),
            said: Instant::now(),
            is_open: false,
        }
    }

    /// Whether somebody would see it, and a second has gone by.
    pub fn is_due(&self) -> bool {
        (self.json || self.is_terminal) && self.said.elapsed() >= EVERY
    }

    /// Says it, in the form that was asked for.
    pub fn say(&mut self, text: impl FnOnce() -> String, value: impl FnOnce() -> Value) {
        self.said = Instant::now();
        if self.json {
            return print_json(&value());
        }
        plain::progress(&text());
        self.is_open = true;
    }

    /// A line that stays.
    pub fn complain(&mut self, text: &str) {
        if std::mem::take(&mut self.is_open) {
            let _ = writeln!(io::stderr());
        }
        plain::complain(text);
    }
}

impl Drop for ProgressLine {
    fn drop(&mut self) {
        if self.is_open {
            let _ = writeln!(io::stderr());
        }
    }
}

/// Whoever reads it may have gone; the work goes on.
pub fn print_json(value: &Value) {
    if let Ok(text) = plain::json(value) {
        let _ = writeln!(io::stdout(), "{text}");
    }
}
