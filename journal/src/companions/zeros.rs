//! Zeros in the page cache, many pages a folio (what the kernel caches a file by), in a file that the maker
//! has made. A page that lies in such a folio is made present in a fraction of the time: on a small machine
//! that time is taken from a lane.
//!
//! They are written to the file, so nobody may have mapped it: it is a `NewFile`, which mapping consumes.
//!
//! Sixteen pages a folio, ahead of a quick writer. A sync writes a folio whole, and write-protects what is
//! still to be filled; one who fills some folios from sync to sync has it end between two of them (see
//! `Syncer::whole_pages`). For a slow one the disk would write sixteen pages in place of one. The first file
//! behind an opening has them before anybody knows, four pages a folio.

use std::time::{Duration, Instant};

use crate::companions::syncer::{QUICK_FOLIOS, SyncMode};
use crate::live::new_file::NewFile;
use crate::storage::Storage;
use crate::tools::FOLIO_BYTES;

/// Between two looks at the writer.
const LOOK_EVERY: Duration = Duration::from_millis(4);

/// A writer that was quick may wait for a file so long, and still is.
const STAYS_QUICK: Duration = Duration::from_millis(60);

/// A piece that lost its core does not owe that time.
const MOST_OWED: Duration = Duration::from_micros(60);

/// How far ahead zeros are written, and for whom.
#[derive(Debug)]
pub(crate) struct Zeros {
    /// At most so many bytes of each file; 0 where nothing is made present ahead.
    most_bytes: u64,
    record_bytes: u64,
    /// Bytes a second from which on a writer is quick.
    quick_bytes: f64,
    /// The writer's end at the last look.
    seen: u64,
    at: Instant,
    /// How long it has not been quick.
    slow_for: Duration,
}

impl Zeros {
    /// For records of so many bytes, behind a writer at `end`. A window of so many bytes waits for a sync at
    /// most.
    pub(crate) fn new(
        most_bytes: u64,
        window_bytes: u64,
        (record_bytes, end): (u64, u64),
        sync: SyncMode,
    ) -> Self {
        let folios = QUICK_FOLIOS * FOLIO_BYTES;
        let (most_bytes, between) = match sync {
            // Each sync takes a part of a folio: one follows the other, or half the window is no more.
            SyncMode::EveryBatch => (0, Duration::MAX),
            SyncMode::Every(_) if window_bytes / 2 < folios => (0, Duration::MAX),
            SyncMode::Every(interval) => (most_bytes, interval.max(LOOK_EVERY / 4)),
            SyncMode::None => (most_bytes, LOOK_EVERY),
        };
        let quick_bytes = folios as f64 / between.as_secs_f64();
        let (at, slow_for) = (Instant::now(), Duration::MAX);
        Zeros { most_bytes, record_bytes, quick_bytes, seen: end, at, slow_for }
    }

    /// Writes a piece of the zeros that are due in `file`, for a writer at `end`; how long to rest then.
    /// `None` if there is nothing to do for a while.
    pub(crate) fn piece<S: Storage>(&self, file: &mut NewFile<S>, end: u64) -> Option<Duration> {
        let begun = Instant::now();
        let most = self.most_bytes.min(file.file_bytes());
        let (from, due) = (file.zeros_end(), self.due(file, end).min(most));
        if from >= due {
            return None;
        }
        // The more is missing, the more it writes at once and the less it rests. Half a file: the writer will
        // be there before the zeros are, and a page without them takes five times as long.
        let (folios, times) = match (due - from) * 16 / most {
            0 => (1, 15),
            8.. if self.was_quick() => (4, 0),
            2.. if self.was_quick() => (2, 1),
            _ => (2, 3),
        };
        let folio_bytes = if self.was_quick() { FOLIO_BYTES } else { FOLIO_BYTES / 4 };
        // Whole folios, also where less is due.
        if !file.cache_zeros((folios * FOLIO_BYTES).min(most - from), folio_bytes) {
            return None;
        }
        Some(begun.elapsed().min(MOST_OWED) * times)
    }

    /// Whether the writer, which is at `end`, was quick between the last two looks.
    pub(crate) fn is_quick(&mut self, end: u64) -> bool {
        let elapsed = self.at.elapsed();
        if elapsed >= LOOK_EVERY {
            let bytes = end.saturating_sub(self.seen) * self.record_bytes;
            let is_quick = bytes as f64 >= self.quick_bytes * elapsed.as_secs_f64();
            self.slow_for = if is_quick { Duration::ZERO } else { self.slow_for.saturating_add(elapsed) };
            (self.seen, self.at) = (end, Instant::now());
        }
        self.was_quick()
    }

    fn was_quick(&self) -> bool {
        self.slow_for < STAYS_QUICK
    }

    /// Up to where the file should have them: as far as the writer has come in the segment that it fills, and
    /// a little further. The next one, between the two, had them while that was filled.
    fn due<S: Storage>(&self, file: &NewFile<S>, end: u64) -> u64 {
        let behind = end.saturating_add(2 * file.capacity()).saturating_sub(file.base());
        behind.saturating_mul(self.record_bytes).saturating_add(file.file_bytes() / 16)
    }

    /// How long to sleep when there was nothing to do.
    pub(crate) fn sleep(&self) -> Duration {
        match self.was_quick() {
            _ if self.most_bytes == 0 => 25 * LOOK_EVERY,
            true => LOOK_EVERY,
            false => 10 * LOOK_EVERY,
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::format::{JournalId, SegmentHeader, VERSION, segment_name};
    use crate::storage::Files;

    pub(crate) const RECORD_BYTES: u32 = 64;
    pub(crate) const CAPACITY: u64 = 64 << 10;
    const WINDOW: u64 = 16 << 20;
    const WRITER: (u64, u64) = (RECORD_BYTES as u64, 0);

    pub(crate) fn header() -> SegmentHeader {
        SegmentHeader {
            version: VERSION,
            journal_id: JournalId([7; 16]),
            base: 0,
            capacity: CAPACITY,
            record_bytes: RECORD_BYTES,
            event_bytes: 48,
            epoch: 1,
            created_ns: 0,
            event_version: 0,
            previous_base: None,
            branch: [0; 16],
            schema: "tick".to_owned(),
            sealed_end: None,
        }
    }

    /// The file of the third segment of a journal.
    fn third(folder: &std::path::Path) -> NewFile<Files> {
        NewFile::make(&Files::new(folder), &header(), 2 * CAPACITY).expect("room on the disk")
    }

    fn all(zeros: &Zeros, file: &mut NewFile<Files>, end: u64) -> u64 {
        while zeros.piece(file, end).is_some() {}
        file.zeros_end()
    }

    #[test]
    fn they_come_as_far_as_the_writer_and_a_little_further() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut file = third(folder.path());
        let bytes = file.file_bytes();
        let zeros = Zeros::new(u64::MAX, WINDOW, WRITER, SyncMode::default());
        let first = all(&zeros, &mut file, 0);
        assert!((bytes / 16..bytes / 8).contains(&first), "{first} of {bytes}");
        let half = all(&zeros, &mut file, CAPACITY / 2);
        assert!((bytes / 2..bytes * 5 / 8).contains(&half), "{half} of {bytes}");
        assert_eq!(all(&zeros, &mut file, CAPACITY), bytes);
    }

    #[test]
    fn they_come_no_further_than_the_reserve() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut file = third(folder.path());
        let before = file.zeros_end();
        assert_eq!(all(&Zeros::new(0, WINDOW, WRITER, SyncMode::default()), &mut file, CAPACITY), before);
        assert_eq!(
            all(&Zeros::new(1 << 20, WINDOW, WRITER, SyncMode::default()), &mut file, CAPACITY),
            1 << 20
        );
    }

    #[test]
    fn a_writer_is_quick_by_what_it_appends_in_a_time() {
        let mut zeros = Zeros::new(u64::MAX, WINDOW, WRITER, SyncMode::default());
        let mut second = |end| {
            zeros.at -= Duration::from_secs(1);
            zeros.is_quick(end)
        };
        assert!(!second(100_000));
        assert!(second(10_100_000));
        assert!(!second(10_200_000));
        // Recovery put it back.
        assert!(!second(0));
        // It has to fill folios from sync to sync, however often that is.
        let quick = |sync, end| {
            let mut zeros = Zeros::new(u64::MAX, WINDOW, WRITER, sync);
            zeros.at -= Duration::from_secs(1);
            zeros.is_quick(end)
        };
        assert!(quick(SyncMode::every(Duration::from_millis(5)), 1_000_000));
        assert!(!quick(SyncMode::every(Duration::from_millis(1)), 1_000_000));
        assert!(quick(SyncMode::None, 10_000_000));
        let mut batches = Zeros::new(u64::MAX, WINDOW, WRITER, SyncMode::EveryBatch);
        batches.at -= Duration::from_secs(1);
        let folder = tempfile::tempdir().expect("a folder");
        batches.is_quick(10_000_000);
        assert_eq!(batches.piece(&mut third(folder.path()), CAPACITY), None);
        // Half of it is synced at once.
        let of_window = |window| {
            let zeros = Zeros::new(u64::MAX, window, WRITER, SyncMode::default());
            zeros.piece(&mut third(folder.path()), CAPACITY)
        };
        assert_eq!(of_window(511 << 10), None);
        assert!(of_window(512 << 10).is_some());
    }

    #[test]
    fn a_quick_writer_that_waits_for_a_file_is_still_quick_and_served_without_a_rest() {
        let mut zeros = Zeros::new(u64::MAX, WINDOW, WRITER, SyncMode::default());
        let folder = tempfile::tempdir().expect("a folder");
        let mut file = third(folder.path());
        let look = |zeros: &mut Zeros, passed, end| {
            zeros.at -= passed;
            zeros.is_quick(end)
        };
        assert!(!look(&mut zeros, LOOK_EVERY, 0));
        assert!(zeros.piece(&mut file, CAPACITY).expect("half a file is due") > Duration::ZERO);
        assert!(look(&mut zeros, LOOK_EVERY, CAPACITY));
        assert!(look(&mut zeros, LOOK_EVERY, CAPACITY));
        assert_eq!(zeros.piece(&mut file, CAPACITY), Some(Duration::ZERO));
        assert!(!look(&mut zeros, STAYS_QUICK, CAPACITY));
    }

    #[test]
    fn the_header_stays_and_so_does_the_length() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut file = third(folder.path());
        let path = folder.path().join(segment_name(2 * CAPACITY));
        let before = std::fs::read(&path).expect("the file");
        all(&Zeros::new(u64::MAX, WINDOW, WRITER, SyncMode::default()), &mut file, CAPACITY);
        assert_eq!(file.zeros_end(), file.file_bytes());
        assert!(std::fs::read(&path).expect("the file") == before, "zeros changed the file");
    }
}
