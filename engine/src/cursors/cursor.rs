//! A stage's progress: one number on a cache line of its own, and who sleeps until it moves.
//!
//! It lies in this process's own memory: nobody else moves a gate. Other processes read copies, in the
//! engine's counters.

use std::sync::atomic::Ordering;

use crate::lines::format::CursorLine;
use crate::lines::memory::{LineMemory, LineRef};

/// How far a stage is: the last sequence that it finished, kept as its successor, so that "none yet" needs no
/// special value. One writer, any number of readers. Clones are the same cursor.
///
/// Beside the number lies a bit for each lane that is parked until the cursor moves: on the cursor's own
/// line, for their one reader is the cursor's writer, which has the line anyway. See `park.rs`.
#[derive(Clone, Debug)]
pub(crate) struct Cursor(LineRef<CursorLine>);

impl Cursor {
    /// The cursor at a place in the counters.
    pub(crate) fn at(place: LineRef<CursorLine>) -> Self {
        Cursor(place)
    }

    /// A cursor of its own, which is in no counters.
    pub(crate) fn private(end: u64) -> Self {
        let cursor = Cursor(LineMemory::private(size_of::<CursorLine>()).at(0));
        cursor.set(end);
        cursor
    }

    /// Says that everything below `end` is finished.
    #[inline(always)]
    pub(crate) fn set(&self, end: u64) {
        // Release P: what the stage did for those events happens before whoever sees the cursor goes on.
        self.0.end.store(end, Ordering::Release);
    }

    /// Raises the cursor to `end`; for the publishers, of which there may be several.
    pub(crate) fn raise(&self, end: u64) {
        // Release P, as `set`.
        self.0.end.fetch_max(end, Ordering::Release);
    }

    /// Everything below it is finished.
    #[inline(always)]
    pub(crate) fn end(&self) -> u64 {
        // Acquire P: partner of `set`. A gated stage, or a waiter, sees what the finished stage did.
        self.0.end.load(Ordering::Acquire)
    }

    /// Whether the other one is a clone of this.
    pub(crate) fn is_same(&self, other: &Cursor) -> bool {
        std::ptr::eq(&*self.0, &*other.0)
    }

    /// Whether a lane is parked until the cursor moves.
    #[inline(always)]
    pub(crate) fn has_parked(&self) -> bool {
        // Relaxed: ordered by the fence (or the other side's membarrier) of `Parking::wake`, K.
        self.0.parked.load(Ordering::Relaxed) != 0
    }

    /// Marks the lane of `bit` as parked here.
    pub(crate) fn park(&self, bit: u64) {
        // Relaxed: ordered by the barrier that follows in `Parking::park`, K.
        self.0.parked.fetch_or(bit, Ordering::Relaxed);
    }

    /// The lane of `bit` is up again.
    pub(crate) fn unpark(&self, bit: u64) {
        // Relaxed: at worst it is woken once for nothing.
        self.0.parked.fetch_and(!bit, Ordering::Relaxed);
    }

    /// Whether the lane of `bit` is marked as parked here.
    pub(crate) fn is_parked(&self, bit: u64) -> bool {
        // Relaxed: for the count of missed wake-ups only.
        self.0.parked.load(Ordering::Relaxed) & bit != 0
    }

    /// Takes the marks of all lanes parked here; whoever takes a mark wakes its lane.
    pub(crate) fn take_parked(&self) -> u64 {
        // Relaxed: the marks only say whom to unpark, and `unpark` itself synchronises with `park`.
        self.0.parked.swap(0, Ordering::Relaxed)
    }
}
