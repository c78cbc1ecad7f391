//! How far a recording is, on a terminal.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use super::note::Counts;
use super::source::Position;
use crate::show;

/// A bar over the input's bytes, or a count where nobody knows how many there will be. It shows itself on the
/// standard error, and only if that is a terminal.
pub(super) struct Progress {
    bar: ProgressBar,
    started: Instant,
    counts_bytes: bool,
    next: Instant,
}

/// No terminal is read faster.
const PAUSE: Duration = Duration::from_millis(100);

impl Progress {
    pub fn new(bytes: Option<u64>, by_record: bool) -> Self {
        let bytes = bytes.filter(|_| !by_record);
        let (bar, template) = match bytes {
            Some(bytes) => (ProgressBar::new(bytes), "recording [{wide_bar}] {percent}% {msg}"),
            None => (ProgressBar::new_spinner(), "recording {spinner} {wide_msg}"),
        };
        let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        bar.set_style(style.progress_chars("=> "));
        let started = Instant::now();
        Progress { bar, started, counts_bytes: bytes.is_some(), next: started }
    }

    pub fn show(&mut self, now: Instant, position: Position, counts: &Counts) {
        if now < self.next {
            return;
        }
        self.next = now + PAUSE;
        if self.bar.is_hidden() {
            return;
        }
        let rate = show::rate(counts.recorded, now - self.started);
        let place = match position.lines {
            0 => String::new(),
            lines => format!(" line {}", show::count(lines)),
        };
        let rejected = match counts.rejected {
            0 => String::new(),
            rejected => format!(", {} set aside", show::count(rejected)),
        };
        self.bar.set_message(format!("{}{rejected} ({rate}){place}", show::count(counts.recorded)));
        if self.counts_bytes {
            self.bar.set_position(position.bytes);
        } else {
            self.bar.tick();
        }
    }

    pub fn clear(&self) {
        self.bar.finish_and_clear();
    }
}
