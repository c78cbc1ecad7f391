//! How many events a stage takes in a turn: few enough that publishers get slots back in good time, and with several
//! publishers no fewer than they want.
//!
//! A turn gives its slots back at its end, so what it takes is withheld from publishers while its handler is at work. A ring
//! with several publishers is scanned as far as anything is published for each turn, though, and again for the next
//! (trap 10): a full ring by quarters is scanned two and a half times, by halves one and a half. So a stage takes a quarter
//! of the ring at most, and of one with several publishers half of it unless one of them has lately met a full ring.

use std::sync::atomic::Ordering;

use crate::counters::{Place, PublishersLine};

/// How many turns that took events a publisher's want of room is remembered: two rings full, by quarters.
const REMEMBERED: u32 = 8;

/// Most events of a stage's next turn.
#[derive(Debug)]
pub(crate) struct BatchCap {
    /// In general.
    most: u64,
    several: Option<Several>,
}

/// With several publishers.
#[derive(Debug)]
struct Several {
    /// Most events when no publisher has lately met a full ring.
    most: u64,
    publishers: Place<PublishersLine>,
    /// Waits and refusals when last looked at.
    seen: u64,
    /// Turns until a want of room is forgotten.
    turns: u32,
}

impl BatchCap {
    /// Of a ring for so many events: as many as were asked for, and no more than a quarter of it.
    pub(crate) fn new(asked_for: u64, capacity: usize) -> Self {
        BatchCap { most: asked_for.clamp(1, (capacity as u64 / 4).max(1)), several: None }
    }

    /// The same, and up to half of it when no publisher has lately met a full ring.
    pub(crate) fn for_several(asked_for: u64, capacity: usize, publishers: Place<PublishersLine>) -> Self {
        let most = asked_for.clamp(1, (capacity as u64 / 2).max(1));
        let several = Several { most, publishers, seen: 0, turns: 0 };
        BatchCap { several: Some(several), ..Self::new(asked_for, capacity) }
    }

    /// Most events of the turn that begins.
    #[inline(always)]
    pub(crate) fn now(&mut self) -> u64 {
        let Some(several) = &mut self.several else { return self.most };
        let line = &several.publishers;
        // Relaxed: figures, a hint here. The line is written only when a publisher meets a full ring: while none does, the
        // look costs nothing.
        let (waits, refusals) = (&line.full_waits, &line.full_refusals);
        let count = waits.load(Ordering::Relaxed).wrapping_add(refusals.load(Ordering::Relaxed));
        if count != several.seen {
            (several.seen, several.turns) = (count, REMEMBERED);
        }
        if several.turns > 0 { self.most } else { several.most }
    }

    /// A turn took events.
    #[inline(always)]
    pub(crate) fn took(&mut self) {
        if let Some(several) = &mut self.several {
            several.turns = several.turns.saturating_sub(1);
        }
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
        assert_eq!((cap.now(), cap.now()), (32, 32));
        for want in [&publishers.full_waits, &publishers.full_refusals] {
            want.fetch_add(1, Ordering::Relaxed);
            for _ in 0..REMEMBERED {
                // However often it looks before it takes any.
                assert_eq!((cap.now(), cap.now()), (16, 16));
                cap.took();
            }
            assert_eq!(cap.now(), 32);
            cap.took();
        }
    }

    #[test]
    fn what_the_user_asked_for_is_never_exceeded() {
        let publishers = line();
        let most = |asked_for| BatchCap::for_several(asked_for, 64, publishers.clone()).now();
        assert_eq!((most(7), most(20), most(40), most(0)), (7, 20, 32, 1));
    }
}
