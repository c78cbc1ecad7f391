//! What the demo says: text and a progress bar for people, or one JSON object a line for machines.

use std::io::{self, Write};

use indicatif::ProgressBar;
use serde_json::Value;

use crate::plain;

/// Where the demo talks to.
pub(super) struct Teller<'a> {
    out: &'a mut dyn Write,
    json: bool,
    bar: ProgressBar,
}

impl<'a> Teller<'a> {
    pub(super) fn new(out: &'a mut dyn Write, json: bool) -> Self {
        Teller { out, json, bar: ProgressBar::hidden() }
    }

    /// Shows a bar until the next one, or the end.
    pub(super) fn bar(&mut self, what: &str, total: u64) -> ProgressBar {
        self.bar.finish_and_clear();
        self.bar = crate::show::bar(what, total, self.json);
        self.bar.clone()
    }

    pub(super) fn end_bar(&mut self) {
        self.bar.finish_and_clear();
    }

    /// A line for people, or an object for machines.
    pub(super) fn say(&mut self, text: &str, object: Value) -> io::Result<()> {
        let Teller { out, json, bar } = self;
        bar.suspend(|| {
            if *json {
                writeln!(out, "{}", plain::json(&object)?)
            } else {
                writeln!(out, "{}", plain::lines(text))
            }?;
            out.flush()
        })
    }

    /// A line for people only.
    pub(super) fn text(&mut self, text: &str) -> io::Result<()> {
        if self.json {
            return Ok(());
        }
        self.say(text, Value::Null)
    }
}
