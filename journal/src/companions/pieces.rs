//! Work in pieces. A companion shares its core with a lane or a publisher that spins, and on a small machine
//! there is no other: whatever it holds the core for, events wait for. So it works a moment and rests, and
//! rests less the more somebody needs what it does.

use std::time::{Duration, Instant};

use crate::tools::PAGE_BYTES;

/// How long a piece may take, about.
const PIECE: Duration = Duration::from_micros(30);

/// Sizes of pieces of one kind of work, found by how long they take.
#[derive(Debug)]
pub(crate) struct Pieces {
    bytes: u64,
    least: u64,
    most: u64,
    /// How long the last one took.
    took: Duration,
}

impl Pieces {
    /// Pieces of `least` to `most` bytes, whole pages.
    pub(crate) const fn new(least: u64, most: u64) -> Self {
        Pieces { bytes: least, least, most, took: Duration::ZERO }
    }

    /// How large the next one is; as large as can be when there is no time to rest.
    fn bytes(&self, rest: Rest) -> u64 {
        if rest == Rest::None { self.most } else { self.bytes }
    }

    /// Does one, if there is anything to do, and learns from how long it takes.
    pub(crate) fn work<E>(
        &mut self,
        rest: Rest,
        work: impl FnOnce(u64) -> Result<bool, E>,
    ) -> Result<bool, E> {
        let begun = Instant::now();
        let worked = work(self.bytes(rest))?;
        if worked {
            self.learn(rest, begun.elapsed());
        }
        Ok(worked)
    }

    fn learn(&mut self, rest: Rest, took: Duration) {
        self.took = took;
        if rest == Rest::None {
            return;
        }
        // Slowly up and quickly down: one that took long may have lost its core meanwhile.
        if took > PIECE {
            self.bytes = (self.bytes / 2).max(self.least);
        } else if took < PIECE / 2 {
            self.bytes = (self.bytes + self.bytes / 4).next_multiple_of(PAGE_BYTES).min(self.most);
        }
    }

    /// How long to leave the core to others behind the last one.
    pub(crate) fn rest(&self, rest: Rest) -> Duration {
        // One that lost its core does not owe that time.
        self.took.min(2 * PIECE) * rest.times()
    }
}

/// How long a companion rests behind a piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rest {
    /// Not at all: somebody may be about to wait for it.
    None,
    Short,
    Medium,
    Long,
}

impl Rest {
    /// By how many of `all` are in store.
    pub(crate) fn of(stored: u64, all: u64) -> Self {
        match stored.saturating_mul(8) / all.max(1) {
            0 => Rest::None,
            1..=3 => Rest::Short,
            4 | 5 => Rest::Medium,
            _ => Rest::Long,
        }
    }

    /// As many times as long as the piece took.
    fn times(self) -> u32 {
        match self {
            Rest::None => 0,
            Rest::Short => 1,
            Rest::Medium => 7,
            Rest::Long => 31,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_become_as_large_as_fits_the_time() {
        let mut pieces = Pieces::new(64 << 10, 4 << 20);
        for _ in 0..100 {
            // A page in a microsecond.
            let took = Duration::from_micros(pieces.bytes(Rest::Long) / PAGE_BYTES);
            pieces.learn(Rest::Long, took);
        }
        let pages = pieces.bytes(Rest::Long) / PAGE_BYTES;
        assert!((15..=30).contains(&pages), "{pages}");
        // Ten times as slow: smaller at once, but never below the least.
        (0..3).for_each(|_| pieces.learn(Rest::Long, Duration::from_millis(1)));
        assert_eq!(pieces.bytes(Rest::Long), 64 << 10);
    }

    #[test]
    fn who_has_no_time_to_rest_does_as_much_as_can_be() {
        let mut pieces = Pieces::new(64 << 10, 4 << 20);
        assert_eq!(pieces.bytes(Rest::None), 4 << 20);
        assert_eq!(pieces.bytes(Rest::Long), 64 << 10);
        // Nothing to do teaches nothing.
        (0..100).for_each(|_| assert_eq!(pieces.work(Rest::Long, |_| Ok::<_, ()>(false)), Ok(false)));
        assert_eq!(pieces.work(Rest::Long, Err::<bool, _>), Err(64 << 10));
        assert_eq!(pieces.rest(Rest::None), Duration::ZERO);
    }

    #[test]
    fn it_rests_the_less_the_less_is_in_store() {
        let of = |eighths: u64| Rest::of(eighths * 100, 800);
        assert_eq!([of(0), of(1), of(2), of(4), of(6), of(8), of(9)], {
            [Rest::None, Rest::Short, Rest::Short, Rest::Medium, Rest::Long, Rest::Long, Rest::Long]
        });
        let mut pieces = Pieces::new(PAGE_BYTES, PAGE_BYTES);
        pieces.learn(Rest::Long, Duration::from_micros(10));
        assert_eq!(pieces.rest(Rest::Short), Duration::from_micros(10));
        assert_eq!(pieces.rest(Rest::Long), Duration::from_micros(310));
        // Without its core for a second: that is not its doing.
        pieces.learn(Rest::Long, Duration::from_secs(1));
        assert!(pieces.rest(Rest::Long) < Duration::from_millis(3));
    }
}
