//! What a lane does between two looks when there is nothing to do.

/// How a lane waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Wait {
    /// Chosen when the engine starts: [`Wait::Spin`] with a yield now and then if every lane and publisher has a
    /// core to itself, else [`Wait::Yield`].
    #[default]
    Auto,
    /// Looks again at once, always: the lowest latency, for a core of its own. With fewer cores than spinning
    /// threads it measures the scheduler.
    Spin,
    /// Looks a few times, then gives the core to whoever wants it. For lanes that share cores.
    Yield,
    /// Looks, yields, then sleeps up to the microseconds given between two looks: no core is burnt on an idle
    /// lane, and events wait that long at worst.
    Sleep(u32),
}

/// A wait strategy at work.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Waiter {
    wait: Wait,
    /// Empty looks in a row before the core is yielded.
    spins: u32,
    empty: u32,
}

/// Looks of a lane on a core of its own before it yields: some tens of microseconds. A yield is cheap when
/// nobody else wants the core, and all that helps when somebody does (the helper, the syncer, a test beside).
const SPINS_ALONE: u32 = 4_000;
/// Looks of a lane that shares its core.
const SPINS_SHARED: u32 = 16;
/// Events in a turn below which the lane pauses a moment, so that the next batch is larger. Pausing after a small
/// hit, not after an empty look, costs no latency at moderate rates (PROTOTYPE: up to 2x at batches of one).
const SMALL_HIT: u64 = 32;
/// Pauses after a small hit.
const HIT_PAUSES: u32 = 8;

impl Waiter {
    /// `crowded`: there are more lanes and publishers than cores.
    pub(crate) fn new(wait: Wait, crowded: bool) -> Self {
        let (wait, spins) = match wait {
            Wait::Auto if crowded => (Wait::Yield, SPINS_SHARED),
            Wait::Auto => (Wait::Yield, SPINS_ALONE),
            Wait::Spin => (Wait::Spin, u32::MAX),
            Wait::Yield => (Wait::Yield, SPINS_SHARED),
            Wait::Sleep(us) => (Wait::Sleep(us), SPINS_SHARED),
        };
        Waiter { wait, spins, empty: 0 }
    }

    /// After a turn that finished `count` events.
    #[inline]
    pub(crate) fn worked(&mut self, count: u64) {
        self.empty = 0;
        if count < SMALL_HIT {
            for _ in 0..HIT_PAUSES {
                std::hint::spin_loop();
            }
        }
    }

    /// After a turn with nothing to do.
    #[inline]
    pub(crate) fn idle(&mut self) {
        self.empty = self.empty.saturating_add(1);
        if self.empty < self.spins {
            return;
        }
        match self.wait {
            Wait::Sleep(us) if self.empty > self.spins.saturating_add(64) => {
                std::thread::sleep(std::time::Duration::from_micros(u64::from(us)));
            }
            Wait::Spin => {}
            _ => std::thread::yield_now(),
        }
    }
}
