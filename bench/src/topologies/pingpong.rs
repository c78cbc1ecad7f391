//! One event to and fro between two rings, a stage on a core each: the round trip. Nothing can be batched, so
//! it is twice the way that a lone event takes.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};

use disruptor::{BusySpin, Producer, build_single_producer};
use hdrhistogram::Histogram;
use slipring::{Context, Engine, Gate, Handler, HandlerError, Lane, Publisher};

use crate::clock::Ticks;
use crate::event::{CAPACITY, Order, RawSlot};
use crate::harness::{Contender, Output};
use crate::host::{Cores, pin_to};
use crate::ring::SLOW_NS;
use crate::stats::{Sample, histogram};
use crate::topologies::raw::pause;
use crate::topologies::{describe, fit};

/// Trips that do not count.
const WARM: u64 = 10_000;

/// The round trips so far; `turn` is told each time that the event is back.
struct Trips {
    ticks: Ticks,
    sent: u64,
    count: u64,
    histogram: Histogram<u64>,
}

impl Trips {
    fn new() -> Self {
        Trips { ticks: Ticks::get(), sent: 0, count: 0, histogram: histogram() }
    }

    /// The event is back, and sent again at once.
    #[inline(always)]
    fn turn(&mut self) {
        let now = self.ticks.now();
        if self.count > WARM {
            self.histogram.saturating_record(self.ticks.ns(self.sent, now));
        }
        self.count += 1;
        self.sent = now;
    }

    fn samples(&self) -> Vec<Sample> {
        let at = |metric, quantile| Sample {
            metric,
            unit: "ns",
            value: self.histogram.value_at_quantile(quantile) as f64,
        };
        vec![at("p50", 0.5), at("p90", 0.9), at("p99", 0.99)]
    }
}

/// The stage at either end: it gets its publisher into the other ring before the first event, and gives it
/// back behind the last, for both engines to be shut down.
struct End {
    from: Receiver<Publisher<Order>>,
    publisher: Option<Publisher<Order>>,
    back: Sender<(Publisher<Order>, Option<Trips>)>,
    /// At the end that counts.
    trips: Option<Trips>,
    last: u64,
    slow: u64,
}

impl Handler<Order> for End {
    #[inline(always)]
    fn event(&mut self, event: &Order, context: &Context) -> Result<(), HandlerError> {
        if self.slow > 0 {
            let ticks = Ticks::get();
            let until = ticks.now() + self.slow;
            while ticks.now() < until {}
        }
        if self.publisher.is_none() {
            self.publisher = self.from.recv().ok();
        }
        let publisher = self.publisher.as_mut().ok_or("the event came before the publisher")?;
        let is_last = context.sequence() == self.last;
        if let Some(trips) = &mut self.trips {
            trips.turn();
        }
        // The end that counts sends no more behind the last; the other answers it.
        if !(is_last && self.trips.is_some()) {
            publisher.try_publish_at(event.id, *event).map_err(|error| error.to_string())?;
        }
        if is_last && let Some(publisher) = self.publisher.take() {
            self.back.send((publisher, self.trips.take())).map_err(|error| error.to_string())?;
        }
        Ok(())
    }
}

fn ours(trips: u64, cores: Cores, slow: bool) -> Vec<Sample> {
    cores.unpin();
    let (back, given_back) = channel();
    let engine = |name: &str, core: Option<usize>, counts: bool| {
        let (give, from) = channel();
        let end = End {
            from,
            publisher: None,
            back: back.clone(),
            trips: counts.then(Trips::new),
            // The other end is sent one event fewer.
            last: if counts { trips - 1 } else { trips - 2 },
            slow: if slow { Ticks::get().of_ns(SLOW_NS as f64) } else { 0 },
        };
        let lane = Lane::named(name);
        let lane = if let Some(core) = core { lane.core(core) } else { lane };
        let builder = Engine::builder().ring_capacity(CAPACITY).lane(lane.stage(name, end, Gate::PUBLISHED));
        let (engine, publisher) = builder.open().and_then(|engine| engine.go_live()).expect("a valid engine");
        (engine, publisher, give)
    };
    let (ping, mut into_ping, give_ping) = engine("ping", cores.publisher, true);
    let (pong, into_pong, give_pong) = engine("pong", cores.consumer, false);
    // The first event opens the game; the publishers then belong to the stages.
    into_ping.publish_at(0, Order::nth(0)).expect("a running engine");
    give_pong.send(into_ping).expect("a stage that waits");
    give_ping.send(into_pong).expect("a stage that waits");
    let mut samples = Vec::new();
    for _ in 0..2 {
        let (_, counted) = given_back.recv().expect("both ends give their publisher back");
        samples.extend(counted.iter().flat_map(Trips::samples));
    }
    for engine in [ping, pong] {
        engine.join().expect("a clean shutdown");
    }
    samples
}

fn raw(trips: u64, cores: Cores, crowded: bool) -> Vec<Sample> {
    cores.unpin();
    let ring = || {
        let empty = || RawSlot { time_ns: 0, event: Order::nth(0) };
        let (poller, builder) = build_single_producer(CAPACITY, empty, BusySpin).new_event_poller();
        (poller, builder.build())
    };
    let (mut into_ping_end, mut into_ping) = ring();
    let (mut into_pong_end, mut into_pong) = ring();
    let (ping_core, pong_core) = (cores.publisher, cores.consumer);
    let pong = std::thread::spawn(move || {
        pin_to(pong_core);
        let (mut count, mut tries) = (0, 0);
        while count < trips - 1 {
            let Ok(mut guard) = into_pong_end.poll() else {
                pause_if(&mut tries, crowded);
                continue;
            };
            for slot in &mut guard {
                into_ping.publish(|place| *place = *slot);
                count += 1;
            }
        }
    });
    let ping = std::thread::spawn(move || {
        pin_to(ping_core);
        let (mut counted, mut tries) = (Trips::new(), 0);
        counted.turn();
        into_pong.publish(|place| *place = RawSlot { time_ns: 0, event: Order::nth(0) });
        while counted.count < trips {
            let Ok(mut guard) = into_ping_end.poll() else {
                pause_if(&mut tries, crowded);
                continue;
            };
            for slot in &mut guard {
                counted.turn();
                if counted.count < trips {
                    into_pong.publish(|place| *place = *slot);
                }
            }
        }
        counted
    });
    pong.join().expect("pong does not panic");
    ping.join().expect("ping does not panic").samples()
}

/// A cache line that one side writes and the other looks at; two lines apart, since processors fetch them in
/// pairs.
#[repr(align(128))]
#[derive(Default)]
struct Line(AtomicU64);

impl Line {
    #[inline(always)]
    fn wait_for(&self, trip: u64, crowded: bool) {
        let mut tries = 0;
        while self.0.load(Ordering::Acquire) < trip {
            pause_if(&mut tries, crowded);
        }
    }
}

/// A counter to and fro in two cache lines, and no ring: what the cores themselves take for it.
fn bound(trips: u64, cores: Cores, crowded: bool) -> Vec<Sample> {
    cores.unpin();
    let (there, back) = (Line::default(), Line::default());
    std::thread::scope(|scope| {
        scope.spawn(|| {
            pin_to(cores.consumer);
            for trip in 1..trips {
                there.wait_for(trip, crowded);
                // Release: partner of the acquire in `wait_for`, as between any two ends that hand data over.
                back.0.store(trip, Ordering::Release);
            }
        });
        let ping = scope.spawn(|| {
            pin_to(cores.publisher);
            let mut counted = Trips::new();
            counted.turn();
            for trip in 1..trips {
                there.0.store(trip, Ordering::Release);
                back.wait_for(trip, crowded);
                counted.turn();
            }
            counted
        });
        ping.join().expect("ping does not panic").samples()
    })
}

/// A lone event is looked for without a pause, as the crate's `BusySpin` does.
#[inline(always)]
fn pause_if(tries: &mut u32, crowded: bool) {
    if crowded {
        pause(tries, true);
    }
}

/// `topology/pingpong`.
pub fn bench(output: &mut Output, cores: Cores, quick: bool, slow: bool) {
    let trips = WARM + if quick { 100_000 } else { 1_000_000 };
    let crowded = cores.count < 2;
    let fitted = fit(cores, 2);
    let topology = format!(
        "two rings, a stage on a thread each, the round trip of one event (bound-pingpong: of a counter in two cache lines); {}",
        describe(cores, 2)
    );
    output.bench(
        "topology/pingpong",
        &topology,
        if quick { 5 } else { 15 },
        &mut [
            Contender::new("slipring", || ours(trips, fitted, slow)),
            Contender::new("disruptor", || raw(trips, fitted, crowded)),
            Contender::new("bound-pingpong", || bound(trips, fitted, crowded)),
        ],
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_trip_behind_the_warm_up_is_counted() {
        let mut trips = Trips::new();
        (0..=WARM + 5).for_each(|_| trips.turn());
        assert_eq!(trips.histogram.len(), 5);
    }

    #[test]
    fn all_of_them_come_to_an_end() {
        let cores = Cores::find().without_pins();
        assert_eq!(ours(WARM + 100, cores, false).len(), 3);
        assert_eq!(raw(WARM + 100, cores, true).len(), 3);
        assert_eq!(bound(WARM + 100, cores, true).len(), 3);
    }
}
