//! What becomes of an event whose try has failed: it is tried again on the lane, or becomes a dead letter,
//! for good or until it is due again.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::again::PublishedAgain;
use super::dead_letter_format::Tries;
use super::dead_letter_log::DeadLetterLog;
use super::dead_letters::OnError;
use crate::clock::{Clock, SystemClock};
use crate::lines::format::BatchLine;
use crate::lines::told::Told;

/// What comes behind a try that has failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AfterRefusal {
    /// Another try, the pause before it over.
    Again,
    /// Nothing: the event is a dead letter.
    DeadLetter,
}

/// What a stage needs to know of its engine to deal with what its handler refuses.
pub(crate) struct RefusalWiring {
    pub(crate) again: Arc<PublishedAgain>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) figures: Told<BatchLine>,
}

/// What a stage does with what its handler refuses.
pub(super) struct Refusals {
    on_error: OnError,
    wiring: Option<RefusalWiring>,
    /// The event that the lane last waited for, and how long in this life.
    waited_for: u64,
    waited_ns: u64,
}

/// What is to be done behind a try that has failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Try again behind a pause.
    Try { pause_ns: u64 },
    /// It is a dead letter.
    Letter(Tries),
}

impl Refusals {
    pub(super) fn new(on_error: OnError) -> Self {
        Refusals { on_error, wiring: None, waited_for: u64::MAX, waited_ns: 0 }
    }

    pub(super) fn wire(&mut self, wiring: RefusalWiring) {
        self.wiring = Some(wiring);
    }

    /// What comes behind so many tries of an event in the ring.
    pub(super) fn next(&mut self, log: &DeadLetterLog, sequence: u64, attempt: u32) -> Next {
        let in_this_life = self.wiring.as_ref().map_or(0, |wiring| wiring.again.tries_before(sequence));
        let made = log.tries_before(sequence).max(in_this_life).saturating_add(attempt);
        let back_off = match self.on_error {
            OnError::Retry { times, back_off } if made <= times => back_off,
            _ => return Next::Letter(Tries { made, due_ns: None }),
        };
        if self.waited_for != sequence {
            (self.waited_for, self.waited_ns) = (sequence, 0);
        }
        match back_off.inline_ns(made, self.waited_ns) {
            Some(pause_ns) => Next::Try { pause_ns },
            None => {
                let now_ns =
                    self.wiring.as_ref().map_or_else(|| SystemClock.now_ns(), |to| to.clock.now_ns());
                let due_ns = now_ns.saturating_add(back_off.pause_ns(made)).max(1);
                Next::Letter(Tries { made, due_ns: Some(due_ns) })
            }
        }
    }

    /// Waits on the lane before the next try.
    pub(super) fn wait(&mut self, pause_ns: u64) {
        self.waited_ns += pause_ns;
        self.count(|line| &line.retries, 1);
        self.count(|line| &line.retry_wait_ns, pause_ns);
        if pause_ns > 0 {
            std::thread::sleep(Duration::from_nanos(pause_ns));
        }
    }

    /// Counts a dead letter.
    pub(super) fn count_letter(&self, tries: Tries) {
        self.count(|line| &line.dead_letters, 1);
        if tries.due_ns.is_some() {
            self.count(|line| &line.set_aside, 1);
        }
    }

    fn count(&self, of: impl Fn(&BatchLine) -> &AtomicU64, by: u64) {
        if let Some(wiring) = &self.wiring {
            // Relaxed: figures, of one writer.
            wiring.figures.each(|line| of(line).fetch_add(by, Ordering::Relaxed));
        }
    }
}
