//! What is scheduled and has not gone off, in the order of its deadlines; equal ones in the order of
//! scheduling.

use std::collections::{BTreeMap, HashMap};

/// The pending timers. Only the timers' thread has them, so they may allocate.
#[derive(Debug)]
pub(super) struct Pending<E> {
    by_deadline: BTreeMap<(u64, u64), One<E>>,
    by_token: HashMap<u64, (u64, u64)>,
    next_order: u64,
}

/// A pending timer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct One<E> {
    pub(super) token: u64,
    /// The time that it was scheduled for.
    pub(super) at_ns: u64,
    pub(super) event: E,
}

impl<E> Pending<E> {
    pub(super) fn new() -> Self {
        Pending { by_deadline: BTreeMap::new(), by_token: HashMap::new(), next_order: 0 }
    }

    /// A token that is pending already is moved: it goes off once.
    pub(super) fn schedule(&mut self, deadline_ns: u64, one: One<E>) {
        let key = (deadline_ns, self.next_order);
        self.next_order += 1;
        if let Some(before) = self.by_token.insert(one.token, key) {
            self.by_deadline.remove(&before);
        }
        self.by_deadline.insert(key, one);
    }

    /// Gives each the deadline of its time, in the order in which they were scheduled.
    pub(super) fn set_deadlines(&mut self, of: impl Fn(u64) -> u64) {
        let before = std::mem::take(&mut self.by_deadline);
        for ((_, order), one) in before {
            let key = (of(one.at_ns), order);
            self.by_token.insert(one.token, key);
            self.by_deadline.insert(key, one);
        }
    }

    pub(super) fn remove(&mut self, token: u64) {
        if let Some(key) = self.by_token.remove(&token) {
            self.by_deadline.remove(&key);
        }
    }

    /// Removes the timer if this event, which came at `time_ns`, can be its own. It can't be if the timer was
    /// moved after the event had been published: to a time that had not come then, or with another event.
    pub(super) fn fired(&mut self, token: u64, time_ns: u64, event: &E)
    where
        E: bytemuck::NoUninit,
    {
        let Some(key) = self.by_token.get(&token) else { return };
        // What goes off is published with its time at least, and so the journal's time is that at least.
        let is_it = |one: &One<E>| {
            one.at_ns <= time_ns && bytemuck::bytes_of(&one.event) == bytemuck::bytes_of(event)
        };
        if self.by_deadline.get(key).is_some_and(is_it) {
            self.remove(token);
        }
    }

    /// The next one, and its deadline.
    pub(super) fn first(&self) -> Option<(u64, &One<E>)> {
        self.by_deadline.first_key_value().map(|((deadline_ns, _), one)| (*deadline_ns, one))
    }

    pub(super) fn len(&self) -> usize {
        self.by_deadline.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set<E>(pending: &mut Pending<E>, token: u64, at_ns: u64, event: E) {
        pending.schedule(at_ns, One { token, at_ns, event });
    }

    fn drain(pending: &mut Pending<char>) -> Vec<(u64, u64, char)> {
        let mut out = Vec::new();
        while let Some((deadline_ns, one)) = pending.first() {
            let token = one.token;
            out.push((deadline_ns, token, one.event));
            pending.remove(token);
        }
        assert_eq!((pending.len(), pending.by_token.len()), (0, 0));
        out
    }

    #[test]
    fn by_time_then_by_order_of_scheduling() {
        let mut pending = Pending::new();
        for (token, at_ns, event) in [(1, 50, 'a'), (2, 20, 'b'), (3, 50, 'c'), (4, 20, 'd')] {
            set(&mut pending, token, at_ns, event);
        }
        assert_eq!(drain(&mut pending), [(20, 2, 'b'), (20, 4, 'd'), (50, 1, 'a'), (50, 3, 'c')]);
    }

    #[test]
    fn a_token_is_moved_and_removed() {
        let mut pending = Pending::new();
        set(&mut pending, 1, 50, 'a');
        set(&mut pending, 2, 60, 'b');
        set(&mut pending, 1, 70, 'c');
        pending.remove(9);
        assert_eq!(pending.len(), 2);
        assert_eq!(drain(&mut pending), [(60, 2, 'b'), (70, 1, 'c')]);
        set(&mut pending, 1, 1, 'd');
        pending.remove(1);
        assert_eq!(drain(&mut pending), []);
    }

    #[test]
    fn new_deadlines_keep_the_order_and_the_times() {
        let mut pending = Pending::new();
        for (token, at_ns) in [(1, 50), (2, 40), (3, 90), (4, 30)] {
            set(&mut pending, token, at_ns, 5_u64);
        }
        pending.set_deadlines(|at_ns| at_ns.saturating_sub(50));
        let order = std::iter::from_fn(|| {
            let (deadline_ns, one) = pending.first().map(|(deadline_ns, one)| (deadline_ns, *one))?;
            // Its own time still counts, not its deadline.
            pending.fired(one.token, one.at_ns - 1, &5);
            assert!(pending.first().is_some_and(|(_, first)| *first == one));
            pending.fired(one.token, one.at_ns, &5);
            Some((deadline_ns, one.token))
        });
        assert_eq!(
            order.collect::<Vec<_>>(),
            [(0, 1), (0, 2), (0, 4), (40, 3)],
            "those that are late as scheduled"
        );
    }

    #[test]
    fn an_event_takes_back_no_timer_but_its_own() {
        let mut pending = Pending::new();
        set(&mut pending, 1, 50, 5_u64);
        pending.fired(2, 60, &5);
        pending.fired(1, 49, &5);
        pending.fired(1, 60, &6);
        assert_eq!(pending.first(), Some((50, &One { token: 1, at_ns: 50, event: 5 })));
        pending.fired(1, 50, &5);
        assert_eq!((pending.len(), pending.by_token.len()), (0, 0));
    }
}
