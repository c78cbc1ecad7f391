//! Records out: journal to stream, beside who only publishes the same messages.

use std::time::{Duration, Instant};

use slipring_jetstream::out::{self, OutOptions, Told};
use slipring_journal::Journal;
use tokio::sync::watch;

use crate::Failed;
use crate::ground::{Filled, Ground};
use crate::report::Row;
use crate::rounds::Contest;
use crate::stream::{self, to};

/// Both, in turns.
pub async fn measure(ground: &Ground<'_>) -> Result<Vec<Row>, Failed> {
    let (Filled { journal, messages }, link) = (ground.filled("out")?, ground.link().await?);
    let mut contest = Contest::new(ground.nats, ground.options.records, ["slipring", "bare publisher"]);
    for round in 0..ground.options.rounds {
        for who in Contest::<2>::order(round) {
            let name = format!("OUT-R{}-{round}-{who}", ground.replicas);
            ground.make(&link, &name).await?;
            match who {
                0 => contest.run(who, ours(ground, &journal, &name)).await?,
                _ => contest.run(who, stream::publish(&link.jetstream, &name, &messages)).await?,
            }
            stream::remove(&link, &name).await?;
        }
    }
    Ok(contest.rows(&ground.bench("out")))
}

/// From when it knows where the stream stands to the last acknowledgement.
async fn ours(ground: &Ground<'_>, journal: &Journal, name: &str) -> Result<Duration, Failed> {
    let bridge = OutOptions { until_caught_up: true, ..stream::out_options(name, ground.replicas, false) };
    let last = ground.options.records.checked_sub(1);
    let (_stop, stopped) = watch::channel(false);
    let (mut begun, mut ended) = (None, None);
    let mut trouble = None;
    let tell = |told| match told {
        Told::GoesOn { .. } => drop(begun.get_or_insert_with(Instant::now)),
        Told::Acknowledged(anchor) if Some(anchor.sequence) == last => ended = Some(Instant::now()),
        Told::Trouble(what) => trouble = Some(what),
        _ => {}
    };
    out::run(journal, &to(&ground.nats.url()), &bridge, stopped, tell).await?;
    if let Some(what) = trouble {
        return Err(format!("a round that met trouble counts for nothing: {what}").into());
    }
    let (Some(begun), Some(ended)) = (begun, ended) else { return Err("it did not send all".into()) };
    Ok(ended - begun)
}
