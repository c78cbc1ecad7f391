//! The ring: events from one publisher to one stage, by one and by sixty-four, with and without a journal.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use disruptor::{
    BusySpin, BusySpinWithSpinLoopHint, ProcessorSettings, Producer, SingleConsumerBarrier, SingleProducer,
    build_single_producer,
};
use slipring::{Context, Engine, EngineBuilder, Gate, Journal, Lane, SyncMode, Wait};

use crate::bounds::Room;
use crate::clock::Ticks;
use crate::event::{CAPACITY, Order, RawSlot, consume, in_memory, refill};
use crate::harness::{Contender, Output};
use crate::host::{Cores, settle};
use crate::neighbour::Neighbour;
use crate::queues;
use crate::stats::Sample;

/// How the raw ring's consumer waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RawWait {
    /// Looks again at once.
    Spin,
    /// Tells the processor that it spins (a pause), as slipring does by default.
    Hint,
}

/// The raw ring with a managed handler that is known to run: the first event has gone through it.
pub struct RawRing {
    pub producer: SingleProducer<RawSlot, SingleConsumerBarrier>,
    seen: Arc<AtomicU64>,
    events: u64,
}

impl RawRing {
    /// The ring for `events` more.
    pub fn start(wait: RawWait, events: u64, cores: Cores) -> Self {
        Self::start_with(wait, events, cores, |_, _| {})
    }

    /// The same, whose handler does one thing more with each, by its number; the first is the one that does
    /// not count.
    pub fn start_with(
        wait: RawWait,
        events: u64,
        cores: Cores,
        mut also: impl FnMut(u64, &RawSlot) + Send + 'static,
    ) -> Self {
        cores.unpin();
        let seen = Arc::new(AtomicU64::new(0));
        let says = Arc::clone(&seen);
        // What it tells: that it had the first event, and the last.
        let (mut sum, mut told) = (0u64, 0);
        let handler = move |slot: &RawSlot, sequence: i64, _: bool| {
            also(sequence as u64, slot);
            consume(&mut sum, &slot.event);
            if sequence as u64 == told {
                told = events;
                std::hint::black_box(sum);
                // Release: partner of the acquire in `wait_for`; the events' handling lies before it.
                says.store(sequence as u64 + 1, Ordering::Release);
            }
        };
        let empty = || RawSlot { time_ns: 0, event: Order::nth(0) };
        // The crate's trait of waiting can't be named.
        macro_rules! build {
            ($wait:expr) => {
                match (build_single_producer(CAPACITY, empty, $wait), cores.consumer) {
                    (builder, Some(core)) => builder.pin_at_core(core).handle_events_with(handler).build(),
                    (builder, None) => builder.handle_events_with(handler).build(),
                }
            };
        }
        let producer = match wait {
            RawWait::Spin => build!(BusySpin),
            RawWait::Hint => build!(BusySpinWithSpinLoopHint),
        };
        cores.pin_publisher();
        let mut ring = RawRing { producer, seen, events };
        ring.producer.publish(|slot| *slot = empty());
        ring.wait_for(1);
        ring
    }

    /// Waits until the last event is through.
    pub fn wait(&self) {
        self.wait_for(self.events + 1);
    }

    fn wait_for(&self, count: u64) {
        while self.seen.load(Ordering::Acquire) < count {
            std::hint::spin_loop();
        }
    }
}

/// Raw `disruptor`, from the first publish until its handler has had the last event.
pub fn raw(wait: RawWait, events: u64, batch: usize, cores: Cores) -> Vec<Sample> {
    publish_raw(RawRing::start(wait, events, cores), events, batch)
}

/// The same with the least of a home-made log in the handler: a copy and a checksum into prepared pages.
/// Nobody is told how far it is, nothing is cut off, synced, or found again.
fn raw_logging(folder: &Path, events: u64, batch: usize, cores: Cores) -> Vec<Sample> {
    let room = Room::new(folder, events + 1);
    room.prefault();
    let mut log = room.into_log();
    let ring = RawRing::start_with(RawWait::Spin, events, cores, move |n, slot| {
        log(n, slot.time_ns, &slot.event);
    });
    publish_raw(ring, events, batch)
}

fn publish_raw(mut ring: RawRing, events: u64, batch: usize) -> Vec<Sample> {
    let mut memory = in_memory(batch);
    let started = Instant::now();
    if batch == 1 {
        for n in 0..events {
            ring.producer.publish(|slot| *slot = RawSlot { time_ns: n, event: Order::nth(n) });
        }
    } else {
        for first in (0..events).step_by(batch) {
            refill(&mut memory, first);
            ring.producer.batch_publish(batch, |slots| {
                for (event, slot) in memory.iter().zip(slots) {
                    *slot = *event;
                }
            });
        }
    }
    ring.wait();
    Sample::throughput(events, started.elapsed())
}

/// The raw ring with events that lie in memory, published in large batches: what a replay is without a
/// journal.
pub fn raw_from_memory(events: &[Order], cores: Cores) -> Vec<Sample> {
    let count = events.len() as u64;
    let mut ring = RawRing::start(RawWait::Spin, count, cores);
    let started = Instant::now();
    for part in events.chunks(4096) {
        ring.producer.batch_publish(part.len(), |slots| {
            for (event, slot) in part.iter().zip(slots) {
                *slot = RawSlot { time_ns: event.id, event: *event };
            }
        });
    }
    ring.wait();
    Sample::throughput(count, started.elapsed())
}

/// slipring as `builder` describes it: the time from the first publish until the stages named have finished
/// the last event.
pub fn engine(
    builder: EngineBuilder<Order>,
    stages: &[&str],
    events: u64,
    batch: usize,
    cores: Cores,
) -> Vec<Sample> {
    // The journal's own threads inherit where they may run: anywhere.
    cores.unpin();
    let recovered = builder.ring_capacity(CAPACITY).open().expect("a valid engine");
    let journalled = recovered.recovery().is_some();
    let (engine, mut publisher) = recovered.go_live().expect("lanes that start");
    if journalled {
        settle();
    }
    cores.pin_publisher();
    let mut slots = vec![(0, Order::nth(0)); batch];
    let started = Instant::now();
    if batch == 1 {
        for n in 0..events {
            publisher.publish_at(n, Order::nth(n)).expect("a running engine");
        }
    } else {
        for first in (0..events).step_by(batch) {
            for (n, slot) in (first..).zip(&mut slots) {
                *slot = (n, Order::nth(n));
            }
            publisher.publish_all_at(&slots).expect("a running engine");
        }
    }
    stages.iter().for_each(|stage| engine.wait_stage(stage, events - 1).expect("a running engine"));
    let elapsed = started.elapsed();
    cores.unpin();
    engine.join().expect("a clean shutdown");
    Sample::throughput(events, elapsed)
}

/// The handler that is measured; burns `SLOW_NS` nanoseconds on each event, to try whether `compare` sees it.
pub fn summing<const SLOW_NS: u64>() -> impl FnMut(&Order, &Context) + Send {
    let ticks = Ticks::get();
    let slow = ticks.of_ns(SLOW_NS as f64);
    let mut sum = 0;
    move |event: &Order, context: &Context| {
        if SLOW_NS > 0 {
            let until = ticks.now() + slow;
            while ticks.now() < until {}
        }
        consume(&mut sum, event);
        if context.sequence() == u64::MAX {
            std::hint::black_box(sum);
        }
    }
}

/// What an injected slow-down costs an event.
pub const SLOW_NS: u64 = 200;

/// An injected slow-down of one event.
#[cold]
pub fn burn() {
    let ticks = Ticks::get();
    let until = ticks.now() + ticks.of_ns(SLOW_NS as f64);
    while ticks.now() < until {}
}

/// Adds the stage that is measured; slowed down if `slow`.
pub fn add_summing(lane: Lane<Order>, name: &str, gate: Gate, slow: bool) -> Lane<Order> {
    match slow {
        false => lane.stage(name, summing::<0>(), gate),
        true => lane.stage(name, summing::<SLOW_NS>(), gate),
    }
}

/// A lane on the consumer's core, if there is one to pin to.
pub fn lane(name: &str, cores: Cores) -> Lane<Order> {
    let lane = Lane::named(name);
    cores.consumer.map_or(Lane::named(name), |core| lane.core(core))
}

/// `ring/b1`, `ring/b64`: no journal; waiting by default, and by the presets for latency and for throughput.
pub fn bench(output: &mut Output, cores: Cores, quick: bool, slow: bool) {
    // The slowest queue moves some millions a second.
    let events = if quick { 1 << 20 } else { 1 << 22 };
    let rounds = if quick { 5 } else { 15 };
    for batch in [1, 64] {
        let slipring = |wait| {
            let lane = add_summing(lane("stage", cores).wait(wait), "sum", Gate::PUBLISHED, slow);
            engine(Engine::builder().lane(lane), &["sum"], events, batch, cores)
        };
        let mut contenders = vec![
            Contender::new("slipring", || slipring(Wait::Auto)),
            Contender::new("slipring-spin", || slipring(Wait::Spin)),
            Contender::new("disruptor", || raw(RawWait::Spin, events, batch, cores)),
            Contender::new("disruptor-hint", || raw(RawWait::Hint, events, batch, cores)),
        ];
        contenders.extend(queues::contenders(events, batch, cores));
        let topology = format!("publisher and stage on a thread each, {}", cores.describe());
        output.bench_between((cores, None), &format!("ring/b{batch}"), &topology, rounds, &mut contenders);
    }
}

/// `journalled/b1`, `journalled/b64`: journal and a stage gated on journalled, fused on one lane. The bound
/// has the machine to itself, and once more a busy core beside it, as the lane has.
pub fn bench_journalled(output: &mut Output, folder: &Path, cores: Cores, quick: bool, slow: bool) {
    let events: u64 = 1 << 20;
    let rounds = if quick { 5 } else { 15 };
    for batch in [1, 64] {
        let slipring = || {
            let place = tempfile::tempdir_in(folder).expect("a folder for the journal");
            let journal = Journal::at(place.path())
                .segment_records(events + 1)
                .reserve_bytes(2 * 64 * (events + 64))
                .sync(SyncMode::None);
            let lane = lane("main", cores).journal();
            let lane = add_summing(lane, "sum", Gate::JOURNALLED, slow);
            engine(Engine::builder().journal(journal).lane(lane), &["sum"], events, batch, cores)
        };
        let topology = format!(
            "publisher on a thread, journal and stage fused on another, {events} events inside a \
             reserve of twice as many records, {}",
            cores.describe()
        );
        let mut contenders = [
            Contender::new("slipring", slipring),
            Contender::new("disruptor", || raw(RawWait::Spin, events, batch, cores)),
            Contender::new("disruptor-copy-crc", || raw_logging(folder, events, batch, cores)),
            Contender::new("bound-copy-crc", || Room::new(folder, events).copy::<true>(cores)),
            Contender::new("bound-copy-crc-beside", || {
                let room = Room::new(folder, events);
                let _neighbour = Neighbour::on(cores.consumer);
                room.copy::<true>(cores)
            }),
        ];
        let between = (cores, Some(folder));
        output.bench_between(between, &format!("journalled/b{batch}"), &topology, rounds, &mut contenders);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Neither would end if the event that says "it runs" were taken for one of those that count, or counted
    /// twice.
    #[test]
    fn the_raw_ring_ends_behind_the_last_event() {
        let cores = Cores::find().without_pins();
        let events = 2 * CAPACITY as u64;
        for wait in [RawWait::Spin, RawWait::Hint] {
            for batch in [1, 64] {
                assert!(raw(wait, events, batch, cores)[0].value > 0.0);
            }
        }
        let memory: Vec<Order> = (0..10_000).map(Order::nth).collect();
        assert!(raw_from_memory(&memory, cores)[0].value > 0.0);
        let folder = tempfile::tempdir().expect("a folder");
        for batch in [1, 64] {
            assert!(raw_logging(folder.path(), events, batch, cores)[0].value > 0.0);
        }
    }
}
