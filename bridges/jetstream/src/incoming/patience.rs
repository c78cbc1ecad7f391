//! How long a stream that can't be read just now is asked again: its servers agree on a leader, say.

use std::future::Future;
use std::time::{Duration, Instant};

use slipring_bridge::retry::Backoff;

use super::error::InError;

/// Until nothing was had of it for so long.
pub(crate) const UNREADABLE_FOR: Duration = Duration::from_secs(30);

/// What `ask` gets, once it gets something other than an error that may pass.
pub(crate) async fn patiently<T, F>(mut ask: impl FnMut() -> F) -> Result<T, InError>
where
    F: Future<Output = Result<T, InError>>,
{
    let begun = Instant::now();
    let mut backoff = Backoff::new(Duration::from_millis(20), Duration::from_secs(1));
    loop {
        match ask().await {
            Err(error) if error.is_passing() && begun.elapsed() < UNREADABLE_FOR => {
                tokio::time::sleep(backoff.pause()).await;
            }
            answer => return answer,
        }
    }
}
