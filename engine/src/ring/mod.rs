//! The ring: the one folder that knows the `disruptor` crate, so that none of its types or traps reach a
//! user.
//!
//! What it hides: producers of two kinds behind one enum; a batch iterator that must never leave its file (a
//! `&mut` from it may outlive the publish); guards that would mark events as done on unwinding; and that the
//! crate's ring has only the places of slots in it, which lie here (`slots.rs`).
//!
//! The folder knows what an event is, and nothing else of the engine: no cursors, no stages, no lanes.
//!
//! | file | idea |
//! |---|---|
//! | `slots` | the ring's memory, and how a slot is written |
//! | `producer` | the publishing end |
//! | `poller` | the reading end: a chunk is taken, seen in rows, committed |
//! | `scout` | how far several publishers have published without a gap |
//! | `claim` | how far a publisher is, for who closes the engine |
//! | `stamps` | when each event was published, if a stage asks |

mod claim;
mod poller;
mod producer;
mod scout;
mod slots;
mod stamps;

use std::sync::Arc;

use disruptor::{BusySpin, build_multi_producer, build_single_producer};

pub(crate) use claim::Claim;
pub(crate) use poller::{Poller, SlotRow};
pub(crate) use producer::{Fill, Producer};
pub(crate) use slots::Slot;
pub(crate) use stamps::Stamps;

use poller::Places;
use producer::ToWrite;
use scout::{BehindScout, Scout};
use slots::Slots;

use slipring_journal::Event;

/// How many publishers a ring takes.
///
/// See the example of [`EngineBuilder`](crate::EngineBuilder).
///
/// More: [merge sources](https://github.com/slipring/slipring/blob/main/docs/how-to/merge-sources.md).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Publishers {
    /// One; the fastest.
    #[default]
    Single,
    /// Any number, each on a thread of its own; claims by compare-and-swap. The ring has 64 slots or more.
    Multi,
}

/// Bytes of a ring: slots, their places, and of several publishers a bit of each.
pub(crate) fn bytes<E: Event>(capacity: usize) -> u64 {
    const OF_THE_CRATE: u64 = 8;
    (capacity as u64).saturating_mul(size_of::<Slot<E>>() as u64 + OF_THE_CRATE)
}

/// Whether so many bytes can be had: `Err` with how many there are, as far as is known. Asked before they are
/// taken, for what is promised and not there ends the process when it is used.
pub(crate) fn check_memory(bytes: u64) -> Result<(), u64> {
    let mut memory: Vec<u8> = Vec::new();
    let available = available_memory();
    if bytes > available {
        return Err(available);
    }
    // Given back at once, and never touched.
    usize::try_from(bytes).ok().and_then(|bytes| memory.try_reserve_exact(bytes).ok()).ok_or(0)
}

/// What the system says is available, swap included; without bound if it says nothing.
fn available_memory() -> u64 {
    let Ok(text) = std::fs::read_to_string("/proc/meminfo") else { return u64::MAX };
    let kib = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().next()?.parse::<u64>().ok()
    };
    let Some(free) = kib("MemAvailable:") else { return u64::MAX };
    let free = free.saturating_add(kib("SwapFree:").unwrap_or(0)).saturating_mul(1024);
    // Of a container.
    let limit = std::fs::read_to_string("/sys/fs/cgroup/memory.max").ok();
    limit.and_then(|text| text.trim().parse().ok()).map_or(free, |limit: u64| free.min(limit))
}

/// Makes a ring with one poller a stage, whose first event gets the sequence `base`. The caller has checked
/// capacity and count, and has made the stamps for the same capacity, if there are to be any.
pub(crate) fn build<E: Event>(
    capacity: usize,
    base: u64,
    stages: usize,
    publishers: Publishers,
    stamps: Option<Arc<Stamps>>,
) -> (Producer<E>, Vec<Poller<E>>) {
    debug_assert!(capacity.is_power_of_two() && stages > 0, "checked by the builder");
    let (slots, place) = Slots::new(capacity, base);
    let mut pollers = Vec::with_capacity(stages);
    let places = match publishers {
        Publishers::Single => {
            let mut builder = build_single_producer(capacity, place, BusySpin).with_multi_consumer();
            for _ in 0..stages {
                let (places, next) = builder.new_event_poller();
                pollers.push(Poller::new(Places::Single(places), &slots, base));
                builder = next;
            }
            ToWrite::single(builder.build(), Slot::<E>::ahead(capacity), stamps.is_some())
        }
        Publishers::Multi => {
            let (ahead, builder) = build_multi_producer(capacity, place, BusySpin).new_event_poller();
            let scout = Scout::new(ahead);
            let mut builder = builder.and_then().with_multi_consumer();
            for _ in 0..stages {
                let (places, next) = builder.new_event_poller();
                pollers.push(Poller::new(Places::Multi(BehindScout::new(places, &scout)), &slots, base));
                builder = next;
            }
            ToWrite::Multi(builder.build())
        }
    };
    (Producer::new(places, slots, base, stamps), pollers)
}

#[cfg(test)]
mod tests {
    use std::ops::Range;

    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Copy, Debug, slipring_journal::Event)]
    #[repr(C)]
    pub(super) struct Note {
        pub(super) id: u64,
    }

    #[derive(Clone, Debug)]
    enum Step {
        One,
        Many(usize),
        /// Checked, and refused at one of them, if there are as many.
        Checked(usize, Option<usize>),
        /// Of so many shown, how many are done with.
        Show(u64, u64),
        Skip(u64),
    }

    fn step() -> impl Strategy<Value = Step> {
        let refused = proptest::option::of(0usize..12);
        prop_oneof![
            Just(Step::One),
            (1usize..12).prop_map(Step::Many),
            ((1usize..12), refused).prop_map(|(count, at)| Step::Checked(count, at)),
            ((0u64..12), (0u64..12)).prop_map(|(limit, done)| Step::Show(limit, done)),
            (0u64..3).prop_map(Step::Skip),
        ]
    }

    /// Numbers notes from `first` on, and refuses one.
    struct Numbered {
        first: u64,
        refused: Option<usize>,
    }

    impl Fill<Note> for Numbered {
        fn fill(&mut self, range: Range<usize>, slots: &mut [Slot<Note>]) -> bool {
            assert_eq!(range.len(), slots.len());
            for (at, slot) in range.clone().zip(slots) {
                slot.set(0, false, &Note { id: self.first + at as u64 });
            }
            !self.refused.is_some_and(|at| range.contains(&at))
        }
    }

    /// Takes up to `limit` events, looks at each, and commits `wanted` of them, if there are as many: how
    /// many it saw and committed.
    fn see(poller: &mut Poller<Note>, limit: u64, wanted: u64) -> (u64, u64) {
        let Some(chunk) = poller.take(limit) else { return (0, 0) };
        let (first, end) = (chunk.first(), chunk.end());
        let mut at = first;
        while at < end {
            let row = chunk.row(at, 5);
            for slot in row.slots {
                assert_eq!((slot.event.id, slot.void), (at, false));
                at += 1;
            }
            assert!(row.to() == at && at <= end && !row.slots.is_empty());
        }
        let done = wanted.min(end - first);
        chunk.commit(first + done);
        poller.release();
        (end - first, done)
    }

    proptest! {
        /// However events are published, refused, shown in part and passed, in rings that wrap after a few:
        /// each has the slot of its sequence, and is seen once, in order, by each stage.
        #[test]
        fn every_event_is_in_the_slot_of_its_sequence(
            capacity in 0u32..4,
            multi in any::<bool>(),
            base in 0u64..200,
            steps in proptest::collection::vec(step(), 1..60),
        ) {
            let capacity = if multi { 64 } else { 1 << capacity };
            let kind = if multi { Publishers::Multi } else { Publishers::Single };
            let (mut producer, mut pollers) = build::<Note>(capacity, base, 2, kind, None);
            let (mut end, mut done) = (base, [base; 2]);
            // Of several publishers' events what was found before comes first, and the rest next time.
            let check = |got: u64, wanted: u64| {
                prop_assert!(got == wanted || (multi && 0 < got && got < wanted), "{} of {}", got, wanted);
                Ok(())
            };
            for step in steps {
                let free = capacity as u64 - (end - done.iter().min().unwrap());
                match step {
                    Step::One => {
                        let published = producer.try_publish(|| true, 0, &Note { id: end }, None);
                        prop_assert_eq!(published, (free > 0).then_some(end));
                        end += u64::from(published.is_some());
                    }
                    Step::Many(count) => {
                        let first = end;
                        let published = producer.try_publish_all(|| true, count, None, |at, slot| {
                            slot.put(0, &Note { id: first + at as u64 });
                        });
                        end += if free >= count as u64 { count as u64 } else { 0 };
                        prop_assert_eq!(published, (end > first).then(|| end - 1));
                    }
                    Step::Checked(count, refused) => {
                        if !producer.can_refuse() {
                            continue;
                        }
                        let mut fill = Numbered { first: end, refused };
                        let published = producer.try_publish_checked(|| true, count, &mut fill, 0);
                        let is_refused = refused.is_some_and(|at| at < count);
                        let wanted = (free >= count as u64).then(|| (!is_refused).then(|| end + count as u64 - 1));
                        prop_assert_eq!(published, wanted);
                        end = published.flatten().map_or(end, |last| last + 1);
                    }
                    Step::Show(limit, wanted) => {
                        for (poller, done) in pollers.iter_mut().zip(&mut done) {
                            let (first, most) = (*done, limit.min(end - *done));
                            let (seen, shown) = see(poller, limit, wanted);
                            check(seen, most)?;
                            prop_assert_eq!(shown, seen.min(wanted));
                            *done += shown;
                            prop_assert_eq!((first, poller.next()), (*done - shown, *done));
                        }
                    }
                    Step::Skip(limit) => {
                        for (poller, done) in pollers.iter_mut().zip(&mut done) {
                            let skipped = poller.skip(limit);
                            check(skipped, limit.min(end - *done))?;
                            *done += skipped;
                        }
                    }
                }
            }
        }
    }
}
