//! Trap 10 by the event: three publishers fill a ring while a stage stands still; what does it cost to catch
//! up? With the crate a small guard makes every poll scan all that is published, so small ones are shown
//! beside: ours (`slipring-b64`), where one poller scans for all stages, and raw (`take64`).

use std::time::Instant;

use disruptor::{BusySpin, Producer, build_multi_producer};
use slipring::{Context, Engine, Gate, Lane, Publisher, Publishers};

use crate::event::{CAPACITY, Order, RawSlot};
use crate::harness::{Contender, Output};
use crate::host::Cores;
use crate::ring::{self, add_summing};
use crate::stats::Sample;
use crate::topologies::publishers::{Door, PUBLISHERS};
use crate::topologies::raw::{Reader, Readers, reader};
use crate::topologies::{describe, fit};

const EVENTS: u64 = CAPACITY as u64;

/// Where the stage that catches up stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Behind {
    /// It is not run until the ring is full.
    Ring,
    /// Its gate, a stage on a lane of its own, opens when the ring is full; it is run all the time.
    Gate,
}

fn ns_an_event(started: Instant) -> Vec<Sample> {
    vec![Sample { metric: "drain", unit: "ns", value: started.elapsed().as_nanos() as f64 / EVENTS as f64 }]
}

/// Fills the ring by threads, each with a share.
fn fill<T: Send>(publishers: Vec<T>, publish: impl Fn(&mut T, u64) + Sync) {
    let (count, publish) = (publishers.len() as u64, &publish);
    std::thread::scope(|scope| {
        for (at, mut publisher) in (0..).zip(publishers) {
            scope.spawn(move || {
                (at..EVENTS).step_by(count as usize).for_each(|n| publish(&mut publisher, n));
            });
        }
    });
}

fn ours(behind: Behind, several: bool, cap: Option<u64>, cores: Cores, slow: bool) -> Vec<Sample> {
    cores.unpin();
    let own = Lane::<Order>::named("late").invoked();
    let own = if let Some(cap) = cap { own.batch_cap(cap) } else { own };
    let door = Door::default();
    let mut builder = Engine::builder().ring_capacity(CAPACITY);
    let mut gate = Gate::PUBLISHED;
    if behind == Behind::Gate {
        let (held, mut waits) = (door.clone(), true);
        let handler = move |_: &Order, _: &Context| {
            if waits {
                held.pass();
                waits = false;
            }
        };
        builder = builder.lane(ring::lane("gate", cores).stage("gate", handler, Gate::PUBLISHED));
        gate = gate.after("gate");
    }
    builder = builder.lane(add_summing(own, "late", gate, slow));
    if several {
        builder = builder.publishers(Publishers::Multi);
    }
    let (engine, mut publisher) = builder.open().and_then(|engine| engine.go_live()).expect("a valid engine");
    let publish = |publisher: &mut Publisher<Order>, n: u64| {
        publisher.publish_at(n, Order::nth(n)).expect("a running engine");
    };
    match several {
        true => fill(
            (0..PUBLISHERS).map(|_| publisher.try_clone().expect("a ring for several")).collect(),
            publish,
        ),
        false => (0..EVENTS).for_each(|n| publish(&mut publisher, n)),
    }
    cores.pin_publisher();
    if behind == Behind::Gate {
        // Behind a closed gate there is nothing to do.
        assert_eq!((0..1_000).map(|_| engine.invoke()).sum::<u64>(), 0);
    }
    let started = Instant::now();
    door.open();
    let mut done = 0;
    while done < EVENTS {
        done += engine.invoke();
    }
    let samples = ns_an_event(started);
    cores.unpin();
    engine.join().expect("a clean shutdown");
    samples
}

fn raw(behind: Behind, limit: u64, cores: Cores) -> Vec<Sample> {
    cores.unpin();
    let empty = || RawSlot { time_ns: 0, event: Order::nth(0) };
    let builder = build_multi_producer(CAPACITY, empty, BusySpin);
    match behind {
        Behind::Ring => {
            let (late, builder) = builder.new_event_poller();
            raw_drain(builder.build(), reader!(late, limit), None, cores)
        }
        Behind::Gate => {
            let (gate, builder) = builder.new_event_poller();
            let (late, builder) = builder.and_then().new_event_poller();
            raw_drain(builder.build(), reader!(late, limit), Some(reader!(gate, limit)), cores)
        }
    }
}

fn raw_drain(
    producer: impl Producer<RawSlot> + Clone + Send,
    mut late: Reader,
    gate: Option<Reader>,
    cores: Cores,
) -> Vec<Sample> {
    let door = Door::default();
    let gate = gate.map(|mut poll| {
        let held = door.clone();
        let reader: Reader = Box::new(move || {
            held.pass();
            poll()
        });
        Readers::start(vec![vec![reader]], &[cores.consumer], cores.consumer.is_none())
    });
    fill((0..PUBLISHERS).map(|_| producer.clone()).collect(), |producer, n| {
        producer.publish(|slot| *slot = RawSlot { time_ns: n, event: Order::nth(n) });
    });
    cores.pin_publisher();
    let started = Instant::now();
    door.open();
    let mut done = 0;
    while done < EVENTS {
        done += late();
    }
    let samples = ns_an_event(started);
    cores.unpin();
    drop(producer);
    if let Some(gate) = gate {
        gate.stop();
    }
    samples
}

/// `drain/ring`, `drain/gate`.
pub fn bench(output: &mut Output, cores: Cores, quick: bool, slow: bool) {
    let rounds = if quick { 11 } else { 51 };
    for (name, behind, needed, what) in [
        ("drain/ring", Behind::Ring, 1, "run by the caller once the ring is full"),
        ("drain/gate", Behind::Gate, 2, "run by the caller behind a stage that opens once the ring is full"),
    ] {
        let fitted = fit(cores, needed);
        let topology = format!(
            "{EVENTS} events by three publishers fill the ring, one stage catches up, {what}; {}",
            describe(cores, needed)
        );
        output.bench(
            name,
            &topology,
            rounds,
            &mut [
                Contender::new("slipring", || ours(behind, true, None, fitted, slow)),
                Contender::new("slipring-b64", || ours(behind, true, Some(64), fitted, slow)),
                Contender::new("slipring-single", || ours(behind, false, None, fitted, slow)),
                Contender::new("disruptor", || raw(behind, u64::MAX, fitted)),
                Contender::new("disruptor-take64", || raw(behind, 64, fitted)),
            ],
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_ring_is_drained_whoever_filled_it() {
        let cores = Cores::find().without_pins();
        for behind in [Behind::Ring, Behind::Gate] {
            for several in [false, true] {
                assert!(ours(behind, several, None, cores, false)[0].value > 0.0);
            }
            assert!(raw(behind, u64::MAX, cores)[0].value > 0.0);
        }
    }
}
