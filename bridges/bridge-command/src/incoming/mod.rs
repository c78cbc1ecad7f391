//! `slipring-bridge in`: a stream's records as they come, printed, or into a replica of the journal.

mod error;
mod printing;

use std::io::Write;
use std::time::{Duration, Instant};

use serde_json::json;
use slipring_bridge::retry::Backoff;
use slipring_cli::exit::Exit;
use slipring_jetstream::connect::Link;
use slipring_jetstream::incoming::{Came, InError, InOptions, Incoming, IntoReplica, Run, Start};
use slipring_journal::Journal;
use slipring_schema::TimeArgument;
use tokio::sync::watch;

use crate::args::InArgs;
use crate::line::ProgressLine;
pub use error::InFailure;
use printing::{Printing, Shape};

/// Without records for so long, it is asked whether there are more.
const PATIENCE: Duration = Duration::from_secs(1);
/// The same where it ends once there are no more.
const ONCE_PATIENCE: Duration = Duration::from_millis(100);

/// The stream, until it was all there is, or somebody says stop.
struct Following<'a> {
    args: &'a InArgs,
    incoming: Incoming,
    stop: watch::Receiver<bool>,
    trouble: Trouble,
    /// Where the stream ended when it was first asked, if that is where this ends.
    end: Option<u64>,
    /// Whether it says how far it is: where nothing is printed.
    says_progress: bool,
}

/// What is wrong for now: said once, and given up if it lasts.
#[derive(Debug)]
struct Trouble {
    since: Option<Instant>,
    give_up: Option<Duration>,
    line: ProgressLine,
}

/// Runs it, until `stop` says true.
pub async fn run(
    args: &InArgs,
    mut stop: watch::Receiver<bool>,
    out: &mut dyn Write,
) -> Result<Exit, InFailure> {
    let start = match (args.from, args.from_sequence) {
        (Some(TimeArgument::OfFirstDay(_)), _) => return Err(InFailure::NoDay),
        (Some(TimeArgument::Instant(time_ns)), _) => Some(Start::Time(time_ns)),
        (_, Some(sequence)) => Some(Start::Sequence(sequence)),
        _ => args.newest.then_some(Start::Newest),
    };
    if args.into.is_none() && args.keep.is_said() {
        return Err(InFailure::NothingToKeep);
    }
    // The folder first: what is wrong with it needs no server.
    let open = |path| IntoReplica::open(args.keep.applied_to(Journal::at(path)));
    let replica = args.into.as_ref().map(open).transpose()?;
    let start = match (replica.as_ref().and_then(IntoReplica::here), start) {
        (Some(here), Some(_)) => {
            let path = args.into.clone().unwrap_or_default().display().to_string();
            return Err(InFailure::HasStart { path, end: here.end });
        }
        (Some(here), None) => Start::Behind(here),
        (None, start) => start.unwrap_or(Start::Oldest),
    };
    let line = ProgressLine::new(args.json && args.into.is_some());
    let mut trouble = Trouble { since: None, give_up: args.give_up, line };
    let Some(link) = connect(args, &mut stop, &mut trouble).await? else { return Ok(Exit::Fine) };
    let mut options = InOptions::new(&args.stream, start);
    options.subject.clone_from(&args.subject);
    options.patience = if args.once { ONCE_PATIENCE } else { PATIENCE };
    let (incoming, says_progress) = (Incoming::new(link.client, options), replica.is_some());
    let following = Following { args, incoming, stop, trouble, end: None, says_progress };
    match replica {
        Some(replica) => into_replica(following, replica, out).await,
        None => print(following, out).await,
    }
}

/// Connects; `None` if somebody says stop before.
async fn connect(
    args: &InArgs,
    stop: &mut watch::Receiver<bool>,
    trouble: &mut Trouble,
) -> Result<Option<Link>, InFailure> {
    let connect = args.connect.connect(Some(format!("slipring-bridge in {}", args.stream)));
    let mut backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(5));
    loop {
        match connect.connect().await {
            Ok(link) => {
                trouble.is_over();
                return Ok(Some(link));
            }
            Err(error) if error.may_pass() => trouble.met(&error.to_string())?,
            Err(error) => return Err(error.into()),
        }
        if tokio::time::timeout(backoff.pause(), stop.wait_for(|said| *said)).await.is_ok() {
            return Ok(None);
        }
    }
}

impl Trouble {
    fn met(&mut self, what: &str) -> Result<(), InFailure> {
        if self.since.is_none() {
            self.line.complain(&format!("{what}; trying again"));
        }
        let waited = self.since.get_or_insert_with(Instant::now).elapsed();
        match self.give_up {
            Some(most) if waited >= most => Err(InFailure::GivenUp { waited, last: what.to_owned() }),
            _ => Ok(()),
        }
    }

    fn is_over(&mut self) {
        if self.since.take().is_some() {
            self.line.complain("all is well again");
        }
    }
}

impl Following<'_> {
    /// The next records; `None` at the end.
    async fn next(&mut self) -> Result<Option<Run>, InFailure> {
        loop {
            if self.args.once && self.is_at_end().await {
                return Ok(None);
            }
            if self.says_progress && self.trouble.line.is_due() {
                self.say_progress().await;
            }
            let came = tokio::select! {
                biased;
                // It only fails if who listens to signals has gone.
                _ = self.stop.wait_for(|said| *said) => return Ok(None),
                came = self.incoming.next() => came,
            };
            match came.map_err(|source| self.failure(source))? {
                Came::Run(run) => {
                    self.trouble.is_over();
                    return Ok(Some(run));
                }
                Came::Epoch(epoch) => {
                    self.trouble.is_over();
                    self.trouble.line.complain(&format!("epoch {epoch} begins: a standby was promoted"));
                }
                Came::Nothing => self.trouble.is_over(),
                Came::Trouble(error) => self.trouble.met(&error.to_string())?,
            }
        }
    }

    /// Whether all was taken that the stream held when it was first asked.
    async fn is_at_end(&mut self) -> bool {
        if self.end.is_none() {
            // If it can't be asked, the next message can't be had either, and says why. While it is not sure,
            // what comes is taken.
            self.end = self.incoming.settled_end().await.ok().flatten();
        }
        let end = self.end.unwrap_or(u64::MAX);
        end == 0 || self.incoming.next_sequence().is_some_and(|next| next >= end)
    }

    async fn say_progress(&mut self) {
        let Ok(stream_end) = self.incoming.stream_end().await else { return };
        let Some(end) = self.incoming.next_sequence() else { return };
        let lag = stream_end.unwrap_or(0).saturating_sub(end);
        let value = || json!({ "progress": { "end": end, "lag": lag } });
        self.trouble.line.say(|| format!("taken up to {end}, lag {lag}"), value);
    }

    fn failure(&self, source: InError) -> InFailure {
        InFailure::Stream { stream: self.args.stream.clone(), source }
    }
}

async fn into_replica(
    mut following: Following<'_>,
    mut replica: IntoReplica,
    out: &mut dyn Write,
) -> Result<Exit, InFailure> {
    let first = replica.here().map(|here| here.end);
    let mut taken = 0;
    let followed = loop {
        match following.next().await {
            Ok(Some(run)) => {
                replica.take(&run)?;
                taken += run.end() - run.first_sequence();
            }
            Ok(None) => break Ok(()),
            Err(error) => break Err(error),
        }
    };
    let epoch = replica.replica().map(|replica| replica.epoch());
    let Following { args, trouble, .. } = following;
    // Its line ends, before anything else is said.
    drop(trouble);
    // What was taken before it failed is kept.
    let end = replica.close()?;
    followed?;
    let path = args.into.clone().unwrap_or_default().display().to_string();
    if args.json {
        let said = json!({ "into": path, "taken": taken, "from": first, "end": end, "epoch": epoch });
        writeln!(out, "{said}")?;
    } else {
        let end = end.map_or_else(String::new, |end| format!("; it ends at {end}"));
        writeln!(out, "{taken} records taken into {path}{end}")?;
    }
    Ok(Exit::Fine)
}

async fn print(mut following: Following<'_>, out: &mut dyn Write) -> Result<Exit, InFailure> {
    let mut left = following.args.limit.unwrap_or(u64::MAX);
    let mut before: Option<Shape> = None;
    let mut next = following.next().await?;
    while let Some(first) = next {
        let shape = Shape::of(first.schema(), following.args)?;
        let has_head = shape.has_head(before.as_ref(), first.first_sequence())?;
        let mut printing = Printing::new(&shape, has_head)?;
        let mut run = first;
        next = loop {
            left -= printing.take(&run, left);
            printing.write(out)?;
            if left == 0 {
                return Ok(Exit::Fine);
            }
            match following.next().await? {
                Some(more) if shape.is_of(more.schema()) => run = more,
                more => break more,
            }
        };
        drop(printing);
        before = Some(shape);
    }
    Ok(Exit::Fine)
}
