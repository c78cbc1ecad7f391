//! Many appends in a row, as the engine's journal stage makes them, with what an append changes kept in registers.
//!
//! A record is eight words and more, and their stores wait for memory in the processor's store queue. Whatever else an
//! append stores (the next sequence, the next slot, the last time, the journalled cursor) takes places there from
//! the records behind it: one by one these were a third of all stores.

use crate::crc::RecordCrc;
use crate::error::AppendError;
use crate::event::Event;
use crate::format::{Kind, epoch_kind};
use crate::segments::NextSlot;
use crate::storage::Storage;
use crate::writer::{Writer, store};

/// Appends to a writer that is borrowed for so long. Nobody is told of a record before [`AppendBatch::publish`], or
/// the drop, which does the same. Forgotten, its records are there or not, as after a crash.
#[derive(Debug)]
pub struct AppendBatch<'a, E: Event, S: Storage> {
    writer: &'a mut Writer<E, S>,
    slot: NextSlot,
    next: u64,
    limit: u64,
    last_time_ns: u64,
    time_limit_ns: u64,
    epoch_kind: u32,
    crc: RecordCrc,
}

impl<'a, E: Event, S: Storage> AppendBatch<'a, E, S> {
    #[inline]
    pub(crate) fn new(writer: &'a mut Writer<E, S>) -> Self {
        let mut batch = AppendBatch {
            slot: writer.slot,
            next: writer.next,
            limit: 0,
            last_time_ns: 0,
            time_limit_ns: 0,
            epoch_kind: epoch_kind(writer.epoch, Kind::Event),
            crc: writer.crc,
            writer,
        };
        batch.load();
        batch
    }

    /// As [`Writer::try_append`], if nothing has to be looked at first; whether it was appended. If not,
    /// [`AppendBatch::append_seldom`] looks.
    #[inline(always)]
    pub fn put(&mut self, time_ns: u64, event: &E) -> bool {
        if self.next >= self.limit || time_ns > self.time_limit_ns {
            return false;
        }
        let time_ns = if time_ns < self.last_time_ns { self.regress() } else { time_ns };
        // SAFETY: `slot`, `next` and `limit` are the writer's: its `make_room` found the slot of `next` in the active
        // segment and set `limit` no further than its end; `next` is below it. The writer keeps the segment mapped,
        // and is borrowed, so that nobody else appends.
        let slot = unsafe { self.slot.take(Writer::<E, S>::RECORD_WORDS) };
        let event = bytemuck::bytes_of(event);
        if self.crc.hardware() {
            store::<true>(slot, &self.crc, self.next, time_ns, self.epoch_kind, event);
        } else {
            store::<false>(slot, &self.crc, self.next, time_ns, self.epoch_kind, event);
        }
        self.next += 1;
        self.last_time_ns = time_ns;
        true
    }

    /// Counts a time before the last one's; the time that the record gets.
    #[cold]
    fn regress(&mut self) -> u64 {
        self.writer.regressions += 1;
        self.last_time_ns
    }

    /// As [`Writer::try_append`], or with no event as [`Writer::try_append_void`].
    ///
    /// # Errors
    /// As theirs.
    #[cold]
    #[inline(never)]
    pub fn append_seldom(&mut self, time_ns: u64, event: Option<&E>) -> Result<(), AppendError> {
        self.publish();
        let appended = match event {
            Some(event) => self.writer.try_append(time_ns, event),
            None => self.writer.try_append_void(time_ns),
        };
        self.load();
        appended.map(drop)
    }

    /// The sequence that the next record gets.
    #[inline(always)]
    pub fn end_sequence(&self) -> u64 {
        self.next
    }

    /// Moves the journalled cursor behind the last record.
    #[inline(always)]
    pub fn publish(&mut self) {
        let writer = &mut *self.writer;
        if writer.next == self.next {
            return;
        }
        writer.slot = self.slot;
        writer.next = self.next;
        writer.last_time_ns = self.last_time_ns;
        writer.progress.set_journalled_end(self.next);
        if writer.progress.has_failed() {
            self.limit = 0;
        }
    }

    /// Takes over what the writer knows.
    #[inline]
    fn load(&mut self) {
        let writer = &*self.writer;
        self.slot = writer.slot;
        self.next = writer.next;
        self.last_time_ns = writer.last_time_ns;
        self.time_limit_ns = writer.time_limit_ns;
        // After a failure of the journal nothing more is put, and the writer says why.
        self.limit = if writer.progress.has_failed() { 0 } else { writer.limit };
    }
}

impl<E: Event, S: Storage> Drop for AppendBatch<'_, E, S> {
    #[inline]
    fn drop(&mut self) {
        self.publish();
    }
}
