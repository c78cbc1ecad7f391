//! How long a thread that follows the writer sleeps between two looks. Each look takes a core for a moment,
//! on a small machine the lane's or the publisher's: looking too often costs both much of their throughput.

use std::time::{Duration, Instant};

/// How fast a writer may be that was slow until now: nobody sleeps longer than what is left would last it.
const RECORDS_A_SECOND: f64 = 50e6;

/// How long so many records last a writer, however fast it becomes.
pub(crate) fn shortest(records: u64) -> Duration {
    Duration::from_secs_f64(records as f64 / RECORDS_A_SECOND)
}

/// The writer's pace, as seen from look to look.
#[derive(Debug)]
pub(crate) struct WriterPace {
    /// Sleeps beside a writer that appends.
    shortest: Duration,
    longest: Duration,
    /// The longest beside one that appends nothing: a burst may begin right behind the look.
    idle: Duration,
    seen: u64,
    at: Instant,
    sleep: Duration,
}

impl WriterPace {
    /// Beside a writer at `end` that appends, sleeps take from `shortest` to `longest`.
    pub(crate) fn new(end: u64, (shortest, longest): (Duration, Duration), idle: Duration) -> Self {
        WriterPace { shortest, longest, idle, seen: end, at: Instant::now(), sleep: shortest }
    }

    /// How long to sleep, with the writer at `end`: nothing is to be done before it has appended `left` more.
    /// At the pace since the last look half of them come meanwhile, so that one that quickens is met in time.
    pub(crate) fn sleep(&mut self, end: u64, left: u64) -> Duration {
        self.sleep_after(self.at.elapsed(), end, left)
    }

    fn sleep_after(&mut self, elapsed: Duration, end: u64, left: u64) -> Duration {
        let moved = end.saturating_sub(self.seen);
        self.sleep = if moved == 0 {
            (self.sleep * 2).min(self.idle)
        } else {
            let half = elapsed.as_secs_f64() / moved as f64 * (left / 2) as f64;
            let most = shortest(left).min(self.longest);
            Duration::from_secs_f64(half.min(most.as_secs_f64())).max(self.shortest)
        };
        (self.seen, self.at) = (end, Instant::now());
        self.sleep
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_sleeps_longer_the_longer_nothing_is_to_be_done() {
        let ms = Duration::from_millis;
        let mut pace = WriterPace::new(100, (ms(1), ms(4)), ms(8));
        // A hundred thousand records in a millisecond: half of those that are left take so long.
        assert_eq!(pace.sleep_after(ms(1), 100_100, 600_000), ms(3));
        assert_eq!(pace.sleep_after(ms(1), 200_100, 500_000), Duration::from_micros(2_500));
        assert_eq!(pace.sleep_after(ms(1), 300_100, 0), ms(1));
        assert_eq!(pace.sleep_after(ms(1), 400_100, u64::MAX), ms(4));
        // However slow the writer was: it may be done with these in two milliseconds.
        assert_eq!(pace.sleep_after(ms(1), 400_101, 100_000), ms(2));
        // Nothing is appended: ever longer, and no longer than that.
        let idle: Vec<_> = (0..3).map(|_| pace.sleep_after(ms(4), 400_101, 0)).collect();
        assert_eq!(idle, [ms(4), ms(8), ms(8)]);
        assert_eq!(pace.sleep_after(ms(8), 400_102, 0), ms(1));
    }
}
