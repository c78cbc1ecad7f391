//! Which ids were published within the window: the last so many events, and of these those of a span of time.
//!
//! ```text
//!  ids    | 7 | 3 | - | 9 | 4 |      by sequence modulo the window: an id goes when its place is needed
//!           ^           ^
//!  index  |   | 1 |   |   | 4 | ..   by the id's hash, open addressing: places, 0 for none
//! ```
//! All memory is taken when it is made. The hash is keyed at random, so nobody can choose ids that collide.

use std::hash::{BuildHasher, RandomState};

/// The id of an event that was published, at its place.
#[derive(Clone, Copy, Debug)]
struct Noted {
    id: u128,
    sequence: u64,
    /// Journal time.
    time_ns: u64,
}

/// No event: sequences do not come so far.
const NOBODY: u64 = u64::MAX;

/// The ids within the window.
#[derive(Debug)]
pub(crate) struct Window {
    ids: Box<[Noted]>,
    index: Box<[u32]>,
    hash: RandomState,
    /// Ids older than this are none, nanoseconds.
    span_ns: u64,
    /// The sequence behind the last that was noted.
    end: u64,
    /// Journal time there.
    time_ns: u64,
}

/// Most events of a window.
pub(crate) const MOST_EVENTS: usize = 1 << 30;

impl Window {
    /// Bytes that a window of so many events takes.
    pub(crate) fn bytes(events: usize) -> u64 {
        (events * size_of::<Noted>() + index_slots(events) * size_of::<u32>()) as u64
    }

    /// Of an engine whose next sequence is `end`, and that has seen no id. `events` is at least 1 and at most
    /// [`MOST_EVENTS`].
    pub(crate) fn new(events: usize, span_ns: u64, end: u64) -> Self {
        let nobody = Noted { id: 0, sequence: NOBODY, time_ns: 0 };
        Window {
            ids: vec![nobody; events].into_boxed_slice(),
            index: vec![0; index_slots(events)].into_boxed_slice(),
            hash: RandomState::new(),
            span_ns,
            end,
            time_ns: 0,
        }
    }

    pub(crate) fn events(&self) -> usize {
        self.ids.len()
    }

    /// The sequence of the event with this id, to one that is published next and at `time_ns`.
    pub(crate) fn find(&self, id: u128, time_ns: u64) -> Option<u64> {
        let place = self.index[self.slot(id)];
        let noted = self.ids[place.checked_sub(1)? as usize];
        // What is published now comes to the window's end: one more event has left it, but its place is not
        // needed before this one is noted.
        let is_within = self.end - noted.sequence <= self.ids.len() as u64
            && self.time_ns.max(time_ns) - noted.time_ns <= self.span_ns;
        is_within.then_some(noted.sequence)
    }

    /// Notes that an event was published; of those between it and the one before nothing is known.
    pub(crate) fn note(&mut self, sequence: u64, id: Option<u128>, time_ns: u64) {
        let passed = sequence.saturating_sub(self.end).min(self.ids.len() as u64);
        (sequence - passed..=sequence).for_each(|sequence| self.clear(sequence));
        self.end = sequence + 1;
        self.time_ns = self.time_ns.max(time_ns);
        let Some(id) = id else { return };
        let place = self.place(sequence);
        self.ids[place] = Noted { id, sequence, time_ns: self.time_ns };
        let slot = self.slot(id);
        self.index[slot] = place as u32 + 1;
    }

    fn place(&self, sequence: u64) -> usize {
        (sequence % self.ids.len() as u64) as usize
    }

    /// Makes a sequence's place free.
    fn clear(&mut self, sequence: u64) {
        let place = self.place(sequence);
        let noted = &mut self.ids[place];
        if std::mem::replace(&mut noted.sequence, NOBODY) == NOBODY {
            return;
        }
        let id = noted.id;
        let slot = self.slot(id);
        // A later event with the same id has taken it over otherwise.
        if self.index[slot] == place as u32 + 1 {
            self.remove(slot);
        }
    }

    /// The slot of an id, or the free one where it would be: of twice as many slots as ids there always is
    /// one.
    fn slot(&self, id: u128) -> usize {
        let mask = self.index.len() - 1;
        let mut slot = self.home(id);
        while let Some(place) = self.index[slot].checked_sub(1) {
            if self.ids[place as usize].id == id {
                break;
            }
            slot = (slot + 1) & mask;
        }
        slot
    }

    /// Where the search for an id begins.
    fn home(&self, id: u128) -> usize {
        self.hash.hash_one(id) as usize & (self.index.len() - 1)
    }

    /// Frees a slot, and moves up those behind that could not have theirs: no search ends before its id.
    fn remove(&mut self, slot: usize) {
        let mask = self.index.len() - 1;
        let (mut free, mut at) = (slot, slot);
        loop {
            at = (at + 1) & mask;
            let Some(place) = self.index[at].checked_sub(1) else { break };
            let home = self.home(self.ids[place as usize].id);
            // Its search passes the free slot on its way.
            if at.wrapping_sub(home) & mask >= at.wrapping_sub(free) & mask {
                self.index[free] = self.index[at];
                free = at;
            }
        }
        self.index[free] = 0;
    }
}

fn index_slots(events: usize) -> usize {
    (2 * events).next_power_of_two()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What the window is to do, said plainly: a list of all events.
    struct Model {
        events: Vec<(u64, Option<u128>, u64)>,
        most: u64,
        span_ns: u64,
    }

    impl Model {
        fn find(&self, next: u64, id: u128, time_ns: u64) -> Option<u64> {
            let now_ns = self.events.iter().map(|event| event.2).max().unwrap_or(0).max(time_ns);
            let (sequence, _, then_ns) = self.events.iter().rev().find(|event| event.1 == Some(id))?;
            let then_ns = self
                .events
                .iter()
                .filter(|event| event.0 <= *sequence)
                .map(|event| event.2)
                .max()?
                .max(*then_ns);
            (next - sequence <= self.most && now_ns - then_ns <= self.span_ns).then_some(*sequence)
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(500))]

        #[test]
        fn a_double_is_what_the_last_events_say(
            most in 1usize..20,
            span_ns in prop_oneof![Just(u64::MAX), 0u64..60],
            start in prop_oneof![Just(0u64), 1_000u64..1_100],
            steps in prop::collection::vec((prop::option::weighted(0.9, 0u128..30), 0u64..4, 0u64..20, any::<bool>()), 1..300),
        ) {
            let mut window = Window::new(most, span_ns, start);
            let mut model = Model { events: Vec::new(), most: most as u64, span_ns };
            let (mut next, mut clock_ns) = (start, 1_000);
            for (id, step_ns, jump, again) in steps {
                // Times go back now and then.
                clock_ns += step_ns;
                let time_ns = clock_ns - jump;
                if let Some(id) = id {
                    let found = window.find(id, time_ns);
                    prop_assert_eq!(found, model.find(next, id, time_ns), "{} at {}", id, next);
                    if found.is_some() && !again {
                        continue;
                    }
                }
                // Others may have published between.
                let sequence = next + if jump == 19 { step_ns * 7 } else { 0 };
                window.note(sequence, id, time_ns);
                model.events.push((sequence, id, time_ns));
                next = sequence + 1;
                let held = window.index.iter().filter(|place| **place != 0).count();
                prop_assert!(held <= most);
            }
        }
    }

    #[test]
    fn its_memory_is_what_it_says() {
        let window = Window::new(1000, 0, 0);
        let bytes = size_of_val(&*window.ids) + size_of_val(&*window.index);
        assert_eq!((bytes as u64, window.events()), (Window::bytes(1000), 1000));
    }
}
