//! The process whose stages die: an engine with the example's matching engine, or with a gateway, that says
//! through its standard output what goes out of it, and kills itself where the test says. Not a tool; its
//! arguments are the tests' business.

use std::time::Duration;

use slipring::{
    Cause, Context, Digest, Digests, Effects, Engine, EngineBuilder, Event, Gate, Handler, HandlerError,
    Journal, Lane, Publisher, Recovered, ReplayError, ReplayFrom, Retention, Snapshot, Snapshots, Stage,
    StageKey, SyncMode,
};
use slipring_cli::exchange::command::{CommandEvent, Trade};
use slipring_cli::exchange::stage::{Matching, Out, TradeKey};
use slipring_cli::exchange::{matching::MatchingBook, saved};
use slipring_tests::deaths::{Death, MISSED_DEATH, Point, Said, number, printed, read_input};
use slipring_tests::journals::{Note, note};
use slipring_tests::matching::Timed;

const STAGE: &str = "stage";

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["matching", folder, input, budget, death, how] => {
            matching(folder, input, budget.parse().unwrap(), Death::from_argument(death), how);
        }
        ["gateway", folder, budget, death, how] => {
            gateway(folder, budget.parse().unwrap(), Death::from_argument(death), how);
        }
        _ => panic!("{arguments:?}"),
    }
}

/// Replays and says so; a divergence is said too, and then nothing more is to be done.
fn replayed<E: Event>(builder: EngineBuilder<E>, from: ReplayFrom) -> Option<(Engine<E>, Publisher<E>)> {
    let mut recovered: Recovered<E> = builder.open().unwrap();
    let report = match recovered.replay(from) {
        Ok(report) => report,
        Err(ReplayError::Halted(halted)) => {
            let Cause::Diverged(found) = halted.cause else { panic!("{halted}") };
            Said::Diverged { after: found.after, end: found.end }.say().unwrap();
            return None;
        }
        Err(error) => panic!("{error}"),
    };
    let (restored, refused) =
        recovered.restored().first().map_or((None, 0), |found| (found.end, found.refused.len() as u64));
    let end = recovered.end_sequence();
    let live = recovered.go_live().unwrap();
    Said::Opened { end, restored, refused, replayed_from: report.first_sequence }.say().unwrap();
    Some(live)
}

/// Ends a life whose budget is spent: it waits for the test to kill it, or says that it has missed its own
/// death.
fn spent<E: Event>(engine: &Engine<E>, death: Death) -> ! {
    let counters = engine.counters();
    if let Some(last) = counters.published_end.checked_sub(1) {
        engine.wait_stage(STAGE, last).unwrap();
    }
    match death {
        Death(Some(_)) => std::process::exit(MISSED_DEATH),
        Death(None) => loop {
            std::thread::sleep(Duration::from_secs(1));
        },
    }
}

/// The matching engine, which may die, or lose something.
struct Mortal {
    inner: Matching<Pipe>,
    death: Death,
    /// Seen last, for a death in a snapshot.
    sequence: u64,
    /// Snapshots lose the last order: what the tests must notice.
    forgets: bool,
}

/// Says each trade.
struct Pipe {
    death: Death,
}

impl Out for Pipe {
    fn trade(&mut self, key: TradeKey, trade: &Trade) -> Result<(), HandlerError> {
        Said::Effect(printed(key.event, key.index, *trade)).say()?;
        if key.index == 0 {
            self.death.reach(Point::AfterFirstEffect, key.event.sequence);
        }
        Ok(())
    }
}

impl Handler<CommandEvent> for Mortal {
    fn event(&mut self, event: &CommandEvent, context: &Context) -> Result<(), HandlerError> {
        self.sequence = context.sequence();
        self.death.reach(Point::BeforeEvent, context.sequence());
        self.inner.event(event, context)?;
        self.death.reach(Point::AfterEvent, context.sequence());
        Ok(())
    }
}

impl Snapshot for Mortal {
    const VERSION: u32 = saved::VERSION;

    fn save(&self, out: &mut Vec<u8>) {
        self.death.reach(Point::InSnapshot, self.sequence);
        if self.forgets {
            let mut saved = self.inner.book().saved();
            saved.orders.pop();
            return MatchingBook::from_parts(saved.totals, &saved.orders).save(out);
        }
        self.inner.save(out);
    }

    fn restore(&mut self, version: u32, bytes: &[u8]) -> Result<(), HandlerError> {
        self.inner.restore(version, bytes)
    }
}

impl Digest for Mortal {
    fn digest(&self) -> u64 {
        self.inner.digest()
    }
}

/// Takes `budget` commands of the input and dies; all of them and ends in good order if `how` has `last` in
/// it.
fn matching(folder: &str, input: &str, budget: u64, death: Death, how: &str) {
    let is = |word: &str| how.split(',').any(|found| found == word);
    let inner = Matching::new(Pipe { death });
    let handler = Mortal { inner, death, sequence: 0, forgets: is("forgets") };
    let mut stage =
        Stage::new(STAGE, handler, Gate::DURABLE).snapshots(Snapshots::every(128)).effects(Effects::new());
    if !is("no-digests") {
        stage = stage.digests(Digests::every(16));
    }
    let journal = Journal::at(folder)
        .segment_records(1 << 9)
        .sync(SyncMode::EveryBatch)
        .retention(Retention::new().keep_records(1 << 10).only_behind_snapshots());
    let builder = Engine::builder().ring_capacity(1 << 10).journal(journal);
    let Some((engine, mut publisher)) =
        replayed(builder.lane(Lane::named("main").journal().with(stage)), ReplayFrom::Snapshot)
    else {
        return;
    };
    let commands = read_input::<Timed>(input, engine.live_from(), budget);
    for burst in commands.chunks(16) {
        for Timed { time_ns, command } in burst {
            publisher.publish_at(*time_ns, *command).unwrap();
        }
        if !is("last") {
            // So that a life of few commands is long enough for a snapshot.
            std::thread::sleep(Duration::from_micros(200));
        }
    }
    if !is("last") {
        spent(&engine, death);
    }
    let mut report = engine.join().unwrap();
    assert!(report.keep_faults.is_empty(), "{:?}", report.keep_faults);
    let handler: Mortal = report.take(&StageKey::named(STAGE)).unwrap();
    let mut state = Vec::new();
    handler.inner.save(&mut state);
    std::fs::write(format!("{folder}.state"), state).unwrap();
    Said::Finished { digest: handler.digest() }.say().unwrap();
}

/// Publishes `budget` notes, each of which has one effect, and dies.
fn gateway(folder: &str, budget: u64, death: Death, how: &str) {
    let is = |word: &str| how.split(',').any(|found| found == word);
    let mutes_replay = is("mutes-replay");
    let effect = move |event: &Note, context: &Context| {
        death.reach(Point::BeforeEvent, context.sequence());
        let is_muted = if mutes_replay { context.is_replay() } else { context.already_done() };
        if !is_muted {
            let key = context.key().ok_or("there is a journal")?;
            Said::Effect(printed(key, 0, number(event.id))).say()?;
        }
        death.reach(Point::AfterEvent, context.sequence());
        Ok::<_, HandlerError>(())
    };
    let gate = if is("durable") { Gate::DURABLE } else { Gate::JOURNALLED };
    let stage = Stage::new(STAGE, effect, gate).effects(Effects::new()).stateless();
    let journal = Journal::at(folder).segment_records(1 << 8).sync(SyncMode::EveryBatch);
    let lane = Lane::named("main").journal().with(stage);
    let Some((engine, mut publisher)) =
        replayed(Engine::builder().ring_capacity(1 << 8).journal(journal).lane(lane), ReplayFrom::Snapshot)
    else {
        return;
    };
    let first = engine.live_from();
    for id in first..first + budget {
        publisher.publish(note(id)).unwrap();
    }
    if !is("last") {
        spent(&engine, death);
    }
    engine.join().unwrap();
    Said::Finished { digest: 0 }.say().unwrap();
}
