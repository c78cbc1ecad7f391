//! How far a recording is, on a terminal.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use super::note::Counts;
use crate::formats::source::Position;
use crate::show;

/// A bar over the input's bytes, or a count where nobody knows how many there will be. It shows itself on the
/// standard error, and only if that is a terminal.
pub(super) struct Progress {
    bar: ProgressBar,
    started: Instant,
    bytes: Option<u64>,
    next: Instant,
}

/// No terminal is read faster.
const PAUSE: Duration = Duration::from_millis(100);

impl Progress {
    pub fn new(bytes: Option<u64>, by_record: bool) -> Self {
        let bytes = bytes.filter(|_| !by_record);
        let bar = bytes.map_or_else(ProgressBar::no_length, ProgressBar::new);
        // What is too wide for the terminal is cut.
        let style = ProgressStyle::with_template("{wide_msg}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        let started = Instant::now();
        Progress { bar, started, bytes, next: started }
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
        let share = match self.bytes {
            Some(bytes) => bar(position.bytes, bytes),
            None => String::new(),
        };
        self.bar.set_message(format!(
            "recording {share}{}{rejected} ({rate}){place}",
            show::count(counts.recorded)
        ));
        self.bar.tick();
    }

    pub fn clear(&self) {
        self.bar.finish_and_clear();
    }
}

/// ` 45% [====>     ] `
fn bar(done: u64, of: u64) -> String {
    const WIDTH: usize = 10;
    let share = u128::from(done.min(of)) * 100 / u128::from(of.max(1));
    let filled = share as usize * WIDTH / 100;
    let head = if filled < WIDTH { ">" } else { "" };
    format!("{share:>3}% [{:<WIDTH$}] ", format!("{:=<filled$}{head}", ""))
}
