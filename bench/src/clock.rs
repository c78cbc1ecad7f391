//! The stamps of every measurement: the processor's counter, read in some nanoseconds and turned into
//! nanoseconds afterwards. `quanta` checks that the counter is invariant and falls back to the system's
//! clock.

use std::sync::OnceLock;

/// A calibrated counter. Copies share one calibration.
#[derive(Clone, Copy, Debug)]
pub struct Ticks {
    clock: &'static quanta::Clock,
    /// The clock's readings are the processor's counter.
    is_counter: bool,
}

/// Waits until all that this thread has loaded is here. The processor reads its counter ahead of loads that
/// still wait for another core's cache line: without this a stamp says when the cursor came, not when the
/// event did.
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

/// The processor's counter, where it can be read without more.
#[inline(always)]
fn counter() -> Option<u64> {
    // SAFETY: every x86-64 has the instruction, and Linux lets programs read the counter.
    #[cfg(target_arch = "x86_64")]
    return Some(unsafe { std::arch::x86_64::_rdtsc() });
    #[cfg(not(target_arch = "x86_64"))]
    None
}

/// How many ticks a scale is taken over: long enough that rounding does not show.
const SCALE_TICKS: u64 = 1 << 40;

impl Ticks {
    /// The process's counter; calibrated on first use, which takes up to a fifth of a second.
    pub fn get() -> Self {
        static TICKS: OnceLock<(quanta::Clock, bool)> = OnceLock::new();
        let (clock, is_counter) = TICKS.get_or_init(|| {
            let clock = quanta::Clock::new();
            let is_counter = counter().is_some_and(|before| {
                let raw = clock.raw();
                before <= raw && counter().is_some_and(|behind| raw <= behind)
            });
            (clock, is_counter)
        });
        Ticks { clock, is_counter: *is_counter }
    }

    /// The counter now.
    ///
    /// Read here and not by the clock where it is the same: the clock's own reading became part of one
    /// contender's loop and a call in another's, which was a nanosecond or two of what is compared.
    #[inline(always)]
    pub fn now(self) -> u64 {
        match counter() {
            Some(now) if self.is_counter => now,
            _ => self.clock.raw(),
        }
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
