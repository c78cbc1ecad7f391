//! When each event is due: fixed before the run, so that a stall delays what was due meanwhile and is counted
//! for all that it delays. That is what corrects coordinated omission.

use crate::clock::Ticks;

/// Events at a rate, one by one or several at once.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Schedule {
    /// Events a second, on average.
    pub rate: f64,
    /// Events due at the same moment.
    pub burst: u64,
}

impl Schedule {
    pub fn fixed(rate: f64) -> Self {
        Schedule { rate, burst: 1 }
    }

    /// Events due in `seconds`, whole bursts.
    pub fn count(self, seconds: f64) -> u64 {
        let count = (self.rate * seconds) as u64;
        count.div_ceil(self.burst) * self.burst
    }

    /// The schedule in ticks.
    pub fn timed(self, ticks: Ticks) -> Timed {
        Timed { period: ticks.of_ns(1e15 / self.rate) as f64 / 1e6, burst: self.burst }
    }
}

/// A schedule in ticks from its start.
#[derive(Clone, Copy, Debug)]
pub struct Timed {
    period: f64,
    burst: u64,
}

impl Timed {
    /// When event `number` is due.
    #[inline(always)]
    pub fn due(self, number: u64) -> u64 {
        // A burst of one, the common case, needs no division.
        let first = if self.burst == 1 { number } else { number - number % self.burst };
        (first as f64 * self.period) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fixed_rate_is_even() {
        let timed = Timed { period: 2_600.0, burst: 1 };
        assert_eq!([timed.due(0), timed.due(1), timed.due(1_000_000)], [0, 2_600, 2_600_000_000]);
    }

    #[test]
    fn a_burst_is_due_at_once_and_keeps_the_rate() {
        let timed = Timed { period: 100.0, burst: 64 };
        assert_eq!(timed.due(63), 0);
        assert_eq!(timed.due(64), 6_400);
        assert_eq!(timed.due(127), 6_400);
        assert_eq!(Schedule { rate: 1000.0, burst: 64 }.count(1.0), 1024);
    }

    #[test]
    fn a_schedule_in_ticks_lasts_as_long_as_it_says() {
        let ticks = Ticks::get();
        for rate in [10_000.0, 1e6, 20e6] {
            let timed = Schedule::fixed(rate).timed(ticks);
            let second = ticks.ns(0, timed.due(rate as u64)) as f64;
            assert!((second / 1e9 - 1.0).abs() < 1e-3, "{rate}: {second}");
        }
    }
}
