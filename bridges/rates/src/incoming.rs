//! Records in: stream to replica, beside who only takes the same messages.

use std::path::Path;
use std::time::{Duration, Instant};

use async_nats::Client;
use slipring_jetstream::incoming::{Came, InOptions, Incoming, IntoReplica, Start};
use slipring_journal::Journal;
use slipring_test_servers::nats::Nats;

use crate::event::written;
use crate::report::Row;
use crate::rounds::Contest;
use crate::stream::{self, composed, to};
use crate::{Failed, Options};

const STREAM: &str = "IN";

/// Both, in turns, of one stream.
pub async fn measure(
    options: &Options,
    nats: &Nats,
    replicas: usize,
    place: &Path,
) -> Result<Vec<Row>, Failed> {
    let journal = written(&place.join(format!("in-R{replicas}")), options.records)?;
    let messages = composed(&journal, "composed")?;
    let link = to(&nats.url()).connect().await?;
    stream::make(&link.jetstream, nats, STREAM, replicas).await?;
    stream::publish(&link.jetstream, STREAM, &messages).await?;
    let mut contest = Contest::new(nats, options.records);
    let mut durable = Vec::new();
    for round in 0..options.rounds {
        let copy = place.join("copy");
        for is_ours in Contest::order(round) {
            if is_ours {
                let ours = ours(&link.client, &copy, options.records, &mut durable);
                contest.ours(ours).await?;
            } else {
                contest.bare(stream::consume(&link.jetstream, STREAM, messages.len())).await?;
            }
        }
        must_be_equal(&journal, &Journal::at(&copy), options.records)?;
        std::fs::remove_dir_all(&copy)?;
    }
    stream::remove(&link, STREAM).await?;
    let bench = format!("in/R{replicas}");
    let mut rows = contest.rows(&bench, "bare consumer");
    let (contender, unit) = ("slipring", "M/s");
    rows.push(Row { bench, contender, metric: "throughput-durable", unit, rounds: durable, beside: None });
    Ok(rows)
}

/// Until the replica has taken all; how fast it was until all was durable too goes to `durable`.
async fn ours(
    client: &Client,
    copy: &Path,
    records: u64,
    durable: &mut Vec<f64>,
) -> Result<Duration, Failed> {
    let begun = Instant::now();
    let mut replica = IntoReplica::open(Journal::at(copy))?;
    let mut incoming = Incoming::new(client.clone(), InOptions::new(STREAM, Start::Oldest));
    while incoming.next_sequence() != Some(records) {
        match incoming.next().await? {
            Came::Run(run) => drop(replica.take(&run)?),
            Came::Trouble(error) => return Err(error.into()),
            Came::Epoch(_) | Came::Nothing => {}
        }
    }
    let taken = begun.elapsed();
    replica.close()?;
    durable.push(records as f64 / begun.elapsed().as_secs_f64() / 1e6);
    Ok(taken)
}

/// By the last record: its checksum binds it to all that it says, and no record is taken that does not
/// follow.
fn must_be_equal(one: &Journal, other: &Journal, records: u64) -> Result<(), Failed> {
    let anchor = |journal: &Journal| journal.raw_reader()?.anchor(records - 1);
    if anchor(one)? == anchor(other)? { Ok(()) } else { Err("the replica is not the journal".into()) }
}
