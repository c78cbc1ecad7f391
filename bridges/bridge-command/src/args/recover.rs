//! What `slipring-bridge recover` is told.

use std::path::PathBuf;

use clap::Args;
use slipring_jetstream::stream::StreamOptions;

use super::connect::ConnectArgs;
use super::exit_table;

/// What `slipring-bridge recover` is told.
#[derive(Debug, Args)]
#[command(after_help = concat!("Example:\n  slipring bridge recover orders --stream ORDERS\n\n", exit_table!()))]
pub struct RecoverArgs {
    /// The journal's folder
    pub journal: PathBuf,
    /// The stream that the journal was sent into
    #[arg(long)]
    pub stream: String,
    /// The stream's one subject; the stream's name if not given
    #[arg(long)]
    pub subject: Option<String>,
    /// Go on with what an earlier try, which was cut short, has left
    #[arg(long)]
    pub finish: bool,
    /// Say what was done as JSON
    #[arg(long)]
    pub json: bool,
    /// To whom to connect.
    #[command(flatten, next_help_heading = "Server")]
    pub connect: ConnectArgs,
}

impl RecoverArgs {
    /// The stream for the library.
    pub fn stream(&self) -> StreamOptions {
        let (name, subject) = (self.stream.clone(), self.subject.clone());
        StreamOptions { name, subject, replicas: None, max_age: None, max_bytes: None, kept: None }
    }
}
