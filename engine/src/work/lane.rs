//! A lane at work: its stages take turns, on a thread of its own or on the caller's.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::mpsc::SyncSender;
use std::time::Duration;

use slipring_journal::Event;

use super::fused;
use super::inside::within;
use super::stage::{RunStage, Turn};
use super::wait::Waiter;
use crate::cursors::cursor::Cursor;
use crate::cursors::park::Parking;
use crate::cursors::status::EngineStatus;
use crate::error::{Cause, Halted};
use crate::panics;

/// A stage with its name, as a lane holds it.
pub(crate) type Named<E> = (String, Box<dyn RunStage<E>>);

/// Looks between two turns of a lane that has nothing to do. With several publishers there are none: each
/// would have the scout go and look at the marks that they are writing.
pub(crate) const LOOKS: u32 = 16;

/// Sleep between two looks at a slow disk. The kernel's threads that end a sync may want this core; a lane
/// that spins can keep them from it for a second.
const NAP: Duration = Duration::from_micros(50);

/// A lane's stages and how they are run.
pub(crate) struct Run<E: Event> {
    pub(crate) core: Option<usize>,
    pub(crate) stages: Vec<Named<E>>,
    /// The place of the journal, if the stage behind it is gated on nothing but journalled: they take turns
    /// as one.
    pub(crate) fused: Option<usize>,
    /// Stages that have ended or failed.
    pub(crate) ended: Vec<Named<E>>,
    pub(crate) waiter: Waiter,
    /// Looks between two idle turns.
    pub(crate) looks: u32,
    pub(crate) status: Arc<EngineStatus>,
    pub(crate) parking: Arc<Parking>,
    /// Its place among the lanes that can park, if it is one.
    pub(crate) parks_as: Option<usize>,
    pub(crate) haste: Arc<Haste>,
    /// It has told its stages.
    pub(crate) hurries: bool,
    /// In its last turn the journal had no room.
    pub(crate) no_room: bool,
    /// In its last turn a stage waited for a sync.
    pub(crate) unsynced: bool,
}

/// How much longer the lanes run.
#[derive(Debug, Default)]
pub(crate) struct Haste(AtomicU8);

/// The engine ends: every stage goes on to the end.
const ENDS: u8 = 1;
/// The grace is over: end as soon as nothing more can be done.
const ABANDONED: u8 = 2;

impl Haste {
    pub(crate) fn end(&self) {
        // Relaxed: how large batches are.
        self.0.fetch_max(ENDS, Ordering::Relaxed);
    }

    pub(crate) fn abandon(&self) {
        // Release: partner of the acquire load in `Run::turn`.
        self.0.fetch_max(ABANDONED, Ordering::Release);
    }
}

impl<E: Event> Run<E> {
    /// The lane's thread: says whether it could be pinned, runs its stages to their end, and gives them back.
    /// Whatever panics on the way, the engine halts and nobody waits for these stages any more.
    pub(crate) fn run(mut self, ready: &SyncSender<bool>) -> Vec<Named<E>> {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| self.live(ready))) {
            self.break_off(panic);
        }
        let Run { waiter, stages, mut ended, status, .. } = self;
        ended.extend(stages);
        if let Some(text) = panics::drop_of(waiter) {
            halt_lane(&status, ended.first(), text);
        }
        ended
    }

    fn live(&mut self, ready: &SyncSender<bool>) {
        let pinned = self.core.is_none_or(pin);
        if let Some(index) = self.parks_as {
            self.parking.enter(index);
        }
        let _ = ready.send(pinned);
        if !pinned {
            return;
        }
        self.start();
        let mut places = Vec::with_capacity(self.stages.len());
        while !self.stages.is_empty() {
            let worked = self.turn();
            if let Some(text) = self.waiter.take_failure() {
                // The lane goes on and drains what was published.
                halt_lane(&self.status, self.stages.first().or(self.ended.first()), text);
            }
            if self.waiter.naps(self.unsynced) {
                std::thread::sleep(NAP);
            }
            if worked > 0 {
                self.waiter.worked(worked);
            } else if self.status.halted().is_some() {
                // What was published is still drained, but nobody hurries and no core is burnt.
                std::thread::sleep(Duration::from_micros(200));
            } else if self.no_room {
                // No cursor tells when there is some. However the lane waits otherwise: see `NAP`.
                std::thread::sleep(NAP);
            } else if !self.waiter.idle() {
                self.look();
            } else if self.status.is_changed() {
                // Closing: the end comes soon, and no cursor tells of it.
                std::thread::sleep(Duration::from_micros(50));
            } else {
                self.park(&mut places);
            }
        }
    }

    /// Something panicked that no stage answers for: none of them is called again.
    #[cold]
    pub(crate) fn break_off(&mut self, panic: Box<dyn Any + Send>) {
        halt_lane(&self.status, self.stages.first().or(self.ended.first()), panics::text(panic));
        while !self.stages.is_empty() {
            self.leave(0);
        }
    }

    /// Calls each stage's `start`.
    pub(crate) fn start(&mut self) {
        self.guarded(false, |stage| {
            stage.start();
            Turn::Idle
        });
    }

    /// One turn of every stage; how many events were finished.
    #[inline]
    pub(crate) fn turn(&mut self) -> u64 {
        // Acquire: partner of the release in `Haste::abandon`. Before the turn: it then sees all that was
        // published until then.
        let haste = self.haste.0.load(Ordering::Acquire);
        if haste != 0 && !self.hurries {
            self.hurries = true;
            self.stages.iter_mut().for_each(|(_, stage)| stage.hurry());
        }
        (self.no_room, self.unsynced) = (false, false);
        let worked = self.guarded(true, |stage| stage.turn());
        if worked == 0 && haste == ABANDONED && !self.stages.iter().any(|(_, stage)| stage.is_unsure()) {
            self.guarded(false, |_| Turn::Ended);
        }
        worked
    }

    /// Looks a few times whether there is something to do, between turns that found nothing: a turn takes
    /// several times as long.
    #[inline]
    fn look(&self) {
        (0..self.looks).any(|_| self.stages.iter().any(|(_, stage)| stage.parks_at().is_none()));
    }

    /// Parks until one of the cursors that hold the stages up moves.
    fn park(&mut self, places: &mut Vec<Cursor>) {
        let Some(index) = self.parks_as else { return };
        places.clear();
        for (_, stage) in &self.stages {
            match stage.parks_at() {
                Some(cursor) => places.push(cursor.clone()),
                // Something came just now.
                None => return std::thread::sleep(Duration::from_micros(50)),
            }
        }
        // A change of the engine's fate that comes after the turn's look at it is not lost: it unparks every
        // lane, and the next park returns at once. One that is held up by another cursor by now is no better:
        // where it was marked nobody will look for it.
        let has_moved = || {
            let mut stages = self.stages.iter().zip(&*places);
            stages.any(|((_, stage), place)| stage.parks_at().is_none_or(|now| !now.is_same(place)))
        };
        self.parking.park(index, places, has_moved, || self.status.is_changed());
    }

    /// Calls each stage; those that end or fail leave the lane, the others go on. The events finished.
    #[inline]
    fn guarded(&mut self, fuse: bool, call: impl FnMut(&mut Box<dyn RunStage<E>>) -> Turn) -> u64 {
        within(Arc::as_ptr(&self.status), || self.each(fuse, call))
    }

    #[inline(always)]
    fn each(&mut self, fuse: bool, mut call: impl FnMut(&mut Box<dyn RunStage<E>>) -> Turn) -> u64 {
        let (mut worked, mut index) = (0, 0);
        while index < self.stages.len() {
            if fuse && self.fused == Some(index) {
                let both = self.guard(index + 1, |stages| match &mut stages[index..] {
                    [(_, journal), (_, stage), ..] => fused::turn(&mut **journal, &mut **stage),
                    _ => Turn::Idle,
                });
                if let Some(both @ 1..) = both {
                    // Each of the two has finished them.
                    worked += 2 * both;
                    index += 2;
                    continue;
                }
                // Also if the stage has failed: to the journal, which goes on, the turn still belongs. One in
                // which nobody works is an abandoned lane's last.
            }
            let turn = self.guard(index, |stages| {
                let turn = call(&mut stages[index].1);
                if turn == Turn::Ended {
                    stages[index].1.end();
                }
                turn
            });
            worked += turn.unwrap_or(0);
            index += usize::from(turn.is_some());
        }
        worked
    }

    /// Has `call` run the stage at `index`: the events finished, or `None` if it has left the lane.
    #[inline(always)]
    fn guard(&mut self, index: usize, call: impl FnOnce(&mut [Named<E>]) -> Turn) -> Option<u64> {
        // A panic in a handler's event is caught inside, where its sequence is known; this is for the calls
        // around it.
        match catch_unwind(AssertUnwindSafe(|| call(&mut self.stages))) {
            Ok(Turn::Worked(count)) => return Some(count),
            Ok(Turn::Idle) => return Some(0),
            Ok(Turn::NoRoom) => {
                self.no_room = true;
                return Some(0);
            }
            Ok(Turn::Unsynced) => {
                self.unsynced = true;
                return Some(0);
            }
            Ok(Turn::Ended | Turn::Failed) => {}
            Err(panic) => {
                let (name, stage) = &self.stages[index];
                let cause = Cause::Panic(panics::text(panic));
                self.status.halt(Halted { stage: name.clone(), sequence: stage.done(), cause });
            }
        }
        self.leave(index);
        None
    }

    #[cold]
    fn leave(&mut self, index: usize) {
        let (name, stage) = self.stages.remove(index);
        self.status.leave(stage.index());
        self.ended.push((name, stage));
        self.fused = None;
    }
}

/// Halts the engine for what a lane did and none of its stages.
#[cold]
fn halt_lane<E: Event>(status: &EngineStatus, stage: Option<&Named<E>>, text: String) {
    let (stage, sequence) = stage.map_or((String::new(), 0), |(name, stage)| (name.clone(), stage.done()));
    status.halt(Halted { stage, sequence, cause: Cause::Lane(text) });
}

/// Pins this thread to a core; whether it worked.
///
/// The kernel is asked, not the thread's mask: the mask is inherited, and who starts the engine may be pinned
/// elsewhere.
fn pin(core: usize) -> bool {
    // More cores than a CPU set counts are no cores.
    const MOST_CORES: usize = 1024;
    core < MOST_CORES && core_affinity::set_for_current(core_affinity::CoreId { id: core })
}
