//! What else carries events from one thread to another, behind one trait: both ends try and spin, as the
//! ring's do.

use std::sync::Arc;
use std::time::Instant;

use crossbeam::channel as crossbeam_channel;
use crossbeam::queue::ArrayQueue;

use crate::event::{CAPACITY, Order, RawSlot, consume, in_memory, refill};
use crate::harness::Contender;
use crate::host::Cores;
use crate::stats::Sample;

/// A bounded queue with one sender and one receiver.
trait Queue: 'static {
    type Sender;
    type Receiver: Send;

    fn pair(capacity: usize) -> (Self::Sender, Self::Receiver);
    /// Whether there was room.
    fn try_send(sender: &mut Self::Sender, slot: RawSlot) -> bool;
    fn try_receive(receiver: &mut Self::Receiver) -> Option<RawSlot>;
}

struct CrossbeamChannel;

impl Queue for CrossbeamChannel {
    type Sender = crossbeam_channel::Sender<RawSlot>;
    type Receiver = crossbeam_channel::Receiver<RawSlot>;

    fn pair(capacity: usize) -> (Self::Sender, Self::Receiver) {
        crossbeam_channel::bounded(capacity)
    }

    #[inline]
    fn try_send(sender: &mut Self::Sender, slot: RawSlot) -> bool {
        sender.try_send(slot).is_ok()
    }

    #[inline]
    fn try_receive(receiver: &mut Self::Receiver) -> Option<RawSlot> {
        receiver.try_recv().ok()
    }
}

struct CrossbeamArrayQueue;

impl Queue for CrossbeamArrayQueue {
    type Sender = Arc<ArrayQueue<RawSlot>>;
    type Receiver = Arc<ArrayQueue<RawSlot>>;

    fn pair(capacity: usize) -> (Self::Sender, Self::Receiver) {
        let queue = Arc::new(ArrayQueue::new(capacity));
        (Arc::clone(&queue), queue)
    }

    #[inline]
    fn try_send(sender: &mut Self::Sender, slot: RawSlot) -> bool {
        sender.push(slot).is_ok()
    }

    #[inline]
    fn try_receive(receiver: &mut Self::Receiver) -> Option<RawSlot> {
        receiver.pop()
    }
}

struct Rtrb;

impl Queue for Rtrb {
    type Sender = rtrb::Producer<RawSlot>;
    type Receiver = rtrb::Consumer<RawSlot>;

    fn pair(capacity: usize) -> (Self::Sender, Self::Receiver) {
        rtrb::RingBuffer::new(capacity)
    }

    #[inline]
    fn try_send(sender: &mut Self::Sender, slot: RawSlot) -> bool {
        sender.push(slot).is_ok()
    }

    #[inline]
    fn try_receive(receiver: &mut Self::Receiver) -> Option<RawSlot> {
        receiver.pop().ok()
    }
}

struct StdMpsc;

impl Queue for StdMpsc {
    type Sender = std::sync::mpsc::SyncSender<RawSlot>;
    type Receiver = std::sync::mpsc::Receiver<RawSlot>;

    fn pair(capacity: usize) -> (Self::Sender, Self::Receiver) {
        std::sync::mpsc::sync_channel(capacity)
    }

    #[inline]
    fn try_send(sender: &mut Self::Sender, slot: RawSlot) -> bool {
        sender.try_send(slot).is_ok()
    }

    #[inline]
    fn try_receive(receiver: &mut Self::Receiver) -> Option<RawSlot> {
        receiver.try_recv().ok()
    }
}

struct Kanal;

impl Queue for Kanal {
    type Sender = kanal::Sender<RawSlot>;
    type Receiver = kanal::Receiver<RawSlot>;

    fn pair(capacity: usize) -> (Self::Sender, Self::Receiver) {
        kanal::bounded(capacity)
    }

    #[inline]
    fn try_send(sender: &mut Self::Sender, slot: RawSlot) -> bool {
        // Fails only when the receiver is gone, and it stays until all has arrived.
        sender.try_send(slot).is_ok_and(|sent| sent)
    }

    #[inline]
    fn try_receive(receiver: &mut Self::Receiver) -> Option<RawSlot> {
        receiver.try_recv().ok().flatten()
    }
}

/// Events one by one through a queue with the ring's room.
fn run<Q: Queue>(events: u64, cores: Cores) -> Vec<Sample> {
    cores.pin_publisher();
    let (mut sender, mut receiver) = Q::pair(CAPACITY);
    std::thread::scope(|scope| {
        let (ready, is_ready) = std::sync::mpsc::sync_channel(1);
        let consumer = scope.spawn(move || {
            cores.pin_consumer();
            let _ = ready.send(());
            let (mut sum, mut got) = (0, 0);
            while got < events {
                match Q::try_receive(&mut receiver) {
                    Some(slot) => {
                        consume(&mut sum, &slot.event);
                        got += 1;
                    }
                    None => std::hint::spin_loop(),
                }
            }
            sum
        });
        let _ = is_ready.recv();
        let started = Instant::now();
        for n in 0..events {
            let slot = RawSlot { time_ns: n, event: Order::nth(n) };
            while !Q::try_send(&mut sender, slot) {
                std::hint::spin_loop();
            }
        }
        std::hint::black_box(consumer.join().expect("the consumer does not panic"));
        Sample::throughput(events, started.elapsed())
    })
}

/// Batches of `batch` through `rtrb`, the one of them that has batches.
fn rtrb_chunks(events: u64, batch: usize, cores: Cores) -> Vec<Sample> {
    cores.pin_publisher();
    let (mut producer, mut consumer) = rtrb::RingBuffer::<RawSlot>::new(CAPACITY);
    std::thread::scope(|scope| {
        let (ready, is_ready) = std::sync::mpsc::sync_channel(1);
        let reader = scope.spawn(move || {
            cores.pin_consumer();
            let _ = ready.send(());
            let (mut sum, mut got) = (0, 0);
            while got < events {
                let count = consumer.slots().min(512);
                if count == 0 {
                    std::hint::spin_loop();
                    continue;
                }
                let chunk = consumer.read_chunk(count).expect("as many as it said");
                chunk.into_iter().for_each(|slot| consume(&mut sum, &slot.event));
                got += count as u64;
            }
            sum
        });
        let _ = is_ready.recv();
        let mut memory = in_memory(batch);
        let started = Instant::now();
        for first in (0..events).step_by(batch) {
            let chunk = loop {
                match producer.write_chunk_uninit(batch) {
                    Ok(chunk) => break chunk,
                    Err(_) => std::hint::spin_loop(),
                }
            };
            refill(&mut memory, first);
            chunk.fill_from_iter(memory.iter().copied());
        }
        std::hint::black_box(reader.join().expect("the reader does not panic"));
        Sample::throughput(events, started.elapsed())
    })
}

/// Every queue, for events published `batch` at a time: all of them one by one, `rtrb` also in batches.
pub fn contenders<'a>(events: u64, batch: usize, cores: Cores) -> Vec<Contender<'a>> {
    if batch > 1 {
        return vec![Contender::new("rtrb", move || rtrb_chunks(events, batch, cores))];
    }
    vec![
        Contender::new("crossbeam-channel", move || run::<CrossbeamChannel>(events, cores)),
        Contender::new("crossbeam-arrayqueue", move || run::<CrossbeamArrayQueue>(events, cores)),
        Contender::new("rtrb", move || run::<Rtrb>(events, cores)),
        Contender::new("std-mpsc", move || run::<StdMpsc>(events, cores)),
        Contender::new("kanal", move || run::<Kanal>(events, cores)),
    ]
}
