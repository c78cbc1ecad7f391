//! The process whose effects wait for acknowledgements, which come in over a socket until the test kills it.
//! It says through its standard output what goes out of it. Not a tool; its arguments are the test's
//! business.

use std::time::Duration;

use slipring::{
    Context, Effects, Engine, FollowFrom, Gate, HandlerError, Journal, Lane, LateConsumer, LateContext,
    Publisher, ReplayFrom, Stage, SyncMode,
};
use slipring_cli::exchange::tape::Printed;
use slipring_tests::deaths::{Said, number, printed};
use slipring_tests::journals::{Note, note};

const NAME: &str = "standby";

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, socket, how, from, budget] = &arguments[..] else { panic!("{arguments:?}") };
    let (from, budget) = (from.parse().unwrap(), budget.parse().unwrap());
    let journal = Journal::at(folder).segment_records(1 << 8).sync(SyncMode::EveryBatch);
    match how.as_str() {
        "late" => late(journal, socket, from, budget),
        "stage" => stage(journal, socket, Gate::acknowledged(NAME).may_hold_the_ring(), budget),
        // The control: it waits for nobody's word.
        "hasty" => hasty(journal, socket, budget),
        _ => panic!("{how}"),
    }
}

fn send(event: &Note, context: &Context) -> Result<(), HandlerError> {
    if !context.already_done() {
        let key = context.key().ok_or("there is a journal")?;
        Said::Effect(printed(key, 0, number(event.id))).say()?;
    }
    Ok(())
}

/// An engine with a stage of that gate, live; it has said what was acknowledged at its opening.
fn open(journal: Journal, gate: Gate) -> (Engine<Note>, Publisher<Note>) {
    let out = Stage::new("out", send, gate).effects(Effects::new()).stateless();
    let lane = Lane::named("main").journal().with(out);
    let builder = Engine::builder().ring_capacity(1 << 8).journal(journal).lane(lane);
    let mut recovered = builder.open().unwrap();
    // A life leaves no more unacknowledged than the ring holds.
    let replayed = recovered.replay(ReplayFrom::Snapshot).unwrap();
    let acknowledged = recovered.acknowledged().first().map(|name| name.end);
    let end = recovered.end_sequence();
    let live = recovered.go_live().unwrap();
    let replayed_from = replayed.first_sequence;
    Said::Opened { end, restored: acknowledged, refused: 0, replayed_from }.say().unwrap();
    live
}

fn stage(journal: Journal, socket: &str, gate: Gate, budget: u64) {
    let (engine, publisher) = open(journal, gate);
    let _listener = engine.listen_for_acknowledgements(socket).unwrap();
    publish(&engine, publisher, budget);
    engine.join().unwrap();
    Said::Finished { digest: 0 }.say().unwrap();
}

fn hasty(journal: Journal, socket: &str, budget: u64) {
    let (engine, publisher) = open(journal, Gate::JOURNALLED);
    let nothing = |_: &Note, _: &LateContext| ();
    let _out = engine.follow(LateConsumer::named("nobody").acknowledged(NAME), nothing).unwrap();
    let _listener = engine.listen_for_acknowledgements(socket).unwrap();
    publish(&engine, publisher, budget);
}

fn late(journal: Journal, socket: &str, from: u64, budget: u64) {
    let lane = Lane::named("main").journal();
    let builder = Engine::builder().ring_capacity(1 << 8).journal(journal).lane(lane);
    let recovered = builder.open().unwrap();
    let end = recovered.end_sequence();
    let (engine, publisher) = recovered.go_live().unwrap();
    let send = |event: &Note, context: &LateContext| {
        let slipring::Anchor { journal_id, sequence, epoch, .. } = context.anchor();
        let journal_id = journal_id.0;
        Said::Effect(Printed { journal_id, sequence, epoch, index: 0, trade: number(event.id) }).say()
    };
    let out = LateConsumer::named("out").from(FollowFrom::Sequence(from)).acknowledged(NAME);
    let out = engine.follow(out, send).unwrap();
    let acknowledged = engine.acknowledged().first().map(|name| name.end);
    Said::Opened { end, restored: acknowledged, refused: 0, replayed_from: from }.say().unwrap();
    let _listener = engine.listen_for_acknowledgements(socket).unwrap();
    publish(&engine, publisher, budget);
    engine.join().unwrap();
    let ended = out.join();
    assert!(ended.failure.is_none() && ended.unacknowledged == 0, "{ended:?}");
    Said::Finished { digest: 0 }.say().unwrap();
}

/// Publishes notes until it is killed; none, but waits until all are acknowledged, if `budget` is 0.
fn publish(engine: &Engine<Note>, mut publisher: Publisher<Note>, budget: u64) {
    let first = engine.live_from();
    for id in first..first + budget {
        publisher.publish(note(id)).unwrap();
        if id % 16 == 0 {
            std::thread::sleep(Duration::from_micros(100));
        }
    }
    if let Some(last) = (first + budget).checked_sub(1) {
        engine.wait_acknowledged(NAME, last).unwrap();
    }
}
