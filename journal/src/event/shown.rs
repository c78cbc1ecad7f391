//! Records that were made elsewhere, shown as events of a type that this program has.

use std::marker::PhantomData;

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
        let upgrade = if found.same_layout(&wanted) {
            E::check_alike(found)?;
            None
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

    /// The event of a record; all zero in a void one.
    pub fn event(&self, record: &[u8]) -> E {
        let bytes = &record[RECORD_HEADER_BYTES..][..self.event_bytes];
        match &self.upgrade {
            None => bytemuck::pod_read_unaligned(bytes),
            Some(_) if Self::header(record).is_void => E::zeroed(),
            Some(upgrade) => {
                let mut event = E::zeroed();
                upgrade.apply(bytes, bytemuck::bytes_of_mut(&mut event));
                event
            }
        }
    }
}
