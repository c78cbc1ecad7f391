//! How paths and times go into a report for machines, and counts into one for people.

use std::path::{Path, PathBuf};
use std::time::Duration;

pub(crate) fn as_nanos<S: serde::Serializer>(elapsed: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX))
}

/// A path as text. Serde's own way refuses one that is no UTF-8, and a report must come out whatever it is
/// called.
pub(crate) fn as_text<S: serde::Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&path.to_string_lossy())
}

pub(crate) fn as_optional_text<S: serde::Serializer>(
    path: &Option<PathBuf>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match path {
        Some(path) => serializer.serialize_some(&path.to_string_lossy()),
        None => serializer.serialize_none(),
    }
}

/// So many of something: "1 record", "2 records".
pub fn counted(number: u64, one: &str, more: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { more })
}
