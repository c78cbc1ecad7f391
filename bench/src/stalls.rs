//! A spinning thread notices its own stalls: two looks at the clock far apart, though nothing between them takes
//! long. What the kernel counted meanwhile says whose stall it was, so that none of ours passes for the machine's.

use crate::clock::Ticks;

/// Whose fault a stall was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Neither a switch nor a page fault: the host, or an interrupt, had the core.
    Host,
    /// The kernel gave the core to another thread: on a small machine also to the journal's helper or syncer.
    Switched,
    /// The thread took page faults: its own doing.
    Faulted,
    /// The thread blocked in the kernel: its own doing.
    Blocked,
}

impl Kind {
    /// Whether the figures "outside the machine's stalls" leave it out. What a thread does to itself stays in.
    pub fn is_the_machines(self) -> bool {
        matches!(self, Kind::Host | Kind::Switched)
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
        Watch { ticks, threshold, last: 0, usage: Usage::default(), stalls, missed: 0 }
    }

    /// Begins; called on the thread that is watched.
    pub fn start(&mut self) {
        self.usage = Usage::of_this_thread();
        self.last = self.ticks.now();
    }

    /// The clock now; notes a stall if the last look was long ago.
    #[inline(always)]
    pub fn look(&mut self) -> u64 {
        self.look_after(0)
    }

    /// The clock now, after work of the thread's own that may have taken so many ticks: they are no stall.
    #[inline(always)]
    pub fn look_after(&mut self, work: u64) -> u64 {
        let now = self.ticks.now();
        if now.wrapping_sub(self.last) > self.threshold.saturating_add(work) {
            self.note(now);
        }
        self.last = now;
        now
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
    fn only_what_others_do_counts_as_the_machines() {
        assert!(Kind::Host.is_the_machines() && Kind::Switched.is_the_machines());
        assert!(!Kind::Faulted.is_the_machines() && !Kind::Blocked.is_the_machines());
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
