//! How far several publishers have published without a gap: looked for once, for all stages.
//!
//! Publishers that do not wait for each other leave gaps, so the crate marks each slot, and its poller looks
//! at all the marks behind its own place for every guard, however few slots that is to have. Were
//! each stage's poller such a one, a full ring would be looked through several times by each. Here one poller
//! is, the scout's: it goes ahead of all stages and keeps no slot back, and theirs depend on its cursor
//! alone, which is a number.
//!
//! Whichever lane finds nothing new moves it. Two do not at once, and none waits longer than a few looks
//! take: then it goes on as if nothing were there, knowing that there may be. So it neither parks nor,
//! abandoned, ends.

use std::sync::{Arc, Mutex, TryLockError};

use disruptor::{EventGuard, EventPoller, MultiProducerBarrier, Polling, SingleConsumerBarrier};

use super::slots::SlotPlace;

/// The poller that goes ahead.
pub(crate) struct Scout(Mutex<EventPoller<SlotPlace, MultiProducerBarrier>>);

/// What a look came to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Look {
    /// There is more than before.
    Moved,
    Nothing,
    /// Another lane is at it.
    Taken,
}

impl Scout {
    pub(super) fn new(poller: EventPoller<SlotPlace, MultiProducerBarrier>) -> Arc<Self> {
        Arc::new(Scout(Mutex::new(poller)))
    }

    /// Goes on as far as all is published.
    #[inline]
    fn look(&self) -> Look {
        let mut poller = match self.0.try_lock() {
            Ok(poller) => poller,
            // Nothing in here is left half done.
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return Look::Taken,
        };
        // Dropping the guard moves its cursor behind all of it.
        if poller.poll().is_ok() { Look::Moved } else { Look::Nothing }
    }
}

/// Looks at a scout that another lane has, each a few nanoseconds.
const TRIES: u32 = 64;

/// A stage's poller of such a ring.
pub(crate) struct BehindScout {
    poller: EventPoller<SlotPlace, SingleConsumerBarrier>,
    scout: Arc<Scout>,
    /// It was asked for slots and found none, and another lane had the scout.
    is_unsure: bool,
}

impl BehindScout {
    pub(super) fn new(poller: EventPoller<SlotPlace, SingleConsumerBarrier>, scout: &Arc<Scout>) -> Self {
        BehindScout { poller, scout: Arc::clone(scout), is_unsure: false }
    }

    /// Has the scout go on, or another lane that is at it.
    #[inline]
    fn look(&self) -> Look {
        for _ in 0..TRIES {
            match self.scout.look() {
                Look::Taken if self.poller.has_available() => return Look::Moved,
                Look::Taken => std::hint::spin_loop(),
                look => return look,
            }
        }
        Look::Taken
    }

    /// Whether a published slot waits to be shown, or one may: then another lane has the scout, and says so
    /// in a moment.
    #[inline]
    pub(crate) fn has_available(&self) -> bool {
        // Once more behind a look that found nothing: what another lane found just before is not behind the
        // scout any more. U: that lane's move comes before this look by the lock, so that nothing is missed
        // (K in `cursors/park.rs` relies on it).
        self.poller.has_available() || self.look() != Look::Nothing || self.poller.has_available()
    }

    /// Whether the last [`BehindScout::take`] found nothing, and it is not known that there was nothing.
    pub(crate) fn is_unsure(&self) -> bool {
        self.is_unsure
    }

    /// As the crate's.
    #[inline]
    pub(crate) fn take(
        &mut self,
        limit: u64,
    ) -> Result<EventGuard<'_, SlotPlace, SingleConsumerBarrier>, Polling> {
        self.is_unsure = !self.poller.has_available() && self.look() == Look::Taken;
        self.poller.take(limit)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use disruptor::Producer as _;

    use crate::ring::Poller;
    use crate::ring::Publishers;
    use crate::ring::build;
    use crate::ring::poller::Places;
    use crate::ring::producer::ToWrite;
    use crate::ring::tests::Note;

    fn seen(poller: &mut Poller<Note>, first: u64) -> u64 {
        assert_eq!(poller.next(), first);
        poller.skip(u64::MAX)
    }

    #[test]
    fn what_one_stage_has_looked_for_is_there_for_all_of_them() {
        let (mut producer, mut pollers) = build::<Note>(64, 0, 2, Publishers::Multi, None);
        assert!(!pollers.iter().any(Poller::has_news));
        for id in 0..5 {
            producer.try_publish(|| true, id, &Note { id }, None).unwrap();
        }
        assert_eq!(seen(&mut pollers[0], 0), 5);
        // Published since: first what was looked for before, then that.
        producer.try_publish(|| true, 5, &Note { id: 5 }, None).unwrap();
        assert_eq!((seen(&mut pollers[1], 0), seen(&mut pollers[1], 5), seen(&mut pollers[1], 6)), (5, 1, 0));
        assert_eq!((pollers[0].has_news(), pollers[1].has_news()), (true, false));
    }

    #[test]
    fn a_gap_hides_what_lies_behind_it_until_it_is_filled() {
        let (producer, mut pollers) = build::<Note>(64, 0, 1, Publishers::Multi, None);
        let ToWrite::Multi(mut first) = producer.places else { panic!("of several") };
        let mut second = first.clone();
        first.publish(|_| {
            // Claimed, and not yet published: another publisher is ahead of it.
            second.publish(|_| ());
            assert_eq!((pollers[0].has_news(), seen(&mut pollers[0], 0)), (false, 0));
        });
        assert_eq!(seen(&mut pollers[0], 0), 2);
    }

    #[test]
    fn while_another_lane_looks_nobody_waits_and_nobody_sleeps() {
        let (mut producer, mut pollers) = build::<Note>(64, 0, 1, Publishers::Multi, None);
        let Places::Multi(poller) = &pollers[0].places else { panic!("of several") };
        let scout = std::sync::Arc::clone(&poller.scout);
        let held = scout.0.lock().unwrap();
        producer.try_publish(|| true, 0, &Note { id: 0 }, None).unwrap();
        assert_eq!(
            (pollers[0].has_news(), seen(&mut pollers[0], 0), pollers[0].is_unsure()),
            (true, 0, true)
        );
        drop(held);
        assert_eq!((seen(&mut pollers[0], 0), pollers[0].is_unsure()), (1, false));
        assert_eq!(
            (pollers[0].has_news(), seen(&mut pollers[0], 1), pollers[0].is_unsure()),
            (false, 0, false)
        );
    }

    /// Two lanes look at once for an event that is surely published: neither may say that there is none, for
    /// it would park.
    #[test]
    fn two_that_look_at_once_both_find_what_is_published() {
        const ROUNDS: u64 = 20_000;
        let (mut producer, pollers) = build::<Note>(64, 0, 2, Publishers::Multi, None);
        let (published, looked, missed) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
        let wait = |until: &dyn Fn() -> bool| {
            (0u32..).take_while(|_| !until()).for_each(|tries| match tries % 256 {
                0 => std::thread::yield_now(),
                _ => std::hint::spin_loop(),
            });
        };
        std::thread::scope(|scope| {
            for mut poller in pollers {
                let (published, looked, missed) = (&published, &looked, &missed);
                scope.spawn(move || {
                    for round in 0..ROUNDS {
                        wait(&|| published.load(Ordering::Acquire) > round);
                        let has_news = poller.has_news();
                        let mut count = 0;
                        while count == 0 {
                            count = seen(&mut poller, round);
                        }
                        missed.fetch_add(u64::from(!has_news || count != 1), Ordering::Relaxed);
                        looked.fetch_add(1, Ordering::AcqRel);
                    }
                });
            }
            for round in 0..ROUNDS {
                producer.try_publish(|| true, round, &Note { id: round }, None).unwrap();
                published.store(round + 1, Ordering::Release);
                wait(&|| looked.load(Ordering::Acquire) == 2 * (round + 1));
            }
        });
        assert_eq!(missed.load(Ordering::Relaxed), 0);
    }
}
