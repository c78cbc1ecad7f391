//! `slipring-bridge in`: a stream's records as they come, printed, or into a replica of the journal.

mod args;
mod error;
mod printing;

use std::io::Write;
use std::time::{Duration, Instant};

use async_nats::Client;
use serde_json::json;
use slipring_cli::exit::Exit;
use slipring_jetstream::incoming::{Came, InError, InOptions, Incoming, IntoReplica, Run, Start};
use slipring_journal::Journal;
use slipring_schema::TimeArgument;

pub(crate) use args::InArgs;
pub(crate) use error::InFailure;
use printing::{Printing, Shape};

/// Without records for so long, it is asked whether there are more.
const PATIENCE: Duration = Duration::from_secs(1);
/// The same where it ends once there are no more.
const ONCE_PATIENCE: Duration = Duration::from_millis(100);

/// The stream, until it was all there is, or somebody says stop.
struct Following<'a> {
    args: &'a InArgs,
    incoming: Incoming,
    stop: Stop,
    /// Since when there is trouble.
    trouble: Option<Instant>,
    /// Where the stream ended when it was first asked, if that is where this ends.
    end: Option<u64>,
}

/// Runs it; `stop` is said by a signal.
pub(crate) async fn run(
    args: &InArgs,
    client: Client,
    stop: Stop,
    out: &mut dyn Write,
) -> Result<Exit, InFailure> {
    let start = match (args.from, args.from_sequence) {
        (Some(TimeArgument::OfFirstDay(_)), _) => return Err(InFailure::NoDay),
        (Some(TimeArgument::Instant(time_ns)), _) => Some(Start::Time(time_ns)),
        (_, Some(sequence)) => Some(Start::Sequence(sequence)),
        _ => args.newest.then_some(Start::Newest),
    };
    let follow = |start| {
        let mut options = InOptions::new(&args.stream, start);
        options.subject = args.subject.clone();
        options.patience = if args.once { ONCE_PATIENCE } else { PATIENCE };
        Following { args, incoming: Incoming::new(client, options), stop, trouble: None, end: None }
    };
    let Some(path) = &args.into else {
        return print(follow(start.unwrap_or(Start::Oldest)), out).await;
    };
    let replica = IntoReplica::open(Journal::at(path))?;
    let start = match (replica.here(), start) {
        (Some(here), Some(_)) => {
            return Err(InFailure::HasStart { path: path.display().to_string(), end: here.end });
        }
        (Some(here), None) => Start::Behind(here),
        (None, start) => start.unwrap_or(Start::Oldest),
    };
    into_replica(follow(start), replica, out).await
}

impl Following<'_> {
    /// The next records; `None` at the end.
    async fn next(&mut self) -> Result<Option<Run>, InFailure> {
        loop {
            if self.args.once && self.is_at_end().await {
                return Ok(None);
            }
            let came = tokio::select! {
                biased;
                () = self.stop.said() => return Ok(None),
                came = self.incoming.next() => came,
            };
            match came.map_err(|source| self.failure(source))? {
                Came::Run(run) => {
                    self.is_well();
                    return Ok(Some(run));
                }
                Came::Epoch(epoch) => {
                    self.is_well();
                    say(&format!("epoch {epoch} begins: a standby was promoted"));
                }
                Came::Nothing => self.is_well(),
                Came::Trouble(error) => self.trouble(error)?,
            }
        }
    }

    /// Whether all was taken that the stream held when it was first asked.
    async fn is_at_end(&mut self) -> bool {
        if self.end.is_none() {
            // If it can't be asked, the next message can't be had either, and says why.
            self.end = self.incoming.stream_end().await.ok().map(|end| end.unwrap_or(0));
        }
        let end = self.end.unwrap_or(u64::MAX);
        end == 0 || self.incoming.next_sequence().is_some_and(|next| next >= end)
    }

    fn failure(&self, source: InError) -> InFailure {
        InFailure::Stream { stream: self.args.stream.clone(), source }
    }

    fn is_well(&mut self) {
        if self.trouble.take().is_some() {
            say("the server answers again");
        }
    }

    /// It is said once, and given up if it lasts.
    fn trouble(&mut self, error: InError) -> Result<(), InFailure> {
        let is_new = self.trouble.is_none();
        let since = *self.trouble.get_or_insert_with(Instant::now);
        if let Some(most) = self.args.give_up_after
            && since.elapsed() >= Duration::from_secs(most)
        {
            return Err(InFailure::GivenUp { waited: most, last: error });
        }
        if is_new {
            say(&format!("{error}; trying again"));
        }
        Ok(())
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
    // What was taken before it failed is kept.
    let end = replica.close()?;
    followed?;
    let path = following.args.into.clone().unwrap_or_default().display().to_string();
    if following.args.json {
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

/// Says something on the standard error. Where nobody listens there is nobody to tell that.
fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "slipring-bridge: {text}");
}
