//! Rounds, ratios and output. Contenders run interleaved, round by round, in one process, because a machine
//! changes from minute to minute; a ratio is taken within a round, and its spread says how far to trust it.

use std::collections::BTreeMap;
use std::path::Path;

use indicatif::{ProgressBar, ProgressStyle};

use crate::distance::{ByDistance, Distance};
use crate::host::{Cores, unpin};
use crate::stats::{Sample, greatest, least, median, round};
use crate::turns;

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

/// A line of the report; the fields are a contract (docs/reference/bench.md).
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
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
    #[serde(default)]
    pub ratio: BTreeMap<String, f64>,
    /// The least and the greatest ratio of any round.
    #[serde(default)]
    pub ratio_spread: BTreeMap<String, (f64, f64)>,
    /// Which threads ran, and on how many cores.
    #[serde(default)]
    pub topology: String,
}

/// One contender's figures of one metric, round by round.
#[derive(Clone, Debug, Default)]
pub struct Figures {
    pub metric: String,
    pub unit: String,
    pub values: Vec<f64>,
}

/// Collects the figures of one contender in one bench.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    pub figures: Vec<Figures>,
}

impl Tally {
    /// Takes one round's samples.
    pub fn take(&mut self, samples: Vec<Sample>) {
        for sample in samples {
            let at = self.figures.iter().position(|f| f.metric == sample.metric).unwrap_or_else(|| {
                let (metric, unit) = (sample.metric.to_owned(), sample.unit.to_owned());
                self.figures.push(Figures { metric, unit, values: Vec::new() });
                self.figures.len() - 1
            });
            self.figures[at].values.push(sample.value);
        }
    }

    fn values(&self, metric: &str) -> Option<&[f64]> {
        self.figures.iter().find(|figures| figures.metric == metric).map(|figures| &figures.values[..])
    }

    /// A row for each metric; with ratios to `others`, taken within the rounds.
    pub fn rows(&self, bench: &str, contender: &str, topology: &str, others: &[(&str, &Tally)]) -> Vec<Row> {
        let row = |figures: &Figures| {
            // A round without a figure (NaN) keeps its place, so that rounds stay paired.
            let values: Vec<f64> = figures.values.iter().copied().filter(|value| value.is_finite()).collect();
            if values.is_empty() {
                return None;
            }
            let (mut ratio, mut ratio_spread) = (BTreeMap::new(), BTreeMap::new());
            for (name, other) in others {
                let Some(theirs) = other.values(&figures.metric) else { continue };
                let ratios = figures.values.iter().zip(theirs).map(|(a, b)| a / b);
                let ratios: Vec<f64> = ratios.filter(|ratio| ratio.is_finite()).collect();
                if !ratios.is_empty() {
                    ratio.insert((*name).to_owned(), round(median(&ratios)));
                    ratio_spread
                        .insert((*name).to_owned(), (round(least(&ratios)), round(greatest(&ratios))));
                }
            }
            Some(Row {
                bench: bench.to_owned(),
                contender: contender.to_owned(),
                metric: figures.metric.clone(),
                unit: figures.unit.clone(),
                median: round(median(&values)),
                min: round(least(&values)),
                max: round(greatest(&values)),
                rounds: values.len(),
                ratio,
                ratio_spread,
                topology: topology.to_owned(),
            })
        };
        self.figures.iter().filter_map(row).collect()
    }
}

/// What could not be run here, and why: told, never hidden.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Skipped {
    pub bench: String,
    pub why: String,
}

/// Where rows go: a table for people, or one JSON object a line.
pub struct Output {
    pub json: bool,
    pub rows: Vec<Row>,
    pub skipped: Vec<Skipped>,
    /// Turns of contenders on two cores count at this distance only.
    pub apart: Option<Distance>,
    progress: ProgressBar,
}

impl Output {
    pub fn new(json: bool) -> Self {
        // On standard error, and only if that is a terminal.
        let progress = ProgressBar::new_spinner();
        let style = ProgressStyle::with_template("{spinner} [{elapsed}] {msg}").expect("a valid template");
        progress.set_style(style);
        Output { json, rows: Vec::new(), skipped: Vec::new(), apart: None, progress }
    }

    /// Says something to people only.
    pub fn say(&self, text: &str) {
        if !self.json {
            self.progress.suspend(|| println!("{text}"));
        }
    }

    /// Says what is being done just now.
    pub fn note(&self, text: &str) {
        self.progress.set_message(text.to_owned());
    }

    /// Marks a bench that this machine can't run.
    pub fn skip(&mut self, bench: &str, why: &str) {
        if self.json {
            // Standard output keeps to its contract: rows with figures.
            self.progress.suspend(|| eprintln!("{bench}: skipped: {why}"));
        } else {
            self.say(&format!("{bench}  skipped: {why}\n"));
        }
        self.skipped.push(Skipped { bench: bench.to_owned(), why: why.to_owned() });
    }

    /// Runs one round that does not count, then `rounds` that do, and prints a row for each contender and
    /// metric.
    pub fn bench(&mut self, name: &str, topology: &str, rounds: usize, contenders: &mut [Contender<'_>]) {
        self.turns(name, topology, rounds, contenders, None, None);
    }

    /// The same of contenders whose events go from the publisher's core to the consumer's: also says what
    /// each carried by how far apart the two were. With a folder, the disk is let finish as in
    /// [`Output::bench_on_disk`].
    pub fn bench_between(
        &mut self,
        (cores, folder): (Cores, Option<&Path>),
        name: &str,
        topology: &str,
        rounds: usize,
        contenders: &mut [Contender<'_>],
    ) {
        let names = contenders.iter().map(|contender| contender.name.to_owned()).collect();
        let by_distance = ByDistance::between(cores, names, ("throughput", "M/s"), self.apart);
        let remark = by_distance.as_ref().map(ByDistance::remark).unwrap_or_default();
        let topology = format!("{topology}{remark}");
        self.turns(name, &topology, rounds, contenders, folder, by_distance);
    }

    /// The same where contenders write to the disk below `folder`: behind each, the disk is let finish.
    pub fn bench_on_disk(
        &mut self,
        folder: &Path,
        name: &str,
        topology: &str,
        rounds: usize,
        contenders: &mut [Contender<'_>],
    ) {
        self.turns(name, topology, rounds, contenders, Some(folder), None);
    }

    fn turns(
        &mut self,
        name: &str,
        topology: &str,
        rounds: usize,
        contenders: &mut [Contender<'_>],
        folder: Option<&Path>,
        mut by_distance: Option<ByDistance>,
    ) {
        let mut tallies = vec![Tally::default(); contenders.len()];
        for round in 0..=rounds {
            for index in turns::order(name, round, contenders.len()) {
                let contender = &mut contenders[index];
                self.note(&format!("{name}: round {round} of {rounds}, {}", contender.name));
                let samples = match &mut by_distance {
                    Some(by_distance) if round > 0 => by_distance.run(index, &mut contender.run),
                    _ => (contender.run)(),
                };
                if round > 0 {
                    tallies[index].take(samples);
                }
                // Where the last one ran is nothing to the next.
                unpin();
                if let Some(folder) = folder {
                    turns::rest(folder);
                }
            }
        }
        let mut rows = Vec::new();
        for (index, tally) in tallies.iter().enumerate() {
            let others: Vec<(&str, &Tally)> = contenders
                .iter()
                .zip(&tallies)
                .enumerate()
                .filter(|(other, _)| *other != index)
                .map(|(_, (contender, tally))| (contender.name, tally))
                .collect();
            rows.extend(tally.rows(name, contenders[index].name, topology, &others));
        }
        self.add(name, topology, rows);
        if let Some(text) = by_distance.and_then(|by_distance| by_distance.text()) {
            self.say(&text);
        }
    }

    /// Prints rows and keeps them.
    pub fn add(&mut self, name: &str, topology: &str, rows: Vec<Row>) {
        self.progress.suspend(|| print(self.json, name, topology, &rows));
        self.rows.extend(rows);
    }

    /// Keeps rows that are shown in a table of their own; with `--json` they are printed all the same.
    pub fn keep(&mut self, rows: Vec<Row>) {
        if self.json {
            self.progress.suspend(|| print(true, "", "", &rows));
        }
        self.rows.extend(rows);
    }

    /// Takes the progress line away.
    pub fn finish(&self) {
        self.progress.finish_and_clear();
    }
}

fn print(json: bool, name: &str, topology: &str, rows: &[Row]) {
    if json {
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
            "  {:<20} {:<10} {:>10.2} {:<4} ({:.2}-{:.2})  {ratios}",
            row.contender, row.metric, row.median, row.unit, row.min, row.max
        );
    }
    println!();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(values: &[f64]) -> Tally {
        let mut tally = Tally::default();
        for value in values {
            tally.take(vec![Sample { metric: "throughput", unit: "M/s", value: *value }]);
        }
        tally
    }

    #[test]
    fn ratios_are_taken_within_rounds() {
        // The machine halves its speed in the third round, for both: the ratio does not move.
        let (ours, theirs) = (tally(&[100.0, 102.0, 50.0]), tally(&[50.0, 51.0, 25.0]));
        let rows = ours.rows("ring/b1", "slipring", "", &[("disruptor", &theirs)]);
        assert_eq!(rows[0].ratio["disruptor"], 2.0);
        assert_eq!(rows[0].ratio_spread["disruptor"], (2.0, 2.0));
        assert_eq!((rows[0].median, rows[0].min, rows[0].max, rows[0].rounds), (100.0, 50.0, 102.0, 3));
    }

    #[test]
    fn a_ratio_to_nothing_is_left_out() {
        let rows =
            tally(&[1.0]).rows("b", "slipring", "", &[("idle", &tally(&[0.0])), ("none", &tally(&[]))]);
        assert!(rows[0].ratio.is_empty());
    }

    #[test]
    fn rows_keep_the_contract() {
        let rows =
            tally(&[46.0]).rows("ring/b1", "slipring", "two threads", &[("disruptor", &tally(&[46.0]))]);
        let value = serde_json::to_value(&rows[0]).expect("plain data");
        for field in ["bench", "contender", "metric", "unit", "median", "min", "max", "rounds", "ratio"] {
            assert!(value.get(field).is_some(), "{field}");
        }
        assert_eq!(value["ratio"]["disruptor"], 1.0);
    }
}
