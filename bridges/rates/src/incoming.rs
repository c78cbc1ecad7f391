//! Records in: stream to replica, beside who only takes the same messages, and who writes them to a file.

use std::path::Path;
use std::time::Instant;

use async_nats::Client;
use async_nats::jetstream::Context;
use slipring_jetstream::incoming::{Came, InOptions, Incoming, IntoReplica, Start};
use slipring_journal::Journal;

use crate::Failed;
use crate::ground::{Filled, Ground};
use crate::report::Row;
use crate::rounds::{Contest, Took};
use crate::stream;
use crate::to_file::SyncedFile;

const STREAM: &str = "IN";
const CONTENDERS: [&str; 3] = ["slipring", "bare consumer", "bare consumer to a file"];

/// All of them, in turns, of one stream.
pub async fn measure(ground: &Ground<'_>) -> Result<Vec<Row>, Failed> {
    let (Filled { journal, messages }, link) = (ground.filled("in")?, ground.link().await?);
    ground.make(&link, STREAM).await?;
    stream::publish(&link.jetstream, STREAM, &messages).await?;
    let records = ground.options.records;
    let mut contest = Contest::new(ground.nats, records, CONTENDERS);
    for round in 0..ground.options.rounds {
        let copy = ground.place.join("copy");
        for who in Contest::<3>::order(round) {
            match who {
                0 => contest.run(who, ours(&link.client, &copy, records)).await?,
                1 => contest.run(who, thrown_away(&link.jetstream, messages.len())).await?,
                _ => {
                    let file = ground.place.join("file");
                    contest.run(who, to_file(&link.jetstream, messages.len(), &file)).await?;
                    let payloads = messages.iter().map(|message| message.payload_bytes() as u64);
                    if std::fs::metadata(&file)?.len() != payloads.sum::<u64>() {
                        return Err("the file has not all".into());
                    }
                    std::fs::remove_file(&file)?;
                }
            }
        }
        must_be_equal(&journal, &Journal::at(&copy), records)?;
        std::fs::remove_dir_all(&copy)?;
    }
    stream::remove(&link, STREAM).await?;
    Ok(contest.rows(&ground.bench("in")))
}

/// Until the replica has taken all, and until all is durable.
async fn ours(client: &Client, copy: &Path, records: u64) -> Result<Took, Failed> {
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
    let elapsed = begun.elapsed();
    replica.close()?;
    Ok(Took { elapsed, durable: Some(begun.elapsed()) })
}

async fn thrown_away(jetstream: &Context, messages: usize) -> Result<Took, Failed> {
    let (_, elapsed) = stream::consume(jetstream, STREAM, messages, |_| Ok(())).await?;
    Ok(elapsed.into())
}

/// What somebody would write who needs the bytes on the disk, as soon as a replica has them there, and checks
/// nothing.
async fn to_file(jetstream: &Context, messages: usize, path: &Path) -> Result<Took, Failed> {
    let mut file = SyncedFile::create(path)?;
    let (begun, elapsed) =
        stream::consume(jetstream, STREAM, messages, |payload| Ok(file.write(payload)?)).await?;
    file.close()?;
    Ok(Took { elapsed, durable: Some(begun.elapsed()) })
}

/// By the last record: its checksum binds it to all that it says, and no record is taken that does not
/// follow.
fn must_be_equal(one: &Journal, other: &Journal, records: u64) -> Result<(), Failed> {
    let anchor = |journal: &Journal| journal.raw_reader()?.anchor(records - 1);
    if anchor(one)? == anchor(other)? { Ok(()) } else { Err("the replica is not the journal".into()) }
}
