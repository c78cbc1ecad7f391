//! Appending for a long while from an empty folder, rolls and preparation included: what bounds it is how fast
//! segments can be prepared and how fast the disk takes them, so both are measured beside it.

use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use slipring_journal::{Journal, Sync};

use crate::event::Order;
use crate::harness::{Contender, Output, Sample};
use crate::host::Cores;

const RECORD_BYTES: u64 = 64;

/// Appends for `span`; records a second from the first append until all is durable, and until the last append
/// returned.
fn append(folder: &Path, cores: Cores, span: Duration) -> Vec<Sample> {
    cores.unpin();
    let place = tempfile::tempdir_in(folder).expect("a folder for the journal");
    let (mut writer, _) = Journal::at(place.path()).sync(Sync::None).open::<Order>().expect("a new journal");
    let started = Instant::now();
    let mut n = 0;
    while started.elapsed() < span {
        for _ in 0..4096 {
            writer.append(n, &Order::nth(n)).expect("room on the disk");
            n += 1;
        }
    }
    let appended = started.elapsed();
    writer.close().expect("a disk that syncs");
    let rate = |elapsed: Duration| n as f64 / elapsed.as_secs_f64() / 1e6;
    vec![
        Sample { metric: "throughput", unit: "M/s", value: rate(appended) },
        Sample { metric: "durable-throughput", unit: "M/s", value: rate(started.elapsed()) },
    ]
}

/// The same bytes by write(2), 64 KiB at a time, and one fsync at the end.
fn write_calls(folder: &Path, span: Duration) -> Vec<Sample> {
    let mut file = tempfile::tempfile_in(folder).expect("a file");
    let block = vec![7u8; 1 << 16];
    let started = Instant::now();
    let mut bytes = 0;
    while started.elapsed() < span {
        file.write_all(&block).expect("room on the disk");
        bytes += block.len() as u64;
    }
    let written = started.elapsed();
    file.sync_all().expect("a disk that syncs");
    let rate = |elapsed: Duration| (bytes / RECORD_BYTES) as f64 / elapsed.as_secs_f64() / 1e6;
    vec![
        Sample { metric: "throughput", unit: "M/s", value: rate(written) },
        Sample { metric: "durable-throughput", unit: "M/s", value: rate(started.elapsed()) },
    ]
}

/// Segments allocated and made present, one after the other, nothing else: the bound of preparation.
fn prepare(folder: &Path, span: Duration) -> Vec<Sample> {
    let started = Instant::now();
    let mut records = 0;
    while started.elapsed() < span {
        let file = tempfile::tempfile_in(folder).expect("a file");
        let bytes = (1 << 20) * RECORD_BYTES;
        rustix::fs::fallocate(&file, rustix::fs::FallocateFlags::empty(), 0, bytes)
            .expect("room on the disk");
        let map = memmap2::MmapOptions::new().map_raw(&file).expect("a mapping");
        let _ = map.advise(memmap2::Advice::PopulateWrite);
        records += 1 << 20;
    }
    Sample::throughput(records, started.elapsed())
}

/// A segment's worth of dirty pages synced at a time: the bound of the disk. Only the syncs are timed.
fn disk(folder: &Path, span: Duration) -> Vec<Sample> {
    let started = Instant::now();
    let (mut records, mut syncing) = (0, Duration::ZERO);
    let block = vec![7u8; 1 << 20];
    while started.elapsed() < span {
        let mut file = tempfile::tempfile_in(folder).expect("a file");
        for _ in 0..64 {
            file.write_all(&block).expect("room on the disk");
        }
        let begun = Instant::now();
        file.sync_all().expect("a disk that syncs");
        syncing += begun.elapsed();
        records += 1 << 20;
    }
    Sample::throughput(records, syncing)
}

/// Every append by itself, at one a microsecond, over many rolls: the percentiles that a hot thread sees.
fn latency(folder: &Path, cores: Cores, rolls: u64) -> Vec<Sample> {
    cores.unpin();
    let place = tempfile::tempdir_in(folder).expect("a folder for the journal");
    let segment_records = 1 << 16;
    let journal = Journal::at(place.path()).segment_records(segment_records).sync(Sync::None);
    let (mut writer, _) = journal.open::<Order>().expect("a new journal");
    crate::host::settle();
    cores.pin_publisher();
    let mut histogram = Histogram::<u64>::new_with_bounds(1, 60_000_000_000, 3).expect("valid bounds");
    let started = Instant::now();
    let step = Duration::from_micros(1);
    let mut due = started;
    for n in 0..segment_records * rolls {
        while Instant::now() < due {
            std::hint::spin_loop();
        }
        writer.append(n, &Order::nth(n)).expect("room on the disk");
        // From the moment that it was due: a stall counts for all that it delays (coordinated omission).
        histogram.saturating_record(due.elapsed().as_nanos() as u64);
        due += step;
    }
    cores.unpin();
    let quantile = |metric, at| Sample { metric, unit: "ns", value: histogram.value_at_quantile(at) as f64 };
    vec![
        quantile("p50", 0.5),
        quantile("p90", 0.9),
        quantile("p99", 0.99),
        quantile("p999", 0.999),
        quantile("p9999", 0.9999),
        quantile("max", 1.0),
    ]
}

/// How long opening takes after a crash, with the same number of segments and ever more records.
fn open(folder: &Path, records: u64) -> Vec<Sample> {
    let place = tempfile::tempdir_in(folder).expect("a folder for the journal");
    let journal = Journal::at(place.path())
        .segment_records((records / 8).max(1) + 1)
        .sync(Sync::every(Duration::from_millis(5)));
    let (mut writer, _) = journal.open::<Order>().expect("a new journal");
    for n in 0..records {
        writer.append(n, &Order::nth(n)).expect("room on the disk");
    }
    writer.abandon();
    let (writer, report) = journal.open::<Order>().expect("a journal that recovers");
    assert_eq!(report.end_sequence, records);
    writer.abandon();
    vec![Sample { metric: "open", unit: "ms", value: report.elapsed.as_secs_f64() * 1e3 }]
}

/// `append/sustained`, `append/latency`, `open`.
pub fn bench(output: &mut Output, folder: &Path, cores: Cores, quick: bool) {
    let span = Duration::from_secs(if quick { 1 } else { 30 });
    let rounds = if quick { 2 } else { 3 };
    output.bench(
        "append/sustained",
        "one thread, 64-byte records from an empty folder, segments of 1,048,576, rolls and preparation included",
        rounds,
        &mut [
            Contender::new("slipring", || append(folder, cores, span)),
            Contender::new("write-2", || write_calls(folder, span)),
            Contender::new("bound-prepare", || prepare(folder, span)),
            Contender::new("bound-disk", || disk(folder, span)),
        ],
    );
    let rolls = if quick { 20 } else { 300 };
    output.bench(
        "append/latency",
        &format!("one thread, 1 M/s open loop, {rolls} rolls, Sync::None, {}", cores.describe()),
        rounds,
        &mut [Contender::new("slipring", || latency(folder, cores, rolls))],
    );
    for records in if quick { vec![100_000, 1_000_000] } else { vec![1_000_000, 10_000_000, 100_000_000] } {
        let topology =
            format!("{records} records in 9 segments, killed, opened again; recovery without mapping");
        let rounds = if records > 50_000_000 { 1 } else { rounds };
        let name = format!("open/{records}");
        output.bench(&name, &topology, rounds, &mut [Contender::new("slipring", || open(folder, records))]);
    }
}
