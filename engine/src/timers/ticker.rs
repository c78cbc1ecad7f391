//! A tick every so often, on a grid that does not drift.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use slipring_journal::Event;

use super::TimerError;
use crate::error::PublishError;
use crate::own_thread::OwnThread;
use crate::panics;
use crate::publish::publisher::Publisher;

/// The longest sleep: a clock that steps, and an engine that is shut down, are noticed after it.
const LOOK: Duration = Duration::from_millis(20);
/// How long a publish on a full ring waits before it looks whether it should stop.
const PATIENCE: Duration = Duration::from_millis(20);

#[derive(Debug, Default)]
struct TickerShared {
    stop: AtomicBool,
    ticks: AtomicU64,
    missed: AtomicU64,
    failure: OnceLock<TimerError>,
}

/// Publishes an event at every multiple of an interval, by the engine's clock, until it is stopped or
/// dropped, or the engine is shut down.
///
/// The times are those of the grid since 1970, whatever each tick took: they do not drift, and a restart goes
/// on with the same. A tick whose time has passed before the one before it was published (the process was
/// stopped, the ring full, the clock set ahead) is left out and counted, never made up for in a burst. A
/// clock that is set back makes the grid go on from there; the journal's time does not go back with it.
///
/// ```
/// use std::time::Duration;
/// use slipring::{Context, Engine, Event, Gate, Lane, Publishers, Ticker};
///
/// #[derive(Clone, Copy, Debug, Event)]
/// #[repr(C)]
/// struct Tick { time_ns: u64 }
///
/// let check = |tick: &Tick, _: &Context| assert_eq!(tick.time_ns % 1_000_000, 0);
/// let lane = Lane::named("main").stage("check", check, Gate::PUBLISHED);
/// let (engine, publisher) = Engine::builder().publishers(Publishers::Multi).lane(lane).open()?.go_live()?;
/// let ticks = publisher.try_clone().expect("several publishers");
/// let ticker = Ticker::start(ticks, Duration::from_millis(1), |time_ns| Tick { time_ns })?;
/// while ticker.ticks() < 3 {
///     std::thread::yield_now();
/// }
/// ticker.stop()?;
/// engine.join()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Ticker {
    shared: Arc<TickerShared>,
    thread: OwnThread<()>,
}

impl Ticker {
    /// Starts it. `event` makes each tick's event of its time on the grid, nanoseconds since 1970.
    ///
    /// # Errors
    /// [`TimerError::NoInterval`], [`TimerError::Thread`].
    pub fn start<E: Event>(
        publisher: Publisher<E>,
        every: Duration,
        event: impl FnMut(u64) -> E + Send + 'static,
    ) -> Result<Self, TimerError> {
        // An interval of centuries never comes: its first tick lies where u64 ends.
        let every_ns = u64::try_from(every.as_nanos()).unwrap_or(u64::MAX);
        if every_ns == 0 {
            return Err(TimerError::NoInterval);
        }
        let shared = Arc::<TickerShared>::default();
        let by_thread = Arc::clone(&shared);
        let spawned = std::thread::Builder::new().name("slipring-ticker".to_owned()).spawn(move || {
            // An event is made before anything is claimed, so a panic leaves no hole.
            let run = catch_unwind(AssertUnwindSafe(|| run(&by_thread, publisher, every_ns, event)));
            if let Err(panic) = run {
                let _ = by_thread.failure.set(TimerError::Panicked(panics::text(panic)));
            }
        });
        let thread = spawned.map_err(|error| TimerError::Thread(Arc::new(error)))?;
        Ok(Ticker { shared, thread: OwnThread::new(thread) })
    }

    /// How many ticks have been published.
    pub fn ticks(&self) -> u64 {
        // Relaxed: a figure.
        self.shared.ticks.load(Ordering::Relaxed)
    }

    /// How many were left out because their time had passed.
    pub fn missed(&self) -> u64 {
        // Relaxed: a figure.
        self.shared.missed.load(Ordering::Relaxed)
    }

    /// Whether it still ticks.
    pub fn is_running(&self) -> bool {
        self.thread.is_running()
    }

    /// Stops it: no tick comes after this returns.
    ///
    /// # Errors
    /// Why it had stopped before, if not for the engine's shutdown.
    pub fn stop(mut self) -> Result<(), TimerError> {
        self.end();
        self.shared.failure.get().cloned().map_or(Ok(()), Err)
    }

    fn end(&mut self) {
        // Relaxed: it only says stop; the thread is joined.
        self.shared.stop.store(true, Ordering::Relaxed);
        self.thread.unpark();
        let _ = self.thread.join();
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.end();
    }
}

/// The first time of the grid behind `now_ns`.
fn next_after(now_ns: u64, every_ns: u64) -> u64 {
    (now_ns - now_ns % every_ns).saturating_add(every_ns)
}

fn run<E: Event>(
    shared: &TickerShared,
    mut publisher: Publisher<E>,
    every_ns: u64,
    mut event: impl FnMut(u64) -> E,
) {
    let stopped = || shared.stop.load(Ordering::Relaxed);
    let mut next_ns = next_after(publisher.now_ns(), every_ns);
    while !stopped() {
        if !publisher.is_open() {
            if let Some(halted) = publisher.halted() {
                let _ = shared.failure.set(TimerError::Halted(halted));
            }
            return;
        }
        let now_ns = publisher.now_ns();
        if now_ns < next_ns {
            let left_ns = next_ns - now_ns;
            if left_ns > every_ns {
                // The clock was set back.
                next_ns = next_after(now_ns, every_ns);
                continue;
            }
            std::thread::park_timeout(LOOK.min(Duration::from_nanos(left_ns)));
            continue;
        }
        // Of several that have passed, the last.
        let passed = (now_ns - next_ns) / every_ns;
        next_ns += passed * every_ns;
        // Relaxed: a figure.
        shared.missed.fetch_add(passed, Ordering::Relaxed);
        let mut made = event(next_ns);
        while !stopped() {
            match publisher.publish_timeout(publisher.now_ns(), made, PATIENCE) {
                Ok(_) => {
                    // Relaxed: a figure.
                    shared.ticks.fetch_add(1, Ordering::Relaxed);
                    break;
                }
                Err(PublishError::TimedOut(again)) => made = again,
                // The clock slipped for a moment: its next time will do.
                Err(PublishError::TimeTooFar { event: again, .. }) => {
                    made = again;
                    std::thread::park_timeout(LOOK);
                }
                Err(PublishError::Halted(halted, _)) => {
                    let _ = shared.failure.set(TimerError::Halted(halted));
                    return;
                }
                Err(_) => return,
            }
        }
        next_ns = next_ns.saturating_add(every_ns);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_grid_is_that_of_1970() {
        assert_eq!(next_after(0, 10), 10);
        assert_eq!(next_after(9, 10), 10);
        assert_eq!(next_after(10, 10), 20);
        assert_eq!(next_after(u64::MAX - 3, 10), u64::MAX);
    }
}
