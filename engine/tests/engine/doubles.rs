//! Events that come twice: dropped within the window, live and over replay, by one publisher and by several.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use proptest::prelude::*;
use slipring::{
    BuildError, Context, Doubles, Engine, Event, Gate, IdempotentPublisher, Journal, Lane, OnError,
    Published, Publishers, Recovered, ReplayFrom, Stage, SyncMode,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Event)]
#[repr(C)]
struct Order {
    #[event(id)]
    id: u64,
    number: u64,
}

type Seen = Arc<Mutex<Vec<(u64, u64)>>>;

/// An engine whose stage says what comes to it.
fn open(journal: &Path, publishers: Publishers) -> (Recovered<Order>, Seen) {
    let seen = Seen::default();
    let sees = Arc::clone(&seen);
    let see =
        move |order: &Order, context: &Context| sees.lock().unwrap().push((context.sequence(), order.id));
    let journal = Journal::at(journal).segment_records(64).sync(SyncMode::every(Duration::from_millis(1)));
    let lane = Lane::named("main").journal().stage("see", see, Gate::JOURNALLED);
    let builder = Engine::builder().ring_capacity(64).publishers(publishers).journal(journal).lane(lane);
    let mut recovered = builder.open().unwrap();
    recovered.replay(ReplayFrom::Start).unwrap();
    (recovered, seen)
}

#[test]
fn a_double_is_dropped_live_and_over_replay_and_counted() {
    let folder = tempfile::tempdir().unwrap();
    for life in 0..3 {
        let (recovered, seen) = open(folder.path(), Publishers::Single);
        let (engine, mut publisher) = recovered.go_live_without_doubles(Doubles::by_id(100)).unwrap();
        for number in 0..20 {
            let order = Order { id: number % 10 + life, number };
            let published = publisher.publish(order).unwrap();
            let is_new = if life == 0 { number < 10 } else { number == 9 };
            assert_eq!(published.is_double(), !is_new, "{life} {number}");
            assert_eq!(published.sequence(), order.id);
        }
        assert_eq!(engine.counters().doubles, if life == 0 { 10 } else { 19 });
        engine.join().unwrap();
        let all: Vec<(u64, u64)> = (0..10 + life).map(|id| (id, id)).collect();
        assert_eq!(*seen.lock().unwrap(), all);
    }
}

#[test]
fn one_that_was_not_published_takes_no_id() {
    let folder = tempfile::tempdir().unwrap();
    let (recovered, _) = open(folder.path(), Publishers::Single);
    let (engine, mut publisher) = recovered.go_live_without_doubles(Doubles::by_id(100)).unwrap();
    let order = Order { id: 7, number: 0 };
    // Refused for its time, then taken.
    assert!(publisher.publish_at(u64::MAX, order).is_err());
    assert_eq!(publisher.try_publish(order).unwrap(), Published::New { sequence: 0 });
    assert_eq!(
        publisher.publish_timeout(1, order, Duration::ZERO).unwrap(),
        Published::Double { sequence: 0 }
    );
    assert_eq!(publisher.try_publish_at(1, order).unwrap(), Published::Double { sequence: 0 });
    engine.join().unwrap();
    assert!(publisher.publish(Order { id: 8, number: 0 }).is_err() && !publisher.is_open());
}

#[test]
fn a_full_ring_gives_the_event_back_and_takes_it_later() {
    let lane = Lane::named("main").stage("see", |_: &Order, _: &Context| (), Gate::PUBLISHED).invoked();
    let recovered = Engine::builder().ring_capacity(4).lane(lane).open().unwrap();
    let (engine, mut publisher) = recovered.go_live_without_doubles(Doubles::by_id(100)).unwrap();
    let order = |id| Order { id, number: 0 };
    let taken = (0..10).take_while(|id| publisher.try_publish(order(*id)).is_ok()).count() as u64;
    assert!(publisher.try_publish(order(taken)).is_err());
    // A double needs no room.
    assert_eq!(publisher.try_publish(order(0)).unwrap(), Published::Double { sequence: 0 });
    while engine.invoke() > 0 {}
    assert_eq!(publisher.try_publish(order(taken)).unwrap(), Published::New { sequence: taken });
    // One that waits runs the caller's lanes.
    for id in taken + 1..50 {
        assert_eq!(publisher.publish(order(id)).unwrap(), Published::New { sequence: id });
    }
    assert!(engine.counters().full_refusals >= 1);
    engine.join().unwrap();
}

#[test]
fn of_several_publishers_one_wins() {
    const THREADS: u64 = 3;
    const IDS: u64 = 2_000;
    let folder = tempfile::tempdir().unwrap();
    let (recovered, seen) = open(folder.path(), Publishers::Multi);
    let (engine, publisher) = recovered.go_live_without_doubles(Doubles::by_id(100_000)).unwrap();
    let new: u64 = std::thread::scope(|scope| {
        let publishing = |mut publisher: IdempotentPublisher<Order>, number| {
            move || {
                (0..IDS)
                    .filter(|id| !publisher.publish(Order { id: *id, number }).unwrap().is_double())
                    .count()
            }
        };
        let threads: Vec<_> = (0..THREADS)
            .map(|number| scope.spawn(publishing(publisher.try_clone().unwrap(), number)))
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap() as u64).sum()
    });
    assert_eq!((new, engine.counters().doubles), (IDS, (THREADS - 1) * IDS));
    drop(publisher);
    engine.join().unwrap();
    let mut ids: Vec<u64> = seen.lock().unwrap().iter().map(|(_, id)| *id).collect();
    ids.sort_unstable();
    assert_eq!(ids, (0..IDS).collect::<Vec<_>>());
}

#[test]
fn what_is_published_again_on_purpose_is_no_double_and_its_id_is_known() {
    let folder = tempfile::tempdir().unwrap();
    let open = |refuses: bool| {
        let handler = move |order: &Order, _: &Context| match order.id == 3 && refuses {
            true => Err("not yet"),
            false => Ok(()),
        };
        let stage = Stage::new("see", handler, Gate::JOURNALLED).on_error(OnError::DeadLetter);
        let lane = Lane::named("main").journal().with(stage);
        let mut recovered = Engine::builder().journal(Journal::at(folder.path())).lane(lane).open().unwrap();
        recovered.replay(ReplayFrom::Start).unwrap();
        recovered.go_live_without_doubles(Doubles::by_id(6)).unwrap()
    };
    let order = |id| Order { id, number: 0 };
    let (engine, mut publisher) = open(true);
    (0..5).for_each(|id| assert!(!publisher.publish(order(id)).unwrap().is_double()));
    engine.join().unwrap();
    let (engine, mut publisher) = open(false);
    let mut letters = slipring::DeadLetters::of(folder.path()).unwrap();
    let again = letters.reprocess(&engine, &mut publisher, |_| true).unwrap();
    assert_eq!(again[0].sequence, 5);
    // By now the window begins behind the first one, and the id is that of the second.
    (6..10).for_each(|id| assert!(!publisher.publish(order(id)).unwrap().is_double()));
    assert_eq!(publisher.publish(order(3)).unwrap(), Published::Double { sequence: 5 });
    engine.join().unwrap();
    let (engine, mut publisher) = open(false);
    assert_eq!(publisher.publish(order(3)).unwrap(), Published::Double { sequence: 5 });
    engine.join().unwrap();
}

#[test]
fn a_window_that_can_not_be_is_refused() {
    let live = |doubles: Doubles| {
        let lane = Lane::named("main").stage("see", |_: &Order, _: &Context| (), Gate::PUBLISHED);
        Engine::builder().lane(lane).open().unwrap().go_live_without_doubles(doubles).map(drop)
    };
    for events in [0, (1 << 30) + 1, usize::MAX] {
        let error = live(Doubles::by_id(events)).unwrap_err();
        assert!(matches!(error, BuildError::BadWindow { events: found } if found == events), "{error}");
    }
    live(Doubles::by_id(1)).unwrap();
}

/// One life: so many orders, and whether it is ended by a drop.
#[derive(Clone, Debug)]
struct Life {
    orders: Vec<(Option<u64>, u64)>,
    drops: bool,
}

fn life() -> impl Strategy<Value = Life> {
    // Ids from a small set, steps of time.
    let order = (prop::option::weighted(0.95, 0u64..40), 0u64..5);
    (prop::collection::vec(order, 0..80), any::<bool>()).prop_map(|(orders, drops)| Life { orders, drops })
}

/// An id, unless there is none.
fn id_of_order(order: &Order) -> Option<u128> {
    (order.id != u64::MAX).then_some(u128::from(order.id))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn in_every_life_a_double_is_what_the_last_events_say(
        events in 1usize..50,
        span_ns in prop::option::of(0u64..100),
        lives in prop::collection::vec(life(), 1..5),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let mut all: Vec<(Option<u64>, u64)> = Vec::new();
        let mut now_ns = 1_000;
        for life in &lives {
            let (recovered, seen) = open(folder.path(), Publishers::Single);
            let mut doubles = Doubles::by(events, id_of_order);
            if let Some(span_ns) = span_ns {
                doubles = doubles.within(Duration::from_nanos(span_ns));
            }
            let (engine, mut publisher) = recovered.go_live_without_doubles(doubles).unwrap();
            let mut dropped = 0;
            for (id, step_ns) in &life.orders {
                now_ns += step_ns;
                // The last of this id among the last events, and not too old.
                let from = all.len().saturating_sub(events);
                let last = id.and_then(|id| (from..all.len()).rev().find(|at| all[*at].0 == Some(id)));
                let last = last.filter(|at| span_ns.is_none_or(|span_ns| now_ns - all[*at].1 <= span_ns));
                let order = Order { id: id.unwrap_or(u64::MAX), number: 0 };
                let wanted = match last {
                    Some(at) => Published::Double { sequence: at as u64 },
                    None => Published::New { sequence: all.len() as u64 },
                };
                prop_assert_eq!(publisher.publish_at(now_ns, order).unwrap(), wanted);
                match last {
                    Some(_) => dropped += 1,
                    None => all.push((*id, now_ns)),
                }
            }
            prop_assert_eq!(engine.counters().doubles, dropped);
            if life.drops { drop((publisher, engine)) } else { drop(engine.join().unwrap()) }
            let wanted: Vec<_> =
                (0u64..).zip(&all).map(|(sequence, (id, _))| (sequence, id.unwrap_or(u64::MAX))).collect();
            prop_assert_eq!(&*seen.lock().unwrap(), &wanted);
        }
    }
}
