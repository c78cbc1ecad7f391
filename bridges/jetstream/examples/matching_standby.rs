//! A matching engine on two machines: one takes orders, the other is kept warm and takes over.
//!
//! ```text
//! nats-server --jetstream
//! cargo run --example matching_standby -- primary a
//! cargo run --example matching_standby -- standby b      # another terminal, or another machine
//! kill -USR1 (the second one's process)
//! ```
//!
//! The second goes live where it stands; the first ends with status 4, and says what to do. What each has
//! confirmed (the stream has it, so no failover loses it) is printed by a late consumer behind the gate.
//! Ctrl-C ends either in good order.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use slipring::prelude::*;
use slipring::{EngineBuilder, FollowFrom, LateConsumer, LateContext};
use slipring_bridge::source::SourceOptions;
use slipring_cli::exchange::command::{CommandEvent, Trade};
use slipring_cli::exchange::flow::Flow;
use slipring_cli::exchange::stage::{Matching, Out, TradeKey};
use slipring_jetstream::connect::Connect;
use slipring_jetstream::incoming::{InOptions, Start};
use slipring_jetstream::out::{self, OutOptions};
use slipring_jetstream::standby::{self, Order, PromoteOptions, StandbyOptions, Told};
use slipring_jetstream::stream::StreamOptions;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, watch};

type Failed = Box<dyn std::error::Error>;
type Live = (Engine<CommandEvent>, Publisher<CommandEvent>);

const STREAM: &str = "MATCHING";
/// How often a standby says how far it is.
const EVERY: Duration = Duration::from_secs(1);

/// Where trades go. A standby's are muted: they are the primary's.
struct Count(Arc<AtomicU64>);

impl Out for Count {
    fn trade(&mut self, _: TradeKey, _: &Trade) -> Result<(), HandlerError> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

/// The program, whichever it is to be.
fn program(folder: &Path, trades: &Arc<AtomicU64>) -> EngineBuilder<CommandEvent> {
    let book = Matching::new(Count(Arc::clone(trades)));
    let book = Stage::new("book", book, Gate::JOURNALLED)
        .snapshots(Snapshots::every(1 << 16))
        .effects(slipring::Effects::new());
    Engine::builder().journal(Journal::at(folder)).lane(Lane::named("main").journal().with(book))
}

#[tokio::main]
async fn main() -> Result<ExitCode, Failed> {
    let mut said = std::env::args().skip(1);
    let (Some(role), Some(folder)) = (said.next(), said.next().map(PathBuf::from)) else {
        return Err("say primary or standby, and a folder".into());
    };
    let url = std::env::var("NATS_URL").unwrap_or_else(|_| "nats://127.0.0.1:4222".to_owned());
    let connect = Connect { servers: vec![url], ..Connect::default() };
    let trades = Arc::new(AtomicU64::new(0));
    let live = match role.as_str() {
        "primary" => {
            let mut recovered = program(&folder, &trades).open()?;
            recovered.replay(ReplayFrom::Snapshot)?;
            recovered.go_live()?
        }
        "standby" => match stand_by(&folder, &connect, &trades).await? {
            Some(live) => live,
            None => return Ok(ExitCode::SUCCESS),
        },
        other => return Err(format!("{other}: say primary or standby").into()),
    };
    be_primary(&folder, &connect, live, &trades).await
}

/// True once Ctrl-C says so.
fn stop_signal() -> watch::Receiver<bool> {
    let (say, is_said) = watch::channel(false);
    tokio::spawn(async move { tokio::signal::ctrl_c().await.map(|()| say.send_replace(true)) });
    is_said
}

/// Follows the primary until SIGUSR1, then takes over; `None` if it is to stop.
async fn stand_by(folder: &Path, connect: &Connect, trades: &Arc<AtomicU64>) -> Result<Option<Live>, Failed> {
    let link = connect.connect().await?;
    let journal = Journal::at(folder);
    let Some((origin, schema)) = standby::origin(&journal, &link.client, STREAM, None).await? else {
        return Err("the stream is empty: start the primary first".into());
    };
    let warm = program(folder, trades).standby(&origin, &schema)?;
    let (give, orders) = mpsc::channel(1);
    let mut promote = signal(SignalKind::user_defined1())?;
    tokio::spawn(async move {
        while promote.recv().await.is_some() && give.send(Order::Promote).await.is_ok() {}
    });
    let stream = InOptions::new(STREAM, Start::Oldest);
    let options = StandbyOptions { stream, promote: PromoteOptions::default() };
    println!("standing by: kill -USR1 {}", std::process::id());
    let mut said = Instant::now();
    let tell = |told| match told {
        Told::Progress { end, lag } if said.elapsed() >= EVERY => {
            said = Instant::now();
            println!("{end} commands taken, {lag} behind");
        }
        Told::Trouble(what) => println!("{what}; trying again"),
        Told::NotPromoted(why) => println!("not promoted: {why}"),
        _ => {}
    };
    let ended = standby::follow(warm, &link.client, &options, orders, stop_signal(), tell).await?;
    let Some(agreed) = ended.agreed else {
        ended.warm.close()?;
        println!("a standby still");
        return Ok(None);
    };
    let live = ended.warm.promote(agreed.epoch)?.go_live()?;
    standby::forget(folder)?;
    println!("promoted: epoch {}, from command {} on", agreed.epoch, agreed.first);
    Ok(Some(live))
}

/// Takes orders until another was promoted.
async fn be_primary(
    folder: &Path,
    connect: &Connect,
    (engine, publisher): Live,
    trades: &AtomicU64,
) -> Result<ExitCode, Failed> {
    let confirmed = |_: &CommandEvent, context: &LateContext| {
        if context.sequence() % 10_000 == 0 {
            println!("command {} is confirmed", context.sequence());
        }
    };
    let consumer = LateConsumer::named("confirmed").from(FollowFrom::End).acknowledged("stream");
    let late = engine.follow(consumer, confirmed)?;
    let acknowledger = engine.acknowledger("stream")?;
    // What the stream has opens the gate.
    let tell = move |told| match told {
        out::Told::Acknowledged(anchor) => {
            if let Err(error) = acknowledger.acknowledge(anchor) {
                println!("not acknowledged: {error}");
            }
        }
        out::Told::Trouble(what) => println!("{what}; trying again"),
        _ => {}
    };
    let is_over = Arc::new(AtomicBool::new(false));
    let orders = take_orders(publisher, Arc::clone(&is_over));
    println!("taking orders");
    let ended = out::run(&Journal::at(folder), connect, &out_options(), stop_signal(), tell).await;
    is_over.store(true, Ordering::Relaxed);
    orders.join().map_err(|_| "the gateway panicked")?;
    engine.join()?;
    drop(late);
    println!("{} trades sent", trades.load(Ordering::Relaxed));
    match ended {
        Err(error) if error.fenced_by().is_some() => {
            eprintln!("{error}");
            Ok(ExitCode::from(4))
        }
        ended => ended.map(|_| ExitCode::SUCCESS).map_err(Failed::from),
    }
}

/// Made-up orders, as if from clients.
fn take_orders(
    mut publisher: Publisher<CommandEvent>,
    is_over: Arc<AtomicBool>,
) -> std::thread::JoinHandle<()> {
    std::thread::spawn(move || {
        let seed = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |now| now.as_secs());
        for (_, command) in Flow::new(seed) {
            if is_over.load(Ordering::Relaxed) || publisher.publish(command.into()).is_err() {
                return;
            }
            std::thread::sleep(Duration::from_micros(50));
        }
    })
}

fn out_options() -> OutOptions {
    let (replicas, max_age, max_bytes, kept) = (None, None, None, None);
    OutOptions {
        source: SourceOptions {
            reader: "to-stream".to_owned(),
            max_delay: Duration::from_millis(1),
            ahead_of_disk: false,
        },
        stream: StreamOptions { name: STREAM.to_owned(), subject: None, replicas, max_age, max_bytes, kept },
        most_in_flight: 64,
        trust_position: false,
        until_caught_up: false,
        give_up: None,
    }
}
