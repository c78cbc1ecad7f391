//! Market data fans out: one feed, three consumers side by side, each at its own pace, and a report that
//! waits for two of them.
//!
//! ```text
//!          +-> top of book -+
//! feed ----+-> bars --------+--> report
//!          +-> spreads (nobody waits for it)
//! ```
//!
//! `cargo run --release -p slipring --example market_data_fan_out`

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use slipring::{Column, Context, Engine, Event, Gate, Handler, HandlerError, Lane, Stage, StageKey};

#[derive(Clone, Copy, Debug, Event)]
#[repr(C)]
pub struct Quote {
    pub bid: i64,
    pub ask: i64,
    pub instrument: u32,
    pub size: u32,
}

const INSTRUMENTS: usize = 8;
const QUOTES: u64 = 200_000;

/// Open, high, low, close of the middle price, for each second of *event* time: no handler looks at a clock.
#[derive(Default)]
struct Bars {
    second: u64,
    bar: Option<[i64; 4]>,
    closed: u64,
}

impl Handler<Quote> for Bars {
    fn event(&mut self, quote: &Quote, context: &Context) -> Result<(), HandlerError> {
        let (second, middle) = (context.time_ns() / 1_000_000_000, (quote.bid + quote.ask) / 2);
        match &mut self.bar {
            Some([_, high, low, close]) if second == self.second => {
                (*high, *low, *close) = ((*high).max(middle), (*low).min(middle), middle);
            }
            bar => self.closed += u64::from(bar.replace([middle; 4]).is_some()),
        }
        self.second = second;
        Ok(())
    }
}

fn main() -> Result<(), slipring::Error> {
    // The best bid of all instruments as of each quote: `top` goes on, and `report` reads that of its quote.
    let best = Column::<i64>::named("best bid");
    let (made, read, reports) = (best.clone(), best.clone(), Arc::new(AtomicU64::new(0)));
    let counted = Arc::clone(&reports);
    let mut bids = [0; INSTRUMENTS];
    let top = move |quote: &Quote, context: &Context| {
        bids[quote.instrument as usize] = quote.bid;
        context.write(&made, bids.into_iter().fold(0, i64::max));
    };
    let report = move |quote: &Quote, context: &Context| {
        let best = context.read(&read).unwrap_or(0);
        if context.sequence() % 50_000 == 0 {
            println!(
                "{:>8}: instrument {} bids {}, best {best}",
                context.sequence(),
                quote.instrument,
                quote.bid
            );
        }
        counted.fetch_add(u64::from(best >= quote.bid), Ordering::Relaxed);
    };
    let report = Stage::new("report", report, Gate::PUBLISHED.after(["top", "bars"])).reads(&best);
    let mut widest = 0;
    let spreads = move |quote: &Quote, _: &Context| widest = (quote.ask - quote.bid).max(widest);

    let bars = StageKey::named("bars");
    let (engine, mut publisher) = Engine::builder()
        .ring_capacity(1 << 12)
        .lane(Lane::named("top").with(Stage::new("top", top, Gate::PUBLISHED).writes(&best)))
        .lane(Lane::named("slow").stage(&bars, Bars::default(), Gate::PUBLISHED).stage(
            "spreads",
            spreads,
            Gate::PUBLISHED,
        ))
        .lane(Lane::named("report").with(report))
        .open()?
        .go_live()?;

    // The feed: packets of quotes, each with its own time, a microsecond apart.
    let mut packet = Vec::with_capacity(20);
    for n in 0..QUOTES {
        let bid = 5_800_000 + (n * 7_919 % 2_003) as i64;
        let quote = Quote { bid, ask: bid + 25, instrument: (n % INSTRUMENTS as u64) as u32, size: 10 };
        packet.push((n * 50_000, quote));
        if packet.len() == packet.capacity() {
            publisher.publish_all_at(&packet)?;
            packet.clear();
        }
    }
    println!("published: {}", engine.counters());
    let mut done = engine.join()?;
    let bars = done.take(&bars).expect("taken once");
    println!("{} quotes, {} bars closed", done.end_sequence, bars.closed);
    assert_eq!((done.end_sequence, reports.load(Ordering::Relaxed)), (QUOTES, QUOTES));
    assert_eq!(bars.closed, QUOTES * 50_000 / 1_000_000_000 - 1);
    Ok(())
}

#[test]
fn runs() {
    main().unwrap();
}
