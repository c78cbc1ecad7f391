//! How far a publisher is, and whether it is in the midst of a publish: who closes the engine has to know
//! (X).
//!
//! The usual race: a publisher says that it begins and then looks whether the engine takes events; who closes
//! says that it takes none and then looks whether somebody has begun. Unless one of the two sees the other,
//! an event is published that nobody waits for. The publisher has no fence; who closes makes it pass one
//! (`cursors/status.rs`).

use std::sync::atomic::{AtomicU64, Ordering};

use crossbeam::utils::CachePadded;

/// One publisher's, on a line of its own, stored by nobody else.
///
/// Of the only publisher: the sequence behind the last event that it has published, or is about to; it is in
/// the midst of a publish until the publishers' cursor is there too. Of one of several: that behind the
/// last that it has published, and a bit while it is in the midst of a publish.
#[derive(Debug)]
pub(crate) struct Claim(CachePadded<AtomicU64>);

/// One of several publishers is in the midst of a publish.
const BUSY: u64 = 1 << 63;

impl Claim {
    /// Nothing is published yet, and the first event is that of `base`.
    pub(super) fn new(base: u64) -> Self {
        Claim(CachePadded::new(AtomicU64::new(base)))
    }

    /// The sequence behind the last event published. For the publisher itself, outside a publish.
    #[inline(always)]
    pub(super) fn end(&self) -> u64 {
        // Relaxed: it is the reader's own.
        self.0.load(Ordering::Relaxed)
    }

    /// The only publisher is about to publish all below `end`.
    #[inline(always)]
    pub(super) fn announce(&self, end: u64) {
        // Relaxed X: ordered before the look at the engine's word by the compiler's fence there and by who
        // closes.
        self.0.store(end, Ordering::Relaxed);
    }

    /// One of several publishers is about to publish.
    #[inline(always)]
    pub(super) fn begin(&self, end: u64) {
        // Relaxed X, as above.
        self.0.store(end | BUSY, Ordering::Relaxed);
    }

    /// Nothing is about to be published any more, and all below `end` is.
    #[inline(always)]
    pub(super) fn settle(&self, end: u64) {
        // Release X: whoever sees it finds the slots published. Partner: `settled`.
        self.0.store(end, Ordering::Release);
    }

    /// The sequence behind the last event that one of several publishers has published; `None` in the midst
    /// of a publish.
    pub(crate) fn settled(&self) -> Option<u64> {
        // Acquire X: see `settle`.
        let word = self.0.load(Ordering::Acquire);
        (word & BUSY == 0).then_some(word)
    }
}
