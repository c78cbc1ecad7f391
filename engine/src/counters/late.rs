//! Late consumers in the counters: places that are taken, stored to and given back while the engine runs.
//!
//! A reader in another process may look at a place while it changes hands, and must not tell one consumer's
//! name with another's end. So the state is a sequence lock over the rest: it counts how often the place was
//! given away, and a reader keeps what it has read if the state is of the same count before and after. Who
//! takes places is one at a time: the engine's list of late consumers is locked meanwhile.

use std::sync::atomic::{Ordering, fence};

use super::board::Board;
use super::figures::LateCounters;
use crate::lines::format::{
    LATE_EVICTED, LATE_FAILED, LATE_GENERATION, LATE_TAKEN, LateHeadLine, LateLine, NAME_BYTES, cut, text,
};
use crate::lines::memory::LineMemory;
use crate::lines::told::Told;

/// How often a reader looks again at a place that changes hands under it.
const TRIES: u32 = 8;

/// What a late consumer tells of itself, where others can read it or not. It is given back when this is
/// dropped.
#[derive(Debug)]
pub(crate) struct LatePlace {
    line: Told<LateLine>,
    /// Where it is counted if the line is nobody else's to read.
    not_shown: Option<Told<LateHeadLine>>,
}

impl LatePlace {
    /// Of one that belongs to no engine and has finished everything below `end`.
    pub(crate) fn private(end: u64) -> Self {
        let line = Told::new(LineMemory::private(size_of::<LateLine>()).at(0), None, 0);
        let place = LatePlace { line, not_shown: None };
        place.set_end(end);
        place
    }

    /// Says that it has finished everything below `end`.
    #[inline]
    pub(crate) fn set_end(&self, end: u64) {
        // Release L: the handler has finished everything below `end` before the cursor says so.
        self.line.each(|line| line.end.store(end, Ordering::Release));
    }

    /// Everything below it is finished.
    pub(crate) fn end(&self) -> u64 {
        // Acquire L: partner of `set_end`; whoever sees the cursor sees what the handler did below it.
        self.line.end.load(Ordering::Acquire)
    }

    /// It has failed, for good.
    pub(crate) fn fail(&self, evicted: bool) {
        let flags = LATE_FAILED | if evicted { LATE_EVICTED } else { 0 };
        // Relaxed: a figure. Being a read-modify-write it does not end what the release in `take` has begun.
        self.line.each(|line| line.state.fetch_or(flags, Ordering::Relaxed));
    }
}

impl Drop for LatePlace {
    fn drop(&mut self) {
        if let Some(head) = &self.not_shown {
            head.each(|head| head.not_shown.fetch_sub(1, Ordering::Relaxed));
        }
        // Relaxed: nobody but this value stores to a taken place.
        let generation = self.line.state.load(Ordering::Relaxed) & !(LATE_GENERATION - 1);
        // Release T: whoever takes the place stores behind this. Partner: Acquire T in `take`.
        self.line.each(|line| line.state.store(generation, Ordering::Release));
    }
}

impl Board {
    /// A place for a late consumer that has finished everything below `end`: one that others can read, or if
    /// none is left one that is only counted. One caller at a time.
    pub(crate) fn take_late(&self, name: &str, end: u64) -> LatePlace {
        match self.late_lines().find(|line| take(line, name, end)) {
            Some(line) => LatePlace { line, not_shown: None },
            None => {
                let head = self.late_head();
                // Relaxed: a figure.
                head.each(|head| head.not_shown.fetch_add(1, Ordering::Relaxed));
                let mut place = LatePlace::private(end);
                place.not_shown = Some(head);
                place
            }
        }
    }

    /// The late consumers that have places, without their lags.
    pub(super) fn read_late(&self) -> Vec<LateCounters> {
        self.late_lines().filter_map(|line| read(&line)).collect()
    }

    /// How many late consumers found no place.
    pub(super) fn late_not_shown(&self) -> u64 {
        // Relaxed: a figure.
        self.late_head().not_shown.load(Ordering::Relaxed)
    }
}

/// Takes a place if it is free.
fn take(line: &Told<LateLine>, name: &str, end: u64) -> bool {
    // Acquire T: whoever had it is done with it. Partner: Release T in `LatePlace::drop`.
    let state = line.state.load(Ordering::Acquire);
    if state & LATE_TAKEN != 0 {
        return false;
    }
    let generation = (state & !(LATE_GENERATION - 1)).wrapping_add(LATE_GENERATION);
    line.each(|line| fill(line, name, end, generation | LATE_TAKEN));
    true
}

/// Writes down who has a place.
fn fill(line: &LateLine, name: &str, end: u64, state: u64) {
    // Release fence T: a reader that sees any word stored below sees behind its own fence that the place was
    // given back. Partner: the fence in `read`.
    fence(Ordering::Release);
    let text = cut(name, NAME_BYTES).as_bytes();
    for (at, word) in line.name.iter().enumerate() {
        let bytes = text.chunks(8).nth(at).unwrap_or_default();
        let mut padded = [0; 8];
        padded[..bytes.len()].copy_from_slice(bytes);
        // Relaxed, as the next: ordered by the state below.
        word.store(u64::from_le_bytes(padded), Ordering::Relaxed);
    }
    line.end.store(end, Ordering::Relaxed);
    // Release T: name and end are there before the state says so. Partner: Acquire T in `read`.
    line.state.store(state, Ordering::Release);
}

/// Who has a place; nobody if it is free, or changes hands faster than it can be read.
fn read(line: &LateLine) -> Option<LateCounters> {
    for _ in 0..TRIES {
        // Acquire T: see `take`.
        let before = line.state.load(Ordering::Acquire);
        if before & LATE_TAKEN == 0 {
            return None;
        }
        // Relaxed: behind Acquire T, and before the fence.
        let name: Vec<u8> =
            line.name.iter().flat_map(|word| word.load(Ordering::Relaxed).to_le_bytes()).collect();
        // Acquire L: see `set_end`.
        let end = line.end.load(Ordering::Acquire);
        // Acquire fence T: if anything above was of the next one, the state is seen to have moved on.
        fence(Ordering::Acquire);
        let after = line.state.load(Ordering::Relaxed);
        if after & LATE_TAKEN != 0 && before ^ after < LATE_GENERATION {
            return Some(LateCounters {
                name: text(&name),
                end,
                lag: 0,
                failed: after & LATE_FAILED != 0,
                evicted: after & LATE_EVICTED != 0,
            });
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;

    use super::*;
    use crate::lines::format::{LATE_PLACES, LineLayout};

    fn names(board: &Board) -> Vec<String> {
        board.read_late().into_iter().map(|late| late.name).collect()
    }

    #[test]
    fn places_are_taken_and_given_back_and_those_beyond_are_counted() {
        let board = Board::private(LineLayout { stages: 3 });
        assert_eq!((board.read_late(), board.late_not_shown()), (Vec::new(), 0));
        let mut places: Vec<_> =
            (0..LATE_PLACES as u64 + 2).map(|n| board.take_late(&format!("late {n}"), n)).collect();
        let wanted: Vec<_> = (0..LATE_PLACES).map(|n| format!("late {n}")).collect();
        assert_eq!((names(&board), board.late_not_shown()), (wanted, 2));
        // One without a place is no worse for it.
        let hidden = places.pop().unwrap();
        hidden.set_end(70);
        hidden.fail(true);
        assert_eq!(hidden.end(), 70);
        drop(hidden);
        assert_eq!(board.late_not_shown(), 1);

        places[5].set_end(500);
        places[5].fail(false);
        places[6].fail(true);
        let read = board.read_late();
        assert_eq!((read[5].end, read[5].failed, read[5].evicted), (500, true, false));
        assert_eq!((read[6].end, read[6].failed, read[6].evicted), (6, true, true));
        drop(places.remove(5));
        assert!(!names(&board).contains(&"late 5".to_owned()));
        let next = board.take_late("next", 9);
        let read = board.read_late();
        assert_eq!((&*read[5].name, read[5].end, read[5].failed), ("next", 9, false), "nothing is left of 5");
        drop((places, next));
        assert_eq!((board.read_late(), board.late_not_shown()), (Vec::new(), 0));
    }

    #[test]
    fn a_long_name_is_cut_between_characters_and_leaves_nothing_behind() {
        let board = Board::private(LineLayout { stages: 0 });
        drop(board.take_late(&"é".repeat(40), 0));
        let place = board.take_late(&format!("x{}", "é".repeat(40)), 0);
        assert_eq!(names(&board), [format!("x{}", "é".repeat(31))]);
        drop(place);
        let _place = board.take_late("short", 0);
        assert_eq!(names(&board), ["short"]);
    }

    /// A name is never told with another's end, however often the place changes hands meanwhile.
    #[test]
    fn a_reader_never_mixes_two_that_follow_one_another() {
        const READS: usize = 10_000;
        let board = Board::private(LineLayout { stages: 0 });
        let names: [String; 10] = std::array::from_fn(|n| n.to_string().repeat(NAME_BYTES));
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for n in (0..names.len()).cycle() {
                    drop(board.take_late(&names[n], n as u64));
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                }
            });
            let read = || std::iter::repeat_with(|| board.read_late()).flatten();
            let mixed = read().take(READS).find(|late| late.name != names[late.end as usize]);
            // Before the test fails: the other thread runs until then.
            stop.store(true, Ordering::Relaxed);
            assert_eq!(mixed, None);
        });
    }
}
