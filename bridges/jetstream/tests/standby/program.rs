//! A program that is a primary or stands by, with a bridge in it.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_nats::Client;
use slipring::{
    Context, Engine, EngineBuilder, Event, FollowFrom, Gate, Journal, Lane, LateConsumer, LateContext,
    Standby, SyncMode,
};
use slipring_bridge::source::SourceOptions;
use slipring_jetstream::connect::Connect;
use slipring_jetstream::error::OutError;
use slipring_jetstream::incoming::{InOptions, IntoReplica, Start};
use slipring_jetstream::out::{self, Ended, OutOptions, Told};
use slipring_jetstream::rejoin::{self, RejoinFailure, Rejoined};
use slipring_jetstream::standby::{self, PromoteOptions, StandbyOptions};
use slipring_jetstream::stream::StreamOptions;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::caught_up::caught_up;

pub const STREAM: &str = "ORDERS";

/// One test after the other: the lanes of several would keep two cores from the servers.
static TURN: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// Until the test's end nobody else has a turn.
pub async fn alone() -> tokio::sync::MutexGuard<'static, ()> {
    TURN.lock().await
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Event)]
#[event(version = 1)]
#[repr(C)]
pub struct Order {
    /// No other order has it, in any life of any primary.
    pub id: u64,
    pub quantity: u64,
}

pub fn journal(folder: &Path) -> Journal {
    Journal::at(folder).segment_records(4096).sync(SyncMode::every(Duration::from_millis(1)))
}

/// The state of the program's one stage: a digest of all orders, and how many.
pub type State = Arc<Mutex<(u64, u64)>>;

pub fn builder(folder: &Path, state: &State) -> EngineBuilder<Order> {
    let fold = Arc::clone(state);
    let book = move |order: &Order, context: &Context| {
        let mut state = fold.lock().unwrap();
        let epoch = context.key().map_or(0, |key| key.epoch);
        for word in [order.id, order.quantity, context.sequence(), context.time_ns(), u64::from(epoch)] {
            state.0 = (state.0 ^ word).wrapping_mul(0x100_0000_01b3).rotate_left(17);
        }
        state.1 += 1;
    };
    let lane = Lane::named("main").journal().stage("book", book, Gate::JOURNALLED);
    Engine::builder().ring_capacity(1 << 12).journal(journal(folder)).lane(lane)
}

/// What got out behind the gate: sequence, epoch, id.
pub type Delivered = Arc<Mutex<Vec<(u64, u32, u64)>>>;

/// Has a late consumer behind the gate, from `from` on, for as long as what is returned is kept.
pub fn follow_out(engine: &Engine<Order>, from: u64, delivered: &Delivered) -> Box<dyn std::any::Any + Send> {
    let out = Arc::clone(delivered);
    let handler = move |order: &Order, context: &LateContext| {
        out.lock().unwrap().push((context.sequence(), context.anchor().epoch, order.id));
    };
    let consumer = LateConsumer::named("out").from(FollowFrom::Sequence(from)).acknowledged("stream");
    Box::new(engine.follow(consumer, handler).unwrap())
}

/// The journal in that folder becomes a replica again.
pub async fn rejoin(folder: &Path, client: &Client) -> Result<Rejoined, RejoinFailure> {
    rejoin::rejoin(&journal(folder), client, STREAM, None, Some(Duration::from_secs(30)), |_| {}).await
}

pub async fn client(url: &str) -> Client {
    async_nats::connect(url.split(',').collect::<Vec<_>>()).await.unwrap()
}

pub fn out_options() -> OutOptions {
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
        give_up: Some(Duration::from_secs(60)),
    }
}

/// A bridge out.
pub struct Bridge {
    pub stop: watch::Sender<bool>,
    pub task: JoinHandle<Result<Ended, OutError>>,
}

impl Bridge {
    pub fn start(folder: &Path, url: &str, tell: impl FnMut(Told) + Send + 'static) -> Self {
        let (stop, stopped) = watch::channel(false);
        let servers = url.split(',').map(str::to_owned).collect();
        let (journal, connect) = (journal(folder), Connect { servers, ..Connect::default() });
        let task =
            tokio::spawn(async move { out::run(&journal, &connect, &out_options(), stopped, tell).await });
        Bridge { stop, task }
    }
}

/// Sends what a journal holds, to its end.
pub async fn send(folder: &Path, url: &str) -> Result<Ended, OutError> {
    let (_stop, stopped) = watch::channel(false);
    let servers = url.split(',').map(str::to_owned).collect();
    let connect = Connect { servers, ..Connect::default() };
    let options = OutOptions { until_caught_up: true, ..out_options() };
    out::run(&journal(folder), &connect, &options, stopped, |_| {}).await
}

/// Writes so many orders into a journal, in a life of its own; `first_id` is that of the first.
pub fn write(folder: &Path, first_id: u64, count: u64) {
    let (mut writer, _) = journal(folder).open::<Order>().unwrap();
    for id in first_id..first_id + count {
        writer.append(1_000 + id, &Order { id, quantity: id % 7 }).unwrap();
    }
    writer.close().unwrap();
}

pub fn stream() -> InOptions {
    InOptions::new(STREAM, Start::Oldest)
}

pub fn standby_options() -> StandbyOptions {
    StandbyOptions { stream: stream(), promote: PromoteOptions::default() }
}

/// A warm engine behind what that folder holds.
pub async fn warm(folder: &Path, client: &Client, state: &State) -> Standby<Order> {
    let (origin, schema) = standby::origin(&journal(folder), client, STREAM, None).await.unwrap().unwrap();
    builder(folder, state).standby(&origin, &schema).unwrap()
}

/// A replica that holds all that the stream holds.
pub async fn replica(folder: &Path, client: &Client) -> IntoReplica {
    let stream = InOptions { patience: Duration::from_millis(50), ..stream() };
    caught_up(journal(folder), client.clone(), stream).await
}

/// Each record as it lies: epoch, time, checksum, bytes of the event.
pub type Stored = (u32, u64, u32, Vec<u8>);

pub fn stored(folder: &Path) -> Vec<Stored> {
    let mut reader = journal(folder).raw_reader().unwrap();
    let mut all = Vec::new();
    let range = reader.first_sequence()..reader.end_sequence();
    reader
        .for_each(range, |record| {
            all.push((record.epoch, record.time_ns, record.crc, record.event.to_vec()));
            std::ops::ControlFlow::Continue(())
        })
        .unwrap();
    all
}
