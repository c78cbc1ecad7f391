//! An engine whose program becomes newer: replay, snapshots of both ages, late consumers.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use slipring::{
    Context, Engine, FollowFrom, Gate, Handler, HandlerError, Journal, Lane, LateConsumer, LateContext,
    ReplayFrom, Snapshot, Snapshots, Stage,
};
use slipring_tests::folders::in_memory;
use slipring_tests::types::{Quote1, Quote2, Quote3, Version, Written, facts, time, writer_of};

/// What a stage of any version has seen: sequence and bytes of the newest type it knows.
#[derive(Debug, Default)]
struct Fold {
    sum: u64,
    count: u64,
    /// Sequences seen in this life.
    seen: Arc<Mutex<BTreeMap<u64, Vec<u8>>>>,
}

fn next(sum: u64, id: u64) -> u64 {
    (sum ^ id).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(23)
}

impl<E: Version> Handler<E> for Fold {
    fn event(&mut self, event: &E, context: &Context) -> Result<(), HandlerError> {
        assert_eq!(context.time_ns(), time(context.sequence()));
        (self.sum, self.count) = (next(self.sum, context.sequence()), self.count + 1);
        let bytes = bytemuck::bytes_of(event).to_vec();
        self.seen.lock().expect("no panic inside").insert(context.sequence(), bytes);
        Ok(())
    }
}

/// Its state is its own, whatever the events are.
impl Snapshot for Fold {
    fn save(&self, out: &mut Vec<u8>) {
        out.extend([self.sum, self.count].iter().flat_map(|word| word.to_le_bytes()));
    }

    fn restore(&mut self, _: u32, bytes: &[u8]) -> Result<(), HandlerError> {
        let words: Vec<_> =
            bytes.chunks_exact(8).map(|word| u64::from_le_bytes(word.try_into().unwrap())).collect();
        (self.sum, self.count) = (words[0], words[1]);
        Ok(())
    }
}

/// A life up to `end`: replays what its snapshot does not cover, checks it, and goes on. Where replay began.
fn live<E: Version>(journal: &Journal, snapshots: Snapshots, written: &Written) -> u64 {
    let (end, by) = *written.last().expect("somebody writes");
    assert_eq!(by, E::BY);
    let seen = Arc::default();
    let fold = Fold { seen: Arc::clone(&seen), ..Fold::default() };
    let stage = Stage::new("fold", fold, Gate::JOURNALLED).snapshots(snapshots);
    let lane = Lane::named("main").journal().with(stage);
    let mut recovered = Engine::<E>::builder().journal(journal.clone()).lane(lane).open().unwrap();
    let first = recovered.end_sequence();
    recovered.replay(ReplayFrom::Snapshot).unwrap();
    let replayed = seen.lock().unwrap().clone();
    let from = replayed.first_key_value().map_or(first, |(id, _)| *id);
    let wanted = |id| bytemuck::bytes_of(&E::of(facts(writer_of(written, id), id))).to_vec();
    assert_eq!(replayed, (from..first).map(|id| (id, wanted(id))).collect());
    let (engine, mut publisher) = recovered.go_live().unwrap();
    let late_seen: Arc<Mutex<Vec<u64>>> = Arc::default();
    let (late, known) = (Arc::clone(&late_seen), written.clone());
    let check = move |event: &E, context: &LateContext| {
        assert_eq!(*event, E::of(facts(writer_of(&known, context.sequence()), context.sequence())));
        late.lock().unwrap().push(context.sequence());
    };
    let late = engine.follow(LateConsumer::named("late").from(FollowFrom::Start), check).unwrap();
    for id in first..end {
        assert_eq!(publisher.publish_at(time(id), E::of(facts(E::BY, id))).unwrap(), id);
    }
    let report = engine.join().unwrap();
    assert_eq!(report.durable_end, Some(end));
    let ended = late.join();
    assert!(ended.failure.is_none(), "{:?}", ended.failure);
    assert_eq!(*late_seen.lock().unwrap(), (0..end).collect::<Vec<_>>());
    let sum = (0..end).fold(0, next);
    let state = slipring_state(journal);
    assert!(state.is_none_or(|state| state == (sum, end)), "{state:?} at {end}");
    from
}

/// Sum and count of the newest snapshot, if it is of the journal's end.
fn slipring_state(journal: &Journal) -> Option<(u64, u64)> {
    let end = journal.raw_reader().unwrap().end_sequence();
    let file = journal.path().join("stages/fold").join(format!("{end:020}.snapshot"));
    let bytes = std::fs::read(file).ok()?;
    let word = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap());
    Some((word(64), word(72)))
}

#[test]
fn replay_shows_a_stage_the_newest_type_with_snapshots_of_each_age_and_without() {
    for every in [7, 50, 1_000_000] {
        let folder = in_memory();
        let journal = Journal::at(folder.path()).segment_records(64);
        let snapshots = || Snapshots::every(every);
        let mut written: Written = Vec::new();
        let mut froms = Vec::new();
        for (end, by) in [(100, 1), (130, 1), (290, 2), (300, 3), (420, 3)] {
            written.push((end, by));
            froms.push(match by {
                1 => live::<Quote1>(&journal, snapshots(), &written),
                2 => live::<Quote2>(&journal, snapshots(), &written),
                _ => live::<Quote3>(&journal, snapshots(), &written),
            });
        }
        println!("snapshots every {every}: replays began at {froms:?}");
        assert!(every > 1_000 || froms[1..].iter().any(|from| *from > 0));
    }
}

/// From the beginning, at a pace, and in a backtest.
#[test]
fn other_ways_of_replay_show_it_too() {
    let folder = in_memory();
    let journal = Journal::at(folder.path()).segment_records(64);
    let written: Written = vec![(100, 1), (170, 2), (200, 3)];
    slipring_tests::types::live_all(&journal, &journal.files(), &written);
    let fold = || {
        let seen = Arc::default();
        let fold = Fold { seen: Arc::clone(&seen), ..Fold::default() };
        (seen, Lane::named("main").stage("fold", fold, Gate::PUBLISHED))
    };
    let wanted: BTreeMap<u64, Vec<u8>> = (0..200)
        .filter(|id| !slipring_tests::types::is_void(*id))
        .map(|id| (id, bytemuck::bytes_of(&Quote3::of(facts(writer_of(&written, id), id))).to_vec()))
        .collect();
    let (seen, lane) = fold();
    let backtest = Engine::<Quote3>::builder().lane(lane).backtest(&journal).unwrap();
    backtest.run(ReplayFrom::Start).unwrap();
    assert_eq!(*seen.lock().unwrap(), wanted);
    let (seen, lane) = fold();
    let mut recovered = Engine::<Quote3>::builder().journal(journal).lane(lane.journal()).open().unwrap();
    let mut steps = Vec::new();
    let replay = slipring::Replay::new(ReplayFrom::Start)
        .pace(slipring::Pace::Steps(Box::new(|step: slipring::Step| steps.push(step.sequence))));
    recovered.replay(replay).unwrap();
    assert_eq!(*seen.lock().unwrap(), wanted);
    assert_eq!(steps, (0..200).collect::<Vec<_>>());
}
