//! Parking: a lane with nothing to do sleeps in the kernel until the one cursor that it waits for moves.
//!
//! Each parked lane marks the cursor that holds it up, and whoever moves that cursor (the publisher, a stage
//! upstream, the syncer) wakes it. So a lane behind a slow stage sleeps through all that is published
//! meanwhile.
//!
//! The race is the usual one. The waker moves the cursor and then looks for marks. The lane sets its mark and
//! then looks at the cursor. Unless one of the two sees the other, the lane sleeps for ever (K). A fence on
//! both sides rules that out, but every publish would pay for one. Linux can put both fences on the sleeping
//! side: `membarrier` makes every running thread of the process pass a fence, and the waker needs none. Where
//! the call is missing, the wakers fence. Engines in which no lane can park do neither.

use std::sync::OnceLock;
use std::sync::atomic::{Ordering, compiler_fence, fence};
use std::thread::Thread;
use std::time::{Duration, Instant};

use super::barrier;
use super::cursor::Cursor;
use crate::lines::format::LanesLine;
use crate::lines::told::Told;

/// Most lanes of an engine that can park: a bit each.
pub(crate) const MOST_PARKING: usize = 64;

/// A lane that nobody woke looks for itself: nothing relies on it, and a mistake here would cost a second and
/// not the engine.
const LONGEST: Duration = Duration::from_millis(100);
/// How long a lane that has found news by itself waits for whoever brought it to wake it: the waker may not
/// have come to its look at the marks yet. Between the move and the look lie a few instructions (for the
/// durable cursor also the journal's own waiters), but a loaded machine may take the core away there.
const GRACE: Duration = Duration::from_secs(1);

/// The lanes of one engine that can park.
#[derive(Debug)]
pub(crate) struct Parking {
    threads: Vec<OnceLock<Thread>>,
    /// The sleeping side has `membarrier`.
    asymmetric: bool,
    /// How long a lane that nobody wakes sleeps.
    longest: Duration,
    /// Counts how often a lane found by itself that it should have been woken: always 0, or K is broken.
    counters: Told<LanesLine>,
}

impl Parking {
    /// For so many lanes that can park.
    pub(crate) fn new(lanes: usize, counters: Told<LanesLine>) -> Self {
        debug_assert!(lanes <= MOST_PARKING, "checked by the builder");
        Parking {
            threads: (0..lanes).map(|_| OnceLock::new()).collect(),
            asymmetric: lanes > 0 && barrier::register(),
            longest: LONGEST,
            counters,
        }
    }

    /// Whether any lane can park.
    #[inline(always)]
    pub(crate) fn is_used(&self) -> bool {
        !self.threads.is_empty()
    }

    /// Says which thread the lane `index` is.
    pub(crate) fn enter(&self, index: usize) {
        let _ = self.threads[index].set(std::thread::current());
    }

    /// Wakes the lanes parked at a cursor that has just been moved.
    #[inline(always)]
    pub(crate) fn wake(&self, cursor: &Cursor) {
        if !self.is_used() {
            return;
        }
        // K: the cursor's store comes before the look at the marks. With membarrier the compiler's word is
        // enough; the parking lane makes the processor's.
        if self.asymmetric {
            compiler_fence(Ordering::SeqCst);
        } else {
            fence(Ordering::SeqCst);
        }
        if cursor.has_parked() {
            self.wake_marked(cursor);
        }
    }

    #[cold]
    fn wake_marked(&self, cursor: &Cursor) {
        let marks = cursor.take_parked();
        for (index, thread) in self.threads.iter().enumerate() {
            if marks & (1 << index) != 0
                && let Some(thread) = thread.get()
            {
                thread.unpark();
            }
        }
    }

    /// Wakes every lane that can park, whatever it waits for: the engine's fate has changed. A lane that is
    /// about to park returns from it at once, for the wake-up is kept for it.
    pub(crate) fn wake_all(&self) {
        self.threads.iter().filter_map(OnceLock::get).for_each(Thread::unpark);
    }

    /// Parks this thread, lane `index`, until one of `cursors` moves, unless `has_moved` says that one of
    /// them has, or `is_changed` that the engine's fate has changed, which wakes lanes but takes no marks.
    pub(crate) fn park(
        &self,
        index: usize,
        cursors: &[Cursor],
        has_moved: impl Fn() -> bool,
        is_changed: impl Fn() -> bool,
    ) {
        let bit = 1 << index;
        cursors.iter().for_each(|cursor| cursor.park(bit));
        // K: the marks come before the look at the cursors.
        if self.asymmetric {
            // If it failed, the lane would wake by itself after `LONGEST`.
            let done = barrier::everywhere();
            debug_assert!(done, "registered");
        } else {
            fence(Ordering::SeqCst)
        }
        if !has_moved() && !is_changed() {
            let since = Instant::now();
            std::thread::park_timeout(self.longest);
            if since.elapsed() >= self.longest && has_moved() && Self::nobody_looks(bit, cursors, is_changed)
            {
                // Relaxed: a figure.
                self.counters.each(|line| line.missed_wakeups.fetch_add(1, Ordering::Relaxed));
            }
        }
        cursors.iter().for_each(|cursor| cursor.unpark(bit));
    }

    /// Whether the marks stay, though a cursor has moved: then its mover never saw them. One that is only
    /// late takes its mark, and wakes this thread.
    #[cold]
    fn nobody_looks(bit: u64, cursors: &[Cursor], is_changed: impl Fn() -> bool) -> bool {
        let since = Instant::now();
        while cursors.iter().all(|cursor| cursor.is_parked(bit)) && !is_changed() {
            let Some(rest) = GRACE.checked_sub(since.elapsed()) else { return true };
            std::thread::park_timeout(rest);
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::counters::board::Board;
    use crate::lines::format::LineLayout;

    /// Two threads hand a number to and fro, each parking until the other has moved its cursor.
    fn ping_pong(asymmetric: bool, rounds: u64) -> u64 {
        let board = Board::private(LineLayout { stages: 2 });
        let parking = Arc::new(Parking {
            asymmetric: asymmetric && barrier::register(),
            ..Parking::new(2, board.lanes())
        });
        let cursors = [board.stage(0), board.stage(1)];
        let play = |own: usize| {
            let (parking, cursors) = (Arc::clone(&parking), cursors.clone());
            move || {
                parking.enter(own);
                let (mine, theirs) = (&cursors[own], &cursors[1 - own]);
                for round in 1..=rounds {
                    if own == 0 {
                        mine.set(round);
                        parking.wake(mine);
                    }
                    while theirs.end() < round {
                        parking.park(own, std::slice::from_ref(theirs), || theirs.end() >= round, || false);
                    }
                    if own == 1 {
                        mine.set(round);
                        parking.wake(mine);
                    }
                }
            }
        };
        std::thread::scope(|scope| {
            scope.spawn(play(0));
            scope.spawn(play(1));
        });
        board.lanes().missed_wakeups.load(Ordering::Relaxed)
    }

    #[test]
    fn no_wake_up_is_lost() {
        assert_eq!(ping_pong(true, 20_000), 0, "with membarrier, or fences where there is none");
        assert_eq!(ping_pong(false, 20_000), 0, "with fences");
    }

    #[test]
    fn a_change_of_fate_wakes_a_lane_that_nothing_else_would() {
        let board = Board::private(LineLayout { stages: 1 });
        // It would not come back by itself while this test runs.
        let longest = Duration::from_secs(3600);
        let parking = Arc::new(Parking { longest, ..Parking::new(1, board.lanes()) });
        let (cursor, lane) = (board.stage(0), Arc::clone(&parking));
        let place = cursor.clone();
        let (woken, is_woken) = std::sync::mpsc::channel();
        let parked = std::thread::spawn(move || {
            lane.enter(0);
            lane.park(0, std::slice::from_ref(&place), || false, || false);
            woken.send(())
        });
        while !cursor.has_parked() {
            std::thread::yield_now();
        }
        parking.wake_all();
        is_woken.recv_timeout(Duration::from_secs(60)).expect("woken");
        parked.join().unwrap().unwrap();
    }

    /// Parks at a cursor that `mover` moves or not; how many wake-ups were missed.
    fn parked_while(
        mover: impl FnOnce(&Parking, &Cursor) + Send,
        is_changed: impl Fn() -> bool + Send,
    ) -> u64 {
        let board = Board::private(LineLayout { stages: 1 });
        let (parking, cursor) = (Parking::new(1, board.lanes()), board.stage(0));
        std::thread::scope(|scope| {
            scope.spawn(|| {
                parking.enter(0);
                parking.park(0, std::slice::from_ref(&cursor), || cursor.end() > 0, is_changed);
            });
            while !cursor.has_parked() {
                std::thread::yield_now();
            }
            // Asleep by now, as a rule.
            std::thread::sleep(LONGEST / 4);
            mover(&parking, &cursor);
        });
        board.lanes().missed_wakeups.load(Ordering::Relaxed)
    }

    #[test]
    fn a_wake_up_that_never_comes_is_missed_and_one_that_is_late_is_not() {
        let never = |_: &Parking, cursor: &Cursor| cursor.set(1);
        assert_eq!(parked_while(never, || false), 1);
        // It loses its core between the move and the look.
        let late = |parking: &Parking, cursor: &Cursor| {
            cursor.set(1);
            std::thread::sleep(3 * LONGEST);
            parking.wake(cursor);
        };
        assert_eq!(parked_while(late, || false), 0);
        // Halted: every lane is woken, and no mark is taken.
        let halted = std::sync::atomic::AtomicBool::new(false);
        let halt = |parking: &Parking, cursor: &Cursor| {
            cursor.set(1);
            halted.store(true, Ordering::Relaxed);
            std::thread::sleep(2 * LONGEST);
            parking.wake_all();
        };
        assert_eq!(parked_while(halt, || halted.load(Ordering::Relaxed)), 0);
    }
}
