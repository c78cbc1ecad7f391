//! A matching engine that recovers: a price-time-priority book as a stage with snapshots, digests, effects
//! and dead letters. Its commands are journalled; its trades go to a tape, each of them once.
//!
//! ```text
//! commands --> journal --- durable --> matching ---- trades, each with its key --> tape
//!                 |                       |
//!            <folder>/*.seg        <folder>/stages/matching/{*.snapshot, digests, effects, dead-letters}
//! ```
//!
//! `cargo run --release -p slipring-cli --example matching_engine` runs a made-up day in a folder that goes
//! away: a first life takes most of it, a second one restores the newest snapshot, replays the tail and takes
//! the rest, and the end is compared with the same commands put through a book that never stopped.
//!
//! `.. --example matching_engine -- FOLDER [MESSAGES.csv]` keeps its journal in FOLDER and takes its commands
//! from a LOBSTER message file, if one is given, five thousand a second. Kill it whenever you like, and run
//! it again: it goes on where it was.

use std::path::Path;
use std::time::Duration;

use slipring::{
    DeadLetters, Digests, Effects, Engine, EngineBuilder, Gate, Journal, Lane, OnError, ReplayFrom,
    ShutdownReport, Snapshots, Stage, StageKey,
};
use slipring_cli::book::Quote;
use slipring_cli::exchange::command::{Command, CommandEvent, Side, Trade};
use slipring_cli::exchange::flow::Flow;
use slipring_cli::exchange::matching::MatchingBook;
use slipring_cli::exchange::messages;
use slipring_cli::exchange::stage::Matching;
use slipring_cli::exchange::tape::Tape;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

const STAGE: &str = "matching";
/// Commands of the made-up day.
const COMMANDS: usize = 300_000;
/// Where its two lives end.
const LIVES: [usize; 2] = [COMMANDS * 9 / 10, COMMANDS];

/// The engine, as every life describes it.
fn exchange(folder: &Path) -> Result<EngineBuilder<CommandEvent>> {
    let tape = Tape::open(&folder.join("trades"))?;
    // Durable, because a trade that has left can't be taken back: power must not take its command after that.
    let stage = Stage::new(STAGE, Matching::new(tape), Gate::DURABLE)
        // At shutdown too, by default; not here, so that the second life has a tail to replay.
        .snapshots(Snapshots::every(20_000).keep(3).at_shutdown(false))
        .digests(Digests::every(1_000))
        .effects(Effects::new())
        .on_error(OnError::DeadLetter);
    let journal = Journal::at(folder.join("journal"));
    Ok(Engine::builder().journal(journal).lane(Lane::named("exchange").journal().with(stage)))
}

/// One life of the process: recovers, and takes the commands that the journal does not have yet, up to `end`,
/// fifty after each pause.
fn live(folder: &Path, commands: &[(u64, Command)], end: usize, pause: Duration) -> Result<ShutdownReport> {
    let mut recovered = exchange(folder)?.open()?;
    let replayed = recovered.replay(ReplayFrom::Snapshot)?;
    // Also says which snapshots were refused, and why.
    for restored in recovered.restored() {
        println!("  {restored}");
    }
    println!("  {replayed}");
    let (engine, mut publisher) = recovered.go_live()?;
    let done = engine.live_from() as usize;
    for burst in commands.get(done..end).unwrap_or_default().chunks(50) {
        for (time_ns, command) in burst {
            publisher.publish_at(*time_ns, CommandEvent::from(*command))?;
        }
        if !pause.is_zero() {
            std::thread::sleep(pause);
        }
    }
    let report = engine.join()?;
    println!("  {} commands taken, the journal ends at {}", end.saturating_sub(done), report.end_sequence);
    Ok(report)
}

fn tell(book: &MatchingBook) {
    let totals = book.totals();
    println!(
        "  {} commands made {} trades of {} shares; {} orders rest; {} came too late; digest {:#018x}",
        totals.commands,
        totals.trades,
        totals.volume,
        book.resting(),
        totals.unknown,
        book.digest()
    );
    for (side, name) in [(Side::Buy, "bids"), (Side::Sell, "asks")] {
        let best: Vec<String> = book
            .levels(side)
            .take(3)
            .map(|Quote { price, size, orders }| format!("{size} in {orders} at {price}"))
            .collect();
        println!("  {name}: {}", best.join(", "));
    }
}

fn run(folder: &Path, commands: &[(u64, Command)], lives: &[usize], pause: Duration) -> Result<()> {
    std::fs::create_dir_all(folder)?;
    let mut last = None;
    for (life, end) in lives.iter().enumerate() {
        println!("life {life}:");
        last = Some(live(folder, commands, *end, pause)?);
    }
    let mut report = last.ok_or("no life at all")?;
    let matching: Matching<Tape> = report.take(&StageKey::named(STAGE)).ok_or("the stage is there")?;
    tell(matching.book());
    println!("  {} trades came again and were dropped", matching.out().doubles());
    for letter in DeadLetters::of(folder.join("journal"))?.open() {
        println!("  {letter}");
    }

    // The same commands through a book that never stopped.
    let (mut book, mut trades) = (MatchingBook::new(), Vec::new());
    for (_, command) in commands {
        book.apply(command, &mut trades)?;
    }
    assert_eq!(matching.book().digest(), book.digest());
    assert_eq!(matching.book().saved(), book.saved());
    let printed: Vec<Trade> =
        Tape::read(&folder.join("trades"))?.iter().map(|printed| printed.trade).collect();
    assert!(printed == trades, "each trade is on the tape once, in order");
    println!("book, trades and digest are those of a run that never stopped");
    Ok(())
}

fn main() -> Result<()> {
    let mut arguments = std::env::args_os().skip(1);
    let (folder, file) = (arguments.next(), arguments.next());
    let commands: Vec<(u64, Command)> = match file {
        Some(file) => messages::commands(&file.to_string_lossy(), &std::fs::read(&file)?)?,
        None => Flow::new(1).take(COMMANDS).collect(),
    };
    match folder {
        Some(folder) => run(Path::new(&folder), &commands, &[commands.len()], Duration::from_millis(10)),
        None => run(tempfile::tempdir()?.path(), &commands, &LIVES, Duration::ZERO),
    }
}

#[test]
fn runs() {
    let commands: Vec<_> = Flow::new(1).take(COMMANDS).collect();
    run(tempfile::tempdir().unwrap().path(), &commands, &LIVES, Duration::ZERO).unwrap();
}
