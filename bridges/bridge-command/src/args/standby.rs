//! What `slipring-bridge standby`, `promote` and `rejoin` are told.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use slipring_jetstream::incoming::{InOptions, Start};
use slipring_jetstream::standby::{PromoteOptions, StandbyOptions};

use super::connect::ConnectArgs;
use super::keep::KeepArgs;
use super::{exit_table, units};

/// The stream that a standby follows.
#[derive(Debug, Args)]
pub struct FollowedArgs {
    /// The stream
    #[arg(long)]
    pub stream: String,
    /// The subject that is the journal's; needed only where the stream has several
    #[arg(long, value_name = "SUBJECT")]
    pub subject: Option<String>,
    /// Say what happens as lines of JSON
    #[arg(long)]
    pub json: bool,
    /// End, or leave off promoting, if the server or the stream can't be had for so long: 30s [never]
    #[arg(long, value_name = "TIME", value_parser = units::span)]
    pub give_up: Option<Duration>,
    /// To whom to connect.
    #[command(flatten, next_help_heading = "Server")]
    pub connect: ConnectArgs,
}

impl FollowedArgs {
    /// The same for the library.
    pub fn options(&self, over: Option<u32>) -> StandbyOptions {
        let mut stream = InOptions::new(&self.stream, Start::Oldest);
        stream.subject.clone_from(&self.subject);
        stream.patience = Duration::from_millis(500);
        let promote = PromoteOptions { over, give_up: self.give_up, ..PromoteOptions::default() };
        StandbyOptions { stream, promote }
    }
}

/// What `slipring-bridge standby` and `promote` are told.
#[derive(Debug, Args)]
pub struct StandbyArgs {
    /// The replica's folder; a new one is made once records come. Nobody else may have it open
    pub journal: PathBuf,
    /// The stream.
    #[command(flatten)]
    pub followed: FollowedArgs,
    /// Promote it over another that was promoted in that epoch and has written nothing since
    #[arg(long, value_name = "EPOCH")]
    pub over: Option<u32>,
    /// What the replica keeps.
    #[command(flatten)]
    pub keep: KeepArgs,
}

/// What `slipring-bridge rejoin` is told.
#[derive(Debug, Args)]
#[command(after_help = concat!(
    "Examples:\n",
    "  slipring bridge rejoin orders --stream ORDERS\n",
    "  slipring bridge set-aside orders --json\n\n",
    exit_table!()
))]
pub struct RejoinArgs {
    /// The journal's folder; its program must not run
    pub journal: PathBuf,
    /// The stream.
    #[command(flatten)]
    pub followed: FollowedArgs,
}

/// What `slipring-bridge set-aside` is told.
#[derive(Debug, Args)]
#[command(after_help = concat!("Example:\n  slipring bridge set-aside orders --records --json\n\n", exit_table!()))]
pub struct SetAsideArgs {
    /// The journal's folder
    pub journal: PathBuf,
    /// Each record, and not only each file
    #[arg(long)]
    pub records: bool,
    /// As lines of JSON
    #[arg(long)]
    pub json: bool,
}
