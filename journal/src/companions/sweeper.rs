//! The sweeper: follows behind the syncer, gives back the memory of what is durable, and unlinks what
//! retention has given up. Once in a while it looks whether the folder's name still means the folder that is
//! written.
//!
//! Nobody waits for this work, and each piece of it may take as long as a sync. The preparer does none of it:
//! the next pages would wait meanwhile, and a preparer that is never idle would never get to it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::live::progress::Progress;
use crate::live::segments::{LiveSegment, Segments};
use crate::retention::holders::SharedRetention;
use crate::storage::{Storage, StorageFile};

/// Between two looks at whether the folder's name still means the folder that is written.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Most files that are held open only to give back their memory later.
const MOST_CACHED: u64 = 16;

/// The sweeper's state.
#[derive(Debug)]
pub(crate) struct Sweeper<S: Storage> {
    pub(crate) storage: S,
    pub(crate) segment_bytes: u64,
    /// Bytes of durable segments whose memory stays, so that a reader close behind finds them there.
    pub(crate) cached_bytes: u64,
    /// The durable segments that still have their memory, oldest first.
    pub(crate) cached: VecDeque<Arc<LiveSegment<S>>>,
    pub(crate) progress: Arc<Progress>,
    pub(crate) segments: Arc<Segments<S>>,
    /// What retention has given up, to be unlinked.
    pub(crate) retired: Option<Arc<SharedRetention>>,
}

impl<S: Storage> Sweeper<S> {
    /// One piece of work, the most urgent; whether there was any.
    pub(crate) fn step(&mut self) -> bool {
        if self.progress.has_failed() {
            return false;
        }
        self.let_go() || self.remove_retired()
    }

    /// Lets go of durable segments, and gives back the memory of the one that lies furthest behind: the next
    /// segment gets that memory, which is faster than memory that the machine has not used for a while
    /// (docs/decisions/012-five-hands.md).
    pub(crate) fn let_go(&mut self) -> bool {
        // Clean pages only, of segments below D: should a sync have failed, D is frozen and nothing comes
        // here.
        while let Some(segment) = self.segments.release(self.progress.durable_end()) {
            self.cached.push_back(segment);
        }
        let fitting = self.cached_bytes / self.segment_bytes;
        // Segments so small that many fit are left to the kernel rather than held open.
        if fitting > MOST_CACHED {
            self.cached.clear();
        }
        if self.cached.len() as u64 <= fitting {
            return false;
        }
        if let Some(segment) = self.cached.pop_front() {
            segment.file.drop_cached();
        }
        true
    }

    fn remove_retired(&self) -> bool {
        self.retired.as_ref().is_some_and(|retired| retired.remove_one(&self.storage))
    }

    /// Runs until `stop` says so.
    pub(crate) fn run(mut self, stop: &AtomicBool) {
        let (shortest, longest) = (Duration::from_millis(1), Duration::from_millis(16));
        let mut sleep = shortest;
        let mut looked: Option<Instant> = None;
        // Acquire: partner of the release store in `RunningThreads::end`.
        while !stop.load(Ordering::Acquire) {
            if looked.is_none_or(|at| at.elapsed() >= LOOK_EVERY) {
                look_at_folder(&self.storage, &self.progress);
                looked = Some(Instant::now());
            }
            if self.step() {
                sleep = shortest;
            } else {
                std::thread::park_timeout(sleep);
                sleep = (sleep * 2).min(longest);
            }
        }
    }
}

/// Looks whether the folder's name still means the folder that is written.
pub(crate) fn look_at_folder<S: Storage>(storage: &S, progress: &Progress) {
    progress.set_folder_moved(storage.is_moved());
}
