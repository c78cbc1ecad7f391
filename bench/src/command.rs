//! The command line.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::compare::{self, Rule};
use crate::distance::Distance;
use crate::harness::Output;
use crate::host::Cores;
use crate::latency::Latency;
use crate::machine::Machine;
use crate::report::{self, Findings};
use crate::{append, jitter, latency, neighbour, opening, replay, ring, sustained, topologies};

/// Benchmarks of slipring: contenders interleaved round by round in one process, ratios with their spread.
#[derive(Parser)]
#[command(name = "slipring-bench", version)]
struct Command {
    #[command(subcommand)]
    bench: Bench,
}

#[derive(Subcommand)]
enum Bench {
    /// From when an event was due until a stage had it: ring only, beside the journal, journalled, durable.
    Latency(LatencyOptions),
    /// Millions of events a second: ring only, ring and journal, append, replay, seek.
    Throughput(Options),
    /// LMAX's topologies, on dedicated and fused lanes, and draining a full ring.
    Topologies(Options),
    /// The journal alone: append in the reserve and for a long while, its latency over rolls, opening.
    Journal(Options),
    /// Replay into the ring, and seeking by time.
    Replay(Options),
    /// Stores and containers doing the journal's and the replay's work (built with `--features peers`).
    Peers(Options),
    /// The machine alone: what it does to a thread that only looks at the clock, and to a core whose
    /// neighbour is busy.
    Jitter(Options),
    /// Everything, one after the other.
    All(Options),
    /// Says what got slower from run A to run B beyond the noise; exit 1 if something did, 2 if it can't
    /// tell.
    Compare(CompareOptions),
}

#[derive(Args)]
struct Options {
    /// Fewer and smaller rounds.
    #[arg(long)]
    quick: bool,
    /// One JSON object a line instead of tables.
    #[arg(long)]
    json: bool,
    /// Where journals are written; the system's folder for temporary files if not given.
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Also writes summary.json, HdrHistogram logs, pictures and report.html there.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Counts turns of contenders on two cores only while these are so far apart; waits a second for it, and
    /// runs a turn in which that changed again. For a host that moves the cores about.
    #[arg(long, value_enum, value_name = "HOW")]
    apart: Option<Distance>,
    /// Slows slipring's stages down on purpose, to try whether `compare` sees it.
    #[arg(long, hide = true)]
    inject_slow_down: bool,
}

#[derive(Args)]
struct LatencyOptions {
    #[command(flatten)]
    options: Options,
    /// Only this many events a second, and nothing else is varied.
    #[arg(long, value_name = "EVENTS")]
    rate: Option<f64>,
    /// How long each turn is measured.
    #[arg(long, value_name = "SECONDS")]
    seconds: Option<f64>,
}

#[derive(Args)]
struct CompareOptions {
    /// The run before: lines of --json, or a summary.json.
    a: PathBuf,
    /// The run after.
    b: PathBuf,
    /// Differences below this part are never called slower.
    #[arg(long, default_value_t = 0.25)]
    tolerance: f64,
    /// Also judge p99 and beyond.
    #[arg(long)]
    tails: bool,
    /// Show every figure, not only what changed.
    #[arg(long)]
    all: bool,
    /// Compare runs of another processor, another number of cores or another length all the same.
    #[arg(long)]
    anyway: bool,
}

const EXIT_SLOWER: u8 = 1;
const EXIT_FAILED: u8 = 2;

/// Runs what the command line says.
pub fn main() -> ExitCode {
    let command = Command::parse();
    let options = match &command.bench {
        Bench::Compare(options) => return compare_runs(options),
        Bench::Latency(latency) => &latency.options,
        Bench::Throughput(options)
        | Bench::Topologies(options)
        | Bench::Journal(options)
        | Bench::Replay(options)
        | Bench::Peers(options)
        | Bench::Jitter(options)
        | Bench::All(options) => options,
    };
    if matches!(command.bench, Bench::Peers(_)) && !cfg!(feature = "peers") {
        eprintln!("slipring-bench: built without the stores; run `cargo measure-peers peers`");
        return ExitCode::from(EXIT_FAILED);
    }
    let folder = options.dir.clone().unwrap_or_else(std::env::temp_dir);
    if let Err(error) = std::fs::create_dir_all(&folder) {
        eprintln!("slipring-bench: can't make {}: {error}; name another folder with --dir", folder.display());
        return ExitCode::from(EXIT_FAILED);
    }
    let findings = run(&command.bench, options, &folder);
    if let Some(out) = &options.out {
        if let Err(error) = report::write(out, &findings) {
            eprintln!("slipring-bench: can't write the report to {}: {error}", out.display());
            return ExitCode::from(EXIT_FAILED);
        }
        eprintln!("report: {}", out.join("report.html").display());
    }
    ExitCode::SUCCESS
}

fn run(bench: &Bench, options: &Options, folder: &Path) -> Findings {
    let (quick, slow) = (options.quick, options.inject_slow_down);
    let mut output = Output::new(options.json);
    output.apart = options.apart;
    let cores = Cores::find();
    let machine = Machine::look(folder);
    output.say(&machine.text());
    output.say("Ratios are slipring's figure over the other's, median of the rounds (least-greatest): above 1 is better for M/s, \
         below 1 for times.\n");
    let (mut jittered, mut latencies) = (Vec::new(), Latency::default());
    let all = matches!(bench, Bench::All(_));
    if all || matches!(bench, Bench::Jitter(_)) {
        jittered = jitter::bench(&mut output, &machine.cores, quick);
        neighbour::bench(&mut output, cores, quick);
    }
    if all || matches!(bench, Bench::Latency(_)) {
        let (rate, seconds) = match bench {
            Bench::Latency(latency) => (latency.rate, latency.seconds),
            _ => (None, None),
        };
        let slow_ns = if slow { ring::SLOW_NS as f64 } else { 0.0 };
        let options = latency::Options { quick, slow_ns, rate, seconds };
        latencies = latency::bench(&mut output, folder, cores, options);
    }
    if all || matches!(bench, Bench::Throughput(_)) {
        ring::bench(&mut output, cores, quick, slow);
        ring::bench_journalled(&mut output, folder, cores, quick, slow);
    }
    if all || matches!(bench, Bench::Topologies(_)) {
        topologies::bench(&mut output, cores, quick, slow);
    }
    if all || matches!(bench, Bench::Throughput(_) | Bench::Journal(_)) {
        append::bench(&mut output, folder, cores, quick, slow);
    }
    if all || matches!(bench, Bench::Throughput(_) | Bench::Replay(_)) {
        replay::bench(&mut output, folder, cores, quick, slow);
    }
    if all || matches!(bench, Bench::Journal(_)) {
        sustained::bench(&mut output, folder, cores, quick);
        opening::bench(&mut output, folder, quick);
    }
    #[cfg(feature = "peers")]
    if all || matches!(bench, Bench::Peers(_)) {
        // In the command `all` others have those names already.
        crate::peers::bench(&mut output, folder, cores, quick, if all { "peers/" } else { "" });
    }
    #[cfg(not(feature = "peers"))]
    if all {
        output.skip("peers", "built without `--features peers`");
    }
    output.finish();
    Findings {
        machine,
        command: command_line(),
        quick,
        rows: output.rows,
        skipped: output.skipped,
        jitter: jittered,
        latency: latencies,
    }
}

/// The command as it was given, without the folders of this machine.
fn command_line() -> String {
    let mut words = vec!["slipring-bench".to_owned()];
    let mut given = std::env::args().skip(1);
    while let Some(word) = given.next() {
        match &word[..] {
            "--dir" | "--out" => {
                let _ = given.next();
            }
            _ if word.starts_with("--dir=") || word.starts_with("--out=") => {}
            _ => words.push(word),
        }
    }
    words.join(" ")
}

fn compare_runs(options: &CompareOptions) -> ExitCode {
    let (a, b) = match (compare::read(&options.a), compare::read(&options.b)) {
        (Ok(a), Ok(b)) => (a, b),
        (Err(error), _) | (_, Err(error)) => {
            eprintln!("slipring-bench: {error}");
            return ExitCode::from(EXIT_FAILED);
        }
    };
    let unlike = compare::unlike(&a, &b);
    if !unlike.is_empty() {
        let refused = if options.anyway { "compared all the same" } else { "not compared" };
        eprintln!("slipring-bench: {refused}: the runs are not alike (--anyway compares them)");
        unlike.iter().for_each(|reason| eprintln!("  {reason}"));
        if !options.anyway {
            return ExitCode::from(EXIT_FAILED);
        }
    }
    let rule = Rule { tolerance: options.tolerance, tails: options.tails };
    let comparison = compare::compare(&a.rows, &b.rows, rule);
    if comparison.findings.is_empty() {
        eprintln!("slipring-bench: the two runs have no figure of slipring in common");
        return ExitCode::from(EXIT_FAILED);
    }
    print!("{}", compare::text(&comparison, options.all));
    if comparison.slower() > 0 { ExitCode::from(EXIT_SLOWER) } else { ExitCode::SUCCESS }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use clap::Parser;

    use super::Command;

    /// Lines of the pages' blocks that run the benchmarks, and what stands behind the alias.
    fn lines_of_pages() -> Vec<(String, Vec<String>)> {
        let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
        let pages = ["how-to/measure-latency.md", "reference/bench.md"];
        let texts = pages.map(|page| std::fs::read_to_string(docs.join(page)).expect("a page"));
        let lines = texts.iter().flat_map(|text| text.lines());
        let words = lines.filter_map(|line| {
            let command = line.split('#').next()?.trim();
            let given =
                command.strip_prefix("cargo measure-peers ").or(command.strip_prefix("cargo measure "))?;
            Some((line.to_owned(), given.split_whitespace().map(str::to_owned).collect()))
        });
        words.collect()
    }

    #[test]
    fn the_pages_commands_are_understood() {
        let lines = lines_of_pages();
        assert!(lines.len() >= 6, "{lines:?}");
        for (line, given) in lines {
            let words = std::iter::once("slipring-bench".to_owned()).chain(given);
            if let Err(error) = Command::try_parse_from(words) {
                panic!("{line}\n{error}");
            }
        }
    }
}
