//! The sweeper: follows behind the syncer, gives back the memory of what is durable, and unlinks what
//! retention has given up. Once in a while it looks whether the folder's name still means the folder that is
//! written.
//!
//! Nobody waits for this work, and each piece of it may take as long as a sync. The preparer does none of it:
//! the next pages would wait meanwhile, and a preparer that is never idle would never get to it.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::companions::pieces::{Pieces, Rest};
use crate::format::segment_name;
use crate::live::progress::Progress;
use crate::live::segments::{LiveSegment, Segments};
use crate::retention::holders::SharedRetention;
use crate::storage::{Storage, StorageFile};

/// Between two looks at whether the folder's name still means the folder that is written.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Bytes given back in one call.
pub(crate) const PIECES: Pieces = Pieces::new(128 << 10, 8 << 20);

/// Most files that are held open only to give back their memory later.
const MOST_CACHED: usize = 16;

/// The sweeper's state.
#[derive(Debug)]
pub(crate) struct Sweeper<S: Storage> {
    pub(crate) storage: S,
    pub(crate) segment_bytes: u64,
    /// Bytes of durable segments whose memory stays, so that a reader close behind finds them there.
    pub(crate) cached_bytes: u64,
    /// The durable segments that still have their memory, oldest first.
    pub(crate) cached: VecDeque<Arc<LiveSegment<S>>>,
    /// The file whose memory is being given back.
    pub(crate) giving: Option<Giving<S>>,
    pub(crate) pieces: Pieces,
    /// Base of the retired segment that has given its memory back.
    pub(crate) given: Option<u64>,
    pub(crate) progress: Arc<Progress>,
    pub(crate) segments: Arc<Segments<S>>,
    /// What retention has given up, to be unlinked.
    pub(crate) retired: Option<Arc<SharedRetention>>,
}

/// A file that gives its memory back.
#[derive(Debug)]
pub(crate) struct Giving<S: Storage> {
    file: Given<S>,
    /// Up to where it has.
    at: u64,
    bytes: u64,
}

#[derive(Debug)]
enum Given<S: Storage> {
    /// A durable segment, the one furthest behind.
    Segment(Arc<LiveSegment<S>>),
    /// One that is to be unlinked, which takes the longer the more memory it has.
    Retired(S::File),
}

impl<S: Storage> Giving<S> {
    fn give(&mut self, piece_bytes: u64) {
        let piece = self.at..(self.at + piece_bytes).min(self.bytes);
        self.at = piece.end;
        match &self.file {
            Given::Segment(segment) => segment.file.drop_cached(piece),
            Given::Retired(file) => file.drop_cached(piece),
        }
    }
}

impl<S: Storage> Sweeper<S> {
    /// One piece of work, the most urgent; whether there was any.
    pub(crate) fn step(&mut self) -> bool {
        if self.progress.has_failed() {
            return false;
        }
        self.let_go();
        self.give_back() || self.remove_retired()
    }

    /// Lets go of durable segments.
    pub(crate) fn let_go(&mut self) {
        // Clean pages only, of segments below D: should a sync have failed, D is frozen and nothing comes
        // here.
        while let Some(segment) = self.segments.release(self.progress.durable_end()) {
            self.cached.push_back(segment);
        }
        // Segments so small that many fit are left to the kernel rather than held open.
        if self.fitting() > MOST_CACHED {
            self.cached.clear();
        }
    }

    fn fitting(&self) -> usize {
        (self.cached_bytes / self.segment_bytes) as usize
    }

    /// Gives back a piece of the memory of the segment that lies furthest behind, or of the file that is to
    /// be unlinked next: the next segment gets that memory, which is faster than memory that the machine
    /// has not used for a while (docs/decisions/012-five-hands.md). Whether there was any.
    fn give_back(&mut self) -> bool {
        let rest = self.rest();
        if self.giving.is_none() {
            self.giving = self.next_to_give();
        }
        let Some(giving) = &mut self.giving else { return false };
        let give = |bytes| {
            giving.give(bytes);
            Ok::<_, Infallible>(true)
        };
        let Ok(_) = self.pieces.work(rest, give);
        if giving.at >= giving.bytes {
            self.giving = None;
        }
        true
    }

    fn next_to_give(&mut self) -> Option<Giving<S>> {
        if self.cached.len() > self.fitting() {
            let segment = self.cached.pop_front()?;
            let bytes = segment.file_bytes();
            return Some(Giving { file: Given::Segment(segment), at: 0, bytes });
        }
        let oldest = self.retired.as_ref()?.oldest().filter(|oldest| self.given != Some(*oldest))?;
        self.given = Some(oldest);
        // One that can't be opened is unlinked as it is.
        let file = self.storage.open(&segment_name(oldest), false).ok()?;
        let bytes = file.size().ok()?;
        Some(Giving { file: Given::Retired(file), at: 0, bytes })
    }

    fn remove_retired(&self) -> bool {
        let Some(retired) = &self.retired else { return false };
        retired.remove_one(&self.storage, &self.progress.whole_calls)
    }

    /// Long, unless segments are waiting: then the writer makes them faster than that.
    fn rest(&self) -> Rest {
        let retired = self.retired.as_ref().map_or(0, |retired| retired.count());
        match retired + self.cached.len().saturating_sub(self.fitting()) {
            0 | 1 => Rest::Long,
            2 => Rest::Short,
            _ => Rest::None,
        }
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
                let rest = self.pieces.rest(self.rest());
                if !rest.is_zero() {
                    std::thread::park_timeout(rest);
                }
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
