//! What the tests share: journals, a way to run the bridge, and a consumer that is not ours.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_nats::jetstream::consumer::{AckPolicy, pull};
use futures_util::StreamExt;
use slipring_bridge::source::SourceOptions;
use slipring_jetstream::connect::Connect;
use slipring_jetstream::error::OutError;
use slipring_jetstream::out::{self, Ended, OutOptions, Told};
use slipring_jetstream::stream::StreamOptions;
use slipring_journal::{Event, Journal, SyncMode, Writer};
use slipring_test_servers::nats::Nats;
use tokio::sync::watch;

#[derive(Clone, Copy, Debug, Event)]
#[event(version = 1)]
#[repr(C)]
pub struct Tick {
    /// The record's own sequence: whoever reads it elsewhere can tell what it should be.
    pub own: u64,
    pub price: u64,
    pub size: u64,
    pub side: u64,
}

pub fn tick(own: u64) -> Tick {
    Tick { own, price: own.wrapping_mul(31), size: 1, side: own & 1 }
}

pub fn journal(folder: &Path) -> Journal {
    Journal::at(folder).segment_records(1 << 16).sync(SyncMode::every(Duration::from_millis(2)))
}

pub fn append(writer: &mut Writer<Tick>, count: u64) {
    let first = writer.end_sequence();
    (first..first + count).for_each(|n| assert_eq!(writer.append(1_000 + n, &tick(n)).unwrap(), n));
}

/// A closed journal of so many records.
pub fn written(folder: &Path, count: u64) -> Journal {
    let journal = journal(folder);
    let (mut writer, _) = journal.open::<Tick>().unwrap();
    append(&mut writer, count);
    writer.close().unwrap();
    journal
}

/// Writes records in its own thread, some each millisecond, while whatever happens.
pub struct Writing {
    is_over: Arc<AtomicBool>,
    thread: std::thread::JoinHandle<u64>,
}

impl Writing {
    pub fn start(journal: &Journal, a_millisecond: u64) -> Self {
        let (mut writer, _) = journal.open::<Tick>().unwrap();
        let is_over = Arc::<AtomicBool>::default();
        let theirs = Arc::clone(&is_over);
        let thread = std::thread::spawn(move || {
            while !theirs.load(Ordering::Relaxed) {
                append(&mut writer, a_millisecond);
                std::thread::sleep(Duration::from_millis(1));
            }
            writer.close().unwrap()
        });
        Writing { is_over, thread }
    }

    /// The sequence behind the last record.
    pub fn end(self) -> u64 {
        self.is_over.store(true, Ordering::Relaxed);
        self.thread.join().unwrap()
    }
}

pub fn options(stream: &str) -> OutOptions {
    let name = stream.to_owned();
    OutOptions {
        source: SourceOptions {
            reader: format!("to-{stream}"),
            max_delay: Duration::from_millis(1),
            ahead_of_disk: false,
        },
        stream: StreamOptions {
            name,
            subject: None,
            replicas: None,
            max_age: None,
            max_bytes: None,
            kept: None,
        },
        most_in_flight: 64,
        trust_position: false,
        until_caught_up: true,
        give_up: Some(Duration::from_secs(60)),
    }
}

pub fn to(url: &str) -> Connect {
    Connect { servers: url.split(',').map(str::to_owned).collect(), ..Connect::default() }
}

/// Runs until it has caught up.
pub async fn send(journal: &Journal, url: &str, options: &OutOptions) -> Result<Ended, OutError> {
    let (_say, stop) = watch::channel(false);
    out::run(journal, &to(url), options, stop, |_| {}).await
}

/// A run on a task of its own.
pub struct Running {
    stop: watch::Sender<bool>,
    task: tokio::task::JoinHandle<Result<Ended, OutError>>,
    pub told: Arc<Mutex<Vec<Told>>>,
}

impl Running {
    pub fn start(journal: &Journal, url: &str, options: &OutOptions) -> Self {
        let (stop, stopped) = watch::channel(false);
        let (journal, connect) = (journal.clone(), to(url));
        let options = OutOptions { until_caught_up: false, ..options.clone() };
        let told = Arc::<Mutex<Vec<Told>>>::default();
        let into = Arc::clone(&told);
        let task = tokio::spawn(async move {
            let tell = move |told| into.lock().unwrap().push(told);
            out::run(&journal, &connect, &options, stopped, tell).await
        });
        Running { stop, task, told }
    }

    pub fn acknowledged(&self) -> u64 {
        let told = self.told.lock().unwrap();
        let progress = |told: &Told| match told {
            Told::Progress(progress) => Some(progress.acknowledged),
            _ => None,
        };
        told.iter().rev().find_map(progress).unwrap_or(0)
    }

    /// Until so many are acknowledged.
    pub async fn reach(&self, end: u64) {
        while self.acknowledged() < end && !self.task.is_finished() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    pub async fn stop(self) -> Result<Ended, OutError> {
        self.stop.send_replace(true);
        self.end().await
    }

    pub async fn end(self) -> Result<Ended, OutError> {
        self.task.await.unwrap()
    }
}

/// What a stream holds, by its headers and payloads alone.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Counted {
    pub records: u64,
    pub messages: u64,
    pub schemas: u64,
    pub most_records: u64,
    pub bytes: u64,
}

/// Reads the whole stream, and refuses a record that is missing, doubled, out of place or changed.
pub async fn count(url: &str, stream: &str) -> Counted {
    let client = async_nats::connect(url.split(',').collect::<Vec<_>>()).await.unwrap();
    let stream = async_nats::jetstream::new(client).get_stream(stream).await.unwrap();
    let config = pull::Config { ack_policy: AckPolicy::None, ..pull::Config::default() };
    let consumer = stream.create_consumer(config).await.unwrap();
    let mut left = stream.get_info().await.unwrap().state.messages;
    let mut counted = Counted::default();
    while left > 0 {
        let mut batch = consumer.fetch().max_messages(128).messages().await.unwrap();
        while let Some(message) = batch.next().await {
            take(&mut counted, &message.unwrap());
            left -= 1;
        }
    }
    counted
}

fn take(counted: &mut Counted, message: &async_nats::Message) {
    let headers = message.headers.as_ref().unwrap();
    let header = |name: &str| headers.get(name).map(|value| value.as_str().to_owned());
    let number = |name: &str| header(name).unwrap().parse::<u64>().unwrap();
    assert_eq!(header("Nats-Expected-Last-Msg-Id"), None);
    assert_eq!(number("Slipring-First"), counted.records, "behind {counted:?}");
    counted.messages += 1;
    match header("Slipring-Kind").unwrap().as_str() {
        "schema" => {
            assert!(message.payload.starts_with(b"Tick 32"));
            counted.schemas += 1;
        }
        "records" => {
            let count = number("Slipring-Count");
            let record_bytes = message.payload.len() / count as usize;
            assert_eq!((message.payload.len(), record_bytes), (count as usize * 48, 48));
            assert!(message.payload.len() <= 64 << 10);
            for record in message.payload.chunks_exact(record_bytes) {
                let own = u64::from_le_bytes(record[16..24].try_into().unwrap());
                assert_eq!(own, counted.records);
                counted.records += 1;
            }
            let last = &message.payload[message.payload.len() - record_bytes..];
            let crc = u32::from_le_bytes(last[12..16].try_into().unwrap());
            assert_eq!(header("Slipring-Crc").unwrap(), format!("{crc:08x}"));
            counted.most_records = counted.most_records.max(count);
            counted.bytes += message.payload.len() as u64;
        }
        kind => panic!("{kind}"),
    }
}

/// The position of the bridge's reader.
pub fn position(journal: &Journal, options: &OutOptions) -> u64 {
    let readers = journal.readers().unwrap();
    readers.iter().find(|reader| reader.name == options.source.reader).unwrap().position.unwrap()
}

/// Kills a server and starts it again, from a thread that may wait.
pub async fn kill_and_start(nats: Nats, node: usize) -> Nats {
    let again = tokio::task::spawn_blocking(move || {
        let mut nats = nats;
        nats.kill(node);
        nats.start_again(node);
        nats.wait_until_ready(node);
        nats
    });
    again.await.unwrap()
}
