//! What a lane does between two looks when there is nothing to do.

use std::time::Duration;

/// How a lane waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Wait {
    /// Chosen when the engine starts. If every lane and publisher has a core to itself: looks, with a moment's
    /// pause after a small batch, and yields now and then. Else [`Wait::Park`].
    #[default]
    Auto,
    /// Looks again at once, always: the lowest latency, for a core of its own. With fewer cores than spinning
    /// threads it measures the scheduler.
    Spin,
    /// Pauses longer after a small batch, so that the next is larger: the most events a second from a publisher
    /// that publishes one by one, for some latency at high rates.
    Throughput,
    /// Looks a few times, then gives the core to whoever wants it. For lanes that share cores.
    Backoff,
    /// Looks, then yields, then sleeps until what it waits for moves: the publisher, or the stage upstream that
    /// it is gated on, wakes it. No core is burnt on an idle lane, nor behind a slow stage; waking takes tens
    /// of microseconds.
    Park,
    /// Looks, yields, then sleeps the microseconds given between two looks. Nobody need wake it.
    Sleep(u32),
}

/// A wait strategy of one's own.
pub trait WaitStrategy: Send + 'static {
    /// Called after the `empty_looks`-th look in a row that found nothing, on the lane's thread.
    fn idle(&mut self, empty_looks: u32);

    /// Called after a turn that finished `events` events.
    fn worked(&mut self, _events: u64) {}
}

/// A wait strategy at work.
pub(crate) struct Waiter {
    after: After,
    /// Empty looks in a row before anything else is done than look.
    spins: u32,
    /// Pauses after a turn of fewer than [`SMALL_HIT`] events.
    hit_pauses: u32,
    empty: u32,
}

/// What comes after the looks.
enum After {
    Look,
    Yield,
    Park,
    Sleep(Duration),
    Own(Box<dyn WaitStrategy>),
}

/// Looks of a lane on a core of its own before it yields: some tens of microseconds. A yield is cheap when
/// nobody else wants the core, and all that helps when somebody does (the helper, the syncer, a test beside).
const SPINS_ALONE: u32 = 4_000;
/// Looks of a lane that shares its core.
const SPINS_SHARED: u32 = 16;
/// Yields before a lane parks or sleeps.
const YIELDS: u32 = 64;
/// Events in a turn below which a lane pauses a moment, so that the next batch is larger. Pausing after a small
/// hit, not after an empty look, costs no latency at moderate rates.
const SMALL_HIT: u64 = 32;
/// Pauses after a small hit: no more latency at a million events a second.
const FEW_PAUSES: u32 = 8;
/// Pauses after a small hit where throughput is all.
const MANY_PAUSES: u32 = 32;

impl Waiter {
    /// `crowded`: there are more lanes and publishers than cores.
    pub(crate) fn new(wait: Wait, crowded: bool) -> Self {
        let (after, spins, hit_pauses) = match wait.resolve(crowded) {
            Wait::Auto => (After::Yield, SPINS_ALONE, FEW_PAUSES),
            Wait::Spin => (After::Look, 0, 0),
            Wait::Throughput => (After::Yield, SPINS_ALONE, MANY_PAUSES),
            Wait::Backoff => (After::Yield, SPINS_SHARED, FEW_PAUSES),
            Wait::Park => (After::Park, SPINS_SHARED, FEW_PAUSES),
            Wait::Sleep(us) => (After::Sleep(Duration::from_micros(us.into())), SPINS_SHARED, FEW_PAUSES),
        };
        Waiter { after, spins, hit_pauses, empty: 0 }
    }

    /// The user's own.
    pub(crate) fn own(strategy: Box<dyn WaitStrategy>) -> Self {
        Waiter { after: After::Own(strategy), spins: 0, hit_pauses: 0, empty: 0 }
    }

    /// After a turn that finished `count` events.
    #[inline]
    pub(crate) fn worked(&mut self, count: u64) {
        self.empty = 0;
        if count < SMALL_HIT {
            for _ in 0..self.hit_pauses {
                std::hint::spin_loop();
            }
        }
        if let After::Own(strategy) = &mut self.after {
            strategy.worked(count);
        }
    }

    /// After a turn with nothing to do; whether the lane should park now.
    #[inline]
    pub(crate) fn idle(&mut self) -> bool {
        self.empty = self.empty.saturating_add(1);
        if self.empty <= self.spins {
            return false;
        }
        match &mut self.after {
            After::Look => {}
            After::Own(strategy) => strategy.idle(self.empty),
            After::Park if self.empty > self.spins + YIELDS => return true,
            After::Sleep(longest) if self.empty > self.spins + YIELDS => std::thread::sleep(*longest),
            After::Yield | After::Park | After::Sleep(_) => std::thread::yield_now(),
        }
        false
    }
}

impl Wait {
    /// What [`Wait::Auto`] stands for where lanes are crowded.
    pub(crate) fn resolve(self, crowded: bool) -> Self {
        if self == Wait::Auto && crowded { Wait::Park } else { self }
    }
}

impl std::fmt::Debug for Waiter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Waiter").field("spins", &self.spins).finish_non_exhaustive()
    }
}
