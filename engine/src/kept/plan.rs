//! What the keeper keeps for later starts: which snapshots, and from which sequence on the records.
//!
//! The first cut is where stages would start now. The next cut is where stages would start if no snapshot of
//! the first could be used, and so on. A stage has as many cuts as it is to keep, or as a stage that reads it
//! has, if those are more.

use super::cuts::{Reads, newest};

/// What decides where a stage may start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StateKind {
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
    /// All events below are finished.
    pub(crate) done: u64,
    /// Where a snapshot ends that is handed over and not written yet.
    pub(crate) pending: Option<u64>,
    /// Where its usable snapshots end, rising.
    pub(crate) ends: Vec<u64>,
}

/// What is to be kept for later starts.
#[derive(Debug)]
pub(crate) struct KeepPlan {
    /// Of each stage the snapshots, by where they end.
    pub(crate) keep: Vec<Vec<u64>>,
    /// The records from here on.
    pub(crate) needed_from: u64,
}

/// Makes the plans.
#[derive(Debug)]
pub(crate) struct Cuts {
    reads: Reads,
    kinds: Vec<StateKind>,
    /// How many cuts each stage has.
    counts: Vec<usize>,
}

impl Cuts {
    pub(crate) fn new(reads: Reads, kinds: Vec<StateKind>) -> Self {
        let mut counts = vec![0; kinds.len()];
        for stage in reads.order() {
            let own = if let StateKind::Snapshots { keep } = kinds[*stage] { keep } else { 0 };
            counts[*stage] = reads.readers(*stage).iter().map(|reader| counts[*reader]).fold(own, usize::max);
        }
        Cuts { reads, kinds, counts }
    }

    /// Whether what a stage with effects has finished decides what is kept of another: its note must be
    /// synced first.
    pub(crate) fn depend_on_effects(&self) -> bool {
        let has_effects = |stage: &usize| self.kinds[*stage] == StateKind::Stateless { has_effects: true };
        self.reads.order().iter().any(|stage| self.reads.readers(*stage).iter().any(has_effects))
    }

    /// What to keep, as the stages stand.
    pub(crate) fn plan(&self, standing: &[Standing]) -> KeepPlan {
        let starts = self.starts_of_cuts(standing);
        let floors = self.floors(standing);
        let mut needed_from = standing.iter().map(|stage| stage.done).min().unwrap_or(0);
        let mut keep = Vec::with_capacity(standing.len());
        for (stage, Standing { ends, .. }) in standing.iter().enumerate() {
            let StateKind::Snapshots { keep: count } = self.kinds[stage] else {
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
        KeepPlan { keep, needed_from }
    }

    /// Of each stage where it starts in each of its cuts.
    fn starts_of_cuts(&self, standing: &[Standing]) -> Vec<Vec<u64>> {
        let mut all: Vec<Vec<u64>> = vec![Vec::new(); self.kinds.len()];
        for cut in 0..self.counts.iter().copied().max().unwrap_or(0) {
            let starts = self.walk(|stage, limit| {
                let before = all[stage].last().copied();
                match self.kinds[stage] {
                    StateKind::Whole => 0,
                    StateKind::Stateless { has_effects: false } => limit,
                    StateKind::Stateless { has_effects: true } => limit.min(standing[stage].done),
                    StateKind::Snapshots { .. } if cut >= self.counts[stage] => before.unwrap_or(0),
                    StateKind::Snapshots { .. } => {
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

    /// Of each stage from where on its snapshots may be part of a cut that is not complete yet: a reader has
    /// not come so far, or its snapshot is still on its way.
    fn floors(&self, standing: &[Standing]) -> Vec<u64> {
        let mut floors = vec![u64::MAX; self.kinds.len()];
        self.walk(|stage, limit| {
            let Standing { done, pending, ends } = &standing[stage];
            match self.kinds[stage] {
                StateKind::Whole => u64::MAX,
                StateKind::Stateless { has_effects: false } => limit,
                StateKind::Stateless { has_effects: true } => limit.min(*done),
                StateKind::Snapshots { .. } => {
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::cuts::tests::{graphs, numbered};
    use super::*;

    fn pick<T: Copy>(from: &[T], number: u64) -> T {
        from[(number % from.len() as u64) as usize]
    }

    /// A keeper and its stages, step by step. Whenever the process dies, and whichever snapshots are damaged
    /// then, recovery needs no record that retention was let have.
    struct Keeping {
        cuts: Cuts,
        standing: Vec<Standing>,
        needed_from: u64,
    }

    impl Keeping {
        fn advance(&mut self, reads: &[usize], stage: usize, by: u64) {
            let gate = reads.iter().map(|read| self.standing[*read].done).min().unwrap_or(u64::MAX);
            let standing = &mut self.standing[stage];
            standing.done = gate.min(standing.done + by);
        }

        fn save(&mut self, stage: usize, every: u64) {
            let standing = &mut self.standing[stage];
            let is_due =
                standing.done % every == 0 && standing.ends.last().is_none_or(|last| *last < standing.done);
            if is_due && standing.pending.is_none() && standing.done > 0 {
                standing.pending = Some(standing.done);
            }
        }

        fn write(&mut self, stage: usize, fails: bool) {
            let Some(end) = self.standing[stage].pending.take() else { return };
            if fails {
                return;
            }
            self.standing[stage].ends.push(end);
            let plan = self.cuts.plan(&self.standing);
            for (standing, keep) in self.standing.iter_mut().zip(&plan.keep) {
                standing.ends.retain(|end| keep.contains(end));
            }
            let again = self.cuts.plan(&self.standing);
            assert_eq!(again.needed_from, plan.needed_from, "what was removed was needed");
            self.needed_from = self.needed_from.max(plan.needed_from);
        }

        /// As many of all snapshots are damaged as the least that a stage is to keep allows, or of one stage
        /// as many as it is to keep itself.
        fn die(&self, number: u64, of_one: bool) {
            let keeps = self.cuts.kinds.iter().map(|kind| match kind {
                StateKind::Snapshots { keep } => *keep,
                _ => usize::MAX,
            });
            let (least, stages) = (keeps.clone().min().unwrap_or(1), self.standing.len() as u64);
            let one = number % stages;
            let keep = keeps.clone().nth(one as usize).unwrap_or(1);
            let damage = if of_one { keep } else { least };
            let mut ends: Vec<Vec<u64>> =
                self.standing.iter().map(|standing| standing.ends.clone()).collect();
            for nth in 1..damage.min(4) as u64 {
                let of_stage = &mut ends[if of_one { one } else { (number + nth) % stages } as usize];
                if !of_stage.is_empty() {
                    of_stage.remove((number >> (8 * nth)) as usize % of_stage.len());
                }
            }
            let starts = self.cuts.walk(|stage, limit| match self.cuts.kinds[stage] {
                StateKind::Whole => 0,
                StateKind::Stateless { has_effects: false } => limit,
                StateKind::Stateless { has_effects: true } => limit.min(self.standing[stage].done),
                StateKind::Snapshots { .. } => newest(&ends[stage], limit).unwrap_or(0),
            });
            assert!(
                starts.iter().all(|start| *start >= self.needed_from),
                "{starts:?} before {}",
                self.needed_from
            );
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1_000))]

        #[test]
        fn what_is_let_go_is_needed_by_no_later_start(
            reads in graphs(5),
            kinds in prop::collection::vec((0u8..6, 1usize..4, 0u64..4), 5),
            steps in prop::collection::vec((0u8..6, any::<u64>(), any::<bool>()), 1..400),
        ) {
            let kind = |(kind, keep, _): &(u8, usize, u64)| match *kind {
                0 => StateKind::Stateless { has_effects: false },
                1 => StateKind::Stateless { has_effects: true },
                _ => StateKind::Snapshots { keep: *keep },
            };
            let count = reads.len();
            let cuts = Cuts::new(numbered(reads.clone()), kinds[..count].iter().map(kind).collect());
            let mut keeping = Keeping { cuts, standing: vec![Standing::default(); count], needed_from: 0 };
            for (step, number, of_one) in steps {
                let stage = (number >> 8) as usize % count;
                match step {
                    0..3 => {
                        keeping.advance(&reads[stage], stage, number % 8);
                        if matches!(keeping.cuts.kinds[stage], StateKind::Snapshots { .. }) {
                            keeping.save(stage, pick(&[1, 2, 3, 4], kinds[stage].2));
                        }
                    }
                    3 | 4 => keeping.write(stage, number % 4 == 0),
                    _ => keeping.die(number, of_one),
                }
            }
            keeping.die(0, false);
        }
    }

    #[test]
    fn a_stage_keeps_those_of_the_cuts_and_those_that_may_become_one() {
        // 0 is read by 1, which is read by 2.
        let reads = numbered(vec![vec![], vec![0], vec![1]]);
        let kinds = vec![StateKind::Snapshots { keep: 1 }; 3];
        let cuts = Cuts::new(reads, kinds);
        let standing = |done, pending, ends: &[u64]| Standing { done, pending, ends: ends.to_vec() };
        let plan = cuts.plan(&[
            standing(100, None, &[10, 20, 30, 40, 50, 60, 70, 80, 90]),
            // The one at 60 is handed over.
            standing(65, Some(60), &[10, 20, 30, 40, 50]),
            standing(45, None, &[20, 30]),
        ]);
        assert_eq!(plan.keep[2], [30]);
        assert_eq!(
            plan.keep[1],
            [30, 40, 50],
            "30 is in the cut; 2 has 40 before it, and may yet come to 50"
        );
        assert_eq!(plan.keep[0], [30, 40, 50, 60, 70, 80, 90]);
        assert_eq!(plan.needed_from, 30);
    }
}
