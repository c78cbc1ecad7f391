//! Figures by how far apart the two cores were when they were taken. On a virtual machine that changes
//! between two turns of one round: then a median over all rounds says more of the host than of the
//! contenders.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::host::{Cores, pin_to, unpin};
use crate::stats::{Sample, median};

/// Round trips in one look, and those of them that are over before the other thread surely runs.
const TRIPS: u64 = 5_000;
const WARM_TRIPS: u64 = 1_000;

/// A word on a cache line of its own, and the next, which the processor may fetch with it.
#[derive(Default)]
#[repr(align(128))]
struct Padded(AtomicU64);

/// Nanoseconds for a word to be seen on `other` and its answer on `core`, the mean of a few thousand times.
pub fn round_trip(core: usize, other: usize) -> f64 {
    let (there, back) = (Padded::default(), Padded::default());
    let (there, back) = (&there.0, &back.0);
    std::thread::scope(|scope| {
        scope.spawn(move || {
            pin_to(Some(other));
            for count in 1..=TRIPS {
                // Release and acquire, both ways: what a gate costs, though nothing goes with the word here.
                while there.load(Ordering::Acquire) < count {
                    std::hint::spin_loop();
                }
                back.store(count, Ordering::Release);
            }
        });
        pin_to(Some(core));
        let mut started = Instant::now();
        for count in 1..=TRIPS {
            there.store(count, Ordering::Release);
            while back.load(Ordering::Acquire) < count {
                std::hint::spin_loop();
            }
            if count == WARM_TRIPS {
                started = Instant::now();
            }
        }
        started.elapsed().as_nanos() as f64 / (TRIPS - WARM_TRIPS) as f64
    })
}

/// How far apart two cores are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub enum Distance {
    /// A word and its answer take below 90 ns: two threads of a core.
    Threads,
    /// 90 to 260 ns: a cache in common.
    Cache,
    /// More.
    Beyond,
}

/// How long to wait for the distance that is wanted, and how often to run a turn in which it changed again.
const WAIT: Duration = Duration::from_secs(1);
const TRIES: usize = 8;

impl Distance {
    fn of(round_trip_ns: f64) -> Self {
        match round_trip_ns {
            ns if ns < 90.0 => Distance::Threads,
            ns if ns < 260.0 => Distance::Cache,
            _ => Distance::Beyond,
        }
    }

    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Distance::Threads => "below 90 ns (two threads of a core)",
            Distance::Cache => "90 to 260 ns (a cache in common)",
            Distance::Beyond => "260 ns and more",
        }
    }
}

/// A figure of a bench's contenders, by distance.
pub struct ByDistance {
    cores: (usize, usize),
    names: Vec<String>,
    /// Which of their figures, and what it is in.
    metric: (&'static str, &'static str),
    found: BTreeMap<Distance, Vec<Vec<f64>>>,
    /// Turns in which the distance changed.
    changed: usize,
    /// Only turns at this distance count.
    wanted: Option<Distance>,
}

impl ByDistance {
    /// Between the publisher's core and the consumer's; nothing if they are not pinned. With a distance that
    /// is wanted, only turns at that count.
    pub fn between(
        cores: Cores,
        names: Vec<String>,
        metric: (&'static str, &'static str),
        wanted: Option<Distance>,
    ) -> Option<Self> {
        let cores = (cores.publisher?, cores.consumer?);
        Some(ByDistance { cores, names, metric, found: BTreeMap::new(), changed: 0, wanted })
    }

    /// How a bench's topology says that only turns at one distance count; empty if all do.
    pub fn remark(&self) -> String {
        let words = |wanted: Distance| format!("; only while a word and its answer took {}", wanted.words());
        self.wanted.map_or(String::new(), words)
    }

    /// Runs a contender between two looks at the distance; where one is wanted, until it was that before and
    /// behind. If it never is, the figures are no numbers.
    pub fn run(&mut self, contender: usize, run: &mut dyn FnMut() -> Vec<Sample>) -> Vec<Sample> {
        let cores = self.cores;
        let mut look = || {
            let distance = Distance::of(round_trip(cores.0, cores.1));
            // What a contender starts must not stay where this looked from.
            unpin();
            distance
        };
        self.run_between(&mut look, contender, run)
    }

    fn run_between(
        &mut self,
        look: &mut dyn FnMut() -> Distance,
        contender: usize,
        run: &mut dyn FnMut() -> Vec<Sample>,
    ) -> Vec<Sample> {
        let Some(wanted) = self.wanted else {
            let before = look();
            let samples = run();
            self.take(contender, before, look(), &samples);
            return samples;
        };
        let mut samples = Vec::new();
        for _ in 0..TRIES {
            let since = Instant::now();
            let mut before = look();
            while before != wanted && since.elapsed() < WAIT {
                before = look();
            }
            samples = run();
            let behind = look();
            if (before, behind) == (wanted, wanted) {
                self.take(contender, before, behind, &samples);
                return samples;
            }
            self.changed += 1;
            if before != wanted {
                // It does not come.
                break;
            }
        }
        samples.iter_mut().for_each(|sample| sample.value = f64::NAN);
        samples
    }

    fn take(&mut self, contender: usize, before: Distance, behind: Distance, samples: &[Sample]) {
        if before != behind {
            self.changed += 1;
            return;
        }
        let of_all = self.found.entry(before).or_insert_with(|| vec![Vec::new(); self.names.len()]);
        of_all[contender].extend(samples.iter().filter(|s| s.metric == self.metric.0).map(|s| s.value));
    }

    /// Medians and how many turns they are of; nothing if the distance was always the same.
    pub fn text(&self) -> Option<String> {
        if self.found.len() < 2 && self.changed == 0 {
            return None;
        }
        let (metric, unit) = self.metric;
        let mut text = format!(
            "  The cores were not always as far apart. By a word and its answer, the same before and behind a turn; \
             {metric} in {unit}, medians (turns):\n"
        );
        for (distance, of_all) in &self.found {
            let figures: Vec<String> = self
                .names
                .iter()
                .zip(of_all)
                .filter(|(_, values)| !values.is_empty())
                .map(|(name, values)| format!("{name} {:.1} ({})", median(values), values.len()))
                .collect();
            text.push_str(&format!("    {:<36} {}\n", distance.words(), figures.join(", ")));
        }
        let other = if self.wanted.is_some() { "changed meanwhile, or another" } else { "changed meanwhile" };
        text.push_str(&format!("    {other:<36} {} turns, in none of these\n", self.changed));
        Some(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn throughput(value: f64) -> Vec<Sample> {
        vec![Sample { metric: "throughput", unit: "M/s", value }]
    }

    fn between(cores: Cores, names: &[&str], wanted: Option<Distance>) -> ByDistance {
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        ByDistance::between(cores, names, ("throughput", "M/s"), wanted).expect("two cores")
    }

    #[test]
    fn turns_are_sorted_by_a_distance_that_did_not_change() {
        let cores = Cores { publisher: Some(0), consumer: Some(1), more: [None; 2], count: 2 };
        let mut sorted = between(cores, &["slipring", "disruptor"], None);
        let (near, far) = (Distance::of(49.0), Distance::of(550.0));
        assert_ne!(near, far);
        sorted.take(0, near, near, &throughput(100.0));
        assert_eq!(sorted.text(), None, "nothing to tell apart");
        sorted.take(1, far, far, &throughput(10.0));
        sorted.take(0, far, far, &throughput(20.0));
        sorted.take(0, far, far, &throughput(40.0));
        sorted.take(0, far, near, &throughput(9.0));
        let text = sorted.text().expect("two distances");
        assert!(text.contains("slipring 100.0 (1)\n"), "{text}");
        assert!(text.contains("slipring 30.0 (2), disruptor 10.0 (1)\n"), "{text}");
        assert!(text.contains("1 turns, in none"), "{text}");
    }

    #[test]
    fn where_a_distance_is_wanted_only_turns_at_that_count() {
        let cores = Cores { publisher: Some(0), consumer: Some(1), more: [None; 2], count: 2 };
        let (near, far) = (Distance::Cache, Distance::Beyond);
        let mut sorted = between(cores, &["slipring"], Some(near));
        // Waited for, then lost behind the first turn, then kept.
        let mut looks = [far, near, far, near, near].into_iter();
        let (mut turns, mut look) = (0.0, || looks.next().expect("no more looks than that"));
        let mut run = || {
            turns += 1.0;
            throughput(turns)
        };
        assert_eq!(sorted.run_between(&mut look, 0, &mut run)[0].value, 2.0);
        assert_eq!((sorted.found[&near][0].as_slice(), sorted.changed), (&[2.0][..], 1));
        // Always lost.
        let mut odd = false;
        let mut look = || {
            odd = !odd;
            if odd { near } else { far }
        };
        assert!(sorted.run_between(&mut look, 0, &mut run)[0].value.is_nan());
        assert_eq!((sorted.found[&near][0].len(), sorted.changed, turns), (1, 1 + TRIES, 2.0 + TRIES as f64));
    }
}
