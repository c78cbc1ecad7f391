//! Replay into the ring, and seeking by time; beside it the raw ring fed from memory, the reader alone, and
//! (feature `peers`) what a user would otherwise read events back from.

mod long;
mod recovery;
mod seek;

use std::path::Path;
use std::time::Instant;

use slipring::{Engine, Gate, Journal, Replay, ReplayFrom, ReplayReport, SyncMode};

use crate::bounds::{self, Room};
use crate::event::{CAPACITY, Order, consume};
use crate::harness::{Contender, Output};
use crate::host::{Cores, settle};
use crate::ring;
use crate::stats::Sample;

/// Nanoseconds between the times of two events.
pub const STEP_NS: u64 = 1_000;

/// Records of the copying bound. Ten million would take 1.3 GiB of memory that is dirty and has to go to the
/// disk, and change nothing: a million, 64 MiB and as much behind them, already lie in no cache.
const BOUND_RECORDS: u64 = 1 << 20;

/// A journal of `events` records at level times, in the page cache.
fn written(folder: &Path, events: u64) -> (tempfile::TempDir, Journal) {
    written_at(folder, (0..events).map(|n| n * STEP_NS))
}

/// A journal of a record at each of these times.
fn written_at(folder: &Path, times: impl Iterator<Item = u64>) -> (tempfile::TempDir, Journal) {
    let place = tempfile::tempdir_in(folder).expect("a folder for the journal");
    let journal = Journal::at(place.path()).sync(SyncMode::None);
    let (mut writer, _) = journal.open::<Order>().expect("a new journal");
    for (n, time_ns) in (0..).zip(times) {
        writer.append(time_ns, &Order::nth(n)).expect("room on the disk");
    }
    writer.close().expect("a disk that syncs");
    (place, journal)
}

/// All of the journal, through the ring, to a stage fused with the journal's.
fn replay(journal: &Journal, cores: Cores, slow: bool, progress: impl FnMut(u64, u64)) -> ReplayReport {
    cores.unpin();
    let lane = ring::add_summing(ring::lane("main", cores).journal(), "sum", Gate::JOURNALLED, slow);
    let mut recovered = Engine::builder()
        .ring_capacity(CAPACITY)
        .journal(journal.clone())
        .lane(lane)
        .open()
        .expect("a journal in order");
    // Opening made the journal ready to append, too; that work is not replay's.
    settle();
    cores.pin_publisher();
    let report = recovered.replay(Replay::new(ReplayFrom::Start).progress(progress)).expect("whole records");
    cores.unpin();
    report
}

/// Every record read and verified, and no ring: what reading alone costs.
fn read(journal: &Journal, cores: Cores) -> Vec<Sample> {
    cores.pin_publisher();
    let started = Instant::now();
    let mut reader = journal.reader::<Order>().expect("a journal in order");
    let (mut sum, mut count) = (0, 0);
    let mut chunks = reader.chunks(0).expect("from the first record on");
    while let Some(chunk) = chunks.next_chunk().expect("whole records") {
        chunk.records.iter().for_each(|record| consume(&mut sum, record.event()));
        count += chunk.records.len() as u64;
    }
    std::hint::black_box(sum);
    Sample::throughput(count, started.elapsed())
}

/// `replay`, `seek`, `seek/uneven`, `recovery/1000000`; in full also `recovery` of more, `replay/100000000`
/// and `seek/100000000`.
pub fn bench(output: &mut Output, folder: &Path, cores: Cores, quick: bool, slow: bool) {
    let events: u64 = if quick { 1_000_000 } else { 10_000_000 };
    let rounds = if quick { 3 } else { 5 };
    cores.unpin();
    output.note("writing a journal to replay");
    let (place, journal) = written(folder, events);
    let memory: Vec<Order> = (0..events).map(Order::nth).collect();
    #[cfg(feature = "peers")]
    let (stores, mut peers) = {
        output.note("filling the stores for replay");
        let stores = tempfile::tempdir_in(folder).expect("a folder for the stores");
        let peers = crate::peers::filled_for_replay(stores.path(), events);
        (stores, peers)
    };
    let topology = format!(
        "{events} records in the page cache from the first to the last; slipring verifies every checksum and goes \
         through the ring, reader and publisher on a thread, journal and stage on another, {}; `reader` verifies and \
         has no ring; bound-copy-crc stores {BOUND_RECORDS} records, bound-read adds up the 48 bytes of each event from \
         memory; bound-pread copies the journal's files out of the page cache and looks at nothing; stores call a closure on one \
         thread",
        cores.describe()
    );
    let run = || {
        let report = replay(&journal, cores, slow, |_, _| {});
        Sample::throughput(report.events(), report.elapsed)
    };
    let mut contenders = vec![
        Contender::new("slipring", run),
        Contender::new("disruptor", || ring::raw_from_memory(&memory, cores)),
        Contender::new("bound-copy-crc", || Room::new(folder, BOUND_RECORDS).copy::<true>(cores)),
        Contender::new("bound-read", || bounds::read(&memory, cores)),
        Contender::new("bound-pread", || bounds::pread(place.path(), events, cores)),
        Contender::new("slipring-reader", || read(&journal, cores)),
    ];
    #[cfg(feature = "peers")]
    contenders.extend(crate::peers::replay_contenders(&peers, events));
    output.bench_on_disk(folder, "replay", &topology, rounds, &mut contenders);
    drop(contenders);

    let topology =
        format!("{events} records in the page cache, random times, one thread, till the first event");
    let probes = if quick { 5_000 } else { 50_000 };
    let level = |n: u64| n * STEP_NS;
    let mut contenders =
        vec![Contender::new("slipring", || seek::warm(&journal, events, &level, probes, slow))];
    #[cfg(feature = "peers")]
    contenders.extend(crate::peers::seek_contenders(&peers, events));
    output.bench("seek", &topology, rounds.max(5), &mut contenders);
    drop(contenders);
    #[cfg(feature = "peers")]
    {
        // The stores first: they have files open in the folder.
        peers.get_mut().clear();
        drop((peers, stores));
    }
    drop((memory, place));
    bench_uneven(output, folder, events, (rounds.max(5), probes), slow);
    recovery::bench(output, folder, cores, quick);
    if !quick {
        long::bench(output, folder, cores, slow);
    }
}

/// Seeking where times lie unevenly: so many rounds of so many probes.
fn bench_uneven(output: &mut Output, folder: &Path, events: u64, (rounds, probes): (usize, u64), slow: bool) {
    let times = seek::uneven(events);
    let (_place, journal) = written_at(folder, times.iter().copied());
    output.bench(
        "seek/uneven",
        &format!(
            "{events} records in the page cache, times at random steps with a night after every 150,000, random times, \
             one thread, till the first event"
        ),
        rounds,
        &mut [Contender::new("slipring", || {
            seek::warm(&journal, events, &|n| times[n as usize], probes, slow)
        })],
    );
}
