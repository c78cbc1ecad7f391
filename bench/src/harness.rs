//! Rounds, ratios and output. Contenders run interleaved, round by round, in one process, because a machine
//! changes from minute to minute; a ratio is taken within a round, and its spread says how far to trust it.

use std::collections::BTreeMap;
use std::io::{IsTerminal, Write};

/// One figure from one run: the metric's name, its unit, the value.
pub struct Sample {
    pub metric: &'static str,
    pub unit: &'static str,
    pub value: f64,
}

impl Sample {
    /// Millions of events a second.
    pub fn throughput(events: u64, elapsed: std::time::Duration) -> Vec<Sample> {
        let value = events as f64 / elapsed.as_secs_f64() / 1e6;
        vec![Sample { metric: "throughput", unit: "M/s", value }]
    }
}

/// One way to do the work of a benchmark.
pub struct Contender<'a> {
    pub name: &'static str,
    pub run: Box<dyn FnMut() -> Vec<Sample> + 'a>,
}

impl<'a> Contender<'a> {
    pub fn new(name: &'static str, run: impl FnMut() -> Vec<Sample> + 'a) -> Self {
        Contender { name, run: Box::new(run) }
    }
}

/// A line of the report; the fields are a contract (docs/results/README.md).
#[derive(Clone, Debug, serde::Serialize)]
pub struct Row {
    pub bench: String,
    pub contender: String,
    pub metric: String,
    pub unit: String,
    pub median: f64,
    pub min: f64,
    pub max: f64,
    pub rounds: usize,
    /// This contender over each other one: the median of the rounds' ratios.
    pub ratio: BTreeMap<String, f64>,
    /// The least and the greatest ratio of any round.
    pub ratio_spread: BTreeMap<String, (f64, f64)>,
    /// Which threads ran, and on how many cores.
    pub topology: String,
}

/// Where rows go: a table for people, or one JSON object a line.
pub struct Output {
    pub json: bool,
    pub rows: Vec<Row>,
}

impl Output {
    pub fn new(json: bool) -> Self {
        Output { json, rows: Vec::new() }
    }

    /// Says something to people only.
    pub fn say(&self, text: &str) {
        if !self.json {
            println!("{text}");
        }
    }

    fn note(&self, text: &str) {
        let mut error = std::io::stderr();
        if !self.json && error.is_terminal() {
            let _ = write!(error, "\r\x1b[K{text}");
        }
    }

    /// Runs one round that does not count, then `rounds` that do, and prints a row for each contender and
    /// metric.
    pub fn bench(&mut self, name: &str, topology: &str, rounds: usize, contenders: &mut [Contender<'_>]) {
        let mut values: BTreeMap<(usize, usize), (Sample, Vec<f64>)> = BTreeMap::new();
        for round in 0..=rounds {
            for index in 0..contenders.len() {
                // Every round starts with another contender, so that none always comes behind the same one.
                let index = (index + round) % contenders.len();
                let contender = &mut contenders[index];
                self.note(&format!("{name}: round {round} of {rounds}, {}", contender.name));
                let samples = (contender.run)();
                if round == 0 {
                    continue;
                }
                for (at, sample) in samples.into_iter().enumerate() {
                    let value = sample.value;
                    values.entry((at, index)).or_insert((sample, Vec::new())).1.push(value);
                }
            }
        }
        self.note("");
        let mut rows = Vec::new();
        for ((metric, index), (sample, own)) in &values {
            let mut ratio = BTreeMap::new();
            let mut ratio_spread = BTreeMap::new();
            for (other, contender) in contenders.iter().enumerate() {
                if let Some((_, theirs)) = values.get(&(*metric, other))
                    && other != *index
                {
                    let ratios: Vec<f64> = own.iter().zip(theirs).map(|(a, b)| a / b).collect();
                    ratio.insert(contender.name.to_owned(), round(median(&ratios)));
                    ratio_spread
                        .insert(contender.name.to_owned(), (round(least(&ratios)), round(greatest(&ratios))));
                }
            }
            rows.push(Row {
                bench: name.to_owned(),
                contender: contenders[*index].name.to_owned(),
                metric: sample.metric.to_owned(),
                unit: sample.unit.to_owned(),
                median: round(median(own)),
                min: round(least(own)),
                max: round(greatest(own)),
                rounds: own.len(),
                ratio,
                ratio_spread,
                topology: topology.to_owned(),
            });
        }
        self.print(name, topology, &rows);
        self.rows.extend(rows);
    }

    fn print(&self, name: &str, topology: &str, rows: &[Row]) {
        if self.json {
            for row in rows {
                println!("{}", serde_json::to_string(row).expect("a row is plain data"));
            }
            return;
        }
        println!("{name}  ({topology})");
        for row in rows {
            let ratios: Vec<String> = row
                .ratio
                .iter()
                .map(|(other, ratio)| {
                    let (low, high) = row.ratio_spread[other];
                    format!("{ratio:.2}x {other} ({low:.2}-{high:.2})")
                })
                .collect();
            let ratios = if row.contender == "slipring" { ratios.join(", ") } else { String::new() };
            println!(
                "  {:<18} {:<10} {:>10.2} {:<4} ({:.2}-{:.2})  {ratios}",
                row.contender, row.metric, row.median, row.unit, row.min, row.max
            );
        }
        println!();
    }
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 { sorted[middle] } else { sorted[middle - 1].midpoint(sorted[middle]) }
}

fn least(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::INFINITY, f64::min)
}

fn greatest(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::NEG_INFINITY, f64::max)
}

/// Four significant digits are more than any machine repeats.
fn round(value: f64) -> f64 {
    if value == 0.0 || !value.is_finite() {
        return value;
    }
    let scale = 10f64.powf(3.0 - value.abs().log10().floor());
    (value * scale).round() / scale
}
