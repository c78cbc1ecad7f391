//! From a time to a sequence: binary search over the segments' first records, then within one segment.
//!
//! The contract: no event whose own time is `t` or later lies before `lower_bound(t)`; events earlier than `t`
//! may follow it. Journal time is the greatest event time so far, so it never decreases, and searching it is
//! enough.

use crate::error::ReadError;
use crate::reader::RawReader;
use crate::storage::Storage;

impl<S: Storage> RawReader<S> {
    /// The first sequence whose journal time is `time_ns` or later; the end if there is none.
    ///
    /// # Errors
    /// The fault of a record that was looked at.
    pub fn lower_bound(&mut self, time_ns: u64) -> Result<u64, ReadError> {
        self.partition_point(|time| time < time_ns)
    }

    /// The first sequence whose journal time is later than `time_ns`; the end if there is none.
    ///
    /// # Errors
    /// The fault of a record that was looked at.
    pub fn upper_bound(&mut self, time_ns: u64) -> Result<u64, ReadError> {
        self.partition_point(|time| time <= time_ns)
    }

    /// The sequences whose journal times lie in `times`, an end not included. They follow each other: times never
    /// decrease. Empty, and where they would lie, if there are none; so too if `times` ends before it starts.
    ///
    /// # Errors
    /// The fault of a record that was looked at.
    pub fn range(&mut self, times: std::ops::Range<u64>) -> Result<std::ops::Range<u64>, ReadError> {
        let start = self.lower_bound(times.start)?;
        let end = if times.start < times.end { self.lower_bound(times.end)? } else { start };
        Ok(start..end)
    }

    /// The first sequence whose time is not `before`. Every record looked at is validated.
    fn partition_point(&mut self, before: impl Fn(u64) -> bool) -> Result<u64, ReadError> {
        let bases: Vec<u64> = self.bases().collect();
        let (mut low, mut high) = (0, bases.len());
        while low < high {
            let middle = low.midpoint(high);
            if before(self.time_at(bases[middle])?) { low = middle + 1 } else { high = middle }
        }
        // The answer lies in the segment before the first that starts at or behind it, or is that one's base.
        let Some(holding) = low.checked_sub(1) else { return Ok(self.first_sequence()) };
        let mut start = bases[holding] + 1;
        let mut end = bases.get(low).copied().unwrap_or(self.end_sequence());
        while start < end {
            let middle = start.midpoint(end);
            if before(self.time_at(middle)?) { start = middle + 1 } else { end = middle }
        }
        Ok(start)
    }
}
