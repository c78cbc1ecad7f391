//! What a journal does with its files, compiled in this library.
//!
//! Nearly all of it depends on the storage and not on the event, and is generic nevertheless. Without a use
//! of it here, each test and each program that opens a journal would compile it anew. Above `opt-level = 1`
//! the compiler does so anyway, so this is for builds with debug assertions alone.

use super::journal::Journal;
use super::wiring::wire;
use crate::error::OpenError;
use crate::event::Schema;
use crate::judge::event_type::EventType;

/// Never called.
pub fn opened(journal: &Journal, schema: Schema) -> Result<(), OpenError> {
    wire(
        journal,
        &journal.files(),
        EventType::untyped(schema, 64),
        journal.opening(),
        true,
        Default::default(),
    )
    .map(drop)
}
