//! Events of older types: what a mapping derived from both schemas does, what it refuses and how it says so,
//! and chains of what authors wrote.
#![forbid(unsafe_code)]

mod again;
mod chains;
mod derived;
mod differences;
mod hostile;
mod meanings;
mod model;
mod named;
mod random;

use slipring_journal::Schema;

/// A schema by its text.
fn schema(text: &str) -> Schema {
    Schema::from_text(text).unwrap_or_else(|| panic!("no schema: {text}"))
}
