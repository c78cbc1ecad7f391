//! A process beside the engine, as the bridge is one: this program again, told by a hidden command. It begins
//! when it is started, says so by a line, and ends when its standard input does.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use clap::Subcommand;
use slipring_jetstream::out::{self, Progress, Told};
use slipring_journal::Journal;
use tokio::sync::watch;

use crate::stream::{out_options, to};
use crate::{Failed, cpu};

/// What the process is.
#[derive(Clone, Debug, Subcommand)]
pub enum Role {
    /// The bridge, of this journal.
    Bridge { journal: PathBuf, url: String, stream: String },
    /// Who publishes so many bytes a second in messages of 64 KiB, and reads no journal.
    Publisher { url: String, stream: String, bytes: u64 },
}

impl Role {
    /// As the command line has it.
    fn args(&self) -> Vec<String> {
        let text = |path: &Path| path.display().to_string();
        match self {
            Role::Bridge { journal, url, stream } => {
                vec!["bridge".to_owned(), text(journal), url.clone(), stream.clone()]
            }
            Role::Publisher { url, stream, bytes } => {
                vec!["publisher".to_owned(), url.clone(), stream.clone(), bytes.to_string()]
            }
        }
    }
}

/// Such a process, from where it is started.
#[derive(Debug)]
pub struct Attached {
    child: Child,
    said: BufReader<ChildStdout>,
}

/// What it came to.
#[derive(Clone, Copy, Debug)]
pub struct Done {
    /// Records that were acknowledged, or as many bytes.
    pub acknowledged: u64,
    /// Seconds of the processors.
    pub cpu: f64,
}

impl Attached {
    /// Starts it, and waits until it has begun.
    pub fn start(role: &Role) -> Result<Self, Failed> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("attached").args(role.args()).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn()?;
        let mut said = BufReader::new(child.stdout.take().ok_or("it has an output")?);
        let mut line = String::new();
        said.read_line(&mut line)?;
        if line.trim() == "begun" { Ok(Attached { child, said }) } else { Err("it did not begin".into()) }
    }

    /// Ends it.
    pub fn end(mut self) -> Result<Done, Failed> {
        let cpu = cpu::seconds(&self.child.id().to_string());
        drop(self.child.stdin.take());
        let mut said = String::new();
        self.said.read_to_string(&mut said)?;
        self.child.wait()?;
        let acknowledged = said.trim().parse().map_err(|_| format!("it ended with {said:?}"))?;
        Ok(Done { acknowledged, cpu })
    }
}

/// Is such a process.
pub async fn run(role: &Role) -> Result<(), Failed> {
    let (stop, stopped) = watch::channel(false);
    std::thread::spawn(move || {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        stop.send_replace(true);
        // A bridge that waits for a server is not asked twice.
        std::thread::sleep(Duration::from_secs(10));
        std::process::exit(1);
    });
    let acknowledged = match role {
        Role::Bridge { journal, url, stream } => bridge(journal, url, stream, stopped).await?,
        Role::Publisher { url, stream, bytes } => publisher(url, stream, *bytes, &stopped).await?,
    };
    println!("{acknowledged}");
    Ok(())
}

fn begun() {
    println!("begun");
    let _ = std::io::stdout().flush();
}

async fn bridge(journal: &Path, url: &str, stream: &str, stop: watch::Receiver<bool>) -> Result<u64, Failed> {
    let options = out_options(stream, 1, false);
    let mut last = Progress::default();
    let tell = |told| match told {
        Told::GoesOn { .. } => begun(),
        Told::Progress(progress) => last = progress,
        _ => {}
    };
    let ended = out::run(&Journal::at(journal), &to(url), &options, stop, tell).await?;
    Ok(ended.progress.acknowledged.max(last.acknowledged))
}

async fn publisher(url: &str, stream: &str, bytes: u64, stop: &watch::Receiver<bool>) -> Result<u64, Failed> {
    const MESSAGE: u64 = 64 << 10;
    let link = to(url).connect().await?;
    let payload = vec![7_u8; MESSAGE as usize];
    let pause = Duration::from_secs_f64(MESSAGE as f64 / bytes as f64);
    begun();
    let (start, mut sent) = (Instant::now(), 0_u32);
    let mut flight = std::collections::VecDeque::new();
    while !*stop.borrow() {
        tokio::time::sleep_until((start + pause * sent).into()).await;
        if flight.len() == 64
            && let Some(first) = flight.pop_front()
        {
            let first: async_nats::jetstream::context::PublishAckFuture = first;
            first.await?;
        }
        flight.push_back(link.jetstream.publish(stream.to_owned(), payload.clone().into()).await?);
        sent += 1;
    }
    Ok(u64::from(sent) * MESSAGE)
}
