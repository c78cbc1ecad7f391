//! `slipring-bridge standby` and `promote`: a replica that follows a stream, and becomes the primary.

use std::io;
use std::time::{Duration, Instant};

use serde_json::json;
use slipring_bridge::retry::Backoff;
use slipring_cli::exit::Exit;
use slipring_cli::plain;
use slipring_jetstream::connect::Link;
use slipring_jetstream::error::ConnectError;
use slipring_jetstream::incoming::{InError, IntoError, IntoReplica};
use slipring_jetstream::standby::{
    self, Agreed, Ended, Order, PromoteError, StandbyFailure, Told, WarmError,
};
use slipring_journal::{Journal, OpenError};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, watch};

use crate::args::{FollowedArgs, StandbyArgs};
use crate::line::{ProgressLine, print_json};

/// Why it does not stand by, or is not promoted.
#[derive(Debug, thiserror::Error)]
pub enum StandbyCommandError {
    /// There is no connection.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The server was away for too long.
    #[error("given up after {} s without the server: {last}", waited.as_secs())]
    GivenUp { waited: Duration, last: String },
    /// The replica can't be opened, or not be closed.
    #[error(transparent)]
    Replica(#[from] IntoError),
    /// The stream is not followed any more.
    #[error(transparent)]
    Follow(#[from] StandbyFailure),
    /// It is not promoted.
    #[error(transparent)]
    Promote(#[from] PromoteError),
    /// A signal can't be listened to.
    #[error("a signal's handler can't be set: {0}")]
    Signal(io::Error),
}

impl StandbyCommandError {
    /// The exit status.
    pub fn exit(&self) -> Exit {
        let of_follow = |failure: &StandbyFailure| match failure {
            StandbyFailure::Stream(InError::NoStream { .. } | InError::WhichSubject { .. }) => Exit::CouldNot,
            StandbyFailure::Stream(error) if !error.is_passing() => Exit::Part,
            StandbyFailure::Warm(WarmError::Replica(IntoError::Take(_))) => Exit::Part,
            _ => Exit::CouldNot,
        };
        match self {
            StandbyCommandError::Promote(PromoteError::Another { .. }) => Exit::Fenced,
            StandbyCommandError::Promote(PromoteError::Outrun { .. }) => Exit::Part,
            StandbyCommandError::Promote(PromoteError::Follow(failure)) => of_follow(failure),
            StandbyCommandError::Follow(failure) => of_follow(failure),
            _ => Exit::CouldNot,
        }
    }
}

/// Follows until a signal says stop, or promote.
pub async fn run(args: &StandbyArgs, mut stop: watch::Receiver<bool>) -> Result<Exit, StandbyCommandError> {
    let (give, orders) = mpsc::channel(1);
    let mut promote = signal(SignalKind::user_defined1()).map_err(StandbyCommandError::Signal)?;
    tokio::spawn(async move {
        while promote.recv().await.is_some() {
            // One that waits already is the same.
            let _ = give.try_send(Order::Promote);
        }
    });
    let replica = IntoReplica::open(args.keep.applied_to(Journal::at(&args.journal)))?;
    let Some(link) = connect(&args.followed, "standby", &mut stop).await? else { return Ok(Exit::Fine) };
    let mut say = Say::new(args.followed.json);
    let options = args.followed.options(args.over);
    let followed =
        standby::follow(replica, &link.client, &options, orders, stop, |told| say.told(&told)).await?;
    let Ended { warm, agreed } = followed;
    match agreed {
        Some(agreed) => finish(warm, &agreed, &mut say),
        None => {
            still_a_standby(warm, &mut say)?;
            Ok(Exit::Fine)
        }
    }
}

fn still_a_standby(replica: IntoReplica, say: &mut Say) -> Result<(), StandbyCommandError> {
    let end = replica.close()?;
    say.line(&format!("it ends at {}, and is a standby still", end.unwrap_or(0)));
    Ok(())
}

/// Promotes a replica that nobody has open.
pub async fn promote(
    args: &StandbyArgs,
    mut stop: watch::Receiver<bool>,
) -> Result<Exit, StandbyCommandError> {
    let mut say = Say::new(args.followed.json);
    let mut replica = match IntoReplica::open(args.keep.applied_to(Journal::at(&args.journal))) {
        Err(IntoError::Open(refused @ OpenError::NotReplica { .. })) => {
            // A promotion that was cut short behind its last step: it is the primary, and the note is left.
            let intent = standby::pending(&args.journal).map_err(PromoteError::from)?;
            let Some(intent) = intent else { return Err(IntoError::Open(refused).into()) };
            standby::forget(&args.journal).map_err(PromoteError::from)?;
            say.promoted(intent.epoch, None);
            return Ok(Exit::Fine);
        }
        opened => opened?,
    };
    let Some(link) = connect(&args.followed, "promote", &mut stop).await? else { return Ok(Exit::Part) };
    let options = args.followed.options(args.over);
    let promoted = {
        let tell = |told| say.told(&told);
        let promote = standby::promote(&mut replica, &link.client, &options.stream, &options.promote, tell);
        tokio::select! {
            biased;
            _ = stop.wait_for(|said| *said) => None,
            promoted = promote => Some(promoted?),
        }
    };
    match promoted {
        Some(agreed) => finish(replica, &agreed, &mut say),
        None => {
            still_a_standby(replica, &mut say)?;
            Ok(Exit::Part)
        }
    }
}

fn finish(replica: IntoReplica, agreed: &Agreed, say: &mut Say) -> Result<Exit, StandbyCommandError> {
    standby::become_primary(replica, agreed)?;
    say.promoted(agreed.epoch, Some(agreed.first));
    Ok(Exit::Fine)
}

/// Connects; `None` if somebody says stop before.
pub async fn connect(
    args: &FollowedArgs,
    what: &str,
    stop: &mut watch::Receiver<bool>,
) -> Result<Option<Link>, StandbyCommandError> {
    let connect = args.connect.connect(Some(format!("slipring-bridge {what} {}", args.stream)));
    let mut backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(5));
    let mut since: Option<Instant> = None;
    loop {
        let last = match connect.connect().await {
            Ok(link) => return Ok(Some(link)),
            Err(error) if error.may_pass() => error.to_string(),
            Err(error) => return Err(error.into()),
        };
        if since.is_none() {
            plain::complain(&format!("{last}; trying again"));
        }
        let waited = since.get_or_insert_with(Instant::now).elapsed();
        if args.give_up.is_some_and(|most| waited >= most) {
            return Err(StandbyCommandError::GivenUp { waited, last });
        }
        if tokio::time::timeout(backoff.pause(), stop.wait_for(|said| *said)).await.is_ok() {
            return Ok(None);
        }
    }
}

/// Says what happens: for people on the standard error, as JSON lines on the standard output.
pub struct Say {
    json: bool,
    line: ProgressLine,
    last_trouble: String,
}

impl Say {
    pub fn new(json: bool) -> Self {
        Say { json, line: ProgressLine::new(json), last_trouble: String::new() }
    }

    pub fn told(&mut self, told: &Told) {
        match told {
            Told::Progress { end, lag } => self.progress(*end, *lag),
            Told::Epoch(epoch) if self.json => print_json(&json!({ "epoch": epoch })),
            Told::Epoch(epoch) => self.line(&format!("epoch {epoch} begins: another was promoted")),
            Told::Trouble(what) if self.json => print_json(&json!({ "trouble": what })),
            // Once, not at every try.
            Told::Trouble(what) if self.last_trouble == *what => {}
            Told::Trouble(what) => {
                self.last_trouble.clone_from(what);
                self.line(&format!("{what}; trying again"));
            }
            Told::NotPromoted(error) if self.json => {
                print_json(&json!({ "not_promoted": error.to_string() }))
            }
            Told::NotPromoted(error) => self.line(&format!("not promoted: {error}")),
            _ => {}
        }
    }

    fn progress(&mut self, end: u64, lag: u64) {
        if self.line.is_due() {
            let value = || json!({ "progress": { "end": end, "lag": lag } });
            self.line.say(|| format!("taken up to {end}, lag {lag}"), value);
        }
    }

    fn promoted(&mut self, epoch: u32, first: Option<u64>) {
        if self.json {
            return print_json(&json!({ "promoted": { "epoch": epoch, "first": first } }));
        }
        let from = first.map_or_else(String::new, |first| format!(", from sequence {first} on"));
        self.line(&format!(
            "promoted: it is the primary in epoch {epoch}{from}; open it with your program, and send it on with \
             slipring bridge out"
        ));
    }

    fn line(&mut self, text: &str) {
        if !self.json {
            self.line.complain(text);
        }
    }
}
