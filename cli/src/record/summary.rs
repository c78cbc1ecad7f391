//! What is said when a recording has ended.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::json;

use super::note::Counts;
use crate::formats::source::Position;
use crate::{plain, show};

/// What a recording has done.
#[derive(Debug)]
pub(super) struct Summary<'a> {
    pub input: &'a Path,
    pub format: &'static str,
    /// The input has records and no lines.
    pub by_record: bool,
    pub journal: &'a Path,
    /// What was done in all, with what was done before it was gone on with.
    pub counts: Counts,
    /// Events that were in already.
    pub before: u64,
    pub first: u64,
    pub end: u64,
    pub durable_end: u64,
    pub times: Option<(u64, u64)>,
    pub regressions: u64,
    pub rejects: Option<PathBuf>,
    pub position: Position,
    pub is_finished: bool,
    pub elapsed: Duration,
}

impl Summary<'_> {
    /// For people.
    pub fn show(&self, out: &mut dyn Write) -> io::Result<()> {
        let recorded = self.counts.recorded - self.before;
        let (input, journal) = (plain::path(self.input), plain::path(self.journal));
        let events = if recorded == 1 { "event" } else { "events" };
        write!(out, "recorded {} {events} from {input} into {journal}", show::count(recorded))?;
        if let Some((first_ns, last_ns)) = self.times {
            let (first, end) = (self.first, self.end);
            let (from, to) = (show::time(first_ns), show::time(last_ns));
            write!(out, ": sequence {first} to {end}, {from} to {to}, durable")?;
        }
        writeln!(out, ", in {} ({})", show::duration(self.elapsed), show::rate(recorded, self.elapsed))?;
        if self.before > 0 {
            let already = show::counted(self.before, "event was in already", "events were in already");
            writeln!(out, "{already}")?;
        }
        let Counts { rejected, truncated, rounded, .. } = self.counts;
        if let (Some(path), 1..) = (&self.rejects, rejected) {
            let how = self.how_again(path);
            let (path, why) = (plain::path(path), plain::path(&super::rejects::why_path(path)));
            writeln!(out, "{} malformed, set aside in {path}; why is in {why}{how}", show::count(rejected))?;
        }
        if truncated > 0 {
            writeln!(out, "{} with text that was cut", show::count(truncated))?;
        }
        if rounded > 0 {
            writeln!(out, "{} with times that were rounded", show::count(rounded))?;
        }
        if self.regressions > 0 {
            let count = show::count(self.regressions);
            writeln!(
                out,
                "{count} with a time before the last one's: they have the last one's as journal time"
            )?;
        }
        Ok(())
    }

    /// How the file of what was set aside is recorded, if its name does not say it as the input's does.
    fn how_again(&self, rejects: &Path) -> String {
        let ends_alike = rejects.extension().is_some_and(|end| Some(end) == self.input.extension());
        // What has no lines is set aside in words, to be read.
        match !self.by_record && !ends_alike {
            true => format!("; mended it is recorded with --as {}", self.format),
            false => String::new(),
        }
    }

    /// For machines.
    pub fn json(&self, out: &mut dyn Write) -> io::Result<()> {
        let said = json!({
            "input": plain::path_value(self.input),
            "format": self.format,
            "journal": plain::path_value(self.journal),
            "recorded": self.counts.recorded - self.before,
            "recorded_before": self.before,
            "rejected": self.counts.rejected,
            "truncated": self.counts.truncated,
            "rounded": self.counts.rounded,
            "regressions": self.regressions,
            "first_sequence": self.first,
            "end_sequence": self.end,
            "durable_end": self.durable_end,
            "first_time_ns": self.times.map(|(first_ns, _)| first_ns),
            "last_time_ns": self.times.map(|(_, last_ns)| last_ns),
            "bytes": self.position.bytes,
            "lines": self.position.lines,
            "finished": self.is_finished,
            "elapsed_ns": u64::try_from(self.elapsed.as_nanos()).unwrap_or(u64::MAX),
        });
        writeln!(out, "{}", plain::json(&said)?)
    }
}
