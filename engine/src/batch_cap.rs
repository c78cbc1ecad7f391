//! How many events a stage takes in a turn: few enough that publishers get slots back in good time, and with several
//! publishers no fewer than they want.
//!
//! A turn gives its slots back at its end. A ring with several publishers is scanned as far as anything is published for
//! each turn, though, and again for the next (trap 10): a full ring by quarters is scanned two and a half times. So a
//! stage takes quarters only while a publisher meets a full ring, and everything when none does.

use std::sync::atomic::Ordering;

use crate::counters::{Place, PublishersLine};

/// Most events of a stage's next turn.
#[derive(Debug)]
pub(crate) struct BatchCap {
    most: u64,
    /// With several publishers.
    wanted: Option<Wanted>,
}

/// Whether a publisher wants room.
#[derive(Debug)]
struct Wanted {
    publishers: Place<PublishersLine>,
    /// Waits and refusals when last looked at.
    seen: u64,
    /// Most events if none was added.
    most_unwanted: u64,
}

impl BatchCap {
    /// Of a ring for so many events: as many as were asked for, and no more than a quarter of it.
    pub(crate) fn new(asked_for: u64, capacity: usize) -> Self {
        BatchCap { most: asked_for.clamp(1, (capacity as u64 / 4).max(1)), wanted: None }
    }

    /// The same, and up to all of it if no publisher wants room.
    pub(crate) fn for_several(asked_for: u64, capacity: usize, publishers: Place<PublishersLine>) -> Self {
        let most_unwanted = asked_for.clamp(1, capacity as u64);
        let wanted = Wanted { publishers, seen: 0, most_unwanted };
        BatchCap { wanted: Some(wanted), ..Self::new(asked_for, capacity) }
    }

    /// Most events from now on until it is asked again.
    #[inline(always)]
    pub(crate) fn now(&mut self) -> u64 {
        let Some(wanted) = &mut self.wanted else { return self.most };
        let line = &wanted.publishers;
        // Relaxed: figures, a hint here. A line that is written only when a publisher meets a full ring, so that the
        // look costs nothing while none does.
        let count =
            line.full_waits.load(Ordering::Relaxed).wrapping_add(line.full_refusals.load(Ordering::Relaxed));
        if count == wanted.seen {
            return wanted.most_unwanted;
        }
        wanted.seen = count;
        self.most
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::counters::Memory;
    fn line() -> Place<PublishersLine> {
        Memory::private(size_of::<PublishersLine>()).at(0)
    }

    #[test]
    fn one_publisher_gets_room_back_by_quarters() {
        let most = |asked_for, capacity| BatchCap::new(asked_for, capacity).now();
        assert_eq!((most(u64::MAX, 64), most(7, 64), most(u64::MAX, 2), most(0, 64)), (16, 7, 1, 1));
    }

    #[test]
    fn of_several_publishers_one_that_wants_room_gets_it_by_quarters() {
        let publishers = line();
        let mut cap = BatchCap::for_several(u64::MAX, 64, publishers.clone());
        assert_eq!((cap.now(), cap.now()), (64, 64));
        publishers.full_waits.fetch_add(1, Ordering::Relaxed);
        assert_eq!((cap.now(), cap.now()), (16, 64));
        publishers.full_refusals.fetch_add(1, Ordering::Relaxed);
        assert_eq!((cap.now(), cap.now()), (16, 64));
    }

    #[test]
    fn what_the_user_asked_for_is_never_exceeded() {
        let mut cap = BatchCap::for_several(7, 64, line());
        assert_eq!(cap.now(), 7);
        let mut cap = BatchCap::for_several(20, 64, line());
        assert_eq!(cap.now(), 20);
    }
}
