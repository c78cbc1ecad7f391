//! Which times are taken. The running maximum of the times is what handlers see and the journal keeps, so one
//! that lies far ahead would hold all later ones there. It is refused here, at the call: behind it nobody
//! could give the event back.

use std::sync::atomic::Ordering;

use slipring_journal::Event;

use super::publisher::Publisher;
use crate::clock::{Clock, SystemClock};
use crate::error::PublishError;
use crate::lines::format::BatchLine;
use crate::lines::memory::LineRef;

/// What time the engine has come to, and how far ahead of it a time may lie.
pub(crate) struct TimeBounds {
    stages: Vec<LineRef<BatchLine>>,
    max_step_ns: u64,
}

impl TimeBounds {
    pub(crate) fn new(stages: Vec<LineRef<BatchLine>>, max_step_ns: u64) -> Self {
        TimeBounds { stages, max_step_ns }
    }

    /// The latest time that any stage, the journal's too, has come to; it trails by a batch.
    pub(crate) fn engine_ns(&self) -> u64 {
        // Relaxed: a figure, and one that only rises.
        self.stages.iter().map(|line| line.time_ns.load(Ordering::Relaxed)).max().unwrap_or(0)
    }
}

impl<E: Event> Publisher<E> {
    /// Whether a time beyond the bound may be taken: raises the bound, or says why not.
    #[cold]
    #[inline(never)]
    pub(super) fn check_time(&mut self, time_ns: u64) -> Result<(), PublishError<()>> {
        self.check()?;
        self.raise_bound();
        if time_ns <= self.bound_ns { Ok(()) } else { Err(self.too_far(time_ns, self.bound_ns)) }
    }

    /// The same for events that all get one time, before any of them is published.
    #[inline]
    pub(super) fn check_time_of_all(&mut self, time_ns: u64) -> Result<(), PublishError<usize>> {
        if time_ns > self.bound_ns {
            self.check_time(time_ns).map_err(|error| error.map(|()| 0))?;
        }
        Ok(())
    }

    /// The same for events with times of their own; the latest of them.
    #[inline]
    pub(super) fn check_times(&mut self, events: &[(u64, E)]) -> Result<u64, PublishError<usize>> {
        let latest_ns = events.iter().map(|(time_ns, _)| *time_ns).max().unwrap_or(0);
        if latest_ns > self.bound_ns {
            self.check_each(events).map_err(|error| error.map(|()| 0))?;
        }
        Ok(latest_ns)
    }

    /// Each may lie a step past the one before.
    #[cold]
    fn check_each(&mut self, events: &[(u64, E)]) -> Result<(), PublishError<()>> {
        self.check()?;
        self.raise_bound();
        let (mut bound_ns, step) = (self.bound_ns, self.outlet.times.max_step_ns);
        for (time_ns, _) in events {
            if *time_ns > bound_ns {
                return Err(self.too_far(*time_ns, bound_ns));
            }
            bound_ns = bound_ns.max(time_ns.saturating_add(step));
        }
        Ok(())
    }

    /// The bound as it is now. Both clocks count: the engine's may be behind the times of a feed, or ahead of
    /// the system's.
    fn raise_bound(&mut self) {
        let times = &self.outlet.times;
        self.last_ns = self.last_ns.max(self.producer.last_time_ns());
        let last_ns = self.last_ns.max(times.engine_ns());
        let clock_ns = self.now_ns().max(SystemClock.now_ns());
        self.bound_ns = last_ns.max(clock_ns).saturating_add(times.max_step_ns);
    }

    fn too_far(&self, time_ns: u64, bound_ns: u64) -> PublishError<()> {
        PublishError::TimeTooFar { event: (), time_ns, bound_ns, max_step_ns: self.outlet.times.max_step_ns }
    }

    /// The time that the engine's stages have come to; it trails by a batch.
    pub(crate) fn engine_ns(&self) -> u64 {
        self.outlet.times.engine_ns()
    }
}
