//! What may be said on the command line. In every command the journal's folder is the argument JOURNAL.

use clap::{Parser, Subcommand};

mod demo;
mod examples;
mod export;
mod kept;
mod look;
mod migrate;
mod read;
mod readers;
mod record;
mod schema;

pub(crate) use demo::DEMO_CHILD;
pub use demo::{ChildArgs, DemoArgs};
pub use export::{ExportArgs, Partition};
pub use kept::{DeadLettersArgs, LetterFormat};
pub use look::{Interval, LookArgs, SalvageArgs, TopArgs};
pub use migrate::MigrateArgs;
pub use read::{FollowArgs, ReplayArgs, Speed};
pub use readers::{PlaceArgs, ReadersAction, ReadersArgs};
pub use record::{RecordArgs, Symbol};
pub use schema::{Language, SchemaArgs};

/// An in-process disruptor engine with a journal that survives the process.
#[derive(Debug, Parser)]
#[command(name = "slipring", version, max_term_width = 100)]
#[command(after_help = examples::SLIPRING)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Record order flow, be killed, recover, replay, and prove that nothing was lost
    #[command(after_help = examples::DEMO)]
    Demo(DemoArgs),
    /// Record events into a journal, from a file of any format
    #[command(after_help = examples::RECORD)]
    Record(RecordArgs),
    /// Print a journal's records again: all, from a place to a place, or those of which a condition is true
    #[command(after_help = examples::REPLAY)]
    Replay(ReplayArgs),
    /// Print a journal's records as they come, like tail -f, until a signal says stop
    #[command(after_help = examples::FOLLOW)]
    Follow(FollowArgs),
    /// Write a journal's records into a file: CSV, JSON lines, Parquet, Arrow, Avro, SQLite
    #[command(after_help = examples::EXPORT)]
    Export(ExportArgs),
    /// Show what a journal's files say: segments, schema, watermarks, times
    #[command(after_help = examples::INSPECT)]
    Inspect(LookArgs),
    /// Read a whole journal and say whether every record is whole, and what the next opening does
    #[command(after_help = examples::VERIFY)]
    Verify(LookArgs),
    /// Show how far a running engine is: cursors, lags, batches, stalls
    ///
    /// The counters are found by the journal that the engine writes, or given by their path. If the engine's
    /// process is gone without an end in good order, what it left is shown.
    #[command(after_help = examples::TOP)]
    Top(TopArgs),
    /// List a journal's named readers and how far they are; set one, remove one
    ///
    /// A named reader goes on where it was when it ended: slipring follow --reader NAME, or a program's own.
    /// Retention holds what it has not read, within bounds. One that somebody holds can be neither set nor
    /// removed.
    #[command(after_help = examples::READERS)]
    Readers(ReadersArgs),
    /// Show what stages keep beside a journal: snapshots, effects, digests, dead letters
    #[command(after_help = examples::STAGES)]
    Stages(LookArgs),
    /// List the events that stages did not process, write them into a file, and settle those that have been
    /// dealt with
    ///
    /// To publish them again, let the program that has the engine call DeadLetters::reprocess.
    #[command(after_help = examples::DEAD_LETTERS)]
    DeadLetters(DeadLettersArgs),
    /// Copy what can be read of a damaged journal into a new one
    ///
    /// Keeps the longest prefix without damage, and says what lies behind. The damaged journal is only read.
    /// Close its writer first: a journal that somebody writes is refused.
    #[command(after_help = examples::SALVAGE)]
    Salvage(SalvageArgs),
    /// Write a journal's records as events of a newer type into a new journal
    ///
    /// Times and records without an event are kept. The new journal is there whole or not at all. What can't
    /// be derived from both types is refused, field by field.
    #[command(after_help = examples::MIGRATE)]
    Migrate(MigrateArgs),
    /// Write the type of a journal's events in Rust, C, numpy, SQL, or as a schema file
    #[command(after_help = examples::SCHEMA)]
    Schema(SchemaArgs),
    /// Write shell completions to the standard output
    #[command(after_help = examples::COMPLETIONS)]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Write the manual page, or a command's, to the standard output
    #[command(after_help = examples::MAN)]
    Man {
        /// The command; the page of slipring itself if not given
        command: Option<String>,
    },
    /// The part of the demo that gets killed
    #[command(name = DEMO_CHILD, hide = true)]
    Child(ChildArgs),
}
