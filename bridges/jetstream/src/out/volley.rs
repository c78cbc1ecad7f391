//! Messages onto the line: one, or some that are taken at once.

use std::future::IntoFuture;

use async_nats::jetstream::context::{PublishError, PublishErrorKind};
use async_nats::jetstream::message::PublishMessage;
use async_nats::subject::Subject;

use super::flight::Sent;
use crate::connect::Link;

/// Sends these as one; the first one's acknowledgement is that of all. `number` is no other volley's of this
/// connection.
pub(super) async fn volley(
    link: &Link,
    subject: &Subject,
    number: u64,
    sent: &mut [Sent],
) -> Result<(), PublishError> {
    let (Some(first), count) = (sent.first(), sent.len()) else { return Ok(()) };
    let behind = first.place - 1;
    let publish = if count == 1 {
        first.message.publish_behind(behind)
    } else {
        // Inboxes are nobody else's, and so is what they end with.
        let inbox = link.client.new_inbox();
        let batch = format!("{}-{number}", inbox.rsplit('.').next().unwrap_or_default());
        let part = |(n, one): (usize, &Sent)| one.message.part(&batch, n + 1, count, behind);
        let mut parts: Vec<_> = sent.iter().enumerate().map(part).collect();
        let last = parts.pop();
        for (headers, payload) in parts {
            // Nobody answers but to the last.
            let given = link.client.publish_with_headers(subject.clone(), headers, payload).await;
            given.map_err(|error| PublishError::with_source(PublishErrorKind::Other, error))?;
        }
        let (headers, payload) = last.unwrap_or_default();
        PublishMessage::build().headers(headers).payload(payload)
    };
    let ack = link.jetstream.send_publish(subject.clone(), publish).await?;
    sent[0].ack = Some(ack.into_future());
    Ok(())
}
