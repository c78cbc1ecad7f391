//! What a journal costs beside the two threads that are measured: the share of a core that its own threads
//! take, and how often they interrupt the others.

use crate::latency::beside::Call;
use crate::latency::table::who;
use crate::latency::{Cell, Latency};
use crate::stats::human_ns;

/// How the names of threads begin that work beside a lane.
const BESIDE: [&str; 5] =
    ["slipring-prepar", "slipring-make", "slipring-sync", "slipring-sweep", "home-made"];

/// What the threads beside one contender took at one rate.
#[derive(Clone, Debug, PartialEq)]
pub struct Cost {
    pub threads: Vec<ThreadCost>,
    /// Interrupts of all cores because pages were unmapped.
    pub interrupts_per_second: f64,
    /// What its threads can't cut into pieces.
    pub calls: Vec<Call>,
}

/// What one of them took.
#[derive(Clone, Debug, PartialEq)]
pub struct ThreadCost {
    pub name: String,
    /// Of one core.
    pub percent: f64,
    /// How long it had the core at a time, in the mean.
    pub piece_ns: f64,
}

impl Cost {
    /// `None` of one that has no such threads.
    pub fn of(cell: &Cell) -> Option<Cost> {
        let beside = &cell.judged.beside;
        if !cell.judged.ours_beside || beside.span_ns == 0 {
            return None;
        }
        let span_ns = beside.span_ns as f64;
        let threads = beside.threads.iter().filter(|thread| {
            thread.on_core_ns > 0 && BESIDE.iter().any(|begin| thread.name.starts_with(begin))
        });
        let threads = threads.map(|thread| ThreadCost {
            name: thread.name.clone(),
            percent: thread.on_core_ns as f64 / span_ns * 100.0,
            piece_ns: thread.on_core_ns as f64 / thread.slices.max(1) as f64,
        });
        let interrupts_per_second = beside.tlb_interrupts as f64 / (span_ns / 1e9);
        let calls = beside.calls.iter().filter(|call| call.times > 0).cloned().collect();
        Some(Cost { threads: threads.collect(), interrupts_per_second, calls })
    }

    /// All of them together, of one core.
    pub fn percent(&self) -> f64 {
        self.threads.iter().map(|thread| thread.percent).sum()
    }

    /// `slipring-syncer 0.50% in 40 us, ..`.
    pub fn threads_text(&self) -> String {
        let each = self
            .threads
            .iter()
            .map(|thread| format!("{} {:.2}% in {}", thread.name, thread.percent, human_ns(thread.piece_ns)));
        each.collect::<Vec<_>>().join(", ")
    }

    /// `sync 90 us (210 us), ..`.
    pub fn calls_text(&self) -> String {
        let text = |call: &Call| format!("{} {}", call.name, call.figures());
        self.calls.iter().map(text).collect::<Vec<_>>().join(", ")
    }
}

/// The shares of a core as the rate rises.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Costs {
    /// Events a second.
    pub rates: Vec<f64>,
    /// Who, and the percent of a core at each rate; `None` where it was not run, past its knee.
    pub lines: Vec<(String, Vec<Option<f64>>)>,
}

impl Costs {
    /// What the table says.
    pub const TITLE: &'static str =
        "what it costs you: the share of a core that the threads beside take, as the rate rises";

    /// Rates at which it is told.
    const RATES: [f64; 3] = [1e5, 1e6, 5e6];

    /// Of those rates that were run.
    pub fn of(latency: &Latency) -> Costs {
        let usual: Vec<&Cell> = latency.cells.iter().filter(|cell| cell.variant.is_empty()).collect();
        let was_run = |rate: &f64| usual.iter().any(|cell| cell.rate == *rate);
        let rates: Vec<f64> = Costs::RATES.into_iter().filter(was_run).collect();
        let mut lines: Vec<(String, Vec<Option<f64>>)> = Vec::new();
        for cell in &usual {
            let (Some(at), Some(cost)) = (rates.iter().position(|rate| *rate == cell.rate), Cost::of(cell))
            else {
                continue;
            };
            let who = who(cell);
            let index = lines.iter().position(|(known, _)| *known == who).unwrap_or_else(|| {
                lines.push((who, vec![None; rates.len()]));
                lines.len() - 1
            });
            lines[index].1[at] = Some(cost.percent());
        }
        Costs { rates, lines }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::latency::beside::{Beside, Thread};
    use crate::latency::run::Column;

    /// A cell whose syncer had a core for so many of a second's milliseconds.
    fn cell(column: Column, rate: f64, syncer_ms: u64) -> Cell {
        let thread = |name: &str, on_core_ns| Thread {
            id: 1,
            name: name.to_owned(),
            on_core_ns,
            slices: 10,
            ..Thread::default()
        };
        let threads = vec![thread("slipring-syncer", syncer_ms * 1_000_000), thread("main", 900_000_000)];
        let mut cell = Cell::empty(column, rate);
        cell.judged.ours_beside = column != Column::Ring;
        let call = |name, times| Call { name, times, on_core_ns: 180_000, longest_ns: 120_000 };
        let calls = vec![call("sync", 2), call("unlink", 0)];
        cell.judged.beside = Beside { span_ns: 1_000_000_000, threads, tlb_interrupts: 30, calls };
        cell
    }

    #[test]
    fn only_the_threads_beside_count() {
        let cost = Cost::of(&cell(Column::Journalled, 1e6, 50)).expect("it has threads beside");
        assert_eq!((cost.percent(), cost.interrupts_per_second), (5.0, 30.0));
        assert_eq!(cost.threads_text(), "slipring-syncer 5.00% in 5 ms");
        assert_eq!(cost.calls_text(), "sync 90 us (120 us)");
        assert_eq!(Cost::of(&cell(Column::Ring, 1e6, 50)), None);
    }

    #[test]
    fn each_rate_has_its_column_and_what_was_not_run_is_left_open() {
        let cells = vec![
            cell(Column::Journalled, 1e6, 50),
            cell(Column::Durable, 1e6, 100),
            cell(Column::Journalled, 2e6, 400),
            cell(Column::Ring, 5e6, 0),
            cell(Column::Journalled, 5e6, 200),
        ];
        let costs = Costs::of(&Latency { cells, knees: Vec::new() });
        assert_eq!(costs.rates, [1e6, 5e6]);
        let lines = [
            ("journalled slipring".to_owned(), vec![Some(5.0), Some(20.0)]),
            ("durable slipring".to_owned(), vec![Some(10.0), None]),
        ];
        assert_eq!(costs.lines, lines);
        assert_eq!(Costs::of(&Latency::default()), Costs::default());
    }
}
