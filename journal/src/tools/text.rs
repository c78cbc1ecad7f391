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

/// So many a second, in the unit that suits it: "198/s", "12.3 k/s", "4.7 M/s".
pub fn per_second(number: u64, elapsed: Duration) -> String {
    match number as f64 / elapsed.as_secs_f64().max(1e-9) {
        rate if rate < 999.5 => format!("{rate:.0}/s"),
        rate if rate < 999_950.0 => format!("{:.1} k/s", rate / 1e3),
        rate => format!("{:.1} M/s", rate / 1e6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_has_the_unit_that_suits_it() {
        let second = Duration::from_secs(1);
        for (number, text) in [(0, "0/s"), (999, "999/s"), (1_000, "1.0 k/s"), (999_949, "999.9 k/s")] {
            assert_eq!(per_second(number, second), text);
        }
        assert_eq!(per_second(1_000_000, second), "1.0 M/s");
        assert_eq!(per_second(5, Duration::from_millis(25)), "200/s");
        assert_eq!(per_second(0, Duration::ZERO), "0/s");
    }
}
