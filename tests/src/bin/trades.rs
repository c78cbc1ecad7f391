//! The program of the tutorial, as the tutorial has it.

use std::collections::BTreeMap;
use std::time::Duration;

use slipring::prelude::*;

type Outcome = Result<(), slipring::Error>;

/// An event: plain numbers, no padding, no pointers. It is journalled as it lies in memory.
#[derive(Clone, Copy, Debug, Event)]
#[repr(C)]
struct Trade {
    account: u64,
    shares: i64,
}

/// What follows from the trades. It lives in memory alone.
#[derive(Debug, Default)]
struct Positions {
    trades: u64,
    shares: BTreeMap<u64, i64>,
}

impl Handler<Trade> for Positions {
    fn event(&mut self, trade: &Trade, _: &Context) -> Result<(), HandlerError> {
        self.trades += 1;
        *self.shares.entry(trade.account).or_default() += trade.shares;
        Ok(())
    }
}

fn publish(count: u64) -> Outcome {
    // The stage's name, and by it the way to its handler when the engine has ended.
    let positions = StageKey::named("positions");
    // One thread: the journal, and right behind it a stage that sees what is journalled.
    let lane = Lane::named("main").journal().stage(&positions, Positions::default(), Gate::JOURNALLED);
    let mut recovered = Engine::builder().journal(Journal::at("journal")).lane(lane).open()?;
    if let Some(found) = recovered.recovery() {
        println!("{found}");
    }
    // History goes through the same ring and the same stage.
    println!("{}", recovered.replay(ReplayFrom::Start)?);

    let (engine, mut publisher) = recovered.go_live()?;
    for n in 0..count {
        let sequence = publisher.publish(Trade { account: n % 3, shares: 10 })?;
        std::thread::sleep(Duration::from_millis(1));
        if n % 500 == 499 {
            engine.wait_durable(sequence)?;
            println!("trade {sequence} is durable");
        }
    }
    // Every trade reaches every stage, and everything is synced.
    let mut report = engine.join()?;
    println!("{:?}", report.take(&positions).expect("taken once"));
    Ok(())
}

/// Puts the trades from a time on through a stage of its own. The journal is only read.
fn since(time_ns: u64) -> Outcome {
    let positions = StageKey::named("positions");
    let lane = Lane::named("since").stage(&positions, Positions::default(), Gate::PUBLISHED);
    let mut report =
        Engine::builder().lane(lane).backtest(&Journal::at("journal"))?.run(ReplayFrom::Time(time_ns))?;
    println!("{}", report.replay);
    println!("{:?}", report.shutdown.take(&positions).expect("taken once"));
    Ok(())
}

fn main() -> Outcome {
    let mut arguments = std::env::args().skip(1);
    match (arguments.next().as_deref(), arguments.next()) {
        (Some("since"), Some(time_ns)) => since(time_ns.parse().expect("nanoseconds")),
        (Some(count), None) => publish(count.parse().expect("a number")),
        _ => panic!("say how many trades, or: since TIME"),
    }
}
