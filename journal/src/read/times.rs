//! Times that searches have read, so that the next one begins nearer to its answer.

/// So many are kept at most, but for those of segments' first records: 64 KiB.
const MOST: u64 = 4096;

/// A record's sequence and time.
type Point = (u64, u64);

/// Sequences and times of records that were read and validated. Records do not change, so what was read once
/// holds.
#[derive(Debug, Default)]
pub(super) struct KnownTimes {
    /// Both rise; times may be equal.
    points: Vec<Point>,
    /// Closer together none are kept, but for those that are asked to be.
    apart: u64,
}

impl KnownTimes {
    /// Of a journal of so many records.
    pub(super) fn among(records: u64) -> Self {
        KnownTimes { points: Vec::new(), apart: records / MOST }
    }

    /// The time of a record, if it is known.
    pub(super) fn of(&self, sequence: u64) -> Option<u64> {
        let at = self.points.binary_search_by_key(&sequence, |(sequence, _)| *sequence).ok()?;
        Some(self.points[at].1)
    }

    /// The last record that is known to be earlier, and the first that is known not to be.
    pub(super) fn around(&self, time_ns: u64) -> (Option<Point>, Option<Point>) {
        let at = self.points.partition_point(|(_, found_ns)| *found_ns < time_ns);
        (at.checked_sub(1).map(|before| self.points[before]), self.points.get(at).copied())
    }

    /// Keeps the time of a record.
    pub(super) fn keep(&mut self, sequence: u64, time_ns: u64) {
        self.keep_unless(sequence, time_ns, |known| known == sequence);
    }

    /// Keeps the time of a record unless one nearby is known.
    pub(super) fn learn(&mut self, sequence: u64, time_ns: u64) {
        let apart = self.apart;
        self.keep_unless(sequence, time_ns, |known| known.abs_diff(sequence) <= apart);
    }

    fn keep_unless(&mut self, sequence: u64, time_ns: u64, is_near: impl Fn(u64) -> bool) {
        let at = self.points.partition_point(|(known, _)| *known < sequence);
        let (before, after) = (self.points[..at].last(), self.points.get(at));
        // In a file that somebody writes to meanwhile times may not rise; then what is known stays in order.
        let fits = before.is_none_or(|(known, known_ns)| !is_near(*known) && *known_ns <= time_ns)
            && after.is_none_or(|(known, known_ns)| !is_near(*known) && *known_ns >= time_ns);
        if fits {
            self.points.insert(at, (sequence, time_ns));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_rises_and_is_kept_apart() {
        let mut times = KnownTimes::among(10 * MOST);
        (0..10 * MOST).rev().for_each(|sequence| times.learn(sequence, sequence / 2));
        assert!(times.points.len() as u64 <= MOST && times.points.is_sorted());
        let (before, after) = times.around(1_000);
        let (before, after) = (before.unwrap(), after.unwrap());
        assert!(before.1 < 1_000 && after.1 >= 1_000 && after.0 - before.0 <= 11, "{before:?} {after:?}");
        let between = before.0 + 1;
        times.learn(between, 999);
        assert_eq!(times.of(between), None);
        times.keep(between, 999);
        assert_eq!(times.of(between), Some(999));
        // Of another file, by now.
        times.keep(between + 1, 7);
        assert_eq!(times.of(between + 1), None);
        assert!(times.points.is_sorted_by_key(|(_, time_ns)| *time_ns));
    }

    #[test]
    fn of_few_records_all_are_known() {
        let mut times = KnownTimes::among(3);
        (0..3).for_each(|sequence| times.learn(sequence, 5));
        assert_eq!((times.around(5), times.around(6)), ((None, Some((0, 5))), (Some((2, 5)), None)));
    }
}
