//! What the bridge to JetStream does in a second, beside the servers' own limit in the same run, and what the
//! hot path feels of it. It starts the servers itself, as the tests do.
//!
//! | module | idea |
//! |---|---|
//! | `out` | records out, beside a bare publisher of the same messages |
//! | `incoming` | records in, beside bare consumers of the same messages |
//! | `to_file` | a bare consumer that writes to a file |
//! | `hot_path` | latency of journalled events, without a bridge and with one |
//! | `follower` | how far behind a follower is, and how fast it catches up |
//! | `attached` | a process beside the engine |
//! | `ground` | what a part measures on |
//! | `rounds` | rounds in turns |
//! | `stream`, `event` | streams, journals and what is in them |
//! | `report`, `cpu` | figures |

#![forbid(unsafe_code)]

mod attached;
mod cpu;
mod event;
mod follower;
mod ground;
mod hot_path;
mod incoming;
mod out;
mod report;
mod rounds;
mod stream;
mod to_file;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use slipring_test_servers::nats::{self, Nats};

use attached::Role;
use ground::Ground;
use report::Report;

/// Whatever it was, the run is over.
type Failed = Box<dyn std::error::Error + Send + Sync>;

/// What the bridge to JetStream does in a second, beside the servers' own limit in the same run
#[derive(Debug, Parser)]
#[command(name = "slipring-bridge-rates", max_term_width = 100, subcommand_required = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    options: Options,
}

#[derive(Clone, Debug, Subcommand)]
enum Command {
    /// Records out, beside a bare publisher of the same messages
    Out,
    /// Records in, beside bare consumers of the same messages
    In,
    /// Latency of journalled events without a bridge, with one, and with one whose server is stopped
    HotPath,
    /// How far a follower is behind, and how fast it catches up
    Follower,
    /// All of them
    All,
    /// A process beside the engine
    #[command(hide = true)]
    Attached {
        #[command(subcommand)]
        role: Role,
    },
}

/// How much of it.
#[derive(Clone, Debug, Args)]
struct Options {
    /// Records of a round, where it goes by records
    #[arg(long, value_name = "N", default_value_t = 2_000_000, global = true)]
    records: u64,
    /// Seconds of a round, where it goes by time
    #[arg(long, value_name = "S", default_value_t = 2.0, global = true)]
    seconds: f64,
    /// Events a second on the hot path
    #[arg(long, value_name = "N", default_value_t = 1_000_000, global = true)]
    rate: u64,
    /// Rounds; all take a turn in each
    #[arg(long, value_name = "N", default_value_t = 5, global = true)]
    rounds: usize,
    /// Replicas of the streams: 1 is one server, 3 are three
    #[arg(long, value_name = "N,..", value_delimiter = ',', default_value = "1,3", global = true)]
    replicas: Vec<usize>,
    /// A folder for journals, on the disk that is meant
    #[arg(long, value_name = "FOLDER", default_value = ".", global = true)]
    work: PathBuf,
    /// A line of JSON for each figure
    #[arg(long, global = true)]
    json: bool,
}

impl Command {
    fn asks_for(&self, part: &Command) -> bool {
        matches!(self, Command::All) || std::mem::discriminant(self) == std::mem::discriminant(part)
    }
}

fn main() -> Result<(), Failed> {
    let Cli { command, options } = Cli::parse();
    // As the command slipring-bridge has it.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    match &command {
        Command::Attached { role } => runtime.block_on(attached::run(role)),
        parts => runtime.block_on(measure(parts, &options)),
    }
}

async fn measure(parts: &Command, options: &Options) -> Result<(), Failed> {
    let place = tempfile::tempdir_in(&options.work)?;
    let report = Report { json: options.json };
    for replicas in options.replicas.iter().copied() {
        let servers = match replicas {
            1 => nats::Options::one_node(),
            3 => nats::Options::three_nodes(),
            other => return Err(format!("{other} replicas: 1 and 3 are measured").into()),
        };
        let Some(nats) = Nats::start(servers) else { return Err("there is no nats-server".into()) };
        let ground = Ground { options, nats: &nats, replicas, place: place.path() };
        if parts.asks_for(&Command::Out) {
            report.print(&out::measure(&ground).await?)?;
        }
        if parts.asks_for(&Command::In) {
            report.print(&incoming::measure(&ground).await?)?;
        }
        if parts.asks_for(&Command::Follower) {
            report.print(&follower::measure(&ground).await?)?;
        }
        // Three servers would only take more of the same cores.
        if replicas == 1 && parts.asks_for(&Command::HotPath) {
            report.print(&hot_path::measure(&ground).await?)?;
        }
    }
    Ok(())
}
