//! A hundred million records: the rate of a long replay, whether memory grows in it, and seeking in so large
//! a journal.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::harness::{Contender, Output};
use crate::host::Cores;
use crate::replay::{STEP_NS, replay, seek, written};
use crate::stats::Sample;

const EVENTS: u64 = 100_000_000;
const RECORD_BYTES: u64 = 64;
/// Left free on the disk beside the journal.
const SPARE_BYTES: u64 = 4 << 30;

/// Memory of this process in MiB: its own, and that of files mapped.
#[derive(Clone, Copy, Default)]
struct Memory {
    own: f64,
    files: f64,
}

impl Memory {
    fn now() -> Self {
        let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let field = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name))?;
            Some(line.split_whitespace().next()?.parse::<f64>().ok()? / 1024.0)
        };
        Memory { own: field("RssAnon:").unwrap_or(0.0), files: field("RssFile:").unwrap_or(0.0) }
    }
}

/// One replay of everything; memory is looked at behind the first tenth and then all the way.
fn run(journal: &slipring::Journal, cores: Cores, slow: bool) -> Vec<Sample> {
    let (mut early, mut most) = (None, Memory::default());
    let (mut looked, mut rates) = (Instant::now(), Vec::new());
    let mut before = 0;
    let report = replay(journal, cores, slow, |done, total| {
        let since = looked.elapsed();
        if since < Duration::from_millis(100) {
            return;
        }
        rates.push((done - before) as f64 / since.as_secs_f64() / 1e6);
        (looked, before) = (Instant::now(), done);
        if done < total / 10 {
            return;
        }
        let now = Memory::now();
        early.get_or_insert(now);
        most = Memory { own: most.own.max(now.own), files: most.files.max(now.files) };
    });
    let early = early.unwrap_or_default();
    let mut samples = Sample::throughput(report.events(), report.elapsed);
    // The first tenth of a second holds the opening.
    let slowest = rates.iter().skip(1).copied().fold(f64::INFINITY, f64::min);
    samples.push(Sample { metric: "slowest-tenth-second", unit: "M/s", value: slowest });
    samples.push(Sample { metric: "memory-growth", unit: "MiB", value: most.own - early.own });
    samples.push(Sample { metric: "memory-own", unit: "MiB", value: most.own });
    samples.push(Sample { metric: "memory-mapped", unit: "MiB", value: most.files });
    samples
}

/// The same with nothing of the journal in the page cache when it begins; how much stayed there in spite of
/// that is told.
fn run_from_disk(journal: &slipring::Journal, place: &Path, cores: Cores, slow: bool) -> Vec<Sample> {
    let cached = seek::evict_all(place);
    let mut samples = run(journal, cores, slow);
    samples.push(Sample { metric: "cached-before", unit: "%", value: cached * 100.0 });
    samples
}

/// `replay/100000000`, `replay/100000000/disk`, `seek/100000000`, `seek/100000000/cold`.
pub fn bench(output: &mut Output, folder: &Path, cores: Cores, slow: bool) {
    let free = rustix::fs::statvfs(folder).map_or(u64::MAX, |found| found.f_bavail * found.f_frsize);
    let needed = EVENTS * RECORD_BYTES + SPARE_BYTES;
    if free < needed {
        let gib = |bytes: u64| bytes >> 30;
        let why = format!("needs {} GiB free on the disk, here are {}", gib(needed), gib(free));
        output.skip(&format!("replay/{EVENTS}"), &why);
        return output.skip(&format!("seek/{EVENTS}"), &why);
    }
    output.note("writing a hundred million records");
    let (place, journal) = written(folder, EVENTS);
    output.bench(
        &format!("replay/{EVENTS}"),
        &format!(
            "{EVENTS} records in the page cache as far as it goes, every checksum verified, through the ring; the \
             slowest tenth of a second; memory from the first tenth of the replay on; {}",
            cores.describe()
        ),
        3,
        &mut [Contender::new("slipring", || run(&journal, cores, slow))],
    );
    output.bench(
        &format!("replay/{EVENTS}/disk"),
        &format!(
            "{EVENTS} records, none of them in the page cache when a round begins: from the disk, or from whatever cache \
             the disk itself has; every checksum verified, through the ring; {}",
            cores.describe()
        ),
        3,
        &mut [Contender::new("slipring", || run_from_disk(&journal, place.path(), cores, slow))],
    );
    // Two benches, the warm one first: the cold one throws out of the cache what the other needs. So did the
    // replay.
    seek::fetch_all(place.path());
    output.bench(
        &format!("seek/{EVENTS}"),
        &format!("{EVENTS} records in the page cache as far as it goes, random times, one thread, till the first event"),
        3,
        &mut [Contender::new("slipring", || seek::warm(&journal, EVENTS, &|n| n * STEP_NS, 50_000, slow))],
    );
    output.bench(
        &format!("seek/{EVENTS}/cold"),
        &format!("{EVENTS} records, random times, one thread, no segment in the page cache"),
        3,
        &mut [Contender::new("slipring", || seek::cold(&journal, place.path(), EVENTS, 20))],
    );
}
