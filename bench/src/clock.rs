//! The stamps of every measurement: the processor's counter, read in some nanoseconds and turned into
//! nanoseconds afterwards. `quanta` checks that the counter is invariant and falls back to the system's clock.

use std::sync::OnceLock;

/// A calibrated counter. Copies share one calibration.
#[derive(Clone, Copy, Debug)]
pub struct Ticks {
    clock: &'static quanta::Clock,
}

/// Waits until all that this thread has loaded is here. The processor reads its counter ahead of loads that still wait
/// for another core's cache line: without this a stamp says when the cursor came, not when the event did.
#[inline(always)]
pub fn loaded() {
    // SAFETY: every x86-64 has SSE2, and the instruction touches no memory.
    #[cfg(target_arch = "x86_64")]
    unsafe {
        std::arch::x86_64::_mm_lfence();
    }
    // The nearest that is the same everywhere. SeqCst, and no partner: only the wait is wanted.
    #[cfg(not(target_arch = "x86_64"))]
    std::sync::atomic::fence(std::sync::atomic::Ordering::SeqCst);
}

/// How many ticks a scale is taken over: long enough that rounding does not show.
const SCALE_TICKS: u64 = 1 << 40;

impl Ticks {
    /// The process's counter; calibrated on first use, which takes up to a fifth of a second.
    pub fn get() -> Self {
        static CLOCK: OnceLock<quanta::Clock> = OnceLock::new();
        Ticks { clock: CLOCK.get_or_init(quanta::Clock::new) }
    }

    /// The counter now.
    #[inline(always)]
    pub fn now(self) -> u64 {
        self.clock.raw()
    }

    /// Nanoseconds from one reading to a later one; 0 if it is not later.
    pub fn ns(self, from: u64, to: u64) -> u64 {
        self.clock.delta_as_nanos(from, to)
    }

    /// Ticks in a nanosecond.
    pub fn per_ns(self) -> f64 {
        SCALE_TICKS as f64 / self.clock.delta_as_nanos(0, SCALE_TICKS) as f64
    }

    /// Ticks in so many nanoseconds.
    pub fn of_ns(self, ns: f64) -> u64 {
        (ns * self.per_ns()) as u64
    }

    /// What reading the counter costs: the least of several loops, in nanoseconds.
    pub fn cost_ns(self) -> f64 {
        const READS: u64 = 100_000;
        let loop_ns = || {
            let from = self.now();
            for _ in 0..READS {
                std::hint::black_box(self.now());
            }
            self.ns(from, self.now()) as f64 / READS as f64
        };
        (0..5).map(|_| loop_ns()).fold(f64::INFINITY, f64::min)
    }
}
