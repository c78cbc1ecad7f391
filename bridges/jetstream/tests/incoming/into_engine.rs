//! Into an engine of its own, whose journal says where to go on.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use slipring::prelude::*;
use slipring_jetstream::incoming::{Came, InOptions, Incoming, Start};
use slipring_test_servers::nats::{Nats, Options};

use crate::journals::{Tick, append, tick, time_ns};
use crate::publisher::{Publisher, STREAM, connect};

#[tokio::test]
async fn an_engine_gets_each_event_once_over_its_lives() {
    let Some(nats) = Nats::start(Options::one_node()) else { return };
    let (primary, local) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let journal = Journal::at(primary.path());
    append(&journal, 1_000);
    Publisher::to(&nats, &journal, 64).await.publish_all().await;
    let client = connect(&nats.url()).await;
    for (from, end) in [(0, 650), (650, 1_000)] {
        let seen = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&seen);
        let count = move |event: &Tick, context: &Context| {
            assert_eq!((*event, context.time_ns()), (tick(context.sequence()), time_ns(context.sequence())));
            counted.fetch_add(1, Ordering::SeqCst);
        };
        let mut recovered = Engine::builder()
            .journal(Journal::at(local.path()))
            .lane(Lane::named("main").journal().stage("count", count, Gate::JOURNALLED))
            .open()
            .unwrap();
        recovered.replay(ReplayFrom::Start).unwrap();
        let start = Start::Sequence(recovered.end_sequence());
        assert_eq!(start, Start::Sequence(from));
        let (engine, mut publisher) = recovered.go_live().unwrap();
        let mut incoming = Incoming::new(client.clone(), InOptions::new(STREAM, start));
        let mut next = from;
        while next < end {
            let Came::Run(run) = incoming.next().await.unwrap() else { continue };
            for record in run.records().take_while(|record| record.sequence < end) {
                let event = bytemuck::pod_read_unaligned::<Tick>(record.event);
                next = publisher.publish_at(record.time_ns, event).unwrap() + 1;
                assert_eq!(next, record.sequence + 1);
            }
        }
        engine.join().unwrap();
        assert_eq!(seen.load(Ordering::SeqCst), end);
    }
}
