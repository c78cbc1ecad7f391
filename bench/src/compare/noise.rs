//! What separates a slower slipring from a slower machine: spread, and what the others lost.

use crate::harness::Row;
use crate::stats::median;

/// Beyond p90; and p90 with the machine's stalls in it: with a journal, a fifth of the events fall into
/// stalls here. Of a stage that waits for the disk any p90: in a third of a second that is the one or two
/// syncs that took longest.
pub fn is_tail(row: &Row) -> bool {
    let metric = &row.metric;
    ["p99", "p999", "p9999", "max"]
        .iter()
        .any(|tail| metric == *tail || metric.starts_with(&format!("{tail}-")))
        || (metric == "p90" || metric == "p90-outside-host") && row.bench.starts_with("latency/")
        || metric.starts_with("p90") && row.bench.starts_with("latency/durable/")
}

/// How much worse `b` is than `a`: above 1 if it is.
pub fn worse(a: f64, b: f64, more_is_better: bool) -> f64 {
    if more_is_better { a / b } else { b / a }
}

/// How far a run's rounds stray from their median, as a factor of 1 or more.
pub fn spread(row: &Row) -> f64 {
    (row.max / row.median).max(row.median / row.min).max(1.0)
}

/// Both runs' rounds strayed by more than this: such a figure could have doubled and not shown it.
pub const CANT_TELL: f64 = 3.0;

/// Fewer rounds than this are one moment of the machine.
pub const LEAST_ROUNDS: usize = 3;

/// Rounds miss the true extremes, the fewer the more: their spread is raised to this.
pub fn few_rounds(rounds: usize) -> f64 {
    1.0 + 1.0 / rounds.max(1) as f64
}

/// How many times the tolerance a figure is given.
///
/// Throughput from core to core has two states on one machine in one minute: a stage that is just behind the
/// publisher disturbs it, one that lags does not; between them lies a factor of up to two, and the raw ring
/// need not change its state at the same time. Where nobody ran beside it, what the machine did is a guess.
pub fn caution(row: &Row, is_alone: bool) -> f64 {
    match () {
        _ if crosses_cores(row) => 3.0,
        _ if is_alone => 2.0,
        _ => 1.0,
    }
}

/// A throughput from core to core.
fn crosses_cores(row: &Row) -> bool {
    const CROSSES_CORES: [&str; 5] = ["ring/", "journalled/", "topology/", "replay", "peers/replay"];
    row.metric == "throughput" && CROSSES_CORES.iter().any(|bench| row.bench.starts_with(bench))
}

/// What the raw ring beside it lost, from which on a throughput from core to core is not judged: its host has
/// moved the cores apart, and how much of a design's speed that takes differs from design to design.
const ANOTHER_MACHINE: f64 = 2.5;

/// Whether the two runs were on machines too different to compare, as what ran beside it shows.
pub fn is_another_machine(row: &Row, beside: Option<f64>) -> bool {
    crosses_cores(row) && beside.is_some_and(|factor| factor > ANOTHER_MACHINE)
}

const RAW_RING: &str = "disruptor";

/// Whether it was measured on one thread. Of those who replay, the raw ring alone moves events between cores;
/// the stores call a closure.
fn on_one_thread(row: &Row) -> bool {
    const ONE_THREAD: [&str; 5] = ["append", "peers/append", "seek", "open", "jitter"];
    let replays = row.bench == "replay" || row.bench == "peers/replay";
    ONE_THREAD.iter().any(|bench| row.bench == *bench || row.bench.starts_with(&format!("{bench}/")))
        || replays && !row.contender.starts_with("slipring") && row.contender != RAW_RING
}

/// Another contender's figure, and how much worse it got.
pub struct Control<'a> {
    pub row: &'a Row,
    pub factor: f64,
}

/// What those lost that ran between slipring's rounds: the raw ring if it was there, as slipring is made of
/// it; else the median of the others, so that none of them excuses slipring by a bad minute of its own.
pub fn machine(row: &Row, controls: &[Control<'_>]) -> Option<f64> {
    let bench = beside(&row.bench);
    let same: Vec<&Control<'_>> = controls
        .iter()
        .filter(|control| control.row.bench == bench && control.row.metric == row.metric)
        .collect();
    let raw = same.iter().find(|control| control.row.contender == RAW_RING).map(|control| control.factor);
    let factors: Vec<f64> = same.iter().map(|control| control.factor).collect();
    let found = raw.or_else(|| (!factors.is_empty()).then(|| median(&factors)));
    // A latency that the raw ring was not measured beside: what it costs to cross cores changes by a factor
    // from one minute to the next, so the raw ring's worst minute is what there is to excuse it.
    let is_latency = bench.starts_with("latency/");
    let crosses = controls.iter().filter(|control| {
        let other = control.row;
        is_latency
            && other.bench.starts_with("latency/ring/")
            && other.metric == row.metric
            && !is_near_the_knee(&other.bench)
    });
    found.or_else(|| crosses.map(|control| control.factor).reduce(f64::max))
}

/// What nine in ten of the others stayed below; figures that are not judged do not count, and for a figure
/// taken on one thread only those of one thread do: what it costs to cross cores is nothing to it.
pub fn usual(row: &Row, controls: &[Control<'_>]) -> f64 {
    let alone = on_one_thread(row);
    let judged = |control: &&Control<'_>| {
        let other = control.row;
        !is_tail(other)
            && !is_near_the_knee(&other.bench)
            && other.metric != "p90"
            && (!alone || on_one_thread(other))
    };
    let mut factors: Vec<f64> = controls.iter().filter(judged).map(|control| control.factor).collect();
    factors.sort_by(f64::total_cmp);
    factors.get(factors.len() * 9 / 10).copied().unwrap_or(1.0)
}

/// The bench whose other contenders ran in turn with it: all latency columns at one rate take turns, and the
/// raw ring stands in the ring's.
fn beside(bench: &str) -> String {
    match bench.strip_prefix("latency/").and_then(|rest| rest.split_once('/')) {
        // The presets of waiting take turns with the raw ring at the usual rate.
        Some((_, rate)) if rate.starts_with("1000000/wait-") => "latency/ring/1000000".to_owned(),
        Some((_, rate)) => format!("latency/ring/{rate}"),
        None => bench.to_owned(),
    }
}

/// Whether a latency was taken at more than a million a second.
pub fn is_near_the_knee(bench: &str) -> bool {
    let rate = bench.strip_prefix("latency/").and_then(|rest| rest.split('/').nth(1));
    rate.and_then(|rate| rate.parse::<f64>().ok()).is_some_and(|rate| rate > 1e6)
}
