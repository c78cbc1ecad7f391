//! The process whose stages read each other and die together. Not a tool; its arguments are the test's
//! business.

use std::time::Duration;

use slipring::{
    Column, Context, Effects, Engine, Gate, Handler, HandlerError, Journal, Lane, ReplayFrom, Retention,
    Snapshots, Stage, SyncMode,
};
use slipring_tests::deaths::{Said, number, printed};
use slipring_tests::journals::{Note, note};
use slipring_tests::verdicts::{Step, read};

/// Sends what `book` made, and is slow now and then, so that it lies behind when the process dies.
fn gateway(book: Column<u64>) -> impl Handler<Note> {
    move |_: &Note, context: &Context| {
        let result = read(&book, context)?;
        if !context.already_done() {
            if context.sequence() % 128 == 1 {
                std::thread::sleep(Duration::from_millis(1));
            }
            let key = context.key().ok_or("there is a journal")?;
            Said::Effect(printed(key, 0, number(result))).say()?;
        }
        Ok::<_, HandlerError>(())
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, budget, how] = &arguments[..] else { panic!("{arguments:?}") };
    let budget: u64 = budget.parse().unwrap();
    let (verdicts, results) = (Column::named("verdicts"), Column::named("results"));
    let snapshots = |every, keep| Snapshots::every(every).keep(keep);
    let risk = Stage::new("risk", Step::new(None, &verdicts), Gate::JOURNALLED).writes(&verdicts);
    let risk = risk.snapshots(snapshots(64, 1));
    let book = Step::new(Some(&verdicts), &results);
    let book = Stage::new("book", book, Gate::JOURNALLED.after("risk")).reads(&verdicts).writes(&results);
    let book = book.snapshots(snapshots(96, 2));
    let gateway =
        Stage::new("gateway", gateway(results.clone()), Gate::DURABLE.after("book")).reads(&results);
    let gateway = gateway.effects(Effects::new()).stateless();
    let journal = Journal::at(folder)
        .segment_records(1 << 7)
        .sync(SyncMode::EveryBatch)
        .retention(Retention::new().only_behind_snapshots());
    let builder = Engine::builder().ring_capacity(1 << 10).journal(journal);
    let builder = builder
        .lane(Lane::named("main").journal().with(risk))
        .lane(Lane::named("book").with(book))
        .lane(Lane::named("out").with(gateway));
    let mut recovered = builder.open().unwrap();
    let replayed_from = recovered.replay(ReplayFrom::Snapshot).unwrap().first_sequence;
    let end = recovered.end_sequence();
    let restored = recovered.restored()[0].end;
    let refused = recovered.restored().iter().map(|restored| restored.refused.len() as u64).sum();
    let (engine, mut publisher) = recovered.go_live().unwrap();
    Said::Opened { end, restored, refused, replayed_from }.say().unwrap();
    for id in end..end + budget {
        publisher.publish(note(id)).unwrap();
        if id % 16 == 0 {
            std::thread::sleep(Duration::from_micros(100));
        }
    }
    if how == "last" {
        engine.join().unwrap();
        Said::Finished { digest: 0 }.say().unwrap();
        return;
    }
    loop {
        std::thread::sleep(Duration::from_secs(1));
    }
}
