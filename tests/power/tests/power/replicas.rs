//! Power loss and death of the process in the lives of replicas: taking, opening again, promotion, rejoining.

use slipring_journal::__private::protect;

use crate::sim::lives::Plan;
use crate::sim::rejoin::{Dying, FORKS, dies};
use crate::sim::replica::history;
use crate::sim::{images_wanted, turns_red_without};

const PLANS: [(&str, Plan); 8] = [
    ("plain", Plan::PLAIN),
    ("power only", Plan { always_power: true, die_in_recovery: true, ..Plan::PLAIN }),
    ("process only", Plan { never_power: true, die_in_recovery: true, ..Plan::PLAIN }),
    ("in recovery", Plan { die_in_recovery: true, ..Plan::PLAIN }),
    ("failing syncs", Plan { failing_syncs: true, die_in_recovery: true, ..Plan::PLAIN }),
    ("control rollback", Plan { control_rollback: true, ..Plan::PLAIN }),
    ("newer type", Plan { newer_types: true, die_in_recovery: true, ..Plan::PLAIN }),
    ("newer type, failing syncs", Plan { newer_types: true, failing_syncs: true, ..Plan::PLAIN }),
];

/// Runs the histories of so many seeds with every plan; the images, or the first violation.
fn histories(seeds: u64) -> Result<u64, String> {
    let mut images = 0;
    for seed in 0..seeds {
        for (name, plan) in PLANS {
            images += history(seed, plan).map_err(|story| format!("{name}, {story}"))?;
        }
    }
    Ok(images)
}

#[test]
fn replica_power_loss_with_any_subset_of_unsynced_sectors_keeps_i1_to_i5() {
    let images = histories(images_wanted() / 48).unwrap_or_else(|story| panic!("{story}"));
    println!("{images} crash images of replicas recovered");
}

fn turns_red(off: u64) -> bool {
    turns_red_without(off, || histories(3_000).err())
}

#[test]
fn control_replica_epoch_before_record() {
    assert!(turns_red(protect::EPOCH_BEFORE_RECORD), "an epoch that the control file lost went unnoticed");
}

/// Without an epoch of one's own the zeroed tail alone holds I3. What would come back are the right records;
/// but nobody took them in this life, and behind a slot that is not whole they look like corruption.
#[test]
fn control_replica_zeroed_tail() {
    assert!(turns_red(protect::ZERO), "records of an earlier life went unnoticed");
}

#[test]
fn control_replica_cut_said() {
    assert!(turns_red(protect::CUT_SAID), "a cut that the control file did not know of went unnoticed");
}

#[test]
fn control_replica_cut_before_done() {
    assert!(turns_red(protect::CUT_BEFORE_DONE), "a cut that was lost went unnoticed");
}

#[test]
fn control_replica_set_aside() {
    assert!(turns_red(protect::SAVE_SYNC), "bytes that were set aside and lost went unnoticed");
    assert!(turns_red(protect::SAVE_FOLDER_SYNC), "a lost name of what was set aside went unnoticed");
}

/// In the ordinary run each fork has a part of the calls to die in, and all forks together have all of them.
fn stride() -> u64 {
    if images_wanted() > 3_000 { 1 } else { 4 }
}

/// A rejoin at each fork dies in each `stride`th of its calls, and the next one in some.
fn rejoins(power: bool, rots: bool, (seeds, stride): (u64, u64)) -> Result<u64, String> {
    let mut images = 0;
    for (index, keeps) in FORKS.into_iter().enumerate() {
        for first in (1 + index as u64 % stride..200).step_by(stride as usize) {
            let mut has_died = false;
            for second in [3, 12, 26, 1_000] {
                for seed in 0..seeds {
                    has_died |= dies(Dying { calls: (first, second), power, rots, keeps, seed })?;
                    images += 1;
                }
            }
            if first > 40 && !has_died {
                break;
            }
        }
    }
    Ok(images)
}

#[test]
fn replica_rejoin_dies_in_each_of_its_calls_and_is_finished() {
    let seeds = images_wanted().div_ceil(3_000);
    let by_kill = rejoins(false, false, (1, stride()));
    let images = by_kill.and_then(|count| Ok(count + rejoins(true, false, (seeds, stride()))?));
    println!("{} rejoins", images.unwrap_or_else(|story| panic!("{story}")));
}

#[test]
fn replica_rejoin_goes_on_though_the_newest_control_slot_rots() {
    println!("{} rejoins", rejoins(false, true, (1, stride())).unwrap_or_else(|story| panic!("{story}")));
}

#[test]
fn control_replica_cut_gone() {
    // In the segment that was ended early.
    let dying = |first, seed| Dying { calls: (first, 33), power: true, rots: false, keeps: 9, seed };
    let mut all = (1..60).flat_map(|first| (0..4).map(move |seed| (first, seed)));
    let red = turns_red_without(protect::CUT_GONE, || all.find_map(|(f, s)| dies(dying(f, s)).err()));
    assert!(red, "a segment that came back behind one without its seal went unnoticed");
}

#[test]
fn control_replica_cut_both() {
    let red = turns_red_without(protect::CUT_BOTH, || rejoins(false, true, (1, 1)).err());
    assert!(red, "a cut that one control slot alone knew of went unnoticed");
}
