//! Trying again: later each time, and not all at once.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

/// Pauses between tries: each twice as long as the one before, up to a bound, and each somewhere between half
/// of that and all of it, so that many who lost the same server do not come back together.
///
/// ```
/// use std::time::Duration;
/// use slipring_bridge::retry::Backoff;
///
/// let (least, most) = (Duration::from_millis(10), Duration::from_millis(100));
/// let mut backoff = Backoff::new(least, most);
/// for longest in [10, 20, 40, 80, 100, 100] {
///     let pause = backoff.pause().as_micros();
///     assert!(500 * longest <= pause && pause <= 1000 * longest);
/// }
/// assert_eq!(backoff.tries(), 6);
/// backoff.reset();
/// assert!(backoff.pause() <= least);
/// ```
#[derive(Clone, Debug)]
pub struct Backoff {
    least: Duration,
    most: Duration,
    tries: u32,
    random: u64,
}

impl Backoff {
    /// The first pause and the longest.
    pub fn new(least: Duration, most: Duration) -> Self {
        Backoff { least, most, tries: 0, random: RandomState::new().hash_one(0) | 1 }
    }

    /// How long to wait before the next try.
    pub fn pause(&mut self) -> Duration {
        let longest = self.least.saturating_mul(1 << self.tries.min(20)).min(self.most);
        self.tries = self.tries.saturating_add(1);
        let half = longest / 2;
        half + half.mul_f64(self.next_fraction())
    }

    /// How many pauses there were since all was well.
    pub fn tries(&self) -> u32 {
        self.tries
    }

    /// All is well.
    pub fn reset(&mut self) {
        self.tries = 0;
    }

    /// From 0 to 1, by xorshift.
    fn next_fraction(&mut self) -> f64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        (self.random >> 11) as f64 / (1_u64 << 53) as f64
    }
}
