//! `slipring-bench`: what slipring costs, beside what its parts cost alone and what the machine allows.

mod append;
mod bounds;
mod event;
mod harness;
mod host;
mod replay;
mod ring;
mod sustained;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::harness::Output;
use crate::host::Cores;

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
    /// The journal alone: append in the reserve and for a long while, its latency over rolls, opening.
    Journal(Options),
}

#[derive(Args)]
struct Options {
    /// Fewer and smaller rounds: ends within half a minute.
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
    let (Bench::Throughput(options) | Bench::Journal(options)) = &command.bench;
    let folder = options.dir.clone().unwrap_or_else(std::env::temp_dir);
    let mut output = Output::new(options.json);
    let cores = Cores::find();
    output.say(&host::describe());
    output.say("Ratios are slipring's figure over the other's, median of the rounds (least-greatest).\n");
    match &command.bench {
        Bench::Throughput(options) => {
            ring::bench(&mut output, cores, options.quick);
            ring::bench_journalled(&mut output, &folder, cores, options.quick);
            append::bench(&mut output, &folder, cores, options.quick);
            replay::bench(&mut output, &folder, cores, options.quick);
        }
        Bench::Journal(options) => {
            append::bench(&mut output, &folder, cores, options.quick);
            sustained::bench(&mut output, &folder, cores, options.quick);
        }
    }
}
