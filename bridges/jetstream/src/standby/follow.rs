//! Following a stream until somebody says something.

use std::time::Duration;

use async_nats::Client;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, MissedTickBehavior};

use super::error::{PromoteError, StandbyFailure};
use super::promote::{Agreed, PromoteOptions, promote};
use super::warm::Warm;
use crate::incoming::{Came, InOptions, Incoming, Start};

/// How often progress is told.
pub(super) const TICK: Duration = Duration::from_millis(500);

/// Which stream is followed, and how it is taken over.
#[derive(Clone, Debug)]
pub struct StandbyOptions {
    /// The stream; where it begins, what is here says.
    pub stream: InOptions,
    /// How it is promoted when it is told so.
    pub promote: PromoteOptions,
}

/// What a standby is told while it follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// To become the primary.
    Promote,
}

/// What happens meanwhile.
#[derive(Debug)]
#[non_exhaustive]
pub enum Told {
    /// How far it is, now and then.
    Progress {
        /// The sequence behind the last record taken.
        end: u64,
        /// How many records the stream has beyond it, when last asked.
        lag: u64,
    },
    /// Another was promoted in this epoch. This one follows it.
    Epoch(u32),
    /// The server can't be reached, or can't answer; it is tried again.
    Trouble(String),
    /// It could not be promoted, and follows on.
    NotPromoted(PromoteError),
}

/// How it ended.
#[derive(Debug)]
pub struct Ended<W> {
    /// What took the records.
    pub warm: W,
    /// What was agreed, if it was promoted; then it is to be opened in that epoch.
    pub agreed: Option<Agreed>,
}

/// Follows the stream until `stop` says true, in the midst of a promotion too, or until it was ordered to
/// promote and the stream has agreed.
///
/// # Errors
/// [`StandbyFailure`]: of those that stay. What was taken before stays.
pub async fn follow<W: Warm>(
    mut warm: W,
    client: &Client,
    options: &StandbyOptions,
    mut orders: mpsc::Receiver<Order>,
    mut stop: watch::Receiver<bool>,
    mut tell: impl FnMut(Told),
) -> Result<Ended<W>, StandbyFailure> {
    loop {
        let order = until_told(&mut warm, client, options, &mut orders, &mut stop, &mut tell).await?;
        let Some(Order::Promote) = order else { return Ok(Ended { warm, agreed: None }) };
        // To stop in the midst of it is as good as to be killed there.
        let promoted = tokio::select! {
            biased;
            _ = stop.wait_for(|said| *said) => return Ok(Ended { warm, agreed: None }),
            promoted = promote(&mut warm, client, &options.stream, &options.promote, &mut tell) => promoted,
        };
        match promoted {
            Ok(agreed) => return Ok(Ended { warm, agreed: Some(agreed) }),
            Err(PromoteError::Follow(StandbyFailure::Stream(error))) if error.is_passing() => {
                tell(Told::NotPromoted(PromoteError::Follow(error.into())));
            }
            Err(PromoteError::Follow(failure)) => return Err(failure),
            Err(error) => tell(Told::NotPromoted(error)),
        }
    }
}

/// Follows until an order comes; `None` if it is to stop.
async fn until_told<W: Warm>(
    warm: &mut W,
    client: &Client,
    options: &StandbyOptions,
    orders: &mut mpsc::Receiver<Order>,
    stop: &mut watch::Receiver<bool>,
    tell: &mut impl FnMut(Told),
) -> Result<Option<Order>, StandbyFailure> {
    let start = warm.here().filter(|here| here.end > 0).map_or(Start::Oldest, Start::Behind);
    let mut incoming = Incoming::new(client.clone(), InOptions { start, ..options.stream.clone() });
    let mut tick = tokio::time::interval_at(Instant::now() + TICK, TICK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let came = {
            let next = incoming.next();
            tokio::pin!(next);
            // What is dropped with an order is fetched again: it begins anew behind what is here.
            tokio::select! {
                biased;
                _ = stop.wait_for(|said| *said) => return Ok(None),
                Some(order) = orders.recv() => return Ok(Some(order)),
                came = &mut next => came,
            }
        };
        match came? {
            Came::Run(run) => drop(warm.take(&run)?),
            Came::Epoch(epoch) => tell(Told::Epoch(epoch)),
            Came::Nothing => {}
            Came::Trouble(error) => tell(Told::Trouble(error.to_string())),
        }
        let is_due = futures_util::FutureExt::now_or_never(tick.tick()).is_some();
        if is_due && let Ok(end) = incoming.stream_end().await {
            let here = warm.here().map_or(0, |here| here.end);
            tell(Told::Progress { end: here, lag: end.unwrap_or(0).saturating_sub(here) });
        }
    }
}
