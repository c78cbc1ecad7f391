//! Names that every layer may say.

/// The journal stage's name, in errors and counters.
pub(crate) const JOURNAL: &str = "journal";
