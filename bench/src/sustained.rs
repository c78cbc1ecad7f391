//! Appending for a long while from an empty folder, rolls and preparation included: what bounds it is how
//! fast segments can be prepared and how fast the disk takes them, so both are measured beside it. All of
//! them keep the same count of bytes and unlink what is older.
//!
//! Two promises, each with its own contenders: durable about 5 ms after it was appended, or once a file is
//! full and at the end.

use std::cell::Cell;
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use slipring_journal::{Journal, Retention, SyncMode};

use crate::event::Order;
use crate::harness::{Contender, Output};
use crate::host::Cores;
use crate::kept::{FILE_BYTES, FILE_RECORDS, KEPT_BYTES, Kept};
use crate::stats::Sample;
use crate::syncing::Syncing;

/// Appends for `span`; records a second until the last append returned, and until all is durable.
fn append(folder: &Path, cores: Cores, span: Duration, sync: SyncMode) -> Vec<Sample> {
    cores.unpin();
    let place = tempfile::tempdir_in(folder).expect("a folder for the journal");
    let journal = Journal::at(place.path()).segment_records(FILE_RECORDS).sync(sync);
    let journal = journal.retention(Retention::new().keep_bytes(KEPT_BYTES));
    let (mut writer, _) = journal.open::<Order>().expect("a new journal");
    let started = Instant::now();
    let mut n = 0;
    while started.elapsed() < span {
        for _ in 0..4096 {
            writer.append(n, &Order::nth(n)).expect("room on the disk");
            n += 1;
        }
    }
    let appended = started.elapsed();
    // The files that are still to be unlinked too.
    writer.close().expect("a disk that syncs");
    both(n, appended, started.elapsed())
}

fn both(records: u64, appended: Duration, durable: Duration) -> Vec<Sample> {
    let rate = |metric, time: Duration| {
        let value = records as f64 / time.as_secs_f64() / 1e6;
        Sample { metric, unit: "M/s", value }
    };
    vec![rate("throughput", appended), rate("durable-throughput", durable)]
}

/// How a home-made log writes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum By {
    /// `write(2)` of 64 KiB at a time.
    Write,
    /// Record by record into a `BufWriter`.
    BufWriter,
    /// Record by record into a mapped file, whose pages are made present at once.
    Map,
}

const BLOCK_BYTES: usize = 1 << 16;
const RECORD: [u8; 64] = [7; 64];

/// The same bytes in a home-made log, synced every 5 ms by a thread beside, or once at the end.
fn home_made(folder: &Path, span: Duration, by: By, every_5_ms: bool) -> Vec<Sample> {
    let mut kept = Kept::new(folder);
    let syncing = every_5_ms.then(Syncing::start);
    let started = Instant::now();
    let mut records = 0;
    while started.elapsed() < span {
        let file = kept.create();
        if let Some(syncing) = &syncing {
            syncing.add(&file);
        }
        fill(file, by);
        kept.retire();
        records += FILE_RECORDS;
    }
    let written = started.elapsed();
    kept.sync();
    both(records, written, started.elapsed())
}

fn fill(mut file: File, by: By) {
    match by {
        By::Write => {
            let block = [7u8; BLOCK_BYTES];
            for _ in 0..FILE_BYTES as usize / BLOCK_BYTES {
                file.write_all(&block).expect("room on the disk");
            }
        }
        By::BufWriter => {
            let mut writer = std::io::BufWriter::with_capacity(BLOCK_BYTES, file);
            for _ in 0..FILE_RECORDS {
                writer.write_all(std::hint::black_box(&RECORD)).expect("room on the disk");
            }
            writer.flush().expect("room on the disk");
        }
        By::Map => {
            let mut map = mapped(&file);
            for place in map.chunks_exact_mut(RECORD.len()) {
                place.copy_from_slice(std::hint::black_box(&RECORD));
            }
        }
    }
}

/// A new file's map, all of it present.
fn mapped(file: &File) -> memmap2::MmapMut {
    let none = rustix::fs::FallocateFlags::empty();
    rustix::fs::fallocate(file, none, 0, FILE_BYTES).expect("room on the disk");
    // SAFETY: nobody else knows the file's name, so nobody shortens it.
    let map = unsafe { memmap2::MmapMut::map_mut(file).expect("a mapping") };
    let _ = map.advise(memmap2::Advice::PopulateWrite);
    map
}

/// Gives back the memory that caches the file, as the journal does behind the writer.
fn drop_cached(file: &File) {
    let _ = rustix::fs::fadvise(file, 0, None, rustix::fs::Advice::DontNeed);
}

/// Segments allocated and made present, one after the other: the bound of preparation. Only that is timed,
/// with memory that was given back a moment ago, as a journal's preparer finds it.
fn prepare(folder: &Path, span: Duration) -> Vec<Sample> {
    let mut kept = Kept::new(folder);
    let started = Instant::now();
    let (mut records, mut preparing) = (0, Duration::ZERO);
    while started.elapsed() < span {
        let begun = Instant::now();
        let file = kept.create();
        rustix::fs::fallocate(&file, rustix::fs::FallocateFlags::empty(), 0, FILE_BYTES)
            .expect("room on the disk");
        let map = memmap2::MmapOptions::new().map_raw(&file).expect("a mapping");
        let _ = map.advise(memmap2::Advice::HugePage);
        let _ = map.advise(memmap2::Advice::PopulateWrite);
        preparing += begun.elapsed();
        drop(map);
        file.sync_all().expect("a disk that syncs");
        drop_cached(&file);
        kept.retire();
        records += FILE_RECORDS;
    }
    Sample::throughput(records, preparing)
}

/// A segment's worth of dirty pages synced at a time, and the oldest file unlinked: the bound of the disk.
/// Only that is timed; the syncs are also told by themselves.
fn disk(folder: &Path, span: Duration) -> Vec<Sample> {
    let mut kept = Kept::new(folder);
    let started = Instant::now();
    let (mut records, mut syncing, mut unlinking) = (0, Duration::ZERO, Duration::ZERO);
    let block = vec![7u8; 1 << 20];
    while started.elapsed() < span {
        let mut file = kept.create();
        for _ in 0..FILE_BYTES / block.len() as u64 {
            file.write_all(&block).expect("room on the disk");
        }
        let begun = Instant::now();
        file.sync_all().expect("a disk that syncs");
        syncing += begun.elapsed();
        drop_cached(&file);
        let begun = Instant::now();
        kept.retire();
        unlinking += begun.elapsed();
        records += FILE_RECORDS;
    }
    let mut samples = Sample::throughput(records, syncing + unlinking);
    let value = records as f64 / syncing.as_secs_f64() / 1e6;
    samples.push(Sample { metric: "syncs-alone", unit: "M/s", value });
    samples
}

/// Every append by itself, at one a microsecond, over many rolls: the percentiles that a hot thread sees.
fn latency(folder: &Path, cores: Cores, rolls: u64) -> Vec<Sample> {
    cores.unpin();
    let place = tempfile::tempdir_in(folder).expect("a folder for the journal");
    let segment_records = 1 << 16;
    let journal = Journal::at(place.path()).segment_records(segment_records).sync(SyncMode::None);
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

/// Slipring's sustained rate over the least of the bounds: preparation, disk, copying with the checksum; and
/// its rate until all is durable over the disk's, as it ends with everything synced and unlinked like that
/// bound.
fn say_bounds(output: &Output) {
    let rate = |bench: &str, contender: &str, metric: &str| {
        let row = output
            .rows
            .iter()
            .find(|row| row.bench == bench && row.contender == contender && row.metric == metric)?;
        Some(row.median)
    };
    let own = |metric| rate("append/sustained", "slipring", metric);
    let bounds = [
        ("append/sustained", "bound-prepare"),
        ("append/sustained", "bound-disk"),
        ("append", "bound-copy-crc"),
    ];
    let rates = bounds.iter().filter_map(|(bench, name)| Some((*name, rate(bench, name, "throughput")?)));
    let least = rates.min_by(|a, b| a.1.total_cmp(&b.1));
    if let (Some(own), Some((name, bound))) = (own("throughput"), least) {
        output.say(&format!("  the least bound is {name}: slipring reaches {:.2} of it", own / bound));
    }
    let disk = rate("append/sustained", "bound-disk", "throughput");
    if let (Some(own), Some(bound)) = (own("durable-throughput"), disk) {
        output.say(&format!("  until all is durable it reaches {:.2} of bound-disk\n", own / bound));
    }
}

/// The percentiles as bars, a character for every quarter of a doubling.
fn say_ladder(output: &Output) {
    for row in output.rows.iter().filter(|row| row.bench == "append/latency") {
        let length = (row.median.max(1.0).log2() * 4.0).round() as usize;
        output.say(&format!("  {:<6} {:>12.0} ns  {}", row.metric, row.median, "#".repeat(length)));
    }
    output.say("");
}

/// Of `append/sustained`.
const CONTENDERS: u32 = 8;

/// `append/sustained`, `append/latency`.
pub fn bench(output: &mut Output, folder: &Path, cores: Cores, quick: bool) {
    let rounds = 2;
    // The round that does not count only has to bring up what is slow the first time.
    let runs = Cell::new(0);
    let span = || {
        runs.set(runs.get() + 1);
        Duration::from_secs(if quick || runs.get() <= CONTENDERS { 1 } else { 30 })
    };
    let seconds = if quick { 1 } else { 30 };
    let topology = format!(
        "one thread, {seconds} s from an empty folder, rolls and preparation included, 64-byte records, segments and \
         reserve of {FILE_RECORDS} records, {} GiB kept and the rest unlinked, by all",
        KEPT_BYTES >> 30
    );
    output.bench_on_disk(
        folder,
        "append/sustained",
        &topology,
        rounds,
        &mut [
            Contender::new("slipring", || append(folder, cores, span(), SyncMode::default())),
            Contender::new("write-2-every-5ms", || home_made(folder, span(), By::Write, true)),
            Contender::new("bufwriter-every-5ms", || home_made(folder, span(), By::BufWriter, true)),
            Contender::new("mapped-every-5ms", || home_made(folder, span(), By::Map, true)),
            Contender::new("slipring-sync-none", || append(folder, cores, span(), SyncMode::None)),
            Contender::new("write-2", || home_made(folder, span(), By::Write, false)),
            Contender::new("bound-prepare", || prepare(folder, span())),
            Contender::new("bound-disk", || disk(folder, span())),
        ],
    );
    say_bounds(output);
    let rolls = if quick { 20 } else { 300 };
    output.bench_on_disk(
        folder,
        "append/latency",
        &format!("one thread, 1 M/s open loop, {rolls} rolls, SyncMode::None, {}", cores.describe()),
        rounds,
        &mut [Contender::new("slipring", || latency(folder, cores, rolls))],
    );
    say_ladder(output);
}
