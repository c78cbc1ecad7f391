//! Raw `disruptor` wired as slipring is: a poller a stage, its dependencies said by `and_then`, run by a
//! thread each or all by one.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use disruptor::{BusySpin, Producer, build_single_producer};

use crate::event::{CAPACITY, Order, RawSlot};
use crate::host::{Cores, pin_to};
use crate::stats::Sample;
use crate::topologies::{Lanes, Shape};

/// Polls once and handles what there is; how many events.
pub type Reader = Box<dyn FnMut() -> u64 + Send>;

/// Most events of one poll where a thread runs several pollers: the same as on slipring's fused lanes.
const FUSED_BATCH: u64 = 1024;
/// Looks before a yield where threads share cores.
const SPINS_SHARED: u32 = 64;

/// A reader of any of the crate's pollers: they share no trait that can be named.
macro_rules! reader {
    ($poller:expr, $limit:expr) => {{
        let (mut poller, limit, mut sum) = ($poller, $limit, 0u64);
        let reader: $crate::topologies::raw::Reader = Box::new(move || {
            let Ok(mut guard) = poller.take(limit) else { return 0 };
            let mut count = 0;
            for slot in &mut guard {
                $crate::event::consume(&mut sum, &slot.event);
                count += 1;
            }
            std::hint::black_box(sum);
            count
        });
        reader
    }};
}
pub(super) use reader;

/// Between two looks that found nothing.
#[inline(always)]
pub fn pause(tries: &mut u32, crowded: bool) {
    *tries += 1;
    if crowded && *tries % SPINS_SHARED == 0 {
        std::thread::yield_now();
    } else {
        std::hint::spin_loop();
    }
}

/// The readers at work, on a thread for each group.
pub struct Readers {
    done: Vec<Arc<AtomicU64>>,
    stop: Arc<AtomicBool>,
    threads: Vec<std::thread::JoinHandle<()>>,
}

impl Readers {
    /// Starts a thread for each group, on the cores given; ready when this returns.
    pub fn start(groups: Vec<Vec<Reader>>, places: &[Option<usize>], crowded: bool) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let mut readers = Readers { done: Vec::new(), stop: Arc::clone(&stop), threads: Vec::new() };
        for (at, mut group) in groups.into_iter().enumerate() {
            let counts: Vec<Arc<AtomicU64>> = group.iter().map(|_| Arc::default()).collect();
            readers.done.extend(counts.iter().cloned());
            let (stop, core) = (Arc::clone(&stop), places.get(at).copied().flatten());
            let (ready, is_ready) = std::sync::mpsc::sync_channel(1);
            readers.threads.push(std::thread::spawn(move || {
                pin_to(core);
                let _ = ready.send(());
                let (mut idle, mut all) = (0, vec![0u64; group.len()]);
                loop {
                    let mut worked = 0;
                    for ((reader, sum), count) in group.iter_mut().zip(&mut all).zip(&counts) {
                        let handled = reader();
                        if handled > 0 {
                            *sum += handled;
                            // Release: partner of the acquire in `wait`; the events' handling lies before it.
                            count.store(*sum, Ordering::Release);
                        }
                        worked += handled;
                    }
                    if worked == 0 {
                        if stop.load(Ordering::Acquire) {
                            return;
                        }
                        pause(&mut idle, crowded);
                    }
                }
            }));
            let _ = is_ready.recv();
        }
        readers
    }

    /// Waits until every reader has handled so many events.
    pub fn wait(&self, events: u64, crowded: bool) {
        let mut tries = 0;
        while self.done.iter().any(|done| done.load(Ordering::Acquire) < events) {
            pause(&mut tries, crowded);
        }
    }

    /// Ends the threads.
    pub fn stop(self) {
        self.stop.store(true, Ordering::Release);
        self.threads.into_iter().for_each(|thread| thread.join().expect("a reader does not panic"));
    }
}

/// The time from the first publish until every poller has handled the last event.
pub fn run(shape: Shape, lanes: Lanes, events: u64, cores: Cores, crowded: bool) -> Vec<Sample> {
    cores.unpin();
    let limit = if lanes == Lanes::Fused { FUSED_BATCH } else { CAPACITY as u64 };
    let builder = || {
        let empty = || RawSlot { time_ns: 0, event: Order::nth(0) };
        build_single_producer(CAPACITY, empty, BusySpin).with_multi_consumer()
    };
    match shape {
        Shape::Unicast => {
            let (a, builder) = builder().new_event_poller();
            publish(builder.build(), vec![reader!(a, limit)], lanes, events, cores, crowded)
        }
        Shape::Pipeline => {
            let (a, builder) = builder().new_event_poller();
            let (b, builder) = builder.and_then().new_event_poller();
            let (c, builder) = builder.and_then().new_event_poller();
            let readers = vec![reader!(a, limit), reader!(b, limit), reader!(c, limit)];
            publish(builder.build(), readers, lanes, events, cores, crowded)
        }
        Shape::Multicast => {
            let (a, builder) = builder().new_event_poller();
            let (b, builder) = builder.new_event_poller();
            let (c, builder) = builder.new_event_poller();
            let readers = vec![reader!(a, limit), reader!(b, limit), reader!(c, limit)];
            publish(builder.build(), readers, lanes, events, cores, crowded)
        }
        Shape::Diamond => {
            let (a, builder) = builder().new_event_poller();
            let (b, builder) = builder.new_event_poller();
            let (c, builder) = builder.and_then().new_event_poller();
            let readers = vec![reader!(a, limit), reader!(b, limit), reader!(c, limit)];
            publish(builder.build(), readers, lanes, events, cores, crowded)
        }
    }
}

fn publish(
    mut producer: impl Producer<RawSlot>,
    readers: Vec<Reader>,
    lanes: Lanes,
    events: u64,
    cores: Cores,
    crowded: bool,
) -> Vec<Sample> {
    let groups: Vec<Vec<Reader>> = match lanes {
        Lanes::Fused => vec![readers],
        Lanes::Dedicated => readers.into_iter().map(|reader| vec![reader]).collect(),
    };
    let readers = Readers::start(groups, &[cores.consumer, cores.more[0], cores.more[1]], crowded);
    cores.pin_publisher();
    let started = Instant::now();
    let mut tries = 0;
    for n in 0..events {
        while producer.try_publish(|slot| *slot = RawSlot { time_ns: n, event: Order::nth(n) }).is_err() {
            pause(&mut tries, crowded);
        }
    }
    readers.wait(events, crowded);
    let elapsed = started.elapsed();
    cores.unpin();
    drop(producer);
    readers.stop();
    Sample::throughput(events, elapsed)
}
