//! A stage's progress: one number on a cache line of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crossbeam::utils::CachePadded;

/// How far a stage is: the last sequence that it finished, kept as its successor, so that "none yet" needs no
/// special value. One writer, any number of readers. Clones are the same cursor.
#[derive(Clone, Debug)]
pub(crate) struct Cursor(Arc<CachePadded<AtomicU64>>);

impl Cursor {
    pub(crate) fn new(end: u64) -> Self {
        Cursor(Arc::new(CachePadded::new(AtomicU64::new(end))))
    }

    /// Says that everything below `end` is finished.
    #[inline(always)]
    pub(crate) fn set(&self, end: u64) {
        // Release P: what the stage did for those events happens before whoever sees the cursor goes on.
        self.0.store(end, Ordering::Release);
    }

    /// Raises the cursor to `end`; for the publishers, of which there may be several.
    pub(crate) fn raise(&self, end: u64) {
        // Release P, as `set`.
        self.0.fetch_max(end, Ordering::Release);
    }

    /// Everything below it is finished.
    #[inline(always)]
    pub(crate) fn end(&self) -> u64 {
        // Acquire P: partner of `set`. A gated stage, or a waiter, sees what the finished stage did.
        self.0.load(Ordering::Acquire)
    }
}
