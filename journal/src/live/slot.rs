//! The address of the next slot, for the writer's hot path.

use std::sync::atomic::AtomicU64;

use super::segments::{LiveSegment, Map};
use crate::storage::{SegmentMap, Storage};

/// Where the writer's next record goes, as an address: finding it anew from segment and sequence costs a
/// fifth of an append.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NextSlot(*const AtomicU64);

// SAFETY: the address is only followed by `take`, whose caller holds the segment mapped; what lies there is
// atomics.
unsafe impl Send for NextSlot {}

// SAFETY: as above; and nothing can be done with a shared reference to it.
unsafe impl Sync for NextSlot {}

impl NextSlot {
    /// Nowhere yet.
    pub(crate) const NONE: NextSlot = NextSlot(std::ptr::null());

    /// The slot of `sequence`, which lies in `segment`.
    pub(crate) fn find<S: Storage>(segment: &LiveSegment<S>, map: &Map<S>, sequence: u64) -> Self {
        let words = map.words();
        let start = segment.bytes(segment.base..sequence).end as usize / size_of::<AtomicU64>();
        assert!(sequence < segment.end && start < words.len());
        // Of all words from there on: `take` goes on to those of other slots.
        NextSlot(words[start..].as_ptr())
    }

    /// The next `count` words, of one slot or several; moves on behind them.
    ///
    /// # Safety
    /// The slot was found in a segment that is still mapped, and what was taken since and these words lie in
    /// the slots from there to the segment's end.
    #[inline(always)]
    pub(crate) unsafe fn take(&mut self, count: usize) -> &[AtomicU64] {
        // SAFETY: by the contract the words lie in one mapped segment, so the slice is valid for as long as
        // the borrow of `self`, and the address behind it is in the segment or one past its last slot.
        unsafe {
            let slot = std::slice::from_raw_parts(self.0, count);
            self.0 = self.0.add(count);
            slot
        }
    }
}
