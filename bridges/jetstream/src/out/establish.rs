//! A connection, and the stream.

use async_nats::jetstream::stream::Stream;
use slipring_bridge::wire::MOST_PAYLOAD_BYTES;

use super::failure::Failure;
use super::patience::{Again, Patience};
use super::{OutOptions, Told};
use crate::connect::{Connect, Link};
use crate::error::{OutError, StreamError};
use crate::stream::{HEADERS_BYTES, StreamFound};

/// Connects, and makes or checks the stream; `None` if somebody said stop.
pub(super) async fn establish<T: FnMut(Told)>(
    connect: &Connect,
    options: &OutOptions,
    patience: &mut Patience,
    tell: &mut T,
) -> Result<Option<(Link, Stream, StreamFound)>, OutError> {
    let link = loop {
        let error = match connect.connect().await {
            Ok(link) => break link,
            Err(error) => error,
        };
        let failure = match error.may_pass() {
            true => Failure::Passing(error.to_string()),
            false => Failure::Final(error.into()),
        };
        if again(failure, patience, tell).await? == Again::Stop {
            return Ok(None);
        }
    };
    let needed = MOST_PAYLOAD_BYTES + HEADERS_BYTES;
    let most = link.client.max_payload();
    if most < needed {
        return Err(OutError::TooLong { bytes: needed, most });
    }
    loop {
        let failure = match options.stream.make_or_check(&link.jetstream).await {
            Ok((stream, found)) => {
                tell(Told::Stream(found.clone()));
                patience.reset();
                return Ok(Some((link, stream, found)));
            }
            Err(error @ StreamError::NoAnswer { .. }) => Failure::Passing(error.to_string()),
            Err(StreamError::Server { source, .. }) if may_pass(&source) => {
                Failure::Passing(source.to_string())
            }
            Err(error) => Failure::Final(error.into()),
        };
        if again(failure, patience, tell).await? == Again::Stop {
            return Ok(None);
        }
    }
}

/// A cluster that has no leader yet, or not enough servers.
fn may_pass(said: &async_nats::jetstream::Error) -> bool {
    said.code() == 503
}

/// Says what went wrong, and waits before the next try.
pub(super) async fn again<T: FnMut(Told)>(
    failure: Failure,
    patience: &mut Patience,
    tell: &mut T,
) -> Result<Again, OutError> {
    if patience.is_to_be_told(&failure) {
        tell(Told::Trouble(failure.text()));
    }
    patience.pause(failure).await
}
