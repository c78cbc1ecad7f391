//! The engine of the demo: one lane that runs the journal and then the book, which sees only what is
//! journalled.
//!
//! ```text
//!   publisher (main thread) --> ring --> | journal --> book |   one lane: two cores are enough
//! ```

use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use slipring::{Context, DiskFull, Engine, EngineBuilder, Gate, Handler, HandlerError, Journal, Lane};

use super::protocol::Latency;
use crate::book::RebuiltBook;
use crate::flow::message::OrderMessage;

/// The book's stage.
pub(super) const BOOK: &str = "book";

/// W, four times the default: on a slow disk the window would bound the rate, and recovery has little to
/// scan.
const WINDOW_RECORDS: u64 = 1 << 18;

/// Longer than any stall of a disk: on a rented machine it may stand still for a minute when its allowance is
/// used up, and that is no failure.
pub(super) const PATIENCE: Duration = Duration::from_secs(600);

/// A schedule: the message with sequence `from` is due at the start, each later one `interval_ns` after the
/// one before it.
#[derive(Debug)]
pub(super) struct Pace {
    pub(super) from: u64,
    pub(super) interval_ns: u64,
    /// Set by the publisher before it publishes `from`.
    pub(super) start: OnceLock<Instant>,
}

impl Pace {
    /// Nanoseconds from the start to when `sequence` is due.
    #[inline]
    pub(super) fn due_ns(&self, sequence: u64) -> u64 {
        (sequence - self.from) * self.interval_ns
    }
}

/// Keeps the book, tells its digest when the engine goes live, and measures paced messages.
pub(super) struct BookStage {
    pub(super) book: RebuiltBook,
    pace: Option<Arc<Pace>>,
    histogram: Histogram<u64>,
    at_live: Sender<u64>,
}

impl BookStage {
    /// The stage, and where the digest comes out once everything journalled has been replayed.
    pub(super) fn new(pace: Option<Arc<Pace>>) -> (Self, Receiver<u64>) {
        let (at_live, digest) = channel();
        let histogram = Histogram::new_with_bounds(1, 60_000_000_000, 3).expect("bounds that make sense");
        (BookStage { book: RebuiltBook::new(), pace, histogram, at_live }, digest)
    }

    /// The percentiles of what was measured.
    pub(super) fn latency(&self) -> Option<Latency> {
        let pace = self.pace.as_ref().filter(|_| !self.histogram.is_empty())?;
        let quantiles =
            [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p99.9", 0.999), ("p99.99", 0.9999), ("max", 1.0)];
        let value =
            |(name, quantile): (&str, f64)| (name.to_owned(), self.histogram.value_at_quantile(quantile));
        Some(Latency {
            count: self.histogram.len(),
            per_second: 1_000_000_000 / pace.interval_ns,
            percentiles: quantiles.map(value).into(),
        })
    }
}

impl Handler<OrderMessage> for BookStage {
    #[inline]
    fn event(&mut self, message: &OrderMessage, context: &Context) -> Result<(), HandlerError> {
        self.book.apply(message);
        if let Some(pace) = &self.pace
            && context.sequence() >= pace.from
            && let Some(start) = pace.start.get()
        {
            let taken_ns = start.elapsed().as_nanos() as u64;
            self.histogram.saturating_record(taken_ns.saturating_sub(pace.due_ns(context.sequence())).max(1));
        }
        Ok(())
    }

    fn live(&mut self, _sequence: u64) {
        // Nobody need listen.
        let _ = self.at_live.send(self.book.digest());
    }
}

/// The engine over the journal in `folder`.
pub(super) fn engine(folder: &Path, segment_records: u64, stage: BookStage) -> EngineBuilder<OrderMessage> {
    let journal = Journal::at(folder)
        .segment_records(segment_records)
        .window_records(WINDOW_RECORDS)
        // Nobody would see what it waits for.
        .disk_full(DiskFull::Halt);
    Engine::builder()
        .ring_capacity(1 << 14)
        .wait_timeout(PATIENCE)
        .journal(journal)
        .lane(Lane::named("journal+book").journal().stage(BOOK, stage, Gate::JOURNALLED))
}
