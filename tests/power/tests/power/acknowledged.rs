//! Power loss and death of the process around the note of what is acknowledged.

use slipring_journal::__private::protect;

use crate::sim::acknowledged::{Counts, history};
use crate::sim::images_wanted;

/// Whether the machine goes with the process, or either way; and whether notes are synced.
const PLANS: [(Option<bool>, bool); 6] = [
    (None, true),
    (Some(false), true),
    (Some(true), true),
    (None, false),
    (Some(false), false),
    (Some(true), false),
];

/// Histories of so many seeds with every plan.
fn histories(seeds: u64) -> Result<Counts, String> {
    let mut all = Counts::default();
    for seed in 0..seeds {
        for (power, sync) in PLANS {
            let Counts { deaths, set_back, in_a_note } = history(seed, power, sync)?;
            all.deaths += deaths;
            all.set_back += set_back;
            all.in_a_note += in_a_note;
        }
    }
    Ok(all)
}

#[test]
fn acknowledged_power_loss_and_kills_take_no_gate_back_behind_what_the_log_has() {
    let counts = histories(images_wanted() / 48).unwrap_or_else(|story| panic!("{story}"));
    println!("{counts:?}");
    assert!(counts.set_back > 0 && counts.in_a_note > 0, "it is tried: {counts:?}");
}

fn turns_red(off: u64) -> bool {
    let story = protect::without(off, || histories(1_000).err());
    println!("{off:#x}: {}", story.as_deref().unwrap_or("no violation"));
    story.is_some()
}

#[test]
fn control_acknowledged_note_sync() {
    assert!(turns_red(protect::NOTE_SYNC), "a note that was lost behind an open gate went unnoticed");
}

#[test]
fn control_acknowledged_note_durable() {
    assert!(turns_red(protect::NOTE_DURABLE), "a note of a record that the log has lost went unnoticed");
}

#[test]
fn control_acknowledged_note_over() {
    assert!(turns_red(protect::NOTE_OVER), "two notes that were torn at once went unnoticed");
}
