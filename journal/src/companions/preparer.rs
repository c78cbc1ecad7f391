//! The preparer: maps the next segment before it is needed, keeps the pages ahead of the cursor present, and
//! unmaps what the writer has left. The writer only swaps a pointer.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::companions::maker::{FromMaker, Maker, Orders};
use crate::companions::pace::WriterPace;
use crate::companions::pieces::{Pieces, Rest};
use crate::companions::sweeper::Sweeper;
use crate::error::{IoFault, SyncError};
use crate::format::SegmentHeader;
use crate::live::progress::Progress;
use crate::live::segments::{LiveSegment, MOST_MAPPED, MOST_OPEN, Segments};
use crate::retention::holders::SharedRetention;
use crate::storage::Storage;
use crate::tools::whole_calls::Whole;

/// Bytes made present in one call: tens of microseconds of work where there is time, else a millisecond.
const AHEAD: Pieces = Pieces::new(32 << 10, 512 << 10);

/// Bytes let go in one call, and given to the disk: small ones would make the disk slow.
const BEHIND: Pieces = Pieces::new(64 << 10, 4 << 20);

/// What to do when the disk is full.
///
/// ```
/// use slipring_journal::{DiskFull, Journal};
///
/// let journal = Journal::at("data/ticks").disk_full(DiskFull::Halt);
/// ```
///
/// More: [sizes].
///
/// [sizes]: https://github.com/slipring/slipring/blob/main/docs/how-to/size-the-ring-and-the-journal.md
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum DiskFull {
    /// Appends wait until there is room again.
    #[default]
    Wait,
    /// The journal fails for good, once an append needs room that there is not.
    Halt,
}

/// The preparer's state; [`Preparer::step`] does one round, in whatever thread calls it.
#[derive(Debug)]
pub(crate) struct Preparer<S: Storage> {
    pub(crate) storage: S,
    pub(crate) template: SegmentHeader,
    /// So many behind the last have pages that are present; 0 where the writer needs none.
    pub(crate) reserve_records: u64,
    pub(crate) pieces: PreparerPieces,
    pub(crate) disk_full: DiskFull,
    /// Every sync is of a whole segment.
    pub(crate) whole_segments: bool,
    pub(crate) progress: Arc<Progress>,
    pub(crate) segments: Arc<Segments<S>>,
    /// Files that the maker makes.
    pub(crate) orders: Arc<Orders<S>>,
    /// What retention has given up, to be unlinked.
    pub(crate) retired: Option<Arc<SharedRetention>>,
    /// Maker and sweeper, where they have no threads of their own.
    pub(crate) others: Option<(Maker<S>, Sweeper<S>)>,
}

/// What the preparer works in.
#[derive(Debug)]
pub(crate) struct PreparerPieces {
    ahead: Pieces,
    behind: Pieces,
    /// To be kept behind the last piece, of whichever.
    rest: Duration,
}

impl PreparerPieces {
    pub(crate) fn new() -> Self {
        PreparerPieces { ahead: AHEAD, behind: BEHIND, rest: Duration::ZERO }
    }
}

/// What a round of the preparer came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PreparerRound {
    /// There may be more to do at once.
    Worked,
    /// Everything is ready.
    Idle,
    /// The disk is full; try again later.
    Blocked,
}

impl<S: Storage> Preparer<S> {
    pub(crate) fn step(&mut self) -> PreparerRound {
        if self.progress.has_failed() {
            return PreparerRound::Idle;
        }
        if let Some((_, sweeper)) = &mut self.others {
            sweeper.let_go();
        }
        self.pieces.rest = Duration::ZERO;
        let cursor = self.progress.journalled_end();
        let live: Vec<_> = self.segments.live().iter().cloned().collect();
        let present = self.present(&live, cursor);
        // A reserve that lacks a little all the time, beside a writer that goes on, keeps nothing waiting.
        let is_urgent = Rest::of(present, self.reserve_records) <= Rest::Short;
        if is_urgent && let Some(round) = self.prepare_pages(&live, cursor, present) {
            return round;
        }
        if self.leave_pages() {
            return PreparerRound::Worked;
        }
        let segment = self.prepare_segment(&live);
        if let Some(round) = segment.filter(|round| *round != PreparerRound::Blocked) {
            return round;
        }
        if !is_urgent && let Some(round) = self.prepare_pages(&live, cursor, present) {
            return round;
        }
        let worked = self.others.as_mut().is_some_and(|(maker, sweeper)| maker.step() || sweeper.step());
        if worked { PreparerRound::Worked } else { segment.unwrap_or(PreparerRound::Idle) }
    }

    /// Maps the next segment for the writer; `None` if it has one, or may have no more.
    fn prepare_segment(&mut self, live: &[Arc<LiveSegment<S>>]) -> Option<PreparerRound> {
        let end = live.last().map_or(0, |segment| segment.end);
        let next_taken =
            self.segments.next.is_empty() && self.segments.active_base() == live.last().map_or(0, |s| s.base);
        // One that the syncer has unmapped to sync it does not count: the next one need not wait for the
        // disk.
        let mapped = live.iter().filter(|segment| segment.is_mapped()).count();
        if !next_taken || live.len() >= MOST_OPEN || mapped >= MOST_MAPPED {
            return None;
        }
        // Half of the last segment is time enough for the maker.
        let is_near = self.progress.journalled_end() + self.template.capacity / 2 >= end;
        let in_a_hurry = is_near || self.others.is_some();
        let made = match self.orders.take(in_a_hurry) {
            FromMaker::File(file) => file.map(&self.storage),
            FromMaker::Soon => return None,
            FromMaker::Nothing => {
                let create = || LiveSegment::create(&self.storage, &self.template, end);
                self.progress.whole_calls.count(Whole::Make, create)
            }
        };
        Some(match made {
            Ok(ready) => {
                self.orders.order(ready.segment.end);
                self.progress.set_disk_has_room();
                // Into the list first: the syncer must know it before the writer can fill it.
                self.segments.live().push_back(Arc::clone(&ready.segment));
                let pushed = self.segments.next.push(ready);
                debug_assert!(pushed.is_ok(), "only the preparer fills the queue, and it was empty");
                PreparerRound::Worked
            }
            Err(fault) => self.ahead_fault(fault, end),
        })
    }

    /// Makes a piece of the reserve present, if enough of it is missing.
    fn prepare_pages(
        &mut self,
        live: &[Arc<LiveSegment<S>>],
        cursor: u64,
        present: u64,
    ) -> Option<PreparerRound> {
        // To wake for a few pages costs more than they do.
        let missing = self.reserve_records.saturating_sub(present);
        if missing < (self.reserve_records / 64).max(1) {
            return None;
        }
        let rest = Rest::of(present, self.reserve_records);
        let ahead = cursor.saturating_add(self.reserve_records);
        for segment in live.iter().filter(|segment| segment.end > cursor && segment.base < ahead) {
            // Quicker, where the writer is quick and no sync is of a part of them.
            let together = self.whole_segments && rest <= Rest::Short;
            let prefault = |bytes| segment.prefault_towards(cursor, ahead, (bytes, together));
            match self.pieces.ahead.work(rest, prefault) {
                Ok(false) => {}
                Ok(true) => {
                    self.pieces.rest = self.pieces.ahead.rest(rest);
                    return Some(PreparerRound::Worked);
                }
                Err(error) => {
                    let fault = IoFault::new("prefault", self.storage.path(&segment.name), error);
                    // The writer may be on its way there.
                    return Some(self.fault(fault, true));
                }
            }
        }
        None
    }

    /// Lets go of a piece of the segments that the writer has left; whether there was one. With more than one
    /// of them it does not rest: the syncer would do the same, a whole segment at once.
    fn leave_pages(&mut self) -> bool {
        let rest = if self.segments.left() > 1 { Rest::None } else { Rest::Medium };
        let leave = |bytes| Ok::<_, Infallible>(self.segments.leave(bytes));
        let Ok(left) = self.pieces.behind.work(rest, leave);
        if left {
            self.pieces.rest = self.pieces.behind.rest(rest);
        }
        left
    }

    /// The segment that begins at `base` can't be made. That is a failure only once an append needs it: it
    /// may be possible by then, and what was appended is none the worse. But for a failed sync, which is
    /// terminal wherever it comes from.
    fn ahead_fault(&self, fault: IoFault, base: u64) -> PreparerRound {
        if fault.is_of_a_sync() {
            self.progress.fail_by_sync(fault);
            return PreparerRound::Idle;
        }
        if fault.is_disk_full() || self.progress.needs_segment(base) {
            return self.fault(fault, self.progress.needs_segment(base));
        }
        PreparerRound::Blocked
    }

    /// `needed`: an append can't do without what failed.
    fn fault(&self, fault: IoFault, needed: bool) -> PreparerRound {
        if !fault.is_disk_full() {
            self.progress.fail(SyncError::PrepareFailed { fault });
            return PreparerRound::Idle;
        }
        // What retention has given up makes room.
        if self
            .retired
            .as_ref()
            .is_some_and(|retired| retired.remove_one(&self.storage, &self.progress.whole_calls))
        {
            return PreparerRound::Worked;
        }
        let halt = (self.disk_full == DiskFull::Halt).then_some(SyncError::DiskFull { fault });
        self.progress.set_disk_full(halt);
        if needed {
            self.progress.halt_on_full();
        }
        PreparerRound::Blocked
    }

    /// Runs until `stop` says so.
    pub(crate) fn run(mut self, stop: &AtomicBool) {
        self.progress.set_preparer(std::thread::current());
        let bounds = (Duration::from_micros(250), Duration::from_millis(2));
        let mut pace = WriterPace::new(self.progress.journalled_end(), bounds, Duration::from_millis(8));
        // Acquire: partner of the release store in `RunningThreads::end`.
        while !stop.load(Ordering::Acquire) {
            match self.step() {
                PreparerRound::Worked if self.pieces.rest.is_zero() => continue,
                PreparerRound::Worked => std::thread::park_timeout(self.pieces.rest),
                PreparerRound::Blocked => std::thread::park_timeout(Duration::from_millis(50)),
                PreparerRound::Idle => {
                    let end = self.progress.journalled_end();
                    std::thread::park_timeout(pace.sleep(end, self.left(end)));
                }
            }
        }
    }

    /// How many records more, behind `cursor`, may be appended before something must be done here: a good
    /// part of the reserve is used, or the next segment is taken.
    fn left(&self, cursor: u64) -> u64 {
        let live = self.segments.live();
        let last_base = live.back().map_or(0, |segment| segment.base);
        let most_used = self.reserve_records / 8;
        let present = self.present(live.iter(), cursor);
        present.saturating_sub(self.reserve_records - most_used).min(last_base.saturating_sub(cursor))
    }

    /// How many records behind `cursor` have pages that are present; any number, where none need be.
    fn present<'a>(&self, live: impl IntoIterator<Item = &'a Arc<LiveSegment<S>>>, cursor: u64) -> u64
    where
        S: 'a,
    {
        if self.reserve_records == 0 { u64::MAX } else { present_end(live, cursor) - cursor }
    }
}

/// Up to where the pages behind `cursor` are present.
fn present_end<'a, S: Storage + 'a>(
    live: impl IntoIterator<Item = &'a Arc<LiveSegment<S>>>,
    cursor: u64,
) -> u64 {
    let mut end = cursor;
    for segment in live.into_iter().filter(|segment| segment.end > cursor) {
        end = segment.present_end(cursor);
        if end < segment.end {
            break;
        }
    }
    end
}
