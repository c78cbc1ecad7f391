//! The command `slipring`: record order flow, replay it, look at journals, and the demo that kills itself.
//!
//! | module | idea |
//! |---|---|
//! | [`exit`] | how commands end: one table of exit statuses |
//! | `fitted` | lines that fit the terminal |
//! | [`plain`] | text from anywhere, fit to be shown |
//! | `show` | numbers, rates, progress |
//! | `gone`, `signals` | nobody reads any more; a signal says stop |
//! | `whole` | a file or folder that is there whole, or not at all |
//! | `error` | why a command failed |
//! | `elsewhere` | commands of other packages |
//! | [`flow`] | messages: what one is, reading, writing |
//! | [`book`] | the limit order book that the demo proves with, kept from messages |
//! | [`feed`] | a whole flow: a file of messages, or made up |
//! | [`exchange`] | a matching engine on the same book, for the example and the tests |
//! | [`rows`] | records of any schema on their way out: which, which columns, in what form |
//! | [`formats`] | what a format of files is, and the formats by their names |
//! | [`args`] | what may be said on the command line |
//! | `record`, `export` | events into a journal and out of it, from and into files of every format |
//! | `readers`, `look`, `replay`, `follow`, `kept`, `dead_letters`, `top` | commands that show |
//! | `salvage`, `migrate`, `schema`, `manual` | commands that make something |
//! | `demo` | parent and child: kill, recover, replay, prove |
//!
//! The lowest go first: a module knows those before it, and none behind it. `engine/tests/house/layers.rs`
//! holds each to that.

pub mod args;
pub mod book;
mod dead_letters;
mod demo;
mod elsewhere;
mod error;
pub mod exchange;
pub mod exit;
mod export;
pub mod feed;
mod fitted;
pub mod flow;
mod follow;
pub mod formats;
mod gone;
mod kept;
mod look;
mod manual;
mod migrate;
pub mod plain;
mod readers;
mod record;
mod replay;
pub mod rows;
mod salvage;
mod schema;
mod show;
mod signals;
mod top;
mod whole;

use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;

use args::{Cli, Command};
use error::CliError;
use exit::Exit;
use formats::Formats;

impl Formats {
    /// Those that the command `slipring` has.
    pub fn built_in() -> Self {
        let (sources, sinks) = (record::SOURCES.to_vec(), export::SINKS.to_vec());
        Formats { sources, sinks, more: Some(formats::COLUMNS) }
    }
}

/// Runs the command line `args`, the program's own name first.
pub fn run(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    run_with(args, &Formats::built_in())
}

/// As [`run`], with these formats.
pub fn run_with(args: impl IntoIterator<Item = OsString>, formats: &Formats) -> ExitCode {
    let args: Vec<OsString> = args.into_iter().collect();
    let cli = match Cli::try_parse_from(&args) {
        Ok(cli) => cli,
        Err(error) => {
            return elsewhere::other_command(&error, &args).unwrap_or_else(|| refuse(&error)).into();
        }
    };
    if let Err(error) = limits_are_errors() {
        plain::complain(&format!("slipring: a signal's handler can't be set: {error}"));
        return Exit::CouldNot.into();
    }
    let mut out = io::stdout().lock();
    let done = run_command(cli, formats, &mut out).and_then(|code| error::verdict(code, out.flush()));
    signals::give_way();
    match done {
        Ok(code) => code,
        Err(error) => {
            if !error.is_broken_pipe() {
                plain::complain(&format!("slipring: {error}"));
            }
            error.exit()
        }
    }
    .into()
}

/// Has a write beyond the limit on the size of files (`ulimit -f`) fail, instead of ending the process by
/// SIGXFSZ. This process is the command's own, so the signal may be too.
fn limits_are_errors() -> io::Result<()> {
    let signal = rustix::process::Signal::XFSZ.as_raw();
    signal_hook::flag::register(signal, Arc::default()).map(|_| ())
}

fn run_command(cli: Cli, formats: &Formats, out: &mut dyn Write) -> Result<Exit, CliError> {
    match cli.command {
        None => demo::run(&args::DemoArgs::default(), out),
        Some(Command::Demo(args)) => demo::run(&args, out),
        Some(Command::Child(args)) => demo::child(&args, out),
        Some(Command::Inspect(args)) => look::inspect(&args, out),
        Some(Command::Verify(args)) => look::verify(&args, out),
        Some(Command::Readers(args)) => readers::run(&args, out),
        Some(Command::Stages(args)) => kept::stages(&args, out),
        Some(Command::DeadLetters(args)) => dead_letters::run(&args, out),
        Some(Command::Salvage(args)) => salvage::run(&args, out),
        Some(Command::Migrate(args)) => migrate::run(&args, out),
        Some(Command::Top(args)) => top::run(&args, out),
        Some(Command::Record(args)) => record::run(&args, formats, out),
        Some(Command::Replay(args)) => replay::run(&args, out).map(|()| Exit::Fine),
        Some(Command::Follow(args)) => follow::run(&args, out).map(|()| Exit::Fine),
        Some(Command::Export(args)) => export::run(&args, formats, out),
        Some(Command::Schema(args)) => schema::run(&args, out).map(|()| Exit::Fine),
        Some(Command::Completions { shell }) => manual::completions(shell, out).map(|()| Exit::Fine),
        Some(Command::Man { command }) => manual::man(command.as_deref(), out).map(|()| Exit::Fine),
    }
}

/// Prints help, or what was not understood. An argument is repeated there, and may hold anything.
fn print(error: &clap::Error) -> io::Result<()> {
    if error.use_stderr() {
        let plain = error.render().to_string();
        if plain != plain::lines(&plain) {
            plain::complain(plain.trim_end());
            return Ok(());
        }
    }
    error.print()
}

/// Help, version, and what can't be understood.
fn refuse(error: &clap::Error) -> Exit {
    let printed = print(error);
    if error.use_stderr() {
        return Exit::CouldNot;
    }
    match printed {
        // A reader that has gone needs no help.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            plain::complain(&format!("slipring: {}", CliError::Output(error)));
            Exit::CouldNot
        }
        _ => Exit::Fine,
    }
}
