//! What may be said on the command line.

mod connect;
mod incoming;
mod keep;
mod out;
mod recover;
mod standby;
mod units;

use clap::{Parser, Subcommand};

pub use incoming::InArgs;
pub use out::OutArgs;
pub use recover::RecoverArgs;
pub use standby::{FollowedArgs, RejoinArgs, SetAsideArgs, StandbyArgs};

/// The table of exit statuses, as docs/reference/command.md has it for all commands.
macro_rules! exit_table {
    () => {
        "Exit status:
  0  fine; also when a signal said stop
  1  the answer is no: the stream's history is another, or it has not
     all; with --once, not all was acknowledged; CSV whose columns become
     others; a primary that is faster than its promotion
  2  damaged: the journal, its named reader, or the replica
  3  could not: usage, connection, a refusal, nothing there
  4  fenced: another was promoted in this one's place"
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
    /// Keep a replica that follows a stream, ready to become the primary, until a signal says stop
    ///
    /// SIGUSR1 has it promoted: all that the stream holds is taken and durable, then a message of a greater
    /// epoch goes behind it, which the server takes there or not at all. What the old primary sends later is
    /// refused.
    #[command(after_help = concat!(
        "Examples:\n",
        "  slipring bridge standby orders --server nats://a:4222 --stream ORDERS\n",
        "  kill -USR1 PID        # the one that stands by becomes the primary\n\n",
        exit_table!()
    ))]
    Standby(StandbyArgs),
    /// Make a replica the primary
    ///
    /// It is read on to the stream's end first. Cut short at any point, it goes on when it is said again.
    #[command(after_help = concat!(
        "Example:\n  slipring bridge promote orders --stream ORDERS\n\n",
        exit_table!()
    ))]
    Promote(StandbyArgs),
    /// Make a primary that another was promoted over a replica
    ///
    /// What it has beyond the last record that the stream has too is set aside in files beside the journal,
    /// listed, and cut off.
    Rejoin(RejoinArgs),
    /// List what rejoins have set aside
    SetAside(SetAsideArgs),
}
