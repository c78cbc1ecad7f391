//! Latency over time: what a picture of one run shows, with the rolls and stalls that explain it.

use crate::clock::Ticks;
use crate::latency::judge::Run;
use crate::stalls::Kind;

/// One run in slices of time.
#[derive(Clone, Debug, Default, serde::Serialize)]
pub struct Series {
    pub slices: Vec<Slice>,
    /// When a segment began, milliseconds into the run.
    pub rolls_ms: Vec<f64>,
    /// The longest, as many as a picture shows.
    pub stalls: Vec<Shown>,
    /// How many there were.
    pub stalls_in_all: usize,
}

#[derive(Clone, Copy, Debug, serde::Serialize)]
pub struct Slice {
    pub at_ms: f64,
    pub p50_ns: u64,
    pub max_ns: u64,
}

#[derive(Clone, Copy, Debug, serde::Serialize)]
pub struct Shown {
    pub at_ms: f64,
    pub stall_ns: u64,
    pub kind: Kind,
}

/// Slices in a picture; more can't be told apart.
const SLICES: u64 = 400;

/// Stalls in a picture: more cover it.
pub const MOST_SHOWN: usize = 100;

impl Series {
    pub fn of(run: &Run, ticks: Ticks) -> Self {
        let first = run.due.partition_point(|due| *due < run.warm_until);
        let (Some(&begin), Some(&end)) = (run.due.get(first), run.due.last()) else {
            return Series::default();
        };
        let ms = |at: u64| ticks.ns(begin, at) as f64 / 1e6;
        let step = ((end - begin) / SLICES).max(1);
        let mut slices = Vec::new();
        let mut at = first;
        while at < run.due.len() {
            let until = begin + ((run.due[at] - begin) / step + 1) * step;
            let next = at + run.due[at..].partition_point(|due| *due < until);
            let mut part: Vec<u64> = (at..next).map(|n| ticks.ns(run.due[n], run.done[n]).max(1)).collect();
            part.sort_unstable();
            if let (Some(p50), Some(max)) = (part.get(part.len() / 2), part.last()) {
                slices.push(Slice { at_ms: ms(run.due[at]), p50_ns: *p50, max_ns: *max });
            }
            at = next;
        }
        let in_window = |sequence: &&u64| **sequence >= first as u64;
        let rolls_ms =
            run.rolls.iter().filter(in_window).map(|sequence| ms(run.done[*sequence as usize])).collect();
        let mut stalls: Vec<Shown> = run
            .stalls
            .iter()
            .flatten()
            .filter(|stall| stall.from >= begin)
            .map(|s| Shown { at_ms: ms(s.from), stall_ns: ticks.ns(s.from, s.to), kind: s.kind })
            .collect();
        // The longest are the ones to see.
        stalls.sort_by_key(|stall| std::cmp::Reverse(stall.stall_ns));
        let stalls_in_all = stalls.len();
        stalls.truncate(MOST_SHOWN);
        Series { slices, rolls_ms, stalls, stalls_in_all }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_hold_every_event_once_and_rolls_lie_in_the_window() {
        let ticks = Ticks::get();
        let due: Vec<u64> = (0..10_000).map(|n| ticks.of_ns(n as f64 * 1_000.0)).collect();
        let mut done: Vec<u64> = due.iter().map(|due| due + ticks.of_ns(200.0)).collect();
        done[5_000] = due[5_000] + ticks.of_ns(900_000.0);
        let warm_until = due[1_000];
        let rolls = vec![500, 4_000];
        let run = Run {
            due,
            done,
            stalls: Default::default(),
            warm_until,
            rolls,
            ours_beside: true,
            missed: 0,
            beside: Default::default(),
        };
        let series = Series::of(&run, ticks);
        assert!((390..=410).contains(&series.slices.len()), "{}", series.slices.len());
        assert_eq!(series.rolls_ms.len(), 1);
        assert!((series.rolls_ms[0] - 3.0).abs() < 0.01);
        let peaks = series.slices.iter().filter(|slice| slice.max_ns > 800_000).count();
        assert_eq!(peaks, 1);
        assert!(series.slices.iter().all(|slice| (150..250).contains(&slice.p50_ns)));
    }
}
