//! Promotion: the engine goes live where it stands.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::program::*;
use slipring::{
    Context, CountersReader, Doubles, Engine, EngineBuilder, Event, FollowFrom, Gate, Lane, LateConsumer,
    LateContext, OpenError, ReplayFrom, StandbyError,
};

#[test]
fn a_promoted_standby_goes_on_behind_what_it_took_and_opens_as_any_engine() {
    for (fused, taken) in [(true, 57), (false, 57), (true, 0), (false, 120)] {
        let (_folder, primary_at, standby_at) = places();
        primary(&primary_at, &[40, 80]);
        let mirrored = Shared::default();
        let shape = Shape { fused, ..Shape::default() };
        let mut standby =
            builder(&standby_at, shape, &mirrored).standby(&origin(&primary_at), &Trade::schema()).unwrap();
        if taken > 0 {
            let run = &stored(&primary_at)[0];
            standby.take(0, None, run.part(0..taken)).unwrap();
        }
        let before = state_at(&primary_at, taken);
        let recovered = standby.promote(1024).unwrap();
        assert_eq!(recovered.end_sequence(), taken);
        assert_eq!(state(&mirrored), before);
        let (engine, mut publisher) = recovered.go_live().unwrap();
        assert_eq!(engine.live_from(), taken);
        for id in 0..200 {
            assert_eq!(publisher.publish_at(5_000 + id, trade(id)).unwrap(), taken + id);
        }
        engine.wait_stage("gateway", taken + 199).unwrap();
        engine.join().unwrap();
        let (live_state, seen) = (state(&mirrored), mirrored.lock().unwrap().clone());
        assert_eq!((seen.live, &seen.live_from[..]), (200, &[taken][..]));
        // The primary's effects were the primary's, and its own are its own.
        let emitted: Vec<_> = seen.emitted.iter().map(|key| (key.epoch, key.sequence)).collect();
        assert_eq!(emitted, (taken..taken + 200).map(|at| (1024, at)).collect::<Vec<_>>());

        // It is a journal of its own from here on.
        let again = Shared::default();
        let mut recovered = builder(&standby_at, shape, &again).open().unwrap();
        recovered.replay(ReplayFrom::Snapshot).unwrap();
        assert_eq!(state(&again), live_state);
        assert!(again.lock().unwrap().emitted.is_empty(), "nothing twice");
        drop(recovered);
        let refused =
            builder(&standby_at, shape, &again).standby(&origin(&primary_at), &Trade::schema()).unwrap_err();
        assert!(matches!(refused, StandbyError::Open(OpenError::NotReplica { .. })), "{refused}");
    }
}

#[test]
fn an_epoch_that_is_taken_is_refused_and_it_is_a_standby_still() {
    let (_folder, primary_at, standby_at) = places();
    primary(&primary_at, &[5, 5, 5]);
    let mirrored = Shared::default();
    let open = || {
        builder(&standby_at, Shape::default(), &mirrored)
            .standby(&origin(&primary_at), &Trade::schema())
            .unwrap()
    };
    let mut standby = open();
    take_all(&mut standby, &primary_at, 4);
    for (taken, why) in [(3, "epoch 3 is taken"), (4, "1003 or more"), (u32::MAX, "or less")] {
        let refused = standby.promote(taken).unwrap_err();
        assert!(refused.to_string().contains(why), "{refused}");
        standby = open();
        assert_eq!((standby.end_sequence(), standby.known_epoch()), (15, 3));
    }
    let (engine, _publisher) = standby.promote(1_003).unwrap().go_live().unwrap();
    engine.join().unwrap();
}

#[test]
fn doubles_that_the_primary_published_are_known_to_the_promoted() {
    let (_folder, primary_at, standby_at) = places();
    primary(&primary_at, &[60]);
    let mut standby = builder(&standby_at, Shape::default(), &Shared::default())
        .standby(&origin(&primary_at), &Trade::schema())
        .unwrap();
    take_all(&mut standby, &primary_at, 60);
    let doubles = Doubles::by(100, |trade: &Trade| Some(u128::from(trade.id)));
    let (engine, mut publisher) = standby.promote(1024).unwrap().go_live_without_doubles(doubles).unwrap();
    assert!(publisher.publish(trade(59)).unwrap().is_double());
    assert!(!publisher.publish(trade(60)).unwrap().is_double());
    engine.join().unwrap();
}

#[test]
fn a_late_consumer_of_the_promoted_begins_anywhere_in_what_the_primary_wrote() {
    let (_folder, primary_at, standby_at) = places();
    primary(&primary_at, &[100]);
    let mut standby = builder(&standby_at, Shape::default(), &Shared::default())
        .standby(&origin(&primary_at), &Trade::schema())
        .unwrap();
    take_all(&mut standby, &primary_at, 9);
    let (engine, mut publisher) = standby.promote(1024).unwrap().go_live().unwrap();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let tell = Arc::clone(&seen);
    let out = move |_: &Trade, context: &LateContext| {
        tell.lock().unwrap().push((context.sequence(), context.anchor().epoch));
    };
    let consumer = LateConsumer::named("out").from(FollowFrom::Sequence(80)).acknowledged("server");
    let late = engine.follow(consumer, out).unwrap();
    for id in 100..130 {
        publisher.publish(trade(id)).unwrap();
    }
    engine.wait_journalled(129).unwrap();
    std::thread::sleep(Duration::from_millis(5));
    assert_eq!(seen.lock().unwrap().len(), 0, "nobody has acknowledged anything to this engine yet");
    let anchor = |at| journal(&standby_at).raw_reader().unwrap().anchor(at).unwrap();
    engine.acknowledge("server", anchor(119)).unwrap();
    while late.end() < 120 {
        std::thread::yield_now();
    }
    engine.acknowledge("server", anchor(129)).unwrap();
    engine.join().unwrap();
    let expected: Vec<_> = (80..130).map(|at| (at, if at < 100 { 1 } else { 1024 })).collect();
    assert_eq!(*seen.lock().unwrap(), expected);
}

/// An engine whose one stage waits for a server, and how many events that has seen.
fn behind_a_server(folder: &Path) -> (EngineBuilder<Trade>, Arc<AtomicU64>) {
    let seen = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&seen);
    let out = move |_: &Trade, _: &Context| {
        count.fetch_add(1, Ordering::Relaxed);
    };
    let gate = Gate::acknowledged("server").may_hold_the_ring();
    let lane = Lane::named("main").journal().stage("out", out, gate);
    let builder = Engine::builder().ring_capacity(64).journal(journal(folder)).lane(lane);
    (builder.wait_timeout(Duration::from_secs(2)), seen)
}

#[test]
fn a_stage_behind_acknowledgements_passes_what_came_and_waits_for_what_is_its_own() {
    let (_folder, primary_at, standby_at) = places();
    primary(&primary_at, &[500]);
    let (builder, seen) = behind_a_server(&standby_at);
    let mut standby = builder.standby(&origin(&primary_at), &Trade::schema()).unwrap();
    // More than the ring holds: a stream has it, so it is acknowledged.
    take_all(&mut standby, &primary_at, 100);
    assert_eq!((standby.settle().unwrap(), seen.load(Ordering::Relaxed)), (500, 500));
    let counters = CountersReader::of_journal(&standby_at).unwrap();
    assert_eq!(counters.read().unwrap().live_from, 0, "where it began to take");
    let (engine, mut publisher) = standby.promote(1024).unwrap().go_live().unwrap();
    assert_eq!((engine.counters().live_from, counters.read().unwrap().live_from), (500, 500));
    publisher.publish(trade(500)).unwrap();
    engine.wait_journalled(500).unwrap();
    std::thread::sleep(Duration::from_millis(5));
    assert_eq!(seen.load(Ordering::Relaxed), 500, "this one nobody has yet");
    let anchor = journal(&standby_at).raw_reader().unwrap().anchor(500).unwrap();
    engine.acknowledge("server", anchor).unwrap();
    engine.wait_stage("out", 500).unwrap();
    engine.join().unwrap();
}

/// What a standby has passed is noted: the lives that follow do not wait for it, which is more than their
/// ring holds, though nobody has acknowledged anything to them.
#[test]
fn what_a_standby_passed_is_acknowledged_in_the_lives_that_follow() {
    for promoted_by_itself in [true, false] {
        let (_folder, primary_at, standby_at) = places();
        primary(&primary_at, &[500]);
        let (builder, _) = behind_a_server(&standby_at);
        let mut standby = builder.standby(&origin(&primary_at), &Trade::schema()).unwrap();
        take_all(&mut standby, &primary_at, 100);
        if promoted_by_itself {
            let (engine, mut publisher) = standby.promote(1024).unwrap().go_live().unwrap();
            (500..510).for_each(|id| assert_eq!(publisher.publish(trade(id)).unwrap(), id));
            engine.wait_durable(509).unwrap();
        } else {
            // By a command, which knows of no stages.
            drop(standby);
            let (mut writer, _) = journal(&standby_at).promote(1024).open::<Trade>().unwrap();
            for id in 500..510 {
                writer.append(writer.last_time_ns().unwrap(), &trade(id)).unwrap();
            }
            writer.close().unwrap();
        }
        let (builder, seen) = behind_a_server(&standby_at);
        let mut recovered = builder.open().unwrap();
        let known = recovered.acknowledged();
        assert_eq!((known.len(), known[0].end, &known[0].set_back), (1, 500, &None));
        recovered.replay(ReplayFrom::Start).unwrap();
        assert_eq!(seen.load(Ordering::Relaxed), 500);
        let (engine, _publisher) = recovered.go_live().unwrap();
        let left = engine.join().unwrap().unacknowledged;
        assert_eq!((left.len(), left[0].from, left[0].count), (1, 500, 10));
    }
}
