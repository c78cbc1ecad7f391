//! What may be said on the command line. In every command the journal's folder is the argument JOURNAL.

use clap::{Parser, Subcommand};

mod demo;
mod export;
mod kept;
mod look;
mod read;
mod record;

pub use demo::DemoArgs;
pub use export::ExportArgs;
pub use kept::{DeadLettersArgs, LetterFormat};
pub use look::{Interval, LookArgs, SalvageArgs, TopArgs};
pub use read::{FollowArgs, ReplayArgs, Speed};
pub use record::{RecordArgs, Symbol};

/// An in-process disruptor engine with a journal that survives the process.
#[derive(Debug, Parser)]
#[command(name = "slipring", version, max_term_width = 100)]
#[command(after_help = "Without a command it runs the demo.")]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Record order flow, be killed, recover, replay, and prove that nothing was lost
    Demo(DemoArgs),
    /// Record messages into a journal
    Record(RecordArgs),
    /// Print a journal's records again: all, from a place to a place, or those of which a condition is true
    Replay(ReplayArgs),
    /// Print a journal's records as they come, like tail -f, until a signal says stop
    Follow(FollowArgs),
    /// Write a journal's records into a file: CSV, JSON lines, Parquet, Arrow, Avro, SQLite
    Export(ExportArgs),
    /// Show what a journal's files say: segments, schema, watermarks, times
    Inspect(LookArgs),
    /// Read a whole journal and say whether every record is whole
    ///
    /// Exit status: 0 fine, 1 torn tail, 2 corrupt, 3 usage or I/O.
    Verify(LookArgs),
    /// Show how far a running engine is: cursors, lags, batches, stalls
    ///
    /// The counters are found by the journal that the engine writes, or given by their path. Exit status: 0
    /// shown, 1 the engine's process is gone without an end in good order (what it left is shown), 3 there
    /// are none, usage or I/O.
    Top(TopArgs),
    /// Show what stages keep beside a journal: snapshots, effects, digests, dead letters
    Stages(LookArgs),
    /// List the events that stages did not process, write them into a file, and settle those that have been
    /// dealt with
    ///
    /// To publish them again, let the program that has the engine call DeadLetters::reprocess. Exit status: 0
    /// fine, 1 some of those to be written have no event any more, 3 usage or I/O.
    DeadLetters(DeadLettersArgs),
    /// Copy what can be read of a damaged journal into a new one
    ///
    /// Keeps the longest prefix without damage, and says what lies behind. The damaged journal is only read;
    /// close its writer first. Exit status: 0 nothing was lost, 1 records were lost and the others kept, 2
    /// nothing can be kept, 3 usage or I/O.
    Salvage(SalvageArgs),
    /// Write shell completions to the standard output
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Write the manual page, or a command's, to the standard output
    Man {
        /// The command; the page of slipring itself if not given
        command: Option<String>,
    },
    /// The part of the demo that gets killed
    #[command(name = crate::demo::CHILD, hide = true)]
    Child(crate::demo::ChildArgs),
}
