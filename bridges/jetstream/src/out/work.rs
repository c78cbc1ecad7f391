//! The loop: records in, messages out, and what to do when an acknowledgement fails to come.

use std::time::Duration;

use async_nats::jetstream::publish::PublishAck;
use slipring_bridge::compose::Composer;
use slipring_bridge::follow::Followed;
use slipring_bridge::history::{GoOn, HistoryError};
use slipring_bridge::source::Source;
use slipring_journal::Journal;
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;

use super::establish::{again, establish};
use super::failure::Failure;
use super::flight::{Arrived, Flight};
use super::look::{Last, look};
use super::patience::{Again, Patience, stopped};
use super::sides::{Line, Local, Server};
use super::volley::volley;
use super::{Ended, OutOptions, Progress, Told};
use crate::connect::{ANSWER_WITHIN, Connect, LinkState};
use crate::error::OutError;
use crate::message::Outgoing;
use crate::stream::HEADERS_BYTES;

/// How often the position is committed, and progress told.
const TICK: Duration = Duration::from_millis(100);
/// How often the stream's end is looked at while nothing is on its way: another may have been promoted.
const GLANCE: Duration = Duration::from_secs(1);

struct Work<'a, T> {
    options: &'a OutOptions,
    tell: T,
    server: Server,
    local: Local,
    line: Line,
    patience: Patience,
    stop: watch::Receiver<bool>,
}

/// Why the loop ended.
enum End {
    Stopped,
    CaughtUp,
}

pub(super) async fn run<T: FnMut(Told)>(
    journal: &Journal,
    connect: &Connect,
    options: &OutOptions,
    stop: watch::Receiver<bool>,
    mut tell: T,
) -> Result<Ended, OutError> {
    // First of all the name: whoever else has it, is told so before the server is asked.
    let source = Source::open(journal, &options.source)?;
    let mut patience = Patience::new(options.give_up, stop.clone());
    let Some((link, stream, found)) = establish(connect, options, &mut patience, &mut tell).await? else {
        let acknowledged = source.position();
        let progress = Progress { acknowledged, end: acknowledged, ..Progress::default() };
        return Ok(Ended { progress, caught_up: false });
    };
    let line = Line::new(source.identity()?, source.position());
    let (server, local) = (Server::new(link, stream, &found, options), Local::new(journal, source)?);
    let mut work = Work { options, tell, server, local, line, patience, stop };
    let ended = work.work().await;
    work.close(ended)
}

/// Until the connection was lost again; how often it was.
async fn lost(state: &mut watch::Receiver<LinkState>, losses: u64) -> u64 {
    // It only fails if the client has gone, and that is held by who asks.
    state.wait_for(|state| state.losses != losses).await.map_or(losses, |state| state.losses)
}

impl<T: FnMut(Told)> Work<'_, T> {
    /// Until somebody says stop, or there is no more to do.
    async fn work(&mut self) -> Result<End, OutError> {
        if self.begin().await? == Again::Stop {
            return Ok(End::Stopped);
        }
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut glance = tokio::time::interval(GLANCE);
        glance.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut losses = self.server.link.losses();
        let mut state = self.server.link.state.clone();
        loop {
            let Line { flight, caught_up, .. } = &mut self.line;
            if self.options.until_caught_up && flight.len() == 0 && *caught_up == Some(flight.end()) {
                return Ok(End::CaughtUp);
            }
            let has_room = flight.len() < self.server.most_in_flight.max(2);
            let failure = tokio::select! {
                biased;
                () = stopped(&mut self.stop) => return self.land().await,
                now = lost(&mut state, losses) => {
                    losses = now;
                    Some(Failure::Passing("the connection was lost".to_owned()))
                }
                ack = flight.first_ack() => match self.take_ack(ack) {
                    Ok(()) => self.send().await.err(),
                    Err(failure) => Some(failure),
                },
                followed = self.local.followed.recv(), if has_room => self.take(followed).await?,
                _ = tick.tick() => {
                    self.tick()?;
                    None
                }
                _ = glance.tick(), if flight.len() == 0 => self.glance().await,
            };
            if let Some(failure) = failure
                && self.settle(failure).await? == Again::Stop
            {
                return Ok(End::Stopped);
            }
        }
    }

    /// Looks where the stream is, and goes on there.
    async fn begin(&mut self) -> Result<Again, OutError> {
        loop {
            let failure = match self.look().await {
                Ok(last) => match self.go_on_behind(&last).await {
                    Ok(()) => {
                        self.patience.reset();
                        return Ok(Again::Try);
                    }
                    Err(error) => Failure::Final(error),
                },
                // Nothing was acknowledged yet that an answer could be behind of.
                Err(Failure::Doubtful(error)) => Failure::Final(error),
                Err(failure) => failure,
            };
            if again(failure, &mut self.patience, &mut self.tell).await? == Again::Stop {
                return Ok(Again::Stop);
            }
        }
    }

    /// Whether the stream is where it was left, if that can be learned just now.
    async fn glance(&mut self) -> Option<Failure> {
        let last = self.look().await.ok()?;
        (last.place() > self.line.flight.place()).then_some(Failure::Moved)
    }

    async fn look(&mut self) -> Result<Last, Failure> {
        look(&self.server.stream, &self.options.stream.name, self.options.stream.subject()).await
    }

    /// Goes on where the stream's last message says, if it is this journal's.
    async fn go_on_behind(&mut self, last: &Last) -> Result<(), OutError> {
        let (judge, end) = (self.local.judge.clone(), last.end());
        let (acknowledged, trust) = (self.line.progress.acknowledged, self.options.trust_position);
        let judged = tokio::task::spawn_blocking(move || judge.go_on(end, acknowledged, trust));
        let judged = judged.await.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()));
        let stream = || self.options.stream.name.clone();
        let place: GoOn = judged.map_err(|fault| OutError::History { stream: stream(), fault })?;
        self.local.follow.go_on(place);
        loop {
            match self.local.followed.recv().await {
                Some(Followed::GoesOn) => break,
                Some(Followed::Failed(error)) => return Err(error.into()),
                Some(Followed::Batch(_) | Followed::CaughtUp(_)) => {}
                None => return Err(OutError::Thread(std::io::Error::other("it has ended"))),
            }
        }
        let (sequence, stream_sequence) = (place.sequence, last.place());
        self.line.composer = Composer::new(self.local.identity).begin_with(self.server.begin_with);
        self.line.flight = Flight::behind(stream_sequence, sequence);
        (self.line.caught_up, self.line.progress.anchor) = (None, place.behind);
        self.arrive(0);
        (self.tell)(Told::GoesOn { sequence, stream_sequence });
        Ok(())
    }

    /// What the journal's thread tells.
    async fn take(&mut self, followed: Option<Followed>) -> Result<Option<Failure>, OutError> {
        match followed {
            Some(Followed::Batch(batch)) => {
                self.line.caught_up = None;
                let place = self.line.flight.next_place();
                let messages = self.line.composer.compose(batch, place);
                // The records come last; what is before them is taken at once.
                let at_once = (messages.len() - 1).max(1);
                for (n, message) in messages.into_iter().enumerate() {
                    let message = Outgoing::from(message);
                    let (bytes, most) =
                        (message.payload_bytes() + HEADERS_BYTES, self.server.link.client.max_payload());
                    if bytes > most {
                        return Err(OutError::TooLong { bytes, most });
                    }
                    let first = if n == 0 { at_once } else { usize::from(n >= at_once) };
                    self.line.flight.push(message, first);
                }
                Ok(self.send().await.err())
            }
            Some(Followed::CaughtUp(end)) => {
                self.line.caught_up = Some(end);
                Ok(None)
            }
            Some(Followed::GoesOn) => Ok(None),
            Some(Followed::Failed(error)) => Err(error.into()),
            None => Err(OutError::Thread(std::io::Error::other("it has ended"))),
        }
    }

    /// Sends what may be on its way by now and is not yet, in order.
    async fn send(&mut self) -> Result<(), Failure> {
        while let Some(sent) = self.line.flight.unsent(self.server.most_in_flight) {
            volley(&self.server.link, &self.server.subject, sent)
                .await
                .map_err(|error| Failure::of_publish(&self.options.stream.name, &error))?;
        }
        Ok(())
    }

    /// The first message's acknowledgement. Anything but a plain one means to look.
    fn take_ack(
        &mut self,
        ack: Result<PublishAck, async_nats::jetstream::context::PublishError>,
    ) -> Result<(), Failure> {
        let name = &self.options.stream.name;
        let ack = ack.map_err(|error| Failure::of_publish(name, &error))?;
        let count = self.line.flight.first_count();
        let place = self.line.flight.place() + count as u64;
        if ack.stream != *name || ack.sequence != place || ack.duplicate {
            return Err(Failure::Moved);
        }
        self.arrive(count);
        self.is_well();
        Ok(())
    }

    /// What went wrong, if anything did, has passed.
    fn is_well(&mut self) {
        let is_told = self.patience.is_told();
        self.patience.reset();
        if is_told {
            (self.tell)(Told::Recovered);
        }
    }

    /// The first messages on their way have arrived.
    fn arrive(&mut self, count: usize) {
        if let Some(anchor) = self.line.arrive(count) {
            (self.tell)(Told::Acknowledged(anchor));
        }
    }

    /// After a failure: looks what has arrived, and sends the rest again, in order.
    async fn settle(&mut self, mut failure: Failure) -> Result<Again, OutError> {
        self.line.progress.troubles += 1;
        loop {
            self.line.flight.forget_acks();
            if again(failure, &mut self.patience, &mut self.tell).await? == Again::Stop {
                return Ok(Again::Stop);
            }
            failure = match self.look_and_send().await {
                Ok(()) => break,
                Err(failure) => failure,
            };
        }
        // Else the next acknowledgement says so.
        if self.line.flight.len() == 0 {
            self.is_well();
        }
        Ok(Again::Try)
    }

    async fn look_and_send(&mut self) -> Result<(), Failure> {
        let is_up = tokio::time::timeout(ANSWER_WITHIN, self.server.link.is_up()).await.is_ok();
        if !is_up {
            let what =
                self.server.link.complaint().unwrap_or_else(|| "the server is not to be reached".to_owned());
            return Err(Failure::Passing(what));
        }
        let last = self.look().await?;
        match self.line.flight.arrived(&last) {
            Arrived::First(count) => self.arrive(count),
            Arrived::Unknown => self.go_on_behind(&last).await.map_err(|error| match error {
                // Of a server that is behind.
                OutError::History { fault: HistoryError::StreamShorter { .. }, .. } => {
                    Failure::Doubtful(error)
                }
                OutError::History { fault: HistoryError::NothingToGoBy { .. }, .. } => {
                    Failure::Doubtful(error)
                }
                error => Failure::Final(error),
            })?,
        }
        self.send().await
    }

    fn tick(&mut self) -> Result<(), OutError> {
        let acknowledged = self.line.progress.acknowledged;
        if acknowledged > self.local.follow.position() {
            self.local.follow.commit(acknowledged);
        }
        let durable_end = self.local.looker.durable_end().map_err(|fault| OutError::Journal(fault.into()))?;
        let seen_end = if self.options.source.ahead_of_disk { self.local.follow.seen_end() } else { 0 };
        let Line { flight, progress, .. } = &mut self.line;
        progress.end = durable_end.max(seen_end).max(progress.acknowledged);
        progress.in_flight = flight.len();
        (self.tell)(Told::Progress(*progress));
        Ok(())
    }

    /// Waits for what is on its way, if it comes plainly.
    async fn land(&mut self) -> Result<End, OutError> {
        while self.line.flight.is_awaited() {
            let ack = self.line.flight.first_ack().await;
            if self.take_ack(ack).is_err() {
                break;
            }
        }
        Ok(End::Stopped)
    }

    /// Commits what was acknowledged, however it ended.
    fn close(mut self, ended: Result<End, OutError>) -> Result<Ended, OutError> {
        self.line.progress.in_flight = 0;
        let progress = self.line.progress;
        if progress.acknowledged > self.local.follow.position() {
            self.local.follow.commit(progress.acknowledged);
        }
        // The thread may be waiting for somebody to take what it has.
        drop(self.local.followed);
        let closed = self.local.follow.close();
        let end = ended?;
        closed?;
        let is_all = progress.acknowledged >= progress.end;
        Ok(Ended { progress, caught_up: matches!(end, End::CaughtUp) || is_all })
    }
}
