//! `compare A B`: what got slower beyond the noise.
//!
//! The rule, for one figure of `slipring` that both runs have, all as factors (1 = the same, 2 = twice as
//! slow):
//!
//! 1. *worse*: B's median against A's.
//! 2. *machine*: the same of the raw ring in the same bench (for a latency column: in the ring's column at
//!    the same rate),
//!    or, where it is not, the median of the others there: they ran between slipring's rounds, so what slowed
//!    them too was not slipring. Where nobody ran beside it, a latency is measured against the raw ring's
//!    worst at any rate, all else against what nine in ten of all others stayed below (on one thread: of
//!    those on one thread). A machine that got faster excuses nothing and accuses nobody, so this is never
//!    below 1.
//! 3. *noise*: how far each run's rounds stray from their own median, to the worse side in B and to the
//!    better side in
//!    A being what separates them; both together, and never below the tolerance, which is twice as much where
//!    nobody ran beside it and three times as much for throughput from core to core (`noise::caution`).
//!
//! Slower is: worse / machine > noise, **and** B's best round is worse than A's worst. Where the rounds stray
//! by more than threefold, what is neither slower nor faster is not called the same: it can't be told. Not
//! judged are percentiles beyond p90, and p90 with stalls in it or of a stage gated on durable (but on
//! demand: on a shared machine they are the machine's), and rates above a million a second: near the knee a
//! machine that is a little slower makes a queue, and the queue a thousandfold latency; figures of two
//! rounds: they are one moment of the machine; and throughput from core to core where what ran beside it fell
//! to less than two fifths: that is another machine.

mod alike;
mod noise;
mod read;
#[cfg(test)]
mod tests;
mod text;

use std::collections::BTreeMap;

use crate::harness::Row;
use crate::stats::more_is_better;
pub use alike::unlike;
use noise::{
    CANT_TELL, Control, LEAST_ROUNDS, caution, few_rounds, is_another_machine, is_near_the_knee, is_tail,
    machine, spread, usual, worse,
};
pub use read::read;
pub use text::text;

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
    /// Its rounds stray too far to say so.
    CantTell,
    /// Shown only.
    NotJudged,
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
    pub only_in_a: Vec<String>,
    pub only_in_b: Vec<String>,
}

impl Comparison {
    pub fn slower(&self) -> usize {
        self.findings.iter().filter(|finding| finding.verdict == Verdict::Slower).count()
    }
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
        // `slipring-spin` and the like are ours too: they would excuse what slows us down.
        .filter(|row| !row.contender.starts_with("slipring"))
        .filter_map(|row| {
            let factor = worse(before.get(&key(row))?.median, row.median, more_is_better(&row.unit)?);
            (factor.is_finite() && factor > 0.0).then_some(Control { row, factor })
        })
        .collect();
    let mut comparison = Comparison { findings: Vec::new(), only_in_a: Vec::new(), only_in_b: Vec::new() };
    for row in a.iter().filter(|row| row.contender == "slipring") {
        if !after.contains_key(&key(row)) {
            comparison.only_in_a.push(format!("{} {}", row.bench, row.metric));
        }
    }
    for now in b.iter().filter(|row| row.contender == "slipring") {
        let Some(more) = more_is_better(&now.unit) else { continue };
        let Some(was) = before.get(&key(now)) else {
            comparison.only_in_b.push(format!("{} {}", now.bench, now.metric));
            continue;
        };
        if !(was.median > 0.0 && now.median > 0.0 && was.min > 0.0 && now.min > 0.0) {
            continue;
        }
        let beside = machine(now, &controls);
        let machine = beside.unwrap_or_else(|| usual(now, &controls)).max(1.0);
        let too_few = was.rounds.min(now.rounds) < LEAST_ROUNDS;
        let change = worse(was.median, now.median, more);
        let strays = spread(was).powf(few_rounds(was.rounds)) * spread(now).powf(few_rounds(now.rounds));
        let noise = strays.max(1.0 + rule.tolerance * caution(now, beside.is_none()));
        let (apart_worse, apart_better) = if more {
            (now.max < was.min, now.min > was.max)
        } else {
            (now.min > was.max, now.max < was.min)
        };
        let is_another_machine = is_another_machine(now, beside);
        let verdict =
            if (is_tail(now) && !rule.tails) || is_near_the_knee(&now.bench) || too_few || is_another_machine
            {
                Verdict::NotJudged
            } else if change / machine > noise && apart_worse {
                Verdict::Slower
            } else if 1.0 / change > noise && apart_better {
                Verdict::Faster
            } else if strays > CANT_TELL {
                Verdict::CantTell
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
