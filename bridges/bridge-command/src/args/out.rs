//! What `slipring-bridge out` is told.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use slipring_bridge::source::SourceOptions;
use slipring_jetstream::out::OutOptions;
use slipring_jetstream::stream::{Kept, StreamOptions};

use super::connect::ConnectArgs;
use super::{exit_table, units};

/// What `slipring-bridge out` is told.
#[derive(Debug, Args)]
#[command(after_help = concat!(
    "Examples:\n",
    "  slipring bridge out orders --stream ORDERS\n",
    "  slipring bridge out orders --server nats://a:4222,nats://b:4222 --stream ORDERS --replicas 3\n",
    "  slipring bridge out orders --stream ORDERS --once --json\n\n",
    exit_table!()
))]
pub struct OutArgs {
    /// The journal's folder
    pub journal: PathBuf,
    /// The stream; it is of this journal alone
    #[arg(long)]
    pub stream: String,
    /// The stream's one subject; the stream's name if not given
    #[arg(long)]
    pub subject: Option<String>,
    /// On how many servers each message is kept [1 where the stream is made]
    #[arg(long, value_name = "N")]
    pub replicas: Option<usize>,
    /// How old a message gets in the stream, read or not: 7d [no bound where the stream is made]
    #[arg(long, value_name = "TIME", value_parser = units::span)]
    pub max_age: Option<Duration>,
    /// How large the stream gets: 10GiB. One that is made takes nothing more when it is full [no bound]
    #[arg(long, value_name = "SIZE", value_parser = units::size)]
    pub max_bytes: Option<u64>,
    /// The stream lies in the servers' memory, and not in files
    #[arg(long)]
    pub memory: bool,
    /// The journal's named reader that notes what was acknowledged [jetstream-STREAM]
    #[arg(long, value_name = "NAME")]
    pub reader: Option<String>,
    /// How long a record may wait for others to share a message with
    #[arg(long, value_name = "TIME", value_parser = units::span, default_value = "1ms")]
    pub max_delay: Duration,
    /// How many messages may be on their way at once
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub in_flight: u16,
    /// Send records once they are journalled, before they are durable here
    ///
    /// After power loss the stream may then have records that the journal has lost: run slipring-bridge
    /// recover before the program opens the journal.
    #[arg(long)]
    pub ahead_of_disk: bool,
    /// End once all that is there has been acknowledged
    #[arg(long)]
    pub once: bool,
    /// Where the stream holds no message, go on where the named reader stands
    #[arg(long)]
    pub trust_position: bool,
    /// End if the server can't be had for so long: 30s [never]
    #[arg(long, value_name = "TIME", value_parser = units::span)]
    pub give_up: Option<Duration>,
    /// Tell the journal's program what was acknowledged, as this name, at the Unix socket where it listens
    ///
    /// For stages and late consumers that wait for it: Gate::acknowledged, listen_for_acknowledgements.
    #[arg(long, value_name = "NAME=SOCKET", value_parser = name_and_socket)]
    pub acknowledge: Option<(String, PathBuf)>,
    /// Say what happens as JSON, a line each, on the standard output
    #[arg(long)]
    pub json: bool,
    /// To whom to connect.
    #[command(flatten, next_help_heading = "Server")]
    pub connect: ConnectArgs,
}

fn name_and_socket(text: &str) -> Result<(String, PathBuf), String> {
    let (name, socket) =
        text.split_once('=').ok_or("this is NAME=SOCKET: standby=/run/orders/acknowledge")?;
    match name.is_empty() || socket.is_empty() {
        true => Err("neither the name nor the socket's path is empty".to_owned()),
        false => Ok((name.to_owned(), socket.into())),
    }
}

impl OutArgs {
    /// The same for the library.
    pub fn options(&self) -> OutOptions {
        let of_stream = || {
            let fit = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_') { c } else { '_' };
            format!("jetstream-{}", self.stream.chars().map(fit).take(80).collect::<String>())
        };
        OutOptions {
            source: SourceOptions {
                reader: self.reader.clone().unwrap_or_else(of_stream),
                max_delay: self.max_delay,
                ahead_of_disk: self.ahead_of_disk,
            },
            stream: StreamOptions {
                name: self.stream.clone(),
                subject: self.subject.clone(),
                replicas: self.replicas,
                max_age: self.max_age,
                max_bytes: self.max_bytes,
                kept: self.memory.then_some(Kept::Memory),
            },
            most_in_flight: usize::from(self.in_flight),
            trust_position: self.trust_position,
            until_caught_up: self.once,
            give_up: self.give_up,
        }
    }
}
