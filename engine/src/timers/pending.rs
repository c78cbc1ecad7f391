//! What is scheduled and has not gone off, in the order of its time; equal times in the order of scheduling.

use std::collections::{BTreeMap, HashMap};

/// The pending timers. Only the timers' thread has them, so they may allocate.
#[derive(Debug)]
pub(super) struct Pending<E> {
    by_time: BTreeMap<(u64, u64), (u64, E)>,
    by_token: HashMap<u64, (u64, u64)>,
    next_order: u64,
}

impl<E> Pending<E> {
    pub(super) fn new() -> Self {
        Pending { by_time: BTreeMap::new(), by_token: HashMap::new(), next_order: 0 }
    }

    /// A token that is pending already is moved: it goes off once.
    pub(super) fn schedule(&mut self, token: u64, at_ns: u64, event: E) {
        let key = (at_ns, self.next_order);
        self.next_order += 1;
        if let Some(before) = self.by_token.insert(token, key) {
            self.by_time.remove(&before);
        }
        self.by_time.insert(key, (token, event));
    }

    pub(super) fn remove(&mut self, token: u64) {
        if let Some(key) = self.by_token.remove(&token) {
            self.by_time.remove(&key);
        }
    }

    /// Removes the timer if this event, which came at `time_ns`, can be its own. It can't be if the timer was moved
    /// after the event had been published: to a time that had not come then, or with another event.
    pub(super) fn fired(&mut self, token: u64, time_ns: u64, event: &E)
    where
        E: bytemuck::NoUninit,
    {
        let Some(key) = self.by_token.get(&token) else { return };
        let is_same = |(_, own): &(u64, E)| bytemuck::bytes_of(own) == bytemuck::bytes_of(event);
        // Nothing goes off before its time, and the journal's time is that at least.
        if key.0 <= time_ns && self.by_time.get(key).is_some_and(is_same) {
            self.remove(token);
        }
    }

    /// The time of the next one, its token and event.
    pub(super) fn first(&self) -> Option<(u64, u64, &E)> {
        self.by_time.first_key_value().map(|((at_ns, _), (token, event))| (*at_ns, *token, event))
    }

    pub(super) fn len(&self) -> usize {
        self.by_time.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drain(pending: &mut Pending<char>) -> Vec<(u64, u64, char)> {
        let mut out = Vec::new();
        while let Some((at_ns, token, event)) = pending.first() {
            out.push((at_ns, token, *event));
            pending.remove(token);
        }
        assert_eq!((pending.len(), pending.by_token.len()), (0, 0));
        out
    }

    #[test]
    fn by_time_then_by_order_of_scheduling() {
        let mut pending = Pending::new();
        for (token, at_ns, event) in [(1, 50, 'a'), (2, 20, 'b'), (3, 50, 'c'), (4, 20, 'd')] {
            pending.schedule(token, at_ns, event);
        }
        assert_eq!(drain(&mut pending), [(20, 2, 'b'), (20, 4, 'd'), (50, 1, 'a'), (50, 3, 'c')]);
    }

    #[test]
    fn a_token_is_moved_and_removed() {
        let mut pending = Pending::new();
        pending.schedule(1, 50, 'a');
        pending.schedule(2, 60, 'b');
        pending.schedule(1, 70, 'c');
        pending.remove(9);
        assert_eq!(pending.len(), 2);
        assert_eq!(drain(&mut pending), [(60, 2, 'b'), (70, 1, 'c')]);
        pending.schedule(1, 1, 'd');
        pending.remove(1);
        assert_eq!(drain(&mut pending), []);
    }

    #[test]
    fn an_event_takes_back_no_timer_but_its_own() {
        let mut pending = Pending::new();
        pending.schedule(1, 50, 5_u64);
        pending.fired(2, 60, &5);
        pending.fired(1, 49, &5);
        pending.fired(1, 60, &6);
        assert_eq!(pending.first(), Some((50, 1, &5)));
        pending.fired(1, 50, &5);
        assert_eq!((pending.len(), pending.by_token.len()), (0, 0));
    }
}
