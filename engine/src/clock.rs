//! Where the time of an event comes from when its publisher does not say.

use std::time::{SystemTime, UNIX_EPOCH};

/// Gives the time of an event, nanoseconds since 1970. Called once a publish, or once a batch.
///
/// One that panics halts the engine.
///
/// Handlers never see a clock, only event time; so a clock may be anything: the system's, a counter, a
/// feed's.
pub trait Clock: Send + Sync + 'static {
    /// The time now.
    fn now_ns(&self) -> u64;
}

/// The system's real-time clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[inline]
    fn now_ns(&self) -> u64 {
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos() as u64)
    }
}

impl<F: Fn() -> u64 + Send + Sync + 'static> Clock for F {
    fn now_ns(&self) -> u64 {
        self()
    }
}
