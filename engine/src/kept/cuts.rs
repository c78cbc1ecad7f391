//! Cuts: where each stage starts, so that what one stage reads of another is made again before it is read.
//!
//! A stage that reads another ([`Gate::after`]) reads what that one made of the event in this life. So a stage starts
//! no later than any stage that reads it. Stages are asked one after the other, each behind all that read it, for the
//! latest start that those allow. No other answer has any stage start later: a reader is asked before it knows what it
//! reads, and never has to start earlier for its sake.
//!
//! [`Gate::after`]: crate::Gate::after

use std::collections::HashMap;

use crate::gate::Gate;

/// Which stage reads which, by number.
#[derive(Clone, Debug)]
pub(crate) struct Reads {
    /// Of each stage those that read it.
    readers: Vec<Vec<usize>>,
    /// Each stage behind all that read it.
    order: Vec<usize>,
}

/// How late a stage may start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limit {
    pub(crate) from: u64,
    /// The reader that starts there.
    pub(crate) reader: usize,
}

impl Reads {
    /// By the stages' names and gates, which are checked: nobody waits for himself.
    pub(crate) fn of(stages: &[(&str, &Gate)]) -> Self {
        let numbers: HashMap<&str, usize> =
            stages.iter().enumerate().map(|(at, (name, _))| (*name, at)).collect();
        let read = |(_, gate): &(&str, &Gate)| -> Vec<usize> {
            gate.reads.iter().filter_map(|name| numbers.get(name.as_str()).copied()).collect()
        };
        Self::new(stages.iter().map(read).collect())
    }

    /// By the stages that each stage reads.
    fn new(reads: Vec<Vec<usize>>) -> Self {
        let mut readers = vec![Vec::new(); reads.len()];
        for (reader, reads) in reads.iter().enumerate() {
            reads.iter().for_each(|read| readers[*read].push(reader));
        }
        let mut unasked: Vec<usize> = readers.iter().map(Vec::len).collect();
        let mut order: Vec<usize> = (0..reads.len()).filter(|stage| unasked[*stage] == 0).collect();
        let mut asked = 0;
        while let Some(reader) = order.get(asked).copied() {
            asked += 1;
            for read in &reads[reader] {
                unasked[*read] -= 1;
                if unasked[*read] == 0 {
                    order.push(*read);
                }
            }
        }
        Reads { readers, order }
    }

    /// Where each stage starts, if `choose` says it for one: no later than the limit, if any stage reads it.
    pub(crate) fn starts<E>(
        &self,
        mut choose: impl FnMut(usize, Option<Limit>) -> Result<u64, E>,
    ) -> Result<Vec<u64>, E> {
        let mut starts = vec![u64::MAX; self.order.len()];
        for stage in &self.order {
            let limits = self.readers[*stage].iter().map(|reader| Limit { from: starts[*reader], reader: *reader });
            starts[*stage] = choose(*stage, limits.min_by_key(|limit| limit.from))?;
        }
        Ok(starts)
    }
}

/// What decides where a stage may start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// At the journal's beginning: its state is nowhere but in history.
    Whole,
    /// Anywhere, if nobody reads it and all its effects are out.
    Stateless { has_effects: bool },
    /// Behind a snapshot, or at the journal's beginning. So many cuts are to be kept for it.
    Snapshots { keep: usize },
}

/// How a stage stands, as the keeper knows it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Standing {
    /// It has finished what is below.
    pub(crate) done: u64,
    /// Where a snapshot ends that is handed over and not written yet.
    pub(crate) pending: Option<u64>,
    /// Where those end that are written and count, rising.
    pub(crate) ends: Vec<u64>,
}

/// What is to be kept for later starts.
#[derive(Debug)]
pub(crate) struct Plan {
    /// Of each stage the snapshots, by where they end.
    pub(crate) keep: Vec<Vec<u64>>,
    /// The records from here on.
    pub(crate) needed_from: u64,
}

/// Of which cuts the keeper keeps what they are made of.
///
/// The first cut is where stages would start now. The next one is where they would start if no snapshot of that one
/// could be used, and so on: a stage has as many as it is to keep, and as any stage that reads it has.
#[derive(Debug)]
pub(crate) struct Cuts {
    reads: Reads,
    kinds: Vec<Kind>,
    /// How many cuts each stage has.
    counts: Vec<usize>,
}

impl Cuts {
    pub(crate) fn new(reads: Reads, kinds: Vec<Kind>) -> Self {
        let mut counts = vec![0; kinds.len()];
        for stage in &reads.order {
            let own = if let Kind::Snapshots { keep } = kinds[*stage] { keep } else { 0 };
            counts[*stage] = reads.readers[*stage].iter().map(|reader| counts[*reader]).fold(own, usize::max);
        }
        Cuts { reads, kinds, counts }
    }

    /// Whether what a stage with effects has finished decides what is kept of another: its note must be synced first.
    pub(crate) fn depend_on_effects(&self) -> bool {
        let has_effects = |stage: &usize| self.kinds[*stage] == Kind::Stateless { has_effects: true };
        self.reads.readers.iter().flatten().any(|reader| has_effects(reader))
    }

    /// What to keep, as the stages stand.
    pub(crate) fn plan(&self, standing: &[Standing]) -> Plan {
        let starts = self.starts_of_cuts(standing);
        let floors = self.floors(standing);
        let mut needed_from = standing.iter().map(|stage| stage.done).min().unwrap_or(0);
        let mut keep = Vec::with_capacity(standing.len());
        for (stage, Standing { ends, .. }) in standing.iter().enumerate() {
            let Kind::Snapshots { keep: count } = self.kinds[stage] else {
                keep.push(Vec::new());
                continue;
            };
            needed_from = needed_from.min(starts[stage].last().copied().unwrap_or(0));
            let newest = ends.len().saturating_sub(count);
            let is_kept = |(at, end): &(usize, &u64)| {
                *at >= newest || **end >= floors[stage] || starts[stage].contains(end)
            };
            keep.push(ends.iter().enumerate().filter(is_kept).map(|(_, end)| *end).collect());
        }
        Plan { keep, needed_from }
    }

    /// Of each stage where it starts in each of its cuts.
    fn starts_of_cuts(&self, standing: &[Standing]) -> Vec<Vec<u64>> {
        let mut all: Vec<Vec<u64>> = vec![Vec::new(); self.kinds.len()];
        for cut in 0..self.counts.iter().copied().max().unwrap_or(0) {
            let starts = self.walk(|stage, limit| {
                let before = all[stage].last().copied();
                match self.kinds[stage] {
                    Kind::Whole => 0,
                    Kind::Stateless { has_effects: false } => limit,
                    Kind::Stateless { has_effects: true } => limit.min(standing[stage].done),
                    Kind::Snapshots { .. } if cut >= self.counts[stage] => before.unwrap_or(0),
                    Kind::Snapshots { .. } => {
                        let older = before.map_or(u64::MAX, |before| before.saturating_sub(1));
                        newest(&standing[stage].ends, limit.min(older)).unwrap_or(0)
                    }
                }
            });
            for (stage, start) in starts.into_iter().enumerate() {
                if cut < self.counts[stage] {
                    all[stage].push(start);
                }
            }
        }
        all
    }

    /// Of each stage from where on its snapshots may be part of a cut that is not complete yet: a reader has not
    /// come so far, or its snapshot is still on its way.
    fn floors(&self, standing: &[Standing]) -> Vec<u64> {
        let mut floors = vec![u64::MAX; self.kinds.len()];
        self.walk(|stage, limit| {
            let Standing { done, pending, ends } = &standing[stage];
            match self.kinds[stage] {
                Kind::Whole => u64::MAX,
                Kind::Stateless { has_effects: false } => limit,
                Kind::Stateless { has_effects: true } => limit.min(*done),
                Kind::Snapshots { .. } => {
                    if limit < u64::MAX {
                        floors[stage] = newest(ends, limit).unwrap_or(0);
                    }
                    floors[stage].min(*done).min(pending.unwrap_or(u64::MAX))
                }
            }
        });
        floors
    }

    /// Goes through the stages as [`Reads::starts`] does. Nobody reads a stage: no limit.
    fn walk(&self, mut choose: impl FnMut(usize, u64) -> u64) -> Vec<u64> {
        let starts = self.reads.starts(|stage, limit| {
            Ok::<_, std::convert::Infallible>(choose(stage, limit.map_or(u64::MAX, |limit| limit.from)))
        });
        match starts {
            Ok(starts) => starts,
            Err(never) => match never {},
        }
    }
}

/// The greatest of rising numbers that is not above `most`.
fn newest(ends: &[u64], most: u64) -> Option<u64> {
    ends.partition_point(|end| *end <= most).checked_sub(1).map(|at| ends[at])
}
