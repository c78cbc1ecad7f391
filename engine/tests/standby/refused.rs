//! What a standby does not take, and what becomes of one whose stage fails.

use super::program::*;
use slipring::{Cause, Event, JournalId, OpenError, Origin, Standby, StandbyError, TakeError};

fn standby_of(folders: (&std::path::Path, &std::path::Path)) -> (Standby<Trade>, Shared) {
    let mirrored = Shared::default();
    let standby = builder(folders.1, Shape::default(), &mirrored)
        .standby(&origin(folders.0), &Trade::schema())
        .unwrap();
    (standby, mirrored)
}

#[test]
fn records_that_do_not_follow_reach_neither_replica_nor_stages() {
    let (_folder, primary_at, standby_at) = places();
    primary(&primary_at, &[30, 30]);
    let run = &stored(&primary_at)[0];
    let (mut standby, mirrored) = standby_of((&primary_at, &standby_at));
    standby.take(0, None, run.part(0..10)).unwrap();
    standby.settle().unwrap();
    let before = state(&mirrored);
    let gap = standby.take(11, run.before(11), run.part(11..20)).unwrap_err();
    assert!(matches!(gap, StandbyError::Take(TakeError::OutOfPlace { expected: 10, first: 11 })), "{gap}");
    let torn = standby.take(10, run.before(10), &run.part(10..12)[..run.record_bytes + 3]).unwrap_err();
    assert!(matches!(torn, StandbyError::Take(TakeError::NotWhole { .. })), "{torn}");
    // The fault is in the third: none of the three is taken.
    for at in 0..run.record_bytes {
        let mut bytes = run.part(10..13).to_vec();
        bytes[2 * run.record_bytes + at] ^= 0x10;
        let refused = standby.take(10, run.before(10), &bytes).unwrap_err();
        assert!(matches!(refused, StandbyError::Take(_)), "byte {at}: {refused}");
    }
    let other = tempfile::tempdir().unwrap();
    primary(other.path(), &[60]);
    let foreign = standby.take(10, run.before(10), stored(other.path())[0].part(10..11)).unwrap_err();
    assert!(matches!(foreign, StandbyError::Take(TakeError::Corrupt { sequence: 10, .. })), "{foreign}");
    // What follows another record than the last one here, and what says of none.
    let (epoch, crc) = run.before(10).unwrap();
    let parted = standby.take(10, Some((epoch, !crc)), run.part(10..12)).unwrap_err();
    assert!(matches!(parted, StandbyError::Take(TakeError::OtherHistory { first: 10, .. })), "{parted}");
    let unsaid = standby.take(10, None, run.part(10..12)).unwrap_err();
    assert!(matches!(unsaid, StandbyError::Take(TakeError::BeforeUnknown { first: 10, .. })), "{unsaid}");
    assert_eq!((standby.settle().unwrap(), standby.end_sequence()), (10, 10));
    assert_eq!(state(&mirrored), before);
    standby.take(10, run.before(10), run.part(10..60)).unwrap();
    standby.settle().unwrap();
    assert_eq!(state(&mirrored), state_at(&primary_at, 60));
}

#[test]
fn a_standby_of_another_journal_is_refused() {
    let (_folder, primary_at, standby_at) = places();
    primary(&primary_at, &[3]);
    drop(standby_of((&primary_at, &standby_at)));
    let other = Origin::of(JournalId([9; 16]));
    let open = |at, origin| {
        builder(at, Shape::default(), &Shared::default()).standby(origin, &Trade::schema()).unwrap_err()
    };
    let refused = open(&standby_at, &other);
    assert!(matches!(refused, StandbyError::Open(OpenError::OtherOrigin { .. })), "{refused}");
    let refused = open(&primary_at, &origin(&primary_at));
    assert!(matches!(refused, StandbyError::Open(OpenError::NotReplica { .. })), "{refused}");
}

#[test]
fn a_stage_that_fails_halts_the_standby_and_the_replica_has_what_was_taken() {
    let (_folder, primary_at, standby_at) = places();
    primary(&primary_at, &[50]);
    let run = &stored(&primary_at)[0];
    let shape = Shape { panics_at: Some(20), ..Shape::default() };
    let mut standby = builder(&standby_at, shape, &Shared::default())
        .standby(&origin(&primary_at), &Trade::schema())
        .unwrap();
    standby.take(0, None, run.part(0..30)).unwrap();
    let StandbyError::Halted(halted) = standby.settle().unwrap_err() else { panic!("it halts") };
    assert_eq!((&*halted.stage, halted.sequence), ("book", 20));
    assert!(matches!(halted.cause, Cause::Panic(_)));
    assert!(matches!(standby.take(30, run.before(30), run.part(30..31)), Err(StandbyError::Halted(_))));
    assert!(matches!(standby.promote(1024), Err(StandbyError::Halted(_))));
    // With a handler that bears it, it goes on as a standby.
    let (mut standby, mirrored) = standby_of((&primary_at, &standby_at));
    assert_eq!(standby.end_sequence(), 30);
    standby.take(30, run.before(30), run.part(30..50)).unwrap();
    standby.settle().unwrap();
    assert_eq!(state(&mirrored), state_at(&primary_at, 50));
}

#[test]
fn an_engine_without_a_journal_stands_by_nothing() {
    let lane = slipring::Lane::named("main").stage(
        "book",
        |_: &Trade, _: &slipring::Context| (),
        slipring::Gate::PUBLISHED,
    );
    let refused = slipring::Engine::builder()
        .lane(lane)
        .standby(&Origin::of(JournalId([1; 16])), &Trade::schema())
        .unwrap_err();
    assert!(matches!(refused, StandbyError::NoJournal), "{refused}");
}
