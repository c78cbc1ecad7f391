//! `compare A B`: what got slower beyond the noise.
//!
//! The rule, for one figure of `slipring` that both runs have, all as factors (1 = the same, 2 = twice as slow):
//!
//! 1. *worse*: B's median against A's.
//! 2. *machine*: the same of the contender in the same bench that lost most (for a latency column: in the ring's column
//!    at the same rate): they ran between slipring's rounds, so what slowed them too was not slipring. Where nobody ran
//!    beside it, what nine in ten of all others stayed below. A machine that got faster excuses nothing and accuses
//!    nobody, so this is never below 1.
//! 3. *noise*: how far each run's rounds stray from their own median, to the worse side in B and to the better side in
//!    A being what separates them; both together, and never below the tolerance.
//!
//! Slower is: worse / machine > noise, **and** B's best round is worse than A's worst. Not judged are percentiles beyond
//! p90 (but on demand: on a shared machine they are the machine's), and rates above a million a second: near the knee
//! a machine that is a little slower makes a queue, and the queue a thousandfold latency; and two rounds of a figure
//! that nobody ran beside: they are one moment of the machine.

use std::collections::BTreeMap;
use std::path::Path;

use crate::harness::Row;

/// What a comparison needs to know.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// Differences below this part are never called slower.
    pub tolerance: f64,
    /// Also judge p99 and beyond.
    pub tails: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Slower,
    Faster,
    Same,
    /// Shown, not judged.
    Tail,
}

/// One figure in both runs.
#[derive(Clone, Debug)]
pub struct Finding {
    pub bench: String,
    pub metric: String,
    pub unit: String,
    pub a: f64,
    pub b: f64,
    pub worse: f64,
    pub machine: f64,
    pub noise: f64,
    pub verdict: Verdict,
}

/// Everything that both runs have.
#[derive(Clone, Debug)]
pub struct Comparison {
    pub findings: Vec<Finding>,
    /// Figures of slipring that only one run has.
    pub alone: Vec<String>,
}

impl Comparison {
    pub fn slower(&self) -> usize {
        self.findings.iter().filter(|finding| finding.verdict == Verdict::Slower).count()
    }
}

#[derive(Debug)]
pub enum ReadError {
    Io { path: String, source: std::io::Error },
    Json { path: String, line: usize, source: serde_json::Error },
    Empty { path: String },
}

impl std::fmt::Display for ReadError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            ReadError::Io { path, source } => write!(f, "can't read {path}: {source}"),
            ReadError::Json { path, line, source } => write!(
                f,
                "{path}, line {line}: neither a summary.json nor a line of --json: {source}; make one with \
                 `slipring-bench all --json > FILE` or `--out DIR`"
            ),
            ReadError::Empty { path } => write!(f, "{path} holds no figures"),
        }
    }
}

impl std::error::Error for ReadError {}

/// Reads the rows of a `summary.json`, or of lines of `--json`.
pub fn read(path: &Path) -> Result<Vec<Row>, ReadError> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| ReadError::Io { path: path.display().to_string(), source })?;
    parse(&text, &path.display().to_string())
}

fn parse(text: &str, path: &str) -> Result<Vec<Row>, ReadError> {
    #[derive(serde::Deserialize)]
    struct Summary {
        rows: Vec<Row>,
    }
    if let Ok(summary) = serde_json::from_str::<Summary>(text) {
        return if summary.rows.is_empty() {
            Err(ReadError::Empty { path: path.to_owned() })
        } else {
            Ok(summary.rows)
        };
    }
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let rows: Vec<Row> = lines
        .map(|(at, line)| {
            serde_json::from_str(line).map_err(|source| ReadError::Json {
                path: path.to_owned(),
                line: at + 1,
                source,
            })
        })
        .collect::<Result<_, _>>()?;
    if rows.is_empty() { Err(ReadError::Empty { path: path.to_owned() }) } else { Ok(rows) }
}

/// Whether more of it is better; `None` for what is neither (shares, counts).
fn more_is_better(unit: &str) -> Option<bool> {
    match unit {
        "M/s" => Some(true),
        "ns" | "us" | "ms" | "s" => Some(false),
        _ => None,
    }
}

fn is_tail(metric: &str) -> bool {
    ["p99", "p999", "p9999", "max"]
        .iter()
        .any(|tail| metric == *tail || metric.starts_with(&format!("{tail}-")))
}

/// How much worse `b` is than `a`: above 1 if it is.
fn worse(a: f64, b: f64, more_is_better: bool) -> f64 {
    if more_is_better { a / b } else { b / a }
}

/// How far a run's rounds stray from their median, as a factor of 1 or more.
fn spread(row: &Row) -> f64 {
    (row.max / row.median).max(row.median / row.min).max(1.0)
}

/// With nobody beside it, fewer rounds than this are one moment of the machine.
const LEAST_ROUNDS_ALONE: usize = 3;

/// Rounds miss the true extremes, the fewer the more: their spread is raised to this.
fn few_rounds(rounds: usize) -> f64 {
    1.0 + 1.0 / rounds.max(1) as f64
}

/// Another contender's figure, and how much worse it got.
struct Control<'a> {
    row: &'a Row,
    factor: f64,
}

/// The greatest loss of those that ran between slipring's rounds.
fn machine(row: &Row, controls: &[Control<'_>]) -> Option<f64> {
    let bench = beside(&row.bench);
    let same =
        controls.iter().filter(|control| control.row.bench == bench && control.row.metric == row.metric);
    same.map(|control| control.factor).reduce(f64::max)
}

/// What nine in ten of the others stayed below; figures that are not judged do not count.
fn usual(controls: &[Control<'_>]) -> f64 {
    let judged = |control: &&Control<'_>| {
        let row = control.row;
        !is_tail(&row.metric) && !is_near_the_knee(&row.bench) && row.metric != "p90"
    };
    let mut factors: Vec<f64> = controls.iter().filter(judged).map(|control| control.factor).collect();
    factors.sort_by(f64::total_cmp);
    factors.get(factors.len() * 9 / 10).copied().unwrap_or(1.0)
}

/// The bench whose other contenders ran in turn with it: all latency columns at one rate take turns, and the raw ring
/// stands in the ring's.
fn beside(bench: &str) -> String {
    match bench.strip_prefix("latency/").and_then(|rest| rest.split_once('/')) {
        Some((_, rate)) => format!("latency/ring/{rate}"),
        None => bench.to_owned(),
    }
}

/// Whether a latency was taken at more than a million a second.
fn is_near_the_knee(bench: &str) -> bool {
    let rate = bench.strip_prefix("latency/").and_then(|rest| rest.split('/').nth(1));
    rate.and_then(|rate| rate.parse::<f64>().ok()).is_some_and(|rate| rate > 1e6)
}

/// Compares two runs.
pub fn compare(a: &[Row], b: &[Row], rule: Rule) -> Comparison {
    type Key<'a> = (&'a str, &'a str, &'a str);
    fn key(row: &Row) -> Key<'_> {
        (&row.bench, &row.contender, &row.metric)
    }
    let before: BTreeMap<Key<'_>, &Row> = a.iter().map(|row| (key(row), row)).collect();
    let after: BTreeMap<Key<'_>, &Row> = b.iter().map(|row| (key(row), row)).collect();
    let controls: Vec<Control<'_>> = b
        .iter()
        .filter(|row| row.contender != "slipring")
        .filter_map(|row| {
            let factor = worse(before.get(&key(row))?.median, row.median, more_is_better(&row.unit)?);
            (factor.is_finite() && factor > 0.0).then_some(Control { row, factor })
        })
        .collect();
    let usual = usual(&controls);
    let mut comparison = Comparison { findings: Vec::new(), alone: Vec::new() };
    for row in a.iter().filter(|row| row.contender == "slipring") {
        if !after.contains_key(&key(row)) {
            comparison.alone.push(format!("{} {} (only in A)", row.bench, row.metric));
        }
    }
    for now in b.iter().filter(|row| row.contender == "slipring") {
        let Some(more) = more_is_better(&now.unit) else { continue };
        let Some(was) = before.get(&key(now)) else {
            comparison.alone.push(format!("{} {} (only in B)", now.bench, now.metric));
            continue;
        };
        if !(was.median > 0.0 && now.median > 0.0 && was.min > 0.0 && now.min > 0.0) {
            continue;
        }
        let beside = machine(now, &controls);
        let machine = beside.unwrap_or(usual).max(1.0);
        let too_few = beside.is_none() && was.rounds.min(now.rounds) < LEAST_ROUNDS_ALONE;
        let change = worse(was.median, now.median, more);
        let strays = spread(was).powf(few_rounds(was.rounds)) * spread(now).powf(few_rounds(now.rounds));
        let noise = strays.max(1.0 + rule.tolerance);
        let (apart_worse, apart_better) = if more {
            (now.max < was.min, now.min > was.max)
        } else {
            (now.min > was.max, now.max < was.min)
        };
        let verdict = if (is_tail(&now.metric) && !rule.tails) || is_near_the_knee(&now.bench) || too_few {
            Verdict::Tail
        } else if change / machine > noise && apart_worse {
            Verdict::Slower
        } else if 1.0 / change > noise && apart_better {
            Verdict::Faster
        } else {
            Verdict::Same
        };
        comparison.findings.push(Finding {
            bench: now.bench.clone(),
            metric: now.metric.clone(),
            unit: now.unit.clone(),
            a: was.median,
            b: now.median,
            worse: change,
            machine,
            noise,
            verdict,
        });
    }
    comparison
}

/// The comparison for people: what is slower first, then what is faster, then how much was the same.
pub fn text(comparison: &Comparison, all: bool) -> String {
    use std::fmt::Write;
    let mut text = String::new();
    let mut shown: Vec<&Finding> = comparison.findings.iter().collect();
    shown.retain(|finding| all || matches!(finding.verdict, Verdict::Slower | Verdict::Faster));
    shown.sort_by(|x, y| (y.worse / y.machine).total_cmp(&(x.worse / x.machine)));
    for finding in shown {
        let verdict = match finding.verdict {
            Verdict::Slower => "SLOWER",
            Verdict::Faster => "faster",
            Verdict::Same => "same",
            Verdict::Tail => "(tail)",
        };
        let _ = writeln!(
            text,
            "{verdict:<7} {:<34} {:<20} {:>10} -> {:>10} {:<4} {:>6.2}x as slow; machine {:.2}x, noise {:.2}x",
            finding.bench,
            finding.metric,
            finding.a,
            finding.b,
            finding.unit,
            finding.worse,
            finding.machine,
            finding.noise
        );
    }
    if all {
        for alone in &comparison.alone {
            let _ = writeln!(text, "alone   {alone}");
        }
    } else if !comparison.alone.is_empty() {
        let _ = writeln!(text, "{} figures are in one run only (--all names them)", comparison.alone.len());
    }
    let count = |verdict| comparison.findings.iter().filter(|f| f.verdict == verdict).count();
    let _ = writeln!(
        text,
        "{} slower, {} faster, {} the same within the noise, {} not judged",
        count(Verdict::Slower),
        count(Verdict::Faster),
        count(Verdict::Same),
        count(Verdict::Tail)
    );
    text.push_str(
        "Slower: the median is worse by more than both runs' rounds stray and the tolerance, after what the others beside \
         it\nlost is taken off, and B's best round is worse than A's worst. Not judged: beyond p90 (--tails), above 1 M/s,\ntwo rounds \
         with nobody beside them.\n",
    );
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: Rule = Rule { tolerance: 0.1, tails: false };

    fn row(bench: &str, contender: &str, metric: &str, unit: &str, figures: (f64, f64, f64)) -> Row {
        let (median, min, max) = figures;
        Row {
            bench: bench.into(),
            contender: contender.into(),
            metric: metric.into(),
            unit: unit.into(),
            median,
            min,
            max,
            rounds: 5,
            ratio: BTreeMap::new(),
            ratio_spread: BTreeMap::new(),
            topology: String::new(),
        }
    }

    fn rate(contender: &str, figures: (f64, f64, f64)) -> Row {
        row("ring/b1", contender, "throughput", "M/s", figures)
    }

    fn verdict(a: &[Row], b: &[Row]) -> Verdict {
        compare(a, b, RULE).findings[0].verdict
    }

    #[test]
    fn half_the_rate_is_slower_and_twice_the_rate_faster() {
        let fast = [rate("slipring", (100.0, 97.0, 103.0))];
        let slow = [rate("slipring", (50.0, 48.0, 52.0))];
        assert_eq!(verdict(&fast, &slow), Verdict::Slower);
        assert_eq!(verdict(&slow, &fast), Verdict::Faster);
    }

    #[test]
    fn more_nanoseconds_are_slower() {
        let ns = |figures| row("latency/ring/1000000", "slipring", "p50", "ns", figures);
        assert_eq!(verdict(&[ns((100.0, 98.0, 102.0))], &[ns((200.0, 196.0, 204.0))]), Verdict::Slower);
        assert_eq!(verdict(&[ns((200.0, 196.0, 204.0))], &[ns((100.0, 98.0, 102.0))]), Verdict::Faster);
    }

    #[test]
    fn what_lies_within_the_spread_is_noise() {
        let wide = [rate("slipring", (100.0, 60.0, 140.0))];
        assert_eq!(verdict(&wide, &[rate("slipring", (70.0, 55.0, 130.0))]), Verdict::Same);
        // Below the tolerance, however narrow.
        let narrow = rate("slipring", (100.0, 99.9, 100.1));
        assert_eq!(verdict(&[narrow], &[rate("slipring", (95.0, 94.9, 95.1))]), Verdict::Same);
    }

    #[test]
    fn a_machine_that_slowed_everybody_accuses_nobody() {
        let a = [rate("slipring", (100.0, 98.0, 102.0)), rate("disruptor", (120.0, 118.0, 122.0))];
        let all = [rate("slipring", (50.0, 49.0, 51.0)), rate("disruptor", (60.0, 59.0, 61.0))];
        let ours = [rate("slipring", (50.0, 49.0, 51.0)), rate("disruptor", (120.0, 118.0, 122.0))];
        let faster = [rate("slipring", (95.0, 94.0, 96.0)), rate("disruptor", (240.0, 238.0, 242.0))];
        assert_eq!(verdict(&a, &all), Verdict::Same);
        assert_eq!(verdict(&a, &ours), Verdict::Slower);
        assert_eq!(verdict(&a, &faster), Verdict::Same);
    }

    #[test]
    fn a_latency_column_is_measured_against_the_raw_ring_at_its_rate() {
        let ns = |bench: &str, contender: &str, ns: f64| row(bench, contender, "p50", "ns", (ns, ns, ns));
        let (ours, raw) = ("latency/journalled/1000000/event16", "latency/ring/1000000/event16");
        let a = [ns(ours, "slipring", 139.0), ns(raw, "disruptor", 95.0)];
        let slow_machine = [ns(ours, "slipring", 379.0), ns(raw, "disruptor", 245.0)];
        let slow_slipring = [ns(ours, "slipring", 379.0), ns(raw, "disruptor", 96.0)];
        assert_eq!(verdict(&a, &slow_machine), Verdict::Same);
        assert_eq!(verdict(&a, &slow_slipring), Verdict::Slower);
        // Near the knee nothing is judged.
        let fast = "latency/journalled/5000000";
        assert_eq!(verdict(&[ns(fast, "slipring", 220.0)], &[ns(fast, "slipring", 2_643.0)]), Verdict::Tail);
    }

    #[test]
    fn who_ran_alone_is_measured_against_all_the_others() {
        let seek = |ns: f64| row("seek", "slipring", "p50", "ns", (ns, ns, ns));
        let a = [seek(1_000.0), rate("disruptor", (120.0, 118.0, 122.0))];
        let slow_machine = [seek(2_000.0), rate("disruptor", (60.0, 59.0, 61.0))];
        let slow_seek = [seek(2_000.0), rate("disruptor", (119.0, 118.0, 121.0))];
        assert_eq!(verdict(&a, &slow_machine), Verdict::Same);
        assert_eq!(verdict(&a, &slow_seek), Verdict::Slower);
        // Two rounds alone are one moment.
        let moment = Row { rounds: 2, ..seek(2_000.0) };
        assert_eq!(verdict(&a, &[moment, a[1].clone()]), Verdict::Tail);
    }

    #[test]
    fn tails_and_shares_are_not_judged_unasked() {
        let p999 = |ns| row("latency/ring/1000000", "slipring", "p999-outside-stalls", "ns", (ns, ns, ns));
        assert_eq!(verdict(&[p999(1e3)], &[p999(1e6)]), Verdict::Tail);
        let strict = Rule { tails: true, ..RULE };
        assert_eq!(compare(&[p999(1e3)], &[p999(1e6)], strict).slower(), 1);
        let share = |part| row("latency/ring/1000000", "slipring", "left-out", "%", (part, part, part));
        assert!(compare(&[share(1.0)], &[share(50.0)], RULE).findings.is_empty());
    }

    #[test]
    fn a_figure_that_vanished_is_named() {
        let a = [rate("slipring", (1.0, 1.0, 1.0))];
        let b = [row("append", "slipring", "throughput", "M/s", (1.0, 1.0, 1.0))];
        assert_eq!(compare(&a, &b, RULE).alone.len(), 2);
    }

    #[test]
    fn both_forms_are_read_and_others_refused_with_their_line() {
        let rows = vec![rate("slipring", (1.0, 0.5, 2.0)), rate("disruptor", (3.0, 2.0, 4.0))];
        let lines: Vec<String> =
            rows.iter().map(|row| serde_json::to_string(row).expect("plain data")).collect();
        assert_eq!(parse(&lines.join("\n"), "a").expect("lines"), rows);
        let summary = format!("{{\"machine\": {{}}, \"rows\": [{}]}}", lines.join(","));
        assert_eq!(parse(&summary, "a").expect("a summary"), rows);
        let bad = format!("{}\n{{\"bench\":1}}", lines[0]);
        assert!(matches!(parse(&bad, "a"), Err(ReadError::Json { line: 2, .. })));
        assert!(matches!(parse("", "a"), Err(ReadError::Empty { .. })));
        // The contract's own fields are enough.
        let bare = r#"{"bench":"append","contender":"slipring","metric":"throughput","unit":"M/s","median":2,"min":1,"max":3,"rounds":3,"ratio":{}}"#;
        assert_eq!(parse(bare, "a").expect("a bare line")[0].median, 2.0);
    }
}
