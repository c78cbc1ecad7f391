//! Events of whatever type, as bytes: for who knows the schema only when it runs.

use super::{Event, Schema};
use crate::format::RECORD_HEADER_BYTES;

/// Stands for the type where there is none. Whoever uses it says how long an event is.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub(crate) struct Untyped;

// SAFETY: it has no bytes.
unsafe impl bytemuck::Zeroable for Untyped {}

// SAFETY: it has no bytes.
unsafe impl bytemuck::Pod for Untyped {}

// SAFETY: it has no bytes, so no field has to cover any.
unsafe impl Event for Untyped {
    const IS_UNTYPED: bool = true;

    fn schema() -> Schema {
        Schema { name: "Untyped".to_owned(), size: 0, fields: Vec::new(), attributes: Vec::new() }
    }
}

/// Size of a record whose event has so many bytes, header and padding included.
pub(crate) fn record_bytes(event_bytes: usize) -> usize {
    (RECORD_HEADER_BYTES + event_bytes).next_multiple_of(8)
}
