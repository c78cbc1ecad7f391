//! The message that makes a standby the primary, and what may come between.
//!
//! | killed | what lies there | what the next try does |
//! |---|---|---|
//! | before the note | a standby | all of it |
//! | behind the note | a standby, and who asked | asks again in the same name |
//! | behind the message | the same, and the stream's last message in that name | opens it |
//! | behind the opening | a primary, and the note | forgets the note |

use std::time::{Duration, Instant};

use async_nats::subject::Subject as Address;
use async_nats::{Client, jetstream};
use slipring_bridge::compose::Message;
use slipring_bridge::retry::Backoff;
use slipring_bridge::wire::{Head, Kind, MOST_IN_FLIGHT, PROMOTER};
use slipring_journal::{JournalId, promotion_epoch};

use super::error::{OpenFailure, PromoteError, StandbyFailure};
use super::follow::{TICK, Told};
use super::intent::{self, Intent};
use super::last::LastMessage;
use super::patience::Patience;
use super::warm::Warm;
use crate::incoming::stream::Subject;
use crate::incoming::{Came, Here, InError, InOptions, Incoming, IntoReplica, Start};
use crate::message::Outgoing;
use crate::out::failure::Failure;
use crate::out::volley::at_once;

/// How a standby is promoted.
#[derive(Clone, Debug)]
pub struct PromoteOptions {
    /// So many times at most, where the stream goes on in between.
    pub tries: u32,
    /// The stream's last message is of that epoch, of another that was promoted and has written nothing
    /// since; and it is to be replaced.
    pub over: Option<u32>,
    /// Give up once the stream could not be read for so long, or has not taken the message, though nothing
    /// else came; never if not given. 30 seconds by default.
    pub give_up: Option<Duration>,
}

impl Default for PromoteOptions {
    fn default() -> Self {
        PromoteOptions { tries: 10_000, over: None, give_up: Some(Duration::from_secs(30)) }
    }
}

/// What was agreed with the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Agreed {
    /// The epoch of the new primary.
    pub epoch: u32,
    /// The sequence of its first record.
    pub first: u64,
    /// The stream sequence of the message that says so.
    pub stream_sequence: u64,
}

/// Agrees with the stream that this one is the primary from here on: the message of the new epoch comes right
/// behind the stream's last, and all that lies before it is taken and durable here. The replica is still one:
/// open it in that epoch next ([`become_primary`], or [`slipring::Standby::promote`] and then
/// [`intent::forget`](super::forget)).
///
/// It may be dropped at any await, as it may be killed: said again, it goes on.
///
/// # Errors
/// [`PromoteError`].
pub async fn promote<W: Warm>(
    warm: &mut W,
    client: &Client,
    stream: &InOptions,
    options: &PromoteOptions,
    tell: impl FnMut(Told),
) -> Result<Agreed, PromoteError> {
    let context = jetstream::new(client.clone());
    let mut patience = Patience::new(options.give_up, tell);
    let open = || Subject::open(&context, &stream.stream, stream.subject.as_deref());
    let subject = patience.ask(open).await.map_err(StandbyFailure::from)?;
    let mut backoff = Backoff::new(Duration::from_millis(5), Duration::from_millis(500));
    let mut trying = Trying { intent: intent::pending(warm.folder())?, began_at: None, over: options.over };
    // First all that there is: what can't be followed is not to be fenced either.
    let there = patience.ask(|| subject.last()).await.map_err(StandbyFailure::from)?;
    read_on(warm, client, stream, there.map_or(0, |last| last.head.end()), &mut patience).await?;
    // Since when the server does not take the message.
    let mut untaken: Option<Instant> = None;
    for _ in 0..options.tries {
        let last = patience.ask(|| LastMessage::look(&subject)).await.map_err(StandbyFailure::from)?;
        let (Some(last), Some(here)) = (last, warm.here()) else { return Err(PromoteError::Nothing) };
        check(&last, &here)?;
        let agreed = match trying.judge(&last)? {
            Some(agreed) => agreed,
            None => {
                let intent = trying.intent(&last, &here, warm)?;
                let message = message(&last, &here, intent, warm);
                match publish(client, &context, &subject, &message, last.place).await {
                    Ok(stream_sequence) => {
                        Agreed { epoch: intent.epoch, first: last.head.end(), stream_sequence }
                    }
                    Err(Failure::Moved) => {
                        untaken = None;
                        continue;
                    }
                    Err(Failure::Final(error)) => {
                        return Err(PromoteError::Refused { what: error.to_string() });
                    }
                    // It may have got there: the next look says so.
                    Err(failure) => {
                        let (what, waited) =
                            (failure.text(), untaken.get_or_insert_with(Instant::now).elapsed());
                        if options.give_up.is_some_and(|most| waited >= most) {
                            return Err(PromoteError::Refused { what });
                        }
                        patience.tell(Told::Trouble(what));
                        tokio::time::sleep(backoff.pause()).await;
                        continue;
                    }
                }
            }
        };
        // What came between the first reading and the message lies before it, and nothing of the old primary
        // behind it.
        read_on(warm, client, stream, agreed.first, &mut patience).await?;
        warm.settle().map_err(StandbyFailure::from)?;
        return Ok(agreed);
    }
    Err(PromoteError::Outrun { tries: options.tries })
}

/// The message of the new epoch, right behind the last one.
fn message<W: Warm>(last: &LastMessage, here: &Here, intent: Intent, warm: &W) -> Outgoing {
    let first = last.head.end();
    let time_ns = if here.end == first { warm.last_time_ns() } else { last.time_ns };
    let (kind, epoch, count, schema) = (Kind::Epoch, intent.epoch, 0, last.schema());
    let head = Head { kind, epoch, first, count, time_ns, schema, ..last.head };
    let message = Outgoing::from(Message { head, payload: Vec::new() });
    message.with_header(PROMOTER, intent.promoter.to_string())
}

/// What is known over the tries.
struct Trying {
    intent: Option<Intent>,
    /// The stream's epoch when it was first looked at.
    began_at: Option<u32>,
    over: Option<u32>,
}

impl Trying {
    /// Whether the stream has agreed already; refuses if it has agreed to another.
    fn judge(&mut self, last: &LastMessage) -> Result<Option<Agreed>, PromoteError> {
        let LastMessage { place, head, promoter, epoch, .. } = *last;
        let another = PromoteError::Another { epoch };
        let is_own = |intent: &Intent| Some(intent.promoter) == promoter && intent.epoch == head.epoch;
        if head.kind == Kind::Epoch && self.intent.as_ref().is_some_and(is_own) {
            let (first, stream_sequence) = (head.first, place);
            return Ok(Some(Agreed { epoch, first, stream_sequence }));
        }
        let is_over = self.over == Some(epoch);
        let has_moved = *self.began_at.get_or_insert(epoch) < epoch;
        let is_outdone = self.intent.is_some_and(|intent| intent.epoch <= epoch);
        let has_just_begun = head.kind == Kind::Epoch;
        if (has_moved || is_outdone || has_just_begun) && !is_over { Err(another) } else { Ok(None) }
    }

    /// In whose name, and for which epoch: noted before anybody else can know of it.
    fn intent<W: Warm>(&mut self, last: &LastMessage, here: &Here, warm: &W) -> Result<Intent, PromoteError> {
        let known = last.epoch.max(warm.known_epoch()).max(here.last.map_or(0, |last| last.epoch));
        let epoch = promotion_epoch(known).ok_or(PromoteError::NoEpoch { epoch: known })?;
        // One that was noted when less was known may leave too little room by now.
        if let Some(intent) = self.intent.filter(|intent| intent.epoch >= epoch) {
            return Ok(intent);
        }
        let promoter: JournalId = self.intent.map_or_else(intent::draw, |intent| Ok(intent.promoter))?;
        let intent = Intent { promoter, epoch };
        intent::note(warm.folder(), intent)?;
        Ok(*self.intent.insert(intent))
    }
}

/// Takes what the stream holds up to `end`.
async fn read_on<W: Warm, T: FnMut(Told)>(
    warm: &mut W,
    client: &Client,
    stream: &InOptions,
    end: u64,
    patience: &mut Patience<T>,
) -> Result<(), StandbyFailure> {
    let start = warm.here().filter(|here| here.end > 0).map_or(Start::Oldest, Start::Behind);
    let options = InOptions { start, patience: Duration::from_millis(100), ..stream.clone() };
    let mut incoming = Incoming::new(client.clone(), options);
    let mut told = Instant::now();
    loop {
        let here = warm.here().map_or(0, |here| here.end);
        if here >= end {
            return Ok(());
        }
        if told.elapsed() >= TICK {
            told = Instant::now();
            patience.tell(Told::Progress { end: here, lag: end - here });
        }
        match incoming.next().await? {
            Came::Run(run) => {
                warm.take(&run)?;
                patience.is_well();
            }
            Came::Trouble(error) if !patience.bears(&error) => return Err(error.into()),
            Came::Trouble(_) | Came::Epoch(_) | Came::Nothing => {}
        }
    }
}

/// Refuses a stream whose end is not what is here.
fn check(last: &LastMessage, here: &Here) -> Result<(), StandbyFailure> {
    let LastMessage { place: at, head, .. } = *last;
    if !head.is_of(here.journal_id, here.branch) {
        let (wanted, wanted_branch) = (here.journal_id, here.branch);
        let (found, found_branch) = (head.journal_id, head.branch);
        return Err(InError::OtherJournal { at, wanted, wanted_branch, found, found_branch }.into());
    }
    if head.end() < here.end {
        return Err(InError::Shorter { wanted: here.end, end: head.end() }.into());
    }
    match (head.last(), here.last) {
        (Some(there), Some(last)) if head.end() == here.end && !there.is_of(&last) => {
            Err(InError::HistoryDiffers { here: last, stream: there }.into())
        }
        _ => Ok(()),
    }
}

/// Publishes it behind that place, as often at once as the old primary may have messages on their way: these
/// are for places that are taken then. Where a stream takes no atomic batches, nobody has more than one on
/// its way.
async fn publish(
    client: &Client,
    context: &jetstream::Context,
    subject: &Subject,
    message: &Outgoing,
    behind: u64,
) -> Result<u64, Failure> {
    let config = &subject.stream.cached_info().config;
    let (name, is_atomic) = (&config.name, config.allow_atomic_publish);
    let to = Address::from(subject.subject.clone());
    let sent = if is_atomic {
        at_once((client, context), &to, message, MOST_IN_FLIGHT, behind).await
    } else {
        context.send_publish(to, message.publish_behind(behind)).await
    };
    let ack = sent.map_err(|error| Failure::of_publish(name, &error))?;
    ack.await.map(|ack| ack.sequence).map_err(|error| Failure::of_publish(name, &error))
}

/// Opens a replica as the primary in the epoch that was agreed, closes it in good order, and forgets the
/// note: its program may open it.
///
/// # Errors
/// [`PromoteError::Open`]; to promote it again goes on from there.
pub fn become_primary(replica: IntoReplica, agreed: &Agreed) -> Result<(), PromoteError> {
    let journal = replica.journal().clone();
    let open = || -> Result<(), OpenFailure> {
        replica.close()?;
        let Some(schema) = journal.raw_reader()?.schema() else { return Ok(()) };
        let (writer, _) = journal.clone().promote(agreed.epoch).open_raw(&schema)?;
        writer.close()?;
        Ok(())
    };
    open().map_err(|source| PromoteError::Open { epoch: agreed.epoch, source: Box::new(source) })?;
    Ok(intent::forget(journal.path())?)
}
