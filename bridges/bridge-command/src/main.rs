//! The command `slipring-bridge`, which `slipring` runs as `slipring bridge`: a journal's records to other
//! machines, and back.
//!
//! | module | idea |
//! |---|---|
//! | `args` | what may be said on the command line |
//! | `out` | a journal's records into a stream |
//! | `incoming` | a stream's records, printed, or into a replica |
//! | `recover` | a journal takes its own records back |
//! | `standby` | a replica that follows a stream, and becomes the primary |
//! | `rejoin` | an old primary becomes a replica |
//! | `say` | what `out` says meanwhile, for people and as JSON |
//! | `line` | how far it is, in one line |
//! | `error` | why not, and the exit status |

mod args;
mod error;
mod incoming;
mod line;
mod out;
mod recover;
mod rejoin;
mod say;
mod standby;

use std::process::ExitCode;

use clap::Parser;
use slipring_cli::exit::Exit;
use slipring_cli::plain;

use args::{Cli, Command};
use error::CommandError;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) if error.use_stderr() => {
            plain::complain(error.render().to_string().trim_end());
            return Exit::CouldNot.into();
        }
        Err(error) => {
            let _ = error.print();
            return Exit::Fine.into();
        }
    };
    match run(cli) {
        Ok(exit) => exit,
        Err(error) => {
            if !error.is_broken_pipe() {
                plain::complain(&format!("slipring-bridge: {error}"));
            }
            error.exit()
        }
    }
    .into()
}

fn run(cli: Cli) -> Result<Exit, CommandError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(CommandError::Runtime)?;
    match cli.command {
        Command::Out(args) => runtime.block_on(out::run(&args)),
        Command::In(args) => runtime.block_on(async {
            let stop = out::stop_signals()?;
            Ok(incoming::run(&args, stop, &mut std::io::stdout()).await?)
        }),
        Command::Recover(args) => runtime.block_on(recover::run(&args)),
        Command::Standby(args) => runtime.block_on(async {
            let stop = out::stop_signals()?;
            Ok(standby::run(&args, stop).await?)
        }),
        Command::Promote(args) => runtime.block_on(async {
            let stop = out::stop_signals()?;
            Ok(standby::promote(&args, stop).await?)
        }),
        Command::Rejoin(args) => runtime.block_on(async { rejoin::run(&args, out::stop_signals()?).await }),
        Command::SetAside(args) => rejoin::set_aside(&args),
    }
}
