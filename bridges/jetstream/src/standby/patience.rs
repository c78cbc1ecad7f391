//! How long a stream that can't be read just now is asked again: its servers agree on a leader, say.

use std::future::Future;
use std::time::{Duration, Instant};

use slipring_bridge::retry::Backoff;

use super::follow::Told;
use crate::incoming::InError;

/// Asks again, later each time, until nothing was had for as long as was said; and tells what is wrong.
pub(crate) struct Patience<T> {
    give_up: Option<Duration>,
    tell: T,
    since: Option<Instant>,
    backoff: Backoff,
}

impl<T: FnMut(Told)> Patience<T> {
    /// Without `give_up` for ever.
    pub(crate) fn new(give_up: Option<Duration>, tell: T) -> Self {
        let backoff = Backoff::new(Duration::from_millis(20), Duration::from_secs(1));
        Patience { give_up, tell, since: None, backoff }
    }

    /// What `ask` gets, once it gets something other than an error that may pass.
    pub(crate) async fn ask<R, F>(&mut self, mut ask: impl FnMut() -> F) -> Result<R, InError>
    where
        F: Future<Output = Result<R, InError>>,
    {
        loop {
            match ask().await {
                Err(error) if error.is_passing() && self.bears(&error) => {
                    tokio::time::sleep(self.backoff.pause()).await;
                }
                answer => {
                    self.is_well();
                    return answer;
                }
            }
        }
    }

    /// Tells what is wrong. False once something has been for too long.
    pub(crate) fn bears(&mut self, what: &dyn std::fmt::Display) -> bool {
        let waited = self.since.get_or_insert_with(Instant::now).elapsed();
        let goes_on = self.give_up.is_none_or(|most| waited < most);
        if goes_on {
            self.tell(Told::Trouble(what.to_string()));
        }
        goes_on
    }

    /// Something was had.
    pub(crate) fn is_well(&mut self) {
        self.since = None;
        self.backoff.reset();
    }

    pub(crate) fn tell(&mut self, told: Told) {
        (self.tell)(told);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unreadable() -> InError {
        InError::Server { doing: "look", source: "no leader".into() }
    }

    #[tokio::test]
    async fn what_may_pass_is_asked_again_and_told() {
        let mut told = Vec::new();
        let mut patience = Patience::new(None, |what| told.push(format!("{what:?}")));
        let mut left = 3;
        let asked = patience.ask(|| {
            left -= 1;
            std::future::ready(if left > 0 { Err(unreadable()) } else { Ok(7) })
        });
        assert_eq!(asked.await.unwrap(), 7);
        assert_eq!(told.len(), 2, "{told:?}");
    }

    #[tokio::test]
    async fn it_gives_up_where_it_was_told_to_and_what_stays_is_not_asked_again() {
        let mut patience = Patience::new(Some(Duration::ZERO), |_| panic!("there is nothing to wait for"));
        let given_up = patience.ask(|| std::future::ready(Err::<(), _>(unreadable()))).await;
        assert!(matches!(given_up, Err(InError::Server { .. })));
        let mut patience = Patience::new(None, |_| panic!("it stays"));
        let stays = || std::future::ready(Err::<(), _>(InError::NoStream { stream: "S".to_owned() }));
        assert!(matches!(patience.ask(stays).await, Err(InError::NoStream { .. })));
    }
}
