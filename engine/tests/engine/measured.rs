//! Latency from publish: from the call to the handler's return, by the engine's clock, whatever the events'
//! own times.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use slipring::{
    Context, Engine, EngineBuilder, Event, Gate, Journal, Lane, Latency, Publisher, Publishers, ReplayFrom,
    Stage, Ticker,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Event)]
#[repr(C)]
struct Tick {
    id: u64,
}

const TICK: Tick = Tick { id: 7 };
const START_NS: u64 = 1_000_000_000;
const HOUR: u64 = 3_600_000_000_000;

/// A clock that stands still until it is put on.
#[derive(Clone)]
struct Manual(Arc<AtomicU64>);

impl Manual {
    fn new() -> Self {
        Manual(Arc::new(AtomicU64::new(START_NS)))
    }

    fn put_on(&self, by_ns: u64) {
        self.0.fetch_add(by_ns, Ordering::Relaxed);
    }

    fn builder(&self, publishers: Publishers) -> EngineBuilder<Tick> {
        let clock = Arc::clone(&self.0);
        Engine::builder().publishers(publishers).clock(move || clock.load(Ordering::Relaxed))
    }
}

/// A stage on the caller's lane that takes so long for an event.
fn measured(clock: &Manual, takes_ns: u64) -> (Lane<Tick>, Latency) {
    let (recorder, latency) = Latency::recorder();
    let clock = clock.clone();
    let handler = move |_: &Tick, _: &Context| clock.put_on(takes_ns);
    let stage = Stage::new("measured", handler, Gate::PUBLISHED).measured_from_publish(recorder);
    (Lane::named("own").invoked().with(stage), latency)
}

/// Publishes; how many.
type Publish = fn(&mut Publisher<Tick>) -> u64;

/// Every call that publishes, with times that say nothing where there is one to give: long past, far ahead.
const CALLS: &[Publish] = &[
    |publisher| publisher.publish(TICK).map(|_| 1).unwrap(),
    |publisher| publisher.publish_at(0, TICK).map(|_| 1).unwrap(),
    |publisher| publisher.publish_at(HOUR, TICK).map(|_| 1).unwrap(),
    |publisher| publisher.publish_with(|tick| tick.id = 1).map(|_| 1).unwrap(),
    |publisher| publisher.publish_timeout(3, TICK, Duration::from_secs(60)).map(|_| 1).unwrap(),
    |publisher| publisher.publish_all(&[TICK; 5]).map(|_| 5).unwrap(),
    |publisher| publisher.publish_all_at(&[(HOUR, TICK), (0, TICK), (9, TICK)]).map(|_| 3).unwrap(),
    |publisher| publisher.try_publish(TICK).map(|_| 1).unwrap(),
    |publisher| publisher.try_publish_at(1, TICK).map(|_| 1).unwrap(),
    |publisher| publisher.try_publish_with(|tick| tick.id = 2).map(|_| 1).unwrap(),
    |publisher| publisher.try_publish_all(&[TICK; 4]).map(|_| 4).unwrap(),
    |publisher| publisher.try_publish_all_at(&[(2, TICK), (HOUR, TICK)]).map(|_| 2).unwrap(),
];

#[test]
fn each_call_is_measured_from_the_call_on_whatever_the_events_times() {
    for publishers in [Publishers::Single, Publishers::Multi] {
        let clock = Manual::new();
        let (lane, latency) = measured(&clock, 0);
        let (engine, publisher) = clock.builder(publishers).ring_capacity(64).lane(lane).go_live().unwrap();
        let others = publisher.try_clone();
        let mut all: Vec<Publisher<Tick>> = [publisher].into_iter().chain(others).collect();
        let mut intervals = latency.intervals();
        let mut count = 0;
        // Ages below 2,048 are told apart exactly. Several laps, beginning anywhere in the ring.
        for nth in 0..2_000 {
            let at = nth as usize % all.len();
            let published = CALLS[nth as usize % CALLS.len()](&mut all[at]);
            clock.put_on(nth);
            while engine.invoke() > 0 {}
            let ages = intervals.take();
            assert_eq!((ages.len(), ages.min(), ages.max()), (published, nth, nth), "call {nth}");
            count += published;
        }
        assert_eq!(latency.total().len(), count);
        drop(all);
        engine.join().unwrap();
    }
}

#[test]
fn a_wait_on_a_full_ring_is_in_it() {
    let clock = Manual::new();
    let (lane, latency) = measured(&clock, 100);
    let (engine, mut publisher) =
        clock.builder(Publishers::Single).ring_capacity(2).lane(lane).go_live().unwrap();
    let mut intervals = latency.intervals();
    for calls in [[CALLS[0]; 4], [CALLS[1]; 4], [CALLS[4]; 4]] {
        // The third waits for the first, and the fourth for the second.
        for call in calls {
            assert_eq!(call(&mut publisher), 1);
        }
        while engine.invoke() > 0 {}
        let ages = intervals.take();
        assert_eq!((ages.count_at(100), ages.count_at(200), ages.count_at(300)), (1, 1, 2));
    }
    drop(publisher);
    engine.join().unwrap();
}

#[test]
fn a_publish_that_was_refused_leaves_the_next_its_own_call() {
    for (publishers, capacity) in [(Publishers::Single, 2), (Publishers::Multi, 64)] {
        let clock = Manual::new();
        let (lane, latency) = measured(&clock, 0);
        let (engine, mut publisher) =
            clock.builder(publishers).ring_capacity(capacity).lane(lane).go_live().unwrap();
        (0..capacity).for_each(|_| assert!(publisher.try_publish(TICK).is_ok()));
        let refused: [fn(&mut Publisher<Tick>) -> bool; 3] = [
            |publisher| publisher.try_publish(TICK).is_err(),
            |publisher| publisher.try_publish_at(5, TICK).is_err(),
            |publisher| publisher.try_publish_all_at(&[(5, TICK)]).is_err(),
        ];
        for refused in refused {
            assert!(refused(&mut publisher));
            clock.put_on(500);
            while engine.invoke() > 0 {}
            let mut intervals = latency.intervals();
            (0..capacity).for_each(|_| assert!(publisher.try_publish_at(0, TICK).is_ok()));
            clock.put_on(7);
            assert!(publisher.try_publish(TICK).is_err());
            while engine.invoke() > 0 {}
            let ages = intervals.take();
            assert_eq!((ages.len(), ages.min(), ages.max()), (capacity as u64, 7, 7));
            (0..capacity).for_each(|_| assert!(publisher.try_publish(TICK).is_ok()));
        }
        drop(publisher);
        engine.join().unwrap();
    }
}

/// Stages of all kinds, behind a journal and void slots of replay too: what is live is counted, once.
#[test]
fn live_events_are_measured_and_replayed_ones_are_not() {
    for publishers in [Publishers::Single, Publishers::Multi] {
        let folder = tempfile::tempdir().unwrap();
        let journal = || Journal::at(folder.path()).segment_records(64);
        let (mut writer, _) = journal().open::<Tick>().unwrap();
        for id in 0..77 {
            match id % 3 {
                0 => writer.append_void(id).unwrap(),
                _ => writer.append(id, &Tick { id }).unwrap(),
            };
        }
        writer.close().unwrap();
        for (life, count) in [(0, 130), (1, 10)] {
            let clock = Manual::new();
            let (recorders, all): (Vec<_>, Vec<_>) = (0..3).map(|_| Latency::recorder()).unzip();
            let mut recorders = recorders.into_iter();
            let mut stage = |name, gate| {
                let clock = clock.clone();
                let handler = move |_: &Tick, _: &Context| clock.put_on(1);
                Stage::new(name, handler, gate).measured_from_publish(recorders.next().unwrap())
            };
            let mut recovered = clock
                .builder(publishers)
                .ring_capacity(64)
                .journal(journal())
                .lane(Lane::named("fused").journal().with(stage("fused", Gate::JOURNALLED)))
                .lane(
                    Lane::named("two")
                        .with(stage("beside", Gate::PUBLISHED))
                        .with(stage("behind", Gate::PUBLISHED.after("fused"))),
                )
                .open()
                .unwrap();
            recovered.replay(ReplayFrom::Sequence(5)).unwrap();
            let (engine, mut publisher) = recovered.go_live().unwrap();
            assert!(all.iter().all(|latency| latency.total().is_empty()), "life {life}");
            (0..count).for_each(|id| assert!(publisher.publish_at(id, Tick { id }).is_ok()));
            drop(publisher);
            engine.join().unwrap();
            for latency in all {
                // No more than what all handlers took in this life.
                let total = latency.total();
                assert!(total.len() == count && total.max() <= 3 * (count + 77), "{total:?}");
            }
        }
    }
}

/// Their times are those of the grid, and lie before.
#[test]
fn ticks_are_measured_too() {
    let (recorder, latency) = Latency::recorder();
    let stage = Stage::new("measured", |_: &Tick, _: &Context| (), Gate::PUBLISHED);
    let lane = Lane::named("main").with(stage.measured_from_publish(recorder));
    let (engine, publisher) = Engine::builder().publishers(Publishers::Multi).lane(lane).go_live().unwrap();
    let ticker =
        Ticker::start(publisher.try_clone().unwrap(), Duration::from_millis(1), |id| Tick { id }).unwrap();
    while ticker.ticks() < 5 {
        std::thread::yield_now();
    }
    let ticks = ticker.ticks();
    ticker.stop().unwrap();
    drop(publisher);
    let report = engine.join().unwrap();
    assert!(latency.total().len() >= ticks);
    assert_eq!(latency.total().len(), report.end_sequence);
}
