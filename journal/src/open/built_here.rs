//! What a journal does with its files, compiled in this library.
//!
//! Nearly all of it depends on the storage and not on the event, and is generic nevertheless. Without a use
//! of it here, each test and each program that opens a journal would compile it anew. Above `opt-level = 1`
//! the compiler does so anyway, so this is for builds with debug assertions alone.

use super::journal::Journal;
use super::wiring::{EventType, wire};
use crate::error::OpenError;
use crate::event::Schema;

/// Never called.
pub fn opened(journal: &Journal, schema: Schema) -> Result<(), OpenError> {
    wire(journal, &journal.files(), EventType { schema, bytes: 8, record_bytes: 64 }, true).map(drop)
}
