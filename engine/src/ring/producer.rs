//! The publishing end.

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;

use disruptor::{MultiConsumerBarrier, MultiProducer, Producer as _, SingleProducer};
use slipring_journal::Event;

use super::slots::{SlotPlace, Slots};
use super::{Claim, Slot, Stamps};

/// The publishing end.
pub(crate) struct Producer<E> {
    pub(super) places: ToWrite,
    pub(super) slots: Arc<Slots<E>>,
    /// Of the only producer also the sequence of the next event, and so where its slot lies: one load less
    /// than its place, for which all loads behind a slot's stores would wait.
    pub(super) claim: Arc<Claim>,
    /// The sequence of the ring's first event, which has the crate's number 0.
    base: u64,
    /// If a stage asks when events were published.
    pub(super) stamps: Option<Arc<Stamps>>,
}

/// Which slots there are to write, by the crate's word.
pub(super) enum ToWrite {
    Single(Single),
    Multi(MultiProducer<SlotPlace, MultiConsumerBarrier>),
}

/// The only publisher. How many events a second it gets through depends on how few stores each takes: they
/// wait in the processor's queue for lines that another core has.
pub(super) struct Single {
    ring: SingleProducer<SlotPlace, MultiConsumerBarrier>,
    /// A slot takes more than time and event: it may be void, or it gets a stamp.
    seldom: bool,
    stamped: bool,
    /// So many slots to come may be void, by replay. Behind them the store that says "not void" is left out.
    uncleared: usize,
    /// How many slots ahead to ask for lines.
    ahead: usize,
}

/// Who fills slots that may turn out not to be worth publishing. A trait and not a closure: the slots are
/// seen in order, with what they are filled from, and no index is looked up.
pub(crate) trait Fill<E> {
    /// Fills the slots with what lies at `range`, as many; whether they may be published, with those of the
    /// call before it if they lie in two rows. Does not panic.
    fn fill(&mut self, range: Range<usize>, slots: &mut [Slot<E>]) -> bool;
}

impl<E: Event> Producer<E> {
    pub(super) fn new(places: ToWrite, slots: Arc<Slots<E>>, base: u64, stamps: Option<Arc<Stamps>>) -> Self {
        Producer { places, slots, claim: Arc::new(Claim::new(base)), base, stamps }
    }

    /// Publishes one event if it `may`, which is asked once it is said that one may come; its sequence, or
    /// `None` if it may not or the ring is full. When the publish was called is for stamps.
    ///
    /// The fields go straight into the slot. A slot built beside it and copied would be stored by eights and
    /// loaded by sixteens at once, which the processor can't forward.
    #[inline(always)]
    pub(crate) fn try_publish(
        &mut self,
        may: impl FnOnce() -> bool,
        time_ns: u64,
        event: &E,
        called_ns: Option<u64>,
    ) -> Option<u64> {
        match &mut self.places {
            ToWrite::Single(single) if !single.seldom => {
                let (slots, claim) = (&*self.slots, &*self.claim);
                let end = claim.end();
                claim.announce(end + 1);
                if may() && single.try_publish(slots, end, time_ns, event) {
                    return Some(end);
                }
                claim.settle(end);
                None
            }
            // Copies of their own: see `Publisher::put`.
            ToWrite::Single(_) => self.try_publish_seldom(may, time_ns, *event, called_ns),
            ToWrite::Multi(_) => self.try_publish_among(may, time_ns, *event, called_ns),
        }
    }

    /// As [`Producer::try_publish`], of one of several publishers. Not inlined: what it takes in registers,
    /// the only publisher would put on the stack with each event.
    #[inline(never)]
    fn try_publish_among(
        &mut self,
        may: impl FnOnce() -> bool,
        time_ns: u64,
        event: E,
        called_ns: Option<u64>,
    ) -> Option<u64> {
        let (slots, claim) = (&*self.slots, &*self.claim);
        let ToWrite::Multi(ring) = &mut self.places else { return None };
        let stamp = self.stamps.as_deref().zip(called_ns);
        let end = claim.end();
        claim.begin(end);
        let fill = |place: &mut SlotPlace| {
            if let Some((stamps, called_ns)) = stamp {
                stamps.set(place.at(), 1, called_ns);
            }
            // SAFETY: the place is of the crate's ring that these slots are beside.
            unsafe { slots.to_write(place) }.set(time_ns, false, &event);
        };
        if may()
            && let Ok(number) = ring.try_publish(fill)
        {
            let sequence = self.base + number as u64;
            claim.settle(sequence + 1);
            return Some(sequence);
        }
        claim.settle(end);
        None
    }

    /// As [`Producer::try_publish`], of the only publisher, where slots may be void or get stamps.
    #[cold]
    #[inline(never)]
    fn try_publish_seldom(
        &mut self,
        may: impl FnOnce() -> bool,
        time_ns: u64,
        event: E,
        called_ns: Option<u64>,
    ) -> Option<u64> {
        let (slots, claim) = (&*self.slots, &*self.claim);
        let ToWrite::Single(single) = &mut self.places else { return None };
        let stamp = self.stamps.as_deref().zip(called_ns);
        let end = claim.end();
        claim.announce(end + 1);
        if may() && single.try_publish_seldom(slots, stamp, time_ns, event) {
            return Some(end);
        }
        claim.settle(end);
        None
    }

    /// Whether events get stamps.
    #[inline(always)]
    pub(crate) fn is_stamped(&self) -> bool {
        self.stamps.is_some()
    }

    /// Publishes `count` slots if it `may`, each filled by `fill(index, slot)`, which must fill it and not
    /// panic; the sequence of the last, or `None` if it may not or there is no room for all of them. The
    /// slots come as not void, but for replay, which sets that itself. When it was called is for stamps.
    #[inline(always)]
    pub(crate) fn try_publish_all(
        &mut self,
        may: impl FnOnce() -> bool,
        count: usize,
        called_ns: Option<u64>,
        mut fill: impl FnMut(usize, &mut Slot<E>),
    ) -> Option<u64> {
        debug_assert!(count > 0, "the crate gives the number before for none");
        let (slots, claim) = (&*self.slots, &*self.claim);
        let end = claim.end();
        let stamp = self.stamps.as_deref().zip(called_ns);
        let mut fill_all = |first: Option<&mut SlotPlace>, clear: bool, ahead| {
            if let (Some(first), Some((stamps, called_ns))) = (&first, stamp) {
                stamps.set(first.at(), count, called_ns);
            }
            rows(slots, first, count).into_iter().flatten().enumerate().for_each(|(index, slot)| {
                if let Some(ahead) = ahead {
                    slot.fetch_to_write(ahead);
                }
                if clear {
                    slot.void = false;
                }
                fill(index, slot);
            });
        };
        match &mut self.places {
            ToWrite::Single(single) => {
                claim.announce(end + count as u64);
                let (clear, ahead) = (single.uncleared > 0, single.ahead);
                if may()
                    && single
                        .ring
                        .try_batch_publish(count, |mut places| fill_all(places.next(), clear, Some(ahead)))
                        .is_ok()
                {
                    single.cleared(count);
                    return Some(end + count as u64 - 1);
                }
            }
            ToWrite::Multi(ring) => {
                claim.begin(end);
                if may()
                    && let Ok(number) =
                        ring.try_batch_publish(count, |mut places| fill_all(places.next(), true, None))
                {
                    let last = self.base + number as u64;
                    claim.settle(last + 1);
                    return Some(last);
                }
            }
        }
        claim.settle(end);
        None
    }

    /// The time of the last event that it published; 0 if there is none, or other producers may have its slot
    /// by now.
    pub(crate) fn last_time_ns(&self) -> u64 {
        let next = self.claim.end();
        if !self.is_single() || next == self.base {
            return 0;
        }
        let last = next - 1;
        // SAFETY: the slot of the last event of the only producer, which alone writes slots, and only through
        // `&mut self`. Others read it at most.
        unsafe { self.slots.rows(last, 1) }.part(last, next).first().map_or(0, |slot| slot.time_ns)
    }

    /// From now on slots may be void that nobody has published since.
    pub(crate) fn clear_voids(&mut self) {
        if let ToWrite::Single(single) = &mut self.places {
            single.uncleared = self.slots.count();
            single.seldom = true;
        }
    }

    /// Whether it is the only one there will be.
    #[inline(always)]
    pub(crate) fn is_single(&self) -> bool {
        matches!(self.places, ToWrite::Single(_))
    }

    /// Whether [`Producer::try_publish_checked`] may be called.
    pub(crate) fn can_refuse(&self) -> bool {
        cfg!(panic = "unwind") && self.is_single()
    }

    /// As [`Producer::try_publish_all`], but what was filled is published only if `fill` says so: else
    /// `Some(None)`. Only where [`Producer::can_refuse`].
    #[inline(always)]
    pub(crate) fn try_publish_checked(
        &mut self,
        may: impl FnOnce() -> bool,
        count: usize,
        fill: &mut impl Fill<E>,
        from: usize,
    ) -> Option<Option<u64>> {
        struct Refused;
        let (slots, claim) = (&*self.slots, &*self.claim);
        let ToWrite::Single(single) = &mut self.places else { return None };
        debug_assert!(count > 0, "the crate gives the number before for none");
        let end = claim.end();
        claim.announce(end + count as u64);
        if !may() {
            claim.settle(end);
            return None;
        }
        // The crate has no other way out of a batch than to unwind. Of one producer nothing is claimed then,
        // and the slots are filled anew by whatever is published next; of several, a hole would stay.
        let result = catch_unwind(AssertUnwindSafe(|| {
            single.ring.try_batch_publish(count, |mut places| {
                let mut from = from;
                for row in rows(slots, places.next(), count) {
                    let range = from..from + row.len();
                    from = range.end;
                    if !fill.fill(range, row) {
                        resume_unwind(Box::new(Refused));
                    }
                }
            })
        }));
        // Replay goes before whatever has to be cleared.
        if let Ok(Ok(_)) = result {
            return Some(Some(end + count as u64 - 1));
        }
        claim.settle(end);
        match result {
            Ok(_) => None,
            Err(cause) if cause.is::<Refused>() => Some(None),
            Err(panic) => resume_unwind(panic),
        }
    }

    /// The sequence behind the last event that it has published.
    #[inline(always)]
    pub(crate) fn end(&self) -> u64 {
        self.claim.end()
    }

    /// How far it is, for who closes the engine.
    pub(crate) fn claim(&self) -> &Arc<Claim> {
        &self.claim
    }

    /// Another producer for the same ring, if it takes several.
    pub(crate) fn try_clone(&self) -> Option<Self> {
        match &self.places {
            ToWrite::Single(_) => None,
            ToWrite::Multi(ring) => {
                let (places, slots) = (ToWrite::Multi(ring.clone()), Arc::clone(&self.slots));
                Some(Producer::new(places, slots, self.base, self.stamps.clone()))
            }
        }
    }
}

/// The slots of a batch of `count` places, by its first.
#[inline(always)]
fn rows<'a, E: Event>(
    slots: &'a Slots<E>,
    first: Option<&'a mut SlotPlace>,
    count: usize,
) -> [&'a mut [Slot<E>]; 2] {
    let Some(first) = first else { return [&mut [], &mut []] };
    // SAFETY: it is the first of a batch of the crate's ring that these slots are beside, of `count` places
    // that follow each other, which found room. Nobody else has any of them until it is published: behind the
    // closure that this is called in, which lets no slot out (traps 4 and 13 of the crate).
    unsafe { slots.rows_to_write(first, count) }
}

impl ToWrite {
    /// Of a ring with one publisher, which asks for lines so many slots ahead.
    pub(super) fn single(
        ring: SingleProducer<SlotPlace, MultiConsumerBarrier>,
        ahead: usize,
        stamped: bool,
    ) -> Self {
        ToWrite::Single(Single { ring, seldom: stamped, stamped, uncleared: 0, ahead })
    }
}

impl Single {
    /// Publishes one event, whose sequence is `next`; whether there was room.
    #[inline(always)]
    fn try_publish<E: Event>(&mut self, slots: &Slots<E>, next: u64, time_ns: u64, event: &E) -> bool {
        let ahead = self.ahead;
        let published = self.ring.try_publish(|place| {
            // SAFETY: as said in `slots.rs`; of the only producer `next` is the sequence behind the last that
            // it published.
            let slot = unsafe { slots.to_write_at(place, next) };
            slot.fetch_to_write(ahead);
            slot.put(time_ns, event);
        });
        published.is_ok()
    }

    /// So many slots were cleared, if they were void.
    #[inline(always)]
    fn cleared(&mut self, count: usize) {
        self.uncleared = self.uncleared.saturating_sub(count);
        self.seldom = self.stamped || self.uncleared > 0;
    }

    /// The same where slots may be void, or get a stamp.
    fn try_publish_seldom<E: Event>(
        &mut self,
        slots: &Slots<E>,
        stamp: Option<(&Stamps, u64)>,
        time_ns: u64,
        event: E,
    ) -> bool {
        let ahead = self.ahead;
        let published = self.ring.try_publish(|place| {
            if let Some((stamps, called_ns)) = stamp {
                stamps.set(place.at(), 1, called_ns);
            }
            // SAFETY: the place is of the crate's ring that these slots are beside.
            let slot = unsafe { slots.to_write(place) };
            slot.fetch_to_write(ahead);
            slot.set(time_ns, false, &event);
        });
        if published.is_ok() {
            self.cleared(1);
        }
        published.is_ok()
    }
}

impl<E> std::fmt::Debug for Producer<E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self.places {
            ToWrite::Single(_) => "Producer::Single",
            ToWrite::Multi(_) => "Producer::Multi",
        })
    }
}
