//! Replay into the ring, and seeking by time.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use disruptor::{BusySpin, ProcessorSettings, Producer, build_single_producer};
use hdrhistogram::Histogram;
use slipring::{Engine, From, Gate, Journal, Sync};

use crate::bounds::Room;
use crate::event::Order;
use crate::harness::{Contender, Output, Sample};
use crate::host::{Cores, settle};
use crate::ring;

const CAPACITY: usize = 1 << 14;

/// A journal of `events` records, in the page cache.
fn written(folder: &Path, events: u64) -> (tempfile::TempDir, Journal) {
    let place = tempfile::tempdir_in(folder).expect("a folder for the journal");
    let journal = Journal::at(place.path()).sync(Sync::None);
    let (mut writer, _) = journal.open::<Order>().expect("a new journal");
    for n in 0..events {
        writer.append(n * 1_000, &Order::nth(n)).expect("room on the disk");
    }
    writer.close().expect("a disk that syncs");
    (place, journal)
}

fn replay(journal: &Journal, cores: Cores) -> Vec<Sample> {
    cores.unpin();
    let lane = ring::lane("main", cores);
    let mut recovered = Engine::builder()
        .ring_capacity(CAPACITY)
        .journal(journal.clone())
        .lane(lane.journal().stage("sum", ring::summing::<0>(), Gate::JOURNALLED))
        .open()
        .expect("a journal in order");
    // Opening made the journal ready to append, too; that work is not replay's.
    settle();
    cores.pin_publisher();
    let report = recovered.replay(From::Start).expect("whole records");
    Sample::throughput(report.events(), report.elapsed)
}

/// The same records published in large batches from memory by the raw ring.
fn raw(events: &[Order], cores: Cores) -> Vec<Sample> {
    #[derive(Clone, Copy)]
    #[repr(C, align(64))]
    struct RawSlot {
        time_ns: u64,
        event: Order,
    }
    cores.unpin();
    let count = events.len() as u64;
    let done = Arc::new(AtomicU64::new(0));
    let seen = Arc::clone(&done);
    let mut sum = 0u64;
    let handler = move |slot: &RawSlot, sequence: i64, _: bool| {
        sum = sum.wrapping_add(slot.event.id ^ slot.event.rest[2]);
        if sequence as u64 + 1 == count {
            seen.store(sum | 1, Ordering::Release);
        }
    };
    let empty = || RawSlot { time_ns: 0, event: Order::nth(0) };
    let builder = build_single_producer(CAPACITY, empty, BusySpin);
    let mut producer = match cores.consumer {
        Some(core) => builder.pin_at_core(core).handle_events_with(handler).build(),
        None => builder.handle_events_with(handler).build(),
    };
    cores.pin_publisher();
    let started = Instant::now();
    for part in events.chunks(4096) {
        producer.batch_publish(part.len(), |slots| {
            for (event, slot) in part.iter().zip(slots) {
                *slot = RawSlot { time_ns: event.id, event: *event };
            }
        });
    }
    while done.load(Ordering::Acquire) == 0 {
        std::hint::spin_loop();
    }
    Sample::throughput(count, started.elapsed())
}

/// `lower_bound` at random times; the time of each in nanoseconds.
fn seek(journal: &Journal, events: u64, probes: u64) -> Vec<Sample> {
    let mut reader = journal.reader::<Order>().expect("a journal in order");
    let mut histogram = Histogram::<u64>::new_with_bounds(1, 60_000_000_000, 3).expect("valid bounds");
    let mut random = 0x9e37_79b9_7f4a_7c15u64;
    for _ in 0..probes {
        // A linear congruential generator is random enough to defeat the caches' guesses.
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let wanted = (random >> 20) % events;
        let started = Instant::now();
        let found = reader.lower_bound(wanted * 1_000).expect("whole records");
        histogram.saturating_record(started.elapsed().as_nanos() as u64);
        assert_eq!(found, wanted);
    }
    let quantile = |metric, at| Sample { metric, unit: "ns", value: histogram.value_at_quantile(at) as f64 };
    vec![quantile("p50", 0.5), quantile("p90", 0.9), quantile("p99", 0.99)]
}

/// `replay` and `seek`.
pub fn bench(output: &mut Output, folder: &Path, cores: Cores, quick: bool) {
    let events: u64 = if quick { 1_000_000 } else { 10_000_000 };
    let rounds = if quick { 5 } else { 9 };
    cores.unpin();
    let (_place, journal) = written(folder, events);
    let memory: Vec<Order> = (0..events).map(Order::nth).collect();
    let topology = format!(
        "{events} records in the page cache, every checksum verified; reader and publisher on a thread, stages on \
         another, {}",
        cores.describe()
    );
    output.bench(
        "replay",
        &topology,
        rounds,
        &mut [
            Contender::new("slipring", || replay(&journal, cores)),
            Contender::new("disruptor", || raw(&memory, cores)),
            Contender::new("bound-copy-crc", || Room::new(folder, 1 << 20).copy::<true>()),
        ],
    );
    let topology = format!("{events} records in the page cache, random times, one thread");
    let probes = if quick { 5_000 } else { 50_000 };
    output.bench(
        "seek",
        &topology,
        rounds,
        &mut [Contender::new("slipring", || seek(&journal, events, probes))],
    );
}
