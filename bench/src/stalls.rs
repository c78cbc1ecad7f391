//! A spinning thread notices its own stalls: two looks at the clock far apart, though nothing between them
//! takes long. What the kernel counted meanwhile says what it was, as far as the kernel knows: not which
//! thread took the core (the journal's preparer and syncer are threads too), and not what the thread itself
//! did without faulting or blocking. So who leaves stalls out says which kinds, and shows what is left
//! without.

use crate::clock::Ticks;

/// Whose fault a stall was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Neither a switch nor a page fault nor a block: the host or an interrupt had the core, or the thread
    /// was busy itself for so long.
    Host,
    /// The kernel gave the core to another thread: where slipring has threads beside, also to one of those.
    Switched,
    /// The thread took page faults: its own doing.
    Faulted,
    /// The thread blocked in the kernel: its own doing.
    Blocked,
}

impl Kind {
    /// Whether the figures "outside stalls" leave it out: something else had the core, be it a thread of
    /// ours. What a thread does to itself stays in.
    pub fn is_from_outside(self) -> bool {
        matches!(self, Kind::Host | Kind::Switched)
    }

    /// Whether the figures "outside the host's stalls" leave it out: no thread that the kernel knows of had
    /// the core.
    pub fn is_the_hosts(self) -> bool {
        self == Kind::Host
    }

    pub fn name(self) -> &'static str {
        match self {
            Kind::Host => "host",
            Kind::Switched => "switched",
            Kind::Faulted => "faulted",
            Kind::Blocked => "blocked",
        }
    }
}

/// From the last look before it to the first behind it, in ticks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stall {
    pub from: u64,
    pub to: u64,
    pub kind: Kind,
}

/// What the kernel has counted of a thread.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    faults: i64,
    blocks: i64,
    switches: i64,
}

impl Usage {
    fn of_this_thread() -> Self {
        let mut usage = std::mem::MaybeUninit::<libc::rusage>::zeroed();
        // SAFETY: `usage` is a valid place for an rusage, and zeros are a valid one should the call fail.
        let usage = unsafe {
            libc::getrusage(libc::RUSAGE_THREAD, usage.as_mut_ptr());
            usage.assume_init()
        };
        Usage { faults: usage.ru_minflt + usage.ru_majflt, blocks: usage.ru_nvcsw, switches: usage.ru_nivcsw }
    }

    /// What happened between an earlier reading and this one; the graver first, if several did.
    fn since(self, before: Usage) -> Kind {
        if self.blocks > before.blocks {
            Kind::Blocked
        } else if self.faults > before.faults {
            Kind::Faulted
        } else if self.switches > before.switches {
            Kind::Switched
        } else {
            Kind::Host
        }
    }
}

/// A thread's looks at the clock.
#[derive(Debug)]
pub struct Watch {
    ticks: Ticks,
    /// Looks further apart than this are a stall.
    threshold: u64,
    last: u64,
    /// What the thread may have worked since the last look, in ticks.
    work: u64,
    usage: Usage,
    /// Filled, never grown, while it watches.
    stalls: Vec<Stall>,
    /// Stalls that found no room.
    pub missed: u64,
}

/// Stalls kept of one thread in one run; at 10 us each they are more than half a second.
const MOST_STALLS: usize = 1 << 16;

impl Watch {
    /// Watches for gaps of more than `threshold_ns`; for none if it is infinite.
    pub fn new(ticks: Ticks, threshold_ns: f64) -> Self {
        let threshold = if threshold_ns.is_finite() { ticks.of_ns(threshold_ns) } else { u64::MAX };
        let stalls = Vec::with_capacity(MOST_STALLS);
        Watch { ticks, threshold, last: 0, work: 0, usage: Usage::default(), stalls, missed: 0 }
    }

    /// Begins; called on the thread that is watched.
    pub fn start(&mut self) {
        self.usage = Usage::of_this_thread();
        self.last = self.ticks.now();
    }

    /// The clock now; notes a stall if the last look was long ago.
    #[inline(always)]
    pub fn look(&mut self) -> u64 {
        let now = self.ticks.now();
        if now.wrapping_sub(self.last) > self.threshold.saturating_add(self.work) {
            self.note(now);
        }
        (self.last, self.work) = (now, 0);
        now
    }

    /// Work of the thread's own since the last look may have taken so many ticks: they are no stall. No look
    /// by itself, which would take ten nanoseconds of what is measured.
    #[inline(always)]
    pub fn worked(&mut self, ticks: u64) {
        self.work = ticks;
    }

    #[cold]
    #[inline(never)]
    fn note(&mut self, now: u64) {
        if now < self.last {
            // Counters of two cores a few ticks apart: no time has passed.
            return;
        }
        let usage = Usage::of_this_thread();
        let stall = Stall { from: self.last, to: now, kind: usage.since(self.usage) };
        self.usage = usage;
        if self.stalls.len() < self.stalls.capacity() {
            self.stalls.push(stall);
        } else {
            self.missed += 1;
        }
    }

    /// What it saw.
    pub fn into_stalls(self) -> Vec<Stall> {
        self.stalls
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_graver_cause_names_a_stall() {
        let before = Usage { faults: 5, blocks: 1, switches: 9 };
        assert_eq!(before.since(before), Kind::Host);
        assert_eq!(Usage { switches: 10, ..before }.since(before), Kind::Switched);
        assert_eq!(Usage { faults: 6, switches: 10, ..before }.since(before), Kind::Faulted);
        assert_eq!(Usage { faults: 6, blocks: 2, switches: 10 }.since(before), Kind::Blocked);
    }

    #[test]
    fn a_switch_is_from_outside_but_not_the_hosts() {
        assert!(Kind::Host.is_from_outside() && Kind::Switched.is_from_outside());
        assert!(!Kind::Faulted.is_from_outside() && !Kind::Blocked.is_from_outside());
        let hosts = [Kind::Host, Kind::Switched, Kind::Faulted, Kind::Blocked].map(Kind::is_the_hosts);
        assert_eq!(hosts, [true, false, false, false]);
    }

    #[test]
    fn a_sleep_is_noticed_and_known_for_a_block_of_its_own() {
        let mut watch = Watch::new(Ticks::get(), 1e6);
        watch.start();
        watch.look();
        std::thread::sleep(std::time::Duration::from_millis(20));
        watch.look();
        let stalls = watch.into_stalls();
        let longest = stalls.iter().max_by_key(|stall| stall.to - stall.from).expect("20 ms are a stall");
        assert!(Ticks::get().ns(longest.from, longest.to) >= 19_000_000);
        assert_eq!(longest.kind, Kind::Blocked);
    }

    #[test]
    fn a_watch_without_a_threshold_sees_nothing() {
        let mut watch = Watch::new(Ticks::get(), f64::INFINITY);
        watch.start();
        std::thread::sleep(std::time::Duration::from_millis(2));
        watch.look();
        assert!(watch.into_stalls().is_empty());
    }
}
