//! How a lane tells of its batches.

use std::sync::atomic::Ordering;

use crate::lines::format::{BatchLine, CursorLine};
use crate::lines::told::Told;

/// Counts a stage's batches, in the hand of its lane alone.
#[derive(Debug)]
pub(crate) struct BatchMeter {
    /// The stage's cursor, which is moved elsewhere: for its copy.
    cursor: Told<CursorLine>,
    line: Told<BatchLine>,
    batches: u64,
    max_batch: u64,
}

impl BatchMeter {
    pub(crate) fn new(cursor: Told<CursorLine>, line: Told<BatchLine>) -> Self {
        BatchMeter { cursor, line, batches: 0, max_batch: 0 }
    }

    /// A batch of so many events is finished, and the latest time up to its end. Before the cursor says so,
    /// so that who sees the one sees the other.
    #[inline(always)]
    pub(crate) fn took(&mut self, events: u64, end: u64, time_ns: u64) {
        self.batches += 1;
        self.max_batch = self.max_batch.max(events);
        let (batches, max_batch) = (self.batches, self.max_batch);
        self.line.each(|line| {
            // Relaxed: figures, of one writer.
            line.batches.store(batches, Ordering::Relaxed);
            line.last_batch.store(events, Ordering::Relaxed);
            line.time_ns.store(time_ns, Ordering::Relaxed);
            if line.max_batch.load(Ordering::Relaxed) != max_batch {
                line.max_batch.store(max_batch, Ordering::Relaxed);
            }
        });
        self.came_to(end);
    }

    /// Tells others that everything below `end` is finished.
    #[inline(always)]
    pub(crate) fn came_to(&self, end: u64) {
        if let Some(copy) = self.cursor.copy() {
            // Release P: what is told of batches comes before the cursor. Partner: Acquire P in
            // `Cursor::end`.
            copy.end.store(end, Ordering::Release);
        }
    }
}
