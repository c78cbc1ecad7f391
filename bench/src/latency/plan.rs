//! What is run: rates, columns, and what is varied at a million events a second.

use std::path::Path;

use slipring::Wait;

use crate::host::Cores;
use crate::latency::judge::Run;
use crate::latency::probe::{Event16, Event48, Event112, Event240, Event256, Probe};
use crate::latency::raw::{self, HomeMade};
use crate::latency::run::{self, Column, Plan, Topology};
use crate::latency::schedule::Schedule;

/// How much is run.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    pub quick: bool,
    pub slow_ns: f64,
    /// Only this rate, and nothing is varied.
    pub rate: Option<f64>,
    /// How long each turn is measured; by rate and `quick` if not said.
    pub seconds: Option<f64>,
}

/// The rate at which all else is varied.
pub const USUAL_RATE: f64 = 1e6;

impl Options {
    pub fn rates(self) -> Vec<f64> {
        if let Some(rate) = self.rate {
            vec![rate]
        } else if self.quick {
            vec![1e5, 1e6, 5e6, 2e7]
        } else {
            vec![1e4, 3e4, 1e5, 3e5, 1e6, 2e6, 5e6, 1e7, 2e7, 4e7]
        }
    }

    pub fn rounds(self) -> usize {
        if self.quick { 3 } else { 5 }
    }

    fn seconds(self, rate: f64) -> f64 {
        // The stamps of a run stay below some hundred megabytes.
        let most = 2e7 / rate;
        self.seconds.unwrap_or(if self.quick { 0.3 } else { most.min(2.0) })
    }
}

/// Who is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    Slipring,
    Disruptor,
    /// The raw ring with a log in its handler: mapped, or by `write(2)`.
    LogMapped,
    LogWritten,
}

/// One contender in a group.
pub struct Entry<'a> {
    pub bench: String,
    pub what: What,
    pub variant: String,
    pub plan: Plan<'a>,
    pub event_bytes: usize,
    /// Bench and contender that ratios are taken to, and what to call it.
    pub against: Vec<(String, &'static str, String)>,
}

impl Entry<'_> {
    /// Among those of its group.
    pub fn name(&self) -> String {
        let variant = if self.variant.is_empty() { String::new() } else { format!(" {}", self.variant) };
        format!("{} {}{variant}", self.plan.column.name(), self.what.contender())
    }

    pub fn run(&self) -> Run {
        match self.event_bytes {
            16 => self.run_of::<Event16>(),
            112 => self.run_of::<Event112>(),
            240 => self.run_of::<Event240>(),
            256 => self.run_of::<Event256>(),
            _ => self.run_of::<Event48>(),
        }
    }

    fn run_of<E: Probe>(&self) -> Run {
        match self.what {
            What::Slipring => run::slipring::<E>(&self.plan),
            What::Disruptor => raw::disruptor::<E>(&self.plan, HomeMade::Without),
            What::LogMapped => raw::disruptor::<E>(&self.plan, HomeMade::Mapped),
            What::LogWritten => raw::disruptor::<E>(&self.plan, HomeMade::Written),
        }
    }

    pub fn topology(&self) -> String {
        let lanes = match (self.plan.topology, self.plan.column) {
            (Topology::Fused, Column::Ring) => "publisher and stage on a thread each",
            (Topology::Fused, Column::Beside) => "publisher on a thread, stage and then journal on another",
            (Topology::Fused, _) => "publisher on a thread, journal and then stage on another",
            (Topology::Apart, _) => "publisher, journal and stage on a thread each",
            (Topology::Chain, _) => "publisher on a thread, three stages in a row on another",
            (Topology::Diamond, _) => "publisher, two stages and one behind both on a thread each",
        };
        format!("{lanes}, open loop, {}-byte events, {}", self.event_bytes, self.plan.cores.describe())
    }
}

/// The plain number is the rate's name in a bench.
fn name(column: Column, rate: f64, variant: &str) -> String {
    let bench = format!("latency/{}/{rate:.0}", column.name());
    if variant.is_empty() { bench } else { format!("{bench}/{variant}") }
}

struct Base<'a> {
    folder: &'a Path,
    cores: Cores,
    options: Options,
}

impl<'a> Base<'a> {
    fn entry(&self, what: What, column: Column, rate: f64, variant: &str) -> Entry<'a> {
        let mut against = Vec::new();
        if what == What::Slipring && column == Column::Ring {
            against.push((name(column, rate, variant), "disruptor", "disruptor".to_owned()));
        } else {
            against.push((name(Column::Ring, rate, variant), "slipring", "ring".to_owned()));
            if what == What::Slipring && column == Column::Journalled && variant.is_empty() {
                for other in [What::LogMapped, What::LogWritten] {
                    let who = other.contender();
                    against.push((name(column, rate, variant), who, who.to_owned()));
                }
            }
        }
        Entry {
            bench: name(column, rate, variant),
            what,
            variant: variant.to_owned(),
            plan: Plan {
                column,
                topology: Topology::Fused,
                schedule: Schedule::fixed(rate),
                wait: Wait::Auto,
                seconds: self.options.seconds(rate),
                warm_seconds: 0.05,
                folder: self.folder,
                cores: self.cores,
                slow_ns: self.options.slow_ns,
            },
            event_bytes: 48,
            against,
        }
    }
}

/// The four columns and the raw ring at one rate; at the usual one also the ring's presets of waiting.
pub fn columns<'a>(folder: &'a Path, cores: Cores, options: Options, rate: f64) -> Vec<Entry<'a>> {
    let base = Base { folder, cores, options };
    let mut entries = vec![
        base.entry(What::Slipring, Column::Ring, rate, ""),
        base.entry(What::Disruptor, Column::Ring, rate, ""),
        base.entry(What::Slipring, Column::Beside, rate, ""),
        base.entry(What::Slipring, Column::Journalled, rate, ""),
        base.entry(What::LogMapped, Column::Journalled, rate, ""),
        base.entry(What::LogWritten, Column::Journalled, rate, ""),
        base.entry(What::Slipring, Column::Durable, rate, ""),
    ];
    if rate == USUAL_RATE {
        let mut entry = base.entry(What::Slipring, Column::Ring, rate, "wait-spin");
        entry.plan.wait = Wait::Spin;
        // In turn with the raw ring, which always spins.
        entry.against = vec![(name(Column::Ring, rate, ""), "disruptor", "disruptor".to_owned())];
        entries.push(entry);
    }
    entries
}

/// Bursts, sizes, waiting, topologies: each a group of its own.
pub fn variants<'a>(folder: &'a Path, cores: Cores, options: Options) -> Vec<(String, Vec<Entry<'a>>)> {
    let base = Base { folder, cores, options };
    let mut groups = Vec::new();
    for burst in if options.quick { vec![64] } else { vec![16, 64, 1024] } {
        let variant = format!("burst{burst}");
        let entry = |what, column| {
            let mut entry = base.entry(what, column, USUAL_RATE, &variant);
            entry.plan.schedule.burst = burst;
            entry
        };
        let entries = vec![
            entry(What::Slipring, Column::Ring),
            entry(What::Disruptor, Column::Ring),
            entry(What::Slipring, Column::Journalled),
        ];
        groups.push((format!("latency at 1 M/s, {burst} events due at once"), entries));
    }
    for bytes in if options.quick { vec![256] } else { vec![16, 112, 240, 256] } {
        let variant = format!("event{bytes}");
        let entry = |what, column| {
            let mut entry = base.entry(what, column, USUAL_RATE, &variant);
            entry.event_bytes = bytes;
            entry
        };
        let entries = vec![
            entry(What::Slipring, Column::Ring),
            entry(What::Disruptor, Column::Ring),
            entry(What::Slipring, Column::Journalled),
        ];
        groups.push((format!("latency at 1 M/s, events of {bytes} bytes"), entries));
    }
    let waits = [("spin", Wait::Spin), ("yield", Wait::Backoff), ("sleep50", Wait::Sleep(50))];
    let waits = waits.map(|(variant, wait)| {
        let mut entry = base.entry(What::Slipring, Column::Ring, 1e5, &format!("wait-{variant}"));
        entry.plan.wait = wait;
        entry.against = Vec::new();
        entry
    });
    groups.push(("latency at 100 k/s, ways to wait".to_owned(), waits.into()));
    let mut topologies = Vec::new();
    for (variant, column, topology) in TOPOLOGIES {
        if topology.cores() <= cores.count {
            let mut entry = base.entry(What::Slipring, column, USUAL_RATE, variant);
            entry.plan.topology = topology;
            topologies.push(entry);
        }
    }
    groups.push(("latency at 1 M/s, topologies".to_owned(), topologies));
    groups
}

const TOPOLOGIES: [(&str, Column, Topology); 5] = [
    ("chain3", Column::Ring, Topology::Chain),
    ("apart", Column::Beside, Topology::Apart),
    ("apart", Column::Journalled, Topology::Apart),
    ("apart", Column::Durable, Topology::Apart),
    ("diamond", Column::Ring, Topology::Diamond),
];

/// What this machine has too few cores for: bench, cores needed.
pub fn unfit(cores: Cores) -> Vec<(String, usize)> {
    TOPOLOGIES
        .iter()
        .filter(|(_, _, topology)| topology.cores() > cores.count)
        .map(|(variant, column, topology)| (name(*column, USUAL_RATE, variant), topology.cores()))
        .collect()
}
