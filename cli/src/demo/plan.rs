//! Where the kills fall: drawn over sequences, not over time, so that a short input is killed in its middle
//! too.
//!
//! The input is cut into as many stretches as there are kills of a live child, and each stretch gets one. A
//! kill in a roll is moved to where a segment is full. Kills in recovery and in replay come between, each
//! right after another death.

use std::time::Duration;

use super::protocol::Stop;
use crate::flow::random::Random;

/// Messages that a kill needs at the least.
pub(super) const LEAST_PER_KILL: u64 = 100;

/// Every kill, in order, and the segments that make the rolls happen where they must.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Plan {
    pub(super) segment_records: u64,
    pub(super) kills: Vec<Kill>,
}

/// One kill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kill {
    /// A live child, so many microseconds after it has come to a sequence.
    Live { at: u64, hold: u64, delay_us: u64 },
    /// A live child, so many microseconds after it has filled a segment.
    Roll { at: u64, hold: u64, delay_us: u64 },
    /// A child that recovers, so many thousandths into the time that recovery took last.
    Recovery { thousandths: u64 },
    /// A child that replays, when so many thousandths are done.
    Replay { thousandths: u64 },
}

impl Kill {
    pub(super) fn name(self) -> &'static str {
        match self {
            Kill::Live { .. } => "live",
            Kill::Roll { .. } => "roll",
            Kill::Recovery { .. } => "recovery",
            Kill::Replay { .. } => "replay",
        }
    }

    /// How long after the child's report it is killed, if recovery takes as long as given.
    pub(super) fn delay(self, recovery: Duration) -> Duration {
        match self {
            Kill::Live { delay_us, .. } | Kill::Roll { delay_us, .. } => Duration::from_micros(delay_us),
            Kill::Recovery { thousandths } => recovery * thousandths as u32 / 1000,
            Kill::Replay { .. } => Duration::ZERO,
        }
    }

    /// What the child is told, in a journal of `end` records.
    pub(super) fn stop(self, end: u64) -> Stop {
        match self {
            Kill::Live { at, hold, .. } => Stop::Live { at, hold },
            Kill::Roll { at, hold, .. } => Stop::Roll { at, hold },
            Kill::Recovery { .. } => Stop::Recovery,
            Kill::Replay { thousandths } => Stop::Replay { at: (end * thousandths / 1000).max(1) },
        }
    }
}

/// Messages that are published behind a full segment while death is awaited.
const ROLL_REACH: u64 = 64;
/// Longest time from the report of a live child to its death. It publishes on meanwhile; the next segment
/// takes longer than that to be made.
const LONGEST_DELAY_US: u64 = 600;

/// Draws the places of `kills` deaths in an input of `total` messages. There is at least one in a roll and,
/// with two kills or more, one in a replay; with four or more, one in a recovery.
///
/// # Panics
/// If there are fewer than [`LEAST_PER_KILL`] messages a kill, or no kill.
pub(super) fn draw(total: u64, kills: u32, seed: u64) -> Plan {
    let kills = u64::from(kills);
    assert!(kills > 0 && total >= kills * LEAST_PER_KILL, "checked by the caller");
    let mut random = Random::new(seed ^ 0x6b69_6c6c);
    let in_replay = if kills >= 2 { (kills / 8).max(1) } else { 0 };
    let in_recovery = if kills >= 4 { (kills / 8).max(1) } else { 0 };
    let stretches = kills - in_replay - in_recovery;
    let in_roll = (stretches / 3).max(1);
    let length = total / stretches;
    let segment_records = (1 << (length / 2).ilog2()).min(1 << 16);

    let rolls = choose(&mut random, stretches, in_roll);
    let mut plan = Vec::new();
    for stretch in 0..stretches {
        let (low, high) = (stretch * length, (stretch + 1) * length);
        let delay_us = 100 + random.below(LONGEST_DELAY_US - 100);
        if rolls.contains(&stretch) {
            // The first boundary behind a place in the first quarter: a segment is half a stretch at most.
            let near = low + 1 + random.below(length / 4);
            let at = near.next_multiple_of(segment_records);
            plan.push(Kill::Roll { at, hold: (at + ROLL_REACH).min(high - 1), delay_us });
        } else {
            let at = low + 1 + random.below(length / 2);
            plan.push(Kill::Live { at, hold: at + 1 + random.below(high - 1 - at), delay_us });
        }
    }
    for index in 0..in_replay + in_recovery {
        let kill = if index < in_replay {
            Kill::Replay { thousandths: 50 + random.below(900) }
        } else {
            Kill::Recovery { thousandths: random.below(800) }
        };
        // Never first: there must be something to recover.
        let place = 1 + random.below(plan.len() as u64) as usize;
        plan.insert(place, kill);
    }
    Plan { segment_records, kills: plan }
}

/// `count` different numbers below `bound`.
fn choose(random: &mut Random, bound: u64, count: u64) -> Vec<u64> {
    let mut all: Vec<u64> = (0..bound).collect();
    (0..count).map(|_| all.swap_remove(random.below(all.len() as u64) as usize)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_plan_keeps_its_promises() {
        for kills in [1, 2, 3, 4, 5, 7, 20, 100] {
            for total in [100, 101, 128, 1000, 60_000, 2_000_000] {
                let total = total * if total < 1000 { u64::from(kills) } else { 1 };
                if total < u64::from(kills) * LEAST_PER_KILL {
                    continue;
                }
                for seed in 0..50 {
                    check(&draw(total, kills, seed), total, kills);
                }
            }
        }
        assert_eq!(draw(60_000, 20, 1), draw(60_000, 20, 1));
        assert_ne!(draw(60_000, 20, 1), draw(60_000, 20, 2));
    }

    fn check(plan: &Plan, total: u64, kills: u32) {
        assert_eq!(plan.kills.len(), kills as usize);
        let mut last = 0;
        for kill in &plan.kills {
            let (at, hold) = match *kill {
                Kill::Live { at, hold, .. } => (at, hold),
                Kill::Roll { at, hold, .. } => {
                    assert_eq!(at % plan.segment_records, 0);
                    (at, hold)
                }
                Kill::Recovery { thousandths } | Kill::Replay { thousandths } => {
                    assert!(thousandths < 1000 && last > 0);
                    continue;
                }
            };
            assert!(last < at && at < hold && hold < total, "{last} {kill:?} {total}");
            last = hold;
        }
        let count = |name| plan.kills.iter().filter(|kill| kill.name() == name).count();
        assert!(count("roll") > 0);
        assert!(kills < 2 || count("replay") > 0);
        assert!(kills < 4 || count("recovery") > 0);
    }
}
