//! The clock as deadlines see it: one that is set back goes on from where it was.
//!
//! The engine's time does not go back with its clock: events get the time of the latest one until the clock
//! has caught up, an hour later maybe, and what a handler schedules counts from that time. So each deadline
//! is told apart from the clock: it comes as much later as its time lies behind the engine's.

use std::time::{Duration, Instant};

/// What a clock may gain on the monotonic one between two looks that is not taken for being set: the time
/// between reading the one and the other.
const SLACK: Duration = Duration::from_millis(100);

/// A clock that does not go back.
#[derive(Debug, Default)]
pub(super) struct Steady {
    last: Option<(u64, Instant)>,
    /// How far the clock was set back, and has not been set ahead since.
    behind_ns: u64,
}

impl Steady {
    /// The steady time, when the clock says `now_ns`, at the monotonic time `at`.
    pub(super) fn read(&mut self, now_ns: u64, at: Instant) -> u64 {
        if let Some((last_ns, last_at)) = self.last.replace((now_ns, at)) {
            let limit = at.saturating_duration_since(last_at) + SLACK;
            let gained = now_ns.saturating_sub(last_ns);
            let leap = gained.saturating_sub(u64::try_from(limit.as_nanos()).unwrap_or(u64::MAX));
            self.behind_ns = self.behind_ns.saturating_add(last_ns.saturating_sub(now_ns));
            // Set ahead again, as far as it had been set back: no deadline is nearer for that.
            self.behind_ns -= self.behind_ns.min(leap);
        }
        now_ns.saturating_add(self.behind_ns)
    }
}

/// By how much deadlines come before the times that they are of, in steady time; less than zero if later.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Shift(i128);

impl Shift {
    /// Of what is scheduled when the engine has come to `engine_ns`, the clock says `now_ns` and the steady
    /// one `steady_ns`.
    pub(super) fn now(engine_ns: u64, now_ns: u64, steady_ns: u64) -> Self {
        Shift(i128::from(engine_ns.max(now_ns)) - i128::from(steady_ns))
    }

    /// The deadline of a time.
    pub(super) fn deadline(self, at_ns: u64) -> u64 {
        (i128::from(at_ns) - self.0).clamp(0, i128::from(u64::MAX)) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_set_back_goes_on_and_one_set_right_again_does_not_leap() {
        let (mut steady, start) = (Steady::default(), Instant::now());
        let after = |ms| start + Duration::from_millis(ms);
        const MS: u64 = 1_000_000;
        const HOUR: u64 = 3_600_000 * MS;
        assert_eq!(steady.read(2 * HOUR, start), 2 * HOUR);
        assert_eq!(steady.read(2 * HOUR + 5 * MS, after(5)), 2 * HOUR + 5 * MS);
        assert_eq!(steady.read(HOUR + 5 * MS, after(6)), 2 * HOUR + 5 * MS);
        assert_eq!(steady.read(HOUR + 15 * MS, after(16)), 2 * HOUR + 15 * MS);
        // Set right again.
        let right = steady.read(2 * HOUR + 30 * MS, after(31));
        assert!((2 * HOUR + 15 * MS..2 * HOUR + 200 * MS).contains(&right), "{right}");
        // Set ahead without having been set back: it is that time now.
        let mut steady = Steady::default();
        steady.read(HOUR, start);
        assert_eq!(steady.read(3 * HOUR, after(1)), 3 * HOUR);
        assert_eq!(steady.read(u64::MAX, after(2)), u64::MAX);
        assert_eq!(steady.read(0, after(3)), u64::MAX);
    }

    #[test]
    fn a_deadline_counts_from_the_engine_s_time() {
        // The clock leads: a deadline is its time.
        assert_eq!(Shift::now(90, 100, 100).deadline(150), 150);
        // The clock was set back by 60: what is 50 behind the engine's time comes 50 later.
        assert_eq!(Shift::now(100, 40, 100).deadline(150), 150);
        assert_eq!(Shift::now(100, 60, 120).deadline(150), 170);
        // In the life after that nothing is known but that the engine's time is ahead.
        assert_eq!(Shift::now(100, 40, 40).deadline(150), 90);
        assert_eq!(Shift::now(u64::MAX, 0, 0).deadline(5), 0);
        assert_eq!(Shift::now(0, 0, u64::MAX).deadline(5), u64::MAX);
    }
}
