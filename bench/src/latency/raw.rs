//! What a user would build instead: the raw ring with a poller, alone or with a log of his own in its
//! handler. The logs promise what the journal promises by default: an event is in the page cache before the
//! stage has it, and a thread beside syncs every 5 ms.

use std::fs::File;
use std::io::Write;
use std::time::Duration;

use disruptor::{BusySpin, Polling, Producer, build_single_producer};
use memmap2::{Advice, MmapMut, MmapOptions};
use slipring_journal::__private::crc::RecordCrc;

use crate::clock::Ticks;
use crate::host::pin_to;
use crate::latency::beside::Beside;
use crate::latency::judge::Run;
use crate::latency::probe::Probe;
use crate::latency::run::{CAPACITY, Plan, Recorder, finish, publish_all};
use crate::syncing::Syncing;

/// A log in the handler of the raw ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HomeMade {
    /// None.
    Without,
    /// Copied with a checksum into a mapped file, all of whose pages were made present before.
    Mapped,
    /// What the poller found, by one `write(2)`.
    Written,
}

/// A log while it is written.
struct Log {
    to: To,
    crc: RecordCrc,
    _syncing: Option<Syncing>,
}

enum To {
    Nowhere,
    Map { map: MmapMut, at: usize },
    File { file: File, buffer: Vec<u8> },
}

impl Log {
    fn new<E: Probe>(plan: &Plan<'_>, home_made: HomeMade, count: u64) -> Self {
        let crc = RecordCrc::new([7; 16]);
        if home_made == HomeMade::Without {
            return Log { to: To::Nowhere, crc, _syncing: None };
        }
        let file = tempfile::tempfile_in(plan.folder).expect("a file for the log");
        let syncing = Syncing::start();
        syncing.add(&file);
        let bytes = count * record_bytes::<E>() as u64;
        let to = if home_made == HomeMade::Mapped {
            rustix::fs::fallocate(&file, rustix::fs::FallocateFlags::empty(), 0, bytes).expect("room");
            // SAFETY: the file has no name, so nobody else shortens or changes it.
            let map = unsafe { MmapOptions::new().len(bytes as usize).map_mut(&file).expect("a mapping") };
            map.advise(Advice::PopulateWrite).expect("pages");
            To::Map { map, at: 0 }
        } else {
            To::File { file, buffer: Vec::with_capacity(CAPACITY * record_bytes::<E>()) }
        };
        Log { to, crc, _syncing: Some(syncing) }
    }

    #[inline(always)]
    fn append<E: Probe>(&mut self, number: u64, event: &E) {
        let bytes = bytemuck::bytes_of(event);
        let sum = |crc: &RecordCrc| match crc.hardware() {
            true => sum::<true>(crc, number, bytes),
            false => sum::<false>(crc, number, bytes),
        };
        match &mut self.to {
            To::Nowhere => {}
            To::Map { map, at } => {
                let record = &mut map[*at..*at + record_bytes::<E>()];
                record[..8].copy_from_slice(&number.to_le_bytes());
                record[8..16].copy_from_slice(&sum(&self.crc).to_le_bytes());
                record[16..].copy_from_slice(bytes);
                *at += record_bytes::<E>();
            }
            To::File { buffer, .. } => {
                buffer.extend_from_slice(&number.to_le_bytes());
                buffer.extend_from_slice(&sum(&self.crc).to_le_bytes());
                buffer.extend_from_slice(bytes);
            }
        }
    }

    fn commit(&mut self) {
        if let To::File { file, buffer } = &mut self.to {
            file.write_all(buffer).expect("room on the disk");
            buffer.clear();
        }
    }
}

/// Number and checksum, then the event.
const fn record_bytes<E>() -> usize {
    16 + size_of::<E>()
}

#[inline(always)]
fn sum<const HARDWARE: bool>(crc: &RecordCrc, number: u64, event: &[u8]) -> u64 {
    let mut sum = crc.start::<HARDWARE>();
    sum.word(number);
    event.as_chunks::<8>().0.iter().for_each(|word| sum.word(u64::from_le_bytes(*word)));
    u64::from(sum.finish())
}

/// The raw ring, and the same recorder; it spins, whatever the plan says.
pub fn disruptor<E: Probe>(plan: &Plan<'_>, home_made: HomeMade) -> Run {
    #[derive(Clone, Copy)]
    #[repr(C, align(64))]
    struct Slot<E>(E);

    let ticks = Ticks::get();
    let count = plan.schedule.count(plan.seconds + plan.warm_seconds);
    let mut recorder = Recorder::new(plan, count);
    plan.cores.unpin();
    let mut log = Log::new::<E>(plan, home_made, count);
    let builder = build_single_producer(CAPACITY, || Slot(E::zeroed()), BusySpin);
    let (mut poller, builder) = builder.new_event_poller();
    let mut producer = builder.build();
    let core = plan.cores.consumer;
    let (ready, is_ready) = std::sync::mpsc::sync_channel(1);
    let consumer = std::thread::spawn(move || {
        pin_to(core);
        recorder.watch.start();
        let _ = ready.send(());
        let mut sequence = 0;
        let mut batch: Vec<E> = Vec::with_capacity(CAPACITY);
        loop {
            match poller.poll() {
                Ok(mut guard) => {
                    recorder.first = true;
                    for slot in &mut guard {
                        log.append(sequence + batch.len() as u64, &slot.0);
                        // What is written comes to the stage when all of it is.
                        if home_made == HomeMade::Written {
                            batch.push(slot.0);
                            continue;
                        }
                        recorder.take(&slot.0, sequence);
                        sequence += 1;
                    }
                    log.commit();
                    for event in batch.drain(..) {
                        recorder.take(&event, sequence);
                        sequence += 1;
                    }
                }
                Err(Polling::NoEvents) => {
                    recorder.watch.look();
                }
                Err(Polling::Shutdown) => return recorder,
            }
        }
    });
    is_ready.recv_timeout(Duration::from_secs(10)).expect("the consumer starts");
    plan.cores.pin_publisher();
    let before = Beside::now();
    let published = publish_all(plan, ticks, count, |due, number| {
        producer.try_publish(|slot| slot.0 = E::at(due, number)).is_ok()
    });
    let beside = Beside::now().since(&before);
    plan.cores.unpin();
    drop(producer);
    let recorder = consumer.join().expect("the consumer does not panic");
    let rolls = (home_made != HomeMade::Without).then(Vec::new);
    finish(plan, ticks, published, recorder, rolls, beside)
}
