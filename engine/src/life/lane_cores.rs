//! The cores that lanes are pinned to, and threads that begin away from them.

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use slipring_journal::Event;

use crate::describe::builder::EngineBuilder;

/// So many cores must be left to other threads: on one of them the publisher spins.
const LEAST_LEFT: u32 = 2;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LaneCores(Vec<usize>);

impl LaneCores {
    pub(super) fn new(cores: impl Iterator<Item = usize>) -> Self {
        LaneCores(cores.collect())
    }

    /// Has this thread be away from them while it does `begin`, if enough others are left: threads that it
    /// starts meanwhile inherit that, and keep it.
    pub(super) fn away<T>(&self, begin: impl FnOnce() -> T) -> T {
        let _back = self.leave();
        begin()
    }

    fn leave(&self) -> Option<Back> {
        let allowed = sched_getaffinity(None).ok()?;
        sched_setaffinity(None, &self.others(&allowed)?).ok()?;
        Some(Back(allowed))
    }

    /// What is left of `allowed`; `None` if that is all of it, or too little.
    fn others(&self, allowed: &CpuSet) -> Option<CpuSet> {
        let mut others = *allowed;
        let known = self.0.iter().filter(|core| **core < CpuSet::MAX_CPU);
        known.for_each(|core| others.unset(*core));
        (others != *allowed && others.count() >= LEAST_LEFT).then_some(others)
    }
}

/// Lets the thread run again where it might before.
struct Back(CpuSet);

impl Drop for Back {
    fn drop(&mut self) {
        // At worst it stays away from the lanes, as the threads that it has started do.
        let _ = sched_setaffinity(None, &self.0);
    }
}

impl<E: Event> EngineBuilder<E> {
    pub(super) fn lane_cores(&self) -> LaneCores {
        LaneCores::new(self.lanes.iter().filter_map(|lane| lane.core))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(cores: &[usize]) -> CpuSet {
        let mut set = CpuSet::new();
        cores.iter().for_each(|core| set.set(*core));
        set
    }

    fn others(lanes: &[usize], allowed: &[usize]) -> Option<CpuSet> {
        LaneCores::new(lanes.iter().copied()).others(&set(allowed))
    }

    #[test]
    fn others_are_left_where_there_are_two() {
        assert_eq!(others(&[2], &[0, 1, 2, 3]), Some(set(&[0, 1, 3])));
        assert_eq!(others(&[1, 2], &[0, 1, 2, 3]), Some(set(&[0, 3])));
        // The publisher wants one of them.
        assert_eq!(others(&[1], &[0, 1]), None);
        assert_eq!(others(&[1, 2, 3], &[0, 1, 2, 3]), None);
        // They are away already, or there is nowhere to be away from.
        assert_eq!(others(&[5, usize::MAX], &[0, 1, 2]), None);
        assert_eq!(others(&[], &[0, 1, 2]), None);
    }

    #[test]
    fn a_thread_that_begins_away_stays_there_and_its_parent_comes_back() {
        let here = || sched_getaffinity(None).expect("its own mask");
        let before = here();
        let lane = (0..CpuSet::MAX_CPU).find(|core| before.is_set(*core)).expect("a core");
        let cores = LaneCores::new([lane].into_iter());
        let (meanwhile, inherited) =
            cores.away(|| (here(), std::thread::spawn(here).join().expect("no panic")));
        // A machine of two cores has no others that are enough.
        let wanted = cores.others(&before).unwrap_or(before);
        assert_eq!((meanwhile, inherited, here()), (wanted, wanted, before));
        assert_eq!(wanted.is_set(lane), before.count() <= LEAST_LEFT);
    }
}
