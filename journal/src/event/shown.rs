//! Records that were made elsewhere, shown as events of a type that this program has.

use std::marker::PhantomData;

use super::mapping::Recount;
use super::untyped;
use super::{Difference, Event, Schema, Upgrade};
use crate::format::{Kind, RECORD_HEADER_BYTES, RecordHeader};

/// Shows validated records of one schema as events `E`, as a reader would.
#[derive(Debug)]
pub struct Shown<E> {
    record_bytes: usize,
    event_bytes: usize,
    upgrade: Option<Upgrade>,
    event: PhantomData<fn() -> E>,
}

/// What stands before an event.
#[derive(Clone, Copy, Debug)]
pub struct ShownHeader {
    /// Journal time in nanoseconds.
    pub time_ns: u64,
    /// The epoch of the writer that appended it.
    pub epoch: u32,
    /// Whether it stands for an event that is lost.
    pub is_void: bool,
}

impl<E: Event> Shown<E> {
    /// Of records that `found` describes.
    ///
    /// # Errors
    /// What keeps them from being shown as `E`: above all that they are of a newer version.
    pub fn of(found: &Schema) -> Result<Self, Vec<Difference>> {
        let wanted = E::schema();
        let upgrade = if Upgrade::is_of_same(found, &wanted) {
            E::check_alike(found)?;
            Recount::between(found, &wanted).map(|_| Upgrade::of_same(found, &wanted))
        } else if found.version().unwrap_or(0) > wanted.version().unwrap_or(0) {
            let advice =
                "the records are newer than this program: use the one that their writer has".to_owned();
            return Err(vec![Difference::of_event(found.version_word(), wanted.version_word(), advice)]);
        } else {
            Some(E::upgrade_from(found)?)
        };
        let (record_bytes, event_bytes) = (untyped::record_bytes(found.size), found.size);
        Ok(Shown { record_bytes, event_bytes, upgrade, event: PhantomData })
    }

    /// Size of a record in bytes, header included.
    pub fn record_bytes(&self) -> usize {
        self.record_bytes
    }

    /// Whether events are turned into another type, by code that may be their author's.
    pub fn turns(&self) -> bool {
        self.upgrade.is_some()
    }

    /// What stands before the event of a record.
    pub fn header(record: &[u8]) -> ShownHeader {
        let header = RecordHeader::decode(record);
        let is_void = header.kind() != Some(Kind::Event);
        ShownHeader { time_ns: header.time_ns, epoch: header.epoch(), is_void }
    }

    /// The event of a record of the type itself, which nothing turns; all zero in a void one.
    pub fn same(record: &[u8]) -> E {
        bytemuck::pod_read_unaligned(&record[RECORD_HEADER_BYTES..][..size_of::<E>()])
    }

    /// The events of validated records, where something turns them into another type; all zero those of void
    /// ones.
    ///
    /// # Errors
    /// As [`Upgrade::apply`], with the index of the record: a number that counts otherwise has no room in its
    /// field.
    pub fn turned(&self, records: &[u8]) -> Result<Option<Vec<E>>, (usize, Difference)> {
        let Some(upgrade) = &self.upgrade else { return Ok(None) };
        let mut events = vec![E::zeroed(); records.len() / self.record_bytes];
        let pairs = records.chunks_exact(self.record_bytes).zip(&mut events).enumerate();
        for (index, (record, event)) in pairs.filter(|(_, (record, _))| !Self::header(record).is_void) {
            let bytes = &record[RECORD_HEADER_BYTES..][..self.event_bytes];
            upgrade.apply(bytes, bytemuck::bytes_of_mut(event)).map_err(|difference| (index, difference))?;
        }
        Ok(Some(events))
    }
}
