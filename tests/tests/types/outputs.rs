//! An output into an engine whose journal has segments of an older type: what replay puts out again is
//! compared with what those say, and with no default that stands for what they do not.

use slipring::{
    Context, Engine, Event, Gate, Handler, HandlerError, Journal, Lane, Output, ReplayError, ReplayFrom,
    ShutdownReport,
};
use slipring_journal::Upcast;
use slipring_tests::folders::in_memory;

#[derive(Clone, Copy, Debug, PartialEq, Event)]
#[repr(C)]
struct Tick {
    price: u64,
}

mod v1 {
    #[derive(Clone, Copy, Debug, PartialEq, slipring::Event)]
    #[event(name = "Order", version = 1)]
    #[repr(C)]
    pub struct Order {
        pub price: u64,
        pub venue: [u8; 8],
    }
}

/// A mapping is derived for it.
#[derive(Clone, Copy, Debug, PartialEq, Event)]
#[event(name = "Order", version = 2)]
#[repr(C)]
struct Mapped {
    #[event(since = 2, default = 1)]
    kind: u64,
    price: u64,
    #[event(text)]
    venue: [u8; 16],
}

/// Its author turns the older ones.
#[derive(Clone, Copy, Debug, PartialEq, Event)]
#[event(name = "Order", version = 2, upcasts(v1::Order))]
#[repr(C)]
struct Upcasted {
    cents: u64,
    kind: u64,
}

impl Upcast<v1::Order> for Upcasted {
    fn upcast(old: &v1::Order) -> Self {
        Upcasted { cents: 100 * old.price, kind: 1 }
    }
}

struct Strategy<E: Event> {
    output: Output<E>,
    order: fn(u64) -> E,
}

impl<E: Event> Handler<Tick> for Strategy<E> {
    fn event(&mut self, tick: &Tick, context: &Context) -> Result<(), HandlerError> {
        self.output.emit(context, (self.order)(tick.price))?;
        Ok(())
    }
}

/// A life: replays all, puts the orders out, and takes three more ticks.
fn live<E: Event>(folder: &std::path::Path, order: fn(u64) -> E) -> Result<ShutdownReport, ReplayError> {
    let lane = Lane::named("sink").journal();
    let sink = Engine::builder().journal(Journal::at(folder.join("orders"))).lane(lane);
    let (sink, into) = sink.open().unwrap().go_live().unwrap();
    let strategy = Strategy { output: Output::only("out", into).unwrap(), order };
    let lane = Lane::named("main").journal().stage("strategy", strategy, Gate::JOURNALLED);
    let mut ticks = Engine::builder().journal(Journal::at(folder.join("ticks"))).lane(lane).open().unwrap();
    ticks.replay(ReplayFrom::Start)?;
    let first = ticks.end_sequence();
    let (engine, mut publisher) = ticks.go_live().unwrap();
    for price in first..first + 3 {
        publisher.publish_at(price, Tick { price }).unwrap();
    }
    let mut report = engine.join().unwrap();
    let strategy: Strategy<E> = report.take(&slipring::StageKey::named("strategy")).unwrap();
    assert_eq!((strategy.output.count(), strategy.output.published()), (first + 3, 3));
    drop(strategy);
    sink.join().unwrap();
    Ok(report)
}

fn first_order(price: u64) -> v1::Order {
    v1::Order { price, venue: *b"XNAS\0\0\0\0" }
}

fn mapped(kind: u64, price: u64, venue: &[u8; 16]) -> Mapped {
    Mapped { kind, price, venue: *venue }
}

fn differs<E: Event>(folder: &std::path::Path, order: fn(u64) -> E) -> String {
    live(folder, order).expect_err("another order").to_string()
}

/// A field that has come since was once compared with its default, and so a strategy that fills it could not
/// be replayed.
#[test]
fn what_older_records_do_not_say_is_not_compared() {
    let folder = in_memory();
    live(folder.path(), first_order).unwrap();
    live(folder.path(), |price| mapped(7, price, b"XNAS\0\0\0\0LONGER\0\0")).unwrap();
    // What they say is, and of a record of the newer type all is.
    let told =
        differs(folder.path(), |price| mapped(7, price + u64::from(price == 1), b"XNAS\0\0\0\0LONGER\0\0"));
    assert!(told.contains("record 1 of the other journal is another event"), "{told}");
    let told = differs(folder.path(), |price| mapped(7, price, b"XPAR\0\0\0\0LONGER\0\0"));
    assert!(told.contains("record 0 of the other journal is another event"), "{told}");
    let told = differs(folder.path(), |price| mapped(8, price, b"XNAS\0\0\0\0LONGER\0\0"));
    assert!(told.contains("record 3 of the other journal is another event"), "{told}");
    live(folder.path(), |price| mapped(7, price, b"XNAS\0\0\0\0LONGER\0\0")).unwrap();
}

#[test]
fn of_what_an_author_turns_only_the_time_is_compared() {
    let folder = in_memory();
    live(folder.path(), first_order).unwrap();
    live(folder.path(), |price| Upcasted { cents: 100 * price, kind: 2 }).unwrap();
    let told =
        differs(folder.path(), |price| Upcasted { cents: 100 * price, kind: 2 + u64::from(price == 4) });
    assert!(told.contains("record 4 of the other journal is another event"), "{told}");
}
