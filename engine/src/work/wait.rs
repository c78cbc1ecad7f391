//! What a lane does between two looks when there is nothing to do.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use crate::panics;

/// How a lane waits for events. For room in the journal it waits asleep, 50 microseconds between two looks,
/// whatever is said here.
///
/// See the example of [`Lane`](crate::Lane).
///
/// More: [choose a wait](https://github.com/slipring/slipring/blob/main/docs/how-to/choose-a-wait.md).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Wait {
    /// Chosen when the engine starts. If every lane and publisher has a core to itself: looks, with a pause
    /// between (and after a small batch while events come faster than turns take, tens of millions a second:
    /// the faster, the longer), and yields now and then. Else [`Wait::Park`]. If no core is left over and a
    /// sync that a stage waits for takes long, the lane sleeps 50 microseconds now and then.
    #[default]
    Auto,
    /// Looks again at once, always: for a whole core of its own, and to compare. Each look takes the cursor's
    /// cache line from the publisher, and of a core with two threads it takes more than half: measure whether
    /// it is quicker than the default. With fewer cores than spinning threads it measures the scheduler.
    Spin,
    /// Looks a few times, then gives the core to whoever wants it. For lanes that share cores.
    Backoff,
    /// Looks, then yields, then sleeps until what it waits for moves: the publisher, or the stage upstream
    /// that it is gated on, wakes it. Yields behind a small turn too, so that stages which share a core have
    /// many events at a time. No core is burnt on an idle lane, nor behind a slow stage; waking takes
    /// tens of microseconds.
    Park,
    /// Looks, yields, then sleeps the microseconds given between two looks. Nobody need wake it.
    Sleep(u32),
}

/// A wait strategy of one's own. One that panics halts the engine.
///
/// See the example of [`Lane::wait_with`](crate::Lane::wait_with).
pub trait WaitStrategy: Send + 'static {
    /// Called after the `empty_looks`-th turn in a row that found nothing, on the lane's thread. Between two
    /// turns the lane looks some more times by itself. Not called while the journal has no room: see
    /// [`Wait`].
    fn idle(&mut self, empty_looks: u32);

    /// Called after a turn that finished `events` events.
    fn worked(&mut self, _events: u64) {}
}

/// What cores there are for lanes and publishers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cores {
    /// Fewer than there are of them.
    Few,
    /// One for each of them.
    Each,
    /// More: for the kernel's threads too.
    Spare,
}

/// A wait strategy at work.
pub(crate) struct Waiter {
    after: After,
    /// Empty turns in a row before anything else is done than look.
    spins: u32,
    /// Pauses after an empty turn.
    breath: u32,
    pauses: Pauses,
    empty: u32,
    /// Leaves its core to a slow sync now and then.
    spares: bool,
    /// When it does, if the sync is not over by then.
    naps_at: Option<Instant>,
    /// What the user's own strategy panicked with. It is not called again.
    failed: Option<String>,
}

/// How long a lane pauses after a small batch.
///
/// A lane that looks again at once takes the cursor's cache line, and those of the slots behind it, from the
/// publisher that is writing there: near saturation a publisher spends most of its time getting them back. A
/// pause lets it get ahead. A pause is only worth its latency when events come so fast that they would queue
/// anyway: so there is none until the turns of a whole window say so, it doubles, up to a bound, while they
/// do, and halves and ends when they don't.
struct Pauses {
    least: u32,
    /// Where events are few, there are none.
    may_end: bool,
    most: u32,
    now: u32,
    /// Events of a turn, on average, for each pause that it takes: from the first on the next pauses are
    /// longer, below the second shorter. In eighths.
    grow: u64,
    shrink: u64,
    /// The turns, empty ones too, and events of the window so far.
    turns: u32,
    events: u64,
}

/// Turns before the pause changes: a burst of some hundred events is over before.
const WINDOW: u32 = 32;
/// So many pauses a turn takes by itself.
const TURN: u64 = 2;

impl Pauses {
    /// From a rate on that a publisher reaches although a lane takes its lines. If it were higher, the pauses
    /// that let a publisher get ahead would never come.
    const FEW: Pauses = Pauses { now: 0, may_end: true, ..Pauses::new(4, 128, 6, 5) };
    /// On a core that others want too, a long pause would be their time.
    const SHARED: Pauses = Pauses::new(8, 8, 8, 0);
    const NONE: Pauses = Pauses::new(0, 0, 0, 0);

    const fn new(least: u32, most: u32, grow: u64, shrink: u64) -> Self {
        Pauses { least, most, now: least, may_end: false, grow, shrink, turns: 0, events: 0 }
    }

    /// After a turn that finished `events` events.
    #[inline(always)]
    fn after(&mut self, events: u64) {
        self.count(events);
        // Else enough lies there as it is.
        if events < 2 * u64::from(self.most) {
            (0..self.now).for_each(|_| std::hint::spin_loop());
        }
    }

    #[inline(always)]
    fn count(&mut self, events: u64) {
        self.turns += 1;
        // A backlog says nothing of the rate.
        self.events += events.min(2 * u64::from(self.most));
        if self.turns == WINDOW {
            self.adapt();
        }
    }

    fn adapt(&mut self) {
        let eighths = 8 * self.events / u64::from(WINDOW);
        (self.turns, self.events) = (0, 0);
        if self.now == 0 {
            // Four events a turn: a turn takes several times as long as an event does to come.
            self.now = if eighths >= 32 { self.least } else { 0 };
            return;
        }
        let taken = u64::from(self.now) + TURN;
        if eighths >= self.grow * taken {
            self.now = (2 * self.now).min(self.most);
        } else if eighths < self.shrink * taken {
            self.now = match self.now / 2 {
                shorter if shorter >= self.least => shorter,
                _ if self.may_end => 0,
                _ => self.least,
            };
        }
    }
}

/// What comes after the looks.
enum After {
    Look,
    Yield,
    Park,
    Sleep(Duration),
    Own(Box<dyn WaitStrategy>),
}

/// Looks of a lane on a core of its own before it yields: some hundred microseconds. A yield is cheap when
/// nobody else wants the core, and all that helps when somebody does (the preparer, the syncer, a test
/// beside).
const SPINS_ALONE: u32 = 4_000;
/// Looks of a lane that shares its core.
const SPINS_SHARED: u32 = 16;
/// Fewer events than this are a small turn: a lane that shares its core lets others have it behind one, so
/// that it finds more the next time.
const SMALL_TURN: u64 = 1_024;
/// A sync that takes longer is slow, and so long a lane looks between two naps.
const BETWEEN_NAPS: Duration = Duration::from_micros(500);
/// Yields before a lane parks or sleeps.
const YIELDS: u32 = 64;

impl Waiter {
    pub(crate) fn new(wait: Wait, cores: Cores) -> Self {
        let (after, spins, pauses) = match wait.resolve(cores) {
            Wait::Auto => (After::Yield, SPINS_ALONE, Pauses::FEW),
            Wait::Spin => (After::Look, 0, Pauses::NONE),
            Wait::Backoff => (After::Yield, SPINS_SHARED, Pauses::SHARED),
            Wait::Park => (After::Park, SPINS_SHARED, Pauses::SHARED),
            Wait::Sleep(us) => (After::Sleep(Duration::from_micros(us.into())), SPINS_SHARED, Pauses::SHARED),
        };
        let breath = u32::from(wait != Wait::Spin);
        let spares = wait == Wait::Auto && cores != Cores::Spare;
        Waiter { after, spins, breath, pauses, empty: 0, spares, naps_at: None, failed: None }
    }

    /// The user's own.
    pub(crate) fn own(strategy: Box<dyn WaitStrategy>) -> Self {
        let waiter = Waiter::new(Wait::Spin, Cores::Spare);
        Waiter { after: After::Own(strategy), ..waiter }
    }

    /// After a turn that finished `count` events.
    #[inline]
    pub(crate) fn worked(&mut self, count: u64) {
        self.empty = 0;
        self.pauses.after(count);
        // Else stages that share a core follow each other event by event, and none of them has much to do.
        if count < SMALL_TURN && matches!(self.after, After::Park) {
            std::thread::yield_now();
        }
        if let After::Own(strategy) = &mut self.after {
            let result = catch_unwind(AssertUnwindSafe(|| strategy.worked(count)));
            self.check(result);
        }
    }

    /// After a turn with nothing to do; whether the lane should park now.
    #[inline]
    pub(crate) fn idle(&mut self) -> bool {
        self.empty = self.empty.saturating_add(1);
        self.pauses.count(0);
        if self.empty <= self.spins {
            // Where both are threads of one core, a lane that looks as fast as it can slows the publisher
            // down.
            (0..self.breath).for_each(|_| std::hint::spin_loop());
            return false;
        }
        match &mut self.after {
            After::Look => {}
            After::Own(strategy) => {
                let result = catch_unwind(AssertUnwindSafe(|| strategy.idle(self.empty)));
                self.check(result);
            }
            After::Park if self.empty > self.spins + YIELDS => return true,
            After::Sleep(longest) if self.empty > self.spins + YIELDS => std::thread::sleep(*longest),
            After::Yield | After::Park | After::Sleep(_) => std::thread::yield_now(),
        }
        false
    }

    /// After a turn, `unsynced` if a sync was waited for: whether the lane should sleep for a moment. Now and
    /// then is enough for the sync, and delays little of what else the lane does.
    #[inline]
    pub(crate) fn naps(&mut self, unsynced: bool) -> bool {
        if !(unsynced && self.spares) {
            self.naps_at = None;
            return false;
        }
        let now = Instant::now();
        let is_due = now >= *self.naps_at.get_or_insert(now + BETWEEN_NAPS);
        if is_due {
            self.naps_at = Some(now + BETWEEN_NAPS);
        }
        is_due
    }

    /// The user's strategy runs on the lane's thread: if it panics, the lane must go on, to say so and to
    /// drain.
    fn check(&mut self, result: std::thread::Result<()>) {
        if let Err(panic) = result {
            let failed = Some(panics::text(panic));
            let own = std::mem::replace(self, Waiter { failed, ..Waiter::new(Wait::Backoff, Cores::Few) });
            // It has panicked once: that is what counts.
            let _ = panics::drop_of(own);
        }
    }

    /// What the user's own strategy panicked with, once.
    pub(crate) fn take_failure(&mut self) -> Option<String> {
        self.failed.take()
    }
}

impl Wait {
    /// What [`Wait::Auto`] stands for.
    pub(crate) fn resolve(self, cores: Cores) -> Self {
        if self == Wait::Auto && cores == Cores::Few { Wait::Park } else { self }
    }
}

impl std::fmt::Debug for Waiter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Waiter").field("spins", &self.spins).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(pauses: &mut Pauses, events: u64) -> u32 {
        (0..WINDOW).for_each(|_| pauses.count(events));
        pauses.now
    }

    #[test]
    fn a_lane_pauses_longer_only_while_events_come_fast_for_long() {
        let mut pauses = Pauses::FEW;
        // One event a turn is not fast.
        assert_eq!((0..100).map(|_| window(&mut pauses, 1)).max(), Some(0));
        // A burst is fast, but soon over.
        for _ in 0..10 {
            (0..10).for_each(|_| pauses.count(6));
            (0..1_000).for_each(|_| pauses.count(0));
            assert_eq!(pauses.now, 0);
        }
        let mut pauses = Pauses::FEW;
        for (longer, events) in [(4, 4), (8, 5), (16, 8), (32, 14), (64, 26), (128, 50), (128, 98)] {
            assert_eq!(window(&mut pauses, events), longer);
        }
        // Neither fast nor slow.
        assert_eq!(window(&mut pauses, 82), 128);
        for (shorter, events) in
            [(64, 81), (32, 41), (16, 21), (8, 11), (8, 7), (4, 6), (4, 4), (0, 3), (0, 3)]
        {
            assert_eq!(window(&mut pauses, events), shorter);
        }
        // Where cores are shared there is always the same one.
        let mut pauses = Pauses::SHARED;
        assert_eq!((0..100).map(|_| window(&mut pauses, 0)).min(), Some(8));
    }

    /// As if a pause took 30 ns, and a turn without any took 60.
    #[test]
    fn a_backlog_leaves_no_pauses_behind_where_the_rate_needs_none() {
        for events_a_us in [1, 5, 10, 15, 18] {
            let mut pauses = Pauses::FEW;
            (0..200).for_each(|_| pauses.count(256));
            assert_eq!(pauses.now, 128);
            let mut left = 0;
            for _ in 0..10_000 {
                left += events_a_us * (60 + 30 * u64::from(pauses.now));
                pauses.count(left / 1_000);
                left %= 1_000;
            }
            assert_eq!(pauses.now, 0, "{events_a_us} events a microsecond");
        }
    }

    #[test]
    fn only_the_default_leaves_its_core_to_a_slow_sync_and_only_where_none_is_spare() {
        let naps = |wait, cores, waits: [bool; 3]| {
            let mut waiter = Waiter::new(wait, cores);
            waits.map(|unsynced| {
                std::thread::sleep(BETWEEN_NAPS);
                waiter.naps(unsynced)
            })
        };
        assert_eq!(naps(Wait::Auto, Cores::Each, [true; 3]), [false, true, true]);
        assert_eq!(naps(Wait::Auto, Cores::Few, [true; 3]), [false, true, true]);
        assert_eq!(naps(Wait::Auto, Cores::Spare, [true; 3]), [false; 3]);
        assert_eq!(naps(Wait::Spin, Cores::Each, [true; 3]), [false; 3]);
        // One that ends in between was not slow.
        assert_eq!(naps(Wait::Auto, Cores::Each, [true, false, true]), [false; 3]);
    }

    #[test]
    fn spinning_never_pauses() {
        let mut waiter = Waiter::new(Wait::Spin, Cores::Each);
        for count in [1, 30, 500] {
            waiter.worked(count);
            assert_eq!(waiter.pauses.now, 0);
        }
    }
}
