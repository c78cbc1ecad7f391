//! Where the time of an event comes from when its publisher does not say.

use std::time::{SystemTime, UNIX_EPOCH};

/// Gives the time of an event, nanoseconds since 1970. Called once a publish, or once a batch.
///
/// A clock that panics halts the engine.
///
/// Handlers never see a clock, only event time. So a clock may be anything: the system's, a counter, a
/// feed's.
///
/// ```
/// # use slipring::{Clock, Engine, Event, SystemClock};
/// # #[derive(Clone, Copy, Debug, Event)] #[repr(C)] struct Tick { price: u64 }
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicU64, Ordering};
///
/// // A test sets the time.
/// let now_ns = Arc::new(AtomicU64::new(1_700_000_000_000_000_000));
/// let clock = Arc::clone(&now_ns);
/// let builder = Engine::<Tick>::builder().clock(move || clock.load(Ordering::Relaxed));
/// // If none is set, it is the system's.
/// assert!(SystemClock.now_ns() > 0);
/// ```
pub trait Clock: Send + Sync + 'static {
    /// The time now.
    fn now_ns(&self) -> u64;
}

/// The system's real-time clock.
///
/// See the example of [`Clock`].
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
