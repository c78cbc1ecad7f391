//! A hiccup meter: what the machine does to a thread that does nothing but look at the clock. The jumps that
//! it records are in every other figure too.

use std::time::Duration;

use hdrhistogram::Histogram;

use crate::clock::Ticks;
use crate::harness::{Output, Tally};
use crate::host::pin_to;
use crate::stalls::{Kind, Stall, Watch};
use crate::stats::{QUANTILES, Sample, histogram, human_ns};

/// Jumps longer than this are stalls.
pub const STALL_NS: f64 = 10_000.0;

/// What one core showed in one round.
struct Look {
    jumps: Histogram<u64>,
    stalls: Vec<Stall>,
    begun: u64,
    ended: u64,
}

/// What the report keeps of a core.
#[derive(Clone)]
pub struct CoreJitter {
    pub core: usize,
    pub jumps: Histogram<u64>,
    /// When, how long and why; the longest first.
    pub worst: Vec<Worst>,
    /// Stalls a second.
    pub per_second: f64,
    /// The part of the time that was lost in stalls.
    pub lost: f64,
}

#[derive(Clone, Copy, Debug, serde::Serialize)]
pub struct Worst {
    pub at_ms: f64,
    pub stall_ns: u64,
    pub kind: Kind,
}

/// Spins on `core` for `span`.
fn spin(core: usize, span: Duration) -> Look {
    pin_to(Some(core));
    let ticks = Ticks::get();
    let mut jumps = histogram();
    let mut watch = Watch::new(ticks, STALL_NS);
    watch.start();
    let begun = watch.look();
    let end = begun + ticks.of_ns(span.as_nanos() as f64);
    let stall = ticks.of_ns(STALL_NS);
    let mut last = begun;
    while last < end {
        let now = watch.look();
        jumps.saturating_record(ticks.ns(last, now).max(1));
        // Read again: recording is not a jump of the machine; a stall that falls into it is.
        last = watch.look();
        if last > now && last - now > stall {
            jumps.saturating_record(ticks.ns(now, last));
        }
    }
    Look { jumps, stalls: watch.into_stalls(), begun, ended: last }
}

/// `jitter`: every core at once, each with a thread of its own.
pub fn bench(output: &mut Output, cores: &[usize], quick: bool) -> Vec<CoreJitter> {
    let (rounds, span) = if quick { (3, Duration::from_secs(2)) } else { (5, Duration::from_secs(10)) };
    let ticks = Ticks::get();
    let topology = format!("a spinning thread pinned to each of {} cores, all at once", cores.len());
    let mut tallies = vec![Tally::default(); cores.len()];
    let mut found: Vec<CoreJitter> = cores
        .iter()
        .map(|core| CoreJitter {
            core: *core,
            jumps: histogram(),
            worst: Vec::new(),
            per_second: 0.0,
            lost: 0.0,
        })
        .collect();
    for round in 0..rounds {
        output.note(&format!("jitter: round {} of {rounds}", round + 1));
        let looks: Vec<Look> = std::thread::scope(|scope| {
            let threads: Vec<_> = cores.iter().map(|core| scope.spawn(move || spin(*core, span))).collect();
            threads.into_iter().map(|thread| thread.join().expect("a loop does not panic")).collect()
        });
        for ((look, tally), core) in looks.into_iter().zip(&mut tallies).zip(&mut found) {
            let seconds = ticks.ns(look.begun, look.ended) as f64 / 1e9;
            let lost_ns: u64 = look.stalls.iter().map(|stall| ticks.ns(stall.from, stall.to)).sum();
            let (lost, per_second) = (lost_ns as f64 / 1e9 / seconds, look.stalls.len() as f64 / seconds);
            tally.take(samples(&look.jumps, lost, per_second));
            core.jumps.add(&look.jumps).expect("the same bounds");
            core.lost += lost / f64::from(rounds);
            core.per_second += per_second / f64::from(rounds);
            let offset_ms = f64::from(round) * span.as_secs_f64() * 1e3;
            core.worst.extend(look.stalls.iter().map(|stall| Worst {
                at_ms: offset_ms + ticks.ns(look.begun, stall.from) as f64 / 1e6,
                stall_ns: ticks.ns(stall.from, stall.to),
                kind: stall.kind,
            }));
            core.worst.sort_by_key(|worst| std::cmp::Reverse(worst.stall_ns));
            core.worst.truncate(10);
        }
    }
    for (core, tally) in cores.iter().zip(&tallies) {
        output.keep(tally.rows(&format!("jitter/core{core}"), "machine", &topology, &[]));
    }
    output.say(&table(&found, &topology, rounds, span));
    found
}

fn samples(jumps: &Histogram<u64>, lost: f64, per_second: f64) -> Vec<Sample> {
    let quantile = |(metric, at): (&'static str, f64)| Sample {
        metric,
        unit: "ns",
        value: jumps.value_at_quantile(at) as f64,
    };
    let mut samples: Vec<Sample> = QUANTILES.into_iter().map(quantile).collect();
    samples.push(Sample { metric: "stalls", unit: "1/s", value: per_second });
    samples.push(Sample { metric: "lost", unit: "%", value: lost * 100.0 });
    samples
}

fn table(found: &[CoreJitter], topology: &str, rounds: i32, span: Duration) -> String {
    use std::fmt::Write;
    let mut text = format!("jitter  ({topology}, {rounds} rounds of {} s)\n", span.as_secs());
    let _ = writeln!(
        text,
        "  {:<6} {:>8} {:>8} {:>8} {:>8} {:>8} {:>12} {:>8}",
        "core", "p50", "p99", "p99.9", "p99.99", "max", "stalls/s", "lost"
    );
    for core in found {
        let at = |quantile| human_ns(core.jumps.value_at_quantile(quantile) as f64);
        let _ = writeln!(
            text,
            "  {:<6} {:>8} {:>8} {:>8} {:>8} {:>8} {:>12.1} {:>7.3}%",
            core.core,
            at(0.5),
            at(0.99),
            at(0.999),
            at(0.9999),
            at(1.0),
            core.per_second,
            core.lost * 100.0
        );
    }
    text.push_str(
        "  A jump is the time between two looks at the clock; one of more than 10 us is a stall.\n",
    );
    for core in found {
        let worst: Vec<String> = core
            .worst
            .iter()
            .map(|worst| {
                let (long, why) = (human_ns(worst.stall_ns as f64), worst.kind.name());
                format!("{long} at {:.0} ms ({why})", worst.at_ms)
            })
            .collect();
        let _ = writeln!(text, "  worst of core {}: {}", core.core, worst.join(", "));
    }
    text
}
