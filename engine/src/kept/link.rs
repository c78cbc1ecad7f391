//! Between a stage's lane and the keeper: bounded queues, for which no lane waits.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crossbeam::queue::ArrayQueue;

use super::digests::DigestEntry;
use crate::grace;

/// Digests that wait for the keeper; more are dropped, and counted.
pub(super) const DIGEST_QUEUE: usize = 1 << 16;

/// A state on its way to the disk.
#[derive(Debug)]
pub(super) struct Saved {
    pub(super) end: u64,
    pub(super) bytes: Vec<u8>,
}

/// Between one stage's lane and the keeper.
#[derive(Debug)]
pub(crate) struct ToKeeper {
    pub(super) saved: ArrayQueue<Saved>,
    /// The one buffer, while nobody fills or writes it.
    pub(super) buffer: ArrayQueue<Vec<u8>>,
    pub(super) digests: ArrayQueue<DigestEntry>,
    /// The lane waits for the buffer, to hand over its last state.
    pub(super) waits: AtomicBool,
    pub(super) taken: AtomicU64,
    pub(super) missed: AtomicU64,
    pub(super) dropped: AtomicU64,
    pub(super) last_end: AtomicU64,
}

impl ToKeeper {
    pub(crate) fn new(with_digests: bool) -> Self {
        let buffer = ArrayQueue::new(1);
        let _ = buffer.push(Vec::new());
        ToKeeper {
            saved: ArrayQueue::new(1),
            buffer,
            digests: ArrayQueue::new(if with_digests { DIGEST_QUEUE } else { 1 }),
            waits: AtomicBool::new(false),
            taken: AtomicU64::new(0),
            missed: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            last_end: AtomicU64::new(0),
        }
    }

    /// Has `fill` write a state and hands it over; not if the one before is still on its way.
    pub(crate) fn save(&self, end: u64, fill: impl FnOnce(&mut Vec<u8>)) -> bool {
        let Some(mut bytes) = self.buffer.pop() else {
            // Relaxed, here and below: counts, read for display.
            self.missed.fetch_add(1, Ordering::Relaxed);
            return false;
        };
        bytes.clear();
        fill(&mut bytes);
        self.saved.push(Saved { end, bytes }).is_ok()
    }

    /// Where the state ends that is handed over and not written yet. The keeper's call.
    pub(super) fn pending_end(&self) -> Option<u64> {
        let saved = self.saved.pop()?;
        let end = saved.end;
        // Room for it there is: nobody else pushes while the buffer is out.
        let _ = self.saved.push(saved);
        Some(end)
    }

    /// Waits until a state can be handed over, within bounds.
    pub(crate) fn wait_for_buffer(&self) {
        let deadline = Instant::now() + grace::LAST_SNAPSHOT;
        // Relaxed, as its loads: it only says how long to wait, and protects nothing.
        self.waits.store(true, Ordering::Relaxed);
        while self.buffer.is_empty() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(1));
        }
        self.waits.store(false, Ordering::Relaxed);
    }

    pub(crate) fn log(&self, entry: DigestEntry) {
        if self.digests.push(entry).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}
