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
                standby.take(from, run.before(from), run.part(from..end)).unwrap();
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

const CHILD: &str = "SLIPRING_STANDBY_CHILD";

/// What is killed: takes all that the primary has, in small pieces. Nothing where nobody asks for it.
#[test]
fn child_that_takes_until_it_is_killed() {
    let Ok(place) = std::env::var(CHILD) else { return };
    let place = std::path::Path::new(&place);
    let (primary_at, standby_at) = (place.join("primary"), place.join("standby"));
    let opened = builder(&standby_at, Shape::default(), &Shared::default())
        .standby(&origin(&primary_at), &Trade::schema());
    let mut standby = opened.unwrap();
    for run in stored(&primary_at) {
        while standby.end_sequence() < run.end() {
            let first = standby.end_sequence();
            standby.take(first, run.before(first), run.part(first..run.end().min(first + 3))).unwrap();
            std::thread::sleep(std::time::Duration::from_micros(300));
        }
    }
    standby.close().unwrap();
}

#[test]
fn killed_at_any_moment_it_is_a_standby_again() {
    let (folder, primary_at, standby_at) = places();
    let seen = primary(&primary_at, &[400, 1, 400, 399]);
    let mut kills_on_the_way = 0;
    for round in 0.. {
        let mut child = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "opened_again::child_that_takes_until_it_is_killed"])
            .env(CHILD, folder.path())
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        // Now and then before it is open, or behind the end; later and later, until it comes to its end on a
        // machine however slow.
        std::thread::sleep(std::time::Duration::from_millis(3 + 17 * round % 60 + round / 2));
        child.kill().unwrap();
        child.wait().unwrap();
        let mirrored = Shared::default();
        let opened = builder(&standby_at, Shape::default(), &mirrored);
        let standby = opened.standby(&origin(&primary_at), &Trade::schema()).unwrap();
        let end = standby.end_sequence();
        standby.settle().unwrap();
        assert_eq!(state(&mirrored), state_at(&primary_at, end), "round {round}, at {end}");
        assert!(mirrored.lock().unwrap().emitted.is_empty());
        drop(standby);
        kills_on_the_way += u32::from(0 < end && end < 1_200);
        if end == 1_200 {
            assert_eq!(state(&mirrored), state(&seen));
            break;
        }
    }
    assert!(kills_on_the_way > 0, "it was killed on its way");
    assert_eq!(all_bytes(&standby_at), all_bytes(&primary_at));
}
