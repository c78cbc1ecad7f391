//! `latency`: from the moment that an event was due until the stage has it. Open loop: events are published
//! when they are due, whether or not the ones before have arrived.
//!
//! ```text
//!  ring        publisher -> ring -> stage                            raw `disruptor` beside it
//!  beside      publisher -> ring -> stage, journal                   gated on published
//!  journalled  publisher -> ring -> journal -> stage                 gated on journalled
//!  durable     publisher -> ring -> journal -> syncer -> stage       gated on durable
//! ```
//!
//! All columns take turns, round by round; ratios are taken within a round.

pub mod beside;
pub mod cost;
pub mod judge;
mod plan;
mod probe;
mod raw;
mod run;
mod schedule;
mod series;
mod table;

use std::path::Path;

pub use plan::{Options, USUAL_RATE};
pub use series::{MOST_SHOWN, Series};
pub use table::{ratios, remarks, who};

use crate::clock::Ticks;
use crate::distance::ByDistance;
use crate::harness::{Output, Tally};
use crate::host::Cores;
use crate::stats::{QUANTILES, Sample, human_rate};
use crate::turns;
use judge::{Judged, judge};
use plan::{Entry, What};
use run::Column;

/// One contender's result at one rate, all rounds together.
#[derive(Clone)]
pub struct Cell {
    /// `latency/<column>/<rate>`, and what else is not as usual.
    pub bench: String,
    pub column: Column,
    pub contender: &'static str,
    pub rate: f64,
    /// What differs from the usual run; empty if nothing does.
    pub variant: String,
    pub judged: Judged,
    pub rounds: usize,
    /// Latency over time, of the last round.
    pub series: Series,
    pub topology: String,
    tally: Tally,
}

impl Cell {
    /// Of a test.
    #[cfg(test)]
    fn empty(column: Column, rate: f64) -> Self {
        Cell {
            bench: String::new(),
            column,
            contender: "slipring",
            rate,
            variant: String::new(),
            judged: Judged::empty(),
            rounds: 1,
            series: Series::default(),
            topology: String::new(),
            tally: Tally::default(),
        }
    }

    /// The part of what was due that was taken in time, the median of the rounds.
    fn taken_in_time(&self) -> f64 {
        let figures = self.tally.figures.iter().find(|figures| figures.metric == TAKEN_IN_TIME);
        let counted = |figures: &crate::harness::Figures| {
            figures.values.iter().copied().filter(|value| value.is_finite()).collect::<Vec<_>>()
        };
        figures.map_or(1.0, |figures| crate::stats::median(&counted(figures)) / 100.0)
    }
}

const TAKEN_IN_TIME: &str = "taken-in-time";

/// Everything that `latency` found.
#[derive(Clone, Default)]
pub struct Latency {
    pub cells: Vec<Cell>,
    pub knees: Vec<Knee>,
}

/// Where a column's curve turns up.
#[derive(Clone, Debug, PartialEq)]
pub struct Knee {
    /// Column and contender.
    pub who: String,
    /// The last rate before it.
    pub rate: f64,
    /// No higher rate was tried: the knee lies beyond.
    pub at_least: bool,
}

impl Knee {
    /// `5 M/s`, `at least 20 M/s`.
    pub fn text(&self) -> String {
        let rate = human_rate(self.rate);
        if self.at_least { format!("at least {rate}") } else { rate }
    }
}

/// Runs the groups of the plan one after the other.
pub fn bench(output: &mut Output, folder: &Path, cores: Cores, options: Options) -> Latency {
    let mut latency = Latency::default();
    let stamp = Ticks::get().cost_ns();
    output.say(&format!(
        "Latency: from when an event was due until the stage had it; a stamp costs {stamp:.1} ns. Each three \
         times: as\nmeasured; outside the host's stalls; outside those and the times that another thread had the core, \
         which with a\njournal may have been the journal's own threads. Each says how much was left out. Knee: the last rate at which 99% of \
         what was due\nwas taken in time and p50 was within ten times the column's least.\n"
    ));
    for (bench, needs) in plan::unfit(cores) {
        output.skip(&bench, &format!("needs {needs} cores, here are {}", cores.count));
    }
    for rate in options.rates() {
        let entries = plan::columns(folder, cores, options, rate)
            .into_iter()
            .filter(|entry| !past_knee(&latency.cells, entry))
            .collect();
        group(output, folder, &mut latency, &format!("latency at {}", human_rate(rate)), entries, options);
    }
    let variants = if options.rate.is_none() { plan::variants(folder, cores, options) } else { Vec::new() };
    for (name, entries) in variants {
        group(output, folder, &mut latency, &name, entries, options);
    }
    latency.knees = knees(&latency.cells, options.rates().last().copied().unwrap_or(0.0));
    output.say(&table::curve(&latency));
    output.say(&table::costs(&latency));
    latency
}

/// Whether a lower rate was already too much for it: it would only fill the ring.
fn past_knee(cells: &[Cell], entry: &Entry<'_>) -> bool {
    cells.iter().any(|cell| {
        let same = cell.column == entry.plan.column && cell.contender == entry.what.contender();
        // The median of the rounds: one round that the disk held up is not the knee.
        same && cell.variant.is_empty() && cell.taken_in_time() < 0.9
    })
}

/// One group, interleaved.
fn group(
    output: &mut Output,
    folder: &Path,
    latency: &mut Latency,
    name: &str,
    entries: Vec<Entry<'_>>,
    options: Options,
) {
    let ticks = Ticks::get();
    let rounds = options.rounds();
    let Some(cores) = entries.first().map(|entry| entry.plan.cores) else { return };
    let names = entries.iter().map(Entry::name).collect();
    let mut by_distance = ByDistance::between(cores, names, ("p50", "ns"), output.apart);
    let remark = by_distance.as_ref().map(ByDistance::remark).unwrap_or_default();
    let mut cells: Vec<Option<Cell>> = vec![None; entries.len()];
    for round in 0..rounds {
        for index in turns::order(name, round, entries.len()) {
            let entry = &entries[index];
            output.note(&format!(
                "{name}: round {} of {rounds}, {} {}",
                round + 1,
                entry.what.contender(),
                entry.bench
            ));
            let mut found = None;
            let mut turn = || {
                let run = entry.run();
                let judged = judge(&run, ticks);
                let samples = samples(&judged);
                found = Some((judged, Series::of(&run, ticks)));
                samples
            };
            let samples = match &mut by_distance {
                Some(by_distance) => by_distance.run(index, &mut turn),
                None => turn(),
            };
            let Some((judged, series)) = found else { continue };
            let cell = cells[index].get_or_insert_with(|| Cell {
                bench: entry.bench.clone(),
                column: entry.plan.column,
                contender: entry.what.contender(),
                rate: entry.plan.schedule.rate,
                variant: entry.variant.clone(),
                judged: Judged::empty(),
                rounds: 0,
                series: Series::default(),
                topology: format!("{}{remark}", entry.topology()),
                tally: Tally::default(),
            });
            // A turn that does not count has no figures.
            if !samples[0].value.is_nan() {
                cell.judged.add(&judged, cell.rounds);
                cell.rounds += 1;
                cell.series = series;
            }
            cell.tally.take(samples);
            turns::rest(folder);
        }
    }
    let cells: Vec<Cell> = cells.into_iter().flatten().collect();
    keep(output, &cells, &entries);
    output.say(&table::group(name, &cells, &output.rows));
    output.say(&table::beside(&cells));
    if let Some(text) = by_distance.and_then(|by_distance| by_distance.text()) {
        output.say(&text);
    }
    latency.cells.extend(cells);
}

/// Keeps each one's figures, beside those that it is compared with.
fn keep(output: &mut Output, cells: &[Cell], entries: &[Entry<'_>]) {
    for (cell, entry) in cells.iter().zip(entries) {
        let others: Vec<(&str, &Tally)> = entry
            .against
            .iter()
            .filter_map(|(bench, contender, key)| {
                let other = cells.iter().find(|c| c.bench == *bench && c.contender == *contender)?;
                Some((key.as_str(), &other.tally))
            })
            .collect();
        output.keep(cell.tally.rows(&cell.bench, cell.contender, &cell.topology, &others));
    }
}

fn samples(judged: &Judged) -> Vec<Sample> {
    const MEASURED: [&str; 6] = ["p50", "p90", "p99", "p999", "p9999", "max"];
    const OUTSIDE: [&str; 6] = [
        "p50-outside-stalls",
        "p90-outside-stalls",
        "p99-outside-stalls",
        "p999-outside-stalls",
        "p9999-outside-stalls",
        "max-outside-stalls",
    ];
    const OUTSIDE_HOST: [&str; 6] = [
        "p50-outside-host",
        "p90-outside-host",
        "p99-outside-host",
        "p999-outside-host",
        "p9999-outside-host",
        "max-outside-host",
    ];
    let mut samples = Vec::new();
    for (metrics, histogram) in
        [(MEASURED, &judged.all), (OUTSIDE, &judged.outside), (OUTSIDE_HOST, &judged.outside_host)]
    {
        for (metric, (_, at)) in metrics.into_iter().zip(QUANTILES) {
            // Nothing left is no figure.
            let value = if histogram.is_empty() { f64::NAN } else { histogram.value_at_quantile(at) as f64 };
            samples.push(Sample { metric, unit: "ns", value });
        }
    }
    for (metric, part) in [
        ("left-out", judged.left_out()),
        ("left-out-host", judged.left_out_host()),
        (TAKEN_IN_TIME, judged.achieved),
    ] {
        samples.push(Sample { metric, unit: "%", value: part * 100.0 });
    }
    samples.push(Sample { metric: "host-stalls", unit: "ms/s", value: judged.host_ms_per_second() });
    samples
}

/// The last rate of each column before its curve turns up.
fn knees(cells: &[Cell], top: f64) -> Vec<Knee> {
    let usual: Vec<&Cell> = cells.iter().filter(|cell| cell.variant.is_empty() && cell.rounds > 0).collect();
    let mut names: Vec<(Column, &str)> = Vec::new();
    for cell in &usual {
        if !names.contains(&(cell.column, cell.contender)) {
            names.push((cell.column, cell.contender));
        }
    }
    let mut knees = Vec::new();
    for (column, contender) in names {
        let curve: Vec<(f64, f64, f64)> = usual
            .iter()
            .filter(|cell| (cell.column, cell.contender) == (column, contender))
            .map(|cell| (cell.rate, cell.judged.all.value_at_quantile(0.5) as f64, cell.taken_in_time()))
            .collect();
        if let Some(rate) = knee(&curve) {
            let who = format!("{} {contender}", column.name());
            knees.push(Knee { who, rate, at_least: rate >= top });
        }
    }
    knees
}

/// Of (rate, p50, part taken in time): the last rate, ascending, that is fine with all before it.
fn knee(curve: &[(f64, f64, f64)]) -> Option<f64> {
    let least = curve.iter().map(|(_, p50, _)| *p50).fold(f64::INFINITY, f64::min);
    let fine = |&&(_, p50, taken): &&(f64, f64, f64)| p50 <= 10.0 * least && taken >= 0.99;
    curve.iter().take_while(fine).map(|(rate, ..)| *rate).last()
}

impl What {
    fn contender(self) -> &'static str {
        match self {
            What::Slipring => "slipring",
            What::Disruptor => "disruptor",
            What::LogMapped => "disruptor-log-mapped",
            What::LogWritten => "disruptor-log-written",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_knee_is_the_last_rate_that_is_taken_in_time_and_fast() {
        let curve = [(1e4, 200.0, 1.0), (1e6, 150.0, 1.0), (5e6, 900.0, 0.995), (2e7, 5e6, 0.6)];
        assert_eq!(knee(&curve), Some(5e6));
        // Slow beyond ten times the least, though all is taken.
        assert_eq!(knee(&[(1e4, 200.0, 1.0), (1e6, 2_500.0, 1.0), (5e6, 300.0, 1.0)]), Some(1e4));
        assert_eq!(knee(&[(1e4, 200.0, 0.5)]), None);
        assert_eq!(knee(&[]), None);
    }

    #[test]
    fn a_knee_at_the_highest_rate_is_at_least_there() {
        let knee = |at_least| Knee { who: "ring slipring".to_owned(), rate: 2e7, at_least }.text();
        assert_eq!((knee(false), knee(true)), ("20 M/s".to_owned(), "at least 20 M/s".to_owned()));
    }
}
