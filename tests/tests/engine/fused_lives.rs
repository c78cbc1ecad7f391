//! Lives of an engine one after the other over one journal, in some of which journal and stage take turns as
//! one, with all that a stage can keep: state, effects and dead letters are the same as if they never did,
//! however each life ends.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use proptest::prelude::*;
use slipring::{
    Context, Digest, Digests, Effects, Engine, EngineBuilder, Fatal, Gate, Handler, HandlerError, Journal,
    Lane, OnError, Publishers, ReplayFrom, ShutdownError, Snapshot, Snapshots, Stage, StageKey, SyncMode,
    Wait,
};
use slipring_tests::folders::in_memory;
use slipring_tests::journals::{Note, note};
use slipring_tests::often::cases;

const DIGEST_EVERY: u64 = 31;

/// How a life ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    Shutdown,
    /// The engine is dropped.
    Drop,
    /// So many events behind its first one the handler panics, fails, or panics when the batch ends.
    Panic(u64),
    Error(u64),
    Flush(u64),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Right behind the journal, on a lane that the test runs.
    Fused,
    /// The same, with a thread.
    FusedThread,
    /// With another stage between.
    Apart,
    OwnLane,
}

#[derive(Clone, Debug)]
struct Life {
    place: Place,
    bursts: Vec<u64>,
    ending: Ending,
    cap: Option<u64>,
    publishers: Publishers,
    release_every: u64,
    from_start: bool,
    every_batch: bool,
}

/// Not in order: the journal's time is the greatest so far.
fn time(id: u64) -> u64 {
    1_000 + 10 * id - id % 5 * 30
}

fn is_refused(id: u64) -> bool {
    id % 13 == 7
}

fn step(state: u64, id: u64, time_ns: u64) -> u64 {
    (state ^ id).wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(time_ns)
}

/// The state behind each event.
fn states(end: u64) -> Vec<u64> {
    let (mut state, mut last) = (0, 0);
    let next = |id| {
        last = last.max(time(id));
        if !is_refused(id) {
            state = step(state, id, last);
        }
        state
    };
    (0..end).map(next).collect()
}

struct Keeping {
    state: u64,
    life: Life,
    live_from: u64,
    is_live: bool,
    seen: u64,
    digested: Mutex<Vec<u64>>,
    emitted: Arc<Mutex<Vec<u64>>>,
    handled: Arc<AtomicU64>,
}

impl Handler<Note> for Keeping {
    fn event(&mut self, event: &Note, context: &Context) -> Result<(), HandlerError> {
        let at = context.sequence();
        assert_eq!(event.id, at);
        assert_eq!(self.is_live, !context.is_replay(), "{at}");
        self.seen = at + 1;
        if self.is_live {
            match self.life.ending {
                Ending::Panic(behind) if at == self.live_from + behind => panic!("as planned"),
                Ending::Error(behind) if at == self.live_from + behind => {
                    return Err(Fatal("as planned".into()).into());
                }
                _ => {}
            }
            if self.life.release_every > 0 && at % self.life.release_every == 0 {
                context.release();
            }
        }
        self.handled.fetch_max(at + 1, Ordering::Relaxed);
        if is_refused(at) {
            return Err(format!("no {at}").into());
        }
        self.state = step(self.state, at, context.time_ns());
        if !context.already_done() {
            self.emitted.lock().unwrap().push(at);
        }
        Ok(())
    }

    fn live(&mut self, sequence: u64) {
        self.is_live = true;
        self.live_from = sequence;
    }

    fn batch_end(&mut self) {
        if let Ending::Flush(behind) = self.life.ending
            && self.is_live
            && self.seen > self.live_from + behind
        {
            panic!("as planned");
        }
    }
}

impl Snapshot for Keeping {
    fn save(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.state.to_le_bytes());
    }

    fn restore(&mut self, _: u32, bytes: &[u8]) -> Result<(), HandlerError> {
        self.state = u64::from_le_bytes(bytes.try_into()?);
        Ok(())
    }
}

impl Digest for Keeping {
    fn digest(&self) -> u64 {
        self.digested.lock().unwrap().push(self.seen);
        self.state
    }
}

fn builder(
    place: &Path,
    life: &Life,
    emitted: &Arc<Mutex<Vec<u64>>>,
    handled: &Arc<AtomicU64>,
) -> EngineBuilder<Note> {
    let handler = Keeping {
        state: 0,
        life: life.clone(),
        live_from: 0,
        is_live: false,
        seen: 0,
        digested: Mutex::default(),
        emitted: Arc::clone(emitted),
        handled: Arc::clone(handled),
    };
    let stage = Stage::new("keep", handler, Gate::JOURNALLED)
        .snapshots(Snapshots::every(97))
        .digests(Digests::every(DIGEST_EVERY))
        .effects(Effects::new())
        .on_error(OnError::DeadLetter);
    let sync =
        if life.every_batch { SyncMode::EveryBatch } else { SyncMode::every(Duration::from_millis(1)) };
    let journal = Journal::at(place).segment_records(128).sync(sync);
    let later = |handled: &Arc<AtomicU64>| {
        let handled = Arc::clone(handled);
        move |_: &Note, context: &Context| {
            let end = handled.load(Ordering::Relaxed);
            assert!(context.is_replay() || end > context.sequence(), "{} < {end}", context.sequence());
        }
    };
    let same = later(handled);
    let gate = || Gate::JOURNALLED.after("keep");
    let builder = Engine::builder().ring_capacity(512).publishers(life.publishers).journal(journal);
    let main = Lane::named("main").wait(Wait::Park);
    let builder = match life.place {
        Place::Fused => builder.lane(main.invoked().journal().with(stage).stage("same", same, gate())),
        Place::FusedThread => builder.lane(main.journal().with(stage).stage("same", same, gate())).lane(
            Lane::named("durable").wait(Wait::Park).stage(
                "durable",
                later(handled),
                Gate::DURABLE.after("keep"),
            ),
        ),
        Place::Apart => builder.lane(
            main.invoked()
                .journal()
                .stage("between", |_: &Note, _: &Context| (), Gate::PUBLISHED)
                .with(stage),
        ),
        Place::OwnLane => builder.lane(main.journal()).lane(Lane::named("own").wait(Wait::Park).with(stage)),
    };
    match life.cap {
        Some(cap) => builder.batch_cap(cap),
        None => builder,
    }
}

/// Lives it; how far the journal is.
fn live(place: &Path, life: &Life, emitted: &Arc<Mutex<Vec<u64>>>) -> u64 {
    let handled = Arc::new(AtomicU64::new(0));
    let mut recovered = builder(place, life, emitted, &handled).open().unwrap();
    recovered.replay(if life.from_start { ReplayFrom::Start } else { ReplayFrom::Snapshot }).unwrap();
    let start = recovered.end_sequence();
    let seen = emitted.lock().unwrap().iter().max().map_or(0, |last| last + 1);
    assert!(start >= seen, "{seen} were seen, and {start} are in the journal");
    handled.fetch_max(start, Ordering::Relaxed);
    let (engine, mut publisher) = recovered.go_live().unwrap();
    let mut end = start;
    for burst in &life.bursts {
        let events: Vec<(u64, Note)> = (end..end + burst).map(|id| (time(id), note(id))).collect();
        if publisher.publish_all_at(&events).is_err() {
            break;
        }
        end += burst;
        engine.invoke();
    }
    let halts = match life.ending {
        Ending::Panic(behind) | Ending::Error(behind) | Ending::Flush(behind) => start + behind < end,
        Ending::Shutdown | Ending::Drop => false,
    };
    if halts {
        while engine.halted().is_none() {
            engine.invoke();
        }
        let halted = engine.halted().unwrap();
        assert_eq!(halted.stage, "keep", "{halted}");
        let counters = engine.counters();
        let done = counters.stages.iter().find(|stage| stage.name == "keep").unwrap().end;
        assert_eq!(done, halted.sequence);
        if let Ending::Flush(_) = life.ending {
            assert_eq!(done, handled.load(Ordering::Relaxed), "each event was finished");
        }
    }
    match life.ending {
        Ending::Drop => {
            drop((publisher, engine));
            return end;
        }
        _ if halts => assert!(matches!(engine.join(), Err(ShutdownError::Halted(_, _)))),
        _ => {
            let missed = engine.counters().missed_wakeups;
            let mut report = engine.join().unwrap();
            assert_eq!(report.end_sequence, end);
            assert_eq!(missed, 0);
            let kept: Keeping = report.take(&StageKey::named("keep")).unwrap();
            assert_eq!(kept.state, states(end).last().copied().unwrap_or(0));
            let digested = kept.digested.into_inner().unwrap();
            let due = |at: &u64| at % DIGEST_EVERY == 0;
            // (In replay what is passed is not seen.)
            assert!(digested.iter().filter(|at| **at > start).all(due), "{digested:?}");
            assert!(
                (start + 1..=end).filter(due).all(|at| digested.contains(&at)),
                "{digested:?}, {start} to {end}"
            );
        }
    }
    end
}

fn lives() -> impl Strategy<Value = Vec<Life>> {
    let ending = prop_oneof![
        Just(Ending::Shutdown),
        Just(Ending::Drop),
        (0u64..300).prop_map(Ending::Panic),
        (0u64..300).prop_map(Ending::Error),
        (0u64..300).prop_map(Ending::Flush),
    ];
    let place = prop::sample::select(vec![
        Place::Fused,
        Place::Fused,
        Place::FusedThread,
        Place::Apart,
        Place::OwnLane,
    ]);
    let publishers = prop::sample::select(vec![Publishers::Single, Publishers::Multi]);
    let options = (prop::option::of(1u64..200), 0u64..70, any::<bool>(), any::<bool>());
    let bursts = prop::collection::vec(1u64..200, 1..6);
    let life = (place, bursts, ending, publishers, options).prop_map(
        |(place, bursts, ending, publishers, (cap, release_every, from_start, every_batch))| Life {
            place,
            bursts,
            ending,
            cap,
            publishers,
            release_every,
            from_start,
            every_batch,
        },
    );
    prop::collection::vec(life, 1..6)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases(16)))]

    #[test]
    fn lives_come_to_the_same_state_and_effects_whether_fused_or_not(lives in lives()) {
        let place = in_memory();
        let emitted = Arc::default();
        for life in &lives {
            live(place.path(), life, &emitted);
        }
        let last = Life {
            place: Place::OwnLane,
            bursts: vec![1],
            ending: Ending::Shutdown,
            cap: None,
            publishers: Publishers::Single,
            release_every: 0,
            from_start: true,
            every_batch: false,
        };
        let end = live(place.path(), &last, &emitted);
        let mut emitted = emitted.lock().unwrap().clone();
        emitted.sort_unstable();
        let wanted: Vec<u64> = (0..end).filter(|id| !is_refused(*id)).collect();
        prop_assert_eq!(emitted, wanted);
    }
}
