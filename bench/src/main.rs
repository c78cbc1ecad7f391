//! `slipring-bench`: what slipring costs, beside what its parts cost alone and what the machine allows.

mod append;
mod bounds;
mod clock;
mod event;
mod harness;
mod host;
mod jitter;
mod latency;
mod machine;
mod replay;
mod ring;
mod stalls;
mod stats;
mod sustained;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::harness::Output;
use crate::host::Cores;
use crate::machine::Machine;

/// Benchmarks of slipring: contenders interleaved round by round in one process, ratios with their spread.
#[derive(Parser)]
#[command(name = "slipring-bench", version)]
struct Command {
    #[command(subcommand)]
    bench: Bench,
}

#[derive(Subcommand)]
enum Bench {
    /// Millions of events a second: ring only, ring and journal, append, replay, seek.
    Throughput(Options),
    /// From when an event was due until a stage had it: ring only, beside the journal, journalled, durable.
    Latency(Options),
    /// The journal alone: append in the reserve and for a long while, its latency over rolls, opening.
    Journal(Options),
    /// The machine alone: what it does to a thread that only looks at the clock.
    Jitter(Options),
}

#[derive(Args)]
struct Options {
    /// Fewer and smaller rounds: ends within a minute.
    #[arg(long)]
    quick: bool,
    /// One JSON object a line instead of tables.
    #[arg(long)]
    json: bool,
    /// Where journals are written; the system's folder for temporary files if not given.
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

fn main() {
    let command = Command::parse();
    let (Bench::Throughput(options)
    | Bench::Latency(options)
    | Bench::Journal(options)
    | Bench::Jitter(options)) = &command.bench;
    let quick = options.quick;
    let folder = options.dir.clone().unwrap_or_else(std::env::temp_dir);
    let mut output = Output::new(options.json);
    let cores = Cores::find();
    let machine = Machine::look(&folder);
    output.say(&machine.text());
    output.say("Ratios are slipring's figure over the other's, median of the rounds (least-greatest).\n");
    match &command.bench {
        Bench::Throughput(_) => {
            ring::bench(&mut output, cores, quick);
            ring::bench_journalled(&mut output, &folder, cores, quick);
            append::bench(&mut output, &folder, cores, quick);
            replay::bench(&mut output, &folder, cores, quick);
        }
        Bench::Latency(_) => {
            let options = latency::Options { quick, slow_ns: 0.0 };
            latency::bench(&mut output, &folder, cores, options);
        }
        Bench::Journal(_) => {
            append::bench(&mut output, &folder, cores, quick);
            sustained::bench(&mut output, &folder, cores, quick);
        }
        Bench::Jitter(_) => {
            jitter::bench(&mut output, &machine.cores, quick);
        }
    }
    output.finish();
}
