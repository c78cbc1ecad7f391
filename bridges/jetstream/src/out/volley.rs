//! Messages onto the line: one, or some that are taken at once.

use std::future::IntoFuture;

use async_nats::Client;
use async_nats::jetstream::Context;
use async_nats::jetstream::context::{PublishAckFuture, PublishError, PublishErrorKind};
use async_nats::jetstream::message::PublishMessage;
use async_nats::subject::Subject;

use super::flight::Sent;
use crate::connect::Link;
use crate::message::Outgoing;

/// Publishes `count` equal messages that are taken at once behind the stream sequence `behind`, or none of
/// them, as who begins to send does: see [`wire`](slipring_bridge::wire). The acknowledgement, which is not
/// waited for here, is that of the last.
///
/// # Errors
/// [`PublishError`] if they can't be handed to the connection.
pub async fn publish_at_once(
    link: &Link,
    subject: &Subject,
    message: &Outgoing,
    count: usize,
    behind: u64,
) -> Result<PublishAckFuture, PublishError> {
    at_once((&link.client, &link.jetstream), subject, message, count, behind).await
}

/// The same where a connection is a client and its context.
pub(crate) async fn at_once(
    (client, jetstream): (&Client, &Context),
    subject: &Subject,
    message: &Outgoing,
    count: usize,
    behind: u64,
) -> Result<PublishAckFuture, PublishError> {
    // Inboxes are nobody else's, and so is what they end with.
    let inbox = client.new_inbox();
    let batch = inbox.rsplit('.').next().unwrap_or_default();
    for number in 1..count {
        let (headers, payload) = message.part(batch, number, count, behind);
        // Nobody answers but to the last.
        let given = client.publish_with_headers(subject.clone(), headers, payload).await;
        given.map_err(|error| PublishError::with_source(PublishErrorKind::Other, error))?;
    }
    let (headers, payload) = message.part(batch, count, count, behind);
    let last = PublishMessage::build().headers(headers).payload(payload);
    jetstream.send_publish(subject.clone(), last).await
}

/// Sends these, of which there are several only where they are equal, as one; the first one's acknowledgement
/// is that of all.
pub(super) async fn volley(link: &Link, subject: &Subject, sent: &mut [Sent]) -> Result<(), PublishError> {
    let count = sent.len();
    let Some(first) = sent.first_mut() else { return Ok(()) };
    let (message, behind) = (first.message.clone(), first.place - 1);
    let ack = match count {
        1 => link.jetstream.send_publish(subject.clone(), message.publish_behind(behind)).await?,
        count => publish_at_once(link, subject, &message, count, behind).await?,
    };
    first.ack = Some(ack.into_future());
    Ok(())
}
