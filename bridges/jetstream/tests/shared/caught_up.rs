//! A replica that holds all that a stream holds: of more than one of the tests' programs.

use async_nats::Client;
use slipring_jetstream::incoming::{Came, InOptions, Incoming, IntoReplica, Start};
use slipring_journal::Journal;

/// Such a replica; one that is there goes on where it ends.
pub async fn caught_up(journal: Journal, client: Client, stream: InOptions) -> IntoReplica {
    let mut replica = IntoReplica::open(journal).unwrap();
    let start = replica.here().map_or(stream.start, Start::Behind);
    let mut incoming = Incoming::new(client, InOptions { start, ..stream });
    while !incoming.has_caught_up().await.unwrap() {
        if let Came::Run(run) = incoming.next().await.unwrap() {
            replica.take(&run).unwrap();
        }
    }
    replica
}
