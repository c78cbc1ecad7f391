//! Orders that expire: a stage schedules a timer for each one, and a heartbeat says how many are open. The
//! process dies; replay knows which orders had expired, and the others expire in the next life.
//!
//! ```text
//! orders ----+
//! heartbeat -+--> ring --> journal --> book --schedule--> timers
//! timers ----+                                              |
//!    ^------------------------------------------------------+
//! ```
//!
//! `cargo run --release -p slipring --example timers`

use std::collections::BTreeSet;
use std::time::Duration;

use slipring::{
    Context, Engine, EngineBuilder, Event, Gate, Handler, HandlerError, Journal, Lane, Publishers,
    ReplayFrom, Schedule, StageKey, Ticker, Timers,
};

#[derive(Clone, Copy, Debug, Event)]
#[repr(C)]
struct Message {
    kind: u64,
    order: u64,
    lives_ns: u64,
}

const NEW: u64 = 0;
const EXPIRED: u64 = 1;
const HEARTBEAT: u64 = 2;

struct Book {
    schedule: Schedule<Message>,
    open: BTreeSet<u64>,
    expired: Vec<u64>,
    heartbeats: u64,
}

impl Handler<Message> for Book {
    fn event(&mut self, message: &Message, context: &Context) -> Result<(), HandlerError> {
        let order = message.order;
        match message.kind {
            NEW => {
                self.open.insert(order);
                // From the event's time, never from a clock: replay must ask for the same.
                let at_ns = context.time_ns() + message.lives_ns;
                self.schedule.schedule(order, at_ns, Message { kind: EXPIRED, order, lives_ns: 0 })?;
            }
            EXPIRED => {
                // So that replay knows that it has gone off.
                self.schedule.fired(context, order, message)?;
                if self.open.remove(&order) {
                    self.expired.push(order);
                }
            }
            _ => self.heartbeats += 1,
        }
        Ok(())
    }
}

fn engine(journal: &Journal, timers: &Timers<Message>, key: &StageKey<Book>) -> EngineBuilder<Message> {
    let schedule = timers.schedule();
    let book = Book { schedule, open: BTreeSet::new(), expired: Vec::new(), heartbeats: 0 };
    Engine::builder()
        .publishers(Publishers::Multi)
        .journal(journal.clone())
        .lane(Lane::named("main").journal().stage(key, book, Gate::JOURNALLED))
}

fn main() -> Result<(), slipring::Error> {
    let folder = tempfile::tempdir()?;
    let journal = Journal::at(folder.path());
    let key = StageKey::named("book");
    let (short_ns, long_ns) = (2_000_000, 300_000_000);

    // The first life: short orders expire, then the process dies. Dropping all of it is the nearest that an
    // example can come to that.
    {
        let timers = Timers::start(1024)?;
        let (engine, mut publisher) = engine(&journal, &timers, &key).open()?.go_live()?;
        let another = || publisher.try_clone().expect("the engine takes several");
        timers.arm(another())?;
        let beat = |_| Message { kind: HEARTBEAT, order: 0, lives_ns: 0 };
        let _ticker = Ticker::start(another(), Duration::from_millis(1), beat)?;
        for order in 0..20 {
            let lives_ns = if order % 2 == 0 { short_ns } else { long_ns };
            publisher.publish(Message { kind: NEW, order, lives_ns })?;
        }
        while timers.went_off() < 10 {
            std::thread::sleep(Duration::from_micros(100));
        }
        println!("{} orders have expired, {} have not", timers.went_off(), timers.pending());
        drop((publisher, engine));
    }

    // The second: replay asks for all timers again, and takes back those that went off.
    let timers = Timers::start(1024)?;
    let mut recovered = engine(&journal, &timers, &key).open()?;
    println!("{}", recovered.replay(ReplayFrom::Start)?);
    let (engine, publisher) = recovered.go_live()?;
    timers.arm(publisher.try_clone().expect("the engine takes several"))?;
    // More than ten if the process died before the last event of a timer was journalled.
    while timers.went_off() < 10 || timers.pending() > 0 {
        std::thread::sleep(Duration::from_micros(100));
    }
    let book = engine.join()?.take(&key).expect("taken once");
    println!("{} heartbeats; expired: {:?}", book.heartbeats, book.expired);
    assert_eq!(book.expired.iter().copied().collect::<BTreeSet<_>>(), (0..20).collect());
    assert_eq!(book.expired.len(), 20, "each once");
    assert!(book.open.is_empty());
    Ok(())
}

#[test]
fn runs() {
    main().unwrap();
}
