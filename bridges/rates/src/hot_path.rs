//! Latency of an event that a stage gets once it is journalled, without a bridge and with one in another
//! process: of a server that takes all, of one that is stopped; and, for comparison, with a process that
//! sends as much to that server and reads no journal.
//!
//! ```text
//!  publisher, on schedule ---> ring ---> journal, stage behind Gate::JOURNALLED: now - when it was due
//!                                           |
//!                                        files <--- bridge ---> server
//! ```

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use slipring::prelude::*;
use slipring_jetstream::connect::Link;
use slipring_test_servers::nats::Nats;

use crate::attached::{Attached, Done, Role};
use crate::event::Tick;
use crate::ground::Ground;
use crate::report::Row;
use crate::stream;
use crate::{Failed, Options, cpu};

/// What runs beside the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Beside {
    Nothing,
    /// The bridge, and a server that takes what comes.
    Bridge,
    /// The bridge, and a server that is stopped (SIGSTOP) once it has begun.
    StoppedServer,
    /// A process that sends as many bytes to the server.
    Publisher,
}

const ALL: [Beside; 4] = [Beside::Nothing, Beside::Bridge, Beside::StoppedServer, Beside::Publisher];

impl Beside {
    fn name(self) -> &'static str {
        match self {
            Beside::Nothing => "no bridge",
            Beside::Bridge => "bridge",
            Beside::StoppedServer => "bridge, server stopped",
            Beside::Publisher => "bare publisher",
        }
    }
}

/// What is thrown away at a run's begin.
const WARM: Duration = Duration::from_millis(500);
/// Bytes of a record.
const RECORD: u64 = 64;
const QUANTILES: [(&str, f64); 3] = [("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999)];

type Latencies = Arc<Mutex<Histogram<u64>>>;

/// Latencies of one run, and what went out meanwhile.
struct Run {
    ns: [f64; QUANTILES.len()],
    /// Of all records, so many were acknowledged at the end.
    share_out: f64,
    /// Of one processor, what ran beside the engine had, server and all.
    cpu_beside: f64,
}

/// All of them in turns.
pub async fn measure(ground: &Ground<'_>) -> Result<Vec<Row>, Failed> {
    let Ground { options, nats, place, .. } = *ground;
    let link = ground.link().await?;
    let mut runs: [Vec<Run>; ALL.len()] = Default::default();
    for round in 0..options.rounds {
        // Another one is the first each time.
        for at in (0..ALL.len()).map(|at| (at + round) % ALL.len()) {
            let folder = place.join(format!("hot-{round}-{at}"));
            runs[at].push(run(options, nats, &link, ALL[at], &folder).await?);
            std::fs::remove_dir_all(&folder)?;
        }
    }
    Ok(rows(options, &runs))
}

fn rows(options: &Options, runs: &[Vec<Run>; ALL.len()]) -> Vec<Row> {
    let bench = || format!("hot-path/{}", options.rate);
    let mut rows = Vec::new();
    for (which, (metric, _)) in QUANTILES.iter().enumerate() {
        let alone: Vec<f64> = runs[0].iter().map(|run| run.ns[which]).collect();
        for (beside, runs) in ALL.iter().zip(runs) {
            let rounds = runs.iter().map(|run| run.ns[which]).collect();
            let than = (*beside != Beside::Nothing).then(|| (Beside::Nothing.name(), alone.clone()));
            rows.push(Row {
                bench: bench(),
                contender: beside.name(),
                metric,
                unit: "ns",
                rounds,
                beside: than.into_iter().collect(),
            });
        }
    }
    for (beside, runs) in ALL.iter().zip(runs).skip(1) {
        let row = |metric, rounds| {
            let contender = beside.name();
            Row { bench: bench(), contender, metric, unit: "%", rounds, beside: Vec::new() }
        };
        if *beside == Beside::Bridge {
            rows.push(row("acknowledged", runs.iter().map(|run| run.share_out * 100.0).collect()));
        }
        rows.push(row("cpu-beside", runs.iter().map(|run| run.cpu_beside * 100.0).collect()));
    }
    rows
}

async fn run(
    options: &Options,
    nats: &Nats,
    link: &Link,
    beside: Beside,
    folder: &Path,
) -> Result<Run, Failed> {
    const STREAM: &str = "HOT";
    stream::make(&link.jetstream, nats, STREAM, 1).await?;
    let latencies = Latencies::new(Mutex::new(Histogram::new_with_bounds(1, 60_000_000_000, 3)?));
    let start = Instant::now();
    let stamp = stamping(start, options, Arc::clone(&latencies));
    let lane = Lane::named("main").journal().stage("stamp", stamp, Gate::JOURNALLED);
    let builder = Engine::builder().ring_capacity(1 << 14).journal(Journal::at(folder)).lane(lane);
    let (engine, publisher) = builder.open()?.go_live()?;
    let (url, stream) = (nats.url(), STREAM.to_owned());
    let role = match beside {
        Beside::Nothing => None,
        Beside::Bridge | Beside::StoppedServer => {
            Some(Role::Bridge { journal: folder.to_owned(), url, stream })
        }
        Beside::Publisher => Some(Role::Publisher { url, stream, bytes: options.rate * RECORD }),
    };
    let attached = role.as_ref().map(Attached::start).transpose()?;
    if beside == Beside::StoppedServer {
        nats.pause(0);
    }
    let server = nats.process_id(0).map(|process| process.to_string()).unwrap_or_default();
    let (before, began) = (cpu::seconds(&server), Instant::now());
    let published = publish(options, start, publisher);
    let (after, elapsed) = (cpu::seconds(&server), began.elapsed().as_secs_f64());
    if beside == Beside::StoppedServer {
        nats.go_on(0);
    }
    let done = attached.map(Attached::end).transpose()?;
    engine.join()?;
    stream::remove(link, STREAM).await?;
    let latencies = latencies.lock().unwrap_or_else(PoisonError::into_inner);
    let Done { acknowledged, cpu } = done.unwrap_or(Done { acknowledged: 0, cpu: 0.0 });
    Ok(Run {
        ns: QUANTILES.map(|(_, quantile)| latencies.value_at_quantile(quantile) as f64),
        share_out: acknowledged as f64 / published as f64,
        cpu_beside: (after - before + cpu) / elapsed,
    })
}

/// A handler that notes how late each event is; the lock is its own while it runs.
fn stamping(
    start: Instant,
    options: &Options,
    latencies: Latencies,
) -> impl FnMut(&Tick, &Context) + Send + 'static {
    let warm = (WARM.as_secs_f64() * options.rate as f64) as u64;
    let last = events(options) - 1;
    let mut own = latencies.lock().unwrap_or_else(PoisonError::into_inner).clone();
    move |tick: &Tick, _: &Context| {
        let now = start.elapsed().as_nanos() as u64;
        if tick.number >= warm {
            own.saturating_record(now.saturating_sub(tick.due_ns).max(1));
        }
        if tick.number == last {
            latencies.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&own);
        }
    }
}

/// Events of a run.
fn events(options: &Options) -> u64 {
    ((WARM.as_secs_f64() + options.seconds) * options.rate as f64) as u64
}

/// Publishes on schedule: an event that comes late is late from when it was due.
fn publish(options: &Options, start: Instant, mut publisher: slipring::Publisher<Tick>) -> u64 {
    let (count, gap_ns) = (events(options), 1e9 / options.rate as f64);
    let now = || start.elapsed().as_nanos() as u64;
    let first = now() + 1_000_000;
    for number in 0..count {
        let due_ns = first + (number as f64 * gap_ns) as u64;
        while now() < due_ns {
            std::hint::spin_loop();
        }
        publisher.publish_at(due_ns, Tick::new(due_ns, number)).expect("an engine that runs");
    }
    count
}
