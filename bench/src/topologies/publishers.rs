//! Three publishers to one stage, at full speed, and with a stage that stalls first: trap 10 of the crate,
//! where every poll scans all that is published.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use disruptor::{BusySpin, Producer, build_multi_producer};
use slipring::{Context, Engine, Gate, Publishers};

use crate::event::{CAPACITY, Order, RawSlot};
use crate::harness::{Contender, Output};
use crate::host::Cores;
use crate::ring::{self, summing};
use crate::stats::Sample;
use crate::topologies::raw::{Reader, Readers, pause, reader};
use crate::topologies::{describe, fit};

/// How many publish.
pub const PUBLISHERS: u64 = 3;
/// How long the stage stalls: the ring is full long before.
const STALL: Duration = Duration::from_millis(20);

/// Opens once; who waits for it yields.
#[derive(Clone, Default)]
pub struct Door(Arc<AtomicBool>);

impl Door {
    pub fn open(&self) {
        // Release: partner of the acquire in `pass`.
        self.0.store(true, Ordering::Release);
    }

    #[inline]
    pub fn pass(&self) {
        while !self.0.load(Ordering::Acquire) {
            std::thread::yield_now();
        }
    }
}

/// What is run: events in all, and whether the stage stalls before its first.
#[derive(Clone, Copy)]
struct Plan {
    events: u64,
    stalls: bool,
    cores: Cores,
    crowded: bool,
}

/// Starts `PUBLISHERS` threads at once and tells when they started; with a stall, when it ended.
fn start(plan: Plan, door: &Door, go: &Door) -> Instant {
    if plan.stalls {
        go.open();
        std::thread::sleep(STALL);
        let started = Instant::now();
        door.open();
        return started;
    }
    door.open();
    let started = Instant::now();
    go.open();
    started
}

fn ours(plan: Plan, mut sum: impl FnMut(&Order, &Context) + Send + 'static) -> Vec<Sample> {
    plan.cores.unpin();
    let (door, go) = (Door::default(), Door::default());
    let (held, mut waits) = (door.clone(), true);
    let handler = move |event: &Order, context: &Context| {
        if waits {
            held.pass();
            waits = false;
        }
        sum(event, context);
    };
    let lane = ring::lane("stage", plan.cores).stage("sum", handler, Gate::PUBLISHED);
    let builder = Engine::builder().ring_capacity(CAPACITY).publishers(Publishers::Multi).lane(lane);
    let (engine, publisher) = builder.open().and_then(|engine| engine.go_live()).expect("a valid engine");
    let each = plan.events / PUBLISHERS;
    let elapsed = std::thread::scope(|scope| {
        for _ in 0..PUBLISHERS {
            let (mut publisher, go) = (publisher.try_clone().expect("a ring for several"), go.clone());
            scope.spawn(move || {
                go.pass();
                for n in 0..each {
                    publisher.publish_at(n, Order::nth(n)).expect("a running engine");
                }
            });
        }
        let started = start(plan, &door, &go);
        engine.wait_stage("sum", each * PUBLISHERS - 1).expect("a running engine");
        started.elapsed()
    });
    engine.join().expect("a clean shutdown");
    Sample::throughput(each * PUBLISHERS, elapsed)
}

fn raw(plan: Plan) -> Vec<Sample> {
    plan.cores.unpin();
    let (door, go) = (Door::default(), Door::default());
    let empty = || RawSlot { time_ns: 0, event: Order::nth(0) };
    let (poller, builder) = build_multi_producer(CAPACITY, empty, BusySpin).new_event_poller();
    let producer = builder.build();
    let (mut poll, held) = (reader!(poller, u64::MAX), door.clone());
    let reader: Reader = Box::new(move || {
        held.pass();
        poll()
    });
    let readers = Readers::start(vec![vec![reader]], &[plan.cores.consumer], plan.crowded);
    let each = plan.events / PUBLISHERS;
    let elapsed = std::thread::scope(|scope| {
        for _ in 0..PUBLISHERS {
            let (mut producer, go) = (producer.clone(), go.clone());
            scope.spawn(move || {
                go.pass();
                let mut tries = 0;
                for n in 0..each {
                    let slot = RawSlot { time_ns: n, event: Order::nth(n) };
                    while producer.try_publish(|place| *place = slot).is_err() {
                        pause(&mut tries, plan.crowded);
                    }
                }
            });
        }
        let started = start(plan, &door, &go);
        readers.wait(each * PUBLISHERS, plan.crowded);
        started.elapsed()
    });
    drop(producer);
    readers.stop();
    Sample::throughput(each * PUBLISHERS, elapsed)
}

/// `topology/publishers3`, `topology/publishers3/stalled`.
pub fn bench(output: &mut Output, cores: Cores, quick: bool, slow: bool) {
    let needed = PUBLISHERS as usize + 1;
    let crowded = needed > cores.count;
    let events = if quick { 3 << 17 } else { 3 << 20 };
    let rounds = if quick { 5 } else { 15 };
    for (name, stalls, what) in [
        ("topology/publishers3", false, "all start at once"),
        (
            "topology/publishers3/stalled",
            true,
            "the stage stalls until the ring is full; from its release on",
        ),
    ] {
        let plan = Plan { events, stalls, cores: fit(cores, needed), crowded };
        let topology =
            format!("three publishers, events one by one, one stage; {what}; {}", describe(cores, needed));
        output.bench(
            name,
            &topology,
            rounds,
            &mut [
                Contender::new("slipring", || match slow {
                    false => ours(plan, summing::<0>()),
                    true => ours(plan, summing::<{ ring::SLOW_NS }>()),
                }),
                Contender::new("disruptor", || raw(plan)),
            ],
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_publishers_end_with_and_without_a_stall() {
        for stalls in [false, true] {
            let cores = Cores::find().without_pins();
            let plan = Plan { events: 60_000, stalls, cores, crowded: true };
            assert!(ours(plan, summing::<0>())[0].value > 0.0);
            assert!(raw(plan)[0].value > 0.0);
        }
    }
}
