//! Timers are events: what a handler schedules goes off once in the journal, whatever dies when, and replay
//! sees exactly what live saw. The clock is the test's own, so that nothing depends on how fast the machine
//! is.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use slipring::{
    Context, Engine, EngineBuilder, Event, Gate, Handler, HandlerError, Journal, Lane, Publisher, Publishers,
    ReplayFrom, Schedule, StageKey, Ticker, TimerError, Timers,
};
use slipring_tests::folders::in_memory;

mod tickers;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Event)]
#[repr(C)]
struct Message {
    kind: u64,
    token: u64,
    at_ns: u64,
}

const NOTHING: u64 = 0;
const SET: u64 = 1;
const CANCEL: u64 = 2;
const WENT_OFF: u64 = 3;
/// As SET, but the handler takes its time over it: while the test says.
const SET_SLOWLY: u64 = 4;
/// As SET, with an event that is the same whenever it is to come.
const SET_PLAIN: u64 = 5;

fn set(token: u64, at_ns: u64) -> Message {
    Message { kind: SET, token, at_ns }
}

/// Schedules what it is told, and keeps every event that it saw.
struct Book {
    schedule: Schedule<Message>,
    held: Arc<AtomicBool>,
    seen: Vec<(u64, u64, Message)>,
}

impl Handler<Message> for Book {
    fn event(&mut self, message: &Message, context: &Context) -> Result<(), HandlerError> {
        self.seen.push((context.sequence(), context.time_ns(), *message));
        let Message { kind, token, at_ns } = *message;
        match kind {
            SET => self.schedule.schedule(token, at_ns, Message { kind: WENT_OFF, token, at_ns })?,
            CANCEL => self.schedule.cancel(token)?,
            SET_SLOWLY | SET_PLAIN => {
                while kind == SET_SLOWLY && self.held.load(Ordering::SeqCst) {
                    std::thread::yield_now();
                }
                self.schedule.schedule(token, at_ns, Message { kind: WENT_OFF, token, at_ns: 0 })?;
            }
            WENT_OFF => self.schedule.fired(context, token, message)?,
            _ => {}
        }
        Ok(())
    }
}

impl Book {
    fn went_off(&self) -> Vec<u64> {
        let all = self.seen.iter().filter(|(_, _, message)| message.kind == WENT_OFF);
        all.map(|(_, _, message)| message.token).collect()
    }
}

/// A clock that stands where the test puts it.
#[derive(Clone, Default)]
struct Hand {
    now_ns: Arc<AtomicU64>,
    held: Arc<AtomicBool>,
    /// How often a ticker has looked at it.
    looks: Arc<AtomicU64>,
}

impl Hand {
    fn set(&self, now_ns: u64) {
        self.now_ns.store(now_ns, Ordering::SeqCst);
    }

    /// Whether slow events hold the handler up.
    fn hold(&self, held: bool) {
        self.held.store(held, Ordering::SeqCst);
    }

    fn look(&self) -> u64 {
        let now_ns = self.now_ns.load(Ordering::SeqCst);
        if std::thread::current().name() == Some("slipring-ticker") {
            self.looks.fetch_add(1, Ordering::SeqCst);
        }
        now_ns
    }

    /// Waits until a ticker has looked so often.
    fn wait_for_looks(&self, looks: u64) {
        while self.looks.load(Ordering::SeqCst) < looks {
            std::thread::sleep(Duration::from_micros(100));
        }
    }

    /// Waits until a ticker has seen what was set: a look may have begun before it, the one behind it did
    /// not.
    fn wait_for_a_look(&self) {
        self.wait_for_looks(self.looks.load(Ordering::SeqCst) + 2);
    }
}

fn describe(folder: &tempfile::TempDir, hand: &Hand, timers: &Timers<Message>) -> EngineBuilder<Message> {
    let hand = hand.clone();
    let book = Book { schedule: timers.schedule(), held: Arc::clone(&hand.held), seen: Vec::new() };
    Engine::builder()
        .publishers(Publishers::Multi)
        .ring_capacity(64)
        .clock(move || hand.look())
        .journal(Journal::at(folder.path()))
        .lane(Lane::named("main").journal().stage("book", book, Gate::JOURNALLED))
}

/// One life: replays, goes live, arms.
struct Life {
    engine: Engine<Message>,
    publisher: Publisher<Message>,
    timers: Timers<Message>,
}

impl Life {
    fn start(folder: &tempfile::TempDir, hand: &Hand) -> Self {
        let timers = Timers::start(16).unwrap();
        let mut recovered = describe(folder, hand, &timers).open().unwrap();
        recovered.replay(ReplayFrom::Start).unwrap();
        let (engine, publisher) = recovered.go_live().unwrap();
        timers.arm(publisher.try_clone().unwrap()).unwrap();
        Life { engine, publisher, timers }
    }

    fn publish(&mut self, message: Message) -> u64 {
        let sequence = self.publisher.publish(message).unwrap();
        self.engine.wait_stage("book", sequence).unwrap();
        sequence
    }

    /// Waits until so many have gone off and so many are pending.
    fn wait_for(&self, went_off: u64, pending: u64) {
        while (self.timers.went_off(), self.timers.pending()) != (went_off, pending) {
            assert!(self.timers.went_off() <= went_off);
            std::thread::sleep(Duration::from_micros(100));
        }
    }

    fn end(self) -> Book {
        let mut report = self.engine.join().unwrap();
        assert!(self.timers.failure().is_none());
        report.take(&StageKey::named("book")).unwrap()
    }
}

#[test]
fn they_go_off_at_their_times_in_order_and_can_be_cancelled_and_moved() {
    let (folder, hand) = (in_memory(), Hand::default());
    hand.set(1_000);
    let mut life = Life::start(&folder, &hand);
    for message in [set(1, 5_000), set(2, 3_000), set(3, 4_000), set(4, 4_500), set(3, 6_000)] {
        life.publish(message);
    }
    life.publish(Message { kind: CANCEL, token: 4, at_ns: 0 });
    life.wait_for(0, 3);
    hand.set(2_999);
    // Long enough for many looks; none may go off.
    std::thread::sleep(Duration::from_millis(20));
    life.wait_for(0, 3);
    hand.set(3_000);
    life.wait_for(1, 2);
    hand.set(10_000);
    life.wait_for(3, 0);
    let book = life.end();
    assert_eq!(book.went_off(), [2, 1, 3]);
    for (_, time_ns, message) in book.seen.iter().filter(|(_, _, message)| message.kind == WENT_OFF) {
        assert!(*time_ns >= message.at_ns, "{message:?} went off at {time_ns}");
    }
}

#[test]
fn what_went_off_is_not_repeated_and_what_was_pending_goes_off_in_the_next_life() {
    let (folder, hand) = (in_memory(), Hand::default());
    hand.set(1_000);
    let mut life = Life::start(&folder, &hand);
    for message in [set(1, 2_000), set(2, 3_000), set(3, 4_000), set(4, 3_500)] {
        life.publish(message);
    }
    hand.set(2_000);
    life.wait_for(1, 3);
    // Token 4 is set again after it was in the journal, and cancelled by an event: replay must do the same.
    life.publish(Message { kind: CANCEL, token: 4, at_ns: 0 });
    // The process dies: nothing is shut down, nobody lets anything go off.
    let Life { engine, publisher, timers } = life;
    engine.wait_journalled(5).unwrap();
    drop(timers);
    drop((publisher, engine));

    // Two is late by now, three is still to come.
    hand.set(3_200);
    let timers = Timers::start(16).unwrap();
    let mut recovered = describe(&folder, &hand, &timers).open().unwrap();
    recovered.replay(ReplayFrom::Start).unwrap();
    // Replay collects and lets nothing go off, whatever the clock says.
    while timers.pending() != 2 {
        std::thread::sleep(Duration::from_micros(100));
    }
    std::thread::sleep(Duration::from_millis(5));
    assert_eq!(timers.went_off(), 0);
    let (engine, publisher) = recovered.go_live().unwrap();
    timers.arm(publisher.try_clone().unwrap()).unwrap();
    let again = timers.arm(publisher.try_clone().unwrap());
    assert!(matches!(again, Err(TimerError::AlreadyArmed)));
    let life = Life { engine, publisher, timers };
    life.wait_for(1, 1);
    hand.set(4_000);
    life.wait_for(2, 0);
    let live = life.end();
    assert_eq!(live.went_off(), [1, 2, 3], "each once in the whole history");

    // And a third life sees the same, with nothing pending.
    let life = Life::start(&folder, &hand);
    std::thread::sleep(Duration::from_millis(20));
    life.wait_for(0, 0);
    assert_eq!(life.end().seen, live.seen);
}

/// Its event is in the ring behind the very event that moves it: that one must not take the moved timer
/// along, neither live nor in the next life's replay.
#[test]
fn a_timer_that_is_moved_while_its_event_is_in_the_ring_goes_off_at_its_new_time_too() {
    for dies in [false, true] {
        let (folder, hand) = (in_memory(), Hand::default());
        hand.set(1_000);
        let mut life = Life::start(&folder, &hand);
        life.publish(Message { kind: SET_PLAIN, token: 1, at_ns: 2_000 });
        life.wait_for(0, 1);
        hand.hold(true);
        let move_it = Message { kind: SET_SLOWLY, token: 1, at_ns: 9_000 };
        assert_eq!(life.publisher.publish(move_it).unwrap(), 1);
        hand.set(2_000);
        life.wait_for(1, 0);
        hand.hold(false);
        life.engine.wait_stage("book", 2).unwrap();
        let mut went_off = 1;
        if dies {
            life.engine.wait_journalled(2).unwrap();
            let Life { engine, publisher, timers } = life;
            drop(timers);
            drop((publisher, engine));
            life = Life::start(&folder, &hand);
            went_off = 0;
        }
        // Commands are taken in turn: once this one has gone off, all from before it have been taken.
        life.publish(set(2, 0));
        while life.timers.went_off() != went_off + 1 || life.timers.pending() > 1 {
            std::thread::sleep(Duration::from_micros(100));
        }
        assert_eq!(life.timers.pending(), 1, "the moved timer was taken along");
        hand.set(9_000);
        life.wait_for(went_off + 2, 0);
        assert_eq!(life.end().went_off(), [1, 2, 1]);
        // Both are in the journal, and nothing is pending.
        let life = Life::start(&folder, &hand);
        std::thread::sleep(Duration::from_millis(20));
        life.wait_for(0, 0);
        life.end();
    }
}

/// Many lives, each dropped somewhere in the middle: every token that was ever set goes off exactly
/// once in the journal, and what the handler saw live is what replay shows it.
#[test]
fn each_goes_off_once_over_many_lives() {
    const LIVES: u64 = 15;
    const EACH: u64 = 40;
    let folder = in_memory();
    let hand = Hand::default();
    let mut random = fastrand::Rng::with_seed(5);
    for life_number in 0..LIVES {
        let mut life = Life::start(&folder, &hand);
        for index in 0..EACH {
            let now_ns = hand.look();
            let at_ns = now_ns + random.u64(0..2_000);
            life.publisher.publish(set(life_number * EACH + index, at_ns)).unwrap();
            hand.set(now_ns + random.u64(0..100));
        }
        if random.bool() {
            std::thread::sleep(Duration::from_micros(random.u64(0..3_000)));
        }
        // As a crash: the timers' thread, then all else, wherever they are.
        let Life { engine, publisher, timers } = life;
        drop(timers);
        drop((publisher, engine));
    }
    hand.set(u64::MAX / 2_000);
    let mut reader = Journal::at(folder.path()).reader::<Message>().unwrap();
    let mut open = 0_u64;
    for sequence in 0..reader.end_sequence() {
        match reader.at(sequence).unwrap().event().kind {
            SET => open += 1,
            _ => open -= 1,
        }
    }
    let life = Life::start(&folder, &hand);
    life.wait_for(open, 0);
    let book = life.end();
    let mut counts = BTreeMap::new();
    for token in book.went_off() {
        *counts.entry(token).or_insert(0) += 1;
    }
    let set: Vec<u64> = book.seen.iter().filter(|(.., m)| m.kind == SET).map(|(.., m)| m.token).collect();
    assert!(set.len() as u64 > LIVES * EACH / 2, "{}", set.len());
    assert_eq!(counts.len(), set.len());
    assert!(counts.values().all(|count| *count == 1), "{counts:?}");
    let again = Life::start(&folder, &hand);
    std::thread::sleep(Duration::from_millis(20));
    again.wait_for(0, 0);
    assert_eq!(again.end().seen, book.seen);
}

/// The ring is full behind the very handler that schedules, the queue of commands too: both get through.
#[test]
fn a_full_queue_and_a_full_ring_hold_nobody_up_for_ever() {
    let folder = in_memory();
    let hand = Hand::default();
    let timers = Timers::start(1).unwrap();
    let (engine, mut publisher) = describe(&folder, &hand, &timers).open().unwrap().go_live().unwrap();
    timers.arm(publisher.try_clone().unwrap()).unwrap();
    const COUNT: u64 = 5_000;
    for token in 0..COUNT {
        // Due at once: what goes off competes with this for a ring of 64.
        publisher.publish(set(token, 0)).unwrap();
    }
    while timers.went_off() < COUNT {
        std::thread::sleep(Duration::from_micros(100));
    }
    let mut report = engine.join().unwrap();
    assert_eq!(report.end_sequence, 2 * COUNT);
    let book: Book = report.take(&StageKey::named("book")).unwrap();
    let mut went_off = book.went_off();
    went_off.sort_unstable();
    assert_eq!(went_off, (0..COUNT).collect::<Vec<_>>());
}

#[test]
fn a_handler_whose_timers_are_gone_is_told() {
    let folder = in_memory();
    let hand = Hand::default();
    let timers = Timers::start(4).unwrap();
    let schedule = timers.schedule();
    let (engine, mut publisher) = describe(&folder, &hand, &timers).open().unwrap().go_live().unwrap();
    drop(timers);
    assert!(matches!(schedule.cancel(1), Err(TimerError::Gone)));
    publisher.publish(set(1, 0)).unwrap();
    let error = engine.join().unwrap_err();
    assert!(error.to_string().contains("keep Timers until the engine has been shut down"), "{error}");
    assert!(matches!(Timers::<Message>::start(0), Err(TimerError::NoRoom)));
}

#[test]
fn timers_that_go_before_they_took_their_publisher_let_go_of_it() {
    let hand = Hand::default();
    // Whether the thread takes it first is a race; most of these lives are on the other side of it.
    for _ in 0..20 {
        let folder = in_memory();
        let timers = Timers::start(4).unwrap();
        // The handler keeps a `Schedule`, and with it what timers and handlers share.
        let builder = describe(&folder, &hand, &timers).wait_timeout(Duration::from_secs(120));
        let (engine, publisher) = builder.open().unwrap().go_live().unwrap();
        timers.arm(publisher.try_clone().unwrap()).unwrap();
        drop(timers);
        engine.join().unwrap();
    }
}

#[test]
fn a_halted_engine_ends_timers_and_tickers_with_the_cause() {
    let fails = |message: &Message, _: &Context| if message.kind == NOTHING { Err("enough") } else { Ok(()) };
    let lane = Lane::named("main").stage("fails", fails, Gate::PUBLISHED);
    let builder = Engine::builder().publishers(Publishers::Multi).lane(lane);
    let (engine, mut publisher) = builder.open().unwrap().go_live().unwrap();
    let timers = Timers::start(4).unwrap();
    timers.arm(publisher.try_clone().unwrap()).unwrap();
    let tick = |_| Message { kind: SET, token: 0, at_ns: 0 };
    let ticker = Ticker::start(publisher.try_clone().unwrap(), Duration::from_secs(3_600), tick).unwrap();
    publisher.publish(Message { kind: NOTHING, token: 0, at_ns: 0 }).unwrap();
    while ticker.is_running() || timers.failure().is_none() {
        std::thread::sleep(Duration::from_micros(100));
    }
    assert!(matches!(timers.failure(), Some(TimerError::Halted(halted)) if halted.stage == "fails"));
    assert!(matches!(ticker.stop(), Err(TimerError::Halted(halted)) if halted.stage == "fails"));
    assert!(engine.join().is_err());
}
