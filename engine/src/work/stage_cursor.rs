//! A stage's cursor in the hand of its lane: moved, whoever is parked there woken, batches told.

use std::sync::Arc;

use crate::counters::meter::BatchMeter;
use crate::cursors::cursor::Cursor;
use crate::cursors::park::Parking;

/// A stage's own cursor.
pub(crate) struct StageCursor {
    cursor: Cursor,
    parking: Arc<Parking>,
    batches: BatchMeter,
}

impl StageCursor {
    pub(crate) fn new(cursor: Cursor, parking: Arc<Parking>, batches: BatchMeter) -> Self {
        StageCursor { cursor, parking, batches }
    }

    /// Everything below `end` is finished, in the midst of a batch.
    #[inline(always)]
    pub(crate) fn reach(&self, end: u64) {
        self.cursor.set(end);
        self.parking.wake(&self.cursor);
    }

    /// A batch of so many events is finished, that ended before `end` at that time.
    #[inline(always)]
    pub(crate) fn end_batch(&mut self, count: u64, end: u64, time_ns: u64) {
        self.batches.took(count, end, time_ns);
        self.reach(end);
    }

    /// Everything below `end` is finished, unseen.
    pub(crate) fn pass(&self, end: u64) {
        self.batches.came_to(end);
        self.reach(end);
    }
}
