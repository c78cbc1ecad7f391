//! Seeking by time: how long it takes with everything in the page cache, and what it reads from the disk when
//! nothing is.

use std::fs::File;
use std::path::Path;
use std::time::Instant;

use memmap2::MmapOptions;
use slipring::{Journal, Reader};

use crate::clock::Ticks;
use crate::event::Order;
use crate::random::Random;
use crate::replay::STEP_NS;
use crate::stats::{Sample, histogram, median};

const PAGE_BYTES: usize = 4096;
/// What an injected slow-down costs a seek: several times what it takes, for of the many beside it one always
/// had a bad minute.
const SLOW_NS: f64 = 100_000.0;

/// Times at random steps of `STEP_NS` on average, with a night now and then.
pub fn uneven(events: u64) -> Vec<u64> {
    const NIGHT_NS: u64 = 16 * 3600 * 1_000_000_000;
    const DAY: u64 = 150_000;
    let (mut random, mut at) = (Random::new(), 0);
    let step = |n: u64| {
        at += if n % DAY == 0 { NIGHT_NS } else { 1 + random.below(2 * STEP_NS - 1) };
        at
    };
    (0..events).map(step).collect()
}

/// From the time of a random record to its event; how long each takes in nanoseconds.
pub fn warm(
    journal: &Journal,
    events: u64,
    time_of: &dyn Fn(u64) -> u64,
    probes: u64,
    slow: bool,
) -> Vec<Sample> {
    let ticks = Ticks::get();
    let slow = if slow { ticks.of_ns(SLOW_NS) } else { 0 };
    let mut reader = journal.reader::<Order>().expect("a journal in order");
    let (mut histogram, mut random) = (histogram(), Random::new());
    for _ in 0..probes {
        let wanted = random.below(events);
        let started = ticks.now();
        while slow > 0 && ticks.now() < started + slow {}
        find(&mut reader, wanted, time_of(wanted));
        let event = reader.at(wanted).expect("a whole record");
        std::hint::black_box(&event);
        histogram.saturating_record(ticks.ns(started, ticks.now()));
    }
    let at = |metric, at| Sample { metric, unit: "ns", value: histogram.value_at_quantile(at) as f64 };
    vec![at("p50", 0.5), at("p90", 0.9), at("p99", 0.99)]
}

fn find(reader: &mut Reader<Order>, wanted: u64, time_ns: u64) {
    let found = reader.lower_bound(time_ns).expect("whole records");
    assert_eq!(found, wanted);
}

/// Seeks with nothing of the segments in the page cache: how long each takes, how many reads it makes (each
/// of one page at most), and how many pages the kernel then holds, those that it read ahead included.
pub fn cold(journal: &Journal, place: &Path, events: u64, probes: usize) -> Vec<Sample> {
    let mut reader = journal.reader::<Order>().expect("a journal in order");
    let files = segments(place);
    let mut random = Random::new();
    let (mut times, mut reads, mut pages) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..probes {
        let wanted = random.below(events);
        files.iter().for_each(evict);
        let (before, started) = (read_calls(), Instant::now());
        find(&mut reader, wanted, wanted * STEP_NS);
        times.push(started.elapsed().as_nanos() as f64);
        // Asking costs one read itself.
        reads.push(read_calls().zip(before).map_or(f64::NAN, |(now, before)| now - before - 1.0));
        pages.push(files.iter().map(resident).sum::<usize>() as f64);
    }
    vec![
        Sample { metric: "cold-p50", unit: "ns", value: median(&times) },
        Sample { metric: "cold-reads", unit: "reads", value: median(&reads) },
        Sample { metric: "cold-pages", unit: "pages", value: median(&pages) },
    ]
}

fn segments(place: &Path) -> Vec<File> {
    let entries = std::fs::read_dir(place).expect("the journal's folder");
    let files = entries.filter_map(|entry| File::open(entry.ok()?.path()).ok());
    files.filter(|file| file.metadata().is_ok_and(|data| data.is_file() && data.len() > 0)).collect()
}

/// Drops the file's clean pages from the cache.
fn evict(file: &File) {
    let _ = rustix::fs::fadvise(file, 0, None, rustix::fs::Advice::DontNeed);
}

/// Drops all of the journal from the cache; the part that stayed all the same.
pub fn evict_all(place: &Path) -> f64 {
    let files = segments(place);
    files.iter().for_each(evict);
    let bytes: u64 = files.iter().filter_map(|file| Some(file.metadata().ok()?.len())).sum();
    files.iter().map(resident).sum::<usize>() as f64 * PAGE_BYTES as f64 / bytes.max(1) as f64
}

/// Reads all of the journal, so that it is in the cache as far as that goes.
pub fn fetch_all(place: &Path) {
    for mut file in segments(place) {
        // Best effort: what is not in the cache makes the seeks slower, never wrong.
        let _ = std::io::copy(&mut file, &mut std::io::sink());
    }
}

/// How many of the file's pages are in the cache.
fn resident(file: &File) -> usize {
    // SAFETY: the journal is closed and its folder this run's own, so nobody shortens the file; its bytes are
    // not read.
    let Ok(map) = (unsafe { MmapOptions::new().map(file) }) else { return 0 };
    let mut states = vec![0u8; map.len().div_ceil(PAGE_BYTES)];
    // SAFETY: the range is that of a live mapping, and there is a byte for each of its pages.
    let found = unsafe { libc::mincore(map.as_ptr().cast_mut().cast(), map.len(), states.as_mut_ptr()) };
    if found == 0 { states.iter().filter(|state| **state & 1 == 1).count() } else { 0 }
}

/// Read calls of this process so far.
fn read_calls() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/self/io").ok()?;
    text.lines().find_map(|line| line.strip_prefix("syscr: ")?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cold_seek_reads_something_and_leaves_it_in_the_cache() {
        let folder = tempfile::tempdir().expect("a folder");
        let (place, journal) = crate::replay::written(folder.path(), 5_000);
        let samples = cold(&journal, place.path(), 5_000, 3);
        // No upper bound: the system counts the reads of all threads, and other tests read meanwhile.
        assert!(samples[1].value.is_nan() || samples[1].value >= 1.0, "{} reads", samples[1].value);
        assert!(samples[2].value >= 1.0, "{} pages: what was read is in the cache", samples[2].value);
        // Where the file system has no disk behind it nothing can be dropped, and that is told too.
        fetch_all(place.path());
        let cached: usize = segments(place.path()).iter().map(resident).sum();
        assert!(cached > 0, "what was fetched is in the cache");
        assert!((0.0..=1.01).contains(&evict_all(place.path())));
    }
}
