//! Handlers that are not deterministic, each in a way that happens to people: replay with a digest behind
//! every event must name the very event where it went another way, with one behind every sixty-fourth the
//! window that holds it, and must never go live.

use std::collections::{BTreeMap, HashMap};
use std::time::{Instant, SystemTime};

use slipring::{
    Cause, Context, Digest, Digests, Divergence, Engine, Gate, Handler, HandlerError, Journal, Lane,
    ReplayError, ReplayFrom, ReplayReport, Snapshot, Snapshots, Stage,
};
use slipring_cli::exchange::command::{Command, CommandEvent, Limit, Trade};
use slipring_cli::exchange::stage::{Matching, Out, TradeKey};
use slipring_tests::folders::in_memory;
use slipring_tests::journals::{Note, note};
use slipring_tests::matching::commands;

/// Events of a trial.
const EVENTS: u64 = 500;
/// The first event whose handling is not deterministic; no multiple of 64.
const ODD: u64 = 217;

/// A state made by a closure: from the state so far, an event and its context, to the next.
struct Fold<F> {
    state: u64,
    step: F,
}

impl<F> Handler<Note> for Fold<F>
where
    F: FnMut(u64, &Note, &Context) -> u64 + Send + 'static,
{
    fn event(&mut self, event: &Note, context: &Context) -> Result<(), HandlerError> {
        self.state = (self.step)(self.state, event, context);
        Ok(())
    }
}

impl<F> Digest for Fold<F> {
    fn digest(&self) -> u64 {
        self.state
    }
}

fn mixed(state: u64, word: u64) -> u64 {
    (state ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29)
}

/// A life that publishes all events, each when the one before is finished; then a second one that replays
/// them.
fn replayed<F>(every: u64, mut make: impl FnMut() -> F) -> Result<ReplayReport, ReplayError>
where
    F: FnMut(u64, &Note, &Context) -> u64 + Send + 'static,
{
    let folder = in_memory();
    let mut open = || {
        let stage = Stage::new("fold", Fold { state: 1, step: make() }, Gate::JOURNALLED);
        let lane = Lane::named("main").journal().with(stage.digests(Digests::every(every)));
        Engine::builder()
            .journal(Journal::at(folder.path()).segment_records(1 << 12))
            .lane(lane)
            .open()
            .unwrap()
    };
    let (engine, mut publisher) = open().go_live().unwrap();
    for id in 0..EVENTS {
        let sequence = publisher.publish(note(id)).unwrap();
        engine.wait_stage("fold", sequence).unwrap();
    }
    engine.join().unwrap();
    open().replay(ReplayFrom::Start)
}

/// The divergence that halted a replay.
fn divergence(result: Result<ReplayReport, ReplayError>) -> Divergence {
    match result {
        Err(ReplayError::Halted(halted)) => match halted.cause {
            Cause::Diverged(divergence) => divergence,
            cause => panic!("{cause}"),
        },
        other => panic!("{other:?}"),
    }
}

/// Checks that replay says where `ODD` is, by event and by window.
fn is_caught_at_odd<F>(make: impl Fn() -> F)
where
    F: FnMut(u64, &Note, &Context) -> u64 + Send + 'static,
{
    for every in [1, 64] {
        let found = divergence(replayed(every, &make));
        let window = (ODD / every * every, ODD / every * every + every);
        assert_eq!((found.after, found.end), window, "{found}");
        assert_eq!(found.stage, "fold");
        assert_ne!(found.logged, found.found);
    }
}

#[test]
fn the_wall_clock_is_caught() {
    is_caught_at_odd(|| {
        |state, event: &Note, _: &Context| {
            let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_nanos() as u64;
            mixed(state, if event.id == ODD { now } else { event.id })
        }
    });
    is_caught_at_odd(|| {
        let started = Instant::now();
        move |state, event: &Note, _: &Context| {
            mixed(state, if event.id == ODD { started.elapsed().as_nanos() as u64 } else { event.id })
        }
    });
}

#[test]
fn the_order_of_a_hash_map_is_caught() {
    is_caught_at_odd(|| {
        let mut seen = HashMap::new();
        move |state, event: &Note, _: &Context| {
            seen.insert(event.id, event.rest[0]);
            // Each map has keys of its own, so its order is another one in each life.
            if event.id == ODD {
                seen.values().fold(state, |sum, value| mixed(sum, *value))
            } else {
                state + 1
            }
        }
    });
}

/// State must not depend on whether an event is replayed.
#[test]
fn a_state_that_knows_of_replay_is_caught() {
    is_caught_at_odd(|| {
        |state, event: &Note, context: &Context| {
            mixed(state, u64::from(event.id == ODD && context.is_replay()))
        }
    });
}

/// Nor on how events happen to be batched. (With a digest behind every event all batches are of one.)
#[test]
fn a_state_that_knows_of_batches_is_caught() {
    let make = || |state: u64, _: &Note, context: &Context| state + u64::from(context.end_of_batch());
    let found = divergence(replayed(64, make));
    assert_eq!((found.after, found.end), (0, 64));
}

/// The same, done right: a sorted map, the events' time, nothing of the life. Else the tests above could not
/// fail.
#[test]
fn what_is_deterministic_is_not_caught() {
    for every in [1, 64] {
        let report = replayed(every, || {
            let mut seen = BTreeMap::new();
            move |state, event: &Note, context: &Context| {
                seen.insert(event.id, event.rest[0]);
                let state = mixed(state, context.time_ns() ^ context.sequence());
                if event.id == ODD {
                    seen.values().fold(state, |sum, value| mixed(sum, *value))
                } else {
                    state
                }
            }
        });
        assert_eq!(report.unwrap().events(), EVENTS);
    }
}

/// Trades go nowhere.
struct Nowhere;

impl Out for Nowhere {
    fn trade(&mut self, _: TradeKey, _: &Trade) -> Result<(), HandlerError> {
        Ok(())
    }
}

/// The matching engine, with a change to its rules that was thought to be harmless.
struct Changed {
    inner: Matching<Nowhere>,
    /// No order is larger than that.
    cap: u32,
}

impl Changed {
    fn is_capped(&self, command: &Command) -> bool {
        matches!(command, Command::Limit(Limit { quantity, .. }) if *quantity > self.cap)
    }
}

impl Handler<CommandEvent> for Changed {
    fn event(&mut self, event: &CommandEvent, context: &Context) -> Result<(), HandlerError> {
        match Command::try_from(*event)? {
            Command::Limit(order) if self.is_capped(&Command::Limit(order)) => {
                let capped = Command::Limit(Limit { quantity: self.cap, ..order });
                self.inner.event(&capped.into(), context)
            }
            _ => self.inner.event(event, context),
        }
    }
}

impl Digest for Changed {
    fn digest(&self) -> u64 {
        self.inner.digest()
    }
}

impl Snapshot for Changed {
    fn save(&self, out: &mut Vec<u8>) {
        self.inner.save(out);
    }

    fn restore(&mut self, version: u32, bytes: &[u8]) -> Result<(), HandlerError> {
        self.inner.restore(version, bytes)
    }
}

/// Another version of the program over the same journal: caught at the first command that it takes otherwise,
/// also if recovery starts at a snapshot.
#[test]
fn changed_code_is_caught_at_the_first_command_that_it_takes_otherwise() {
    const CAP: u32 = 850;
    // One snapshot, at 1,000.
    const COUNT: usize = 1_900;
    let folder = in_memory();
    let open = |cap| {
        let handler = Changed { inner: Matching::new(Nowhere), cap };
        let stage = Stage::new("matching", handler, Gate::JOURNALLED)
            .digests(Digests::every(1))
            .snapshots(Snapshots::every(1_000).at_shutdown(false));
        let journal = Journal::at(folder.path()).segment_records(1 << 12);
        Engine::builder().journal(journal).lane(Lane::named("main").journal().with(stage)).open().unwrap()
    };
    let (engine, mut publisher) = open(u32::MAX).go_live().unwrap();
    let commands = commands(None, COUNT);
    for (time_ns, command) in &commands {
        publisher.publish_at(*time_ns, CommandEvent::from(*command)).unwrap();
    }
    engine.join().unwrap();

    let capped = Changed { inner: Matching::new(Nowhere), cap: CAP };
    let odd = |from: usize| {
        let at = commands[from..].iter().position(|(_, command)| capped.is_capped(command));
        (from + at.expect("the flow has such orders")) as u64
    };
    let starts = [(ReplayFrom::Start, odd(0)), (ReplayFrom::Snapshot, odd(1_000))];
    assert!(starts[0].1 < 1_000, "{starts:?}");
    for (from, odd) in starts {
        let mut recovered = open(CAP);
        let found = divergence(recovered.replay(from));
        assert_eq!((found.after, found.end), (odd, odd + 1), "{from:?}: {found}");
        // What went another way does not go live.
        assert!(recovered.go_live().is_err());
    }
    // The old code still agrees with what it did. (That replay has been compared to its end, where it leaves
    // a snapshot.)
    for (from, events) in [(ReplayFrom::Snapshot, 900), (ReplayFrom::Start, 1_900), (ReplayFrom::Snapshot, 0)]
    {
        assert_eq!(open(u32::MAX).replay(from).unwrap().events(), events);
    }
}
