//! How old events are when a stage has finished them: a histogram that the lane alone writes, and anybody
//! reads.
//!
//! The buckets are those of an `hdrhistogram` of three digits, counted in atomic words: one plain store an
//! event, no lock, no swap of buffers, no allocation. A reader adds up what is there; an interval is the
//! difference of two reads. A stage that is not measured is another type and has no branch for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use hdrhistogram::Histogram;

use crate::clock::Clock;
use crate::handler::context::Context;
use crate::ring::Stamps;

/// Values below it have a bucket each; above, each power of two is split into half as many.
const SUB_BUCKETS: u64 = 2048;
const HALF: u64 = SUB_BUCKETS / 2;
/// Greatest age that is told apart: 2^42 ns, 73 minutes. Older events count as this old.
const MAX_BITS: u32 = 42;
const MAX_NS: u64 = (1 << MAX_BITS) - 1;
const BUCKETS: usize = index_of(MAX_NS) + 1;

const fn index_of(value_ns: u64) -> usize {
    let shift = if value_ns < SUB_BUCKETS { 0 } else { value_ns.ilog2() - HALF.ilog2() };
    (shift as u64 * HALF + (value_ns >> shift)) as usize
}

/// The least value of a bucket.
const fn value_of(index: usize) -> u64 {
    let index = index as u64;
    let shift = if index < SUB_BUCKETS { 0 } else { index / HALF - 1 };
    (index - shift * HALF) << shift
}

const _: () = {
    assert!(BUCKETS == 33_792 && SUB_BUCKETS.is_power_of_two());
    assert!(index_of(value_of(BUCKETS - 1)) == BUCKETS - 1);
};

/// The ages of the events that a stage has finished; for whoever wants to know, while it runs and afterwards.
///
/// What is measured, in nanoseconds: the engine's clock when the handler has returned from an event, minus
///
/// - by [`Stage::measured`](crate::Stage::measured) the event's own time: its age, whoever gave it its time.
///   0 if that lies ahead;
/// - by [`Stage::measured_from_publish`](crate::Stage::measured_from_publish) the clock's time when the
///   publish was called, whatever the event's own time. A wait on a full ring is in it. Events that are
///   published together have one call.
///
/// With the times that `publish` gives both are the same. Replayed events are not measured, nor void ones,
/// nor one that the handler fails on. Resolution: three digits, up to 73 minutes.
///
/// It costs the stage a look at the clock for each event, and 264 KiB; another stage pays nothing. Measured
/// from publish, it costs eight bytes more for each slot of the ring, and publishers a store for each event,
/// with times of one's own a look at the clock for each call.
///
/// ```
/// # use slipring::{Context, Engine, Event, Gate, Lane, Latency, Stage};
/// # #[derive(Clone, Copy, Debug, Event)] #[repr(C)] struct Tick { price: u64 }
/// let (recorder, latency) = Latency::recorder();
/// let stage = Stage::new("risk", |_: &Tick, _: &Context| (), Gate::PUBLISHED).measured(recorder);
/// let lane = Lane::named("risk").with(stage);
/// let (engine, mut publisher) = Engine::builder().lane(lane).open()?.go_live()?;
/// let mut intervals = latency.intervals();
/// let sequence = publisher.publish(Tick { price: 7 })?;
/// engine.wait_stage("risk", sequence)?;
/// println!("p99 of this interval: {} ns", intervals.take().value_at_quantile(0.99));
/// engine.join()?;
/// assert_eq!(latency.total().len(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// More: [measure latency](https://github.com/slipring/slipring/blob/main/docs/how-to/measure-latency.md).
#[derive(Clone, Debug)]
pub struct Latency {
    counts: Arc<Counts>,
}

/// The writing end of a [`Latency`]: for one stage, which is why it can't be cloned.
///
/// See the example of [`Latency`].
#[derive(Debug)]
pub struct LatencyRecorder {
    counts: Arc<Counts>,
}

struct Counts(Box<[AtomicU64]>);

impl Latency {
    /// An empty one, and its writing end for [`Stage::measured`](crate::Stage::measured).
    pub fn recorder() -> (LatencyRecorder, Latency) {
        let counts = Arc::new(Counts((0..BUCKETS).map(|_| AtomicU64::new(0)).collect()));
        (LatencyRecorder { counts: Arc::clone(&counts) }, Latency { counts })
    }

    /// Everything measured so far. An event that is finished meanwhile may be in it or not.
    pub fn total(&self) -> Histogram<u64> {
        // Relaxed: each count is whole; nothing is handed over with it.
        histogram(self.counts.0.iter().map(|count| count.load(Ordering::Relaxed)))
    }

    /// What is measured from now on, interval by interval. Each reader has its own.
    pub fn intervals(&self) -> LatencyIntervals {
        // Relaxed: as in `total`.
        let before = self.counts.0.iter().map(|count| count.load(Ordering::Relaxed)).collect();
        LatencyIntervals { counts: Arc::clone(&self.counts), before }
    }
}

/// Histograms of one interval after another; see [`Latency::intervals`].
///
/// See the example of [`Latency`].
#[derive(Debug)]
pub struct LatencyIntervals {
    counts: Arc<Counts>,
    before: Box<[u64]>,
}

impl LatencyIntervals {
    /// What was measured since the last call, or since this was made. No event is in two intervals or in
    /// none.
    pub fn take(&mut self) -> Histogram<u64> {
        let counts = self.counts.0.iter().zip(&mut self.before);
        histogram(counts.map(|(count, before)| {
            // Relaxed: as in `Latency::total`.
            let now = count.load(Ordering::Relaxed);
            now - std::mem::replace(before, now)
        }))
    }
}

fn histogram(counts: impl Iterator<Item = u64>) -> Histogram<u64> {
    let mut histogram = Histogram::new_with_bounds(1, MAX_NS, 3).expect("bounds that make sense");
    for (index, count) in counts.enumerate().filter(|(_, count)| *count > 0) {
        histogram.record_n(value_of(index), count).expect("within the bounds");
    }
    histogram
}

impl LatencyRecorder {
    #[inline(always)]
    fn record(&mut self, age_ns: u64) {
        let count = &self.counts.0[index_of(age_ns.min(MAX_NS))];
        // Relaxed: a figure, of one writer, so no read-modify-write either.
        count.store(count.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
    }
}

/// What a [`Stage`](crate::Stage) measures of each event that it has finished: [`Unmeasured`], [`Measured`]
/// or
/// [`FromPublish`]. It is part of the stage's type, and not for others to implement.
///
/// See the example of [`Latency`].
pub trait Meter: Send + 'static {
    /// It asks when events were published.
    #[doc(hidden)]
    const ASKS_PUBLISH: bool = false;
    #[doc(hidden)]
    fn wire(&mut self, clock: &Arc<dyn Clock>, stamps: Option<&Arc<Stamps>>);
    /// An event of this time, which the context is of, is finished.
    #[doc(hidden)]
    fn finished(&mut self, time_ns: u64, context: &Context);
}

/// A stage that measures nothing, which costs nothing.
///
/// See the example of [`Latency`].
#[derive(Debug)]
pub struct Unmeasured;

impl Meter for Unmeasured {
    fn wire(&mut self, _: &Arc<dyn Clock>, _: Option<&Arc<Stamps>>) {}

    #[inline(always)]
    fn finished(&mut self, _: u64, _: &Context) {}
}

/// A stage that records each event's age: [`Stage::measured`](crate::Stage::measured).
///
/// See the example of [`Latency`].
pub struct Measured {
    recorder: LatencyRecorder,
    clock: Option<Arc<dyn Clock>>,
}

impl Measured {
    pub(crate) fn new(recorder: LatencyRecorder) -> Self {
        Measured { recorder, clock: None }
    }
}

impl Meter for Measured {
    fn wire(&mut self, clock: &Arc<dyn Clock>, _: Option<&Arc<Stamps>>) {
        self.clock = Some(Arc::clone(clock));
    }

    #[inline(always)]
    fn finished(&mut self, time_ns: u64, context: &Context) {
        if !context.is_replay()
            && let Some(clock) = &self.clock
        {
            self.recorder.record(clock.now_ns().saturating_sub(time_ns));
        }
    }
}

/// A stage that records the time from the call of publish:
/// [`Stage::measured_from_publish`](crate::Stage::measured_from_publish).
///
/// See the example of [`Latency`].
pub struct FromPublish {
    recorder: LatencyRecorder,
    wired: Option<(Arc<dyn Clock>, Arc<Stamps>)>,
}

impl FromPublish {
    pub(crate) fn new(recorder: LatencyRecorder) -> Self {
        FromPublish { recorder, wired: None }
    }
}

impl Meter for FromPublish {
    const ASKS_PUBLISH: bool = true;

    fn wire(&mut self, clock: &Arc<dyn Clock>, stamps: Option<&Arc<Stamps>>) {
        self.wired = Some(Arc::clone(clock)).zip(stamps.cloned());
    }

    #[inline(always)]
    fn finished(&mut self, _: u64, context: &Context) {
        if !context.is_replay()
            && let Some((clock, stamps)) = &self.wired
        {
            self.recorder.record(clock.now_ns().saturating_sub(stamps.of(context.sequence())));
        }
    }
}

impl std::fmt::Debug for FromPublish {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FromPublish").field("recorder", &self.recorder).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Measured {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Measured").field("recorder", &self.recorder).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Counts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let events: u64 = self.0.iter().map(|count| count.load(Ordering::Relaxed)).sum();
        f.debug_struct("Counts").field("events", &events).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_buckets_are_those_of_hdrhistogram() {
        let reference = Histogram::<u64>::new_with_bounds(1, MAX_NS, 3).unwrap();
        let edges =
            (0..MAX_BITS).flat_map(|bit| [(1u64 << bit) - 1, 1 << bit, (1 << bit) + 1, 3 << bit >> 1]);
        let spread = (0..200_000u64).map(|n| n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (22 + n % 42));
        for value in edges.chain(spread).chain([MAX_NS]) {
            assert_eq!(value_of(index_of(value)), reference.lowest_equivalent(value), "{value}");
        }
        for index in 1..BUCKETS {
            assert_eq!(index_of(value_of(index)), index);
            assert_eq!(index_of(value_of(index) - 1), index - 1);
        }
    }

    #[test]
    fn intervals_share_out_the_total() {
        let (mut recorder, latency) = Latency::recorder();
        recorder.record(5);
        let mut intervals = latency.intervals();
        for age_ns in [7, 7, 1_000_000, u64::MAX] {
            recorder.record(age_ns);
        }
        let first = intervals.take();
        assert_eq!((first.len(), first.count_at(7), first.min()), (4, 2, 7));
        assert!(first.equivalent(first.max(), MAX_NS), "what is older counts as the oldest");
        recorder.record(9);
        let second = intervals.take();
        assert_eq!((second.len(), second.count_at(9), intervals.take().len()), (1, 1, 0));
        assert_eq!((latency.total().len(), latency.total().count_at(5)), (6, 1));
    }
}
