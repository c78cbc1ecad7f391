//! The publishing end.

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use disruptor::{MultiConsumerBarrier, MultiProducer, Producer as _, SingleProducer};

use super::Slot;
use crate::Event;

/// The publishing end.
pub(crate) enum Producer<E> {
    Single(Single<E>),
    Multi(MultiProducer<Slot<E>, MultiConsumerBarrier>),
}

/// The only publisher. How many events a second it gets through depends on how few stores each takes: they wait in the
/// processor's queue for lines that another core has.
pub(crate) struct Single<E> {
    ring: SingleProducer<Slot<E>, MultiConsumerBarrier>,
    /// So many slots to come may be void, by replay. Behind them the store that says "not void" is left out.
    uncleared: usize,
    /// How many slots ahead to ask for lines.
    ahead: usize,
}

/// Who fills slots that may turn out not to be worth publishing. A trait and not a closure: the slots are seen in order,
/// with what they are filled from, and no index is looked up.
pub(crate) trait Fill<E> {
    /// Fills the slots with what lies at `range`, as many; whether they may be published. Does not panic.
    fn fill<'a>(&mut self, range: Range<usize>, slots: impl Iterator<Item = &'a mut Slot<E>>) -> bool
    where
        E: 'a;
}

impl<E: Event> Producer<E> {
    /// Publishes one event; its number in the ring, or `None` if the ring is full.
    ///
    /// The fields go straight into the slot. A slot built beside it and copied would be stored by eights and
    /// loaded by sixteens at once, which the processor can't forward: 20 ns lost.
    #[inline(always)]
    pub(crate) fn try_publish(&mut self, time_ns: u64, event: &E) -> Option<u64> {
        let published = match self {
            Producer::Single(single) => single.try_publish(time_ns, event),
            Producer::Multi(ring) => ring.try_publish(|place| place.set(time_ns, false, event)).ok(),
        };
        published.map(|number| number as u64)
    }

    /// Publishes `count` slots, each filled by `fill(index, slot)`, which must fill it and not panic; the number
    /// of the last in the ring, or `None` if there is no room for all of them. The slots come as not void, but for replay,
    /// which sets that itself.
    #[inline(always)]
    pub(crate) fn try_publish_all(
        &mut self,
        count: usize,
        mut fill: impl FnMut(usize, &mut Slot<E>),
    ) -> Option<u64> {
        debug_assert!(count > 0, "the crate gives the number before for none");
        // The iterator yields exactly `count` places and none escapes: trap 4 and trap 13 of the crate.
        let published = match self {
            Producer::Single(Single { ring, uncleared, ahead }) => {
                let (clear, ahead) = (*uncleared > 0, *ahead);
                let published = ring.try_batch_publish(count, |places| {
                    places.enumerate().for_each(|(index, place)| {
                        place.fetch_to_write(ahead);
                        if clear {
                            place.void = false;
                        }
                        fill(index, place);
                    });
                });
                if published.is_ok() {
                    *uncleared = uncleared.saturating_sub(count);
                }
                published
            }
            Producer::Multi(ring) => ring.try_batch_publish(count, |places| {
                places.enumerate().for_each(|(index, place)| {
                    place.void = false;
                    fill(index, place);
                });
            }),
        };
        published.ok().map(|number| number as u64)
    }

    /// Of a ring with one publisher.
    pub(super) fn single(ring: SingleProducer<Slot<E>, MultiConsumerBarrier>, capacity: usize) -> Self {
        Producer::Single(Single { ring, uncleared: 0, ahead: Slot::<E>::ahead(capacity) })
    }

    /// From now on slots may be void that nobody has published since.
    pub(crate) fn clear_voids(&mut self, capacity: usize) {
        if let Producer::Single(single) = self {
            single.uncleared = capacity;
        }
    }

    /// Whether [`Producer::try_publish_checked`] may be called.
    pub(crate) fn can_refuse(&self) -> bool {
        cfg!(panic = "unwind") && matches!(self, Producer::Single(_))
    }

    /// As [`Producer::try_publish_all`], but what was filled is published only if `fill` says so: else `Some(None)`. Only
    /// where [`Producer::can_refuse`].
    #[inline(always)]
    pub(crate) fn try_publish_checked(
        &mut self,
        count: usize,
        fill: &mut impl Fill<E>,
        from: usize,
    ) -> Option<Option<u64>> {
        struct Refused;
        let Producer::Single(Single { ring, .. }) = self else { return None };
        debug_assert!(count > 0, "the crate gives the number before for none");
        // The crate has no other way out of a batch than to unwind. Of one producer nothing is claimed then, and the
        // slots are filled anew by whatever is published next; of several, a hole would stay.
        let result = catch_unwind(AssertUnwindSafe(|| {
            ring.try_batch_publish(count, |places| {
                if !fill.fill(from..from + count, places) {
                    resume_unwind(Box::new(Refused));
                }
            })
        }));
        match result {
            Ok(published) => published.ok().map(|number| Some(number as u64)),
            Err(cause) if cause.is::<Refused>() => Some(None),
            Err(panic) => resume_unwind(panic),
        }
    }

    /// Another producer for the same ring, if it takes several.
    pub(crate) fn try_clone(&self) -> Option<Self> {
        match self {
            Producer::Single(_) => None,
            Producer::Multi(producer) => Some(Producer::Multi(producer.clone())),
        }
    }
}

impl<E: Event> Single<E> {
    #[inline(always)]
    fn try_publish(&mut self, time_ns: u64, event: &E) -> Option<i64> {
        if self.uncleared > 0 {
            // A copy of its own: see `Publisher::put`.
            return self.try_publish_cleared(time_ns, *event);
        }
        let ahead = self.ahead;
        let published = self.ring.try_publish(|place| {
            place.fetch_to_write(ahead);
            place.put(time_ns, event);
        });
        published.ok()
    }

    /// The same where slots may be void.
    #[cold]
    fn try_publish_cleared(&mut self, time_ns: u64, event: E) -> Option<i64> {
        let ahead = self.ahead;
        let published = self.ring.try_publish(|place| {
            place.fetch_to_write(ahead);
            place.set(time_ns, false, &event);
        });
        self.uncleared -= usize::from(published.is_ok());
        published.ok()
    }
}

impl<E> std::fmt::Debug for Producer<E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Producer::Single(_) => "Producer::Single",
            Producer::Multi(_) => "Producer::Multi",
        })
    }
}
