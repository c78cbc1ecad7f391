//! How long ending an engine waits. The bounds are kept together because they depend on each other.
//!
//! A lane that ends may have a last snapshot to hand over. The lane then waits until the keeper is done with
//! the snapshot before. Whoever drops the engine gives lanes a grace. The grace does not run while a lane
//! waits for the keeper: that wait has its own bound, and the thread is not stuck.

use std::io::Write as _;
use std::time::{Duration, Instant};

/// How long dropping an engine, or a late consumer's handle, waits for the event in hand. An engine counts
/// from the last thing that moved.
pub(crate) const DROP: Duration = Duration::from_secs(5);

/// How long the end of an engine waits for acknowledgements behind the last that came, at most half of what
/// the end may take.
pub(crate) const ACKNOWLEDGED: Duration = DROP;

/// How long dropping an engine then waits for lanes that were told to end, of which some hang.
const SHORT: Duration = Duration::from_secs(1);

/// How long a stage that ends waits for the keeper to be done with the snapshot before, and how long the
/// keeper goes on at the end for records to become durable.
pub(crate) const LAST_SNAPSHOT: Duration = Duration::from_secs(10);

/// Says that a drop has given up. Not by `eprintln`, which panics where nobody listens any more.
pub(crate) fn left_behind(what: &str, name: &str) {
    let _ = writeln!(std::io::stderr(), "slipring: {what} {name} does not end; its thread is left behind");
}

/// The grace of a drop.
#[derive(Debug)]
pub(crate) struct Grace {
    ends: Instant,
    /// How long it goes on when something moves.
    length: Duration,
}

impl Grace {
    pub(crate) fn new(now: Instant) -> Self {
        Grace::of(now, DROP)
    }

    /// For what is to end at once.
    pub(crate) fn short(now: Instant) -> Self {
        Grace { ends: now + SHORT, length: DROP }
    }

    /// Lasts `length`, from now and again from each thing that moves.
    pub(crate) fn of(now: Instant, length: Duration) -> Self {
        Grace { ends: now + length, length }
    }

    /// Whether it is over by `now`. While things move, or a lane waits for the keeper, which has a bound of
    /// its own, it begins anew.
    pub(crate) fn is_over(&mut self, now: Instant, goes_on: bool) -> bool {
        if goes_on {
            self.ends = now + self.length;
        }
        now >= self.ends
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drop_outlasts_a_last_snapshot_that_may_still_take_time() {
        let start = Instant::now();
        let mut grace = Grace::new(start);
        let mut at = start;
        while at < start + LAST_SNAPSHOT {
            assert!(!grace.is_over(at, true), "given up after {:?}", at - start);
            at += Duration::from_millis(100);
        }
        // Then the handler's `save` and `shutdown` have what any event in hand has.
        assert!(!grace.is_over(at, false));
        assert!(grace.is_over(at + DROP, false));
    }

    #[test]
    fn a_drop_gives_up_on_a_handler_that_hangs() {
        let start = Instant::now();
        assert!(!Grace::new(start).is_over(start + DROP - Duration::from_nanos(1), false));
        assert!(Grace::new(start).is_over(start + DROP, false));
    }
}
