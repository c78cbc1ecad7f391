//! Where threads run, and waiting for the journal's preparer.

use std::time::{Duration, Instant};

/// The cores that a benchmark's threads are pinned to; none if the machine has but one.
#[derive(Clone, Copy, Debug)]
pub struct Cores {
    pub publisher: Option<usize>,
    pub consumer: Option<usize>,
    /// For lanes beside the consumer's.
    pub more: [Option<usize>; 2],
    pub count: usize,
}

impl Cores {
    /// The first cores that this process may use.
    pub fn find() -> Self {
        let ids: Vec<usize> =
            core_affinity::get_core_ids().unwrap_or_default().iter().map(|c| c.id).collect();
        match ids[..] {
            [publisher, consumer, ref rest @ ..] => {
                let more = [rest.first().copied(), rest.get(1).copied()];
                Cores { publisher: Some(publisher), consumer: Some(consumer), more, count: ids.len() }
            }
            _ => Cores { publisher: None, consumer: None, more: [None; 2], count: ids.len().max(1) },
        }
    }

    /// The same machine with no core to pin to, where more threads spin than there are cores.
    pub fn without_pins(self) -> Self {
        Cores { publisher: None, consumer: None, more: [None; 2], ..self }
    }

    /// Lets the calling thread, and those that it starts, run anywhere again.
    pub fn unpin(self) {
        unpin();
    }

    /// Pins the calling thread where publishers run.
    pub fn pin_publisher(self) {
        pin_to(self.publisher);
    }

    /// Pins the calling thread where consumers run.
    pub fn pin_consumer(self) {
        pin_to(self.consumer);
    }

    pub fn describe(self) -> String {
        match (self.publisher, self.consumer) {
            (Some(a), Some(b)) => format!("pinned to cores {a} and {b} of {}", self.count),
            _ if self.count > 1 => format!("not pinned, {} cores", self.count),
            _ => "one core: the scheduler is measured too".to_owned(),
        }
    }
}

/// Lets the calling thread, and those that it starts, run anywhere again.
pub fn unpin() {
    let mut all = rustix::thread::CpuSet::new();
    (0..rustix::thread::CpuSet::MAX_CPU).for_each(|core| all.set(core));
    let _ = rustix::thread::sched_setaffinity(None, &all);
}

/// Pins the calling thread to a core, if there is one.
pub fn pin_to(core: Option<usize>) {
    if let Some(id) = core {
        core_affinity::set_for_current(core_affinity::CoreId { id });
    }
}

/// Waits until the journal's preparer has done its work: the resident pages have not grown for a while. The
/// while is longer than making and syncing the next file takes, for its pages come after that, and would take
/// a core from what is measured.
///
/// Awake: a virtual machine's host moves a core that slept. It then lay beyond the cache of the stage's core
/// in 11 runs of 16, and in 5 without sleep; contenders without a journal need not wait.
pub fn settle() {
    const LOOKS: u32 = 8;
    let (mut before, mut quiet) = (0, 0);
    while quiet < LOOKS {
        let since = Instant::now();
        while since.elapsed() < Duration::from_millis(20) {
            std::thread::yield_now();
        }
        let stat = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
        let now: u64 = stat.split_whitespace().nth(1).and_then(|pages| pages.parse().ok()).unwrap_or(0);
        quiet = if now > before { 0 } else { quiet + 1 };
        before = before.max(now);
    }
}
