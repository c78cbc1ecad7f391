//! What becomes of a position: it moves over what is done. Of a name that is shared, ranges behind it are in
//! somebody's hands, or done before those in front of them; what lies between ranges nobody has.

use std::ops::Range;

use crate::format::{Bond, MOST_RANGES, ReaderPlace, ReaderRange, ReaderState};

impl ReaderState {
    /// The lowest records that nobody has and that are not done: where they begin, and where they end unless
    /// they go on as far as the journal.
    pub(crate) fn hole(&self) -> (u64, Option<u64>) {
        let mut start = self.position.end;
        for range in &self.ranges {
            if start < range.start {
                return (start, Some(range.start));
            }
            start = range.end.end;
        }
        (start, None)
    }

    /// Gives a member records from the lowest hole; whether there is room to note it.
    pub(crate) fn claim(&mut self, member: u32, claimed: Range<u64>) -> bool {
        let end = ReaderPlace { end: claimed.end, last: Bond::UNKNOWN, last_ns: 0 };
        let at = self.ranges.partition_point(|range| range.start < claimed.start);
        self.ranges.insert(at, ReaderRange { start: claimed.start, end, member: Some(member) });
        let has_room = self.needed_room() <= MOST_RANGES;
        if !has_room {
            self.ranges.remove(at);
        }
        has_room
    }

    /// What a member has in hand.
    pub(crate) fn claimed_by(&self, member: u32) -> Option<Range<u64>> {
        let range = self.ranges.iter().find(|range| range.member == Some(member))?;
        Some(range.start..range.end.end)
    }

    /// Notes that a member has done what it has in hand up to `done`; whether it has that.
    pub(crate) fn commit(&mut self, member: u32, done: ReaderPlace) -> bool {
        let held = |range: &ReaderRange| {
            range.member == Some(member) && range.start < done.end && done.end <= range.end.end
        };
        let Some(at) = self.ranges.iter().position(held) else { return false };
        let range = self.ranges[at];
        self.ranges[at] = ReaderRange { start: range.start, end: done, member: None };
        if done.end < range.end.end {
            self.ranges.insert(at + 1, ReaderRange { start: done.end, ..range });
        }
        self.settle();
        true
    }

    /// Whether records are done, whatever is before them.
    pub(crate) fn is_done(&self, records: &Range<u64>) -> bool {
        let covers = |range: &ReaderRange| range.start <= records.start && records.end <= range.end.end;
        records.end <= self.position.end || self.done_ahead().any(covers)
    }

    /// Takes from members what they have in hand, for others to be given; whether they had anything.
    pub(crate) fn free(&mut self, is_dead: impl Fn(u32) -> bool) -> bool {
        let before = self.ranges.len();
        self.ranges.retain(|range| !range.member.is_some_and(&is_dead));
        self.ranges.len() < before
    }

    /// Goes on at a place that retention has left, and gives up what lies before it. How many records of that
    /// were not done.
    pub(crate) fn pass_over(&mut self, place: ReaderPlace) -> u64 {
        if place.end <= self.position.end {
            return 0;
        }
        let mut missed = place.end - self.position.end;
        for range in self.ranges.iter().filter(|range| range.member.is_none()) {
            missed -= range.end.end.min(place.end).saturating_sub(range.start);
        }
        self.missed = self.missed.saturating_add(missed);
        self.advance(place);
        missed
    }

    /// Moves the position on to where all before it is done, whoever had it in hand.
    pub(crate) fn advance(&mut self, done: ReaderPlace) {
        self.position = done;
        self.ranges.retain(|range| range.end.end > done.end);
        if let Some(first) = self.ranges.first_mut() {
            first.start = first.start.max(done.end);
        }
        self.settle();
    }

    /// Records that are done although some before them are not.
    pub(crate) fn done_ahead(&self) -> impl Iterator<Item = &ReaderRange> {
        self.ranges.iter().filter(|range| range.member.is_none())
    }

    /// Moves the position over what is done, and puts together what is done in a row.
    fn settle(&mut self) {
        let mut settled: Vec<ReaderRange> = Vec::with_capacity(self.ranges.len());
        for range in self.ranges.drain(..) {
            match settled.last_mut() {
                _ if range.member.is_some() => settled.push(range),
                None if range.start == self.position.end => self.position = range.end,
                Some(before) if before.member.is_none() && before.end.end == range.start => {
                    before.end = range.end
                }
                _ => settled.push(range),
            }
        }
        self.ranges = settled;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::JournalId;

    fn place(end: u64) -> ReaderPlace {
        ReaderPlace { end, last: Bond { epoch: 1, crc: end as u32 }, last_ns: end }
    }

    fn state() -> ReaderState {
        let (journal_id, branch) = (JournalId([1; 16]), [0; 16]);
        ReaderState {
            journal_id,
            branch,
            position: place(10),
            committed_ns: 0,
            missed: 0,
            ranges: Vec::new(),
        }
    }

    fn claim(state: &mut ReaderState, member: u32, count: u64) -> Range<u64> {
        let (start, limit) = state.hole();
        let range = start..limit.unwrap_or(u64::MAX).min(start + count);
        assert!(state.claim(member, range.clone()));
        range
    }

    #[test]
    fn the_position_moves_once_all_before_it_are_done() {
        let mut state = state();
        let claims = [1, 2, 3].map(|member| claim(&mut state, member, 5));
        assert_eq!(claims, [10..15, 15..20, 20..25]);
        assert!(state.commit(2, place(20)) && state.commit(3, place(22)));
        assert_eq!((state.position, state.ranges.len()), (place(10), 3));
        assert_eq!(state.claimed_by(3), Some(22..25));
        assert!(!state.commit(2, place(20)), "it has that no longer");
        assert!(state.is_done(&(16..22)) && !state.is_done(&(21..23)) && !state.is_done(&(14..16)));
        assert!(state.commit(1, place(15)));
        assert_eq!((state.position, state.claimed_by(3)), (place(22), Some(22..25)));
    }

    #[test]
    fn what_a_dead_one_had_is_given_out_first() {
        let mut state = state();
        (1..=3).for_each(|member| {
            claim(&mut state, member, 5);
        });
        assert!(state.commit(3, place(25)) && state.commit(1, place(12)));
        assert!(state.free(|member| member == 1) && !state.free(|member| member == 1));
        assert_eq!(state.hole(), (12, Some(15)));
        assert_eq!(claim(&mut state, 4, 2), 12..14);
        assert_eq!(claim(&mut state, 5, 9), 14..15);
        assert_eq!(claim(&mut state, 6, 9), 25..34);
    }

    #[test]
    fn what_retention_took_is_counted_without_what_was_done() {
        let mut state = state();
        (1..=3).for_each(|member| {
            claim(&mut state, member, 5);
        });
        assert!(state.commit(2, place(20)));
        assert_eq!(state.pass_over(place(22)), 7);
        assert_eq!((state.position, state.missed, state.claimed_by(3)), (place(22), 7, Some(22..25)));
        assert_eq!((state.pass_over(place(22)), state.pass_over(place(1))), (0, 0));
        assert!(state.commit(3, place(25)));
        assert_eq!((state.position, state.ranges.is_empty()), (place(25), true));
        // Into the middle of what was done ahead.
        (1..=2).for_each(|member| {
            claim(&mut state, member, 5);
        });
        assert!(state.commit(2, place(35)));
        assert_eq!((state.pass_over(place(33)), state.position), (5, place(35)));
    }

    #[test]
    fn there_is_always_room_for_what_is_done_in_part() {
        let mut state = state();
        let mut count = 0;
        loop {
            let (start, _) = state.hole();
            if !state.claim(count + 1, start..start + 3) {
                break;
            }
            count += 1;
        }
        assert_eq!(count, MOST_RANGES as u32 / 2);
        for part in [1, 2] {
            for member in 2..=count {
                let start = 10 + 3 * u64::from(member - 1);
                assert!(state.commit(member, place(start + part)));
            }
            assert_eq!(ReaderState::decode(&state.encode()[..]).as_ref(), Ok(&state));
        }
    }
}
