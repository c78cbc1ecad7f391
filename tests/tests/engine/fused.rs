//! Journal and the stage behind it on one lane take turns as one, a few events at a time. Whatever the
//! batches, the segments, and where it stops: the stage sees what it would see on a lane of its own, after
//! the journal.
//!
//! The lane is invoked, so that a batch is what was published since the last turn.

use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, Weak};

use proptest::prelude::*;
use slipring::{
    Batch, Cause, Context, Engine, EngineBuilder, Gate, Halted, Handler, HandlerError, Journal, Lane,
    Publisher, Publishers, ReplayFrom, ShutdownError, SyncMode,
};
use slipring_tests::blocked::Blocked;
use slipring_tests::folders::in_memory;
use slipring_tests::handlers::live;
use slipring_tests::journals::{Note, note};

/// What happens to a stage, by sequence.
#[derive(Clone, Copy, Debug, Default)]
struct Plan {
    /// Ends the batch with every so-many'th event; 0 for none.
    release_every: u64,
    panics_at: Option<u64>,
    fails_at: Option<u64>,
}

#[derive(Debug, Default)]
struct Seen {
    ids: Vec<u64>,
    /// Seen, and not yet flushed by the end of a batch.
    pending: u64,
    flushed: u64,
    /// Of the batch under way: what it was said to have, and what came.
    size: u64,
    came: u64,
    batches: u64,
}

struct Checking {
    plan: Plan,
    seen: Arc<Mutex<Seen>>,
    /// To look at the journal's cursor, while the engine lives.
    engine: Arc<OnceLock<Weak<Engine<Note>>>>,
}

impl Handler<Note> for Checking {
    fn batch_start(&mut self, batch: &Batch<'_>) {
        let mut seen = self.seen.lock().unwrap();
        assert_eq!(batch.first_sequence(), seen.ids.len() as u64);
        (seen.size, seen.came) = (batch.size(), 0);
        seen.batches += 1;
    }

    fn event(&mut self, event: &Note, context: &Context) -> Result<(), HandlerError> {
        let at = context.sequence();
        if let Some(engine) = self.engine.get().and_then(Weak::upgrade) {
            let end = engine.counters().journalled_end.unwrap();
            assert!(end > at, "{at} was seen while the journal was at {end}");
        }
        if self.plan.panics_at == Some(at) {
            panic!("as planned");
        }
        if self.plan.fails_at == Some(at) {
            return Err("as planned".into());
        }
        let mut seen = self.seen.lock().unwrap();
        assert_eq!((event.id, context.time_ns(), seen.ids.len() as u64), (at, at, at));
        seen.ids.push(event.id);
        seen.pending += 1;
        seen.came += 1;
        assert_eq!(context.end_of_batch(), seen.came == seen.size);
        if self.plan.release_every > 0 && at % self.plan.release_every == 0 {
            context.release();
        }
        Ok(())
    }

    fn batch_end(&mut self) {
        let mut seen = self.seen.lock().unwrap();
        seen.flushed += std::mem::take(&mut seen.pending);
    }
}

/// An engine with a journal in `place`, and on the same lane a stage that does as planned.
struct Fused {
    builder: EngineBuilder<Note>,
    seen: Arc<Mutex<Seen>>,
    watched: Arc<OnceLock<Weak<Engine<Note>>>>,
}

impl Fused {
    fn new(place: &Path, segment_records: u64, plan: Plan) -> Fused {
        let (seen, watched): (Arc<Mutex<Seen>>, Arc<OnceLock<_>>) = Default::default();
        let stage = Checking { plan, seen: Arc::clone(&seen), engine: Arc::clone(&watched) };
        let lane = Lane::named("main").invoked().journal().stage("check", stage, Gate::JOURNALLED);
        let journal = Journal::at(place).segment_records(segment_records).sync(SyncMode::None);
        let builder = Engine::builder().ring_capacity(1024).journal(journal).lane(lane);
        Fused { builder, seen, watched }
    }

    fn live(self) -> (Arc<Engine<Note>>, Publisher<Note>, Arc<Mutex<Seen>>) {
        let (engine, publisher) = live(self.builder);
        let engine = Arc::new(engine);
        self.watched.set(Arc::downgrade(&engine)).unwrap();
        (engine, publisher, self.seen)
    }
}

fn publish(publisher: &mut Publisher<Note>, ids: std::ops::Range<u64>) {
    let events: Vec<(u64, Note)> = ids.map(|id| (id, note(id))).collect();
    publisher.publish_all_at(&events).unwrap();
}

fn shutdown(engine: Arc<Engine<Note>>, _: Publisher<Note>) -> Result<u64, ShutdownError> {
    let engine = Arc::into_inner(engine).expect("the stage holds it only while it looks");
    engine.join().map(|report| report.end_sequence)
}

/// The ids that the next life replays from the journal.
fn replayed(place: &Path) -> Vec<u64> {
    let Fused { builder, seen, .. } = Fused::new(place, 64, Plan::default());
    let mut recovered = builder.open().unwrap();
    recovered.replay(ReplayFrom::Start).unwrap();
    let (engine, _) = recovered.go_live().unwrap();
    engine.join().unwrap();
    let seen = seen.lock().unwrap();
    assert_eq!((seen.pending, seen.flushed), (0, seen.ids.len() as u64));
    seen.ids.clone()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_stage_on_the_journal_s_lane_sees_every_event_once_behind_the_journal(
        bursts in prop::collection::vec(1u64..400, 1..12),
        segment_records in 64u64..600,
        batch_cap in prop::option::of(1u64..300),
        release_every in 0u64..90,
        publishers in prop::sample::select(vec![Publishers::Single, Publishers::Multi]),
    ) {
        let place = in_memory();
        let mut fused = Fused::new(place.path(), segment_records, Plan { release_every, ..Plan::default() });
        fused.builder = fused.builder.publishers(publishers);
        if let Some(cap) = batch_cap {
            fused.builder = fused.builder.batch_cap(cap);
        }
        let (engine, mut publisher, seen) = fused.live();
        let mut end = 0;
        for burst in bursts {
            publish(&mut publisher, end..end + burst);
            end += burst;
            engine.invoke();
            engine.invoke();
        }
        engine.wait_stage("check", end - 1).unwrap();
        prop_assert_eq!(shutdown(engine, publisher).unwrap(), end);
        {
            let seen = seen.lock().unwrap();
            prop_assert_eq!((seen.ids.len() as u64, seen.pending, seen.flushed), (end, 0, end));
        }
        prop_assert_eq!(replayed(place.path()), (0..end).collect::<Vec<_>>());
    }

    #[test]
    fn a_stage_that_fails_in_the_middle_of_a_batch_leaves_the_journal_whole(
        good in 0u64..200,
        behind in 0u64..200,
        segment_records in 64u64..300,
        panics in any::<bool>(),
    ) {
        let place = in_memory();
        let plan = match panics {
            true => Plan { panics_at: Some(good), ..Plan::default() },
            false => Plan { fails_at: Some(good), ..Plan::default() },
        };
        let (engine, mut publisher, seen) = Fused::new(place.path(), segment_records, plan).live();
        let end = good + 1 + behind;
        publish(&mut publisher, 0..end);
        while engine.halted().is_none() {
            engine.invoke();
        }
        let Halted { stage, sequence, cause } = engine.halted().unwrap();
        prop_assert_eq!((stage.as_str(), sequence), ("check", good));
        prop_assert_eq!(matches!(cause, Cause::Panic(_)), panics, "{}", cause);
        let counters = engine.counters();
        let stage = counters.stages.iter().find(|stage| stage.name == "check").unwrap();
        prop_assert_eq!(stage.end, good);
        prop_assert!(matches!(shutdown(engine, publisher), Err(ShutdownError::Halted(_, _))));
        prop_assert_eq!(seen.lock().unwrap().ids.len() as u64, good);
        prop_assert_eq!(replayed(place.path()), (0..end).collect::<Vec<_>>());
    }
}

/// One turn takes what was published, in one batch: else the tests above would not have tried what they are
/// about.
#[test]
fn a_turn_is_one_batch() {
    let place = in_memory();
    let (engine, mut publisher, seen) = Fused::new(place.path(), 1 << 12, Plan::default()).live();
    // The first looks for room in the journal, and takes turns.
    publish(&mut publisher, 0..10);
    assert_eq!(engine.invoke(), 20);
    for batch in 0..5 {
        let first = 10 + 200 * batch;
        publish(&mut publisher, first..first + 200);
        assert_eq!(engine.invoke(), 400, "journal and stage each");
        assert_eq!(seen.lock().unwrap().size, 200);
    }
    assert_eq!(seen.lock().unwrap().batches, 6);
    assert_eq!(shutdown(engine, publisher).unwrap(), 1010);
}

/// An event that the journal can't take ends the batch before it: what came before is handled, and flushed.
#[test]
fn a_journal_that_fails_in_the_middle_of_a_batch_ends_the_stage_s_batch_there() {
    let place = in_memory();
    let seen = fails_at(place.path(), 10, 60);
    let seen = seen.lock().unwrap();
    assert_eq!((seen.ids.len(), seen.pending, seen.flushed), (60, 0, 60));
}

/// Wherever in a batch that event is, also where a part of it begins: the stage sees what is before, and
/// nothing else.
#[test]
fn an_event_that_the_journal_can_t_take_is_seen_by_nobody() {
    for refused in [0, 1, 31, 32, 33, 63, 64, 127, 128] {
        let place = in_memory();
        let bad = (refused + 10_u64).next_multiple_of(3);
        let seen = fails_at(place.path(), bad - refused, bad);
        assert_eq!(seen.lock().unwrap().ids.len() as u64, bad);
    }
}

/// Publishes `before` events, and then 200 in one batch, of which the journal fails at the one of sequence
/// `bad`.
fn fails_at(place: &Path, before: u64, bad: u64) -> Arc<Mutex<Seen>> {
    let fused = Fused::new(place, Blocked::segment_records(bad), Plan::default());
    let (engine, mut publisher, seen) = fused.live();
    let blocked = Blocked::at(place, bad);
    publish(&mut publisher, 0..before);
    while seen.lock().unwrap().ids.len() as u64 != before {
        engine.invoke();
    }
    publish(&mut publisher, before..before + 200);
    while engine.halted().is_none() {
        engine.invoke();
    }
    let Halted { stage, sequence, .. } = engine.halted().unwrap();
    assert_eq!((stage.as_str(), sequence), ("journal", bad));
    assert!(matches!(
        shutdown(engine, publisher),
        Err(ShutdownError::Journal(_, _) | ShutdownError::Halted(_, _))
    ));
    drop(blocked);
    assert_eq!(replayed(place), (0..bad).collect::<Vec<_>>());
    seen
}

/// The turn in which the stage fails finishes no event, but the journal is not at its end: dropped just then,
/// the engine still journals what was published, as if the stage were on a lane of its own.
#[test]
fn an_engine_that_is_dropped_while_the_stage_fails_journals_all_that_was_published() {
    for plan in
        [Plan { fails_at: Some(11), ..Plan::default() }, Plan { panics_at: Some(10), ..Plan::default() }]
    {
        let place = in_memory();
        let (engine, mut publisher, _) = Fused::new(place.path(), 1 << 12, plan).live();
        publish(&mut publisher, 0..10);
        engine.invoke();
        publish(&mut publisher, 10..210);
        drop(publisher);
        drop(engine);
        assert_eq!(replayed(place.path()), (0..210).collect::<Vec<_>>());
    }
}
