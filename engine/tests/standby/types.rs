//! The primary's events change their type: the standby's program is older, as old, or newer.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::program::{Run, journal, origin, places, stored};
use slipring::{Context, Engine, Event, Gate, Lane, Schema, Standby, StandbyError};

mod v1 {
    #[derive(Clone, Copy, Debug, slipring::Event)]
    #[event(version = 1)]
    #[repr(C)]
    pub struct Quote {
        pub price: u64,
    }
}

mod v2 {
    #[derive(Clone, Copy, Debug, slipring::Event)]
    #[event(version = 2)]
    #[repr(C)]
    pub struct Quote {
        pub price: u64,
        #[event(since = 2, default = 1)]
        pub size: u64,
    }
}

/// A primary that writes the older type, then the newer one.
fn primary(folder: &Path) -> Vec<Run> {
    let (mut writer, _) = journal(folder).open::<v1::Quote>().unwrap();
    (0..30).for_each(|price| assert_eq!(writer.append(price, &v1::Quote { price }).unwrap(), price));
    writer.close().unwrap();
    let (mut writer, _) = journal(folder).open::<v2::Quote>().unwrap();
    for price in 30..60 {
        writer.append(price, &v2::Quote { price, size: 3 }).unwrap();
    }
    writer.close().unwrap();
    let runs = stored(folder);
    assert_eq!(runs.iter().map(|run| (run.first, run.end())).collect::<Vec<_>>(), [(0, 30), (30, 60)]);
    runs
}

fn standby<E: Event>(
    (primary, folder): (&Path, &Path),
    first: &Schema,
    value: impl Fn(&E) -> u64 + Send + 'static,
) -> (Standby<E>, Arc<AtomicU64>) {
    let sum = Arc::new(AtomicU64::new(0));
    let add = Arc::clone(&sum);
    let book = move |event: &E, _: &Context| {
        add.fetch_add(value(event), Ordering::Relaxed);
    };
    let lane = Lane::named("main").journal().stage("book", book, Gate::JOURNALLED);
    let builder = Engine::builder().journal(journal(folder)).lane(lane);
    (builder.standby(&origin(primary), first).unwrap(), sum)
}

fn notional(quote: &v2::Quote) -> u64 {
    quote.price * quote.size
}

#[test]
fn a_newer_program_sees_older_events_as_its_own_and_promotes_into_its_type() {
    let (_folder, primary_at, standby_at) = places();
    let runs = primary(&primary_at);
    let (mut standby, sum) = standby::<v2::Quote>((&primary_at, &standby_at), &runs[0].schema, notional);
    standby.take(0, None, &runs[0].bytes).unwrap();
    standby.settle().unwrap();
    assert_eq!(sum.load(Ordering::Relaxed), (0..30).sum::<u64>());
    let (engine, mut publisher) = standby.promote(1024).unwrap().go_live().unwrap();
    let sequence = publisher.publish(v2::Quote { price: 10, size: 10 }).unwrap();
    assert_eq!(sequence, 30);
    engine.wait_stage("book", 30).unwrap();
    engine.join().unwrap();
    assert_eq!(sum.load(Ordering::Relaxed), (0..30).sum::<u64>() + 100);
    let segments = slipring_journal::inspect(&standby_at).unwrap().segments;
    let told: Vec<_> = segments.iter().map(|s| (s.base, s.records, s.event_version)).collect();
    assert_eq!(told[..2], [(0, 30, 1), (30, 1, 2)], "and no empty one between");
}

#[test]
fn records_that_change_their_type_on_the_way_are_taken_and_shown_as_the_newest() {
    let (_folder, primary_at, standby_at) = places();
    let runs = primary(&primary_at);
    let (mut standby, sum) = standby::<v2::Quote>((&primary_at, &standby_at), &runs[0].schema, notional);
    let cursors = standby.cursors().unwrap();
    for run in &runs {
        standby.next_type(&run.schema).unwrap();
        standby.take(run.first, run.before(run.first), &run.bytes).unwrap();
    }
    standby.settle().unwrap();
    let expected = (0..30).sum::<u64>() + (30..60).map(|price| price * 3).sum::<u64>();
    assert_eq!(sum.load(Ordering::Relaxed), expected);
    assert_eq!(cursors.journalled_end(), 60, "they go on through the change");
    cursors.wait_durable(59, std::time::Duration::from_secs(60)).unwrap();
    standby.close().unwrap();
    assert_eq!(super::program::all_bytes(&standby_at), super::program::all_bytes(&primary_at));
    // Opened again, both types are replayed.
    let (standby, sum) = self::standby::<v2::Quote>((&primary_at, &standby_at), &runs[0].schema, notional);
    assert_eq!((standby.end_sequence(), sum.load(Ordering::Relaxed)), (60, expected));
}

#[test]
fn an_older_program_does_not_go_on_to_a_newer_type_and_stays_a_standby() {
    let (_folder, primary_at, standby_at) = places();
    let runs = primary(&primary_at);
    let (mut older, sum) =
        standby::<v1::Quote>((&primary_at, &standby_at), &runs[0].schema, |quote| quote.price);
    older.take(0, None, &runs[0].bytes).unwrap();
    let refused = older.next_type(&runs[1].schema).unwrap_err();
    assert!(matches!(refused, StandbyError::NewerType { .. }), "{refused}");
    assert_eq!((older.settle().unwrap(), sum.load(Ordering::Relaxed)), (30, (0..30).sum::<u64>()));
    older.close().unwrap();
    // The newer program takes its place, and goes on.
    let (mut newer, _) = standby::<v2::Quote>((&primary_at, &standby_at), &runs[0].schema, notional);
    newer.next_type(&runs[1].schema).unwrap();
    newer.take(30, runs[1].before(30), &runs[1].bytes).unwrap();
    assert_eq!(newer.settle().unwrap(), 60);
}
