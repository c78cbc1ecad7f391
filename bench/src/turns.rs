//! Whose turn it is in a round, and the rest between two turns: nobody always comes behind the same one, or
//! pays for what it left behind.

use std::fs::File;
use std::path::Path;
use std::time::Duration;

/// How long a machine rests once the disk has everything.
const REST: Duration = Duration::from_millis(30);

/// The order of a round: shuffled anew for every round, and the same again in the next run of this bench.
pub fn order(bench: &str, round: usize, contenders: usize) -> Vec<usize> {
    // FNV-1a over the name, then SplitMix64 over the rounds.
    let name = bench.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    let mut state: u64 = name ^ (round as u64).wrapping_mul(0xd6e8_feb8_6659_fd93);
    let mut next = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    };
    let mut order: Vec<usize> = (0..contenders).collect();
    for at in (1..contenders).rev() {
        order.swap(at, (next() % (at as u64 + 1)) as usize);
    }
    order
}

/// Lets the disk finish what a contender left to it, outside every time measured: the next one must not wait
/// for it.
pub fn rest(folder: &Path) {
    if let Ok(folder) = File::open(folder) {
        // Best effort: without it the next one has a worse moment, and the spread shows it.
        let _ = rustix::fs::syncfs(&folder);
    }
    std::thread::sleep(REST);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_round_has_everybody_once_and_the_next_run_the_same_order() {
        for round in 0..20 {
            let mut found = order("ring/b1", round, 7);
            assert_eq!(found, order("ring/b1", round, 7));
            found.sort_unstable();
            assert_eq!(found, (0..7).collect::<Vec<_>>());
        }
    }

    #[test]
    fn nobody_always_comes_behind_the_same_one() {
        let mut behind = std::collections::BTreeSet::new();
        for round in 0..40 {
            let order = order("append", round, 4);
            behind.extend(order.windows(2).map(|pair| (pair[0], pair[1])));
        }
        assert_eq!(behind.len(), 4 * 3);
    }
}
