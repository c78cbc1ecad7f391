//! From stamps to percentiles, three times: as measured, outside the host's stalls, and outside all stalls
//! from outside the thread, which with a journal may be those of the journal's own threads.
//!
//! Left out is what was due while a thread was stalled by the machine or not late yet when the stall began,
//! and the backlog behind it: until an event is as fast as the median of those outside stalls, and for twice
//! the stall's length at most. What a thread does to itself (page faults, blocking) is never left out, and
//! neither is an event that was late before the stall: that delay was not the stall's. Nor is a stall of the
//! stage's thread while a segment may have rolled on it: slipring's own work, when it neither faults nor
//! blocks, looks like the host's.

use hdrhistogram::Histogram;

use crate::clock::Ticks;
use crate::latency::beside::Beside;
use crate::stalls::{Kind, Stall};
use crate::stats::histogram;

/// The raw result of one run.
#[derive(Debug)]
pub struct Run {
    /// When each event was due; never falls.
    pub due: Vec<u64>,
    /// When the stage had it; never falls.
    pub done: Vec<u64>,
    /// Of the publisher's thread and of the stage's.
    pub stalls: [Vec<Stall>; 2],
    /// Events due before this tick are warm-up.
    pub warm_until: u64,
    /// Sequences that began a new segment.
    pub rolls: Vec<u64>,
    /// Threads of slipring's ran beside the two: what a switched stall was given to may have been one of
    /// them.
    pub ours_beside: bool,
    /// Stalls that were seen and not kept, both threads.
    pub missed: u64,
    /// What ran beside.
    pub beside: Beside,
}

/// What a run comes to.
#[derive(Clone, Debug)]
pub struct Judged {
    pub all: Histogram<u64>,
    /// Without stalls of the kinds host and switched.
    pub outside: Histogram<u64>,
    /// Without the host's stalls only: no thread of slipring's is excused.
    pub outside_host: Histogram<u64>,
    pub ours_beside: bool,
    /// Events taken per second over those due per second.
    pub achieved: f64,
    /// Stalls in the window: count and nanoseconds by kind, both threads.
    pub stalls: [(u64, u64); 4],
    /// Of those, host and switched, kept in because a roll may have been in them.
    pub at_rolls: u64,
    /// Stalls that were seen and not kept, the warm-up's too: no figure leaves them out.
    pub missed: u64,
    pub rolls: u64,
    /// The window's length, all rounds.
    pub span_ns: u64,
    pub beside: Beside,
}

pub const KINDS: [Kind; 4] = [Kind::Host, Kind::Switched, Kind::Faulted, Kind::Blocked];

impl Judged {
    /// Nothing yet.
    pub fn empty() -> Self {
        Judged {
            all: histogram(),
            outside: histogram(),
            outside_host: histogram(),
            ours_beside: false,
            achieved: 1.0,
            stalls: [(0, 0); 4],
            at_rolls: 0,
            missed: 0,
            rolls: 0,
            span_ns: 0,
            beside: Beside::default(),
        }
    }

    /// Milliseconds of the host's stalls a second, both threads: what a column has above the raw ring is its
    /// own doing.
    pub fn host_ms_per_second(&self) -> f64 {
        if self.span_ns == 0 { 0.0 } else { self.stalls[0].1 as f64 / self.span_ns as f64 * 1e3 }
    }

    /// The part of the events that the percentiles outside stalls leave out.
    pub fn left_out(&self) -> f64 {
        self.without(&self.outside)
    }

    /// The part of the events that the percentiles outside the host's stalls leave out.
    pub fn left_out_host(&self) -> f64 {
        self.without(&self.outside_host)
    }

    fn without(&self, part: &Histogram<u64>) -> f64 {
        if self.all.is_empty() { 0.0 } else { 1.0 - part.len() as f64 / self.all.len() as f64 }
    }

    /// Adds another round.
    pub fn add(&mut self, other: &Judged, rounds_before: usize) {
        self.all.add(&other.all).expect("the same bounds");
        self.outside.add(&other.outside).expect("the same bounds");
        self.outside_host.add(&other.outside_host).expect("the same bounds");
        self.ours_beside |= other.ours_beside;
        let before = rounds_before as f64;
        self.achieved = (self.achieved * before + other.achieved) / (before + 1.0);
        for (own, theirs) in self.stalls.iter_mut().zip(&other.stalls) {
            *own = (own.0 + theirs.0, own.1 + theirs.1);
        }
        self.at_rolls += other.at_rolls;
        self.missed += other.missed;
        self.rolls += other.rolls;
        self.span_ns += other.span_ns;
        self.beside.add(&other.beside);
    }
}

/// Latencies, and which of them the machine spoilt.
pub fn judge(run: &Run, ticks: Ticks) -> Judged {
    let first = run.due.partition_point(|due| *due < run.warm_until);
    let (due, done) = (&run.due[first..], &run.done[first..]);
    let of = |kept: &dyn Fn(usize) -> bool| {
        let mut histogram = histogram();
        for at in (0..due.len()).filter(|at| kept(*at)) {
            histogram.saturating_record(ticks.ns(due[at], done[at]).max(1));
        }
        histogram
    };
    let outside_of = |kinds: fn(Kind) -> bool| {
        let spoilt = spoilt(due, done, &excused(run, kinds), ticks.of_ns(LATE_NS));
        of(&|at| !spoilt[at])
    };
    let all = of(&|_| true);
    let (outside, outside_host) = (outside_of(Kind::is_from_outside), outside_of(Kind::is_the_hosts));
    let achieved = taken_in_time(due, done);
    let mut stalls = [(0, 0); 4];
    for stall in run.stalls.iter().flatten().filter(|stall| stall.to >= run.warm_until) {
        let at = KINDS.iter().position(|kind| *kind == stall.kind).expect("every kind is listed");
        stalls[at] = (stalls[at].0 + 1, stalls[at].1 + ticks.ns(stall.from, stall.to));
    }
    let rolls = run.rolls.iter().filter(|sequence| **sequence >= first as u64).count() as u64;
    let windows = rolling(run);
    let at_rolls = run.stalls[1]
        .iter()
        .filter(|stall| stall.to >= run.warm_until && stall.kind.is_from_outside())
        .filter(|stall| overlaps(stall, &windows))
        .count() as u64;
    let span_ns = done.last().map_or(0, |last| ticks.ns(run.warm_until, *last));
    let (ours_beside, missed, beside) = (run.ours_beside, run.missed, run.beside.clone());
    Judged {
        all,
        outside,
        outside_host,
        ours_beside,
        achieved,
        stalls,
        at_rolls,
        missed,
        rolls,
        span_ns,
        beside,
    }
}

/// When the segments rolled, at the earliest and at the latest: after the event before the first of a segment
/// was due, and before the stage had one that was due after it had that first (so no event of the same batch,
/// behind which a journal that comes after the stage appends).
fn rolling(run: &Run) -> Vec<(u64, u64)> {
    let window = |sequence: &u64| {
        let first = *sequence as usize;
        let had = *run.done.get(first)?;
        let next = run.due.partition_point(|due| *due <= had);
        Some((run.due[first.saturating_sub(1)], run.done.get(next).copied().unwrap_or(u64::MAX)))
    };
    run.rolls.iter().filter_map(window).collect()
}

fn overlaps(stall: &Stall, windows: &[(u64, u64)]) -> bool {
    windows.iter().any(|(from, to)| stall.from <= *to && stall.to >= *from)
}

/// The stalls of both threads that are left out, if those of these kinds are.
fn excused(run: &Run, kinds: fn(Kind) -> bool) -> Vec<Stall> {
    let [publisher, stage] = &run.stalls;
    let windows = rolling(run);
    let stage = stage.iter().filter(|stall| !overlaps(stall, &windows));
    publisher.iter().chain(stage).filter(|stall| kinds(stall.kind)).copied().collect()
}

/// The time that the events were due in over the time that they took: 1 unless a backlog is left at the end.
/// What the last tenth of the events never gets below is backlog; one stall at the end is not.
fn taken_in_time(due: &[u64], done: &[u64]) -> f64 {
    let (Some(first), Some(last)) = (due.first(), due.last()) else { return 1.0 };
    let tail = due.len() - due.len().div_ceil(10);
    let lags = due[tail..].iter().zip(&done[tail..]).map(|(due, done)| done.saturating_sub(*due));
    let (span, lag) = ((last - first) as f64, lags.min().unwrap_or(0) as f64);
    if span > 0.0 { span / (span + lag) } else { 1.0 }
}

/// An event in flight for longer than this when a stall began was late without it: as long as the shortest
/// stall.
const LATE_NS: f64 = 10_000.0;

/// Which events these stalls delayed.
fn spoilt(due: &[u64], done: &[u64], stalls: &[Stall], late: u64) -> Vec<bool> {
    let mut spoilt = vec![false; due.len()];
    let behind: Vec<(Stall, usize)> = stalls
        .iter()
        .map(|stall| {
            let had = done.partition_point(|done| *done < stall.from);
            let from = had.max(due.partition_point(|due| due.saturating_add(late) < stall.from));
            let to = due.partition_point(|due| *due <= stall.to);
            if from < to {
                spoilt[from..to].fill(true);
            }
            (*stall, to.max(from))
        })
        .collect();
    let latency = |at: usize| done[at].saturating_sub(due[at]);
    let mut free: Vec<u64> = (0..due.len()).filter(|at| !spoilt[*at]).map(latency).collect();
    let middle = free.len() / 2;
    let usual = if free.is_empty() { u64::MAX } else { *free.select_nth_unstable(middle).1 };
    for (stall, behind) in behind {
        let backlog_until = stall.to + 2 * (stall.to - stall.from);
        for at in behind..due.len() {
            if due[at] > backlog_until || latency(at) <= usual {
                break;
            }
            spoilt[at] = true;
        }
    }
    spoilt
}

#[cfg(test)]
mod tests {
    use super::*;

    /// More than the events of these tests are in flight for.
    const LATE: u64 = 100;

    /// Events due every 100 ticks, each done 10 later, but for what a stall from 1,000 to 2,000 holds up:
    /// done at 2,000 and then 20 apart, until the backlog is gone.
    fn stalled(kind: Kind) -> Run {
        let due: Vec<u64> = (0..100).map(|n| n * 100).collect();
        let mut done = Vec::new();
        let mut free = 0;
        for at in &due {
            let ready = if (1_000..2_000).contains(at) { 2_000 } else { *at };
            let begun: u64 = ready.max(free);
            done.push(begun + 10);
            free = begun + 20;
        }
        let stalls = [vec![Stall { from: 995, to: 2_000, kind }], Vec::new()];
        Run {
            due,
            done,
            stalls,
            warm_until: 0,
            rolls: Vec::new(),
            ours_beside: true,
            missed: 0,
            beside: Beside::default(),
        }
    }

    fn spoilt_by(run: &Run, kinds: fn(Kind) -> bool) -> Vec<bool> {
        spoilt(&run.due, &run.done, &excused(run, kinds), LATE)
    }

    #[test]
    fn a_stall_of_the_machine_takes_what_it_delayed_and_its_backlog() {
        let run = stalled(Kind::Host);
        let spoilt = spoilt_by(&run, Kind::is_from_outside);
        let out: Vec<usize> = (0..100).filter(|at| spoilt[*at]).collect();
        // 10 to 19 were due during it, 20 at its end, 21 and 22 queued behind them; 23 is on time again.
        assert_eq!(out, (10..=22).collect::<Vec<_>>());
        assert!(run.done[22] - run.due[22] > 10 && run.done[23] - run.due[23] == 10);
    }

    #[test]
    fn what_a_thread_does_to_itself_stays_in() {
        for kind in [Kind::Faulted, Kind::Blocked] {
            assert!(!spoilt_by(&stalled(kind), Kind::is_from_outside).contains(&true));
        }
    }

    #[test]
    fn what_may_be_a_thread_of_ours_stays_in_outside_the_hosts_stalls() {
        let run = stalled(Kind::Switched);
        assert!(spoilt_by(&run, Kind::is_from_outside).contains(&true));
        assert!(!spoilt_by(&run, Kind::is_the_hosts).contains(&true));
    }

    #[test]
    fn an_event_in_flight_when_the_stall_began_is_part_of_it() {
        let due = [0, 100, 200];
        let done = [10, 900, 905];
        let stalls = [Stall { from: 150, to: 890, kind: Kind::Switched }];
        assert_eq!(spoilt(&due, &done, &stalls, LATE), [false, true, true]);
    }

    #[test]
    fn an_event_that_was_late_before_the_stall_stays_in() {
        // Events take 5,000 ticks, as those that wait for a disk; a stall of 60 falls into the flight of 50
        // of them.
        let due: Vec<u64> = (0..200).map(|n| n * 100).collect();
        let done: Vec<u64> = due.iter().map(|due| due + 5_000).collect();
        let stalls = [Stall { from: 9_950, to: 10_010, kind: Kind::Host }];
        let spoilt = spoilt(&due, &done, &stalls, LATE);
        let out: Vec<usize> = (0..200).filter(|at| spoilt[*at]).collect();
        // Due at 9,900, 50 before the stall, and at 10,000, within it. Those from 5,000 on were late already.
        assert_eq!(out, [99, 100]);
    }

    #[test]
    fn a_stall_with_a_roll_in_it_is_our_own() {
        // The stage's thread stalls from 995 to 2,000; event 12 began a segment and came within it.
        let stall = |rolls| {
            let mut run = stalled(Kind::Host);
            run.stalls.swap(0, 1);
            Run { rolls, ..run }
        };
        assert!(!spoilt_by(&stall(vec![12]), Kind::is_the_hosts).contains(&true));
        assert!(spoilt_by(&stall(vec![50]), Kind::is_the_hosts)[12]);
        // Behind the stage in turn: event 9 began it, was had at once, and the next batch came late.
        assert!(!spoilt_by(&stall(vec![9]), Kind::is_the_hosts).contains(&true));
        // A stall of the publisher's thread at that time has no roll in it.
        assert!(spoilt_by(&Run { rolls: vec![12], ..stalled(Kind::Host) }, Kind::is_the_hosts)[12]);
    }

    #[test]
    fn a_backlog_that_never_ends_is_not_excused_for_ever() {
        // Every event stays slow for long after the stall: beyond twice its length that is not the stall's
        // doing.
        let due: Vec<u64> = (0..1_000).map(|n| n * 100).collect();
        let slow = |due: u64| (1_000..30_000).contains(&due);
        let done: Vec<u64> = due.iter().map(|due| if slow(*due) { due + 1_000 } else { due + 10 }).collect();
        let stalls = [Stall { from: 1_000, to: 2_000, kind: Kind::Host }];
        let spoilt = spoilt(&due, &done, &stalls, LATE);
        assert!(spoilt[40] && !spoilt[41] && !spoilt[299]);
    }

    #[test]
    fn only_a_backlog_that_stays_is_not_taken_in_time() {
        let due: Vec<u64> = (0..1_000).map(|n| n * 100).collect();
        let mut done: Vec<u64> = due.iter().map(|due| due + 10).collect();
        assert!(taken_in_time(&due, &done) > 0.999);
        // A stall over the last events alone.
        done[950..].fill(140_000);
        assert!(taken_in_time(&due, &done) > 0.999);
        // Half the rate.
        let slow: Vec<u64> = due.iter().map(|due| due * 2).collect();
        assert!((taken_in_time(&due, &slow) - 1.0 / 1.9).abs() < 0.01);
        assert_eq!(taken_in_time(&[], &[]), 1.0);
    }

    #[test]
    fn percentiles_and_shares_come_from_the_stamps() {
        let ticks = Ticks::get();
        // A whole number of ticks a unit: rounded one by one, equal latencies would differ by a tick, as the
        // calibration falls.
        let unit = ticks.of_ns(100.0);
        let scaled = |at: u64| at * unit;
        let scale = |all: Vec<u64>| all.into_iter().map(scaled).collect();
        let run = |kind| {
            let run = stalled(kind);
            let stalls = run.stalls.map(|all| {
                all.into_iter().map(|s| Stall { from: scaled(s.from), to: scaled(s.to), ..s }).collect()
            });
            let (due, done) = (scale(run.due), scale(run.done));
            Run {
                due,
                done,
                stalls,
                warm_until: scaled(500),
                missed: 3,
                beside: Beside::default(),
                rolls: vec![2, 50],
                ours_beside: true,
            }
        };
        let judged = judge(&run(Kind::Switched), ticks);
        assert_eq!((judged.all.len(), judged.outside_host.len()), (95, 95));
        assert!(judged.outside.len() < 95 && judged.ours_beside);
        assert!(judged.left_out() > 0.0 && judged.left_out_host() == 0.0);
        let judged = judge(&run(Kind::Host), ticks);
        assert_eq!(judged.outside, judged.outside_host);
        assert_eq!((judged.missed, judged.at_rolls), (3, 0));
        // 100 us of 945 or so.
        let host = judged.host_ms_per_second();
        assert!((100.0..110.0).contains(&host), "{host}");
        assert_eq!((judged.all.len(), judged.rolls), (95, 1));
        assert_eq!(judged.outside.len(), 95 - 13);
        assert!((judged.left_out() - 13.0 / 95.0).abs() < 1e-9);
        // 101 ticks of a hundred nanoseconds from due to done at worst; without the stall 10 of them.
        assert!((95_000..110_000).contains(&judged.all.max()), "{}", judged.all.max());
        assert!(judged.outside.max() < 1_100, "{}", judged.outside.max());
        assert_eq!(judged.stalls[0].0, 1);
    }
}
