//! How far behind a follower is: from the publish on one machine to the event in the other's engine; and how
//! fast it catches up.
//!
//! ```text
//!  publisher ---> engine, journal ---> bridge ---> server ---> standby: replica, its stage: now - published
//! ```
//!
//! Both engines, the bridge and the servers share this machine's cores and clock. Lanes park, so that they
//! leave the cores to the others.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_nats::Client;
use hdrhistogram::Histogram;
use slipring::prelude::*;
use slipring::{EngineBuilder, Publisher, Wait};
use slipring_jetstream::incoming::{InOptions, Start};
use slipring_jetstream::out;
use slipring_jetstream::standby::{self, Order, PromoteOptions, StandbyOptions};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use crate::Failed;
use crate::event::Tick;
use crate::ground::{Filled, Ground};
use crate::report::Row;
use crate::stream::{self, to};

/// What the follower's stage has seen.
#[derive(Debug)]
struct Seen {
    start: Instant,
    /// The sequence behind the last event.
    end: AtomicU64,
    late: Mutex<Histogram<u64>>,
}

/// Events behind the first are measured: it makes the stream known to the follower.
const FIRST: u64 = 1;
/// Events a second while the lag is measured.
const RATE: u64 = 10_000;

impl Seen {
    fn new() -> Result<Arc<Self>, Failed> {
        let late = Mutex::new(Histogram::new_with_bounds(1, 60_000_000_000, 3)?);
        Ok(Arc::new(Seen { start: Instant::now(), end: AtomicU64::new(0), late }))
    }

    fn now_ns(&self) -> u64 {
        self.start.elapsed().as_nanos() as u64
    }

    /// The follower's program.
    fn builder(self: &Arc<Self>, folder: &Path) -> EngineBuilder<Tick> {
        let seen = Arc::clone(self);
        let stage = move |tick: &Tick, context: &Context| {
            if tick.due_ns > 0 {
                let late = seen.now_ns().saturating_sub(tick.due_ns).max(1);
                seen.late.lock().unwrap_or_else(PoisonError::into_inner).saturating_record(late);
            }
            // Release, of which the Acquire in `reach` is the partner: who sees the end sees all that was
            // noted.
            seen.end.store(context.sequence() + 1, Ordering::Release);
        };
        let lane = Lane::named("follower").wait(Wait::Park).journal().stage("seen", stage, Gate::JOURNALLED);
        Engine::builder().journal(Journal::at(folder)).lane(lane)
    }

    /// Until all before `end` was seen.
    async fn reach(&self, end: u64) {
        while self.end.load(Ordering::Acquire) < end {
            tokio::time::sleep(Duration::from_micros(200)).await;
        }
    }
}

/// A warm standby, and the task that feeds it.
struct Standing {
    stop: watch::Sender<bool>,
    _orders: mpsc::Sender<Order>,
    task: JoinHandle<Result<(), String>>,
}

impl Standing {
    async fn start(seen: &Arc<Seen>, client: &Client, stream: &str, folder: PathBuf) -> Result<Self, Failed> {
        let found = standby::origin(&Journal::at(&folder), client, stream, None).await?;
        let (origin, schema) = found.ok_or("the stream is empty")?;
        let warm = seen.builder(&folder).standby(&origin, &schema)?;
        let ((stop, stopped), (give, orders)) = (watch::channel(false), mpsc::channel(1));
        let stream = InOptions::new(stream, Start::Oldest);
        let options = StandbyOptions { stream, promote: PromoteOptions::default() };
        let client = client.clone();
        let task = tokio::spawn(async move {
            let followed = standby::follow(warm, &client, &options, orders, stopped, |_| {}).await;
            let ended = followed.map_err(|error| error.to_string())?;
            ended.warm.close().map(drop).map_err(|error| error.to_string())
        });
        Ok(Standing { stop, _orders: give, task })
    }

    async fn end(self) -> Result<(), Failed> {
        self.stop.send_replace(true);
        Ok(self.task.await??)
    }
}

/// Lag and catching up, of a stream of so many replicas.
pub async fn measure(ground: &Ground<'_>) -> Result<Vec<Row>, Failed> {
    let mut rows = Vec::new();
    for (contender, ahead_of_disk) in [("durable records", false), ("ahead of the disk", true)] {
        let (mut half, mut most) = (Vec::new(), Vec::new());
        for _ in 0..ground.options.rounds {
            let late = lag(ground, ahead_of_disk).await?;
            half.push(late.value_at_quantile(0.5) as f64 / 1e6);
            most.push(late.value_at_quantile(0.99) as f64 / 1e6);
        }
        for (metric, rounds) in [("lag-p50", half), ("lag-p99", most)] {
            let (bench, unit) = (ground.bench("follower"), "ms");
            rows.push(Row { bench, contender, metric, unit, rounds, beside: Vec::new() });
        }
    }
    rows.push(catching_up(ground).await?);
    Ok(rows)
}

/// How late the follower's stage saw each event.
async fn lag(ground: &Ground<'_>, ahead_of_disk: bool) -> Result<Histogram<u64>, Failed> {
    const STREAM: &str = "LAG";
    let folder = tempfile::tempdir_in(ground.place)?;
    let primary = folder.path().join("primary");
    let link = ground.link().await?;
    ground.make(&link, STREAM).await?;
    let seen = Seen::new()?;
    let lane = Lane::named("primary").wait(Wait::Park).journal();
    let builder = Engine::builder().journal(Journal::at(&primary)).lane(lane);
    let (engine, mut publisher) = builder.open()?.go_live()?;
    publisher.publish(Tick::new(0, 0))?;
    let (stop, stopped) = watch::channel(false);
    let (bridge, connect) =
        (stream::out_options(STREAM, ground.replicas, ahead_of_disk), to(&ground.nats.url()));
    let journal = Journal::at(&primary);
    let sending = tokio::spawn(async move { out::run(&journal, &connect, &bridge, stopped, |_| {}).await });
    while link.jetstream.get_stream(STREAM).await?.get_info().await?.state.messages == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let standing = Standing::start(&seen, &link.client, STREAM, folder.path().join("follower")).await?;
    seen.reach(FIRST).await;
    let (theirs, count) = (Arc::clone(&seen), (ground.options.seconds * RATE as f64) as u64);
    let published = tokio::task::spawn_blocking(move || publish(&theirs, publisher, count));
    published.await?;
    seen.reach(FIRST + count).await;
    standing.end().await?;
    stop.send_replace(true);
    sending.await??;
    engine.join()?;
    stream::remove(&link, STREAM).await?;
    Ok(seen.late.lock().unwrap_or_else(PoisonError::into_inner).clone())
}

/// Publishes on schedule, and sleeps in between.
fn publish(seen: &Seen, mut publisher: Publisher<Tick>, count: u64) {
    let first = seen.now_ns();
    for number in 0..count {
        let due = Duration::from_nanos(first + number * (1_000_000_000 / RATE));
        std::thread::sleep(due.saturating_sub(seen.start.elapsed()));
        publisher.publish(Tick::new(seen.now_ns(), FIRST + number)).expect("an engine that runs");
    }
}

/// How fast a standby that is new gets what a stream holds into its engine.
async fn catching_up(ground: &Ground<'_>) -> Result<Row, Failed> {
    const STREAM: &str = "CATCHING-UP";
    let (Filled { messages, .. }, link) = (ground.filled("catching-up")?, ground.link().await?);
    ground.make(&link, STREAM).await?;
    stream::publish(&link.jetstream, STREAM, &messages).await?;
    let records = ground.options.records;
    let mut rounds = Vec::new();
    for _ in 0..ground.options.rounds {
        let (seen, copy) = (Seen::new()?, ground.place.join("follower"));
        let standing = Standing::start(&seen, &link.client, STREAM, copy.clone()).await?;
        seen.reach(records).await;
        rounds.push(records as f64 / seen.start.elapsed().as_secs_f64() / 1e6);
        standing.end().await?;
        std::fs::remove_dir_all(&copy)?;
    }
    stream::remove(&link, STREAM).await?;
    let (bench, contender) = (ground.bench("follower"), "catching up");
    Ok(Row { bench, contender, metric: "throughput", unit: "M/s", rounds, beside: Vec::new() })
}
