//! A standby that ended, or was killed, is one again.

use super::program::*;
use slipring::{Event, StandbyError};

#[test]
fn opened_again_it_replays_from_its_snapshots_and_goes_on() {
    let (_folder, primary_at, standby_at) = places();
    let seen = primary(&primary_at, &[100, 100, 100]);
    let mirrored = Shared::default();
    let mut restored = 0;
    for end in [0, 1, 63, 64, 65, 150, 290, 300] {
        let mut standby = builder(&standby_at, Shape::default(), &mirrored)
            .standby(&origin(&primary_at), &Trade::schema())
            .unwrap();
        restored = restored.max(standby.restored()[0].end.unwrap_or(0));
        for run in stored(&primary_at) {
            let from = standby.end_sequence();
            if from < end {
                standby.take(from, run.part(from..end)).unwrap();
            }
        }
        standby.settle().unwrap();
        assert_eq!(state(&mirrored), state_at(&primary_at, end), "at {end}");
        assert_eq!(standby.end_sequence(), end);
        // In good order, or without a word.
        if end % 2 == 0 { drop(standby.close().unwrap()) } else { drop(standby) }
    }
    assert!(restored > 0, "a standby keeps snapshots");
    assert_eq!(state(&mirrored), state(&seen));
    assert!(mirrored.lock().unwrap().emitted.is_empty(), "however often it is opened");
    assert_eq!(all_bytes(&standby_at), all_bytes(&primary_at));
}

#[test]
fn the_lock_is_held_for_life() {
    let (_folder, primary_at, standby_at) = places();
    primary(&primary_at, &[3]);
    let open = || {
        builder(&standby_at, Shape::default(), &Shared::default())
            .standby(&origin(&primary_at), &Trade::schema())
    };
    let standby = open().unwrap();
    let locked = open().unwrap_err();
    assert!(matches!(locked, StandbyError::Open(slipring::OpenError::Locked { .. })), "{locked}");
    drop(standby);
    open().unwrap();
}
