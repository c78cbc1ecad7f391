//! The process whose tries are cut short: an engine with a stage that tries again on its lane and one whose
//! events are set aside, fed by a publisher that drops doubles. It says each call of a handler through its
//! standard output, and kills itself in the call that the test names. Not a tool; its arguments are the
//! test's business.

use std::collections::BTreeSet;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use slipring::{
    BackOff, Context, DeadLetters, Digest, Digests, Doubles, Effects, Engine, Gate, Handler, HandlerError,
    Journal, Lane, OnError, ReplayFrom, Snapshot, Snapshots, Stage, StageKey, SyncMode,
};
use slipring_tests::deaths::die;
use slipring_tests::journals::{Note, note};
use slipring_tests::tries::{INLINE_TIMES, SEND_TIMES, sends, take_fails};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, orders, dies, how] = &arguments[..] else { panic!("{arguments:?}") };
    let calls =
        Calls { made: Arc::default(), dies_at: dies.parse().unwrap(), of_tries: how == "dies-trying" };
    live(folder, orders.parse().unwrap(), &calls, how == "last");
}

/// Counts the calls of this life, says each, and dies in one of them.
#[derive(Clone)]
struct Calls {
    made: Arc<AtomicU64>,
    dies_at: u64,
    /// Only tries on the lane that fail are counted.
    of_tries: bool,
}

impl Calls {
    fn say(&self, stage: &str, note: &Note, context: &Context) -> Result<(), HandlerError> {
        writeln!(std::io::stdout(), "call {stage} {} {} {}", context.sequence(), note.id, context.attempt())?;
        let counts = !self.of_tries || stage == "take" && context.attempt() <= take_fails(note.id);
        if counts && self.made.fetch_add(1, Ordering::Relaxed) + 1 == self.dies_at {
            die();
        }
        Ok(())
    }
}

/// Takes each id once, behind as many tries as it needs.
struct Take {
    calls: Calls,
    taken: BTreeSet<u64>,
}

impl Handler<Note> for Take {
    fn event(&mut self, note: &Note, context: &Context) -> Result<(), HandlerError> {
        self.calls.say("take", note, context)?;
        if context.attempt() <= take_fails(note.id) {
            return Err(format!("try {} of {}", context.attempt(), note.id).into());
        }
        self.taken.insert(note.id);
        Ok(())
    }
}

impl Snapshot for Take {
    fn save(&self, out: &mut Vec<u8>) {
        self.taken.iter().for_each(|id| out.extend_from_slice(&id.to_le_bytes()));
    }

    fn restore(&mut self, _: u32, bytes: &[u8]) -> Result<(), HandlerError> {
        for id in bytes.chunks(8) {
            self.taken.insert(u64::from_le_bytes(id.try_into()?));
        }
        Ok(())
    }
}

impl Digest for Take {
    fn digest(&self) -> u64 {
        self.taken.iter().fold(0, |sum, id| sum.wrapping_mul(31).wrapping_add(*id))
    }
}

fn live(folder: &str, orders: u64, calls: &Calls, is_last: bool) {
    let take = Take { calls: calls.clone(), taken: BTreeSet::new() };
    let inline = BackOff::fixed(Duration::from_micros(1));
    let take = Stage::new("take", take, Gate::JOURNALLED)
        .on_error(OnError::retry(INLINE_TIMES, inline))
        .snapshots(Snapshots::every(32))
        .digests(Digests::every(8));
    let sending = calls.clone();
    let send = move |note: &Note, context: &Context| -> Result<(), HandlerError> {
        if context.already_done() {
            return Ok(());
        }
        sending.say("send", note, context)?;
        if sends(note.id) { Ok(()) } else { Err(format!("{} is not sent", note.id).into()) }
    };
    let slow = BackOff::fixed(Duration::from_millis(1)).inline_at_most(Duration::ZERO);
    let send = Stage::new("send", send, Gate::JOURNALLED)
        .on_error(OnError::retry(SEND_TIMES, slow))
        .effects(Effects::new())
        .stateless();
    let journal = Journal::at(folder).segment_records(1 << 8).sync(SyncMode::EveryBatch);
    let lane = Lane::named("main").journal().with(take).with(send);
    let mut recovered = Engine::builder().ring_capacity(1 << 8).journal(journal).lane(lane).open().unwrap();
    recovered.replay(ReplayFrom::Snapshot).unwrap();
    let doubles = Doubles::by(1 << 12, |note: &Note| Some(u128::from(note.id)));
    let (engine, mut publisher) = recovered.go_live_without_doubles(doubles).unwrap();
    // Whoever sends does not know what came through: it begins anew each time.
    for id in 0..orders {
        publisher.publish(note(id)).unwrap();
        if id % 16 == 15 {
            engine.publish_due(&mut publisher).unwrap();
        }
    }
    // What the stage has still to set aside is not due yet.
    if let Some(last) = engine.counters().published_end.checked_sub(1) {
        engine.wait_stage("send", last).unwrap();
    }
    let is_due = || DeadLetters::of(folder).unwrap().open().iter().any(|letter| letter.due_ns.is_some());
    // Whose call to die in does not come dies all the same.
    let mut rounds = 0;
    while is_due() {
        rounds += 1;
        if rounds > 20 && !is_last {
            break;
        }
        let published = engine.publish_due(&mut publisher).unwrap();
        if let Some(last) = published.last() {
            engine.wait_stage("send", last.sequence).unwrap();
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    if !is_last {
        die();
    }
    end(engine);
}

fn end(engine: Engine<Note>) {
    let counters = engine.counters();
    let mut report = engine.join().unwrap();
    assert!(report.keep_faults.is_empty(), "{:?}", report.keep_faults);
    let take: Take = report.take(&StageKey::named("take")).unwrap();
    println!("end {} {}", counters.doubles, take.digest());
}
