//! What parent and child say to each other: orders go down as one argument, reports come up as lines of JSON.

use std::io::{self, Write};

use serde::{Deserialize, Serialize};

/// What a child is to do. It always opens the journal, replays all of it, and publishes the input from there
/// on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Orders {
    /// `--input`, as text.
    pub(super) input: String,
    pub(super) seed: u64,
    pub(super) segment_records: u64,
    /// Where it waits for its death; it runs to the end without.
    pub(super) stop: Option<Stop>,
    /// From this sequence on it publishes at a steady pace and measures.
    pub(super) paced_from: Option<u64>,
}

/// Where a child waits for its death.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Stop {
    /// Says that `at` messages are journalled and publishes on, to `hold` at most.
    Live { at: u64, hold: u64 },
    /// The same where `at` fills a segment, so that the next record goes into a new one.
    Roll { at: u64, hold: u64 },
    /// Says that it begins to recover; if it gets through, it does nothing more.
    Recovery,
    /// Stops when `at` records have been published again.
    Replay { at: u64 },
}

/// What a child reports.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Said {
    /// It is about to open the journal.
    Recovering,
    /// The journal is open.
    Recovered { end: u64, text: String, report: serde_json::Value },
    /// It has stopped in the middle of replay.
    Replaying { done: u64, total: u64 },
    /// The book stands where the journal ends.
    Replayed { events: u64, elapsed_ns: u64, digest: u64 },
    /// So many messages are journalled, for certain.
    Journalled { end: u64 },
    /// A segment is full, and it publishes on.
    Rolling { end: u64 },
    /// All is published, applied and durable.
    Done(Done),
}

/// A child's last word.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Done {
    pub(super) end: u64,
    pub(super) durable_end: u64,
    pub(super) digest: u64,
    /// Messages published as fast as possible, and how long it took until the book had them.
    pub(super) fast: u64,
    pub(super) fast_ns: u64,
    pub(super) latency: Option<Latency>,
}

/// How long messages took from when they were due to when the book had them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Latency {
    pub(super) count: u64,
    pub(super) per_second: u64,
    /// Name and nanoseconds.
    pub(super) percentiles: Vec<(String, u64)>,
}

/// Sends one report up.
pub(super) fn say(out: &mut dyn Write, said: &Said) -> io::Result<()> {
    let line = serde_json::to_string(said)?;
    writeln!(out, "{line}")?;
    out.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_and_reports_survive_the_pipe() {
        let orders = Orders {
            input: "synthetic:1000".into(),
            seed: u64::MAX,
            segment_records: 64,
            stop: Some(Stop::Roll { at: 128, hold: 130 }),
            paced_from: None,
        };
        let text = serde_json::to_string(&orders).unwrap();
        assert_eq!(serde_json::from_str::<Orders>(&text).unwrap(), orders);
        let said = Said::Replayed { events: 1, elapsed_ns: 2, digest: u64::MAX - 1 };
        let mut line = Vec::new();
        say(&mut line, &said).unwrap();
        assert_eq!(line.iter().filter(|byte| **byte == b'\n').count(), 1);
        assert_eq!(serde_json::from_slice::<Said>(&line).unwrap(), said);
    }
}
