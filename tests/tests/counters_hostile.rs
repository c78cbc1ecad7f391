//! Counters files that say what can't be: hostile lengths, counts and places in every field, files that are
//! too short, or shortened under their reader. The reader refuses, or says no more than the file has room
//! for.

use std::alloc::{GlobalAlloc, Layout, System};
use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use slipring::{CountersError, CountersFault, CountersReader};
use slipring_tests::fuzzed_files::{halt, look_at_counters, mend_counters, put, whole_counters};

/// The system's allocator, which notes the largest request.
struct Largest;

static LARGEST: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call goes to the system's allocator as it came; noting neither allocates nor unwinds.
unsafe impl GlobalAlloc for Largest {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // Relaxed: a figure, by which nothing is ordered.
        LARGEST.fetch_max(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's contract is the system's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(place, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Largest = Largest;

/// One test at a time: they look at what is allocated.
static ONE: Mutex<()> = Mutex::new(());

struct Place {
    folder: tempfile::TempDir,
    whole: Vec<u8>,
}

impl Place {
    fn new() -> Self {
        Place { folder: tempfile::tempdir().unwrap(), whole: whole_counters() }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("counters")
    }

    /// Reads these bytes, which neither panics nor takes more memory than the whole file's few times.
    fn look(&self, bytes: &[u8], what: &str) -> Result<(), CountersError> {
        put(&self.path(), bytes);
        LARGEST.store(0, Ordering::Relaxed);
        let path = self.path();
        let looked = catch_unwind(AssertUnwindSafe(|| look_at_counters(&path)));
        let largest = LARGEST.load(Ordering::Relaxed);
        assert!(largest <= 4 * self.whole.len(), "{what}: {largest} bytes at once");
        looked.unwrap_or_else(|_| panic!("{what}: it panicked"))
    }
}

fn lock() -> std::sync::MutexGuard<'static, ()> {
    ONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

const NUMBERS: [u64; 10] =
    [0, 1, 255, 1 << 16, (1 << 16) + 1, u32::MAX as u64, 1 << 32, i64::MAX as u64, u64::MAX - 1, u64::MAX];

/// The numbers in each word of 4 and of 8 bytes, in each word one in `part` of them: each in its turn.
fn words(length: usize, part: usize) -> impl Iterator<Item = (usize, u64, usize)> {
    let places = (0..length).step_by(4).flat_map(|at| [(at, 4), (at, 8)]);
    let places = places.filter(move |(at, bytes)| at + bytes <= length);
    places.flat_map(move |(at, bytes)| {
        let numbers = NUMBERS.into_iter().enumerate();
        let numbers = numbers.filter(move |(index, _)| (index + at / 4) % part == 0);
        numbers.map(move |(_, number)| (at, number, bytes))
    })
}

#[test]
fn row_hostile_counters_every_word_of_every_length() {
    put_into_words(5);
}

#[test]
#[ignore = "long: every number in every word"]
fn row_hostile_counters_every_number_in_every_word_of_every_length() {
    put_into_words(1);
}

fn put_into_words(part: usize) {
    let _one = lock();
    let place = Place::new();
    let mut halted = place.whole.clone();
    halt(&mut halted);
    let (mut taken, mut refused) = (0, 0);
    for whole in [&place.whole, &halted] {
        place.look(whole, "whole").unwrap();
        for (at, number, bytes) in words(whole.len(), part) {
            let mut file = whole.clone();
            file[at..at + bytes].copy_from_slice(&number.to_le_bytes()[..bytes]);
            mend_counters(&mut file);
            match place.look(&file, &format!("{number:#x} in {bytes} bytes at {at}")) {
                Ok(()) => taken += 1,
                Err(CountersError::Invalid { .. } | CountersError::Stale { .. }) => refused += 1,
                Err(CountersError::Ended { .. }) => {}
                Err(error) => panic!("{number:#x} at {at}: {error}"),
            }
        }
    }
    assert!(taken > 10_000 && refused > 100, "{taken} taken, {refused} refused");
}

/// The number of stages says how long the file is and how much of it is read: refused before any of it is
/// taken.
#[test]
fn row_hostile_counters_a_count_of_stages_that_the_file_has_no_room_for() {
    let _one = lock();
    let place = Place::new();
    for stages in (0_u32..200).chain([1 << 15, 1 << 16, (1 << 16) + 1, 1 << 20, 1 << 31, u32::MAX]) {
        let mut file = place.whole.clone();
        let is_right = file[104..108] == stages.to_le_bytes();
        file[104..108].copy_from_slice(&stages.to_le_bytes());
        mend_counters(&mut file);
        let looked = place.look(&file, &format!("{stages} stages"));
        let is_refused = matches!(looked, Err(CountersError::Invalid { .. }));
        // Up to a whole block more or fewer have room in the same length: they have no names.
        assert!(is_right || is_refused || looked.is_ok() && stages < 16, "{stages}: {looked:?}");
    }
    // Of the length that it calls for, most of which is a hole: what is read is the names, and nothing in
    // them.
    let mut file = place.whole.clone();
    file[104..108].copy_from_slice(&(1_u32 << 16).to_le_bytes());
    put(&place.path(), &file);
    let statics = (128 + (128 << 16) + 4_u64).next_multiple_of(4096);
    let length = (statics + 4224 + (256 << 16)).next_multiple_of(4096);
    File::options().write(true).open(place.path()).unwrap().set_len(length).unwrap();
    let fault = CountersReader::open(place.path()).unwrap_err();
    let is_checksum = matches!(fault, CountersError::Invalid { fault: CountersFault::Checksum, .. });
    assert!(is_checksum, "{fault}");
}

#[test]
fn row_hostile_counters_of_every_other_length() {
    let _one = lock();
    let place = Place::new();
    let whole = place.whole.len();
    let lengths = (0..300).chain((300..whole).step_by(61)).chain([whole - 1, whole + 1, whole + 4096]);
    for length in lengths {
        let mut file = place.whole.clone();
        file.resize(length, 0);
        let fault = place.look(&file, &format!("{length} bytes")).unwrap_err();
        let fault = match fault {
            CountersError::Invalid { fault, .. } => fault,
            other => panic!("{length} bytes: {other}"),
        };
        let is_short = matches!(fault, CountersFault::Foreign | CountersFault::Truncated { .. });
        assert!(is_short, "{length} bytes: {fault}");
    }
}

/// What lies behind the end of a file that is mapped can't be touched: the process would die of SIGBUS.
#[test]
fn row_hostile_counters_that_are_shortened_under_their_reader() {
    let _one = lock();
    let place = Place::new();
    for length in [0, 100, 4096, place.whole.len() as u64 - 1] {
        put(&place.path(), &place.whole);
        let reader = CountersReader::open(place.path()).unwrap();
        let before = reader.read().unwrap();
        assert_eq!((before.published_end, before.stages.len()), (60, 3));
        File::options().write(true).open(place.path()).unwrap().set_len(length).unwrap();
        let fault = reader.read().unwrap_err();
        let wanted = place.whole.len() as u64;
        let is_short = matches!(&fault, CountersError::Invalid {
            fault: CountersFault::Truncated { found, wanted: all }, ..
        } if (*found, *all) == (length, wanted));
        assert!(is_short, "{fault}");
        let last = reader.last();
        assert_eq!((last.published_end, last.stages.len(), last.late_consumers.len()), (0, 3, 0));
    }
}
