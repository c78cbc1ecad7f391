//! What may be said on the command line.

mod connect;
mod incoming;
mod out;
mod recover;
mod units;

use clap::{Parser, Subcommand};

pub use incoming::InArgs;
pub use out::OutArgs;
pub use recover::RecoverArgs;

/// The table of exit statuses, as docs/reference/command.md has it for all commands.
macro_rules! exit_table {
    () => {
        "Exit status:
  0  fine; also when a signal said stop
  1  the answer is no: the stream goes on in another epoch (fenced), its
     history is another, or it has not all; with --once, not all was
     acknowledged; CSV whose columns become others
  2  damaged: the journal, its named reader, or the replica
  3  could not: usage, connection, a refusal, nothing there"
    };
}
pub(crate) use exit_table;

/// A journal's records to other machines, and back.
#[derive(Debug, Parser)]
#[command(name = "slipring-bridge", version, max_term_width = 100, subcommand_required = true)]
#[command(after_help = exit_table!())]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Send a journal's records into a NATS JetStream stream, each once, until a signal says stop
    ///
    /// It follows the journal's files and is in no writer's way. The stream is made if it is not there. What
    /// was acknowledged is noted as a named reader of the journal, for which retention holds what is not out
    /// yet; whenever it is started again, the stream's last message says where it goes on.
    Out(OutArgs),
    /// Take a stream's records into a replica of their journal, or print them, until a signal says stop
    ///
    /// Every record is checked, and none is left out or comes twice. A replica that is there goes on where it
    /// ends.
    In(InArgs),
    /// Take back what the stream has beyond the journal's end, after power loss, before its program opens it
    ///
    /// For journals that are sent with --ahead-of-disk. All is looked at first: whose the stream is, its
    /// epoch, and that the journal's last record lies there as it lies here. The journal's program must not
    /// run.
    Recover(RecoverArgs),
}
