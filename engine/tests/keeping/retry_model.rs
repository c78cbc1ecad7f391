//! Tries against a plain model: random errors, deaths between two tries, replays from the start and from
//! snapshots.

use std::sync::Mutex;

use proptest::prelude::*;
use slipring::{BackOff, DeadLetterKind};

use super::*;

/// How many tries of each trade fail, whoever asks: by its id.
type Fails = Arc<Vec<u32>>;
/// Each call: the trade and the try.
type Calls = Arc<Mutex<Vec<(u64, u32)>>>;

/// Takes trades once their tries have failed as often as said; dies at a given call.
#[derive(Default)]
struct Flaky {
    taken: Vec<u64>,
    fails: Fails,
    calls: Calls,
    dies_at: Option<(u64, u32)>,
}

impl Handler<Trade> for Flaky {
    fn event(&mut self, trade: &Trade, context: &Context) -> Result<(), HandlerError> {
        let attempt = context.attempt();
        self.calls.lock().unwrap().push((trade.id, attempt));
        if self.dies_at == Some((trade.id, attempt)) {
            return Err(Fatal("killed".into()).into());
        }
        if attempt <= self.fails[trade.id as usize] {
            return Err(format!("try {attempt}").into());
        }
        self.taken.push(trade.id);
        Ok(())
    }
}

impl Snapshot for Flaky {
    const VERSION: u32 = 1;

    fn save(&self, out: &mut Vec<u8>) {
        self.taken.iter().for_each(|id| out.extend_from_slice(&id.to_le_bytes()));
    }

    fn restore(&mut self, _: u32, bytes: &[u8]) -> Result<(), HandlerError> {
        self.taken = bytes
            .chunks(8)
            .map(|id| Ok(u64::from_le_bytes(id.try_into()?)))
            .collect::<Result<_, HandlerError>>()?;
        Ok(())
    }
}

/// What becomes of a trade.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// Taken at this try.
    Taken(u32),
    /// A dead letter behind so many tries.
    Refused(u32),
    SetAside(u32),
}

/// The rule in so many words: the first try, then others while there are some left and their pauses fit.
fn fate(fails: u32, times: u32, pause_ns: impl Fn(u32) -> u64, bound_ns: u64) -> Fate {
    let mut waited_ns = 0;
    for attempt in 1.. {
        if attempt > fails {
            return Fate::Taken(attempt);
        }
        if attempt > times {
            return Fate::Refused(attempt);
        }
        waited_ns += pause_ns(attempt);
        if waited_ns > bound_ns {
            return Fate::SetAside(attempt);
        }
    }
    unreachable!("tries end")
}

#[derive(Clone, Debug)]
struct Life {
    count: usize,
    from_snapshot: bool,
    /// Dies before this try of the trade so many behind the first of its own.
    dies: Option<(u64, u32)>,
}

fn lives() -> impl Strategy<Value = Vec<Life>> {
    let life = (0usize..30, any::<bool>(), prop::option::of((0u64..30, 1u32..5)));
    let life = life.prop_map(|(count, from_snapshot, dies)| Life { count, from_snapshot, dies });
    prop::collection::vec(life, 1..6)
}

struct Case {
    times: u32,
    pause_ns: u64,
    bound_ns: u64,
    fails: Fails,
}

impl Case {
    fn back_off(&self) -> BackOff {
        let pause = Duration::from_nanos(self.pause_ns);
        BackOff::doubling(pause, pause * 8).inline_at_most(Duration::from_nanos(self.bound_ns))
    }

    fn fate(&self, id: u64) -> Fate {
        let pause_ns = |failed: u32| self.pause_ns << (failed - 1).min(3);
        fate(self.fails[id as usize], self.times, pause_ns, self.bound_ns)
    }

    fn stage(&self, calls: &Calls, dies_at: Option<(u64, u32)>) -> Stage<Flaky> {
        let flaky =
            Flaky { fails: Arc::clone(&self.fails), calls: Arc::clone(calls), dies_at, ..Flaky::default() };
        Stage::new("sum", flaky, Gate::JOURNALLED)
            .on_error(OnError::retry(self.times, self.back_off()))
            .snapshots(Snapshots::every(16))
    }

    /// Replays and goes on to a death or to the end; how many trades there are by then.
    fn live(&self, journal: &Path, life: &Life, decided: &mut Vec<(u64, u32)>) -> u64 {
        let calls = Calls::default();
        // The end so far is that of the journal; a trade's id is its sequence.
        let end = Journal::at(journal).raw_reader().map_or(0, |reader| reader.end_sequence());
        let dies_at = life.dies.map(|(behind, attempt)| (end + behind, attempt));
        let mut recovered = with_stage(journal, self.stage(&calls, dies_at));
        let from = if life.from_snapshot { ReplayFrom::Snapshot } else { ReplayFrom::Start };
        recovered.replay(from).unwrap();
        assert_eq!(recovered.end_sequence(), end);
        let replayed = self.check_replay(&calls, decided);
        let (engine, mut publisher) = recovered.go_live().unwrap();
        let to = (end + life.count as u64).min(self.fails.len() as u64);
        for id in end..to {
            if publisher.publish(trade(id)).is_err() {
                break;
            }
        }
        drop(publisher);
        let last = to.checked_sub(1).filter(|last| *last >= end);
        let lived = last.is_none_or(|last| engine.wait_stage("sum", last).is_ok());
        let counters = engine.counters();
        let stage = counters.stages.iter().find(|stage| stage.name == "sum").unwrap();
        let calls = [replayed, calls.lock().unwrap().clone()].concat();
        // Never beyond the bound: by what was asked for, of as many events as were tried again.
        let tried = calls
            .iter()
            .filter(|call| call.1 > 1)
            .map(|call| call.0)
            .collect::<std::collections::HashSet<_>>();
        assert!(stage.retry_wait_ns <= self.bound_ns * tried.len() as u64, "{stage:?}");
        for call in calls {
            if dies_at != Some(call) && !decided.contains(&call) {
                decided.push(call);
            }
        }
        if lived {
            let mut report = engine.join().unwrap();
            let flaky: Flaky = report.take(&StageKey::named("sum")).unwrap();
            let taken: Vec<u64> = (0..to).filter(|id| matches!(self.fate(*id), Fate::Taken(_))).collect();
            assert_eq!(flaky.taken, taken);
            self.check_letters(journal, to);
        } else {
            assert!(engine.halted().is_some_and(|halted| halted.cause.to_string().contains("killed")));
            drop(engine);
        }
        Journal::at(journal).raw_reader().map_or(0, |reader| reader.end_sequence())
    }

    /// Replay made no try but the one that came out well, or the one that a death left due.
    fn check_replay(&self, calls: &Calls, decided: &mut Vec<(u64, u32)>) -> Vec<(u64, u32)> {
        let made = std::mem::take(&mut *calls.lock().unwrap());
        for (id, attempt) in made.iter().copied() {
            let fails = attempt <= self.fails[id as usize];
            let again = decided.contains(&(id, attempt));
            assert!(!(fails && again), "try {attempt} of {id} failed before, and was made again");
            assert!(attempt == 1 || decided.contains(&(id, attempt - 1)), "no try is left out");
            if !again {
                decided.push((id, attempt));
            }
        }
        made
    }

    /// One letter for each event that has one, in every life the same.
    fn check_letters(&self, journal: &Path, end: u64) {
        let found: Vec<_> = DeadLetters::of(journal)
            .unwrap()
            .all()
            .iter()
            .map(|letter| (letter.sequence, letter.kind, letter.tries, letter.due_ns.is_some()))
            .collect();
        let mut found = found;
        found.sort_by_key(|letter| letter.0);
        let wanted: Vec<_> = (0..end)
            .filter_map(|id| match self.fate(id) {
                Fate::Taken(_) => None,
                Fate::Refused(tries) => Some((id, DeadLetterKind::Refused, tries, false)),
                Fate::SetAside(tries) => Some((id, DeadLetterKind::SetAside, tries, true)),
            })
            .collect();
        assert_eq!(found, wanted);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// A bound that one death in the midst of an event's pauses does not change: none, or all of them.
    #[test]
    fn tries_come_out_as_the_model_says_in_every_life(
        fails in prop::collection::vec(prop_oneof![4 => Just(0u32), 1 => 1u32..7], 150),
        times in 0u32..5,
        pause_ns in 0u64..3,
        bounded in any::<bool>(),
        lives in lives(),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let bound_ns = if bounded { 0 } else { 1_000 };
        let case = Case { times, pause_ns, bound_ns, fails: Arc::new(fails) };
        let mut decided = Vec::new();
        for life in &lives {
            case.live(folder.path(), life, &mut decided);
        }
        // The last life lives, and a replay of all finds what was.
        case.live(folder.path(), &Life { count: 5, from_snapshot: false, dies: None }, &mut decided);
        case.live(folder.path(), &Life { count: 0, from_snapshot: false, dies: None }, &mut decided);
    }

    #[test]
    fn a_lane_waits_as_the_model_says(
        fails in prop::collection::vec(0u32..9, 40),
        times in 0u32..8,
        pause_ns in 0u64..100,
        bound_ns in 0u64..1_000,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let case = Case { times, pause_ns, bound_ns, fails: Arc::new(fails) };
        let life = Life { count: 40, from_snapshot: false, dies: None };
        case.live(folder.path(), &life, &mut Vec::new());
    }
}
