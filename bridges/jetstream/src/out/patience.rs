//! How long to try again.

use std::time::{Duration, Instant};

use slipring_bridge::retry::Backoff;
use tokio::sync::watch;

use super::failure::Failure;
use crate::error::OutError;

/// A doubtful answer counts after so many tries: some ten seconds.
const DOUBTS: u32 = 8;

/// Pauses between tries, as long as there is a point in trying.
#[derive(Debug)]
pub(super) struct Patience {
    backoff: Backoff,
    give_up: Option<Duration>,
    since: Option<Instant>,
    is_told: bool,
    stop: watch::Receiver<bool>,
}

/// Whether to try again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Again {
    Try,
    /// Somebody said stop.
    Stop,
}

impl Patience {
    pub(super) fn new(give_up: Option<Duration>, stop: watch::Receiver<bool>) -> Self {
        let backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(5));
        Patience { backoff, give_up, since: None, is_told: false, stop }
    }

    /// All is well.
    pub(super) fn reset(&mut self) {
        self.backoff.reset();
        (self.since, self.is_told) = (None, false);
    }

    /// Whether something is not, that somebody was told of.
    pub(super) fn is_told(&self) -> bool {
        self.is_told
    }

    /// Whether to tell somebody of this failure, from which on he is taken to know. Not of one that stays,
    /// which ends it; nor of a stream that is elsewhere, unless it still is after a look: the look says why.
    pub(super) fn is_to_be_told(&mut self, failure: &Failure) -> bool {
        let is_to_be_told = match failure {
            Failure::Final(_) => false,
            Failure::Moved => self.since.is_some(),
            Failure::Passing(_) | Failure::Doubtful(_) => true,
        };
        self.is_told |= is_to_be_told;
        is_to_be_told
    }

    /// Waits before the next try.
    ///
    /// # Errors
    /// What does not pass; that nobody wants to wait longer.
    pub(super) async fn pause(&mut self, failure: Failure) -> Result<Again, OutError> {
        let last = failure.text();
        let is_moved = matches!(failure, Failure::Moved);
        match failure {
            Failure::Final(error) => return Err(error),
            Failure::Doubtful(error) if self.backoff.tries() >= DOUBTS => return Err(error),
            Failure::Doubtful(_) | Failure::Passing(_) | Failure::Moved => {}
        }
        let since = *self.since.get_or_insert_with(Instant::now);
        let waited = since.elapsed();
        if self.give_up.is_some_and(|give_up| waited >= give_up) {
            return Err(OutError::GivenUp { waited, last });
        }
        // To look again is what helps, and at once; unless that does not help.
        if is_moved && self.backoff.tries() == 0 {
            let _ = self.backoff.pause();
            return Ok(if *self.stop.borrow() { Again::Stop } else { Again::Try });
        }
        let pause = self.backoff.pause();
        tokio::select! {
            () = tokio::time::sleep(pause) => Ok(Again::Try),
            () = stopped(&mut self.stop) => Ok(Again::Stop),
        }
    }
}

/// Until somebody says stop; never, if nobody can any more.
pub(super) async fn stopped(stop: &mut watch::Receiver<bool>) {
    if stop.wait_for(|is_said| *is_said).await.is_err() {
        std::future::pending().await
    }
}
