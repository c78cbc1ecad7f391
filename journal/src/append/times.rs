//! Which times an append takes.

use crate::error::AppendError;
use crate::tools::clock;

/// How far ahead a time may lie, and how many lay behind.
#[derive(Debug)]
pub(crate) struct AppendTimes {
    /// Largest time that is taken without another look at the last record's, and then at the clock.
    pub(super) limit_ns: u64,
    max_step_ns: u64,
    pub(super) any_record: bool,
    /// How many came before the last record's.
    pub(super) regressions: u64,
}

impl AppendTimes {
    /// Behind a record of the time `last_ns`, if there is one.
    pub(crate) fn new(last_ns: Option<u64>, max_step_ns: u64) -> Self {
        let limit_ns = last_ns.map_or(0, |last_ns| last_ns.saturating_add(max_step_ns));
        AppendTimes { limit_ns, max_step_ns, any_record: last_ns.is_some(), regressions: 0 }
    }

    /// Takes every time from here on.
    pub(super) fn trust(&mut self) {
        (self.max_step_ns, self.limit_ns) = (u64::MAX, u64::MAX);
    }

    /// A time ahead of the last record by more than the step is taken if the clock bears it out: after a
    /// week-end the first event is days past the last. See docs/reference/guarantees.md.
    ///
    /// The limit is raised only here, when it is reached, so that the hot path need not move it.
    pub(super) fn check(&mut self, time_ns: u64, last_ns: u64) -> Result<(), AppendError> {
        let max_step_ns = self.max_step_ns;
        let limit_ns = last_ns.saturating_add(max_step_ns);
        if self.any_record && time_ns <= limit_ns {
            self.limit_ns = limit_ns;
            return Ok(());
        }
        let bound = last_ns.max(clock::now_ns()).saturating_add(max_step_ns);
        if time_ns <= bound {
            self.limit_ns = self.limit_ns.max(time_ns);
            return Ok(());
        }
        Err(AppendError::TimeTooFar { time_ns, last_ns, max_step_ns })
    }
}
