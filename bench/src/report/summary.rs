//! `summary.json`: every row of `--json`, and what only the report shows.

use std::collections::BTreeMap;

use crate::harness::{Row, Skipped};
use crate::jitter::Worst;
use crate::latency::cost::Cost;
use crate::latency::judge::KINDS;
use crate::machine::Machine;
use crate::report::Findings;
use crate::stats::round;

#[derive(serde::Serialize)]
pub struct Summary {
    pub command: String,
    pub quick: bool,
    pub machine: Machine,
    pub rows: Vec<Row>,
    pub skipped: Vec<Skipped>,
    pub jitter: Vec<Core>,
    pub latency: Vec<LatencyCell>,
    /// Column and contender, and the last rate before the knee.
    pub knees: BTreeMap<String, f64>,
    /// Those of them that lie beyond the highest rate tried.
    pub knees_at_least: Vec<String>,
}

#[derive(serde::Serialize)]
pub struct Core {
    pub core: usize,
    pub stalls_per_second: f64,
    pub lost_percent: f64,
    pub worst: Vec<Worst>,
}

/// What the percentiles of one row were taken from.
#[derive(serde::Serialize)]
pub struct LatencyCell {
    pub bench: String,
    pub contender: String,
    pub events: u64,
    pub rounds: usize,
    pub rolls: u64,
    pub left_out_percent: f64,
    pub left_out_host_percent: f64,
    /// Threads of slipring's ran beside: `switched` may be theirs.
    pub ours_beside: bool,
    pub taken_in_time_percent: f64,
    pub stalls: BTreeMap<&'static str, Stalls>,
    pub host_stalls_ms_per_second: f64,
    /// The share of a core that each thread beside took.
    pub beside_percent: BTreeMap<String, f64>,
    /// How long the longest of the journal's calls that can't be cut was on a core, by its name.
    pub longest_call_ns: BTreeMap<&'static str, u64>,
    /// Host and switched stalls that no figure leaves out, for a roll may have been in them.
    pub stalls_at_rolls: u64,
    /// Stalls that found no room and are in no count.
    pub stalls_missed: u64,
}

#[derive(serde::Serialize)]
pub struct Stalls {
    pub count: u64,
    pub total_ns: u64,
}

impl Summary {
    pub fn of(findings: &Findings) -> Self {
        let core = |core: &crate::jitter::CoreJitter| Core {
            core: core.core,
            stalls_per_second: round(core.per_second),
            lost_percent: round(core.lost * 100.0),
            worst: core.worst.clone(),
        };
        let cell = |cell: &crate::latency::Cell| LatencyCell {
            bench: cell.bench.clone(),
            contender: cell.contender.to_owned(),
            events: cell.judged.all.len(),
            rounds: cell.rounds,
            rolls: cell.judged.rolls,
            left_out_percent: round(cell.judged.left_out() * 100.0),
            left_out_host_percent: round(cell.judged.left_out_host() * 100.0),
            ours_beside: cell.judged.ours_beside,
            taken_in_time_percent: round(cell.judged.achieved * 100.0),
            stalls: KINDS
                .iter()
                .zip(cell.judged.stalls)
                .map(|(kind, (count, total_ns))| (kind.name(), Stalls { count, total_ns }))
                .collect(),
            host_stalls_ms_per_second: round(cell.judged.host_ms_per_second()),
            longest_call_ns: cell
                .judged
                .beside
                .calls
                .iter()
                .map(|call| (call.name, call.longest_ns))
                .collect(),
            beside_percent: Cost::of(cell)
                .into_iter()
                .flat_map(|cost| cost.threads)
                .map(|thread| (thread.name, round(thread.percent)))
                .collect(),
            stalls_at_rolls: cell.judged.at_rolls,
            stalls_missed: cell.judged.missed,
        };
        Summary {
            command: findings.command.clone(),
            quick: findings.quick,
            machine: findings.machine.clone(),
            rows: findings.rows.clone(),
            skipped: findings.skipped.clone(),
            jitter: findings.jitter.iter().map(core).collect(),
            latency: findings.latency.cells.iter().map(cell).collect(),
            knees: findings.latency.knees.iter().map(|knee| (knee.who.clone(), knee.rate)).collect(),
            knees_at_least: findings
                .latency
                .knees
                .iter()
                .filter(|knee| knee.at_least)
                .map(|knee| knee.who.clone())
                .collect(),
        }
    }
}
