//! Records out: journal to stream, beside who only publishes the same messages.

use std::path::Path;
use std::time::{Duration, Instant};

use slipring_jetstream::out::{self, OutOptions, Told};
use slipring_journal::Journal;
use slipring_test_servers::nats::Nats;
use tokio::sync::watch;

use crate::event::written;
use crate::report::Row;
use crate::rounds::Contest;
use crate::stream::{self, composed, to};
use crate::{Failed, Options};

/// Both, in turns.
pub async fn measure(
    options: &Options,
    nats: &Nats,
    replicas: usize,
    place: &Path,
) -> Result<Vec<Row>, Failed> {
    let journal = written(&place.join(format!("out-R{replicas}")), options.records)?;
    let messages = composed(&journal, "composed")?;
    let link = to(&nats.url()).connect().await?;
    let mut contest = Contest::new(nats, options.records);
    for round in 0..options.rounds {
        for is_ours in Contest::order(round) {
            let name = format!("OUT-R{replicas}-{round}-{is_ours}");
            stream::make(&link.jetstream, nats, &name, replicas).await?;
            if is_ours {
                contest.ours(ours(options, nats, &journal, &name, replicas)).await?;
            } else {
                contest.bare(stream::publish(&link.jetstream, &name, &messages)).await?;
            }
            stream::remove(&link, &name).await?;
        }
    }
    Ok(contest.rows(&format!("out/R{replicas}"), "bare publisher"))
}

/// From when it knows where the stream stands to the last acknowledgement.
async fn ours(
    options: &Options,
    nats: &Nats,
    journal: &Journal,
    name: &str,
    replicas: usize,
) -> Result<Duration, Failed> {
    let bridge = OutOptions { until_caught_up: true, ..stream::out_options(name, replicas, false) };
    let (_stop, stopped) = watch::channel(false);
    let (mut begun, mut ended) = (None, None);
    let mut trouble = None;
    let tell = |told| match told {
        Told::GoesOn { .. } => drop(begun.get_or_insert_with(Instant::now)),
        Told::Acknowledged(anchor) if anchor.sequence + 1 == options.records => ended = Some(Instant::now()),
        Told::Trouble(what) => trouble = Some(what),
        _ => {}
    };
    out::run(journal, &to(&nats.url()), &bridge, stopped, tell).await?;
    if let Some(what) = trouble {
        return Err(format!("a round that met trouble counts for nothing: {what}").into());
    }
    let (Some(begun), Some(ended)) = (begun, ended) else { return Err("it did not send all".into()) };
    Ok(ended - begun)
}
