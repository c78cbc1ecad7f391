//! A risk check before a gateway: an order leaves only after the check has passed it *and* it is durable. The
//! check runs beside the journal, so it costs the order no time. Then the process restarts, and nothing is
//! sent twice.
//!
//! ```text
//!            +-> journal --- durable --+
//! orders ----+-> risk -----------------+--> gateway
//! ```
//!
//! `cargo run --release -p slipring --example risk_gate`

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use slipring::{Column, Context, Engine, EngineBuilder, Event, Gate, Journal, Lane, ReplayFrom, Stage};

#[derive(Clone, Copy, Debug, Event)]
#[repr(C)]
pub struct Order {
    pub id: u64,
    pub price: i64,
    pub quantity: i64,
}

const MOST_POSITION: i64 = 1_000;

/// The world outside: the orders that were sent, and the sequence behind the last. A real gateway keeps the
/// latter in a file beside its session, for that is what tells a restart how far it got.
#[derive(Default)]
struct Venue {
    sent: Mutex<Vec<u64>>,
    sent_end: AtomicU64,
}

fn desk(folder: &Path, venue: &Arc<Venue>) -> EngineBuilder<Order> {
    // One verdict for each order, from risk to the gateway; replay makes them again.
    let verdicts = Column::<u8>::named("verdicts");
    let (given, asked, venue) = (verdicts.clone(), verdicts.clone(), Arc::clone(venue));
    let mut position = 0;
    let risk = move |order: &Order, context: &Context| {
        let passes = (position + order.quantity).abs() <= MOST_POSITION;
        if passes {
            position += order.quantity;
        }
        context.write(&given, u8::from(passes));
    };
    let gateway = move |order: &Order, context: &Context| {
        // Not `is_replay`: the last life may have journalled this order and died before it was sent.
        let already_sent = context.sequence() < venue.sent_end.load(Ordering::Relaxed);
        if !already_sent && context.read(&asked) == Some(1) {
            venue.sent.lock().map_err(|_| "the venue is gone")?.push(order.id);
        }
        venue.sent_end.fetch_max(context.sequence() + 1, Ordering::Relaxed);
        Ok::<_, &str>(())
    };
    let gateway = Stage::new("gateway", gateway, Gate::DURABLE.after("risk"));
    Engine::builder()
        .ring_capacity(1 << 10)
        .journal(Journal::at(folder))
        .lane(
            Lane::named("journal")
                .journal()
                .with(Stage::new("risk", risk, Gate::PUBLISHED).writes(&verdicts)),
        )
        .lane(Lane::named("out").with(gateway.reads(&verdicts)))
}

fn main() -> Result<(), slipring::Error> {
    let folder = tempfile::tempdir()?;
    let venue = Arc::new(Venue::default());
    for life in 0..2 {
        let mut recovered = desk(folder.path(), &venue).open()?;
        // The position is rebuilt from every order there ever was.
        let replayed = recovered.replay(ReplayFrom::Start)?;
        let (engine, mut publisher) = recovered.go_live()?;
        for n in 0..150 {
            let quantity = if n % 3 == 2 { -10 } else { 20 };
            publisher.publish(Order { id: life * 1_000 + n, price: 5_853_300, quantity })?;
        }
        engine.join()?;
        let sent = venue.sent.lock().expect("the gateway has not panicked").len();
        println!("life {life}: {} orders replayed, 150 published, {sent} sent so far", replayed.events());
    }
    let sent = venue.sent.lock().expect("the gateway has not panicked");
    assert!(sent.windows(2).all(|pair| pair[0] < pair[1]), "in order, none twice");
    // Up to the limit nearly all pass; there, one sale lets half of two purchases pass.
    println!("first {:?} .. last {:?}", &sent[..4], &sent[sent.len() - 4..]);
    assert!(sent.len() < 300 && sent.contains(&1_149), "some were stopped, and sales still pass");
    Ok(())
}

#[test]
fn runs() {
    main().unwrap();
}
