//! The machine: which cores there are to use, and what every figure must be read with.

use std::time::Duration;

/// The cores that a benchmark's two threads are pinned to; none if the machine has but one.
#[derive(Clone, Copy, Debug)]
pub struct Cores {
    pub publisher: Option<usize>,
    pub consumer: Option<usize>,
    count: usize,
}

impl Cores {
    /// The first two cores that this process may use.
    pub fn find() -> Self {
        let ids: Vec<usize> =
            core_affinity::get_core_ids().unwrap_or_default().iter().map(|c| c.id).collect();
        match ids[..] {
            [publisher, consumer, ..] => {
                Cores { publisher: Some(publisher), consumer: Some(consumer), count: ids.len() }
            }
            _ => Cores { publisher: None, consumer: None, count: ids.len().max(1) },
        }
    }

    /// Lets the calling thread, and those that it starts, run anywhere again.
    pub fn unpin(self) {
        let mut all = rustix::thread::CpuSet::new();
        (0..rustix::thread::CpuSet::MAX_CPU).for_each(|core| all.set(core));
        let _ = rustix::thread::sched_setaffinity(None, &all);
    }

    /// Pins the calling thread where publishers run.
    pub fn pin_publisher(self) {
        pin(self.publisher);
    }

    /// Pins the calling thread where consumers run.
    pub fn pin_consumer(self) {
        pin(self.consumer);
    }

    pub fn describe(self) -> String {
        match (self.publisher, self.consumer) {
            (Some(a), Some(b)) => format!("pinned to cores {a} and {b} of {}", self.count),
            _ => "one core: the scheduler is measured too".to_owned(),
        }
    }
}

fn pin(core: Option<usize>) {
    if let Some(id) = core {
        core_affinity::set_for_current(core_affinity::CoreId { id });
    }
}

/// Waits until the journal's helper has done its work: the resident pages stop to grow.
pub fn settle() {
    let mut before = 0;
    loop {
        std::thread::sleep(Duration::from_millis(20));
        let stat = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
        let now: u64 = stat.split_whitespace().nth(1).and_then(|pages| pages.parse().ok()).unwrap_or(0);
        if now <= before {
            return;
        }
        before = now;
    }
}

/// A line about the machine.
pub fn describe() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let model = model.map_or("unknown processor", |(_, name)| name);
    let virtual_machine = if info.contains("hypervisor") { ", virtual" } else { "" };
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    format!("{model}, {cores} cores{virtual_machine}, Linux {}", kernel.trim())
}
