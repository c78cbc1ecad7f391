//! What a user would otherwise pick to keep events and to read them back by time, doing the same work beside
//! slipring: stores, plain files, and containers in memory that keep nothing.
//!
//! Three benches. `append`: a burst, a fixed number of events. `append/sustained`: for a while from an empty
//! folder, all preparation counted. `replay`: from the middle by time to the end, into a consumer. All of it
//! in the page cache.

mod files;
mod kv;
mod memory;
mod ours;
mod parquet_file;
mod replayed;
mod sql;

use std::ops::ControlFlow;
use std::path::Path;
use std::time::{Duration, Instant};

use replayed::Replayed;
pub use replayed::{filled_for_replay, replay_contenders, seek_contenders};

use crate::event::{Order, consume};
use crate::harness::{Contender, Output};
use crate::host::Cores;
use crate::ring;
use crate::stats::Sample;

/// Events that a store is given at once: a transaction, a batch.
const BATCH: u64 = 1_000;
/// Nanoseconds between the times of two events.
const STEP_NS: u64 = 1_000;

/// Who is given the events of a replay, and says whether to go on.
pub type Take<'a> = dyn FnMut(&Order) -> ControlFlow<()> + 'a;

/// Something that keeps events in order of time.
pub trait Peer: Sized {
    /// Events given at once.
    const BATCH: u64 = BATCH;
    /// Whether it keeps anything beyond its own life.
    const KEEPS: bool = true;

    /// An empty one in an empty folder.
    fn create(folder: &Path) -> Self;

    /// Makes room for so many events before the clock starts; what lies in memory also touches that room, as
    /// slipring's pages are prepared.
    fn make_room(&mut self, _events: u64) {}

    /// Takes events `first..first + count`, each with its time. When it returns they survive the death of the
    /// process, or will as soon as `flush` was called.
    fn append(&mut self, first: u64, count: u64);

    /// Hands everything to the operating system.
    fn flush(&mut self) {}

    /// Makes everything durable.
    fn sync(&mut self);

    /// Gives every event from `time_ns` on to `take`, in order, until that says break.
    fn replay(&mut self, time_ns: u64, take: &mut Take<'_>);
}

fn time_of(n: u64) -> u64 {
    n * STEP_NS
}

fn rates(events: u64, kept: Duration, durable: Duration) -> Vec<Sample> {
    let rate = |elapsed: Duration| events as f64 / elapsed.as_secs_f64() / 1e6;
    vec![
        Sample { metric: "throughput", unit: "M/s", value: rate(kept) },
        Sample { metric: "durable-throughput", unit: "M/s", value: rate(durable) },
    ]
}

/// A fixed number of events.
fn burst<P: Peer>(folder: &Path, events: u64) -> Vec<Sample> {
    let place = tempfile::tempdir_in(folder).expect("a folder for the store");
    let mut peer = P::create(place.path());
    peer.make_room(events);
    let started = Instant::now();
    for first in (0..events).step_by(P::BATCH as usize) {
        peer.append(first, P::BATCH.min(events - first));
    }
    peer.flush();
    let kept = started.elapsed();
    if !P::KEEPS {
        return Sample::throughput(events, kept);
    }
    peer.sync();
    rates(events, kept, started.elapsed())
}

/// As many events as fit into `span`.
fn sustained<P: Peer>(folder: &Path, span: Duration) -> Vec<Sample> {
    let place = tempfile::tempdir_in(folder).expect("a folder for the store");
    let started = Instant::now();
    let mut peer = P::create(place.path());
    let mut events = 0;
    while started.elapsed() < span {
        peer.append(events, P::BATCH);
        events += P::BATCH;
    }
    peer.flush();
    let kept = started.elapsed();
    peer.sync();
    rates(events, kept, started.elapsed())
}

/// A store of `events`, ready to be replayed.
fn filled<P: Peer>(folder: &Path, events: u64) -> (tempfile::TempDir, P) {
    let place = tempfile::tempdir_in(folder).expect("a folder for the store");
    let mut peer = P::create(place.path());
    for first in (0..events).step_by(P::BATCH as usize) {
        peer.append(first, P::BATCH.min(events - first));
    }
    peer.sync();
    (place, peer)
}

/// From an event by its time to the end; the rate is of the events delivered.
fn replay(peer: &mut dyn Replayed, from: u64, events: u64) -> Vec<Sample> {
    let (mut sum, mut count) = (0u64, 0u64);
    let started = Instant::now();
    peer.replay(time_of(from), &mut |event| {
        consume(&mut sum, event);
        count += 1;
        ControlFlow::Continue(())
    });
    let elapsed = started.elapsed();
    std::hint::black_box(sum);
    assert_eq!(count, events - from, "every event from there on, once");
    Sample::throughput(count, elapsed)
}

/// `append`, `append/sustained` and `replay`; under `peers/` where others have those names.
pub fn bench(output: &mut Output, folder: &Path, cores: Cores, quick: bool, prefix: &str) {
    cores.unpin();
    let rounds = if quick { 3 } else { 5 };
    bench_bursts(output, folder, quick, rounds, prefix);
    bench_sustained(output, folder, quick, rounds - 1, prefix);
    bench_replay(output, folder, cores, quick, rounds, prefix);
}

fn bench_bursts(output: &mut Output, folder: &Path, quick: bool, rounds: usize, prefix: &str) {
    let events = if quick { 200_000 } else { 1_000_000 };
    let each = events / 20;
    output.bench_on_disk(
        folder,
        &format!("{prefix}append"),
        &format!(
            "burst: one thread, {events} events of 48 bytes, {BATCH} at once ({each} one by one for sqlite-each); slipring \
             into prepared pages, binaryheap and vecdeque into memory that held as many before"
        ),
        rounds,
        &mut [
            Contender::new("slipring", || ours::burst(folder, events)),
            Contender::new("sqlite", || burst::<sql::Sqlite<BATCH>>(folder, events)),
            Contender::new("sqlite-each", || burst::<sql::Sqlite<1>>(folder, each)),
            Contender::new("redb", || burst::<kv::Redb>(folder, events)),
            Contender::new("fjall", || burst::<kv::Fjall>(folder, events)),
            Contender::new("jsonl", || burst::<files::JsonLines>(folder, events)),
            Contender::new("postcard", || burst::<files::Postcard>(folder, events)),
            Contender::new("parquet", || burst::<parquet_file::ParquetFile>(folder, events)),
            Contender::new("binaryheap", || burst::<memory::Heap>(folder, events)),
            Contender::new("btreemap", || burst::<memory::Map>(folder, events)),
            Contender::new("vecdeque", || burst::<memory::Queue>(folder, events)),
        ],
    );
}

fn bench_sustained(output: &mut Output, folder: &Path, quick: bool, rounds: usize, prefix: &str) {
    let span = Duration::from_millis(if quick { 500 } else { 5_000 });
    output.bench_on_disk(
        folder,
        &format!("{prefix}append/sustained"),
        &format!(
            "sustained: one thread, {} ms from an empty folder, opening and preparation counted",
            span.as_millis()
        ),
        rounds,
        &mut [
            Contender::new("slipring", || sustained::<ours::Slipring>(folder, span)),
            Contender::new("sqlite", || sustained::<sql::Sqlite<BATCH>>(folder, span)),
            Contender::new("redb", || sustained::<kv::Redb>(folder, span)),
            Contender::new("fjall", || sustained::<kv::Fjall>(folder, span)),
            Contender::new("jsonl", || sustained::<files::JsonLines>(folder, span)),
            Contender::new("postcard", || sustained::<files::Postcard>(folder, span)),
            Contender::new("parquet", || sustained::<parquet_file::ParquetFile>(folder, span)),
        ],
    );
}

fn bench_replay(output: &mut Output, folder: &Path, cores: Cores, quick: bool, rounds: usize, prefix: &str) {
    output.note("filling the stores for replay");
    let events = if quick { 1_000_000 } else { 4_000_000 };
    let (_place, ours) = ours::filled(folder, events);
    let (_place, mut sqlite) = filled::<sql::Sqlite<BATCH>>(folder, events);
    let (_place, mut redb) = filled::<kv::Redb>(folder, events);
    let (_place, mut fjall) = filled::<kv::Fjall>(folder, events);
    let (_place, mut jsonl) = filled::<files::JsonLines>(folder, events);
    let (_place, mut postcard) = filled::<files::Postcard>(folder, events);
    let (_place, mut parquet) = filled::<parquet_file::ParquetFile>(folder, events);
    let (_place, mut heap) = filled::<memory::Heap>(folder, events);
    let (_place, mut map) = filled::<memory::Map>(folder, events);
    let (_place, mut queue) = filled::<memory::Queue>(folder, events);
    // No store: it says how fast the machine moved events from core to core just then.
    let memory: Vec<Order> = (events / 2..events).map(Order::nth).collect();
    output.bench(
        &format!("{prefix}replay"),
        &format!(
            "burst: {events} events in the page cache, from the middle by time to the end; slipring verifies every \
             checksum and goes through the ring to a stage on a second core, so does disruptor, from memory, the others call \
             a closure"
        ),
        rounds,
        &mut [
            Contender::new("slipring", || ours::replay(&ours, events, cores)),
            Contender::new("disruptor", || ring::raw_from_memory(&memory, cores)),
            Contender::new("sqlite", || replay(&mut sqlite, events / 2, events)),
            Contender::new("redb", || replay(&mut redb, events / 2, events)),
            Contender::new("fjall", || replay(&mut fjall, events / 2, events)),
            Contender::new("jsonl", || replay(&mut jsonl, events / 2, events)),
            Contender::new("postcard", || replay(&mut postcard, events / 2, events)),
            Contender::new("parquet", || replay(&mut parquet, events / 2, events)),
            Contender::new("binaryheap", || replay(&mut heap, events / 2, events)),
            Contender::new("btreemap", || replay(&mut map, events / 2, events)),
            Contender::new("vecdeque", || replay(&mut queue, events / 2, events)),
        ],
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keeps_order_and_starts_at_the_time<P: Peer>() {
        let folder = tempfile::tempdir().expect("a folder");
        let (_place, mut peer) = filled::<P>(folder.path(), 2_500);
        // Twice: a store is replayed every round.
        for _ in 0..2 {
            let mut seen = Vec::new();
            peer.replay(time_of(1_203), &mut |event| {
                seen.push(*event);
                ControlFlow::Continue(())
            });
            assert_eq!(seen.len(), 2_500 - 1_203);
            assert!(seen.iter().zip(1_203..).all(|(event, n)| *event == Order::nth(n)));
            let mut first = None;
            peer.replay(time_of(77), &mut |event| {
                assert!(first.replace(*event).is_none(), "nothing comes behind a break");
                ControlFlow::Break(())
            });
            assert_eq!(first, Some(Order::nth(77)));
        }
    }

    #[test]
    fn every_peer_gives_back_what_it_took() {
        keeps_order_and_starts_at_the_time::<sql::Sqlite<BATCH>>();
        keeps_order_and_starts_at_the_time::<sql::Sqlite<1>>();
        keeps_order_and_starts_at_the_time::<kv::Redb>();
        keeps_order_and_starts_at_the_time::<kv::Fjall>();
        keeps_order_and_starts_at_the_time::<files::JsonLines>();
        keeps_order_and_starts_at_the_time::<files::Postcard>();
        keeps_order_and_starts_at_the_time::<parquet_file::ParquetFile>();
        keeps_order_and_starts_at_the_time::<memory::Heap>();
        keeps_order_and_starts_at_the_time::<memory::Map>();
        keeps_order_and_starts_at_the_time::<memory::Queue>();
        keeps_order_and_starts_at_the_time::<ours::Slipring>();
    }
}
