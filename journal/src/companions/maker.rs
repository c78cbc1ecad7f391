//! The maker: makes the file of the segment after the next, before the preparer wants it. Header and name
//! have to be synced, each sync waits behind the segments that are being synced, and meanwhile the preparer
//! has pages to make present.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::Thread;
use std::time::{Duration, Instant};

use crate::companions::zeros::Zeros;
use crate::format::SegmentHeader;
use crate::live::new_file::NewFile;
use crate::live::progress::Progress;
use crate::storage::Storage;
use crate::tools::whole_calls::Whole;

/// What the preparer orders and the maker delivers: one file at a time.
#[derive(Debug)]
pub(crate) struct Orders<S: Storage> {
    order: Mutex<Order<S>>,
    maker: OnceLock<Thread>,
}

#[derive(Debug)]
enum Order<S: Storage> {
    None,
    /// A file for the segment that starts there.
    Wanted(u64),
    Making,
    /// It is being made, and the preparer needs it by now.
    Awaited,
    Made(NewFile<S>),
}

/// What the preparer gets.
#[derive(Debug)]
pub(crate) enum FromMaker<S: Storage> {
    File(NewFile<S>),
    /// The maker has it in hand, and wakes the preparer: who is in a hurry as soon as there is a file, and
    /// for a quick writer most of its zeros; else once it is ready or an append waits for it.
    Soon,
    /// It was not begun, or could not be made then: whoever needs it now makes it.
    Nothing,
}

impl<S: Storage> Orders<S> {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Orders { order: Mutex::new(Order::None), maker: OnceLock::new() })
    }

    fn lock(&self) -> MutexGuard<'_, Order<S>> {
        self.order.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Orders the file of the segment at `base`.
    pub(crate) fn order(&self, base: u64) {
        *self.lock() = Order::Wanted(base);
        if let Some(maker) = self.maker.get() {
            maker.unpark();
        }
    }

    /// The file that was made, if nobody has taken it yet: to be put back.
    fn take_back(&self) -> Option<NewFile<S>> {
        let mut order = self.lock();
        match std::mem::replace(&mut *order, Order::Making) {
            Order::Made(file) => Some(file),
            other => {
                *order = other;
                None
            }
        }
    }

    /// Puts a file back; whether the preparer has come for it meanwhile.
    fn put_back(&self, file: NewFile<S>) -> bool {
        let before = std::mem::replace(&mut *self.lock(), Order::Made(file));
        matches!(before, Order::Awaited)
    }

    /// Takes what was ordered; in a hurry also if there is more to do to it, and nothing if it was not begun.
    pub(crate) fn take(&self, in_a_hurry: bool) -> FromMaker<S> {
        let mut order = self.lock();
        match std::mem::replace(&mut *order, Order::None) {
            Order::Made(file) if in_a_hurry || !file.awaits_zeros => FromMaker::File(file),
            Order::None => FromMaker::Nothing,
            Order::Wanted(_) if in_a_hurry => FromMaker::Nothing,
            Order::Making if in_a_hurry => {
                *order = Order::Awaited;
                FromMaker::Soon
            }
            soon => {
                *order = soon;
                FromMaker::Soon
            }
        }
    }
}

/// A file that is due with its zeros is kept from the preparer so long, should it ask meanwhile.
const MOST_WITHHELD: Duration = Duration::from_millis(40);

/// The maker's state.
#[derive(Debug)]
pub(crate) struct Maker<S: Storage> {
    pub(crate) storage: S,
    pub(crate) template: SegmentHeader,
    pub(crate) progress: Arc<Progress>,
    pub(crate) orders: Arc<Orders<S>>,
    pub(crate) zeros: Zeros,
    /// The first segment that it makes: whether its writer is quick is not known by then.
    pub(crate) first_base: u64,
}

impl<S: Storage> Maker<S> {
    /// Makes what was ordered; whether anything was.
    pub(crate) fn step(&self) -> bool {
        if self.progress.has_failed() {
            return false;
        }
        let base = match &mut *self.orders.lock() {
            order @ Order::Wanted(_) => match std::mem::replace(order, Order::Making) {
                Order::Wanted(base) => base,
                _ => return false,
            },
            _ => return false,
        };
        let make = || NewFile::make(&self.storage, &self.template, base);
        let made = match self.progress.whole_calls.count(Whole::Make, make) {
            Ok(mut file) => {
                file.awaits_zeros = base == self.first_base;
                Order::Made(file)
            }
            Err(fault) => {
                if fault.is_of_a_sync() {
                    self.progress.fail_by_sync(fault);
                }
                // It may be possible by the time that the file is needed; if not, the preparer says so.
                Order::None
            }
        };
        *self.orders.lock() = made;
        self.progress.wake_preparer();
        true
    }

    /// Writes a piece of the zeros of the file that was made; how long to rest then. `None` if there is
    /// none to write.
    fn write_zeros(&mut self) -> Option<Duration> {
        let end = self.progress.journalled_end();
        let is_quick = self.zeros.is_quick(end);
        if self.progress.has_failed() {
            return None;
        }
        // Not locked meanwhile: the kernel may make who writes wait for the disk.
        let mut file = self.orders.take_back()?;
        let (base, is_first) = (file.base(), file.awaits_zeros);
        let begun = Instant::now();
        let mut rest = if is_quick || is_first { self.zeros.piece(&mut file, end) } else { None };
        while rest == Some(Duration::ZERO) && begun.elapsed() < MOST_WITHHELD {
            rest = self.zeros.piece(&mut file, end);
        }
        file.awaits_zeros &= rest.is_some();
        let is_ready = is_first && !file.awaits_zeros;
        let is_awaited = self.orders.put_back(file);
        if is_ready || is_awaited || self.progress.needs_segment(base) {
            self.progress.wake_preparer();
        }
        // Time enough to take it.
        rest.filter(|_| !is_awaited)
    }

    /// Removes the file that nobody will use any more. Should it come back when power fails, recovery removes
    /// it.
    pub(crate) fn finish(&self) {
        if let FromMaker::File(file) = self.orders.take(true) {
            file.remove(&self.storage);
        }
    }

    /// Runs until `stop` says so.
    pub(crate) fn run(mut self, stop: &AtomicBool) -> Self {
        let _ = self.orders.maker.set(std::thread::current());
        // Acquire: partner of the release store in `RunningThreads::end`.
        while !stop.load(Ordering::Acquire) {
            if self.step() {
                continue;
            }
            // An order that came before the handle was set is seen after one sleep.
            std::thread::park_timeout(self.write_zeros().unwrap_or(self.zeros.sleep()));
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::companions::syncer::SyncMode;
    use crate::companions::zeros::tests::{CAPACITY, RECORD_BYTES, header};
    use crate::storage::Files;

    fn maker(folder: &std::path::Path) -> Maker<Files> {
        Maker {
            storage: Files::new(folder),
            template: header(),
            progress: Arc::new(Progress::default()),
            orders: Orders::new(),
            zeros: Zeros::new(u64::MAX, u64::MAX, (RECORD_BYTES.into(), 0), SyncMode::default()),
            first_base: CAPACITY,
        }
    }

    #[test]
    fn who_has_time_gets_the_first_file_with_all_of_its_zeros() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut maker = maker(folder.path());
        maker.orders.order(CAPACITY);
        assert!(matches!(maker.orders.take(false), FromMaker::Soon));
        assert!(maker.step());
        assert!(matches!(maker.orders.take(false), FromMaker::Soon));
        while maker.write_zeros().is_some() {}
        let FromMaker::File(file) = maker.orders.take(false) else { panic!("a file with zeros") };
        assert_eq!(file.zeros_end(), file.file_bytes());
        assert!(matches!(maker.orders.take(false), FromMaker::Nothing));
        // Nobody is known to be quick: the next has none, and nobody waits for them.
        maker.orders.order(2 * CAPACITY);
        assert!(maker.step());
        assert_eq!(maker.write_zeros(), None);
        assert!(matches!(maker.orders.take(false), FromMaker::File(_)));
    }

    #[test]
    fn who_is_in_a_hurry_takes_what_there_is() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut maker = maker(folder.path());
        maker.orders.order(CAPACITY);
        assert!(maker.step());
        assert!(maker.write_zeros().is_some());
        // Just when zeros are written to it, which can take long.
        let file = maker.orders.take_back().expect("it was made");
        assert!(matches!(maker.orders.take(false), FromMaker::Soon));
        assert!(!maker.orders.put_back(file), "nobody was in a hurry");
        let file = maker.orders.take_back().expect("it was put back");
        assert!(matches!(maker.orders.take(true), FromMaker::Soon));
        assert!(maker.orders.put_back(file), "the preparer is to be woken");
        let FromMaker::File(file) = maker.orders.take(true) else { panic!("a file") };
        assert!(file.zeros_end() < file.file_bytes());
        assert_eq!(maker.write_zeros(), None, "it is in other hands");
        maker.orders.order(2 * CAPACITY);
        assert!(matches!(maker.orders.take(true), FromMaker::Nothing));
        assert!(!maker.step(), "whoever took the order makes the file");
    }
}
