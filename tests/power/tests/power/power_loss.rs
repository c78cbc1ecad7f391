//! Power loss, on a simulated machine: every death of process and machine leaves a log that recovers to a
//! prefix with all that was acknowledged and nothing else (I1-I5 of docs/reference/guarantees.md).
//!
//! `SLIPRING_IMAGES=1000000 cargo test -p slipring-tests-power power_loss` runs a million
//! images.

use crate::sim::cut_off::cut_off;
use crate::sim::every_call::die_in;
use crate::sim::lives::{Plan, history};
use crate::sim::moved::{self, Off};
use crate::sim::new_type::{Dying, change, change_golden};
use crate::sim::readers::{self, Readers};
use crate::sim::removed_twice::removed_twice;
use crate::sim::torn_control::torn_twice;
use crate::sim::{images_wanted, turns_red_without};
use slipring_journal::__private::protect;

const PLANS: [(&str, Plan); 8] = [
    ("plain", Plan::PLAIN),
    ("power only", Plan { always_power: true, ..Plan::PLAIN }),
    ("process only", Plan { die_in_recovery: true, never_power: true, ..Plan::PLAIN }),
    ("in recovery", Plan { die_in_recovery: true, ..Plan::PLAIN }),
    ("failing syncs", Plan { failing_syncs: true, die_in_recovery: true, ..Plan::PLAIN }),
    ("control rollback", Plan { control_rollback: true, ..Plan::PLAIN }),
    ("newer types", Plan { newer_types: true, die_in_recovery: true, ..Plan::PLAIN }),
    ("newer types and rollback", Plan { newer_types: true, control_rollback: true, ..Plan::PLAIN }),
];

/// The first violation among the histories of `seeds`, with every plan.
fn violation(seeds: std::ops::Range<u64>) -> Option<String> {
    for seed in seeds {
        for (name, plan) in PLANS {
            if let Err(story) = history(seed, plan) {
                return Some(format!("{name}, {story}"));
            }
        }
    }
    None
}

#[test]
fn power_loss_with_any_subset_of_unsynced_sectors_keeps_i1_to_i5() {
    let wanted = images_wanted();
    let mut images = 0;
    let mut seed = 0;
    while images < wanted {
        for (name, plan) in PLANS {
            match history(seed, plan) {
                Ok(count) => images += count,
                Err(story) => panic!("{name}, {story}"),
            }
        }
        seed += 1;
    }
    println!("{images} crash images recovered, {seed} histories of each of {} plans", PLANS.len());
}

/// The first violation among histories in which the folder's name and its LOCK are swapped.
fn moved_violation(seeds: std::ops::Range<u64>, off: Off) -> Result<u64, String> {
    seeds.map(|seed| moved::history(seed, off)).sum()
}

#[test]
fn row_moved_folder_and_a_lock_that_is_replaced_keep_both_journals() {
    let images = moved_violation(0..images_wanted() / 50, Off::default()).unwrap();
    println!("{images} crash images of moved folders recovered");
}

#[test]
fn control_held_folder() {
    let story = moved_violation(0..200, Off { holding: true, ..Off::default() });
    assert!(story.is_err(), "a folder that is found by its name each time went unnoticed");
}

#[test]
fn control_folder_lock() {
    let story = moved_violation(0..200, Off { folder_lock: true, ..Off::default() });
    assert!(story.is_err_and(|story| story.contains("second writer")), "a second writer went unnoticed");
}

/// Dies in every system call of a life in turn, and in one of some of the next.
fn die_everywhere(retire: bool) -> Result<(), String> {
    let (mut images, mut longest, powers) = (0, 0, images_wanted() / 1_000);
    for first in 1.. {
        let mut died = false;
        for second in [1, 2, 3, 5, 8, 11, 14, 17, 20, 23, 26, 29, 32, 40, 1_000] {
            died |= die_in((first, second), false, retire, 0)?;
            for seed in 0..powers {
                died |= die_in((first, second), true, retire, seed)?;
            }
            images += 1 + powers;
        }
        longest = first;
        if first > 40 && !die_in((first, 1_000_000), false, retire, 0)? {
            break;
        }
        assert!(died && first < 10_000, "a life of {first} system calls");
    }
    println!("{images} lives, the longest of {longest} system calls");
    Ok(())
}

#[test]
fn row_crash_between_create_header_rename_and_folder_sync_of_every_file() {
    die_everywhere(false).unwrap();
}

#[test]
fn row_crash_in_the_middle_of_retention() {
    die_everywhere(true).unwrap();
}

#[test]
fn control_retire_order() {
    let red = turns_red_without(protect::RETIRE_ORDER, || die_everywhere(true).err());
    assert!(red, "a segment unlinked before the control file gave it up went unnoticed");
}

/// The events change, with the process or the power going at any call of the opening that ends the older
/// type's last segment, and of the opening behind it.
fn changes(change: fn(Dying) -> Result<bool, String>) -> Result<u64, String> {
    let (mut images, powers) = (0, images_wanted() / 1_000);
    for first in 1..1_000 {
        for second in [1, 4, 9, 12, 14, 16, 17, 18, 19, 20, 21, 22, 23, 24, 26, 30, 1_000] {
            let calls = (first, second);
            change(Dying { calls, power: false, seed: 0 })?;
            (0..powers).try_for_each(|seed| change(Dying { calls, power: true, seed }).map(drop))?;
            images += 1 + powers;
        }
        if !change(Dying { calls: (first, 1_000), power: false, seed: 0 })? {
            return Ok(images);
        }
    }
    Err("an opening of a thousand system calls".to_owned())
}

#[test]
fn row_types_crash_at_every_call_of_an_opening_that_begins_a_newer_type() {
    println!("{} openings", changes(change).unwrap());
    println!("{} openings of version 1 of the format", changes(change_golden).unwrap());
}

fn change_goes_wrong(off: u64) -> bool {
    [change, change_golden].into_iter().all(|change| turns_red_without(off, || changes(change).err()))
}

#[test]
fn control_seal_first() {
    assert!(change_goes_wrong(protect::SEAL_FIRST | protect::SEAL_IN_TURN), "a lost seal went unnoticed");
}

#[test]
fn control_seal_in_turn() {
    assert!(change_goes_wrong(protect::SEAL_IN_TURN), "a seal of which both copies are torn went unnoticed");
}

/// Histories of named readers, which retention must heed at once; deaths, and records that went.
fn reader_histories(seeds: u64) -> Result<(u64, u64), String> {
    let how = [None, Some(true), Some(false)].map(|power| Readers { power, keeps: 0 });
    let how = how.into_iter().chain([Readers { power: None, keeps: 9 }]);
    let (mut deaths, mut taken) = (0, 0);
    for how in how {
        for seed in 0..seeds {
            let (more, gone) = readers::history(seed, how)?;
            (deaths, taken) = (deaths + more, taken + gone);
        }
    }
    Ok((deaths, taken))
}

#[test]
fn power_loss_in_commits_and_claims_of_named_readers_loses_none_and_no_record_that_is_not_done() {
    let seeds = images_wanted() / 20;
    let (deaths, taken) = protect::without(protect::READER_LOOKS, || reader_histories(seeds)).unwrap();
    println!("{deaths} deaths, {taken} records taken by retention");
    assert!(taken > seeds, "retention took {taken} records");
}

fn readers_turn_red(off: u64) -> bool {
    turns_red_without(off | protect::READER_LOOKS, || reader_histories(2_000).err())
}

#[test]
fn control_reader_sync() {
    assert!(readers_turn_red(protect::READER_SYNC), "a position that was renamed unsynced went unnoticed");
}

#[test]
fn control_reader_folder_sync() {
    assert!(readers_turn_red(protect::READER_FOLDER_SYNC), "a commit that was lost went unnoticed");
}

#[test]
fn control_reader_seen_sync() {
    // A commit that has returned is synced: what is seen and has not is lost only with the machine.
    assert!(readers_turn_red(protect::READER_SEEN_SYNC), "records let go by a lost commit went unnoticed");
}

/// Switches protections off and looks for the violation that they are there to prevent.
fn turns_red(off: u64) -> bool {
    turns_red_within(3_000, off)
}

fn turns_red_within(seeds: u64, off: u64) -> bool {
    turns_red_without(off, || violation(0..seeds))
}

#[test]
fn control_data_before_d() {
    assert!(turns_red(protect::DATA_BEFORE_D), "D ahead of its data went unnoticed");
}

#[test]
fn control_folder_sync() {
    assert!(turns_red(protect::FOLDER_SYNC), "a lost segment name went unnoticed");
}

#[test]
fn control_header_sync() {
    assert!(turns_red(protect::HEADER_SYNC), "a lost header went unnoticed");
}

#[test]
fn control_window() {
    assert!(turns_red(protect::WINDOW), "records beyond the window went unnoticed");
}

#[test]
fn control_mend_before_d() {
    assert!(turns_red(protect::MEND_BEFORE_D), "D ahead of what recovery mended went unnoticed");
}

#[test]
fn control_link_before_d() {
    assert!(turns_red(protect::LINK_BEFORE_D), "a segment that lost its link went unnoticed");
}

/// Stories of a control file torn twice in one run; without the protection one in some thousands ends badly.
fn torn_stories() -> u64 {
    (images_wanted() * 2 / 5).max(8_000)
}

#[test]
fn power_loss_in_two_control_updates_with_a_failed_sync_between_leaves_a_good_slot() {
    for seed in 0..torn_stories() {
        torn_twice(seed).unwrap();
    }
}

#[test]
fn control_control_rewrite() {
    let look = || (0..torn_stories()).find_map(|seed| torn_twice(seed).err());
    let red = turns_red_without(protect::CONTROL_REWRITE, look);
    assert!(red, "a control slot that a failed sync had lost went unnoticed");
}

/// A segment removed by a process that has ended, the one before it by the next, with the power going at any
/// call.
fn removals() -> Result<(), String> {
    for first in std::iter::once(None).chain((1..20).map(Some)) {
        for second in 1..20 {
            (0..12).try_for_each(|seed| removed_twice(first, second, seed))?;
        }
    }
    Ok(())
}

#[test]
fn power_loss_in_a_removal_behind_one_that_was_not_synced_leaves_no_gap() {
    removals().unwrap();
}

#[test]
fn control_remove_order() {
    let red = turns_red_without(protect::REMOVE_ORDER, || removals().err());
    assert!(red, "a gap left by two removals went unnoticed");
}

#[test]
fn control_rewrite() {
    assert!(turns_red(protect::REWRITE), "records that a failed sync had lost went unnoticed");
}

/// The epoch and the zeroed tail cover each other: I3 falls only when both are off.
#[test]
fn control_epoch_and_zeroed_tail() {
    let seeds = images_wanted() / 200;
    assert!(!turns_red_within(seeds, protect::EPOCH), "the zeroed tail alone must hold I3");
    assert!(!turns_red_within(seeds, protect::ZERO), "the epoch alone must hold I3");
    assert!(turns_red(protect::EPOCH | protect::ZERO), "records of an earlier life went unnoticed");
}

/// What is cut off is on disk, with its name, before it is zeroed: power fails in any call of the recovery
/// that cuts.
fn cuts() -> Result<u64, String> {
    (0..4_000).try_fold(0, |count, seed| cut_off(seed).map(|cut| count + u64::from(cut)))
}

#[test]
fn what_is_cut_off_outlives_power_loss_in_the_recovery_that_cuts() {
    let count = cuts().unwrap();
    assert!(count > 200, "{count} recoveries that cut");
}

/// Whether what was cut off can be lost without a protection.
fn loses_cuts(off: u64) -> bool {
    turns_red_without(off, || cuts().err())
}

#[test]
fn control_save_sync() {
    assert!(loses_cuts(protect::SAVE_SYNC), "bytes that were cut off and lost went unnoticed");
}

#[test]
fn control_save_folder_sync() {
    assert!(
        loses_cuts(protect::SAVE_FOLDER_SYNC),
        "a lost name of the bytes that were cut off went unnoticed"
    );
}

#[test]
fn control_scan() {
    assert!(turns_red(protect::SCAN), "records behind D that nobody looked for went unnoticed");
}

#[test]
fn control_raise_sync() {
    assert!(turns_red(protect::RAISE_SYNC), "appends ahead of the raised D went unnoticed");
}

#[test]
fn control_raise_d() {
    assert!(turns_red(protect::RAISE_D), "a D that recovery did not raise went unnoticed");
}
