//! At each step a standby's stages have seen what the primary's had.

use super::program::*;
use slipring::{Event, Wait};

#[test]
fn states_are_equal_at_each_step_over_epochs_and_rolls() {
    let (_folder, primary_at, standby_at) = places();
    // One life at a time, each an epoch; the standby follows step by step.
    let seen = Shared::default();
    let mirrored = Shared::default();
    let mut standby = None;
    let mut id = 0;
    for life in 0..6 {
        let (engine, mut publisher) = open(&primary_at, &seen);
        let standby = match &mut standby {
            Some(standby) => standby,
            none => {
                let shape = Shape { fused: false, ..Shape::default() };
                none.insert(
                    builder(&standby_at, shape, &mirrored)
                        .standby(&origin(&primary_at), &Trade::schema())
                        .unwrap(),
                )
            }
        };
        for step in 1..20 {
            for _ in 0..step {
                publisher.publish_at(1_000 + id / 3, trade(id)).unwrap();
                id += 1;
            }
            engine.wait_stage("gateway", id - 1).unwrap();
            take_all(standby, &primary_at, 7 + life);
            assert_eq!(standby.settle().unwrap(), id);
            assert_eq!(state(&mirrored), state(&seen), "life {life}, step {step}");
        }
        engine.join().unwrap();
    }
    let standby = standby.unwrap();
    assert_eq!((standby.end_sequence(), standby.epoch()), (id, 6));
    assert_eq!(standby.divergences().len(), 0);
    let report = standby.close().unwrap();
    assert_eq!((report.end_sequence, report.durable_end), (id, Some(id)));
    assert_eq!(all_bytes(&standby_at), all_bytes(&primary_at));
    let mirrored = mirrored.lock().unwrap();
    assert_eq!((mirrored.emitted.len(), mirrored.live), (0, 0), "effects are the primary's");
    assert!(mirrored.live_from.is_empty(), "it was never live");
    assert_eq!(seen.lock().unwrap().emitted.len() as u64, id);
}

#[test]
fn whatever_lanes_and_chunks_the_state_is_the_same() {
    let (_folder, primary_at, _) = places();
    let seen = primary(&primary_at, &[90, 0, 3, 200]);
    for (fused, wait) in [(true, Wait::Park), (false, Wait::Park), (true, Wait::Spin), (false, Wait::Auto)] {
        for (capacity, at_once) in [(8, 1), (64, 1_000), (16, 5)] {
            let place = tempfile::tempdir().unwrap();
            let mirrored = Shared::default();
            let shape = Shape { capacity, fused, wait, panics_at: None };
            let mut standby = builder(place.path(), shape, &mirrored)
                .standby(&origin(&primary_at), &Trade::schema())
                .unwrap();
            take_all(&mut standby, &primary_at, at_once);
            standby.settle().unwrap();
            assert_eq!(state(&mirrored), state(&seen), "{shape:?}, {at_once} at once");
            standby.close().unwrap();
            assert_eq!(all_bytes(place.path()), all_bytes(&primary_at));
        }
    }
}

#[test]
fn voids_are_passed_as_a_replay_passes_them() {
    let (_folder, primary_at, standby_at) = places();
    primary(&primary_at, &[10]);
    let (mut writer, _) = journal(&primary_at).open::<Trade>().unwrap();
    for id in 10..120 {
        if id % 7 == 0 {
            writer.append_void(2_000).unwrap();
        } else {
            writer.append(2_000 + id, &trade(id)).unwrap();
        }
    }
    writer.close().unwrap();
    let seen = Shared::default();
    let (engine, _publisher) = open(&primary_at, &seen);
    let mirrored = Shared::default();
    let mut standby = builder(&standby_at, Shape::default(), &mirrored)
        .standby(&origin(&primary_at), &Trade::schema())
        .unwrap();
    take_all(&mut standby, &primary_at, 11);
    standby.settle().unwrap();
    assert_eq!(state(&mirrored), state(&seen));
    engine.join().unwrap();
}
